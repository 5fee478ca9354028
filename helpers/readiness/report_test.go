package readiness

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// hostile is what a deployment might answer to get into the report.
const hostile = "</pre></script><script>alert(1)</script><img src=x onerror=alert(2)> \x1b[31mred\x1b[0m \x00\x0b\ufffe ]]> {{.}} \u202eevil | `code` ````\n@everyone [x](javascript:alert(3))"

// sample is a run with every state, on the embedded deployment.
func sample(t *testing.T) (*Run, *Result) {
	t.Helper()
	o := options(t)
	o.Items = append(o.Items[:3:3],
		CatalogueItem{ID: "errors/full-flow", Section: "core", SectionTitle: "Core auth flows", Title: "Complete end-to-end flow validated in staging before production"},
		CatalogueItem{ID: "sso/initiated", Section: "enterprise", SectionTitle: "Enterprise auth", Title: "Test both SP-initiated and IdP-initiated SSO flows"},
		CatalogueItem{ID: "mcp/flow", Section: "mcp", SectionTitle: "MCP authentication", Title: "Test MCP server authentication flow"},
		CatalogueItem{ID: "ops/runbook", Section: "monitoring", SectionTitle: "Monitoring and incident readiness", Title: "Incident response runbook written (who to contact, how to roll back, escalation path)"})
	o.Checked = []string{"core/state", "core/logout", "methods/social", "errors/full-flow", "sso/initiated"}
	o.Deployment = Deployment{Name: "app.localhost:41233 <b>", AppURL: "https://app.localhost:41233", EnvironmentURL: "https://auth.localhost:41233", Embedded: true, Target: "staging"}
	o.Tool = map[string]string{"chromium": "140.0", "go": "1.26"}
	run := start(t, o)
	state := run.Item("core/state")
	for _, name := range []string{"a state from another browser is refused", "a missing state is refused", "a replayed state is refused"} {
		state.Case(name).Finish(Outcome{State: Passed, Duration: 1340 * time.Millisecond})
	}
	c := run.Item("core/logout").Case("a captured cookie is dead after the sign-out")
	var picture bytes.Buffer
	img := image.NewRGBA(image.Rect(0, 0, 480, 200))
	for i := range img.Pix {
		img.Pix[i] = 0xee
	}
	img.Set(1, 1, color.Black)
	require.NoError(t, png.Encode(&picture, img))
	require.NoError(t, os.WriteFile(filepath.Join(c.Dir(), "screenshot.png"), picture.Bytes(), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(c.Dir(), "fake.png"), []byte("<script>alert(4)</script>"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(c.Dir(), "page.html"), []byte(hostile), 0o600))
	c.Evidence(Evidence{Kind: "text", Title: hostile, Text: hostile})
	c.Finish(Outcome{
		State: Failed, Duration: 4200 * time.Millisecond, Expected: "GET /api/me without a session: 401", Seen: "200 " + hostile,
		Output: "VerifySignedOut: https://app.localhost:41233/api/me still answers as ada@x.test\n" + hostile,
		Why:    "whoever has an old cookie stays signed in: on a shared computer, in a stolen backup, in a log",
		Mend:   "delete the session on the server at sign-out, not the cookie alone", Standard: "OWASP ASVS 5.0, 7.4.1; spec/app-contract.md 6",
	})
	run.Item("core/logout").Case("the back button shows nothing").Finish(Outcome{State: Passed, Duration: time.Second})
	run.Item("methods/social").Case("Google").Finish(Outcome{State: NotVerified, Reason: "set PREFLIGHT_GOOGLE_EMAIL and PREFLIGHT_GOOGLE_PASSWORD (see .env.example)"})
	run.Item("errors/full-flow").Case("one journey").Finish(Outcome{State: Error, Reason: "the inbox does not answer: connection refused", Duration: time.Second})
	run.Note("left behind: " + hostile)
	return run, finish(t, run, Ending{})
}

func TestThePage(t *testing.T) {
	t.Parallel()
	run, result := sample(t)
	data, err := os.ReadFile(filepath.Join(run.Dir(), "index.html"))
	require.NoError(t, err)
	doc, err := goquery.NewDocumentFromReader(bytes.NewReader(data))
	require.NoError(t, err)

	assert.Equal(t, "NOT READY", doc.Find("h1").Text())
	assert.Zero(t, doc.Find("[onerror], b, iframe, object").Length(), "hostile text stays text")
	require.Equal(t, 1, doc.Find("script").Length(), "the page's own")
	assert.Contains(t, doc.Find("meta[http-equiv=Content-Security-Policy]").AttrOr("content", ""), digest(doc.Find("script").Text()), "no other script may run")
	assert.Contains(t, doc.Find("pre").Text(), "</script><script>alert(1)</script>")
	assert.Contains(t, doc.Find("meta[http-equiv=Content-Security-Policy]").AttrOr("content", ""), "default-src 'none'")
	assert.Contains(t, doc.Find(".proof").Text(), "A pass proves the suite, not your deployment")
	assert.Equal(t, 7, doc.Find(".item").Length(), "every item of the checklist")
	assert.Contains(t, doc.Find(".behind").First().Text(), "core/logout", "what stands behind a failed blocker is marked")
	for _, s := range []State{Passed, Failed, NotVerified, Error} {
		tags := doc.Find(".item .tag").FilterFunction(func(_ int, tag *goquery.Selection) bool {
			return strings.TrimSpace(tag.Text()) == s.Symbol()+" "+s.Word()
		})
		assert.NotZero(t, tags.Length(), "%s in word and symbol", s)
	}
	images := doc.Find("img")
	require.Equal(t, 1, images.Length(), "a picture is shown, what only calls itself one is a link")
	assert.True(t, strings.HasPrefix(images.AttrOr("src", ""), "data:image/png;base64,"))
	doc.Find("a").Each(func(_ int, a *goquery.Selection) {
		href := a.AttrOr("href", "")
		if strings.HasPrefix(href, "#") {
			assert.Equal(t, 1, doc.Find(href).Length(), href)
			return
		}
		require.True(t, strings.HasPrefix(href, "./"), href)
		assert.FileExists(t, filepath.Join(run.Dir(), href))
		assert.NotEqual(t, ".html", filepath.Ext(href))
	})

	result.Run.Deployment.Embedded = false
	var own bytes.Buffer
	require.NoError(t, result.HTML(&own))
	assert.NotContains(t, own.String(), "proves the suite")
}

func TestJUnit(t *testing.T) {
	t.Parallel()
	run, _ := sample(t)
	data, err := os.ReadFile(filepath.Join(run.Dir(), "junit.xml"))
	require.NoError(t, err)
	dec := xml.NewDecoder(bytes.NewReader(data))
	for {
		if _, err := dec.Token(); err == io.EOF {
			break
		} else {
			require.NoError(t, err, "strict XML in spite of hostile text")
		}
	}
	var all junitSuites
	require.NoError(t, xml.Unmarshal(data, &all))
	assert.Equal(t, []int{11, 1, 2, 4}, []int{all.Tests, all.Failures, all.Errors, all.Skipped})
	assert.Equal(t, "Verdict", all.Suites[0].Name)
	assert.NotNil(t, all.Suites[0].Cases[0].Error)
	core := all.Suites[1]
	assert.Equal(t, "Core auth flows", core.Name)
	var failed junitCase
	for _, c := range core.Cases {
		if c.Failure != nil {
			failed = c
		}
	}
	assert.Equal(t, "core/logout", failed.Class)
	assert.Contains(t, failed.Failure.Text, "delete the session on the server")
	assert.Contains(t, failed.Output, "[[ATTACHMENT|evidence/core-logout/")
	assert.Contains(t, failed.Properties.Properties, junitProperty{Name: "checklist.id", Value: "core/logout"})
	assert.Contains(t, failed.Properties.Properties, junitProperty{Name: "checklist.state", Value: "failed"})
}

func TestTheTerminal(t *testing.T) {
	t.Parallel()
	_, result := sample(t)
	var out bytes.Buffer
	result.Summary(&out)
	text := out.String()
	lines := strings.Split(strings.TrimSpace(text), "\n")
	assert.Equal(t, "NOT READY", lines[1])
	assert.Contains(t, lines[2], "1 item failed: core/logout")
	assert.Contains(t, text, "A PASS HERE PROVES THE SUITE, NOT YOUR DEPLOYMENT.")
	assert.Contains(t, text, "✓ core/state")
	assert.Contains(t, text, "3 of 3 cases passed")
	assert.Contains(t, text, "how to mend it: delete the session on the server")
	assert.NotContains(t, text, "✗ mcp/flow")
	assert.NotContains(t, text, "\x1b", "a deployment does not command the terminal")
	assert.Contains(t, text, filepath.Join("latest", "index.html"))
	assert.Contains(t, text, "exit code 1: item core/logout is failed")
}

// What a deployment has declared not to have is not counted among what it was asked.
func TestCasesThatAreNotApplicableAreNoFailures(t *testing.T) {
	t.Parallel()
	for want, states := range map[string][]State{
		"":                                      nil,
		"1 of 1 case passed":                    {Passed},
		"1 of 2 cases passed":                   {Passed, Failed},
		"2 passed, 1 not applicable":            {Passed, NotApplicable, Passed},
		"2 cases not applicable":                {NotApplicable, NotApplicable},
		"1 of 2 cases passed, 1 not applicable": {Passed, NotApplicable, Failed},
	} {
		item := ItemResult{}
		for _, state := range states {
			item.Cases = append(item.Cases, CaseResult{State: state})
		}
		assert.Equal(t, want, (&Result{}).cases(item))
	}
}

func TestTheJobPage(t *testing.T) {
	t.Parallel()
	_, result := sample(t)
	var out bytes.Buffer
	require.NoError(t, result.Markdown(&out))
	text := out.String()
	assert.True(t, strings.HasPrefix(text, "## Auth Preflight: NOT READY\n"))
	assert.Contains(t, text, "| ✗ | `core/logout` | failed | 5.2 s |")
	outside := text
	for { // what is inside a fence cannot do anything
		before, rest, ok := strings.Cut(outside, "\n`````text\n")
		if !ok {
			break
		}
		_, after, closed := strings.Cut(rest, "\n`````\n")
		require.True(t, closed)
		outside = before + after
	}
	assert.NotContains(t, outside, "<script>")
	assert.NotContains(t, outside, "<img")

	for i := range result.Items {
		for n := range 400 {
			result.Items[i].Cases = append(result.Items[i].Cases, CaseResult{Name: fmt.Sprint(n), State: Failed, Output: strings.Repeat("x", 1000)})
		}
	}
	out.Reset()
	require.NoError(t, result.Markdown(&out))
	assert.Less(t, out.Len(), 1<<20)
}

func TestLoadRefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "result.json")
	_, err := Load(path)
	assert.ErrorContains(t, err, "no result to read")
	require.NoError(t, os.WriteFile(path, []byte("{"), 0o600))
	_, err = Load(path)
	assert.ErrorContains(t, err, "no result file")
	require.NoError(t, os.WriteFile(path, []byte(`{"schema":"auth-preflight/result@9"}`), 0o600))
	_, err = Load(path)
	assert.ErrorContains(t, err, "result@9")
}
