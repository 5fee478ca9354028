package browser

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func script(t *testing.T, body string) string {
	path := filepath.Join(t.TempDir(), "chromium")
	require.NoError(t, os.WriteFile(path, []byte(body), 0o755))
	return path
}

func TestFindRefusesUbuntusSnap(t *testing.T) {
	t.Parallel()
	_, err := Find(script(t, "#!/bin/sh\nexec /snap/bin/chromium \"$@\"\n"))
	require.ErrorContains(t, err, "snap")
	assert.ErrorContains(t, err, "PREFLIGHT_BROWSER")
	path, err := Find(script(t, "#!/bin/sh\nexec /usr/lib/chromium/chromium \"$@\"\n"))
	require.NoError(t, err)
	assert.True(t, filepath.IsAbs(path))
	_, err = Find("/no/such/browser")
	assert.ErrorContains(t, err, "PREFLIGHT_BROWSER")
}

func TestADriverThatIsNotThereNamesTheRemedy(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, err := checkDriver(dir)
	assert.ErrorContains(t, err, "make setup")
	require.NoError(t, os.Mkdir(filepath.Join(dir, "package"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "package", "package.json"), []byte(`{"version":"1.52.0"}`), 0o600))
	_, err = checkDriver(dir)
	assert.ErrorContains(t, err, `version "1.52.0"`)
	assert.ErrorContains(t, err, "make setup")
	assert.NotContains(t, strings.TrimSuffix(err.Error(), "."), "\n")
}

func TestResolverRules(t *testing.T) {
	t.Parallel()
	rules, err := resolverRules([]string{"*.localhost", "mail.example.com"})
	require.NoError(t, err)
	assert.Equal(t, "MAP * ~NOTFOUND, EXCLUDE *.localhost, EXCLUDE mail.example.com", rules)
	rules, err = resolverRules(nil)
	require.NoError(t, err)
	assert.Empty(t, rules)
	_, err = resolverRules([]string{"https://app.example.com"})
	assert.ErrorContains(t, err, "PREFLIGHT_ALLOWED_HOSTS")
}
