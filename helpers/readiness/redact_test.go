package readiness

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const hidden = `s3cr3t/"quoted"+value&more`

func TestKnownValuesInAllTheirForms(t *testing.T) {
	t.Parallel()
	r := NewRedactor(hidden, "short", "123456")
	quoted, err := json.Marshal(hidden)
	require.NoError(t, err)
	for name, s := range map[string]string{
		"plain":            "x " + hidden + " y",
		"query":            "x?a=" + url.QueryEscape(hidden),
		"path":             "/a/" + url.PathEscape(hidden) + "/b",
		"query in a query": "?next=" + url.QueryEscape("/cb?x="+url.QueryEscape(hidden)),
		"JSON":             string(quoted),
		"base64":           base64.StdEncoding.EncodeToString([]byte(hidden)),
		"basic":            base64.StdEncoding.EncodeToString([]byte("client:" + hidden + ":")),
		"base64url":        base64.RawURLEncoding.EncodeToString([]byte("ab" + hidden + "cd")),
	} {
		clean := r.String(s)
		assert.Contains(t, clean, mask, name)
		_, _, _, found := r.known.find(clean, 0)
		assert.False(t, found, "%s: %s", name, clean)
		assert.Equal(t, clean, r.String(clean), "%s: twice is once", name)
	}
	assert.Equal(t, "your code is [redacted].", r.String("your code is 123456."))
	assert.Equal(t, "id 71234567 and a short one", r.String("id 71234567 and a short one"), "a short value counts as a word only; under six bytes never")
	assert.Equal(t, "[redacted][redacted]", NewRedactor("secret-one", "secret-one-and-more").String("secret-one-and-moresecret-one"), "the longest wins")
}

func TestPlacesWhereSecretsStand(t *testing.T) {
	t.Parallel()
	const jwt = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ1c3JfMSJ9.c2lnbmF0dXJl"
	r := NewRedactor()
	for in, want := range map[string]string{
		"a token " + jwt + " here":                              "a token [redacted] here",
		"/cb?code=abc&state=x.y_z-1&error=access_denied":        "/cb?code=[redacted]&state=[redacted]&error=access_denied",
		"https://a.test/#access_token=abc":                      "https://a.test/#access_token=[redacted]",
		"grant_type=authorization_code&code_verifier=abc":       "grant_type=authorization_code&code_verifier=[redacted]",
		"token_type=Bearer&response_type=code&code_challenge=x": "token_type=Bearer&response_type=code&code_challenge=x",
		"SAMLResponse=PHNh%2BbWw%3D&RelayState=r1":              "SAMLResponse=[redacted]&RelayState=[redacted]",
		"?next=%2Fcb%3Fcode%3Dabc%26a%3D1":                      "?next=%2Fcb%3Fcode%3D[redacted]%26a%3D1",
		"?n=%252Fcb%253Fcode%253Dabc%2526a%253D1":               "?n=%252Fcb%253Fcode%253D[redacted]%2526a%253D1",
		"Authorization: Bearer abc.def":                         "Authorization: Bearer [redacted]",
		"authorization: Basic YTpi\nhost: a.test":               "authorization: Basic [redacted]\nhost: a.test",
		"cookie: __Host-session=abc; theme=dark":                "cookie: __Host-session=[redacted]; theme=[redacted]",
		"Set-Cookie: s=abc; Path=/; HttpOnly; SameSite=Lax":     "Set-Cookie: s=[redacted]; Path=/; HttpOnly; SameSite=Lax",
		"Set-Cookie: s=; Path=/; Max-Age=0":                     "Set-Cookie: s=; Path=/; Max-Age=0",
		`{"access_token": "abc", "token_type":"Bearer"}`:        `{"access_token": "[redacted]", "token_type":"Bearer"}`,
		`"{\"refresh_token\":\"a\\\"b\",\"code\":\"bad\"}"`:     `"{\"refresh_token\":\"[redacted]\",\"code\":\"bad\"}"`,
		`<input type="password" name="p" value="hunter2">`:      `<input type="password" name="p" value="[redacted]">`,
		`<input value='abc' name=state><input name=q value=z>`:  `<input value="[redacted]" name=state><input name=q value=z>`,
		`<input autocomplete="one-time-code" value="7">`:        `<input autocomplete="one-time-code" value="[redacted]">`,
		`{"url":"/cb?a=1\u0026code=abc"}`:                       `{"url":"/cb?a=1\u0026code=[redacted]"}`,
		`fetch(u,{headers:{Authorization:'Bearer abc',a:1}})`:   `fetch(u,{headers:{Authorization:'Bearer [redacted]',a:1}})`,
		"the state is what it is; code: none":                   "the state is what it is; code: none",
		`expected status=302, got 200`:                          `expected status=302, got 200`,
		`idp_initiated_login=abc&password=x&otp=1`:              `idp_initiated_login=[redacted]&password=[redacted]&otp=[redacted]`,
	} {
		got := r.String(in)
		assert.Equal(t, want, got)
		assert.Equal(t, got, r.String(got), "twice is once")
	}
}

func TestAnyTextSurvives(t *testing.T) {
	t.Parallel()
	r := NewRedactor(hidden)
	for _, s := range []string{"", "=", "%", ":", "%3D", "%%3D%", "a%3", "code%3D", "?code=", `"password":`, `"password":"`, `"password":"\`, "cookie:", "\xff?code=\xfe", "%25", "?code=[redacted", `\":\"`, "Cookie: ;;=;"} {
		assert.NotPanics(t, func() { r.String(s) }, "%q", s)
	}
}

// archive packs files as Playwright packs a trace.
func archive(t *testing.T, path string, names []string, files map[string]string) {
	t.Helper()
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for _, name := range names {
		member, err := w.Create(name)
		require.NoError(t, err)
		_, err = io.WriteString(member, files[name])
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	require.NoError(t, os.WriteFile(path, buf.Bytes(), 0o600))
}

func unpack(t *testing.T, path string) (names []string, files map[string]string) {
	t.Helper()
	r, err := zip.OpenReader(path)
	require.NoError(t, err)
	defer r.Close()
	files = map[string]string{}
	for _, m := range r.File {
		data, err := readMember(m)
		require.NoError(t, err)
		names, files[m.Name] = append(names, m.Name), string(data)
	}
	return names, files
}

func TestATraceStaysATrace(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "trace.zip")
	const picture = "\x89PNG\r\n\x1a\n\x00\x00?code=notatext"
	names := []string{"trace.trace", "trace.network", "trace.stacks", "resources/abc.html", "resources/abc.json", "resources/def.png"}
	archive(t, path, names, map[string]string{
		"trace.trace": `{"type":"context-options","wallTime":1732367123456789012,"id":"context@1"}
{"type":"before","callId":"call@7","params":{"selector":"input[name=\"password\"]","value":"hunter2-hunter2"}}
{"type":"frame-snapshot","html":["INPUT",{"name":"code","type":"hidden","__playwright_value_":"998877"}]}
{"type":"log","message":"went to https://a.test/cb?code=abc"}
`,
		"trace.stacks":       `{"type":"log","message":"  fill(\"424242\")"}`,
		"trace.network":      `{"snapshot":{"request":{"url":"https://a.test/cb?state=zzz","cookies":[{"name":"sid","value":"cookievalue"}],"headers":[{"name":"Cookie","value":"sid=cookievalue"},{"name":"Accept","value":"*/*"}],"queryString":[{"name":"state","value":"zzz"}],"postData":{"params":[{"name":"client_secret","value":"abc"}],"text":"client_secret=abc&a=1"}},"response":{"headers":[{"name":"set-cookie","value":"sid=abc; Path=/\nb=c; Path=/"}],"_sha1":"abc.html"}}}` + "\n",
		"resources/abc.html": "<p>" + hidden + "</p>",
		"resources/abc.json": "{\n  \"b\": 1.50,\n  \"id_token\": \"abc\"\n}",
		"resources/def.png":  picture,
	})
	r := NewRedactor(hidden, "sessionsecret-1")
	require.NoError(t, r.File(path))

	after, files := unpack(t, path)
	assert.Equal(t, names, after)
	assert.Equal(t, picture, files["resources/def.png"])
	assert.Equal(t, "<p>[redacted]</p>", files["resources/abc.html"])
	assert.JSONEq(t, `{"b":1.50,"id_token":"[redacted]"}`, files["resources/abc.json"])
	assert.JSONEq(t, `{"type":"log","message":"fill(\"[redacted]\")"}`, files["trace.stacks"])
	all := files["trace.trace"] + files["trace.network"]
	for row := range strings.Lines(all) {
		assert.True(t, json.Valid([]byte(row)), row)
	}
	assert.Equal(t, 5, strings.Count(all, "\n"), "one object a line, as before")
	for _, gone := range []string{"hunter2", "998877", "code=abc", "zzz", "cookievalue", `"abc"`, "=abc"} {
		assert.NotContains(t, all, gone)
	}
	for _, kept := range []string{"1732367123456789012", "call@7", "abc.html", "sid=[redacted]; Path=/", "*/*"} {
		assert.Contains(t, all, kept)
	}
	hits, err := r.Scan(dir)
	require.NoError(t, err)
	assert.Empty(t, hits)

	require.NoError(t, os.WriteFile(filepath.Join(dir, "broken.zip"), []byte("PK\x03\x04 no archive"), 0o600))
	assert.Error(t, r.File(filepath.Join(dir, "broken.zip")), "what cannot be looked into is not called clean")
}

func TestScanLooksEverywhere(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "below"), 0o700))
	archive(t, filepath.Join(dir, "a.zip"), []string{"x"}, map[string]string{"x": "?q=" + url.QueryEscape(hidden)})
	require.NoError(t, os.WriteFile(filepath.Join(dir, "below", "b.png"), []byte("\x00\x01"+hidden), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "clean.txt"), []byte("nothing"), 0o600))
	hits, err := NewRedactor(hidden).Scan(dir)
	require.NoError(t, err)
	assert.Equal(t, []Hit{{File: "a.zip", Member: "x", Form: "url"}, {File: filepath.Join("below", "b.png"), Form: "plain"}}, hits)
	assert.NotContains(t, fmt.Sprint(hits), hidden)
}

func TestArtefactsLandRedacted(t *testing.T) {
	t.Parallel()
	o := options(t)
	o.Secrets = []string{"a-configured-secret"}
	run := start(t, o)
	c := run.Item("core/state").Case("A forged state is refused, and no session begins <b>anywhere</b> at all in this deployment")
	dir := c.Dir()
	assert.NotContains(t, dir, o.Reports)
	write := func(name, text string) {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	write("console.txt", "a-configured-secret and learned-later-1")
	write("browser-1/page.html", "<script>alert(1)</script>a-configured-secret")
	write("broken.zip", "PK\x03\x04")
	write("mail.eml", "Subject: hello")
	require.NoError(t, os.Symlink("/etc/passwd", filepath.Join(dir, "link.txt")))
	c.Evidence(Evidence{Kind: "mail", Title: "the mail", File: filepath.Join(dir, "mail.eml")})
	c.Evidence(Evidence{Kind: "text", Title: "an answer", Text: "Authorization: Bearer a-configured-secret"})
	c.Finish(Outcome{State: Failed, Output: "got a-configured-secret", Seen: "learned-later-1"})
	run.Learn("learned-later-1")
	result := finish(t, run, Ending{})

	done := result.item(t, "core/state").Cases[0]
	assert.Equal(t, "got [redacted]", done.Output)
	assert.Equal(t, "[redacted]", done.Seen, "learned after the case had ended")
	kinds := map[string]string{}
	for _, e := range done.Evidence {
		kinds[e.Title] = e.Kind
		if e.File != "" {
			assert.FileExists(t, filepath.Join(run.Dir(), e.File))
		}
	}
	assert.Equal(t, map[string]string{"the mail": "mail", "an answer": "text", "console.txt": "console", "browser-1/page.html": "page"}, kinds)
	assert.NoDirExists(t, dir)
	var all strings.Builder
	require.NoError(t, filepath.WalkDir(o.Reports, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			data, _ := os.ReadFile(path)
			all.Write(data)
			assert.NotContains(t, filepath.Ext(path), "html.", path)
		}
		return err
	}))
	assert.NotContains(t, all.String(), "a-configured-secret")
	assert.NotContains(t, all.String(), "learned-later-1")
	assert.FileExists(t, filepath.Join(run.Dir(), filepath.Dir(done.Evidence[0].File), "browser-1", "page.html.txt"), "a saved page does not run")
	assert.Contains(t, strings.Join(result.Run.Notes, "\n"), "broken.zip is withheld")
	assert.Empty(t, result.Run.Errors)
}

func TestASecretThatStaysIsDeletedAndShutsTheGate(t *testing.T) {
	t.Parallel()
	run := start(t, options(t))
	run.Learn("pictured-secret")
	c := run.Item("core/state").Case("x")
	require.NoError(t, os.WriteFile(filepath.Join(c.Dir(), "a.png"), []byte("\x89PNG\r\n\x1a\n\x00pictured-secret"), 0o600))
	c.Finish(Outcome{State: Passed})
	result := finish(t, run, Ending{})
	require.Len(t, result.Run.Errors, 1)
	assert.Contains(t, result.Run.Errors[0], "a.png, which was deleted")
	assert.NotContains(t, result.Run.Errors[0], "pictured")
	assert.NoFileExists(t, filepath.Join(run.Dir(), "evidence", "core-state", "x", "a.png"))
	assert.Equal(t, 1, result.ExitCode())
	assert.Equal(t, Incomplete, result.Verdict)
	page, err := os.ReadFile(filepath.Join(run.Dir(), "index.html"))
	require.NoError(t, err)
	assert.Contains(t, string(page), "deleted: it held a secret")
}

func BenchmarkString(b *testing.B) {
	for _, n := range []int{10, 5000} {
		r := NewRedactor()
		for i := range n {
			r.Learn(fmt.Sprintf("ses_%040d-%d", i*7919, i))
		}
		text := strings.Repeat(`{"name":"Accept","value":"text/html"},{"url":"https://app.localhost:1234/dashboard?from=mail&tab=2"},`, 10000)
		b.Run(fmt.Sprintf("known=%d", n), func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				r.String(text)
			}
		})
	}
}

func BenchmarkLearn(b *testing.B) {
	r, i := NewRedactor(), 0
	for b.Loop() {
		r.Learn(fmt.Sprintf("ses_%040d", i))
		i++
	}
}

func BenchmarkTrace(b *testing.B) {
	r := NewRedactor()
	for i := range 5000 {
		r.Learn(fmt.Sprintf("ses_%040d-%d", i*7919, i))
	}
	line := `{"snapshot":{"request":{"url":"https://a.test/cb?state=zzz","cookies":[{"name":"sid","value":"cookievalue"}],"headers":[{"name":"Cookie","value":"sid=cookievalue"},{"name":"Accept","value":"*/*"}]}}}` + "\n"
	data := []byte(strings.Repeat(line, 5000))
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		r.json(data)
	}
}
