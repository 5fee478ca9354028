package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/auth-preflight/auth-preflight/helpers/browser"
	"github.com/auth-preflight/auth-preflight/helpers/readiness"
)

// Nobody looks at an assistant before it connects, but the person who uses it:
// so they are asked, and told what they need to know.
func TestMCPConsent(t *testing.T) {
	item := begin(t, "mcp/consent")

	const unlooked = "nobody here has looked at the client"

	item.Case("the person is asked, and told who asks and where the answer goes", advice{
		Why:      "an attacker's client gets access to a customer's data with one click on a link",
		Mend:     "show a consent page with the client's name and the host of its redirect URI",
		Standard: "OWASP ASVS 10.7.1, 10.7.2; MCP security best practices, confused deputy",
	}, func(c *check) {
		c.NeedMCP("APP_MCP_READ_CALL")
		g := c.Guest()
		_, access := g.Ask(readScope())
		access.VerifyAsked(unlooked)
		page := strings.ToLower(g.v.Text())
		assert.Contains(c, page, strings.ToLower(g.client.Name), "the client's name on the consent page")
		redirect, _ := url.Parse(g.client.Redirect()) // it was an address when it was published
		assert.Contains(c, page, redirect.Hostname(), "the host of the redirect URI on the consent page")
		g.v.Picture("the consent page")
	})

	item.Case("no other site can show the consent page as a part of its own", advice{
		Why:      "an attacker's page has people press Allow without seeing it",
		Mend:     "send Content-Security-Policy: frame-ancestors 'none' (and X-Frame-Options: DENY) with the consent page",
		Standard: "RFC 9700 §4.16; OWASP ASVS 3.4.6",
	}, func(c *check) {
		c.NeedMCP("APP_MCP_READ_CALL")
		g := c.Guest()
		_, access := g.Ask(readScope())
		access.VerifyAsked(unlooked)
		c.unframable("the consent page", g.v.Fetch(http.MethodGet, g.v.URL().String()))
	})

	item.Case("asking for more asks again, and says so", advice{
		Why:      "a client that was allowed to read is allowed to write, and nobody is told",
		Mend:     "remember consent with its scopes, ask for those that are new, and list them on the page",
		Standard: "OWASP ASVS 10.7.1, 10.7.2",
	}, func(c *check) {
		c.NeedMCP("APP_MCP_READ_CALL", "APP_MCP_WRITE_CALL")
		g := c.Guest()
		_, first := g.Ask(readScope())
		first.VerifyAsked(unlooked)
		less := g.v.Text()
		first.Allow()
		_, second := g.Ask(callScopes()...)
		second.VerifyAsked("the client asks for more than it was allowed")
		assert.NotEqual(c, less, g.v.Text(), "the consent page reads the same for %s and for %s", readScope(), strings.Join(callScopes(), " "))
	})

	item.Case("who is to be connected for longer is told so", advice{
		Why:      "people allow an assistant one look, and it reads on for months",
		Mend:     "say on the consent page what offline_access means, as with every other scope; give no refresh token that the page did not speak of",
		Standard: "OWASP ASVS 10.7.2; OpenID Connect Core §11",
	}, func(c *check) {
		c.NeedMCP("APP_MCP_READ_CALL")
		g := c.Guest()
		_, once := g.Ask(readScope())
		once.VerifyAsked(unlooked)
		short := g.v.Text()
		once.Deny() // so that the next question is the first one, too
		request, longer := g.Ask(readScope(), "offline_access")
		longer.VerifyAsked("the person has said no before")
		long := g.v.Text()
		tokens := g.Redeem(request.Redemption(longer.Allow().Get("code")))
		if tokens.AccessToken == "" {
			c.NotVerified("a fresh code brings no tokens: mcp/token-exchange says why")
		}
		assert.False(c, short == long && tokens.RefreshToken != "", "the client has a refresh token, and the consent page read the same with offline_access and without: %q", long)
	})

	item.Case("saying no gives no code", advice{
		Why:      "people who refuse are connected all the same",
		Mend:     "answer a refusal with error=access_denied, and remember nothing",
		Standard: "RFC 6749 §4.1.2.1; spec/mcp.md 5.1",
	}, func(c *check) {
		c.NeedMCP("APP_MCP_READ_CALL")
		g := c.Guest()
		_, access := g.Ask(readScope())
		access.VerifyAsked(unlooked)
		answer := access.Deny()
		assert.False(c, answer.Has("code"), "a code came back to the client after the person said no")
		assert.Equal(c, "access_denied", answer.Get("error"), "error in the authorization response")
		_, again := g.Ask(readScope())
		again.VerifyAsked("the person has said no before")
	})

	item.Case("a word for one client is none for another", advice{
		Why:      "whoever registers a client of the same name gets what another one was allowed",
		Mend:     "remember consent by person and client id",
		Standard: "MCP security best practices, confused deputy; OWASP ASVS 10.7.1",
	}, func(c *check) {
		c.NeedMCP("APP_MCP_READ_CALL")
		name := "Preflight " + c.unique()
		g := c.Guest().WithNewClient(name)
		_, access := g.Ask(readScope())
		access.VerifyAsked(unlooked)
		access.Allow()
		_, access = g.WithNewClient(name).Ask(readScope())
		access.VerifyAsked("another client, of the same name, was never allowed anything")
	})

	item.Case("the question cannot be passed over", advice{
		Why:      "a link or an image says yes in the person's name",
		Mend:     "let only a POST of the consent page itself say yes; answer prompt=none with consent_required",
		Standard: "OpenID Connect Core §3.1.2.6; CWE-352",
	}, func(c *check) {
		c.NeedMCP("APP_MCP_READ_CALL")
		g := c.Guest()
		_, access := g.Ask(readScope())
		access.VerifyAsked(unlooked)
		if link := access.ConsentLink(); link != "" {
			answer := g.v.CodeAt(link, g.client.Redirect())
			assert.False(c, answer.Has("code"), "a link with the answer in its query gave a code")
		}
		silent := g.at.NewRequest(g.client, readScope())
		silent.Parameters.Set("prompt", "none")
		answer := g.v.CodeAt(silent.URL(&g.at.Server), g.client.Redirect())
		assert.False(c, answer.Has("code"), "prompt=none gave a code, and nobody was asked")
	})

	item.Case("a client's name is shown as text", advice{
		Why:      "whoever registers a client writes on the page that asks for trust",
		Mend:     "escape everything that comes from a client",
		Standard: "OWASP ASVS 1.2.1; CWE-79",
	}, func(c *check) {
		c.NeedMCP("APP_MCP_READ_CALL")
		g := c.Guest()
		client, answer := c.register(g.at, `Preflight <b data-preflight-markup>`+c.unique()+`</b>`, suiteRedirect)
		if client == nil {
			c.results.Evidence(readiness.Evidence{Kind: "text", Title: "A name with markup", Text: "is refused: " + answer.String()})
			return
		}
		g.client = client
		_, access := g.Ask(readScope())
		access.VerifyAsked(unlooked)
		assert.Zero(c, g.v.Count(`[data-preflight-markup]`), "elements on the consent page that the client's name has made")
	})
}

// unframable asserts that browsers keep a page, which what names, out of other
// sites' frames.
func (c *check) unframable(what string, answer *browser.Answer) {
	c.Helper()
	policy := strings.ToLower(strings.Join(answer.Header.Values("Content-Security-Policy"), "; "))
	for directive := range strings.SplitSeq(policy, ";") {
		if words := strings.Fields(directive); len(words) > 1 && words[0] == "frame-ancestors" {
			for _, source := range words[1:] {
				wide := source == "*" || strings.HasSuffix(source, ":")
				assert.False(c, wide, "Content-Security-Policy lets any site frame %s: %s", what, directive)
			}
			return // it overrules X-Frame-Options (CSP 3, 6.4.2)
		}
	}
	frame := strings.ToUpper(answer.Header.Get("X-Frame-Options"))
	assert.Contains(c, []string{"DENY", "SAMEORIGIN"}, frame, "X-Frame-Options of %s, which has no frame-ancestors", what)
}
