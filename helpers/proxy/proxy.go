// Package proxy is a forward proxy on loopback (RFC 9110, 7.3.6 and 9.3.6):
// the way out of a customer's network, or another place in the world.
package proxy

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/auth-preflight/auth-preflight/helpers/loopback"
)

// Options say what a proxy does. Name is the first part of its host name.
type Options struct {
	Name string
	// Allow reports whether a host may be reached; nil: all may.
	Allow func(host string) bool
}

// Proxy passes connections on and remembers which ones are its own.
type Proxy struct {
	options  Options
	listener net.Listener
	server   *http.Server
	plain    *http.Transport

	mu      sync.Mutex
	own     map[string]bool // local addresses of the open connections it has made
	open    map[net.Conn]bool
	refused []string
}

// Listen opens a proxy at a free port of loopback. The error says why it
// cannot listen.
func Listen(ctx context.Context, o Options) (*Proxy, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("the proxy %s: %w", o.Name, err)
	}
	p := &Proxy{options: o, listener: l, own: map[string]bool{}, open: map[net.Conn]bool{}}
	p.plain = &http.Transport{DialContext: p.dial, DisableKeepAlives: true}
	p.server = &http.Server{Handler: http.HandlerFunc(p.serve), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = p.server.Serve(l) }()
	return p, nil
}

// URL is the proxy's address, by a name: a browser that is kept to *.localhost
// resolves that of a proxy by the same rules.
func (p *Proxy) URL() string {
	_, port, _ := net.SplitHostPort(p.listener.Addr().String()) // never fails: it is our own
	return "http://" + Host(p.options.Name) + ":" + port
}

// Host is the host name of a proxy with this name.
func Host(name string) string { return name + ".localhost" }

// Owns reports whether a connection that comes from an address (host:port) is
// one that the proxy has made.
func (p *Proxy) Owns(from string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.own[from]
}

// Refused returns the hosts that were asked for and not allowed, each once.
func (p *Proxy) Refused() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.refused)
}

// Close ends the proxy and its tunnels.
func (p *Proxy) Close() error {
	err := p.server.Close()
	p.plain.CloseIdleConnections()
	p.mu.Lock()
	defer p.mu.Unlock()
	for conn := range p.open {
		_ = conn.Close()
	}
	return err
}

func (p *Proxy) serve(w http.ResponseWriter, r *http.Request) {
	host := (&url.URL{Host: r.Host}).Hostname()
	switch {
	case p.options.Allow != nil && !p.options.Allow(host):
		p.refuse(host)
		http.Error(w, "This network lets nobody reach "+host+".", http.StatusForbidden)
	case r.Method == http.MethodConnect:
		p.tunnel(w, r)
	case r.URL.IsAbs():
		(&httputil.ReverseProxy{
			Rewrite: func(*httputil.ProxyRequest) {}, Transport: p.plain,
			ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { unreachable(w) },
		}).ServeHTTP(w, r)
	default:
		http.Error(w, "This is a proxy.", http.StatusBadRequest)
	}
}

func (p *Proxy) refuse(host string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !slices.Contains(p.refused, host) {
		p.refused = append(p.refused, host)
	}
}

func unreachable(w http.ResponseWriter) {
	http.Error(w, "The host cannot be reached.", http.StatusBadGateway)
}

// dial makes a connection that is known before its first byte: whoever is
// asked must not guess.
func (p *Proxy) dial(ctx context.Context, network, address string) (net.Conn, error) {
	there, err := loopback.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.own[there.LocalAddr().String()], p.open[there] = true, true
	return &outward{Conn: there, p: p}, nil
}

// outward is a connection that the proxy forgets when it is closed.
type outward struct {
	net.Conn
	p *Proxy
}

func (c *outward) Close() error {
	c.p.forget(c.Conn)
	return c.Conn.Close()
}

// CloseWrite tells the other side that no more comes.
func (c *outward) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

func (p *Proxy) tunnel(w http.ResponseWriter, r *http.Request) {
	there, err := p.dial(r.Context(), "tcp", r.Host)
	if err != nil {
		unreachable(w)
		return
	}
	defer func() { _ = there.Close() }()
	here, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	p.keep(here)
	defer func() {
		p.forget(here)
		_ = here.Close()
	}()
	_, _ = here.Write([]byte("HTTP/1.1 200 Connection established\r\n\r\n"))
	var both sync.WaitGroup
	both.Go(func() { pass(there, buffered) })
	both.Go(func() { pass(here, there) })
	both.Wait()
}

// pass copies one direction; at its end the other side learns that no more comes.
func pass(to net.Conn, from io.Reader) {
	_, _ = io.Copy(to, from)
	if half, ok := to.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
}

func (p *Proxy) keep(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open[c] = true
}

func (p *Proxy) forget(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, c)
	delete(p.own, c.LocalAddr().String())
}
