package e2e

import (
	"net/url"
	"slices"

	"github.com/auth-preflight/auth-preflight/helpers/browser"
	"github.com/auth-preflight/auth-preflight/helpers/flows"
)

// keptOutOfFrames is the advice for every hosted page on which a click or two
// change something.
var keptOutOfFrames = advice{
	Why:      "another site lays the page, unseen, under the mouse of its visitors, and has them press what they do not see",
	Mend:     "send Content-Security-Policy: frame-ancestors 'none' (and X-Frame-Options: DENY) with every hosted page",
	Standard: "OWASP ASVS 3.4.6; RFC 9700 §4.16",
}

// unframableHere is unframable for the page at which a window stands, by the
// answer that it was drawn from: some come by a form, and not by their address
// alone.
func (c *check) unframableHere(what string, v *flows.Visitor) {
	c.Helper()
	if !v.AtAuth(v.URL()) {
		c.NotApplicable(what + " is no page of the auth environment: its address led on to " + v.URL().Host)
	}
	for _, exchange := range slices.Backward(v.Log()) {
		at, err := url.Parse(exchange.URL)
		if err == nil && v.AtAuth(at) && exchange.ResourceType == "document" {
			c.unframable(what, &browser.Answer{Header: exchange.ResponseHeader})
			return
		}
	}
	c.Trouble("the browser has no record of how %s came", what)
}
