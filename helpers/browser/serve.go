package browser

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Serve answers every request of this tab to an origin (scheme://host[:port])
// with h, in this process, also when a redirect leads there. Nothing leaves the
// browser, so the host need not exist.
func (p *Page) Serve(origin string, h http.Handler) {
	p.w.t.Helper()
	act(p, "serve "+origin, "an origin", func() error {
		u, err := url.Parse(origin)
		if err != nil || u.Scheme == "" || u.Host == "" || strings.Trim(u.Path, "/") != "" {
			return fmt.Errorf("%q is no origin: use scheme://host[:port]", origin)
		}
		i, err := p.interception()
		if err != nil {
			return err
		}
		i.mu.Lock()
		i.serves[originOf(u)] = h
		i.mu.Unlock()
		return i.refresh()
	})
}

// serve lets a handler answer a stopped request.
func (i *interceptor) serve(id string, q Request, h http.Handler) {
	answer := &recording{header: http.Header{}}
	func() {
		defer func() {
			if problem := recover(); problem != nil {
				answer = &recording{header: http.Header{}, status: http.StatusInternalServerError}
				fmt.Fprintf(&answer.body, "the suite's handler panicked: %v", problem)
			}
		}()
		r, err := http.NewRequestWithContext(context.Background(), q.Method, q.URL.String(), bytes.NewReader(q.body))
		if err != nil {
			http.Error(answer, err.Error(), http.StatusBadRequest)
			return
		}
		r.Header, r.RequestURI, r.RemoteAddr = q.Header, q.URL.RequestURI(), "127.0.0.1:0"
		if r.Header.Get("Cookie") == "" {
			if cookies, err := i.s.p.cookies("Network.getCookies", map[string]any{"urls": []string{q.URL.String()}}); err == nil && len(cookies) > 0 {
				r.Header.Set("Cookie", cookieHeader(cookies))
			}
		}
		h.ServeHTTP(answer, r)
	}()
	answer.WriteHeader(http.StatusOK)
	if answer.header.Get("Content-Type") == "" && answer.body.Len() > 0 {
		answer.header.Set("Content-Type", http.DetectContentType(answer.body.Bytes()))
	}
	i.fulfil(id, answer.status, answer.header, answer.body.Bytes())
}

// recording is an http.ResponseWriter that keeps the answer.
type recording struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recording) Header() http.Header { return r.header }

func (r *recording) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

func (r *recording) Write(b []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(b)
}
