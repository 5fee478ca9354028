package browser

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/playwright-community/playwright-go"
)

// Exchange is one request of the browser and its answer.
type Exchange struct {
	Method, URL    string
	Status         int // 0: no answer (yet)
	RequestHeader  http.Header
	ResponseHeader http.Header
	PostData       string
	ResourceType   string // Chromium's: document, script, fetch, xhr, image…
	Started        time.Time
	Failure        string // why there was no answer, such as net::ERR_NAME_NOT_RESOLVED
}

// recorder keeps what a context asked for and said. Its handlers run on the
// goroutine that reads the driver's messages: they copy and return. Header
// fields that only the network stack knows (Cookie, Set-Cookie) are asked for
// later, in complete.
type recorder struct {
	mu      sync.Mutex
	entries []*entry
	byID    map[playwright.Request]*entry
	suites  []Exchange
	console []string
}

type entry struct {
	Exchange
	request  playwright.Request
	response playwright.Response
	ended    bool
	complete bool
}

func newRecorder() *recorder { return &recorder{byID: map[playwright.Request]*entry{}} }

func (r *recorder) listen(w *window) {
	w.context.OnRequest(func(q playwright.Request) {
		r.requested(q)
		if p := w.navigatedBy(q); p != nil {
			p.nav.requested(q)
		}
	})
	w.context.OnResponse(func(a playwright.Response) {
		r.answered(a)
		p := w.navigatedBy(a.Request())
		if p != nil || w.shows(a.URL()) {
			w.tellAnswer(a.URL(), a.Status(), headerMap(a.Headers()))
		}
		if p != nil && (a.Status() < 300 || a.Status() > 399) {
			p.nav.answered(a)
		}
	})
	w.context.OnRequestFinished(func(q playwright.Request) { r.ended(q, "") })
	w.context.OnRequestFailed(func(q playwright.Request) {
		failure := "failed"
		if err := q.Failure(); err != nil {
			failure = err.Error()
		}
		r.ended(q, failure)
		if p := w.navigatedBy(q); p != nil {
			p.nav.failed(q)
		}
	})
	w.context.OnConsole(func(m playwright.ConsoleMessage) {
		line := m.Type() + ": " + m.Text()
		if at := m.Location(); at != nil && at.URL != "" {
			line += fmt.Sprintf(" (%s:%d)", at.URL, at.LineNumber)
		}
		r.said(line)
	})
	w.context.OnWebError(func(e playwright.WebError) { r.said("uncaught: " + e.Error().Error()) })
}

func (w *window) tellAnswer(address string, status int, header http.Header) {
	if w.o.OnAnswer != nil {
		w.o.OnAnswer(w.secrets.mask(address), status, header)
	}
}

// shows reports whether an address is of the host of a page that is open: what
// others answer, who count or decorate, is not the page's.
func (w *window) shows(address string) bool {
	asked, err := url.Parse(address)
	if err != nil {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.ContainsFunc(w.tabs, func(p *Page) bool {
		if p.page == nil {
			return false
		}
		at, err := url.Parse(p.page.URL())
		return err == nil && at.Host == asked.Host
	})
}

// navigatedBy returns the tab whose top-level navigation a request is, or nil.
func (w *window) navigatedBy(q playwright.Request) *Page {
	if !q.IsNavigationRequest() {
		return nil
	}
	frame := q.Frame()
	if frame == nil || frame.ParentFrame() != nil {
		return nil
	}
	return w.find(frame.Page())
}

func (r *recorder) requested(q playwright.Request) {
	body, _ := q.PostData()
	e := &entry{request: q, Exchange: Exchange{
		Method: q.Method(), URL: q.URL(), RequestHeader: headerMap(q.Headers()), PostData: body,
		ResourceType: q.ResourceType(), Started: time.Now(),
	}}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.entries = append(r.entries, e)
	r.byID[q] = e
}

func (r *recorder) answered(a playwright.Response) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e := r.byID[a.Request()]; e != nil {
		e.response, e.Status, e.ResponseHeader = a, a.Status(), headerMap(a.Headers())
	}
}

func (r *recorder) ended(q playwright.Request, failure string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e := r.byID[q]; e != nil {
		e.ended, e.Failure = true, failure
		delete(r.byID, q)
	}
}

func (r *recorder) said(line string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.console = append(r.console, line)
}

// suite notes a request of Fetch, for the artefacts only.
func (r *recorder) suite(e Exchange) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.suites = append(r.suites, e)
}

// lastDocument returns the last request for a document.
func (r *recorder) lastDocument() Exchange {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range slices.Backward(r.entries) {
		if e.ResourceType == "document" {
			return e.Exchange
		}
	}
	return Exchange{}
}

func headerMap(fields map[string]string) http.Header {
	h := make(http.Header, len(fields))
	for name, value := range fields {
		h.Set(name, value)
	}
	return h
}

// completions is how many exchanges are completed at a time.
const completions = 8

// complete asks for the full header fields of all exchanges that have ended.
func (r *recorder) complete() {
	r.mu.Lock()
	var todo []*entry
	for _, e := range r.entries {
		if e.ended && !e.complete {
			e.complete = true
			todo = append(todo, e)
		}
	}
	r.mu.Unlock()
	var group sync.WaitGroup
	free := make(chan struct{}, completions)
	for _, e := range todo {
		free <- struct{}{}
		group.Go(func() {
			defer func() { <-free }()
			request, err := e.request.HeadersArray()
			var response []playwright.NameValue
			var rerr error
			if e.response != nil {
				response, rerr = e.response.HeadersArray()
			}
			r.mu.Lock()
			defer r.mu.Unlock()
			if err == nil {
				e.RequestHeader = headerOf(request)
			}
			if rerr == nil && response != nil {
				e.ResponseHeader = headerOf(response)
			}
		})
	}
	group.Wait()
}

// exchanges returns copies of all exchanges so far, in order of their start.
func (r *recorder) exchanges() []Exchange {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]Exchange, len(r.entries))
	for i, e := range r.entries {
		list[i] = e.Exchange
		list[i].RequestHeader, list[i].ResponseHeader = e.RequestHeader.Clone(), e.ResponseHeader.Clone()
	}
	return list
}

// Log returns everything the context requested so far, redirects one by one,
// in order. Requests that have ended carry all header fields, Cookie and
// Set-Cookie too.
func (p *Page) Log() []Exchange {
	p.w.t.Helper()
	act(p, "read the log of requests", "the browser's requests", func() error {
		p.w.record.complete()
		return nil
	})
	list := p.w.record.exchanges()
	p.w.learnFrom(list)
	return list
}

func (w *window) learnFrom(list []Exchange) {
	for _, e := range list {
		if u, err := url.Parse(e.URL); err == nil {
			w.secrets.learnURL(u)
		}
		w.secrets.learnForm(e.PostData)
		w.secrets.learnHeader(e.RequestHeader)
		w.secrets.learnHeader(e.ResponseHeader)
	}
}

// Console returns what the pages wrote to the console, and their uncaught
// errors, so far: "type: text (address:line)".
func (p *Page) Console() []string {
	r := p.w.record
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.console...)
}
