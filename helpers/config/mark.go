package config

import (
	"net/http"
	"strings"
)

// unmarked is the value of PREFLIGHT_USER_AGENT that adds nothing.
const unmarked = "none"

// Mark is what stands at the end of the User-Agent of everything the suite and
// its browser send, so that a team finds a run in its logs, keeps it out of its
// statistics and lets it through its firewall (RFC 9110 §10.1.5). run is the
// run's id; empty: it is a command's doing and not a run's. "": nothing is added.
//
// It is the User-Agent and not a field of our own, for the browser would send
// such a field to every host and ask each other origin for leave first (Fetch
// Standard §4.8, a CORS preflight), which changes what is tested.
func (c *Config) Mark(run string) string {
	if c.UserAgent == unmarked {
		return ""
	}
	if run == "" {
		run = "none"
	}
	return strings.ReplaceAll(c.UserAgent, "{run}", run)
}

// ClientOf is Client, but its requests carry the mark of a run.
func (c *Config) ClientOf(run string) *http.Client { return c.marked(c.bare, run) }

// marked returns a client like bare whose requests end their User-Agent with the
// mark of a run. What a caller says of itself stays in front.
func (c *Config) marked(bare *http.Client, run string) *http.Client {
	mark := c.Mark(run)
	return over(bare, func(r *http.Request) (*http.Request, error) {
		said := r.UserAgent()
		if mark == "" || strings.HasSuffix(said, mark) {
			return r, nil
		}
		r = r.Clone(r.Context()) // a transport may not change what it was given
		r.Header.Set("User-Agent", strings.TrimSpace(said+" "+mark))
		return r, nil
	})
}
