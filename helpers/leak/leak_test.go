package leak_test

import (
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/leak"
)

// value has the form of a secret, with characters that encodings change.
const value = "whsec_" + "Ab3+dE/fG7hJ9kLm=&<"

func TestEveryFormIsFound(t *testing.T) {
	t.Parallel()
	f := leak.NewFinder([]leak.Secret{{Name: "THE_SECRET", Value: value}, {Name: "SHORT", Value: "424242"}})
	for name, text := range map[string]string{
		"plain":      "x" + value + "y",
		"basic":      "Basic " + base64.StdEncoding.EncodeToString([]byte("skc_1:"+value)),
		"one before": base64.StdEncoding.EncodeToString([]byte("1" + value + "tail")),
		"two before": base64.URLEncoding.EncodeToString([]byte("12" + value + "ta")),
		"url":        "secret=" + url.QueryEscape(value),
		"path":       url.PathEscape(value),
		"hex":        strings.ToUpper(hex.EncodeToString([]byte(value))),
		"json":       `{"s":"whsec_Ab3+dE/fG7hJ9kLm=\u0026\u003c"}`,
		"html":       `<p data-x="whsec_Ab3+dE/fG7hJ9kLm=&amp;&lt;">`,
		"backwards":  "<&=mLk9Jh7Gf/Ed+3bA_cesw" + "h",
		"cut in two": `const s = "whsec_Ab3+dE" +` + "\n" + ` "/fG7hJ9kLm=&<";`,
	} {
		if name == "backwards" {
			r := []rune(value)
			for i, j := 0, len(r)-1; i < j; i, j = i+1, j-1 {
				r[i], r[j] = r[j], r[i]
			}
			text = string(r)
		}
		assert.NotEmpty(t, f.In(text), name)
		for _, found := range f.In(text) {
			assert.True(t, strings.HasPrefix(found, "THE_SECRET"), found)
		}
	}
	assert.Empty(t, f.In("424242 and "+strings.ToLower(value)))
}

func TestShapesAreKeysAndNotNames(t *testing.T) {
	t.Parallel()
	secret := "test_" + "Zk3Vq9Lw2Xr8Tn5Bm1JcQy7Hd"
	assert.Equal(t, []leak.Secret{{Name: "a Scalekit client secret", Value: secret}}, leak.Shapes(`k="`+secret+`";`+secret))
	assert.Len(t, leak.Shapes("whsec_"+"TmV2ZXJNaW5kVGhlQnVsbG9ja3M5Yw=="), 1)
	for _, innocent := range []string{
		"test_that_everything_is_really_in_place_twice", "pk_" + secret, "prod_" + strings.Repeat("aA1", 12), "whsec_short",
	} {
		assert.Empty(t, leak.Shapes(innocent), innocent)
	}
}

func TestSourceMapsAreFound(t *testing.T) {
	t.Parallel()
	file, _ := url.Parse("https://app.test/static/app.js?v=1")
	address := func(header http.Header, body string) string {
		a, _ := leak.SourceMap(file, header, body)
		return a
	}
	assert.Equal(t, "https://app.test/static/m.map", address(nil, "x()\n//# sourceMappingURL=m.map"))
	assert.Equal(t, "https://app.test/m.map", address(http.Header{"Sourcemap": {"/m.map"}}, "x()"))
	assert.Equal(t, "https://app.test/static/app.js.map", address(nil, "x()"))
	_, inline := leak.SourceMap(file, nil, "//# sourceMappingURL=data:application/json;base64,"+base64.StdEncoding.EncodeToString([]byte("{}")))
	assert.Equal(t, "{}", inline)
}

func TestAPageIsNoServerFile(t *testing.T) {
	t.Parallel()
	assert.NotEmpty(t, leak.IsServerFile("/.env", 200, "A=b\nAPI_KEY=x\n"))
	assert.NotEmpty(t, leak.IsServerFile("/.git/HEAD", 200, "ref: refs/heads/main\n"))
	assert.Empty(t, leak.IsServerFile("/.env", 200, "<!doctype html><html>API_KEY=x"))
	assert.Empty(t, leak.IsServerFile("/.env", 404, "API_KEY=x"))
	assert.Empty(t, leak.IsServerFile("/.env.example", 200, "API_KEY=\nCLIENT_SECRET=\n"))
}

func TestTreeAndHistoryAreRead(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	run := func(args ...string) {
		cmd := exec.Command("git", append([]string{"-C", folder, "-c", "user.name=a", "-c", "user.email=a@b.test"}, args...)...)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
	}
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600))
	}
	run("init", "-q")
	write("old.js", "secret = '"+value+"'\n")
	write("now.js", "secret = '"+base64.StdEncoding.EncodeToString([]byte(value))+"'\n")
	run("add", ".")
	run("commit", "-qm", "one")
	write("old.js", "secret = process.env.SECRET\n")
	run("commit", "-qam", "two")
	f := leak.NewFinder([]leak.Secret{{Name: "THE_SECRET", Value: value}})
	found, commits, err := f.Repository(t.Context(), folder)
	require.NoError(t, err)
	assert.Equal(t, 2, commits)
	require.Len(t, found, 2)
	assert.Contains(t, strings.Join(found, "\n"), "THE_SECRET, in base64 is in now.js (in the tree)")
	assert.Contains(t, strings.Join(found, "\n"), "THE_SECRET is in old.js (in the history: commit ")
	_, _, err = f.Repository(t.Context(), t.TempDir())
	assert.ErrorContains(t, err, "git cannot read")
}
