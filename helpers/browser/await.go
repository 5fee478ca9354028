package browser

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/playwright-community/playwright-go"
)

// Await waits until one of the selectors finds something visible and returns
// which one (the first, if several do).
func (p *Page) Await(sel ...string) int {
	p.w.t.Helper()
	return do(p, "wait for "+strings.Join(sel, " or "), "one of them to become visible", func() (int, error) {
		if len(sel) == 0 {
			return 0, errors.New("no selector was given")
		}
		deadline := time.Now().Add(p.w.o.Timeout)
		for {
			any := p.page.Locator(sel[0])
			for _, s := range sel[1:] {
				any = any.Or(p.page.Locator(s))
			}
			left := max(time.Until(deadline), time.Millisecond)
			err := any.Locator("visible=true").First().WaitFor(playwright.LocatorWaitForOptions{
				State: playwright.WaitForSelectorStateVisible, Timeout: playwright.Float(milliseconds(left)),
			})
			if err != nil {
				return 0, err
			}
			for i, s := range sel {
				if seen, err := p.sees(s); err != nil || seen {
					return i, err
				}
			}
			// It was there and is gone again: the page is changing.
		}
	})
}

// AwaitURL waits until the page is at an address that ok accepts, with its
// document loaded and no navigation under way. what says in words which one.
func (p *Page) AwaitURL(what string, ok func(*url.URL) bool) {
	p.w.t.Helper()
	act(p, "wait for "+what, "the browser to arrive at "+what, func() error {
		deadline := time.Now().Add(p.w.o.Timeout)
		for {
			err := p.nav.await(deadline, func(navState) bool { return ok(p.URL()) })
			if err != nil {
				return fmt.Errorf("the browser did not get there: %w", err)
			}
			if err := p.settle(deadline); err != nil {
				return err
			}
			if ok(p.URL()) {
				return nil
			}
		}
	})
}
