package browser

import (
	"net/http"
	"net/url"
	"time"
)

// Request is a request that was stopped before it left the browser.
type Request struct {
	Method   string
	URL      *url.URL
	Header   http.Header // as far as the page knows it: no Cookie
	PostForm url.Values  // of a form that was posted

	body []byte
}

// Held waits for one request.
type Held struct {
	p     *Page
	what  string
	match func(*url.URL) bool
	i     *interceptor
	came  chan Request
}

// Hold stops the next top-level navigation of this tab that match accepts,
// before it leaves the browser, also when a redirect leads there, and shows an
// empty page instead. what says in words what is waited for. It stops one
// request and lets later ones pass. match runs on a goroutine of its own.
func (p *Page) Hold(what string, match func(*url.URL) bool) *Held {
	p.w.t.Helper()
	return do(p, "hold "+what, "the browser to stop requests", func() (*Held, error) {
		i, err := p.interception()
		if err != nil {
			return nil, err
		}
		h := &Held{p: p, what: what, match: match, i: i, came: make(chan Request, 1)}
		i.mu.Lock()
		i.holds = append(i.holds, h)
		i.mu.Unlock()
		return h, i.refresh()
	})
}

// Await waits for the request and for the empty page in its place. It fails the
// test if none comes in time.
func (h *Held) Await() Request {
	h.p.w.t.Helper()
	return do(h.p, "wait for "+h.what, "the browser to go there", func() (Request, error) {
		deadline := time.Now().Add(h.p.w.o.Timeout)
		timer := time.NewTimer(h.p.w.o.Timeout)
		defer timer.Stop()
		select {
		case r := <-h.came:
			h.came <- r // Await may be called again
			h.p.w.secrets.learnURL(r.URL)
			h.p.w.secrets.learnValues(r.PostForm)
			return r, h.p.settle(deadline)
		case <-timer.C:
			return Request{}, errNotHeld
		}
	})
}

// Came reports whether the request has come already; it does not wait.
func (h *Held) Came() bool { return len(h.came) > 0 }

// Release stops holding: a request that has not come yet will pass.
func (h *Held) Release() {
	h.p.w.t.Helper()
	act(h.p, "release "+h.what, "the browser to let requests pass", func() error {
		if !h.i.drop(h) {
			return nil
		}
		return h.i.refresh()
	})
}

var errNotHeld = errTimeout("no such request was made")
