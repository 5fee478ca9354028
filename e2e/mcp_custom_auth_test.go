package e2e

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/config"
	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/mcp"
	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
)

// Where people sign in at the app's own pages, the app's server says who it
// was, and nobody else does.
func TestMCPCustomAuth(t *testing.T) {
	item := begin(t, "mcp/custom-auth")

	item.Case("who signs in at the app's own pages gets in", advice{
		Why:      "assistants of people with an account of the app's own cannot connect",
		Mend:     "keep login_request_id and state through the whole sign-in, tell the environment, then redirect",
		Standard: "spec/mcp.md 7",
	}, func(c *check) {
		c.NeedCustomAuth("PREFLIGHT_CUSTOM_AUTH_EMAIL", "PREFLIGHT_CUSTOM_AUTH_PASSWORD")
		h := c.HandOver()
		email := c.member(config.Address(suite.cfg.CustomAuthEmail, c.unique()))
		h.v.SignInAtOwnPages(email, suite.cfg.CustomAuthPassword)
		request := h.request
		code := h.access.Allow().Get("code")
		require.NotEmpty(c, code, "code after a sign-in at the app's own pages")
		tokens := h.Redeem(request.Redemption(code))
		require.NotEmpty(c, tokens.AccessToken, "access_token (%s %s)", tokens.Error, tokens.ErrorDescription)
		assert.Equal(c, c.userID(email), h.v.Claims(tokens.AccessToken)["sub"], "sub of the token: the person who has signed in")
	})

	item.Case("nobody but the app's server says who has signed in", advice{
		Why:      "anybody signs in as anybody",
		Mend:     "demand the API client's token for the hand-over",
		Standard: "spec/mcp.md 7; CWE-306",
	}, func(c *check) {
		c.NeedCustomAuth()
		h := c.HandOver()
		victim := c.NewBystander()
		claim := map[string]any{"sub": "preflight-" + c.unique(), "email": victim.Email, "email_verified": true}
		for what, bearer := range map[string]string{"without a token": "", "with a made-up token": scalekit.NewNonce()} {
			status := h.Tell(bearer, claim)
			assert.GreaterOrEqual(c, status, 400, "HTTP status of a hand-over %s", what)
		}
		h.v.ReturnFromOwnPages(h.access, h.connection, h.given)
		assert.False(c, h.access.Asked() || h.access.Answered(), "the sign-in went on without the app's server having said who it was (the browser is at %s)", h.v.URL().Redacted())
	})

	item.Case("what the app's server has said stands", advice{
		Why:      "a login request that was answered is answered again, with another person",
		Mend:     "take one answer for each login request",
		Standard: "spec/mcp.md 7, 10",
	}, func(c *check) {
		c.NeedCustomAuth()
		h := c.HandOver()
		first, second := c.newMember(), c.newMember()
		require.Less(c, h.Tell(h.apiToken(), first), 300, "HTTP status of the hand-over")
		h.Tell(h.apiToken(), second)
		h.v.ReturnFromOwnPages(h.access, h.connection, h.given)
		code := h.access.Allow().Get("code")
		require.NotEmpty(c, code, "code after the hand-over")
		tokens := h.Redeem(h.request.Redemption(code))
		require.NotEmpty(c, tokens.AccessToken, "access_token (%s %s)", tokens.Error, tokens.ErrorDescription)
		assert.Equal(c, c.userID(first["email"].(string)), h.v.Claims(tokens.AccessToken)["sub"], "sub of the token: whom the app's server named first")
	})

	item.Case("a failed sign-in is none", advice{
		Why:      "whoever is refused at the app's own pages gets in by their assistant",
		Mend:     "end the request when the app's server says login_failed",
		Standard: "spec/mcp.md 7, step 3b",
	}, func(c *check) {
		c.NeedCustomAuth()
		h := c.HandOver()
		failed := c.newMember()
		failed["login_failed"] = true
		require.Less(c, h.Tell(h.apiToken(), failed), 300, "HTTP status of the hand-over")
		h.v.ReturnFromOwnPages(h.access, h.connection, h.given)
		if h.access.Answered() {
			assert.Empty(c, h.access.Allow().Get("code"), "a code came of a failed sign-in")
			return
		}
		assert.False(c, h.access.Asked(), "a failed sign-in went on to the consent page")
	})

	item.Case("the sign-in ends in the browser in which it began", advice{
		Why:      "an attacker sends a link, and the victim's browser is signed in as the attacker",
		Mend:     "keep the request with the browser that began it, and compare when it comes back",
		Standard: "RFC 9700 §4.7",
	}, func(c *check) {
		c.NeedCustomAuth()
		h := c.HandOver()
		require.Less(c, h.Tell(h.apiToken(), c.newMember()), 300, "HTTP status of the hand-over")
		other := c.Browser()
		other.ReturnFromOwnPages(other.BeginAccessAt(suiteRedirect), h.connection, h.given)
		other.VerifyNoWayIn()
	})
}

// NeedCustomAuth makes a case not applicable where the app declares that it
// has no sign-in of its own for an MCP server.
func (c *check) NeedCustomAuth(variables ...string) {
	c.Helper()
	if suite.cfg.AppMCPURL == config.None {
		c.NotApplicable("APP_MCP_URL says that the app has no MCP server")
	}
	c.Need("APP_MCP_CUSTOM_AUTH_URL")
	if suite.cfg.AppMCPCustomAuthURL == config.None {
		c.NotApplicable("APP_MCP_CUSTOM_AUTH_URL says that nobody signs in at pages of the app's own")
	}
	c.Need(variables...)
}

// handedOver is an authorization request that the auth environment has handed
// to the app's own pages, where the browser is.
type handedOver struct {
	guest
	request    *mcp.Request
	access     *flows.Access
	given      flows.HandOver
	connection string
}

// HandOver begins a request at the MCP server of APP_MCP_CUSTOM_AUTH_URL.
func (c *check) HandOver() *handedOver {
	c.Helper()
	at := c.Discover(suite.cfg.AppMCPCustomAuthURL)
	h := &handedOver{guest: guest{c: c, at: at, client: c.SomeClient(at), v: c.Browser()}}
	h.request = at.NewRequest(h.client, at.Resource.Scopes...)
	h.access = h.v.BeginAccess(h.request.URL(&at.Server), h.client.Redirect())
	h.given = h.v.HandedOver()
	var err error
	if h.connection, err = suite.world.API.CustomConnection(suite.ctx, at.ResourceID()); err != nil {
		c.Trouble("the connection to the app's own pages is not found: %v", err)
	}
	return h
}

// Tell says who has signed in, as the app's server would, and returns the HTTP
// status.
func (h *handedOver) Tell(bearer string, person map[string]any) int {
	h.c.Helper()
	status := 0
	err := suite.create(func(ctx context.Context) (err error) {
		status, err = suite.world.API.TellPerson(ctx, h.connection, h.given.LoginRequestID, bearer, person)
		return err
	})
	if err != nil {
		h.c.Trouble("the hand-over cannot be sent: %v", err)
	}
	return status
}

// apiToken is what the app's server authenticates itself by.
func (h *handedOver) apiToken() string {
	h.c.Helper()
	token, err := suite.world.API.Token(suite.ctx)
	if err != nil {
		h.c.Trouble("no token for the management API: %v", err)
	}
	suite.learn(token.AccessToken)
	return token.AccessToken
}

// newMember is somebody new, as the app's server would name them.
func (c *check) newMember() map[string]any {
	c.Helper()
	id := c.unique()
	email := c.NewPerson().Email
	return map[string]any{"sub": "preflight-" + id, "email": c.member(email), "email_verified": true, "given_name": "Mia", "family_name": "Preflight"}
}

// member sees to it that a person of an address is removed in the end.
func (c *check) member(email string) string {
	c.Helper()
	c.removeLater("user", email, func(ctx context.Context) error { return c.removePerson(ctx, email) })
	return strings.ToLower(email)
}
