package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/joho/godotenv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Whatever a secret is made of, it is read as it was written, and what was there
// stays.
func TestADotenvIsCompleted(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "dotenv")
	const before = "# Ours.\nAPP_LOGIN_PATH=/in # as set\nAPP_LOGOUT_PATH=\n"
	require.NoError(t, os.WriteFile(path, []byte(before), 0o644))
	want := map[string]string{"APP_LOGIN_PATH": "/in", "APP_LOGOUT_PATH": "/out"}
	entries := []entry{{"APP_LOGIN_PATH", "/login", "A guess."}, {"APP_LOGOUT_PATH", "/out", "A guess."}}
	for name, value := range map[string]string{
		"A": "plain", "B": "two words", "C": "a#b", "D": `quote"d`, "E": "it's", "F": "$HOME ${X}", "G": `back\slash`, "H": `all 'of' "it" $X \n`, "I": "…", "J": "a=b",
	} {
		want[name] = value
		entries = append(entries, entry{name, value, "A value."})
	}
	require.NoError(t, complete(path, "Found", entries))
	got, err := godotenv.Read(path)
	require.NoError(t, err)
	assert.Equal(t, want, got)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Contains(t, string(text), "# Ours.\nAPP_LOGIN_PATH=/in # as set\nAPP_LOGOUT_PATH=/out\n\n## Found\n# A value.\n")
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	require.NoError(t, complete(path, "Found", entries))
	again, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(text), string(again), "a second time")

	require.ErrorContains(t, complete(path, "Found", []entry{{"K", "two\nlines", ""}}), "line break")
	require.ErrorContains(t, complete(t.TempDir(), "Found", nil), "is no file")
	left, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*"))
	require.NoError(t, err)
	assert.Equal(t, []string{path}, left, "drafts that were left")
}
