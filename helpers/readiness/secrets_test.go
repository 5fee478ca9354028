package readiness

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// written is every way in which we can think of a value being written. It is
// made here once more on purpose: the redactor's own list must not judge itself.
func written(value string) map[string]string {
	quoted, _ := json.Marshal(value)
	inner := string(quoted[1 : len(quoted)-1])
	nested, _ := json.Marshal(string(quoted))
	ways := map[string]string{
		"plain": value, "query": url.QueryEscape(value), "path": url.PathEscape(value), "query in a query": url.QueryEscape(url.QueryEscape(value)),
		"lower query": strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(url.QueryEscape(value), "%2F", "%2f"), "%2B", "%2b"), "%3D", "%3d"),
		"JSON":        inner, "JSON in JSON": string(nested[3 : len(nested)-3]),
		"JSON by JavaScript": strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value), "JSON by PHP": strings.ReplaceAll(strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value), "/", `\/`),
		"HTML": html.EscapeString(value), "HTML by JavaScript": strings.NewReplacer("&", "&amp;", `"`, "&quot;", "<", "&lt;", ">", "&gt;").Replace(value),
		"HTML text of a browser": strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(value),
		"hex":                    hex.EncodeToString([]byte(value)), "HEX": strings.ToUpper(hex.EncodeToString([]byte(value))),
		"quoted-printable": strings.ReplaceAll(value, "=", "=3D"),
	}
	for before := range 3 {
		text := []byte(strings.Repeat("u", before) + value + ":")
		std := base64.StdEncoding.EncodeToString(text)
		from, to := (before*8+5)/6, (before+len(value))*8/6
		ways[fmt.Sprintf("base64, %d before", before)] = std[from:to]
		ways[fmt.Sprintf("base64url, %d before", before)] = base64.RawURLEncoding.EncodeToString(text)[from:to]
	}
	return ways
}

// everywhere writes the secrets, in all ways, to where a run could leave them.
func everywhere(t *testing.T, run *Run, secrets []string) {
	t.Helper()
	var all strings.Builder
	for _, secret := range secrets {
		for way, text := range written(secret) {
			fmt.Fprintf(&all, "%s: [%s]\n", way, text)
		}
	}
	soup := all.String()
	c := run.Item("core/state").Case("a forged state is refused")
	dir := filepath.Join(c.Dir(), "browser-1")
	require.NoError(t, os.MkdirAll(dir, 0o700))
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	object := func(v any) string {
		text, err := json.Marshal(v)
		require.NoError(t, err)
		return string(text) + "\n"
	}
	headers := []map[string]string{{"name": "Cookie", "value": "sid=" + secrets[0]}, {"name": "X-Own", "value": soup}, {"name": "Authorization", "value": "Bearer " + secrets[1]}}
	exchange := map[string]any{
		"request":  map[string]any{"url": "https://a.test/cb?x=" + url.QueryEscape(soup), "headers": headers, "postData": map[string]any{"text": "a=" + url.QueryEscape(soup)}},
		"response": map[string]any{"headers": headers, "content": map[string]any{"text": soup}},
	}
	write("page.html", "<p>"+soup+"</p><input value='"+html.EscapeString(soup)+"'>")
	write("console.txt", "error: "+soup)
	write("requests.txt", "2026-01-02T03:04:05Z GET https://a.test/?q="+url.QueryEscape(soup)+" (document)\n  > X-Own: "+soup)
	write("storage.json", object(map[string]any{"localStorage": map[string]string{"k": soup}, "cookies": []any{map[string]string{"name": "sid", "value": secrets[0]}}}))
	write("network.har", object(map[string]any{"log": map[string]any{"entries": []any{exchange}}}))
	write("mail.eml", "Subject: "+soup+"\n\n"+soup)
	write("answer.bin.txt", soup)
	if run.redactor.String(secrets[1]) != secrets[1] {
		write(secrets[1]+".txt", "its name is one")
	}
	archive(t, filepath.Join(dir, "trace.zip"), []string{"trace.trace", "trace.network", "resources/page.html", "resources/answer.json", "inner.zip"}, map[string]string{
		"trace.trace":           object(map[string]any{"type": "before", "callId": "call@1", "method": "fill", "params": map[string]string{"selector": "input", "value": soup}}) + object(map[string]any{"type": "log", "message": soup}),
		"trace.network":         object(map[string]any{"type": "resource-snapshot", "snapshot": exchange}),
		"resources/page.html":   soup,
		"resources/answer.json": object(map[string]string{"message": soup}),
		"inner.zip":             string(packed(t, "deep.txt", soup)),
	})
	c.Evidence(Evidence{Kind: "mail", Title: soup, Text: soup})
	c.Finish(Outcome{State: Failed, Output: soup, Expected: soup, Seen: soup, Reason: soup, Why: "why", Mend: "mend", Test: "TestState/x"})
	run.Item("core/logout").Finish(NotVerified, soup)
	run.Item("methods/social").Case("in trouble").Finish(Outcome{State: Error, Reason: soup})
	run.Note(soup)
	run.Fail(soup)
	run.Block(soup)
	run.Ledger().Will("user", soup).Made(secrets[0])
}

func packed(t *testing.T, name, text string) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	member, err := w.Create(name)
	require.NoError(t, err)
	_, err = member.Write([]byte(text))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return buf.Bytes()
}

// Secrets that are planted in every place that we can think of, in every way of
// writing, are in nothing that a run leaves behind: known before the run,
// learned in it, or learned when it was nearly over.
func TestPlantedSecretsAreNowhere(t *testing.T) {
	t.Parallel()
	secrets := []string{`ses_k3pt/"secret"+value=&more`, "tok-Zm9vYmFyYmF6cXV4", "493817"}
	for _, when := range []string{"known before", "learned in the run", "learned after the case"} {
		t.Run(when, func(t *testing.T) {
			t.Parallel()
			o := options(t)
			if when == "known before" {
				o.Secrets = secrets
			}
			run := start(t, o)
			learn := func(moment string) {
				for _, s := range secrets {
					if when == moment {
						run.Learn(s)
					}
				}
			}
			learn("learned in the run")
			everywhere(t, run, secrets)
			learn("learned after the case")
			result, err := run.Finish(Ending{})
			require.NoError(t, err)
			assert.Equal(t, 1, result.ExitCode())
			for _, trouble := range result.Run.Errors {
				assert.NotContains(t, trouble, "was found", "nothing had to be deleted")
			}
			folder := filepath.Join(run.Dir(), result.item(t, "core/state").Cases[0].Folder)
			for _, kept := range []string{"README.md", "browser-1/trace.zip", "browser-1/network.har", "browser-1/storage.json"} {
				assert.FileExists(t, filepath.Join(folder, kept), "withheld instead of redacted")
			}
			seen := 0
			require.NoError(t, filepath.WalkDir(o.Reports, func(path string, d fs.DirEntry, err error) error {
				require.NoError(t, err)
				name, _ := filepath.Rel(o.Reports, path)
				for _, s := range secrets {
					assert.NotContains(t, name, s, "the name of a file")
				}
				if d.Type().IsRegular() {
					data, err := os.ReadFile(path)
					require.NoError(t, err)
					seen++
					clean(t, name, data, secrets)
				}
				return nil
			}))
			assert.Greater(t, seen, 15, "files that were looked into")
		})
	}
}

// clean holds that no secret is in a file, nor in what is packed in it.
func clean(t *testing.T, name string, data []byte, secrets []string) {
	t.Helper()
	for _, secret := range secrets {
		for way, text := range written(secret) {
			if len(secret) == 6 && strings.HasPrefix(way, "base64") || len(text) < 6 {
				continue // a part of a word that everything may hold
			}
			if bytes.Contains(data, []byte(text)) {
				assert.Fail(t, "a secret", "%q as %s in %s", secret, way, name)
			}
		}
	}
	if !bytes.HasPrefix(data, []byte("PK\x03\x04")) {
		return
	}
	packed, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	require.NoError(t, err, name)
	for _, member := range packed.File {
		inner, err := readMember(member)
		require.NoError(t, err)
		clean(t, name+"/"+member.Name, inner, secrets)
	}
}

// The whole of it takes no time that a run would notice.
func TestRedactingIsQuick(t *testing.T) {
	t.Parallel()
	r := NewRedactor(`ses_k3pt/"secret"+value=&more`)
	begun := time.Now()
	r.String(strings.Repeat("nothing to see here, https://a.test/?x=1&code_challenge=2\n", 20000))
	assert.Less(t, time.Since(begun), 20*time.Second)
}
