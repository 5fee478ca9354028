package e2e

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/mcp"
)

// An assistant that knows nothing but the server's address finds its way in,
// and nobody else does.
func TestMCPFlow(t *testing.T) {
	item := begin(t, "mcp/flow")

	item.Case("a client with a published document gets in and calls a tool", advice{
		Why:      "assistants cannot connect",
		Mend:     "follow the step that failed: 401, resource metadata, server metadata, document, consent, token, tool",
		Standard: "MCP 2026-07-28, authorization; spec/mcp.md 1",
	}, func(c *check) {
		c.NeedMCP("APP_MCP_READ_CALL", "APP_MCP_WRITE_CALL")
		g := c.Guest()
		c.keepDiscovery(g.at)
		if !g.at.Server.ByDocument {
			c.NotApplicable("the authorization server takes no metadata documents (client_id_metadata_document_supported)")
		}
		c.Need("PREFLIGHT_MCP_CLIENT_ID_URL")
		g.watched = true
		c.useTools(g.Tokens(callScopes()...).AccessToken)
	})

	item.Case("a client that registers itself gets in and calls a tool", advice{
		Why:      "assistants that have no document cannot connect",
		Mend:     "answer a registration with 201 and a client_id that works at once, or do not offer registration",
		Standard: "RFC 7591 §3; spec/mcp.md 4.1",
	}, func(c *check) {
		c.NeedMCP("APP_MCP_READ_CALL", "APP_MCP_WRITE_CALL")
		at := c.Discover(suite.cfg.AppMCPURL)
		g := &guest{c: c, at: at, client: c.NewClient(at, "Preflight "+c.unique()), user: c.NewUser(), v: c.Browser(), watched: true}
		c.useTools(g.Tokens(callScopes()...).AccessToken)
	})

	item.Case("without a token nothing is answered", advice{
		Why:      "anybody on the net calls the tools",
		Mend:     "look at the token before the message, for every method and every HTTP verb",
		Standard: "MCP 2026-07-28, authorization; RFC 6750 §3",
	}, func(c *check) {
		c.NeedMCP("APP_MCP_READ_CALL")
		call := mcp.ParseCall(suite.cfg.AppMCPReadCall)
		for _, revision := range []string{mcp.Stateless, mcp.Sessions} {
			for what, token := range map[string]string{"no token": "", "a made-up token": "eyJhbGciOiJub25lIn0.e30."} {
				connection := c.connection(revision, token)
				for _, method := range []string{"initialize", "server/discover", "tools/list", "tools/call"} {
					answer, err := connection.Send(suite.ctx, method, map[string]any{"name": call.Tool, "arguments": call.With("")})
					if err != nil {
						c.Trouble("the MCP server cannot be reached: %v", err)
					}
					c.Unauthorized(answer, method+" with "+what+" (MCP "+revision+")")
				}
			}
		}
	})

	item.Case("the refusal says where to ask, and for this very server", advice{
		Why:      "clients cannot find the authorization server, or get tokens for another one",
		Mend:     "send WWW-Authenticate: Bearer resource_metadata=\"…\" with each 401, and name the server's own address there",
		Standard: "RFC 9728 §3.3, §5.1; spec/mcp.md 2",
	}, func(c *check) {
		c.NeedMCP()
		at := c.Discover(suite.cfg.AppMCPURL)
		challenge, ok := at.Unauthorized.Challenge()
		require.True(c, ok, "WWW-Authenticate with Bearer in the 401")
		assert.NotEmpty(c, challenge.ResourceMetadata, "resource_metadata in WWW-Authenticate")
		assert.True(c, at.Resource.For(suite.cfg.AppMCPURL), "%s is about %s; expected the server itself, %s", at.Resource.At, at.Resource.Resource, suite.cfg.AppMCPURL)
		assert.NotContains(c, at.Resource.Methods, "query", "bearer_methods_supported")
	})

	item.Case("the authorization server says what clients need", advice{
		Why:      "clients that keep to the specification stop here, others go on without protection",
		Mend:     "publish endpoints over https, code, and S256; the issuer is the address that the resource names",
		Standard: "RFC 8414 §2, §3.3; MCP 2026-07-28, authorization code protection",
	}, func(c *check) {
		c.NeedMCP()
		at := c.Discover(suite.cfg.AppMCPURL)
		assert.Equal(c, at.Resource.Servers[0], at.Server.Issuer, "issuer in %s", at.Server.At)
		assert.True(c, at.Server.UsesS256(), "code_challenge_methods_supported is %q; expected S256 in it", at.Server.ChallengeMethods)
		assert.Contains(c, at.Server.ResponseTypes, "code", "response_types_supported")
		for name, address := range map[string]string{"authorization_endpoint": at.Server.Authorization, "token_endpoint": at.Server.Token} {
			assert.True(c, strings.HasPrefix(address, "https://"), "%s is %q; expected an https address", name, address)
		}
		if at.Server.Registration != "" {
			assert.True(c, strings.HasPrefix(at.Server.Registration, "https://"), "registration_endpoint is %q; expected an https address", at.Server.Registration)
		}
	})

	item.Case("a page of another origin gets no answer, even with a token", advice{
		Why:      "a web page talks to the server through a visitor's browser (DNS rebinding)",
		Mend:     "compare Origin, where one is sent, and Host with the server's own",
		Standard: "MCP 2025-11-25 and 2026-07-28, transports; CVE-2026-34742",
	}, func(c *check) {
		c.NeedMCP("APP_MCP_READ_CALL")
		token := c.Guest().Tokens(readScope()).AccessToken
		for _, good := range c.Connections(token) {
			for what, header := range map[string]http.Header{
				"from a foreign origin":                  {"Origin": {"https://attacker.preflight.invalid"}, "Sec-Fetch-Site": {"cross-site"}},
				"for a foreign host":                     {"Host": {"attacker.preflight.invalid"}},
				"from a foreign origin, as a plain form": {"Origin": {"https://attacker.preflight.invalid"}, "Sec-Fetch-Site": {"cross-site"}, "Content-Type": {"text/plain"}},
			} {
				hostile := *good
				hostile.Extra = header
				answer := c.Call(&hostile, "APP_MCP_READ_CALL", "")
				assert.False(c, answer.Good(), "a request %s was answered (MCP %s): %s", what, good.Revision, answer)
			}
		}
	})

	item.Case("a registration cannot have codes sent just anywhere", advice{
		Why:      "codes travel in the clear, into scripts, or to whoever answers a wildcard",
		Mend:     "take https, http on loopback and apps' own schemes; refuse fragments, wildcards, javascript: and data:",
		Standard: "RFC 7591 §5; MCP 2026-07-28, communication security",
	}, func(c *check) {
		c.NeedMCP()
		at := c.Discover(suite.cfg.AppMCPURL)
		for _, uri := range []string{
			"http://attacker.preflight.invalid/callback", "javascript:alert(1)", "data:text/html,hello",
			"https://client.preflight.invalid/callback#fragment", "https://*.preflight.invalid/callback",
		} {
			client, answer := c.register(at, "Preflight "+c.unique(), uri)
			assert.Nil(c, client, "a client with the redirect URI %s was registered (HTTP %d)", uri, answer.Status)
			assert.Less(c, answer.Status, 500, "HTTP status for the redirect URI %s", uri)
		}
	})

	item.Case("codes go only where the client has said", advice{
		Why:      "an attacker's link sends the code of a well-known assistant to the attacker",
		Mend:     "compare redirect_uri with the registered or published ones, letter by letter",
		Standard: "RFC 9700 §4.1; CVE-2025-4143",
	}, func(c *check) {
		c.NeedMCP()
		at := c.Discover(suite.cfg.AppMCPURL)
		client := c.SomeClient(at)
		for _, uri := range append([]string{
			"https://attacker.preflight.invalid/callback", client.Redirect() + ".attacker.preflight.invalid", client.Redirect() + "/../other", client.Redirect() + "?to=attacker",
		}, hostsLike(client.Redirect())...) {
			c.requestRefused(at, client, "redirect_uri="+uri, func(p url.Values) { p.Set("redirect_uri", uri) })
		}
	})

	item.Case("a document speaks only for its own address, over https", advice{
		Why:      "an attacker's copy of a document passes for the assistant whose name it carries",
		Mend:     "fetch the document anew over https and compare its client_id with the address, letter by letter",
		Standard: "OAuth Client ID Metadata Document §4; MCP 2026-07-28, client registration",
	}, func(c *check) {
		c.NeedMCP("PREFLIGHT_MCP_CLIENT_ID_URL")
		at := c.Discover(suite.cfg.AppMCPURL)
		if !at.Server.ByDocument {
			c.NotApplicable("the authorization server takes no metadata documents")
		}
		client := c.PublishedClient()
		c.requestRefused(at, client, "the client id of a copy", func(p url.Values) { p.Set("client_id", client.ID+"?copy=1") })
		plain := c.plainDocument()
		c.requestRefused(at, client, "a client id over http", func(p url.Values) { p.Set("client_id", plain) })
	})
}

// useTools writes and reads in each current revision that the server speaks.
func (c *check) useTools(token string) {
	c.Helper()
	for _, connection := range c.Connections(token) {
		c.Shows(connection, c.Write(connection))
	}
}

// requestRefused fails the case unless a changed authorization request ends
// otherwise than a good one does: not at the sign-in, and not with a code.
func (c *check) requestRefused(at *mcp.Discovery, client *mcp.Client, what string, change func(url.Values)) {
	c.Helper()
	good := at.NewRequest(client, at.Resource.Scopes...)
	asked := flows.NewAgent(c, suite.world).Get(good.URL(&at.Server))
	bad := at.NewRequest(client, at.Resource.Scopes...)
	change(bad.Parameters)
	stop := flows.NewAgent(c, suite.world).Get(bad.URL(&at.Server))
	if !stop.Followed {
		back := strings.HasPrefix(stop.URL.String(), client.Redirect()+"?") && stop.URL.Query().Get("error") != "" && bad.Parameters.Get("redirect_uri") == client.Redirect()
		if !back {
			c.Errorf("a request with %s sent the browser to %s; expected a refusal", what, stop.URL.Redacted())
		}
		return
	}
	if asked.Followed && stop.Status == asked.Status && stop.URL.Path == asked.URL.Path {
		c.Errorf("a request with %s was taken like a good one (HTTP %d at %s); expected a refusal", what, stop.Status, stop.URL.Path)
	}
}

// hostsLike are a redirect URI on hosts that begin like its own, or like
// loopback: where only the beginning is compared they pass for it.
func hostsLike(uri string) (all []string) {
	u, err := url.Parse(uri)
	if err != nil || u.Host == "" {
		return nil // an app's own scheme has no host
	}
	for _, host := range []string{u.Hostname() + ".attacker.preflight.invalid", u.Host + "@attacker.preflight.invalid", "localhost.attacker.preflight.invalid"} {
		all = append(all, strings.Replace(uri, "://"+u.Host, "://"+host, 1))
	}
	return all
}

// plainDocument publishes a right document of a client over plain HTTP, on
// loopback.
func (c *check) plainDocument() (address string) {
	var document []byte
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(document)
	}))
	c.Cleanup(server.Close)
	address = server.URL + "/client.json"
	document, _ = json.Marshal(map[string]any{ // strings
		"client_id": address, "client_name": "Preflight over http", "redirect_uris": slices.Concat([]string{suiteRedirect}, c.PublishedClient().RedirectURIs),
	})
	return address
}
