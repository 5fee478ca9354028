package e2e

import (
	"context"
	"encoding/json"
	"strings"
	"sync/atomic"

	"github.com/auth-preflight/auth-preflight/helpers/faults"
	"github.com/auth-preflight/auth-preflight/helpers/flows"
)

// fault is something that goes wrong for one person, as PREFLIGHT_FAULT_URL
// takes it.
type fault struct {
	Host    string `json:"host"`
	Path    string `json:"path,omitempty"`
	Method  string `json:"method,omitempty"`
	Subject string `json:"subject"`
	Status  int    `json:"status,omitempty"`
	DelayMS int    `json:"delay_ms,omitempty"`
	Reset   bool   `json:"reset,omitempty"`
	Body    string `json:"body,omitempty"`
	Type    string `json:"type,omitempty"`
	Times   int    `json:"times,omitempty"` // 0: until it is ended
	After   bool   `json:"after,omitempty"` // the machine does its work first
}

// atAuth aims the fault at the auth environment.
func (f fault) atAuth(path string) fault {
	f.Host, f.Path = suite.cfg.EnvironmentURL.Hostname(), path
	return f
}

// Break makes something go wrong for one person, until end is called or the
// case is over. Nobody else meets it.
func (c *check) Break(user *flows.User, f fault) (end func()) {
	c.Helper()
	f.Subject = user.Email
	return c.BreakFor(f)
}

// BreakFor is Break for another subject than a person's address: a code, an id.
func (c *check) BreakFor(f fault) (end func()) {
	c.Helper()
	c.Need("PREFLIGHT_FAULT_URL")
	label := f.Subject
	if !strings.Contains(label, suite.results.ID()) {
		label = "for one code or request" // which may be a secret
	}
	at := faults.Capability{URL: suite.cfg.FaultURL, Token: suite.cfg.ControlToken, HTTP: suite.client}
	var id atomic.Value // a clean-up may be in another goroutine
	entry := c.removeLater("fault", label, func(ctx context.Context) error {
		made, _ := id.Load().(string)
		if made == "" {
			return nil // it was refused
		}
		return at.End(ctx, made)
	})
	var made struct{ ID string }
	if err := json.Unmarshal(c.control("PREFLIGHT_FAULT_URL", f), &made); err != nil || made.ID == "" {
		c.Trouble("the capability of PREFLIGHT_FAULT_URL gave the fault no id: %v", err)
	}
	id.Store(made.ID)
	entry.Made(made.ID)
	return func() {
		suite.remove(entry)
		if !entry.IsGone() {
			c.Errorf("the fault %s cannot be ended", made.ID)
		}
	}
}
