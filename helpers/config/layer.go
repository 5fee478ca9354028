package config

import (
	"net/http"
	"net/url"
)

// layer is a transport that looks at each request before the one below sends it,
// and makes answers legible.
type layer struct {
	below http.RoundTripper
	// see returns the request to send, the same or a copy; an error keeps it back.
	see func(*http.Request) (*http.Request, error)
}

// over returns a client like c that sends what see returns.
func over(c *http.Client, see func(*http.Request) (*http.Request, error)) *http.Client {
	layered := *c
	below := c.Transport
	if below == nil {
		below = http.DefaultTransport
	}
	layered.Transport = layer{below, see}
	return &layered
}

func (l layer) RoundTrip(r *http.Request) (*http.Response, error) {
	r, err := l.see(r)
	if err != nil {
		return nil, err
	}
	answer, err := l.below.RoundTrip(r)
	if err == nil {
		legible(answer)
	}
	return answer, err
}

// CloseIdleConnections is what http.Client calls by the same name.
func (l layer) CloseIdleConnections() {
	if below, ok := l.below.(interface{ CloseIdleConnections() }); ok {
		below.CloseIdleConnections()
	}
}

// Through returns the same layers with connections of their own, which all go
// through an HTTP proxy. It reports whether the transport below can be told so.
func (l layer) Through(proxy *url.URL) (http.RoundTripper, bool) {
	switch below := l.below.(type) {
	case *http.Transport:
		via := below.Clone()
		via.Proxy = http.ProxyURL(proxy)
		return layer{via, l.see}, true
	case layer:
		if via, ok := below.Through(proxy); ok {
			return layer{via, l.see}, true
		}
	}
	return nil, false
}
