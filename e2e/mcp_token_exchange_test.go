package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/mcp"
	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
)

// A token is for one MCP server, one client and some tools, and for a short
// time.
func TestMCPTokenExchange(t *testing.T) {
	item := begin(t, "mcp/token-exchange")

	item.Case("a token names the server it is for, its scopes and its end", advice{
		Why:      "a server cannot tell its own tokens from others'",
		Mend:     "put the resource of the request into aud, the granted scopes into scope, and honour the configured lifetime",
		Standard: "RFC 8707 §2; RFC 9068 §2.2; spec/mcp.md 6",
	}, func(c *check) {
		c.NeedMCP("APP_MCP_READ_CALL")
		g := c.Guest()
		tokens := g.Tokens(readScope())
		claims := g.v.Claims(tokens.AccessToken)
		audience := listOf(claims["aud"])
		assert.True(c, slices.ContainsFunc(audience, func(a string) bool {
			return (&mcp.Resource{Resource: a}).For(suite.cfg.AppMCPURL) || a == g.at.ResourceID()
		}), "aud is %q; expected the MCP server, %s", audience, suite.cfg.AppMCPURL)
		granted := append(listOf(claims["scopes"]), strings.Fields(fmt.Sprint(claims["scope"]))...)
		assert.Contains(c, granted, readScope(), "scope of the access token")
		assert.NotContains(c, granted, mcp.ParseCall(suite.cfg.AppMCPWriteCall).Scope, "scope of a token for which only %s was asked", readScope())
		assert.Empty(c, tokens.RefreshToken, "refresh_token, without offline_access having been asked for")
		issued, expires := number(claims["iat"]), number(claims["exp"])
		assert.LessOrEqual(c, expires-issued, suite.cfg.AppMCPAccessTokenLifetime.Seconds()+60, "lifetime in seconds (APP_MCP_ACCESS_TOKEN_LIFETIME)")
	})

	item.Case("a code is worth nothing without its verifier", advice{
		Why:      "assistants have no secret: whoever catches a code on its way to them redeems it",
		Mend:     "demand a challenge (S256) from every public client, and compare the verifier with it",
		Standard: "OAuth 2.1 §4.1.1; MCP 2026-07-28, authorization code protection",
	}, func(c *check) {
		c.NeedMCP("APP_MCP_READ_CALL")
		g := c.Guest()
		for what, spoil := range map[string]func(url.Values){
			"another verifier": func(form url.Values) { form.Set("code_verifier", scalekit.NewPKCE().Verifier) },
			"no verifier":      func(form url.Values) { form.Del("code_verifier") },
		} {
			request, code := g.Code(readScope())
			form := request.Redemption(code)
			spoil(form)
			given := g.Redeem(form).AccessToken != "" // not the token: it would be in the log
			assert.False(c, given, "a code was redeemed with %s", what)
		}
		c.requestRefused(g.at, g.client, "no code_challenge", func(p url.Values) { p.Del("code_challenge"); p.Del("code_challenge_method") })
		c.requestRefused(g.at, g.client, "code_challenge_method=plain", func(p url.Values) { p.Set("code_challenge_method", "plain") })
	})

	item.Case("a request for a server that nobody knows is refused", advice{
		Why:      "tokens are made for addresses that an attacker chooses",
		Mend:     "answer an unknown resource with invalid_target",
		Standard: "RFC 8707 §2; MCP 2026-07-28, resource parameter",
	}, func(c *check) {
		c.NeedMCP()
		at := c.Discover(suite.cfg.AppMCPURL)
		c.requestRefused(at, c.SomeClient(at), "a foreign resource", func(p url.Values) { p.Set("resource", "https://attacker.preflight.invalid/mcp") })
	})

	item.Case("a code gives a token only for the server that was asked for", advice{
		Why:      "the person allows one server, and the client gets into another",
		Mend:     "bind the resource to the code and to the refresh token; answer another one with invalid_target",
		Standard: "RFC 8707 §2.2",
	}, func(c *check) {
		c.NeedMCP("APP_MCP_READ_CALL", "PREFLIGHT_MCP_OTHER_URL")
		g := c.Guest()
		other := c.Discover(suite.cfg.MCPOtherURL)
		request, code := g.Code(readScope())
		form := request.Redemption(code)
		form.Set("resource", other.Resource.Resource)
		tokens := g.Redeem(form)
		if tokens.AccessToken == "" {
			return
		}
		audience := listOf(g.v.Claims(tokens.AccessToken)["aud"])
		assert.NotContains(c, audience, other.Resource.Resource, "audience of a token whose code was asked for another server")
	})

	item.Case("only tokens for this server, whole and signed, are taken", advice{
		Why:      "a token that was given to another server, or made by anybody, opens this one",
		Mend:     "verify signature, issuer, audience and expiry of each token; take tokens from the Authorization header only",
		Standard: "MCP 2026-07-28, token audience binding and validation; RFC 8725 §3; spec/mcp.md 2",
	}, func(c *check) {
		c.NeedMCP("APP_MCP_READ_CALL")
		g := c.Guest()
		good := g.Tokens(readScope()).AccessToken
		bad := c.forgedFrom(good)
		grant := g.v.ObtainCode(g.user, nil)
		if app := g.v.Tokens(g.v.TokenRequest(grant)); app.AccessToken != "" {
			bad["the app's own token"] = app.AccessToken
		}
		if suite.cfg.MCPOtherURL != "" {
			bad["a token for another MCP server"] = g.Elsewhere(suite.cfg.MCPOtherURL).Tokens(readScope()).AccessToken
		}
		for _, connection := range c.Connections(good) {
			for what, token := range bad {
				c.Unauthorized(c.Call(connection.With(token), "APP_MCP_READ_CALL", ""), "a call with "+what+" (MCP "+connection.Revision+")")
			}
			query := connection.With("")
			query.URL += "?" + url.Values{"access_token": {good}}.Encode()
			c.Unauthorized(c.Call(query, "APP_MCP_READ_CALL", ""), "a call with a token in the query (MCP "+connection.Revision+")")
		}
		c.Need("PREFLIGHT_MCP_OTHER_URL")
	})

	item.Case("a token that is over is refused, also in the middle of a session", advice{
		Why:      "whoever has ever been connected stays so",
		Mend:     "look at exp on every request, not only where a session begins",
		Standard: "OWASP ASVS 9.2.1; MCP security best practices, session hijacking",
	}, func(c *check) {
		c.NeedMCP("APP_MCP_READ_CALL", "PREFLIGHT_TIME_URL")
		g := c.Guest()
		connections := c.Connections(g.Tokens(readScope()).AccessToken)
		for _, connection := range connections {
			c.Call(connection, "APP_MCP_READ_CALL", "")
		}
		c.Outlive(g.user, suite.cfg.AppMCPAccessTokenLifetime)
		for _, connection := range connections {
			c.Unauthorized(c.Call(connection, "APP_MCP_READ_CALL", ""), "a call with an expired token (MCP "+connection.Revision+")")
		}
	})

	item.Case("a tool runs only with its scope", advice{
		Why:      "an assistant that may read changes and deletes",
		Mend:     "compare each tool's scope with the token's before it runs; answer 403 insufficient_scope",
		Standard: "RFC 6750 §3.1; OWASP ASVS 10.3.2; spec/mcp.md 2",
	}, func(c *check) {
		c.NeedMCP("APP_MCP_READ_CALL", "APP_MCP_WRITE_CALL")
		call := mcp.ParseCall(suite.cfg.AppMCPWriteCall)
		require.NotEqual(c, readScope(), call.Scope, "scopes of APP_MCP_READ_CALL and APP_MCP_WRITE_CALL")
		g := c.Guest()
		full, reader := g.Tokens(callScopes()...).AccessToken, g.Tokens(readScope()).AccessToken
		require.NotContains(c, strings.Fields(fmt.Sprint(g.v.Claims(reader)["scope"])), call.Scope, "scope of the token for reading")
		for _, connection := range c.Connections(full) {
			limited := c.Connect(connection.Revision, reader)
			text := "preflight-" + c.unique()
			refused := c.Call(limited, "APP_MCP_WRITE_CALL", text)
			assert.False(c, refused.Good(), "the tool of APP_MCP_WRITE_CALL ran without %s (MCP %s)", call.Scope, connection.Revision)
			if refused.Status == http.StatusForbidden {
				challenge, _ := refused.Challenge()
				assert.Equal(c, "insufficient_scope", challenge.Error, "error in WWW-Authenticate (MCP %s)", connection.Revision)
			}
			if _, err := limited.Batch(suite.ctx, "tools/call", map[string]any{"name": call.Tool, "arguments": call.With(text)}); err != nil {
				c.Trouble("the MCP server cannot be reached: %v", err)
			}
			c.Shows(connection, c.Write(connection)) // with the scope it runs
			seen := c.Call(connection, "APP_MCP_READ_CALL", "").Text()
			assert.NotContains(c, seen, text, "what a token without %s has written (MCP %s)", call.Scope, connection.Revision)
		}
	})

	item.Case("a refresh token is used once, by its own client, for what was allowed", advice{
		Why:      "assistants keep refresh tokens where others can read them: a stolen one works for ever, and for more",
		Mend:     "give public clients a new refresh token at each use, and void the old one after the grace; bind it to client and scopes",
		Standard: "OAuth 2.1 §4.3.1; MCP 2026-07-28, token theft; RFC 6749 §6",
	}, func(c *check) {
		c.NeedMCP("APP_MCP_READ_CALL", "APP_MCP_WRITE_CALL", "PREFLIGHT_TIME_URL")
		g := c.Guest()
		first := g.Tokens(readScope(), "offline_access")
		require.NotEmpty(c, first.RefreshToken, "refresh_token, with offline_access")

		if g.at.Server.Registration != "" {
			thief := c.NewClient(g.at, "Preflight "+c.unique())
			given := g.Redeem(g.at.Refresh(thief, first.RefreshToken)).AccessToken != ""
			assert.False(c, given, "another client used the refresh token")
		}
		more := g.at.Refresh(g.client, first.RefreshToken)
		more.Set("scope", strings.Join(callScopes("offline_access"), " "))
		if grown := g.Redeem(more); grown.AccessToken != "" {
			scope := strings.Fields(fmt.Sprint(g.v.Claims(grown.AccessToken)["scope"]))
			assert.NotContains(c, scope, mcp.ParseCall(suite.cfg.AppMCPWriteCall).Scope, "scope of a refreshed token that was not allowed it")
		}

		second := g.Redeem(g.at.Refresh(g.client, first.RefreshToken))
		require.NotEmpty(c, second.AccessToken, "access_token of the refresh (%s %s)", second.Error, second.ErrorDescription)
		require.NotEmpty(c, second.RefreshToken, "refresh_token of the refresh")
		same := second.RefreshToken == first.RefreshToken
		assert.False(c, same, "the refresh token stayed the same; expected a new one at each use")
		c.Age(g.user, suite.cfg.AppRefreshGrace+2*time.Minute)
		c.refused(g.Redeem(g.at.Refresh(g.client, first.RefreshToken)))
	})
}

// forgedFrom returns what anybody can make of a genuine token.
func (c *check) forgedFrom(genuine string) map[string]string {
	c.Helper()
	f, err := scalekit.NewForger(genuine)
	if err != nil {
		c.Fatalf("expected the access token to be a JWT (spec/mcp.md 6): %v", err)
	}
	keys, err := suite.world.API.Keys(suite.ctx)
	if err != nil {
		c.Trouble("the environment's keys cannot be read: %v", err)
	}
	bad := map[string]string{
		"an edited token":                       f.Edited(map[string]any{"sub": "usr_66666666666666666"}),
		"a token of alg none":                   f.Unsigned(map[string]any{"alg": "none"}, ""),
		"a token of alg None":                   f.Unsigned(map[string]any{"alg": "None"}, ""),
		"an empty signature":                    f.Unsigned(nil, ""),
		"a token that somebody else has signed": f.Own(nil, nil),
		"a token that brings its own key":       f.Own(map[string]any{"jwk": f.PublicKey("")}, nil),
		"a token signed by HMAC with no key":    f.HMAC(nil, nil),
	}
	for how, secret := range scalekit.Encodings(keys) {
		bad["a token signed by HMAC with "+how] = f.HMAC(secret, nil)
	}
	return bad
}

// listOf reads a claim that is a string or a list of strings.
func listOf(claim any) (all []string) {
	switch claim := claim.(type) {
	case string:
		all = append(all, claim)
	case []any:
		for _, one := range claim {
			all = append(all, fmt.Sprint(one))
		}
	}
	return all
}

func number(claim any) float64 {
	n, _ := claim.(json.Number)
	f, _ := n.Float64()
	return f
}
