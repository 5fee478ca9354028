package browser

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// interceptor stops requests of one tab before they leave, by the protocol's
// Fetch domain: Playwright's own routes do not see what a redirect asks for.
// Hold, Serve and
// Unreachable share it.
type interceptor struct {
	s     *session
	frame string // the main frame

	mu      sync.Mutex
	holds   []*Held
	serves  map[string]http.Handler // by origin
	outages map[string]bool         // origins that cannot be reached
	closed  bool
	group   sync.WaitGroup
}

// interception returns the tab's interceptor, made on first use.
func (p *Page) interception() (*interceptor, error) {
	s, err := p.protocol()
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	i := p.intercept
	p.mu.Unlock()
	if i != nil {
		return i, nil
	}
	info, err := s.send("Target.getTargetInfo", nil)
	if err != nil {
		return nil, err
	}
	info, _ = info["targetInfo"].(map[string]any)
	// The id of a tab's main frame is the id of its target.
	i = &interceptor{s: s, frame: text(info["targetId"]), serves: map[string]http.Handler{}, outages: map[string]bool{}}
	s.raw.On("Fetch.requestPaused", func(event any) {
		if paused, ok := event.(map[string]any); ok {
			i.paused(paused)
		}
	})
	p.mu.Lock()
	p.intercept = i
	p.mu.Unlock()
	return i, nil
}

// refresh tells the browser what to stop: as little as possible, for each
// stopped request costs a way to us and back.
func (i *interceptor) refresh() error {
	i.mu.Lock()
	var patterns []any
	if len(i.holds) > 0 {
		patterns = append(patterns, map[string]any{"urlPattern": "*", "resourceType": "Document", "requestStage": "Request"})
	}
	for origin := range i.serves {
		patterns = append(patterns, map[string]any{"urlPattern": origin + "/*", "requestStage": "Request"})
	}
	for origin := range i.outages {
		patterns = append(patterns, map[string]any{"urlPattern": origin + "/*", "requestStage": "Request"})
	}
	i.mu.Unlock()
	if len(patterns) == 0 {
		_, err := i.s.send("Fetch.disable", nil)
		return err
	}
	_, err := i.s.send("Fetch.enable", map[string]any{"patterns": patterns})
	return err
}

// paused runs on the goroutine that reads the driver's messages.
func (i *interceptor) paused(event map[string]any) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closed {
		return // close lets them go
	}
	i.group.Go(func() { i.decide(event) })
}

func (i *interceptor) decide(event map[string]any) {
	id := text(event["requestId"])
	request, ok := readPaused(event)
	if !ok {
		i.reply("Fetch.continueRequest", map[string]any{"requestId": id})
		return
	}
	topLevel := event["resourceType"] == "Document" && event["frameId"] == i.frame
	if held := i.claim(request.URL, topLevel); held != nil {
		i.fulfil(id, http.StatusOK, http.Header{"Content-Type": {"text/html; charset=utf-8"}, "Cache-Control": {"no-store"}},
			[]byte("<!doctype html><html lang=en><title>Held</title>"))
		held.came <- request
		_ = i.refresh()
		return
	}
	if i.cut(request.URL) {
		i.reply("Fetch.failRequest", map[string]any{"requestId": id, "errorReason": "NameNotResolved"})
		return
	}
	if handler := i.handler(request.URL); handler != nil {
		i.serve(id, request, handler)
		return
	}
	i.reply("Fetch.continueRequest", map[string]any{"requestId": id})
}

// claim returns the Held that waits for this request, which then waits no more.
func (i *interceptor) claim(u *url.URL, topLevel bool) *Held {
	if !topLevel {
		return nil
	}
	i.mu.Lock()
	waiting := append([]*Held(nil), i.holds...)
	i.mu.Unlock()
	for _, h := range waiting {
		if h.match(u) && i.drop(h) {
			return h
		}
	}
	return nil
}

func (i *interceptor) handler(u *url.URL) http.Handler {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.serves[originOf(u)]
}

func (i *interceptor) cut(u *url.URL) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.outages[originOf(u)]
}

// drop forgets a Held and reports whether it was still there.
func (i *interceptor) drop(h *Held) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	for n, other := range i.holds {
		if other == h {
			i.holds = append(append([]*Held{}, i.holds[:n]...), i.holds[n+1:]...)
			return true
		}
	}
	return false
}

func (i *interceptor) reply(method string, params map[string]any) {
	// An error says that the request is gone: the page moved on.
	_, _ = i.s.send(method, params)
}

func (i *interceptor) fulfil(id string, status int, header http.Header, body []byte) {
	var fields []any
	for name, values := range header {
		for _, value := range values {
			fields = append(fields, map[string]any{"name": name, "value": value})
		}
	}
	i.reply("Fetch.fulfillRequest", map[string]any{
		"requestId": id, "responseCode": status, "responseHeaders": fields, "body": base64.StdEncoding.EncodeToString(body),
	})
}

// close lets all stopped requests go and waits for the handlers, within
// limit, so that nothing is under way when the context is closed.
func (i *interceptor) close(limit time.Duration) {
	i.mu.Lock()
	i.closed = true
	i.mu.Unlock()
	done := make(chan struct{})
	go func() {
		_, _ = send(i.s.raw, "Fetch.disable", nil)
		i.group.Wait()
		close(done)
	}()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
}

// readPaused copies the request of a Fetch.requestPaused event.
func readPaused(event map[string]any) (Request, bool) {
	fields, _ := event["request"].(map[string]any)
	u, err := url.Parse(text(fields["url"]) + text(fields["urlFragment"]))
	if fields == nil || err != nil {
		return Request{}, false
	}
	r := Request{Method: text(fields["method"]), URL: u, Header: http.Header{}, PostForm: url.Values{}}
	headers, _ := fields["headers"].(map[string]any)
	for name, value := range headers {
		r.Header.Set(name, text(value))
	}
	r.body = postedBytes(fields)
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		if form, err := url.ParseQuery(string(r.body)); err == nil {
			r.PostForm = form
		}
	}
	return r, true
}

func postedBytes(fields map[string]any) []byte {
	var body []byte
	entries, _ := fields["postDataEntries"].([]any)
	for _, item := range entries {
		part, _ := item.(map[string]any)
		if b, err := base64.StdEncoding.DecodeString(text(part["bytes"])); err == nil {
			body = append(body, b...)
		}
	}
	if len(body) > 0 {
		return body
	}
	b, _ := io.ReadAll(strings.NewReader(text(fields["postData"])))
	return b
}

// originOf returns scheme://host[:port], without a default port.
func originOf(u *url.URL) string {
	host := strings.ToLower(u.Host)
	switch {
	case u.Scheme == "https":
		host = strings.TrimSuffix(host, ":443")
	case u.Scheme == "http":
		host = strings.TrimSuffix(host, ":80")
	}
	return strings.ToLower(u.Scheme) + "://" + host
}
