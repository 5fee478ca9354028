package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/config"
	"github.com/auth-preflight/auth-preflight/helpers/readiness"
)

// A red case is run again by its folder, its name or its item, with what made
// the deployment what it was.
func TestWhatANameMeans(t *testing.T) {
	t.Parallel()
	root, err := config.ModuleRoot()
	require.NoError(t, err)
	reports := t.TempDir()
	embedded := readiness.Deployment{Name: "app.localhost", AppURL: "https://app.localhost:1", Embedded: true}
	run, err := readiness.Start(readiness.Options{
		Reports: reports, Deployment: embedded, Items: []readiness.CatalogueItem{{ID: "core/state", Section: "core", Title: "State"}},
		Checked: []string{"core/state"}, Variant: map[string]string{"PREFLIGHT_STAGING_DEFECT": "state-ignored"},
	})
	require.NoError(t, err)
	run.Item("core/state").Case("it's (always) refused").Finish(readiness.Outcome{
		State: readiness.Failed, Output: "it was taken", Test: "TestState/it's_(always)_refused", Duration: time.Second,
	})
	result, err := run.Finish(readiness.Ending{})
	require.NoError(t, err)
	folder := filepath.Join(run.Dir(), result.Items[0].Cases[0].Folder)

	want := again{pattern: `^TestState$/^it's_\(always\)_refused$`, variant: map[string]string{"PREFLIGHT_STAGING_DEFECT": "state-ignored"}}
	got, err := named("core/state#it's (always) refused", root, reports)
	require.NoError(t, err)
	assert.Equal(t, want, got, "by its name it is asked for on what there is now")
	want.red = &embedded
	got, err = named(folder, root, reports)
	require.NoError(t, err)
	assert.Equal(t, want, got)
	got, err = named("core/state", root, reports)
	require.NoError(t, err)
	assert.Equal(t, again{pattern: "^TestState$"}, got)
	got, err = named("TestMagicLink/used", root, reports)
	require.NoError(t, err)
	assert.Equal(t, again{pattern: "TestMagicLink/used"}, got)
	_, err = named("core/telepathy", root, reports)
	require.ErrorContains(t, err, "there is no item core/telepathy; there is core/initiate, core/redirects")
	_, err = named("core/stat", root, reports)
	require.ErrorContains(t, err, "there is no item core/stat; there is core/state")
	_, err = named(reports, root, reports)
	require.ErrorContains(t, err, "not the folder of a red case")

	set := map[string]string{"PREFLIGHT_SLOWMO": "0", "DISPLAY": ":0"}
	assert.Equal(t, []string{
		"PREFLIGHT_STAGING_DEFECT=state-ignored", "PREFLIGHT_HEADED=true", "PREFLIGHT_TRACE=always",
		"PREFLIGHT_REPORTS=" + filepath.Join("reports", "repro", "TestState-it-s_-always-_refused"),
	}, want.environment(func(name string) (string, bool) { v, ok := set[name]; return v, ok }))

	var out, errs bytes.Buffer
	assert.Zero(t, repro([]string{"-n", folder}, &out, &errs), errs.String())
	assert.Contains(t, out.String(), `go test -v -count=1 -timeout 30m -run ^TestState$/^it's_\(always\)_refused$`)
	for name, want := range map[string]string{
		"core/state quick/https": "^TestState$|^TestHTTPS$", "core/state": "^TestState$", "TestInitiate|TestState": "TestInitiate|TestState",
		"core/state#a callback without a state is refused": "^TestState$/^a_callback_without_a_state_is_refused$",
		"quick": "^TestCredentials$|^TestHTTPS$|^TestCORS$|^TestSecrets$|^TestEnabledMethods$", "TestState/refused|TestInit": "TestState/refused|TestInit",
	} {
		out.Reset()
		assert.Zero(t, pattern([]string{name}, &out, &errs), errs.String())
		assert.Equal(t, want+"\n", out.String())
	}
	assert.Equal(t, 1, pattern([]string{"core/telepathy"}, &out, &errs))
	assert.Equal(t, 2, pattern([]string{""}, &out, &errs))
	assert.Equal(t, 2, repro(nil, &out, &errs))
	assert.Equal(t, 1, trace([]string{filepath.Join(t.TempDir(), "none.zip")}, &out, &errs))
}

// Every item with a check is found by its name.
func TestEveryCheckIsFoundByItsItem(t *testing.T) {
	t.Parallel()
	root, err := config.ModuleRoot()
	require.NoError(t, err)
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	require.NoError(t, err)
	s, err := readSuite(filepath.Join(root, "e2e"))
	require.NoError(t, err)
	found := 0
	for row := range bytes.Lines(readme) {
		cells := bytes.Split(row, []byte("|"))
		if len(cells) == 5 && bytes.Contains(cells[3], []byte("**yes**")) {
			found++
			item := string(bytes.Trim(cells[1], " `"))
			assert.NotEmpty(t, s.tests[item], item)
		}
	}
	assert.NotZero(t, found)
}
