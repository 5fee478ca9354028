package browser

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/playwright-community/playwright-go"
)

// maxBody bounds what is read of one answer, in bytes.
const maxBody = 8 << 20

// Answer is what a server answered.
type Answer struct {
	Status int    // 0: none (a change of the fragment only)
	URL    string // of the request that was answered
	Header http.Header
	Body   []byte // nil where the browser no longer had it

	p *Page
}

// JSON decodes the body into v and fails the test if it is no such JSON.
func (a *Answer) JSON(v any) {
	a.p.w.t.Helper()
	if err := json.Unmarshal(a.Body, v); err != nil {
		a.p.Fail("read the answer of "+a.p.w.secrets.mask(a.URL), fmt.Sprintf("JSON that fits %T", v),
			fmt.Errorf("%w (status %d, body %s)", err, a.Status, a.p.w.secrets.mask(cut(string(a.Body), textLength))))
	}
}

// TryJSON decodes the body into v and reports whether it could.
func (a *Answer) TryJSON(v any) bool { return json.Unmarshal(a.Body, v) == nil }

// answerOf copies a document's answer; what the browser no longer has is left
// out.
func (p *Page) answerOf(r playwright.Response) *Answer {
	a := &Answer{URL: p.page.URL(), Header: http.Header{}, p: p}
	if r == nil {
		return a
	}
	a.Status, a.URL = r.Status(), r.URL()
	const lookup = 3 * time.Second
	if fields, err := bounded(p.w.engine, lookup, r.HeadersArray); err == nil {
		a.Header = headerOf(fields)
	} else {
		for name, value := range r.Headers() {
			a.Header.Set(name, value)
		}
	}
	if body, err := bounded(p.w.engine, lookup, r.Body); err == nil {
		a.Body = body
	}
	p.w.secrets.learnHeader(a.Header)
	return a
}

func headerOf(fields []playwright.NameValue) http.Header {
	h := http.Header{}
	for _, f := range fields {
		// Chromium joins repeated fields with line breaks.
		for value := range strings.SplitSeq(f.Value, "\n") {
			h.Add(f.Name, value)
		}
	}
	return h
}

// FetchOption changes a request of Fetch.
type FetchOption func(*fetch)

type fetch struct {
	header http.Header
	body   []byte
	err    error
}

// WithHeader sets a header field.
func WithHeader(name, value string) FetchOption {
	return func(f *fetch) { f.header.Set(name, value) }
}

// WithForm sends a form.
func WithForm(form url.Values) FetchOption {
	return WithBody("application/x-www-form-urlencoded", []byte(form.Encode()))
}

// WithJSON sends v as JSON.
func WithJSON(v any) FetchOption {
	b, err := json.Marshal(v)
	return func(f *fetch) {
		f.err = err
		WithBody("application/json", b)(f)
	}
}

// WithBody sends a body of the given media type.
func WithBody(contentType string, body []byte) FetchOption {
	return func(f *fetch) {
		f.body = body
		f.header.Set("Content-Type", contentType)
	}
}

// Fetch sends one request with Go's client, with the cookies that the browser
// would send there and under its name. It follows no redirect; the cookies
// that are set go into the context. It is not in Log, for the browser did not
// ask. A request that gets no answer at all fails the test.
func (p *Page) Fetch(method, address string, options ...FetchOption) *Answer {
	p.w.t.Helper()
	return doUnseen(p, fmt.Sprintf("ask %s %s", method, p.w.secrets.mask(address)), "an answer", func() (*Answer, error) {
		f := &fetch{header: http.Header{}}
		for _, option := range options {
			option(f)
		}
		if f.err != nil {
			return nil, f.err
		}
		return p.fetch(method, address, f)
	})
}

func (p *Page) fetch(method, address string, f *fetch) (*Answer, error) {
	ctx, cancel := context.WithTimeout(context.Background(), p.w.o.Timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(f.body))
	if err != nil {
		return nil, err
	}
	p.w.secrets.learnURL(r.URL)
	sent, err := p.cookiesFor(r.URL)
	if err != nil {
		return nil, err
	}
	r.Header.Set("User-Agent", p.w.userAgent())
	if sent != "" {
		r.Header.Set("Cookie", sent)
	}
	for name, values := range f.header {
		r.Header[name] = values
	}
	if host := f.header.Get("Host"); host != "" {
		r.Host = host
	}
	started := time.Now()
	response, err := p.w.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody))
	if err != nil {
		return nil, err
	}
	p.w.secrets.learnHeader(response.Header)
	p.w.tellAnswer(address, response.StatusCode, response.Header)
	p.w.record.suite(Exchange{
		Method: method, URL: address, Status: response.StatusCode, RequestHeader: r.Header, ResponseHeader: response.Header,
		PostData: string(f.body), ResourceType: "suite", Started: started,
	})
	for _, set := range response.Cookies() {
		if err := p.takeCookie(r.URL, set); err != nil {
			return nil, err
		}
	}
	return &Answer{Status: response.StatusCode, URL: address, Header: response.Header, Body: body, p: p}, nil
}

// cookiesFor is the Cookie field with which the browser would ask for u.
func (p *Page) cookiesFor(u *url.URL) (string, error) {
	if e := p.w.early; e != nil {
		return e.header(u), nil
	}
	cookies, err := p.cookies("Network.getCookies", map[string]any{"urls": []string{u.String()}})
	return cookieHeader(cookies), err
}

func cookieHeader(cookies []Cookie) string {
	pairs := make([]string, len(cookies))
	for i, c := range cookies {
		pairs[i] = c.Name + "=" + c.Value
	}
	return strings.Join(pairs, "; ")
}

// takeCookie does with a Set-Cookie what the browser does. One that the
// browser refuses is not stored, as in the browser.
func (p *Page) takeCookie(u *url.URL, set *http.Cookie) error {
	read := readCookie(u, set, time.Now())
	if e := p.w.early; e != nil {
		p.w.secrets.learnCookie(read.cookie.Value)
		e.take(u, set, read)
		return nil
	}
	return p.store(read)
}

// store hands the browser a cookie that came by Fetch.
func (p *Page) store(r received) error {
	if r.removed {
		return p.deleteCookie(r.cookie)
	}
	err := p.setCookie(r.from, r.cookie)
	if err != nil && p.w.engine.broken() == nil && !strings.Contains(err.Error(), errStuck.Error()) {
		return nil // refused
	}
	return err
}

// readCookie reads a Set-Cookie that u sent (RFC 6265, 5.3).
func readCookie(u *url.URL, set *http.Cookie, now time.Time) received {
	c := Cookie{
		Name: set.Name, Value: set.Value, Path: set.Path, HTTPOnly: set.HttpOnly, Secure: set.Secure,
		Domain: u.Hostname(), HostOnly: set.Domain == "",
	}
	if set.Quoted {
		c.Value = `"` + set.Value + `"`
	}
	if !c.HostOnly {
		c.Domain = strings.TrimPrefix(strings.ToLower(set.Domain), ".")
	}
	if !strings.HasPrefix(c.Path, "/") {
		c.Path = defaultPath(u)
	}
	switch set.SameSite {
	case http.SameSiteStrictMode:
		c.SameSite = "Strict"
	case http.SameSiteLaxMode:
		c.SameSite = "Lax"
	case http.SameSiteNoneMode:
		c.SameSite = "None"
	}
	removed := false
	switch { // Max-Age wins over Expires
	case set.MaxAge < 0:
		removed = true
	case set.MaxAge > 0:
		c.Expires = now.Add(time.Duration(set.MaxAge) * time.Second)
	case !set.Expires.IsZero() && !set.Expires.After(now):
		removed = true
	default:
		c.Expires = set.Expires
	}
	return received{from: u, cookie: c, removed: removed}
}

// defaultPath is RFC 6265, 5.1.4.
func defaultPath(u *url.URL) string {
	if !strings.HasPrefix(u.Path, "/") || strings.Count(u.Path, "/") == 1 {
		return "/"
	}
	return path.Dir(u.Path)
}
