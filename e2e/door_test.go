package e2e

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/auth-preflight/auth-preflight/helpers/loopback"
)

// door is where the deployment reaches servers of the suite: one port for all
// cases, each below a path of its own.
type door struct {
	base string // without a trailing slash

	mu     sync.Mutex
	behind map[string]http.Handler
}

// openDoor listens where PREFLIGHT_LISTEN says.
func (r *run) openDoor() (*door, error) {
	listener, err := (&net.ListenConfig{}).Listen(r.ctx, "tcp", r.cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("the suite cannot listen at PREFLIGHT_LISTEN=%s: %w", r.cfg.Listen, err)
	}
	d := &door{base: strings.TrimRight(r.cfg.PublicURL, "/"), behind: map[string]http.Handler{}}
	if d.base == "" {
		d.base = "http://" + listener.Addr().String()
	}
	server := &http.Server{Handler: d, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }() // until the process ends
	return d, nil
}

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	d.mu.Lock()
	handler := d.behind[name]
	d.mu.Unlock()
	if handler == nil {
		http.NotFound(w, r)
		return
	}
	http.StripPrefix("/"+name, handler).ServeHTTP(w, r)
}

// reachable returns an address at which the deployment reaches a server of this
// case, and puts it there. A deployment elsewhere needs PREFLIGHT_PUBLIC_URL.
func (c *check) reachable() (address string, serve func(http.Handler)) {
	c.Helper()
	if suite.cfg.PublicURL == "" && !loopback.IsLoopbackName(suite.cfg.EnvironmentURL.Hostname()) {
		c.NotVerified("set PREFLIGHT_PUBLIC_URL (see .env.example)")
	}
	d, err := suite.door()
	if err != nil {
		c.Trouble("%v", err)
	}
	name := c.unique()
	return d.base + "/" + name, func(h http.Handler) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.behind[name] = h
		c.Cleanup(func() {
			d.mu.Lock()
			defer d.mu.Unlock()
			delete(d.behind, name)
		})
	}
}
