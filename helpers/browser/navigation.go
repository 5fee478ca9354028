package browser

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/playwright-community/playwright-go"
)

// navigation follows one tab's top-level navigations. Playwright's own waits
// end at the first document; a sign-in goes through many (redirects, forms that
// post themselves), so we count them.
type navigation struct {
	mu        sync.Mutex
	started   int                // navigations begun
	committed int                // new documents shown
	pending   playwright.Request // the one under way, nil if none
	document  playwright.Response
	changed   chan struct{} // closed and replaced at every change
}

func newNavigation() *navigation { return &navigation{changed: make(chan struct{})} }

// listen hears of new documents. The frame's "navigated" event is the only
// one that tells a new document from a changed fragment, and that tells of
// failures; it is not in playwright-go's interface, so the version is pinned.
func (n *navigation) listen(page playwright.Page) {
	frame, ok := page.MainFrame().(interface{ On(string, any) })
	if !ok {
		return
	}
	frame.On("navigated", func(event map[string]any) {
		_, failed := event["error"]
		n.update(func() {
			switch {
			case failed:
				// The failure of a navigation that another one replaced says
				// nothing about the new one.
				if n.pending != nil && n.pending.URL() == text(event["url"]) {
					n.pending = nil
				}
			case event["newDocument"] != nil:
				n.committed++
				n.pending = nil
			}
		})
	})
}

func (n *navigation) update(f func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f()
	close(n.changed)
	n.changed = make(chan struct{})
}

func (n *navigation) requested(r playwright.Request) {
	n.update(func() {
		if r.RedirectedFrom() == nil {
			n.started++
		}
		n.pending = r
	})
}

func (n *navigation) answered(r playwright.Response) {
	n.update(func() { n.document = r })
}

func (n *navigation) failed(r playwright.Request) {
	n.update(func() {
		if n.pending == r {
			n.pending = nil
		}
	})
}

type navState struct {
	started, committed int
	pending            bool
	document           playwright.Response
}

func (n *navigation) state() (navState, <-chan struct{}) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return navState{n.started, n.committed, n.pending != nil, n.document}, n.changed
}

// await waits until ok holds.
func (n *navigation) await(deadline time.Time, ok func(navState) bool) error {
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	for {
		state, changed := n.state()
		if ok(state) {
			return nil
		}
		select {
		case <-changed:
		case <-timer.C:
			return playwright.ErrTimeout
		}
	}
}

// subresourcePatience is how long pictures, fonts and the like are waited for.
const subresourcePatience = 3 * time.Second

// settle waits until the tab shows a loaded document and no navigation is
// under way or about to begin.
func (p *Page) settle(deadline time.Time) error {
	for {
		if err := p.nav.await(deadline, func(s navState) bool { return !s.pending }); err != nil {
			return fmt.Errorf("a navigation did not end: %w", err)
		}
		before, _ := p.nav.state()
		left := time.Until(deadline)
		if left <= 0 {
			return fmt.Errorf("the page does not come to rest: %w", playwright.ErrTimeout)
		}
		if err := p.parsed(deadline); err != nil {
			return fmt.Errorf("the document did not finish loading: %w", err)
		}
		// Pictures and fonts are waited for, too, since a page may act when it
		// has them; but one that stalls (a slow host, or Chromium's own cache,
		// which makes a second reader wait up to 20 s for the first) is not a
		// document that does not load.
		_ = p.page.WaitForLoadState(playwright.PageWaitForLoadStateOptions{
			State: playwright.LoadStateLoad, Timeout: playwright.Float(milliseconds(min(left, subresourcePatience))),
		})
		// Two turns of the page's own event loop: a form that posts itself has
		// begun its navigation by then.
		_, err := p.runtime(`new Promise(done => setTimeout(() => setTimeout(() => done(true), 0), 0))`)
		if err != nil && !isReplaced(err) {
			return err
		}
		after, _ := p.nav.state()
		if err == nil && !after.pending && after.started == before.started && after.committed == before.committed {
			return nil
		}
	}
}

// parsedSlice is how long the driver is waited for before the document itself
// is asked.
const parsedSlice = time.Second

// parsed waits until the document is parsed. The driver's word for it gets lost
// now and then where one document replaces another at once, as a meta refresh
// does; then the document itself is asked.
func (p *Page) parsed(deadline time.Time) error {
	for {
		left := time.Until(deadline)
		err := p.page.WaitForLoadState(playwright.PageWaitForLoadStateOptions{
			State: playwright.LoadStateDomcontentloaded, Timeout: playwright.Float(milliseconds(max(min(left, parsedSlice), time.Millisecond))),
		})
		if err == nil || !errors.Is(err, playwright.ErrTimeout) {
			return err
		}
		if state, asked := p.runtime(`document.readyState`); asked == nil && (state == "interactive" || state == "complete") {
			return nil
		}
		if left <= parsedSlice {
			return err
		}
	}
}

// isReplaced reports whether a call failed because the document it was for
// went away.
func isReplaced(err error) bool {
	for _, sign := range []string{"Execution context was destroyed", "Cannot find context", "frame was detached", "navigating and changing the content",
		"Not attached to an active page", "Inspected target navigated", "Promise was collected", "uniqueContextId not found"} {
		if strings.Contains(err.Error(), sign) {
			return true
		}
	}
	return false
}

func isInterrupted(err error) bool {
	return strings.Contains(err.Error(), "interrupted by another navigation")
}

// Goto opens an address and waits for the loaded document, also behind forms
// that post themselves. The answer is the last document's.
func (p *Page) Goto(address string) *Answer {
	p.w.t.Helper()
	return p.navigate("open "+p.w.secrets.mask(address), func() (playwright.Response, error) {
		return p.page.Goto(address, playwright.PageGotoOptions{WaitUntil: playwright.WaitUntilStateDomcontentloaded, Timeout: p.limit()})
	})
}

// Reload loads the page again.
func (p *Page) Reload() *Answer {
	p.w.t.Helper()
	return p.navigate("reload the page", func() (playwright.Response, error) {
		return p.page.Reload(playwright.PageReloadOptions{WaitUntil: playwright.WaitUntilStateDomcontentloaded, Timeout: p.limit()})
	})
}

// Back goes one page back, as the browser's button does.
func (p *Page) Back() {
	p.w.t.Helper()
	p.navigate("go back", func() (playwright.Response, error) {
		return p.page.GoBack(playwright.PageGoBackOptions{WaitUntil: playwright.WaitUntilStateDomcontentloaded, Timeout: p.limit()})
	})
}

// AwaitRest waits until the tab shows a loaded document and no navigation is
// under way or about to begin.
func (p *Page) AwaitRest() {
	p.w.t.Helper()
	act(p, "wait for the page to come to rest", "a loaded document", func() error {
		return p.settle(time.Now().Add(p.w.o.Timeout))
	})
}

func (p *Page) navigate(doing string, f func() (playwright.Response, error)) *Answer {
	p.w.t.Helper()
	return do(p, doing, "a loaded document", func() (*Answer, error) {
		deadline := time.Now().Add(p.w.o.Timeout)
		before, _ := p.nav.state()
		response, err := f()
		if err != nil && !isInterrupted(err) {
			return nil, err
		}
		if err := p.settle(deadline); err != nil {
			return nil, err
		}
		if after, _ := p.nav.state(); after.started > before.started && after.document != nil {
			response = after.document
		}
		return p.answerOf(response), nil
	})
}

// PressAndLand presses a key and waits until the navigations this causes have
// ended with a loaded document.
func (p *Page) PressAndLand(key string) {
	p.w.t.Helper()
	act(p, "press "+key+" and go on", "a navigation that ends with a loaded document", func() error {
		return p.causes("the key", func() error { return p.page.Keyboard().Press(key) })
	})
}

// Submit clicks what sel finds and waits until the navigations this causes
// have ended with a loaded document.
func (p *Page) Submit(sel string) {
	p.w.t.Helper()
	act(p, "submit with "+sel, "a navigation that ends with a loaded document", func() error {
		return p.causes("the click", func() error { return p.click(sel) })
	})
}

// causes does something that must begin a navigation, and waits for its end.
func (p *Page) causes(what string, f func() error) error {
	deadline := time.Now().Add(p.w.o.Timeout)
	before, _ := p.nav.state()
	if err := f(); err != nil {
		return err
	}
	err := p.nav.await(deadline, func(s navState) bool {
		return s.started > before.started || s.committed > before.committed
	})
	if err != nil {
		return errors.New(what + " led nowhere: no navigation began")
	}
	return p.settle(deadline)
}
