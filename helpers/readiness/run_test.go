package readiness

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// options describe a small whole run: three items with a check and one without.
func options(t *testing.T) Options {
	return Options{
		Reports: filepath.Join(t.TempDir(), "reports"),
		Items: []CatalogueItem{
			{ID: "core/state", Section: "core", SectionTitle: "Core auth flows", Title: "State"},
			{ID: "core/logout", Section: "core", SectionTitle: "Core auth flows", Title: "Logout"},
			{ID: "methods/social", Section: "core", SectionTitle: "Core auth flows", Title: "Social"},
			{ID: "mcp/flow", Section: "mcp", SectionTitle: "MCP authentication", Title: "MCP"},
		},
		Checked:    []string{"core/state", "core/logout", "methods/social"},
		Deployment: Deployment{Name: "app.test", AppURL: "https://app.test", EnvironmentURL: "https://auth.test", Target: "staging"},
		Gate:       GateFailures,
	}
}

func start(t *testing.T, o Options) *Run {
	t.Helper()
	run, err := Start(o)
	require.NoError(t, err)
	return run
}

func finish(t *testing.T, run *Run, e Ending) *Result {
	t.Helper()
	result, err := run.Finish(e)
	require.NoError(t, err)
	onDisk, err := Load(filepath.Join(run.Dir(), "result.json"))
	require.NoError(t, err)
	assert.Equal(t, result.Verdict, onDisk.Verdict)
	assert.Equal(t, result.Items, onDisk.Items)
	return result
}

func (r *Result) item(t *testing.T, id string) ItemResult {
	t.Helper()
	for _, item := range r.Items {
		if item.ID == id {
			return item
		}
	}
	require.Fail(t, "no item "+id)
	return ItemResult{}
}

func TestAWholeRun(t *testing.T) {
	t.Parallel()
	o := options(t)
	run := start(t, o)
	assert.False(t, run.Begun())
	for _, id := range o.Checked {
		run.Item(id).Case("it works").Finish(Outcome{State: Passed, Duration: 1500 * time.Millisecond})
	}
	assert.True(t, run.Begun())
	result := finish(t, run, Ending{})

	assert.Equal(t, Incomplete, result.Verdict)
	assert.Equal(t, []string{"1 item has no check yet"}, result.Reasons)
	assert.Zero(t, result.ExitCode())
	assert.Equal(t, "core/state", result.Items[0].ID, "the checklist's order")
	assert.Equal(t, CaseResult{Name: "it works", State: Passed, Seconds: 1.5, Runs: 1}, result.Items[0].Cases[0])
	assert.Equal(t, ItemResult{
		ID: "mcp/flow", Section: "mcp", SectionTitle: "MCP authentication", Title: "MCP",
		State: NotVerified, Reason: NoCheckYet, Cases: []CaseResult{},
	}, result.Items[3])

	latest, err := Load(filepath.Join(o.Reports, "latest", "result.json"))
	require.NoError(t, err)
	assert.Equal(t, run.ID(), latest.Run.ID)
	for _, name := range []string{"index.html", "junit.xml", "events.jsonl"} {
		assert.FileExists(t, filepath.Join(o.Reports, "latest", name))
	}
	info, err := os.Stat(run.Dir())
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	assert.NoDirExists(t, run.raw)

	again, err := run.Finish(Ending{Interrupted: true})
	require.NoError(t, err)
	assert.Same(t, result, again, "only the first Finish counts")
}

func TestASelectionLeavesTheLastWholeRunAlone(t *testing.T) {
	t.Parallel()
	o := options(t)
	whole := start(t, o)
	finish(t, whole, Ending{})
	o.Selection = "-run TestState"
	run := start(t, o)
	run.Item("core/state").Case("it works").Finish(Outcome{State: Passed})
	result := finish(t, run, Ending{})

	assert.Equal(t, NotSelected, result.item(t, "core/logout").Reason)
	assert.Equal(t, NoCheckYet, result.item(t, "mcp/flow").Reason)
	assert.Zero(t, result.ExitCode())
	latest, err := Load(filepath.Join(o.Reports, "latest", "result.json"))
	require.NoError(t, err)
	assert.Equal(t, whole.ID(), latest.Run.ID)
	selected, err := Load(filepath.Join(o.Reports, "selection", "result.json"))
	require.NoError(t, err)
	assert.Equal(t, run.ID(), selected.Run.ID)
}

func TestTheSameCaseTwiceMergesWorstFirst(t *testing.T) {
	t.Parallel()
	run := start(t, options(t))
	for _, o := range []Outcome{
		{State: Passed, Duration: time.Second}, {State: Failed, Output: "no session", Duration: time.Second}, {State: Passed, Duration: time.Second},
	} {
		run.Item("core/state").Case("a forged state is refused").Finish(o)
	}
	result := finish(t, run, Ending{})
	item := result.item(t, "core/state")
	require.Len(t, item.Cases, 1)
	c := item.Cases[0]
	assert.Equal(t, 3, c.Runs)
	assert.Equal(t, Failed, c.State)
	assert.Equal(t, "no session", c.Output)
	assert.Equal(t, "failed in 1 of 3 runs", c.Reason)
	assert.InDelta(t, 3, c.Seconds, 0.001)
	assert.Equal(t, NotReady, result.Verdict)
}

func TestItemsWithoutAMeasuredCase(t *testing.T) {
	t.Parallel()
	run := start(t, options(t))
	run.Item("core/state")
	run.Item("core/logout").Finish(NotVerified, "set APP_LOGOUT_PATH")
	result := finish(t, run, Ending{})
	assert.Equal(t, "the check ended before its first case", result.item(t, "core/state").Reason)
	assert.Equal(t, "set APP_LOGOUT_PATH", result.item(t, "core/logout").Reason)
	assert.True(t, result.item(t, "core/logout").Tried)
	assert.Equal(t, NotVerified, result.item(t, "methods/social").State)
}

func TestABlockedRun(t *testing.T) {
	t.Parallel()
	run := start(t, options(t))
	run.Item("core/state").Case("measured before").Finish(Outcome{State: Passed})
	run.Item("core/logout")
	run.Block("the application does not answer at APP_URL")
	run.Block("a second reason")
	result := finish(t, run, Ending{})
	assert.Equal(t, Passed, result.item(t, "core/state").State, "a measured state is never replaced")
	assert.Equal(t, Blocked, result.item(t, "core/logout").State)
	assert.Equal(t, Blocked, result.item(t, "methods/social").State)
	assert.Equal(t, "the application does not answer at APP_URL", result.item(t, "core/logout").Reason)
	assert.Equal(t, NotVerified, result.item(t, "mcp/flow").State)
	assert.Equal(t, Incomplete, result.Verdict)
	assert.Equal(t, 1, result.ExitCode())
}

func TestFinishWhileCasesRun(t *testing.T) {
	t.Parallel()
	run := start(t, options(t))
	run.Item("core/state").Case("done").Finish(Outcome{State: Passed})
	open := run.Item("core/logout").Case("under way")
	run.Cut(Ending{TimedOut: true})
	open.Finish(Outcome{State: Failed, Output: "the browser was closed"}) // by the cutting itself
	result := finish(t, run, Ending{})

	c := result.item(t, "core/logout").Cases[0]
	assert.Equal(t, NotVerified, c.State)
	assert.Contains(t, c.Reason, "cut off: ")
	assert.Equal(t, Passed, result.item(t, "core/state").State)
	assert.Equal(t, NotReached, result.item(t, "methods/social").Reason)
	assert.Equal(t, Incomplete, result.Verdict)
	assert.True(t, result.Run.TimedOut)
	assert.Equal(t, 1, result.ExitCode())

	late := run.Item("methods/social").Case("too late") // nothing breaks
	late.Evidence(Evidence{Kind: "text", Text: "x"})
	late.Finish(Outcome{State: Passed})
}

// What came before the cutting may not stand for the whole item.
func TestCasesThatWaitedForTheirTurnAreNotVerified(t *testing.T) {
	t.Parallel()
	run := start(t, options(t))
	item := run.Item("core/state")
	for _, name := range []string{"first", "second", "third"} {
		item.Expect(name)
	}
	item.Case("first").Finish(Outcome{State: Passed})
	result := finish(t, run, Ending{Interrupted: true})

	got := result.item(t, "core/state")
	assert.Equal(t, NotVerified, got.State)
	assert.Equal(t, "not reached: the run was interrupted", got.Reason)
	assert.Len(t, got.Cases, 3)
	var out strings.Builder
	result.Summary(&out)
	assert.Contains(t, out.String(), "1 of 3 cases passed")
	assert.Contains(t, out.String(), "2 cases not verified, such as: second")
}

func TestWhatNobodySelectedIsCountedApart(t *testing.T) {
	t.Parallel()
	for want, one := range map[string]tally{
		"3 failed":                       {State: Failed, Count: 3},
		"2 not selected":                 {State: NotVerified, Count: 2, NotSelected: 2},
		"1 not verified, 2 not selected": {State: NotVerified, Count: 3, NotSelected: 2},
	} {
		assert.Equal(t, want, one.String())
	}
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	run := start(t, options(t))
	var all sync.WaitGroup
	for n := range 40 {
		all.Go(func() {
			c := run.Item("core/state").Case(fmt.Sprintf("case %02d", n))
			run.Learn(fmt.Sprintf("a-learned-secret-%02d", n))
			// The run may be over by now and the folder gone: that is no one's fault.
			_ = os.WriteFile(filepath.Join(c.Dir(), "console.txt"), fmt.Appendf(nil, "saw a-learned-secret-%02d", n), 0o600)
			run.Ledger().Will("user", "someone").Gone()
			c.Finish(Outcome{State: Passed})
		})
	}
	all.Go(func() { _, _ = run.Finish(Ending{Interrupted: true}) })
	all.Wait()
	result, err := run.Finish(Ending{})
	require.NoError(t, err)
	assert.Equal(t, Incomplete, result.Verdict)
	assert.Empty(t, result.Run.Errors)

	data, err := os.ReadFile(filepath.Join(run.Dir(), "events.jsonl"))
	require.NoError(t, err)
	for row := range strings.Lines(string(data)) {
		assert.True(t, json.Valid([]byte(row)), row)
	}
}

// TestKilled is also the process that is killed.
func TestKilled(t *testing.T) {
	const name = "READINESS_TEST_KILLED"
	if reports := os.Getenv(name); reports != "" {
		o := options(t)
		o.Reports, o.RunID = reports, "killed"
		run := start(t, o)
		run.Ledger().Will("user", "ada@x.test").Made("usr_1")
		run.Item("core/state").Case("under way")
		fmt.Println("running")
		select {}
	}
	t.Parallel()
	reports := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilled$")
	cmd.Env = append(os.Environ(), name+"="+reports, "TMPDIR="+t.TempDir())
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	_, err = out.Read(make([]byte, 1))
	require.NoError(t, err)
	lives, known := Lives(filepath.Join(reports, "latest"))
	assert.Equal(t, []bool{true, true}, []bool{lives, known}, "while its process lives")
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	lives, known = Lives(filepath.Join(reports, "latest"))
	assert.Equal(t, []bool{false, true}, []bool{lives, known}, "after kill -9")
	require.NoError(t, os.WriteFile(filepath.Join(reports, "runs", "killed", aliveFile), []byte("another machine"), 0o600))
	_, known = Lives(filepath.Join(reports, "latest"))
	assert.False(t, known, "of another machine")

	result, err := Load(filepath.Join(reports, "latest", "result.json"))
	require.NoError(t, err)
	assert.Equal(t, "killed", result.Run.ID)
	assert.Equal(t, Incomplete, result.Verdict)
	assert.False(t, result.Run.Finished)
	assert.Contains(t, result.Reasons[0], "did not finish")
	assert.Len(t, result.Items, 4)
	assert.Equal(t, 1, result.ExitCode())
	entries, err := ReadLedger(filepath.Join(reports, "latest", "ledger.jsonl"))
	require.NoError(t, err)
	require.Len(t, entries, 1)
	assert.Equal(t, "usr_1", entries[0].ID)
	assert.False(t, entries[0].IsGone())
	junit, err := os.ReadFile(filepath.Join(reports, "latest", "junit.xml"))
	require.NoError(t, err)
	assert.Contains(t, string(junit), "<error")
}

func TestStartRefusesInOneSentence(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for name, change := range map[string]func(*Options){
		"no report can be written": func(o *Options) { o.Reports = file },
		`the gate "maybe"`:         func(o *Options) { o.Gate = "maybe" },
		`the run id "Run 1"`:       func(o *Options) { o.RunID = "Run 1" },
		"file exists": func(o *Options) {
			o.RunID = "run-1"
			require.NoError(t, os.MkdirAll(filepath.Join(o.Reports, "runs", "run-1"), 0o700))
		},
		"is not a report": func(o *Options) { require.NoError(t, os.MkdirAll(filepath.Join(o.Reports, "latest"), 0o700)) },
		"name a folder you may write to with PREFLIGHT_REPORTS": func(o *Options) { o.Reports = "/dev/full/reports" },
	} {
		o := options(t)
		change(&o)
		_, err := Start(o)
		require.Error(t, err, name)
		assert.NotContains(t, err.Error(), "\n")
		assert.ErrorContains(t, err, name)
	}
}

func TestTroubleOfTheRunShutsTheGate(t *testing.T) {
	t.Parallel()
	run := start(t, options(t))
	run.Item("core/stat").Case("x").Finish(Outcome{State: Passed})
	run.Item("core/state").Case("x").Finish(Outcome{})
	result := finish(t, run, Ending{})
	assert.Contains(t, strings.Join(result.Run.Errors, "\n"), "core/stat, which is not in the checklist")
	assert.Equal(t, Error, result.item(t, "core/state").State)
	assert.Equal(t, 1, result.ExitCode())
}

func TestWhatIsLeftBehindIsSaid(t *testing.T) {
	t.Parallel()
	o := options(t)
	for _, embedded := range []bool{false, true} {
		o.Deployment.Embedded = embedded
		run := start(t, o)
		run.Ledger().Will("user", "ada@x.test")
		run.Note("left behind: ada")
		result := finish(t, run, Ending{})
		assert.Len(t, result.Run.Notes, 2)
		var out bytes.Buffer
		result.Summary(&out)
		assert.Contains(t, out.String(), "ledger.jsonl")
		assert.Equal(t, !embedded, strings.Contains(out.String(), "make sweep lists them, make sweep YES=1 removes them"), "what a sweep is good for; embedded: %v", embedded)
	}
}

func TestOldRawArtefactsAreSweptAndNothingElse(t *testing.T) {
	t.Parallel()
	tmp := t.TempDir()
	for _, name := range []string{rawPrefix + "1", "somebody-elses"} {
		require.NoError(t, os.Mkdir(filepath.Join(tmp, name), 0o700))
	}
	sweepRaw(tmp, time.Now().Add(23*time.Hour))
	assert.DirExists(t, filepath.Join(tmp, rawPrefix+"1"))
	sweepRaw(tmp, time.Now().Add(25*time.Hour))
	assert.NoDirExists(t, filepath.Join(tmp, rawPrefix+"1"))
	assert.DirExists(t, filepath.Join(tmp, "somebody-elses"))
}

func TestLedger(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger.jsonl")
	l := newLedger(path)
	user, org, never := l.Will("user", "ada@x.test"), l.Will("organization", "Ada's"), l.Will("user", "bob@x.test")
	user.Made("usr_1")
	org.Made("org_1")
	org.Gone()
	org.Gone()
	never.Gone()
	require.NoError(t, l.Err())
	require.Len(t, l.Open(), 1)
	assert.Equal(t, "usr_1", l.Open()[0].ID)

	// A crash in the middle of a line; the next reader goes on after the last whole one.
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(t, err)
	_, err = f.WriteString(`{"at":"2025-`)
	require.NoError(t, errors.Join(err, f.Close()))
	entries, err := ReadLedger(path)
	require.NoError(t, err)
	require.Len(t, entries, 3)
	assert.Equal(t, []bool{false, true, true}, []bool{entries[0].IsGone(), entries[1].IsGone(), entries[2].IsGone()})
	entries[0].Gone()
	entries, err = ReadLedger(path)
	require.NoError(t, err)
	assert.True(t, entries[0].IsGone())

	require.NoError(t, os.WriteFile(path, []byte("no ledger\n{}\n"), 0o600))
	_, err = ReadLedger(path)
	assert.ErrorContains(t, err, "line 1")
	broken := newLedger(filepath.Join(path, "below a file"))
	broken.Will("user", "eve")
	assert.ErrorContains(t, broken.Err(), "ledger")
}

// A case that was cut off may be writing while the run ends.
func TestNothingIsLeftOfWhatIsNotRedacted(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	run := start(t, options(t))
	dir := run.raw
	stop, begun := make(chan struct{}), make(chan struct{})
	var writing sync.WaitGroup
	writing.Go(func() {
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			default:
				_ = os.WriteFile(filepath.Join(dir, fmt.Sprint(n)), nil, 0o600)
			}
			if n == 100 {
				close(begun)
			}
		}
	})
	<-begun
	finish(t, run, Ending{})
	close(stop)
	writing.Wait()
	left, err := os.ReadDir(tmp)
	require.NoError(t, err)
	assert.Empty(t, left)
}
