package readiness

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestWorst(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		states []State
		want   State
	}{
		{nil, NotVerified},
		{[]State{Passed}, Passed},
		{[]State{Passed, NotVerified}, NotVerified},
		{[]State{NotVerified, Blocked}, Blocked},
		{[]State{Blocked, Flaky}, Flaky},
		{[]State{Flaky, Error}, Error},
		{[]State{Error, Failed, Passed}, Failed},
		{[]State{Passed, NotApplicable}, Passed},
		{[]State{NotApplicable, NotApplicable}, NotApplicable},
		{[]State{Passed, Attested}, Attested},
		{[]State{Attested, Waived}, Waived},
		{[]State{Waived, NotVerified}, NotVerified},
		{[]State{Passed, "invented"}, Error},
		{[]State{""}, Error},
	} {
		assert.Equal(t, c.want, Worst(c.states...), "%v", c.states)
	}
}

func items(states ...State) (all []ItemResult) {
	for i, s := range states {
		all = append(all, ItemResult{ID: "core/" + string(rune('a'+i)), State: s, Tried: true, Reason: "because"})
	}
	return all
}

func TestVerdict(t *testing.T) {
	t.Parallel()
	done := RunInfo{Finished: true}
	for name, c := range map[string]struct {
		run   RunInfo
		items []ItemResult
		want  Verdict
	}{
		"all passed":                  {done, items(Passed, Passed), Ready},
		"with all that a person says": {done, items(Passed, Attested, Waived, NotApplicable), Ready},
		"one failed":                  {done, items(Passed, Failed), NotReady},
		"one flaky":                   {done, items(Passed, Flaky), NotReady},
		"failed beside unverified":    {done, items(NotVerified, Failed), NotReady},
		"one not verified":            {done, items(Passed, NotVerified), Incomplete},
		"one in error":                {done, items(Passed, Error), Incomplete},
		"one blocked":                 {done, items(Passed, Blocked), Incomplete},
		"an unknown state":            {done, items(Passed, "fine"), Incomplete},
		"no items":                    {done, nil, Incomplete},
		"nothing but waivers":         {done, items(Waived, NotApplicable), Incomplete},
		"not finished":                {RunInfo{}, items(Passed), Incomplete},
		"interrupted":                 {RunInfo{Finished: true, Interrupted: true}, items(Passed, Failed), Incomplete},
		"timed out":                   {RunInfo{Finished: true, TimedOut: true}, items(Passed), Incomplete},
		"trouble of the run":          {RunInfo{Finished: true, Errors: []string{"a secret was found"}}, items(Passed), Incomplete},
	} {
		got, reasons := judge(c.run, c.items, nil)
		assert.Equal(t, c.want, got, name)
		assert.NotEmpty(t, reasons, name)
	}
}

func TestGate(t *testing.T) {
	t.Parallel()
	whole, selection := RunInfo{Finished: true}, RunInfo{Finished: true, Selection: "-run TestX"}
	failures := RunInfo{Finished: true, Gate: GateFailures}
	untried := []ItemResult{{ID: "core/a", State: NotVerified, Reason: NoCheckYet}}
	for name, c := range map[string]struct {
		run   RunInfo
		items []ItemResult
		want  int
	}{
		"ready: READY":                     {whole, items(Passed, Attested), 0},
		"ready: one not verified":          {whole, items(Passed, NotVerified), 1},
		"ready: one failed":                {whole, items(Passed, Failed), 1},
		"failures: one not verified":       {failures, items(Passed, NotVerified), 0},
		"failures: one failed":             {failures, items(Passed, Failed), 1},
		"failures: one flaky":              {failures, items(Passed, Flaky), 1},
		"failures: one in error":           {failures, items(Passed, Error), 1},
		"failures: one blocked":            {failures, items(Passed, Blocked), 1},
		"failures: one waived":             {failures, items(Passed, Waived), 0},
		"failures: an unknown state":       {failures, items(Passed, "fine"), 1},
		"failures: nothing was tried":      {failures, untried, 1},
		"failures: interrupted":            {RunInfo{Finished: true, Interrupted: true, Gate: GateFailures}, items(Passed), 1},
		"failures: not finished":           {RunInfo{Gate: GateFailures}, items(Passed), 1},
		"failures: trouble of the run":     {RunInfo{Finished: true, Gate: GateFailures, Errors: []string{"x"}}, items(Passed), 1},
		"selection: passed":                {selection, append(items(Passed), untried...), 0},
		"selection: failed":                {selection, append(items(Failed), untried...), 1},
		"selection: not verified":          {selection, append(items(NotVerified), untried...), 0},
		"selection: nothing matched":       {selection, untried, 1},
		"selection: the gate is not asked": {RunInfo{Finished: true, Selection: "-short", Gate: GateReady}, append(items(Passed), untried...), 0},
	} {
		r := &Result{Run: c.run, Items: c.items}
		r.Verdict, r.Reasons = judge(r.Run, r.Items, nil)
		code, why := r.Gate()
		assert.Equal(t, c.want, code, name)
		assert.Equal(t, c.want != 0, why != "", "%s: a code other than 0 is explained: %q", name, why)
	}
}
