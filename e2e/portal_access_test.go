package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/browser"
	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
)

// The admin portal opens for the IT people of one customer, and for nobody else.
func TestPortalAccess(t *testing.T) {
	item := begin(t, "portal/access")
	old := advice{
		Why:      "whoever finds the link in a log, a proxy or an old mail changes how a whole company signs in, to a provider of their own",
		Mend:     "make the link when somebody clicks, never before; let it open once, within a minute; take shared ones back when they are done with",
		Standard: "spec/hosted-pages.md 13; CWE-294",
	}

	item.Case("a link opens the portal of its organization, once", old, func(c *check) {
		o := c.NewCustomer()
		link := o.Link()
		v := c.Browser()
		require.True(c, v.OpenPortal(link.Location), "a fresh link opens the admin portal (at %s)", v.URL().Redacted())
		assert.Contains(c, v.Text(), o.Name, "the portal names the organization")
		c.dead(c.Browser(), link, "was used")
		v.Reload()
		assert.True(c, v.PortalOpen(), "the portal stays open in the browser that has opened it")
	})

	item.Case("a link that is older than a minute opens nothing", old, func(c *check) {
		c.NeedTime(portalLinkLife)
		o := c.NewCustomer()
		link := o.Link()
		c.OutliveBy(&flows.User{Email: o.ID}, portalLinkLife, skew)
		c.dead(c.Browser(), link, "is older than a minute")
	})

	item.Case("a link that was taken back opens nothing", old, func(c *check) {
		o := c.NewCustomer()
		link := o.Link()
		c.mayBeAbsent("take a portal's link back", suite.world.API.RevokePortalLink(suite.ctx, o.ID, link.ID))
		c.dead(c.Browser(), link, "was taken back")
	})

	item.Case("a link that is sent by mail opens for a week, and not longer", old, func(c *check) {
		c.Need("PREFLIGHT_PORTAL_SHARE_URL", "PREFLIGHT_TIME_URL")
		o := c.NewCustomer()
		link := o.Share()
		for _, when := range []string{"the first time", "the second time"} {
			v := c.Browser()
			require.True(c, v.OpenPortal(link.Location), "a shared link opens %s", when)
		}
		o.Grow(portalShareLife + skew)
		c.dead(c.Browser(), link, "is older than a week")
	})

	item.Case("a visit to the portal ends", advice{
		Why:      "a browser that was left open, or a stolen cookie, changes the company's sign-in for ever",
		Mend:     "end the portal's session after six hours, on the server, however much it was used",
		Standard: "spec/hosted-pages.md 13; OWASP ASVS 7.3.2",
	}, func(c *check) {
		c.Need("PREFLIGHT_TIME_URL")
		o := c.NewCustomer()
		v := o.Enter()
		o.Grow(portalStayLife / 2)
		v.Reload() // a visit that is used is not a new one
		v.AwaitRest()
		o.Grow(portalStayLife/2 + skew)
		v.Reload()
		v.AwaitRest()
		assert.False(c, v.PortalOpen(), "the portal is open, six hours after the visit began")
	})

	item.Case("a visit to one organization's portal shows nothing of another", advice{
		Why:      "one customer reads the settings and the people of another",
		Mend:     "take the organization from the portal's session, never from the request; compare both where the address names one",
		Standard: "OWASP ASVS 8.2.2, 8.4.1",
	}, func(c *check) {
		o, other := c.NewCustomer(), c.NewCustomer()
		v := o.Enter()
		v.AddConnection("SAML")
		for address, answer := range c.swapped(v, map[string]string{o.ID: other.ID}) {
			assert.NotContains(c, string(answer.Body), other.Domain, "the other organization's domain in the answer of %s", address)
			assert.NotContains(c, string(answer.Body), other.Name, "the other organization's name in the answer of %s", address)
		}
	})

	item.Case("no other site can change anything in the portal", advice{
		Why:      "the portal's cookie travels from every site, since it may stand in a frame; a page that an administrator visits elsewhere sets up the company's sign-in",
		Mend:     "refuse what another origin sends (Origin, Sec-Fetch-Site), or put a token into each form",
		Standard: "OWASP ASVS 3.5.1; CWE-352; spec/hosted-pages.md 13",
	}, func(c *check) {
		v := c.NewCustomer().Enter()
		form := v.DomainForm()
		here := v.URL().String()
		claimed := c.domain()
		for name := range form.Editable {
			form.Fields.Set(name, claimed)
		}
		v.PostFromAnotherSite(form)
		v.Goto(here)
		require.NotContains(c, v.HTML(), claimed, "the portal's domains after another site has sent its form")
		v.SendForm(form, nil) // so that the refusal means something
		v.Goto(here)
		require.Contains(c, v.HTML(), claimed, "the portal's domains after its own form was sent")
	})

	item.Case("no other site can show the portal in a frame", advice{
		Why:      "a page of an attacker's lays the portal under the mouse of an administrator, who changes what they do not see",
		Mend:     "send Content-Security-Policy: frame-ancestors with the sites of the allowed callback addresses",
		Standard: "OWASP ASVS 3.4.6; RFC 9700 §4.16; spec/hosted-pages.md 13",
	}, func(c *check) {
		v := c.NewCustomer().Enter()
		answer := v.Fetch(http.MethodGet, v.URL().String())
		c.unframable("the admin portal", answer)
	})
}

// dead asserts that a link opens nothing.
func (c *check) dead(v *flows.Visitor, link *scalekit.PortalLink, why string) {
	c.Helper()
	assert.False(c, v.OpenPortal(link.Location), "a link that %s opens the admin portal", why)
}

// swapped asks, with this browser's cookies, for every address of the auth
// environment that the portal has used, and for those of the management API
// that belong to an organization, with some ids exchanged for others. It
// returns the answers by address.
func (c *check) swapped(v *flows.Visitor, ids map[string]string) map[string]*browser.Answer {
	c.Helper()
	addresses := map[string]bool{}
	for _, exchange := range v.Log() {
		u, err := url.Parse(exchange.URL)
		if err != nil || exchange.Method != http.MethodGet || !strings.EqualFold(u.Host, suite.cfg.EnvironmentURL.Host) {
			continue
		}
		c.exchangeIn(exchange.URL, ids, addresses)
	}
	for _, other := range ids {
		if strings.HasPrefix(other, "org_") {
			for _, path := range []string{"", "/connections", "/domains", "/directories", "/users"} {
				addresses[suite.cfg.Env("/api/v1/organizations/"+other+path)] = true
			}
		}
	}
	answers := map[string]*browser.Answer{}
	for address := range addresses {
		answers[address] = v.Fetch(http.MethodGet, address)
	}
	require.Greater(c, len(answers), len(ids)*5, "addresses of the portal that name the organization: without them nothing is tried")
	return answers
}

// exchangeIn adds what becomes of a text when ids are exchanged, each alone and
// all together.
func (c *check) exchangeIn(text string, ids map[string]string, to map[string]bool) {
	all := text
	for own, other := range ids {
		if strings.Contains(text, own) {
			to[strings.ReplaceAll(text, own, other)] = true
		}
		all = strings.ReplaceAll(all, own, other)
	}
	if all != text {
		to[all] = true
	}
}
