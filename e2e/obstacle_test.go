package e2e

import (
	"net/http"
	"strings"

	"github.com/auth-preflight/auth-preflight/helpers/pace"
)

// Answered hears of each answer that this case is given. What fails behind a
// protection that met the suite itself says nothing about the item (DEFECTS.md
// C-24); a limit of requests is no such thing where the case is about limits.
func (c *check) Answered(address string, status int, header http.Header) {
	how := pace.TurnedAway(status, header)
	if how == "" || status == http.StatusTooManyRequests && c.advice.Limits {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.obstacle == "" {
		c.obstacle = withoutQuery(address) + " turns the suite away (" + how + ")"
	}
}

// inconclusive ends the case, which is about to fail, where something else than
// the deployment has answered it.
func (c *check) inconclusive(seen string) {
	c.Helper()
	c.mu.Lock()
	met := c.obstacle
	c.mu.Unlock()
	if met == "" || c.Failed() {
		return
	}
	first, _, _ := strings.Cut(strings.TrimSpace(seen), "\n")
	c.NotVerified(met + ", so that what did not work says nothing about the deployment: " + pace.LetIn + ". What did not work: " + first)
}
