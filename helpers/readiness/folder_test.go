package readiness

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What a browser leaves in a case's folder, as far as steps are made of it.
func leave(t *testing.T, dir string) {
	t.Helper()
	window := filepath.Join(dir, "browser-1")
	require.NoError(t, os.MkdirAll(window, 0o700))
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(window, name), []byte(text), 0o600))
	}
	write("requests.txt", `2026-01-02T03:04:06.5Z GET https://app.test/login (document)
  > Accept: */*
  < 302
  < Location: https://auth.test/authorize?state=a-planted-state
2026-01-02T03:04:06.6Z GET https://cdn.test/logo.png (image)
  < 200
2026-01-02T03:04:09Z POST https://auth.test/code (document)
  > 
  > otp=123456
  < net::ERR_FAILED
`)
	archive(t, filepath.Join(window, "trace.zip"), []string{"trace.trace"}, map[string]string{
		"trace.trace": `{"type":"context-options","wallTime":1767323045000,"monotonicTime":1000}
{"type":"before","callId":"call@1","startTime":2000,"class":"Frame","method":"goto","params":{"url":"https://app.test/login"}}
{"type":"before","callId":"call@2","startTime":3000,"class":"Frame","method":"fill","params":{"selector":"input[name=\"email\"] >> visible=true >> nth=0","value":"ada@x.test"}}
{"type":"after","callId":"call@2","endTime":3100,"error":{"message":"Timeout 5000ms exceeded.\nCall log"}}
{"type":"before","callId":"call@3","startTime":3200,"class":"Frame","method":"queryCount","params":{"selector":"p"}}
no JSON
`})
}

// Each red case leaves a folder that explains it, and that `make repro` takes.
func TestARedCaseLeavesAFolderThatExplainsIt(t *testing.T) {
	t.Parallel()
	o := options(t)
	o.Variant = map[string]string{"PREFLIGHT_STAGING_DEFECT": "state-ignored"}
	o.Items[0].Docs = "https://docs.test/state"
	run := start(t, o)
	c := run.Item("core/state").Case("a forged state is refused")
	leave(t, c.Dir())
	require.NoError(t, os.WriteFile(filepath.Join(c.Dir(), "browser-1", "screenshot.png"), []byte("\x89PNG\r\n\x1a\n\x00"), 0o600))
	c.Evidence(Evidence{Kind: "mail", Title: "your code", Text: "hello"})
	c.Finish(Outcome{
		State: Failed, Test: "TestState/a_forged_state_is_refused", Why: "anybody is anybody", Mend: "compare it", Standard: "RFC 9700",
		Output: "open the callback\n  expected: a refusal\n  saw:      the dashboard of ada@x.test\n  at: https://app.test/",
	})
	bare := run.Item("core/logout").Case("it costs $5")
	bare.Finish(Outcome{State: Error, Reason: "no route to host", Test: "TestLogout/it_costs_$5"})
	run.Item("methods/social").Case("fine").Finish(Outcome{State: Passed, Test: "TestSocial/fine"})
	result := finish(t, run, Ending{})

	red := result.item(t, "core/state").Cases[0]
	assert.Equal(t, "a refusal", red.Expected)
	assert.Equal(t, "the dashboard of ada@x.test", red.Seen)
	assert.Equal(t, "PREFLIGHT_STAGING_DEFECT=state-ignored make repro RUN='core/state#a forged state is refused'", red.Repro)
	folder := filepath.Join(run.Dir(), red.Folder)
	info, err := ReadCase(folder)
	require.NoError(t, err)
	assert.Equal(t, CaseInfo{"core/state", "a forged state is refused", "TestState/a_forged_state_is_refused", o.Variant}, info)
	steps, err := os.ReadFile(filepath.Join(folder, stepsFile))
	require.NoError(t, err)
	assert.Equal(t, `   0.00 s  browser 1  opens https://app.test/login
   0.50 s  browser 1  → GET https://app.test/login ← 302, to https://auth.test/authorize?state=[redacted]
   1.00 s  browser 1  types into input[name="email"]: "ada@x.test" ✗ Timeout 5000ms exceeded.
   3.00 s  browser 1  → POST https://auth.test/code ← net::ERR_FAILED
`, string(steps))
	story, err := os.ReadFile(filepath.Join(folder, "README.md"))
	require.NoError(t, err)
	for _, part := range []string{
		"# a forged state is refused", "failed in `core/state`", "## Expected", "a refusal", "## Seen", "the dashboard of ada@x.test", "anybody is anybody",
		"compare it", "RFC 9700", "https://docs.test/state", red.Repro, "types into input", "- ![browser-1/screenshot.png](<./browser-1/screenshot.png>)",
		"make trace FILE=" + filepath.ToSlash(filepath.Join(folder, "browser-1", "trace.zip")), "Mail: your code", "hello",
	} {
		assert.Contains(t, string(story), part)
	}

	other := result.item(t, "core/logout").Cases[0]
	assert.Equal(t, "PREFLIGHT_STAGING_DEFECT=state-ignored make repro RUN='core/logout#it costs $$5'", other.Repro, "make takes a $ for a variable")
	assert.FileExists(t, filepath.Join(run.Dir(), other.Folder, "README.md"), "without any artefact, too")
	assert.Empty(t, result.item(t, "methods/social").Cases[0].Folder)
	_, err = ReadCase(t.TempDir())
	assert.ErrorContains(t, err, "not the folder of a red case")

	require.NoError(t, os.Remove(filepath.Join(folder, "README.md")))
	again, err := Load(filepath.Join(run.Dir(), "result.json"))
	require.NoError(t, err)
	require.NoError(t, again.Render())
	rendered, err := os.ReadFile(filepath.Join(folder, "README.md"))
	require.NoError(t, err)
	assert.Equal(t, string(story), string(rendered))
}

// What a report says of a trace can be typed as it stands, from the root of the
// clone, wherever in it the run's folder is: make repro has one of its own.
func TestATraceIsNamedByWhereItIs(t *testing.T) {
	root := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(root, "go.mod"), []byte("module clone\n"), 0o600))
	require.NoError(t, os.Mkdir(filepath.Join(root, "e2e"), 0o700))
	t.Chdir(filepath.Join(root, "e2e")) // where the suite runs
	o := options(t)
	o.Reports = filepath.Join(root, "reports", "repro", "TestState")
	run := start(t, o)
	c := run.Item("core/state").Case("a forged state is refused")
	leave(t, c.Dir())
	c.Finish(Outcome{State: Failed, Test: "TestState/a_forged_state_is_refused", Output: "it is not"})
	result := finish(t, run, Ending{})

	story, err := os.ReadFile(filepath.Join(run.Dir(), result.item(t, "core/state").Cases[0].Folder, "README.md"))
	require.NoError(t, err)
	page, err := os.ReadFile(filepath.Join(run.Dir(), "index.html"))
	require.NoError(t, err)
	for name, text := range map[string][]byte{"README.md": story, "index.html": page} {
		found := regexp.MustCompile("make trace FILE=([^`<]+)[`<]").FindSubmatch(text)
		require.NotNil(t, found, "a trace in %s", name)
		assert.Regexp(t, `^reports/repro/TestState/runs/`, string(found[1]), name)
		assert.FileExists(t, filepath.Join(root, string(found[1])), name)
	}
}

func TestWhatAnAssertionSaysIsMadePlain(t *testing.T) {
	t.Parallel()
	const said = "Error Trace:\t/home/x/e2e/core_initiate_test.go:107\n\t            \t\t\t\t/home/x/e2e/item_test.go:80\n\tError:      \tNot equal: \n\t            \texpected: 200\n\t            \tactual  : 403\n\tTest:       \tTestX\n\tMessages:   \tthe code challenge\nanother sentence\n"
	plain := plainly(said)
	assert.Equal(t, "the code challenge\n  Not equal:\n  expected: 200\n  actual  : 403\n  at core_initiate_test.go:107\n  at item_test.go:80\nanother sentence", plain)
	for _, c := range []struct{ output, expected, seen string }{
		{plain, "200", "403"},
		{"expected a refusal; it said ada@x.test", "a refusal", "it said ada@x.test"},
		{"the cookie lacks Secure\n  at x_test.go:1", "the case", "the cookie lacks Secure"},
		{"", "", ""},
	} {
		expected, seen := expectedAndSeen("the case", c.output)
		assert.Equal(t, c.expected, expected)
		assert.Equal(t, c.seen, seen)
	}
	assert.Equal(t, "Error: no such host\nTest: x", plainly("Error: no such host\nTest: x"), "what only looks like it")
}

func TestADefectIsProvenByACaseThatExists(t *testing.T) {
	t.Parallel()
	o := options(t)
	o.Items[0].Defects = []Defect{{ID: "a", Title: "A", NoticedBy: "it works"}, {ID: "b", Title: "B", NoticedBy: "an old name"}, {ID: "c", Title: "C"}}
	o.Items[1].Defects = []Defect{{ID: "d", Title: "D", NoticedBy: "did not run"}}
	run := start(t, o)
	run.Item("core/state").Test("TestState")
	run.Item("core/state").Case("it works").Finish(Outcome{State: Passed, Duration: time.Second})
	result := finish(t, run, Ending{})
	assert.Equal(t, []Defect{{ID: "a", Title: "A", NoticedBy: "it works"}, {ID: "b", Title: "B"}, {ID: "c", Title: "C"}}, result.item(t, "core/state").Defects)
	assert.Equal(t, "did not run", result.item(t, "core/logout").Defects[0].NoticedBy)
	assert.Equal(t, "an old name", o.Items[0].Defects[1].NoticedBy, "the catalogue is the caller's")
}
