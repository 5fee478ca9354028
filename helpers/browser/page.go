package browser

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/auth-preflight/auth-preflight/helpers/loopback"
	"github.com/playwright-community/playwright-go"
)

const (
	defaultTimeout = 15 * time.Second
	// watchdogGrace is how much longer than Playwright we wait for an answer
	// before we take the connection for stuck.
	watchdogGrace = 5 * time.Second
)

// TB is what a Page needs of a test; testing.TB fits. If it also has a method
// Trouble(format string, args ...any), that one is called instead of Fatalf for
// what is the suite's or the browser's fault and not the deployment's.
type TB interface {
	Helper()
	Cleanup(func())
	Failed() bool
	Fatalf(format string, args ...any)
	Logf(format string, args ...any)
}

// Size is the size of a window in CSS pixels.
type Size struct{ Width, Height int }

// WindowOptions say how to open a window.
type WindowOptions struct {
	// ArtifactDir receives screenshot.png, trace.zip, page.html, console.txt
	// and requests.txt if the test fails. They hold secrets: redact them
	// before they are shown. The folder above it must exist. Empty: nothing is
	// written.
	ArtifactDir string
	// Client sends what Fetch asks for; nil: one that trusts Options.CAFile.
	// With a Proxy its transport is told to go there: an *http.Transport, or one
	// that has the method Through.
	Client *http.Client
	// Timeout bounds each action; zero: 15 s.
	Timeout time.Duration
	// Locale such as "de-DE"; empty: the browser's.
	Locale string
	// Viewport; zero: 1280 by 720.
	Viewport Size
	// Proxy is the address of an HTTP proxy, perhaps with user and password,
	// through which everything goes, also
	// what is on loopback, and what Fetch asks for; empty: none.
	Proxy string
	// OnSecret is told each secret this window sees or types: what FillSecret
	// types, cookie values, and codes, states and tokens in addresses and
	// forms. It must be safe for concurrent use.
	OnSecret func(string)
	// OnAnswer is told of each answer that Fetch is given, and of those that a
	// window is given to what it opens or by the host of a page in it: where the
	// answer came from, its status and header. It must be safe for concurrent use.
	OnAnswer func(address string, status int, header http.Header)
}

// window is one browser context: the cookies and the tabs of one person.
type window struct {
	t       TB
	o       WindowOptions
	opts    Options
	engine  *engine
	context playwright.BrowserContext
	client  *http.Client
	record  *recorder
	secrets *secrets
	early   *early // nil once the window is open

	mu    sync.Mutex
	tabs  []*Page
	step  string
	stuck bool
}

// Page is one tab. Use it from the goroutine of its test only; many Pages may
// be in use at once.
type Page struct {
	w    *window
	page playwright.Page
	nav  *navigation

	mu        sync.Mutex
	cdp       *session
	intercept *interceptor
}

// Open returns the only tab of a fresh context, and closes it when t ends. The
// browser makes both as soon as something is to be drawn, or to be asked of it;
// a test that only sends requests, with Fetch, costs no window.
func (b *Browser) Open(t TB, o WindowOptions) *Page {
	t.Helper()
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	e, err := b.running(context.Background())
	if err != nil {
		giveUp(t, "no browser: %v", err)
		return nil
	}
	w := &window{
		t: t, o: o, opts: b.opts, engine: e, client: plainClient(o, b),
		secrets: newSecrets(o.OnSecret), record: newRecorder(), early: newEarly(),
	}
	p := &Page{w: w, nav: newNavigation()}
	w.tabs = []*Page{p}
	t.Cleanup(w.close)
	if o.Proxy != "" {
		t.Cleanup(w.client.CloseIdleConnections)
	}
	return p
}

// open opens the window, unless it is open.
func (w *window) open() {
	if w.early == nil {
		return
	}
	w.t.Helper()
	begun := w.early
	w.early = nil
	var err error
	if w.context, err = bounded(w.engine, w.patience(), func() (playwright.BrowserContext, error) {
		return w.engine.browser.NewContext(w.contextOptions())
	}); err != nil {
		w.suspect(err)
		giveUp(w.t, "the browser did not open a window: %v", err)
	}
	w.listen()
	p, err := bounded(w.engine, w.patience(), func() (*Page, error) {
		if w.opts.Trace != TraceOff {
			if err := w.startTrace(); err != nil {
				return nil, err
			}
		}
		return w.newTab()
	})
	for i := 0; err == nil && i < len(begun.set); i++ {
		err = p.store(begun.set[i])
	}
	if err != nil {
		w.suspect(err)
		giveUp(w.t, "the browser did not open a tab: %v", err)
	}
}

// userAgent is the browser's name for itself, and the mark.
func (w *window) userAgent() string {
	return strings.TrimSpace(w.engine.userAgent + " " + w.opts.Mark)
}

func (w *window) contextOptions() playwright.BrowserNewContextOptions {
	o := w.o
	options := playwright.BrowserNewContextOptions{AcceptDownloads: playwright.Bool(false)}
	if w.opts.Mark != "" {
		options.UserAgent = playwright.String(w.userAgent())
	}
	if o.Locale != "" {
		options.Locale = playwright.String(o.Locale)
	}
	if u, err := url.Parse(o.Proxy); err == nil && o.Proxy != "" {
		options.Proxy = &playwright.Proxy{Server: u.Scheme + "://" + u.Host, Bypass: playwright.String("<-loopback>")}
		if password, set := u.User.Password(); set {
			options.Proxy.Username, options.Proxy.Password = playwright.String(u.User.Username()), playwright.String(password)
		}
	}
	if o.Viewport.Width > 0 && o.Viewport.Height > 0 {
		options.Viewport = &playwright.Size{Width: o.Viewport.Width, Height: o.Viewport.Height}
	}
	return options
}

// plainClient returns a copy of a window's client that follows no redirect and
// keeps no cookies: the context's are the only ones. It goes the window's way.
func plainClient(o WindowOptions, b *Browser) *http.Client {
	plain := http.Client{}
	if o.Client != nil {
		plain = *o.Client
	} else {
		plain.Transport = loopback.Transport(b.roots)
	}
	if u, err := url.Parse(o.Proxy); err == nil && o.Proxy != "" {
		plain.Transport = through(u, plain.Transport, b)
	}
	plain.Jar = nil
	plain.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &plain
}

// through is a transport like t whose connections all go through a proxy.
func through(proxy *url.URL, t http.RoundTripper, b *Browser) http.RoundTripper {
	if layered, ok := t.(interface {
		Through(proxy *url.URL) (http.RoundTripper, bool)
	}); ok {
		if via, ok := layered.Through(proxy); ok {
			return via
		}
	}
	via := loopback.Transport(b.roots)
	if t, ok := t.(*http.Transport); ok {
		via = t.Clone()
	}
	via.Proxy = http.ProxyURL(proxy)
	return via
}

// listen follows what happens in the context. The handlers run on the
// goroutine that reads the driver's messages: they copy and return.
func (w *window) listen() {
	w.record.listen(w)
	w.context.OnPage(func(page playwright.Page) { w.adopt(page) })
}

// adopt returns the Page of a tab, made when first seen.
func (w *window) adopt(page playwright.Page) *Page {
	w.mu.Lock()
	defer w.mu.Unlock()
	var p *Page
	for _, tab := range w.tabs {
		switch tab.page {
		case page:
			return tab
		case nil: // the first one, which waited for it
			p = tab
		}
	}
	if p == nil {
		p = &Page{w: w, nav: newNavigation()}
		w.tabs = append(w.tabs, p)
	}
	p.page = page
	p.nav.listen(page)
	page.OnClose(func(playwright.Page) { w.forget(p) })
	return p
}

func (w *window) forget(p *Page) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, tab := range w.tabs {
		if tab == p {
			w.tabs = append(append([]*Page{}, w.tabs[:i]...), w.tabs[i+1:]...)
			return
		}
	}
}

// find returns the Page of a tab, or nil.
func (w *window) find(page playwright.Page) *Page {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.tabs {
		if p.page == page {
			return p
		}
	}
	return nil
}

func (w *window) pages() []*Page {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]*Page(nil), w.tabs...)
}

func (w *window) newTab() (*Page, error) {
	page, err := w.context.NewPage()
	if err != nil {
		return nil, err
	}
	return w.adopt(page), nil
}

// patience is how long the watchdog waits for one call.
func (w *window) patience() time.Duration { return w.o.Timeout + watchdogGrace }

// NewTab opens another tab of the same context.
func (p *Page) NewTab() *Page {
	p.w.t.Helper()
	return do(p, "open another tab", "a tab", p.w.newTab)
}

// Tabs returns all open tabs of the context, popups too, oldest first.
func (p *Page) Tabs() []*Page { return p.w.pages() }

// Proxied reports whether the window's traffic goes through a proxy of its own,
// which Fetch does not use.
func (p *Page) Proxied() bool { return p.w.o.Proxy != "" }

// Step names what the test is at; failures say it. It holds for all tabs.
func (p *Page) Step(name string) {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	p.w.step = name
}

// Timeout is how long one action may take.
func (p *Page) Timeout() time.Duration { return p.w.o.Timeout }

// URL returns the address of the page as it is now.
func (p *Page) URL() *url.URL {
	if p.page == nil {
		return &url.URL{Scheme: "about", Opaque: "blank"}
	}
	u, err := url.Parse(p.page.URL())
	if err != nil {
		u = &url.URL{Opaque: p.page.URL()}
	}
	p.w.secrets.learnURL(u)
	return u
}

// Title returns the document's title.
func (p *Page) Title() string {
	p.w.t.Helper()
	return do(p, "read the title", "a document", func() (string, error) {
		return evaluate[string](p, `document.title`)
	})
}

// Text returns the text a person can see on the page.
func (p *Page) Text() string {
	p.w.t.Helper()
	return do(p, "read the page", "a document", p.visibleText)
}

func (p *Page) visibleText() (string, error) {
	return evaluate[string](p, `document.body ? document.body.innerText : ''`)
}

// HTML returns the document as it is now, as HTML.
func (p *Page) HTML() string {
	p.w.t.Helper()
	return do(p, "read the document", "a document", p.page.Content)
}

// do runs one action within the page's time and fails the test if it does not
// succeed.
func do[T any](p *Page, doing, expected string, f func() (T, error)) T {
	p.w.t.Helper()
	p.w.open()
	return doUnseen(p, doing, expected, f)
}

// doUnseen is do for what needs no window.
func doUnseen[T any](p *Page, doing, expected string, f func() (T, error)) T {
	p.w.t.Helper()
	value, err := bounded(p.w.engine, p.w.patience(), f)
	if err != nil {
		p.fail(doing, expected, err)
	}
	return value
}

// act is do for actions without a result.
func act(p *Page, doing, expected string, f func() error) {
	p.w.t.Helper()
	do(p, doing, expected, func() (struct{}, error) { return struct{}{}, f() })
}

// giveUp ends a test for a reason that is not the deployment's.
func giveUp(t TB, format string, args ...any) {
	t.Helper()
	if c, ok := t.(interface {
		Trouble(format string, args ...any)
	}); ok {
		c.Trouble(format, args...)
		return
	}
	t.Fatalf("%s", fmt.Sprintf(format, args...))
}
