package e2e

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/loopback"
	"github.com/auth-preflight/auth-preflight/helpers/proxy"
	"github.com/auth-preflight/auth-preflight/helpers/readiness"
	"github.com/auth-preflight/auth-preflight/helpers/screens"
)

// Large customers let their people reach what is on a list, and nothing else.
func TestNetworkAllowlist(t *testing.T) {
	item := begin(t, "network/allowlist")
	closed := advice{
		Why:      "at customers with a firewall the page stays empty or breaks, and nobody in your office can see it",
		Mend:     "take everything from the hosts that customers are told of, or tell them of this one: PREFLIGHT_CUSTOMER_HOSTS is the list",
		Standard: "CHECKLIST network/allowlist",
	}

	item.Case("a sign-in by mail needs no host that customers were not told of", closed, func(c *check) {
		user := c.NewUser()
		v, firewall := c.behindFirewall()
		defer firewall.judge()
		v.OpenLogin("")
		if mail := v.RequestSignInMail(user); len(mail.Codes) > 0 {
			v.EnterCode(v.CodeIn(mail))
		} else {
			v.Redeem(v.LinkIn(mail))
		}
		v.AwaitLanding()
		v.VerifySignedIn(user)
	})

	item.Case("a sign-up with a password needs no host that customers were not told of", closed, func(c *check) {
		c.NeedMethod("password")
		user := c.NewPerson()
		user.Password = newPassword()
		v, firewall := c.behindFirewall()
		defer firewall.judge()
		v.SignUpByPassword(user)
		v.VerifySignedIn(user)
		v.SignOut()
	})

	item.Case("single sign-on needs no host but those and the customer's own identity provider", closed, func(c *check) {
		provider, person := c.suiteIdP()
		origin, _ := url.Parse(provider.Origin())
		v, firewall := c.behindFirewall(origin.Hostname())
		defer firewall.judge()
		v.Serve(provider.Origin(), provider.Handler())
		v.OpenLogin("")
		screens.SubmitEmail(v.Page, person.Email)
		v.AwaitLanding()
		v.VerifySignedIn(&flows.User{Email: person.Email})
	})

	item.Case("the admin portal needs no host but those", closed, func(c *check) {
		link := c.NewCustomer().Link()
		v, firewall := c.behindFirewall()
		defer firewall.judge()
		require.True(c, v.OpenPortal(link.Location), "a fresh link opens the admin portal (at %s)", v.URL().Redacted())
		v.AddConnection(screens.WordSAML)
	})
}

// firewallName is what the suite's own proxy is called.
const firewallName = "firewall"

// firewall is the way out of the network of a customer whose administrators
// have done what they were told, and no more.
type firewall struct {
	*proxy.Proxy
	c     *check
	v     *flows.Visitor
	allow func(host string) bool
}

// behindFirewall opens a browser there. more are hosts that are let through
// for this case.
func (c *check) behindFirewall(more ...string) (*flows.Visitor, *firewall) {
	c.Helper()
	if u, err := url.Parse(suite.cfg.BrowserWS); err == nil && suite.cfg.BrowserWS != "" && !loopback.IsLoopbackName(u.Hostname()) && u.Hostname() != "127.0.0.1" {
		c.NotVerified("the browser in PREFLIGHT_BROWSER_WS is on another machine and cannot reach the suite's firewall: run a browser on this one")
	}
	allow := func(host string) bool { return suite.cfg.CustomersLetThrough(host) || slices.Contains(more, host) }
	p, err := proxy.Listen(suite.ctx, proxy.Options{Name: firewallName, Allow: allow})
	if err != nil {
		c.Trouble("no firewall: %v", err)
	}
	c.Cleanup(func() { _ = p.Close() })
	v := c.BrowserVia(p.URL())
	return v, &firewall{Proxy: p, c: c, v: v, allow: allow}
}

// judge fails the case for each host that was asked for and is not on the
// list. Deferred, it says so also where the flow broke for want of it.
func (f *firewall) judge() {
	f.c.Helper()
	if f.c.Skipped() {
		return
	}
	asked := map[string]bool{}
	if f.c.Failed() {
		// The flow broke; what the firewall itself has seen is the best reason.
		for _, host := range f.Refused() {
			asked[host] = true
		}
	} else {
		for _, exchange := range f.v.Log() {
			if u, err := url.Parse(exchange.URL); err == nil && strings.HasPrefix(u.Scheme, "http") {
				asked[u.Hostname()] = true
			}
		}
	}
	hosts := slices.Sorted(maps.Keys(asked))
	f.c.results.Evidence(readiness.Evidence{Kind: "text", Title: "The hosts that the browser asked for", Text: strings.Join(hosts, "\n")})
	for _, host := range hosts {
		assert.True(f.c, f.allow(host), "the browser asked for %s, which customers were not told to let through; they were told of %s, %s and %s",
			host, suite.cfg.AppURL.Hostname(), suite.cfg.EnvironmentURL.Hostname(), strings.Join(suite.cfg.CustomerHosts, ", "))
	}
}
