package browser

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/playwright-community/playwright-go"
)

const (
	textLength      = 400 // of the page's text in a message, in characters
	describeTimeout = 2 * time.Second
	artifactTimeout = 10 * time.Second
)

// errTimeout is a timeout of ours, in words.
type errTimeout string

func (e errTimeout) Error() string        { return string(e) }
func (e errTimeout) Is(target error) bool { return target == playwright.ErrTimeout }

// Fail fails the test as the page's own methods do: with what was being done,
// what was expected, what went wrong (may be nil) and what the page says.
func (p *Page) Fail(doing, expected string, err error) {
	p.w.t.Helper()
	p.fail(doing, expected, err)
}

func (p *Page) fail(doing, expected string, err error) {
	p.w.t.Helper()
	if errors.Is(err, errStuck) || errors.Is(err, errGone) || errors.Is(err, playwright.ErrTargetClosed) {
		p.w.suspect(err)
		giveUp(p.w.t, "%s", p.w.secrets.mask(p.describe(doing, expected, err)))
		return
	}
	p.w.t.Fatalf("%s", p.w.secrets.mask(p.describe(doing, expected, err)))
}

// suspect looks whether the browser still lives after a call that got no
// answer. A page that is stuck costs its test; a browser that is stuck is
// killed, or every other test would hang as well.
func (w *window) suspect(err error) {
	if !errors.Is(err, errStuck) {
		return
	}
	w.mu.Lock()
	w.stuck = true
	w.mu.Unlock()
	_ = w.engine.probe()
}

func (w *window) isStuck() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stuck || w.engine.broken() != nil
}

func (p *Page) describe(doing, expected string, err error) string {
	var b strings.Builder
	p.w.mu.Lock()
	step := p.w.step
	p.w.mu.Unlock()
	if step != "" {
		fmt.Fprintf(&b, "%s: ", step)
	}
	fmt.Fprintf(&b, "%s\n  expected: %s\n", doing, expected)
	if err != nil {
		message := strings.ReplaceAll(firstLines(err, 8).Error(), "\n", "\n            ")
		fmt.Fprintf(&b, "  saw:      %s\n", strings.TrimPrefix(message, "playwright: "))
	}
	fmt.Fprintf(&b, "  at:       %s\n", p.URL())
	if p.page == nil || p.w.isStuck() {
		return b.String()
	}
	said, serr := bounded(p.w.engine, describeTimeout, p.visibleText)
	if serr != nil {
		said = "(the page cannot be read: " + firstLines(serr, 1).Error() + ")"
	}
	fmt.Fprintf(&b, "  page:     %s\n", cut(strings.Join(strings.Fields(said), " "), textLength))
	alerts, _ := bounded(p.w.engine, describeTimeout, func() ([]any, error) {
		return evaluate[[]any](p, `[...document.querySelectorAll('[role=alert]')].map(e => e.innerText.trim()).filter(Boolean)`)
	})
	if len(alerts) > 0 {
		fmt.Fprintf(&b, "  alerts:   %q\n", alerts)
	}
	return b.String()
}

func cut(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n]) + "…"
	}
	return s
}

func (w *window) startTrace() error {
	return w.context.Tracing().Start(playwright.TracingStartOptions{
		Screenshots: playwright.Bool(false), // no picture can be redacted
		// Every case pays for snapshots of the page at each step, and only a red
		// one uses them: `make repro` takes them.
		Snapshots: playwright.Bool(w.opts.Trace == TraceAlways),
		Sources:   playwright.Bool(false),
	})
}

// close ends the context. It never fails the test: what goes wrong here is
// said in the test's log.
func (w *window) close() {
	failed := w.t.Failed()
	for _, p := range w.pages() {
		p.quiet()
	}
	if failed && w.o.ArtifactDir != "" {
		w.keep()
	}
	if w.context == nil {
		return
	}
	if !w.isStuck() {
		w.stopTrace(failed)
	}
	if w.engine.broken() != nil {
		return
	}
	_, err := bounded(w.engine, closeTimeout, func() (struct{}, error) { return struct{}{}, w.context.Close() })
	if errors.Is(err, errStuck) {
		w.engine.breakDown(fmt.Errorf("a window did not close: %w", err))
	}
	if err != nil {
		w.t.Logf("the browser's window did not close: %v", err)
	}
}

// quiet ends what a tab has running on our side.
func (p *Page) quiet() {
	p.mu.Lock()
	s, i := p.cdp, p.intercept
	p.mu.Unlock()
	if s != nil {
		s.queue.close()
	}
	if i != nil {
		i.close(probeTimeout)
	}
}

func (w *window) stopTrace(failed bool) {
	if w.opts.Trace == TraceOff {
		return
	}
	var file []string
	if w.o.ArtifactDir != "" && (failed || w.opts.Trace == TraceAlways) {
		if err := w.makeArtifactDir(); err == nil {
			file = []string{filepath.Join(w.o.ArtifactDir, "trace.zip")}
		}
	}
	if len(file) == 0 {
		return // closing the context drops the trace
	}
	_, err := bounded(w.engine, artifactTimeout, func() (struct{}, error) {
		return struct{}{}, w.context.Tracing().Stop(file...)
	})
	if err != nil {
		w.suspect(err)
		w.t.Logf("the trace was not written: %v", err)
	}
}

// makeArtifactDir makes the folder itself and none above it: where that has gone
// the run is over, and nobody would remove what is left there now.
func (w *window) makeArtifactDir() error {
	if err := os.Mkdir(w.o.ArtifactDir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// keep writes what helps to understand a failure. Before that it learns every
// secret it can, so that the redactor knows them all.
func (w *window) keep() {
	if err := w.makeArtifactDir(); err != nil {
		w.t.Logf("no artefacts: %v", err)
		return
	}
	write := func(name string, content []byte) {
		if err := os.WriteFile(filepath.Join(w.o.ArtifactDir, name), content, 0o600); err != nil {
			w.t.Logf("no %s: %v", name, err)
		}
	}
	for n, p := range w.pages() {
		if p.page == nil || w.isStuck() {
			break // only what we have ourselves can be had
		}
		suffix := ""
		if n > 0 {
			suffix = fmt.Sprintf("-%d", n+1)
		}
		p.URL() // learns
		if _, err := bounded(w.engine, artifactTimeout, func() ([]Cookie, error) { return p.cookies("Network.getAllCookies", nil) }); err != nil {
			w.suspect(err)
		}
		if png, err := bounded(w.engine, artifactTimeout, p.picture); err == nil {
			write("screenshot"+suffix+".png", png)
		} else {
			w.suspect(err)
			w.t.Logf("no screenshot: %v", firstLines(err, 2))
		}
		if html, err := bounded(w.engine, artifactTimeout, p.page.Content); err == nil {
			write("page"+suffix+".html", []byte(html))
		} else {
			w.suspect(err)
		}
	}
	if w.context != nil && !w.isStuck() {
		_, _ = bounded(w.engine, artifactTimeout, func() (struct{}, error) { w.record.complete(); return struct{}{}, nil })
	}
	list := w.record.exchanges()
	w.record.mu.Lock()
	console := strings.Join(w.record.console, "\n")
	suites := append([]Exchange(nil), w.record.suites...)
	w.record.mu.Unlock()
	w.learnFrom(list)
	w.learnFrom(suites)
	write("console.txt", []byte(console+"\n"))
	write("requests.txt", []byte(renderExchanges(list)+renderExchanges(suites)))
}

// picture is a screenshot with the fields masked that may show a secret.
func (p *Page) picture() ([]byte, error) {
	return p.page.Screenshot(playwright.PageScreenshotOptions{
		FullPage: playwright.Bool(true), Timeout: playwright.Float(milliseconds(artifactTimeout)),
		Mask: []playwright.Locator{p.page.Locator(`input[type=password], input[autocomplete="one-time-code"], [data-secret]`)},
	})
}

func renderExchanges(list []Exchange) string {
	var b strings.Builder
	for _, e := range list {
		fmt.Fprintf(&b, "%s %s %s (%s)\n", e.Started.UTC().Format(time.RFC3339Nano), e.Method, e.URL, e.ResourceType)
		writeHeader(&b, "  > ", e.RequestHeader)
		if e.PostData != "" {
			fmt.Fprintf(&b, "  > \n  > %s\n", strings.ReplaceAll(cut(e.PostData, 4000), "\n", "\n  > "))
		}
		if e.Failure != "" {
			fmt.Fprintf(&b, "  < %s\n", e.Failure)
		} else {
			fmt.Fprintf(&b, "  < %d\n", e.Status)
		}
		writeHeader(&b, "  < ", e.ResponseHeader)
	}
	return b.String()
}

func writeHeader(b *strings.Builder, prefix string, h map[string][]string) {
	for _, name := range sortedNames(h) {
		for _, value := range h[name] {
			fmt.Fprintf(b, "%s%s: %s\n", prefix, name, value)
		}
	}
}
