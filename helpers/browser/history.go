package browser

import (
	"errors"
	"fmt"
	"time"

	"github.com/playwright-community/playwright-go"
)

// Restored says what going back brought.
type Restored struct {
	// Address is where the browser is now, Text what a person reads there.
	Address, Text string
	// FromCache reports whether the whole page came out of the back/forward
	// cache, with everything that it had in memory: no server was asked, and no
	// header but the one it was first served with had a say.
	FromCache bool
}

// HistoryBack goes one page back as a person's browser does, with the
// back/forward cache where Options.BackForwardCache is on (Playwright's own way
// knows nothing of it). At the first page of the history it returns ok false.
// The Page is of no other use afterwards than to go back further: Playwright
// does not follow a page that comes out of that cache.
func (p *Page) HistoryBack() (r Restored, ok bool) {
	p.w.t.Helper()
	ok = do(p, "go back in the history", "an earlier page", func() (bool, error) {
		s, err := p.protocol()
		if err != nil {
			return false, err
		}
		history, err := s.send("Page.getNavigationHistory", nil)
		if err != nil {
			return false, err
		}
		entries, _ := history["entries"].([]any)
		at := int(number(history["currentIndex"]))
		if at == 0 || at >= len(entries) {
			return false, nil
		}
		entry, _ := entries[at-1].(map[string]any)
		// A page that leads on by itself may be going when it is left.
		_, err = retried(p, func() (map[string]any, error) {
			return s.send("Page.navigateToHistoryEntry", map[string]any{"entryId": entry["id"]})
		})
		if err != nil {
			return false, err
		}
		r, err = p.arrived(s, at-1)
		return err == nil, err
	})
	return r, ok
}

// arrived waits until the browser has come to an entry of its history and shows
// a whole document there.
func (p *Page) arrived(s *session, index int) (r Restored, err error) {
	deadline := time.Now().Add(p.w.o.Timeout)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for time.Now().Before(deadline) {
		history, err := s.send("Page.getNavigationHistory", nil)
		if err != nil && isReplaced(err) {
			<-tick.C // one page gives way to the other just now
			continue
		}
		if err != nil {
			return r, err
		}
		if int(number(history["currentIndex"])) <= index {
			answer, err := s.send("Runtime.evaluate", map[string]any{"returnByValue": true, "expression": lookAround})
			result, _ := answer["result"].(map[string]any)
			seen, _ := result["value"].(map[string]any)
			if err == nil && seen["ready"] == "complete" {
				entries, _ := history["entries"].([]any)
				entry, _ := entries[min(index, len(entries)-1)].(map[string]any)
				r = Restored{Address: text(seen["address"]), Text: text(seen["text"])}
				r.FromCache, _ = seen["restored"].(bool)
				if r.Address == text(entry["url"]) {
					return r, nil
				}
			}
			if err != nil && !isReplaced(err) && !errors.Is(err, playwright.ErrTimeout) {
				return r, err
			}
		}
		<-tick.C
	}
	return r, fmt.Errorf("the browser did not come back to an earlier page: %w", playwright.ErrTimeout)
}

// WatchRestores lets every document of this tab note whether it came out of the
// back/forward cache; HistoryBack reads it. Call it before the first page.
func (p *Page) WatchRestores() {
	p.w.t.Helper()
	act(p, "watch for pages that come out of a cache", "a script in every document", func() error {
		s, err := p.protocol()
		if err != nil {
			return err
		}
		if _, err := s.send("Page.enable", nil); err != nil {
			return err
		}
		_, err = s.send("Page.addScriptToEvaluateOnNewDocument", map[string]any{
			"source": `addEventListener("pageshow", e => { window.preflightRestored = e.persisted; });`,
		})
		return err
	})
}

const lookAround = `({
	address: location.href, ready: document.readyState, restored: window.preflightRestored === true,
	text: document.body ? document.body.innerText : "",
})`
