package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/readiness"
)

// A green repetition on another deployment answers nothing: a case goes back to where
// it was red if that can be, and else it is said where it runs.
func TestACaseRunsAgainWhereItWasRed(t *testing.T) {
	t.Parallel()
	described := filepath.Join(t.TempDir(), ".env")
	require.NoError(t, os.WriteFile(described, []byte(`SCALEKIT_ENVIRONMENT_URL=https://acme-dev.scalekit.cloud
SCALEKIT_CLIENT_ID=skc_1
SCALEKIT_CLIENT_SECRET=test_x
APP_URL=https://b.acme.test
PREFLIGHT_TIMEOUT_FACTOR=2
`), 0o600))
	nothing := func(string) (string, bool) { return "", false }
	fromCI := func(name string) (string, bool) { return "https://c.acme.test", name == "APP_URL" }
	variant := map[string]string{"PREFLIGHT_STAGING_DEFECT": "state-ignored"}
	embedded, remote := &readiness.Deployment{Embedded: true}, &readiness.Deployment{AppURL: "https://a.acme.test"}
	for name, c := range map[string]struct {
		red     *readiness.Deployment
		lookup  func(string) (string, bool)
		dotenv  string
		said    string
		env     []string
		forgets bool
	}{
		"embedded, as before": {embedded, nothing, "", "", nil, false},
		"embedded, and there is a .env": {
			embedded, nothing, described, "this case was red on the embedded deployment, and runs there again; not on https://b.acme.test",
			[]string{"PREFLIGHT_TIMEOUT_FACTOR=2", "PREFLIGHT_ENV_FILE=/dev/null"}, false,
		},
		"embedded, and the environment describes another": {
			embedded, fromCI, described, "this case was red on the embedded deployment, and runs there again; not on https://c.acme.test",
			[]string{"APP_URL=", "PREFLIGHT_TIMEOUT_FACTOR=2", "PREFLIGHT_ENV_FILE=/dev/null"}, false,
		},
		"elsewhere, and nothing is described": {remote, nothing, "", "this case was red on https://a.acme.test; it runs on the embedded deployment now", nil, false},
		"elsewhere, and another is described": {remote, nothing, described, "this case was red on https://a.acme.test; it runs on https://b.acme.test now", nil, false},
		"the same as now":                     {&readiness.Deployment{AppURL: "https://b.acme.test"}, nothing, described, "", nil, false},
		"by its name":                         {nil, nothing, described, "", nil, true},
		"by its name, on the embedded one":    {nil, nothing, "", "", nil, false},
	} {
		what := again{pattern: "TestState", variant: variant, red: c.red}
		said, env := what.settle(c.lookup, c.dotenv)
		assert.Equal(t, c.said, said, name)
		assert.Equal(t, c.env, env, name)
		assert.Equal(t, c.forgets, what.variant == nil, name)
	}
}
