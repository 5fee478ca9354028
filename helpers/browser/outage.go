package browser

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/playwright-community/playwright-go"
)

// Outage keeps one tab from an origin, as a network does that is down.
type Outage struct {
	p      *Page
	i      *interceptor
	origin string
}

// Unreachable makes an origin (scheme://host[:port]) unreachable for this tab,
// as if its name were in no DNS any more, until End. Nothing leaves the browser.
func (p *Page) Unreachable(origin string) *Outage {
	p.w.t.Helper()
	return do(p, "cut the browser off from "+origin, "an origin", func() (*Outage, error) {
		u, err := url.Parse(origin)
		if err != nil || u.Scheme == "" || u.Host == "" || strings.Trim(u.Path, "/") != "" {
			return nil, fmt.Errorf("%q is no origin: use scheme://host[:port]", origin)
		}
		i, err := p.interception()
		if err != nil {
			return nil, err
		}
		o := &Outage{p: p, i: i, origin: originOf(u)}
		i.mu.Lock()
		i.outages[o.origin] = true
		i.mu.Unlock()
		return o, i.refresh()
	})
}

// End makes the origin reachable again.
func (o *Outage) End() {
	o.p.w.t.Helper()
	act(o.p, "let the browser reach "+o.origin+" again", "the browser to let requests pass", func() error {
		o.i.mu.Lock()
		delete(o.i.outages, o.origin)
		o.i.mu.Unlock()
		return o.i.refresh()
	})
}

// Attempt opens an address that may not be reachable. It returns the browser's
// own word for what went wrong, such as net::ERR_NAME_NOT_RESOLVED, or "" where
// a document loaded. Only a browser that does not come to an end fails the test.
func (p *Page) Attempt(address string) (failure string) {
	p.w.t.Helper()
	return do(p, "try to open "+p.w.secrets.mask(address), "an end, good or bad", func() (string, error) {
		_, err := p.page.Goto(address, playwright.PageGotoOptions{WaitUntil: playwright.WaitUntilStateDomcontentloaded, Timeout: p.limit()})
		if err == nil { // a page that leads on by itself is no end yet
			err = p.settle(time.Now().Add(p.w.o.Timeout))
			return p.w.record.lastDocument().Failure, err
		}
		if at := strings.Index(err.Error(), "net::"); at >= 0 {
			word, _, _ := strings.Cut(err.Error()[at:], " ")
			return word, nil
		}
		return "", err
	})
}
