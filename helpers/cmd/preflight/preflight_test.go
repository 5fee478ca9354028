package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"preflight": main})
}

// The scripts run preflight as a person would, each in a module of its own with
// a fake browser and a fake npm.
func TestScripts(t *testing.T) {
	t.Parallel()
	deployment := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		self := "http://" + r.Host
		switch r.URL.Path {
		case "/.well-known/openid-configuration":
			_, _ = w.Write([]byte(`{"issuer":"` + self + `","authorization_endpoint":"` + self + `/oauth/authorize"}`))
		case "/oauth/token":
			if r.FormValue("client_secret") != "test_hushhush" {
				w.WriteHeader(http.StatusUnauthorized)
				_, _ = w.Write([]byte(`{"error":"invalid_client","error_description":"invalid client_id / client_secret"}`))
				return
			}
			_, _ = w.Write([]byte(`{"access_token":"x","expires_in":86399}`))
		case "/api/v1/search":
			_, _ = w.Write([]byte(`{"messages":[]}`))
		case "/":
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(deployment.Close)
	other := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(other.Close)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			preflight, err := exec.LookPath("preflight")
			env.Setenv("ITSELF", filepath.Dir(preflight)) // to stay on a PATH of the script's own
			env.Setenv("DEPLOYMENT", deployment.URL)
			env.Setenv("OTHER", other.URL)
			return err
		},
	})
}

// playwright-go and its driver are of one version: another one answers with
// other messages.
func TestDriverIsTheOneThatPlaywrightGoWants(t *testing.T) {
	t.Parallel()
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/playwright-community/playwright-go").Output()
	require.NoError(t, err)
	source, err := os.ReadFile(filepath.Join(string(bytes.TrimSpace(dir)), "run.go"))
	require.NoError(t, err)
	wanted := regexp.MustCompile(`playwrightCliVersion = "([^"]+)"`).FindSubmatch(source)
	require.NotNil(t, wanted, "playwright-go says its driver's version elsewhere now")
	assert.Equal(t, driver.version, string(wanted[1]))
}

func TestArchivesStayInTheirFolder(t *testing.T) {
	t.Parallel()
	outer := t.TempDir()
	dir := filepath.Join(outer, "inside")
	require.NoError(t, os.Mkdir(dir, 0o755))
	for _, name := range []string{"../outside", "/outside", "package/../../outside"} {
		assert.Error(t, unpack(archive(t, name), dir), name)
	}
	assert.NoFileExists(t, filepath.Join(outer, "outside"))
	require.NoError(t, unpack(archive(t, "package/cli.js"), dir))
	assert.FileExists(t, filepath.Join(dir, "package", "cli.js"))
}

func archive(t *testing.T, name string) []byte {
	t.Helper()
	var text bytes.Buffer
	zipped := gzip.NewWriter(&text)
	entries := tar.NewWriter(zipped)
	require.NoError(t, entries.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: 1}))
	_, err := entries.Write([]byte("x"))
	require.NoError(t, err)
	require.NoError(t, entries.Close())
	require.NoError(t, zipped.Close())
	return text.Bytes()
}

func TestAdviceFitsTheSystem(t *testing.T) {
	t.Parallel()
	assert.Contains(t, installAdvice("linux", "ubuntu"), "only a stub")
	assert.Contains(t, installAdvice("darwin", ""), "brew install --cask google-chrome")
	assert.Contains(t, installAdvice("windows", ""), "winget")
	assert.Contains(t, installAdvice("linux", "fedora"), "PREFLIGHT_BROWSER")
}
