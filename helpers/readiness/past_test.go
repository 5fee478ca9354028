package readiness

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// runOf ends a run in which each of these cases, "item: case", has a state.
func runOf(t *testing.T, o Options, cases map[[2]string]State) *Result {
	t.Helper()
	run := start(t, o)
	for name, state := range cases {
		run.Item(name[0]).Case(name[1]).Finish(Outcome{State: state, Reason: "because", Duration: time.Second})
	}
	return finish(t, run, Ending{})
}

func TestARunKnowsWhatChangedSinceTheLast(t *testing.T) {
	t.Parallel()
	o := options(t)
	first := runOf(t, o, map[[2]string]State{
		{"core/state", "a"}: Failed, {"core/state", "b"}: Passed, {"core/logout", "a"}: Failed, {"methods/social", "a"}: Passed,
	})
	assert.Nil(t, first.Since, "nothing came before")
	second := runOf(t, o, map[[2]string]State{
		{"core/state", "a"}: Passed, {"core/state", "b"}: Failed, {"core/logout", "a"}: Passed, {"methods/social", "a"}: NotVerified,
	})
	require.NotNil(t, second.Since)
	assert.Equal(t, first.Run.ID, second.Since.Run)
	assert.Equal(t, []Change{
		{NewlyRed, "core/state", "b", Passed, Failed},
		{Lost, "methods/social", "", Passed, NotVerified},
		{Mended, "core/state", "a", Failed, Passed},
		{Mended, "core/logout", "a", Failed, Passed},
	}, second.Since.Changes)
	third := runOf(t, o, map[[2]string]State{
		{"core/state", "b"}: Failed, {"core/logout", "a"}: Passed, {"methods/social", "a"}: NotVerified,
	})
	assert.Equal(t, []Change{{StillRed, "core/state", "b", Failed, Failed}}, third.Since.Changes)
	history := third.item(t, "core/logout").History
	require.Len(t, history.Points, 2)
	assert.Equal(t, Failed, history.Points[0].State)
	assert.InDelta(t, 1, history.P95, 0.1)

	var text bytes.Buffer
	worse, err := Compare(&text, first, second)
	require.NoError(t, err)
	assert.True(t, worse)
	assert.Contains(t, text.String(), "Newly red           core/state: b (failed, was passed)")
	worse, err = Compare(&text, second, second)
	require.NoError(t, err)
	assert.False(t, worse)
}

func TestOtherRunsAreNoHistory(t *testing.T) {
	t.Parallel()
	o := options(t)
	passed := map[[2]string]State{{"core/state", "a"}: Passed}
	selected := o
	selected.Selection = "-run TestState"
	runOf(t, selected, passed)
	elsewhere := o
	elsewhere.Deployment.AppURL = "https://other.test"
	runOf(t, elsewhere, passed)
	cut := start(t, o)
	_, err := cut.Finish(Ending{Interrupted: true})
	require.NoError(t, err)
	assert.Nil(t, runOf(t, o, passed).Since)

	require.NoError(t, os.WriteFile(filepath.Join(o.Reports, historyFile), []byte("{broken\n"), 0o600))
	assert.Nil(t, runOf(t, o, passed).Since, "a broken line is passed over")
	assert.NotNil(t, runOf(t, o, passed).Since)
}

func TestAFlakyCheckTurnsAndTurns(t *testing.T) {
	t.Parallel()
	h := &History{}
	for _, state := range []State{Passed, Failed, NotVerified, Passed, Passed, Failed} {
		h.Points = append(h.Points, Point{State: state})
	}
	assert.Equal(t, 3, h.Turns())
	assert.Zero(t, (*History)(nil).Turns())
	assert.InDelta(t, 9, percentile([]float64{9, 1, 2, 3, 4, 5, 6, 7, 8}, 95), 0)
	assert.InDelta(t, 5, percentile([]float64{9, 1, 2, 3, 4, 5, 6, 7, 8}, 50), 0)
}

// parted runs one part of three: each has one of the three checked items.
func parted(t *testing.T, o Options, number int) *Result {
	t.Helper()
	o.Part = &Part{Number: number, Of: 3}
	run := start(t, o)
	for n, id := range o.Checked {
		if o.Part.Takes(n) {
			c := run.Item(id).Case("a case")
			require.NoError(t, os.WriteFile(filepath.Join(c.Dir(), "console.txt"), []byte(id), 0o600))
			c.Finish(Outcome{State: Passed, Duration: time.Second})
		}
	}
	result := finish(t, run, Ending{})
	assert.NotEqual(t, Ready, result.Verdict)
	return result
}

func TestPartsMakeAWholeRun(t *testing.T) {
	t.Parallel()
	o := options(t)
	o.Items = o.Items[:3]
	var folders []string
	for n := 1; n <= 3; n++ {
		folders = append(folders, parted(t, o, n).dir)
	}
	whole, err := Merge(o.Reports, folders[2], folders[0], folders[1])
	require.NoError(t, err)
	assert.Equal(t, Ready, whole.Verdict, "%v", whole.Reasons)
	assert.Zero(t, whole.ExitCode())
	onDisk, err := Load(filepath.Join(o.Reports, "latest", "result.json"))
	require.NoError(t, err)
	assert.Equal(t, whole.Run.ID, onDisk.Run.ID)
	for _, item := range onDisk.Items {
		require.Len(t, item.Cases, 1, item.ID)
		require.Len(t, item.Cases[0].Evidence, 1, item.ID)
		text, err := os.ReadFile(filepath.Join(o.Reports, "latest", item.Cases[0].Evidence[0].File))
		require.NoError(t, err)
		assert.Equal(t, item.ID, string(text))
	}
	single := runOf(t, o, map[[2]string]State{{"core/state", "a case"}: Passed, {"core/logout", "a case"}: Passed, {"methods/social", "a case"}: Passed})
	assert.Equal(t, single.Reasons, whole.Reasons, "the same as one run")
	events, err := os.ReadFile(filepath.Join(whole.dir, eventsFile))
	require.NoError(t, err)
	assert.Equal(t, 3, strings.Count(string(events), `"run_ended"`), "the events of every part")

	lost, err := Merge(o.Reports, folders[0], folders[2])
	require.NoError(t, err)
	assert.Equal(t, Incomplete, lost.Verdict)
	assert.Contains(t, lost.Reasons, "of 3 parts of this run there is no part 2")
	assert.NotZero(t, lost.ExitCode())
}

func TestMergeRefusesWhatDoesNotFit(t *testing.T) {
	t.Parallel()
	o := options(t)
	one, other := parted(t, o, 1), runOf(t, o, nil)
	_, err := Merge(o.Reports, one.dir, other.dir)
	require.ErrorContains(t, err, "no part of a run")
	_, err = Merge(o.Reports, one.dir, one.dir)
	require.ErrorContains(t, err, "part 1 of 3 is there twice")
	elsewhere := o
	elsewhere.Deployment.AppURL = "https://other.test"
	_, err = Merge(o.Reports, one.dir, parted(t, elsewhere, 2).dir)
	require.ErrorContains(t, err, "another part on")
	for _, wrong := range []string{"0/3", "4/3", "1", "1/3 ", "a/b", "01/3"} {
		_, err := ParsePart(wrong)
		assert.ErrorContains(t, err, "PREFLIGHT_PART", wrong)
	}
}

func TestRenderGivesTheSamePage(t *testing.T) {
	t.Parallel()
	run, _ := sample(t)
	page := filepath.Join(run.Dir(), "index.html")
	before, err := os.ReadFile(page)
	require.NoError(t, err)
	require.NoError(t, os.Remove(page))
	loaded, err := Load(filepath.Join(run.Dir(), "result.json"))
	require.NoError(t, err)
	require.NoError(t, loaded.Render())
	after, err := os.ReadFile(page)
	require.NoError(t, err)
	assert.Equal(t, string(before), string(after))
}

func TestCTRF(t *testing.T) {
	t.Parallel()
	run, _ := sample(t)
	data, err := os.ReadFile(filepath.Join(run.Dir(), "ctrf.json"))
	require.NoError(t, err)
	var report ctrfReport
	strict := json.NewDecoder(bytes.NewReader(data))
	strict.DisallowUnknownFields()
	require.NoError(t, strict.Decode(&report))
	assert.Equal(t, "CTRF", report.Format)
	s := report.Results.Summary
	assert.Equal(t, len(report.Results.Tests), s.Tests)
	assert.Equal(t, s.Tests, s.Passed+s.Failed+s.Skipped+s.Pending+s.Other)
	assert.Equal(t, []int{4, 1, 1}, []int{s.Passed, s.Failed, s.Other})
	for _, test := range report.Results.Tests {
		if test.RawStatus == string(Failed) {
			assert.Equal(t, "failed", test.Status)
			assert.NotContains(t, test.Trace, "\x1b")
			assert.NotEmpty(t, test.Attachments)
		}
	}
}
