//go:build !windows

package browser

import (
	"archive/zip"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAFailureTellsWhatHappened(t *testing.T) {
	t.Parallel()
	s := site()
	path := s.handle(t, "", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "cookie-0123456789abcdef", Path: "/", Secure: true})
		page(`<h1>Sign in</h1><form><input type=password name=password autocomplete=off></form><p role=alert>Wrong password</p><script>console.error('careful')</script>`)(w, r)
	})
	dir := filepath.Join(t.TempDir(), "artefacts")
	const secret = "correct-horse-battery"
	f := failing(t, func(f *fakeTB) {
		p := open(f, WindowOptions{ArtifactDir: dir, Timeout: 3 * time.Second})
		p.Step("the first step")
		p.Goto(s.url("app.localhost", path) + "?code=secret-code-1")
		p.FillSecret("input[name=password]", secret)
		p.Click("#missing")
	})
	assert.False(t, f.trouble)
	for _, want := range []string{"the first step: click #missing", "expected: a visible element", "Timeout", "page:     Sign in Wrong password", `alerts:   ["Wrong password"]`, path} {
		assert.Contains(t, f.message, want)
	}
	assert.NotContains(t, f.message, "secret-code-1")
	for _, name := range []string{"screenshot.png", "trace.zip", "page.html", "console.txt", "requests.txt"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if assert.NoError(t, err) {
			assert.NotZero(t, info.Size(), name)
		}
	}
	console, _ := os.ReadFile(filepath.Join(dir, "console.txt"))
	assert.Contains(t, string(console), "error: careful")
	requests, _ := os.ReadFile(filepath.Join(dir, "requests.txt"))
	assert.Contains(t, string(requests), "cookie-0123456789abcdef")

	// No action of the trace holds what FillSecret typed. Its pictures of the
	// document do, which is the redactor's to remove.
	for _, line := range traceLines(t, filepath.Join(dir, "trace.zip")) {
		if !strings.Contains(line, `"type":"frame-snapshot"`) {
			assert.NotContains(t, line, secret)
		}
	}
}

func traceLines(t *testing.T, file string) (lines []string) {
	z, err := zip.OpenReader(file)
	require.NoError(t, err)
	defer z.Close()
	for _, f := range z.File {
		r, err := f.Open()
		require.NoError(t, err)
		b, err := io.ReadAll(r)
		require.NoError(t, err)
		lines = append(lines, strings.Split(string(b), "\n")...)
	}
	return lines
}

func TestASecretFieldHearsItsInput(t *testing.T) {
	t.Parallel()
	s := site()
	path := s.handle(t, "", page(`<input id=plain value=old><input id=digit maxlength=1><output></output><script>
		for (const i of document.querySelectorAll('input')) i.addEventListener('input', () => document.querySelector('output').textContent += i.id + '=' + i.value + ';')
		</script>`))
	p := open(t, WindowOptions{})
	p.Goto(s.url("app.localhost", path))
	p.FillSecret("#plain", `new "value" ünd`)
	assert.Equal(t, `new "value" ünd`, p.Eval("() => document.querySelector('#plain').value", nil))
	assert.Contains(t, p.Text(), `plain=new "value" ünd;`)
	p.FillSecret("#digit", "123456")
	assert.Equal(t, "123456", p.Eval("() => document.querySelector('#digit').value", nil))
}

// A script that never ends honours no timeout of Playwright's.
func TestAStuckPageCostsOnlyItsOwnTest(t *testing.T) {
	t.Parallel()
	s := site()
	path := s.handle(t, "", page("fine"))
	f := failing(t, func(f *fakeTB) {
		p := open(f, WindowOptions{Timeout: time.Millisecond})
		p.w.o.Timeout = 500*time.Millisecond - watchdogGrace
		p.Eval("() => { while (true) {} }", nil)
	})
	assert.True(t, f.trouble, "it is not the deployment's fault")
	assert.Contains(t, f.message, "no answer came")
	p := open(t, WindowOptions{})
	p.Goto(s.url("app.localhost", path))
	assert.Equal(t, "fine", p.Text())
}

// A driver that no longer answers is killed, with its browser, and the next
// test gets a new one.
func TestAStuckDriverIsReplaced(t *testing.T) {
	t.Parallel()
	b, err := Launch(context.Background(), testOptions())
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, b.Close()) })
	first := b.engine
	require.Greater(t, first.processes.browser, 1)
	f := failing(t, func(f *fakeTB) {
		p := b.Open(f, WindowOptions{})
		p.w.o.Timeout = 300*time.Millisecond - watchdogGrace
		require.NoError(t, syscall.Kill(first.processes.driver, syscall.SIGSTOP))
		p.Title()
	})
	assert.True(t, f.trouble)
	assert.Contains(t, f.message, "no answer came")
	assert.True(t, first.processes.awaitGone(goneTimeout))
	p := b.Open(t, WindowOptions{})
	assert.Empty(t, p.Title())
	assert.NoDirExists(t, first.host.driver.dir)
}

func TestCloseLeavesNothing(t *testing.T) {
	t.Parallel()
	b, err := Launch(context.Background(), testOptions())
	require.NoError(t, err)
	e := b.engine
	require.NoError(t, b.Close())
	assert.False(t, e.processes.alive())
	assert.NoDirExists(t, e.host.driver.dir)
	require.NoError(t, b.Close())
}
