package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/mcp"
)

// A connection outlives its token, and ends when the person says so; nobody
// else can use it.
func TestMCPSession(t *testing.T) {
	item := begin(t, "mcp/session")

	item.Case("a client carries on after its token has expired", advice{
		Why:      "people have to connect their assistant anew, every hour",
		Mend:     "answer an expired token with 401 and where to ask; take the refreshed one in the same session",
		Standard: "MCP 2026-07-28, authorization; spec/mcp.md 6",
	}, func(c *check) {
		c.NeedMCP("APP_MCP_READ_CALL", "APP_MCP_WRITE_CALL", "PREFLIGHT_TIME_URL")
		g := c.Guest()
		tokens := g.Tokens(callScopes("offline_access")...)
		connections := c.Connections(tokens.AccessToken)
		text := c.Write(connections[0])
		c.Outlive(g.user, suite.cfg.AppMCPAccessTokenLifetime)
		for _, connection := range connections {
			refused := c.Call(connection, "APP_MCP_READ_CALL", "")
			require.Equal(c, http.StatusUnauthorized, refused.Status, "HTTP status for an expired token (MCP %s)", connection.Revision)
			challenge, _ := refused.Challenge()
			assert.NotEmpty(c, challenge.ResourceMetadata, "resource_metadata in the 401 to an expired token")
		}
		fresh := g.Redeem(g.at.Refresh(g.client, tokens.RefreshToken))
		require.NotEmpty(c, fresh.AccessToken, "access_token of the refresh (%s %s)", fresh.Error, fresh.ErrorDescription)
		for _, connection := range connections {
			c.Shows(connection.With(fresh.AccessToken), text)
		}
	})

	item.Case("another person gets nothing by a session id or a handle", advice{
		Why:      "whoever sees a session id or a handle in a log reads and acts as its owner",
		Mend:     "keep the person with each session and each handle, and compare on every request",
		Standard: "MCP security best practices, session hijacking",
	}, func(c *check) {
		c.NeedMCP("APP_MCP_READ_CALL", "APP_MCP_WRITE_CALL")
		owner, thief := c.Guest(), c.Guest()
		own, foreign := owner.Tokens(callScopes()...).AccessToken, thief.Tokens(callScopes()...).AccessToken
		tried := false
		for _, connection := range c.Connections(own) {
			text := c.Write(connection)
			c.Shows(connection, text)
			if connection.SessionID != "" {
				tried = true
				c.stealSession(connection, connection.With(foreign), text)
			}
			if suite.cfg.AppMCPOpenCall != "" && suite.cfg.AppMCPResumeCall != "" {
				tried = true
				handle := c.handle(connection)
				require.Contains(c, c.Call(connection, "APP_MCP_RESUME_CALL", handle).Text(), text, "what the owner gets by the handle (MCP %s)", connection.Revision)
				stolen := c.Call(c.Connect(connection.Revision, foreign), "APP_MCP_RESUME_CALL", handle)
				assert.NotContains(c, stolen.Text(), text, "what another person gets by the handle (MCP %s)", connection.Revision)
			}
		}
		if !tried {
			c.Need("APP_MCP_OPEN_CALL", "APP_MCP_RESUME_CALL")
		}
	})

	item.Case("what one person has written is shown to nobody else", advice{
		Why:      "one customer's assistant reads what another customer has written, by an ordinary call",
		Mend:     "look for the person's own on every call; have the person, and the organization, in the key of every cache",
		Standard: "OWASP ASVS 8.2.2; CWE-639",
	}, func(c *check) {
		c.NeedMCP("APP_MCP_READ_CALL", "APP_MCP_WRITE_CALL")
		owner, other := c.Guest(), c.Guest()
		own, foreign := owner.Tokens(callScopes()...).AccessToken, other.Tokens(callScopes()...).AccessToken
		theirs := c.Connections(foreign)
		for _, connection := range theirs {
			mine := c.Connect(connection.Revision, own)
			text := c.Write(mine)
			c.Shows(mine, text)
			// At once, and by somebody who has written nothing yet: what is kept for a
			// moment is still there, and nothing of their own stands before it.
			assert.NotContains(c, c.Call(connection, "APP_MCP_READ_CALL", "").Text(), text, "what another person reads on a connection of their own (MCP %s)", connection.Revision)
		}
		for _, connection := range theirs {
			c.Shows(connection, c.Write(connection)) // the sign that they could read
		}
	})

	item.Case("a session id is no credential, cannot be guessed, and ends", advice{
		Why:      "an id from a log, or one that is counted up to, is a way in",
		Mend:     "look at the token on every request, be it POST, GET or DELETE; make ids from 128 random bits; forget a session that was deleted",
		Standard: "MCP 2025-11-25, transports, session management; MCP security best practices",
	}, func(c *check) {
		c.NeedMCP("APP_MCP_READ_CALL")
		token := c.Guest().Tokens(readScope()).AccessToken
		connection, another := c.Connect(mcp.Sessions, token), c.Connect(mcp.Sessions, token)
		if connection == nil || another == nil || connection.SessionID == "" {
			c.NotApplicable("the MCP server has no sessions")
		}
		const bits = 128
		assert.GreaterOrEqual(c, len(connection.SessionID)*6, bits, "the session id has room for fewer than %d bits", bits)
		assert.Greater(c, differences(connection.SessionID, another.SessionID), 8, "characters in which two session ids differ")

		require.True(c, c.Call(connection, "APP_MCP_READ_CALL", "").Good(), "a call in the session")
		c.Unauthorized(c.Call(connection.With(""), "APP_MCP_READ_CALL", ""), "a call with a session id and no token")
		stranger := connection.With("")
		status, err := stranger.Stream(suite.ctx)
		require.NoError(c, err, "GET of the session's stream without a token")
		assert.NotEqual(c, http.StatusOK, status, "HTTP status of the session's stream for a session id and no token; expected 401, or 405 where there are no streams")
		_, err = stranger.End(suite.ctx)
		require.NoError(c, err, "DELETE of the session without a token")
		require.True(c, c.Call(connection, "APP_MCP_READ_CALL", "").Good(), "a call in the session, which somebody without a token has asked to end")

		ended, err := connection.End(suite.ctx)
		require.NoError(c, err, "DELETE of the session")
		if ended.Status == http.StatusMethodNotAllowed {
			return // a server may keep clients from ending sessions (transports, session management 5)
		}
		assert.False(c, c.Call(connection, "APP_MCP_READ_CALL", "").Good(), "a call in a session that was ended was answered; expected 404")
	})

	item.Case("who has left the organization has no assistant there any more", advice{
		Why:      "somebody who was dismissed goes on reading the company's data by their assistant, for as long as it refreshes",
		Mend:     "look at the person and the membership at every refresh, whichever client asks, and end sessions when somebody is removed or deactivated",
		Standard: "OWASP ASVS 7.4.2; spec/mcp.md 5",
	}, func(c *check) {
		c.NeedMCP("APP_MCP_READ_CALL")
		ways := map[string]func(user *flows.User){"was removed": func(user *flows.User) { c.removeMember(user.OrgID, user) }}
		if suite.cfg.APIDoes("deactivation") { // which not every management API does
			ways["was deactivated"] = c.deactivate
		}
		for what, leave := range ways {
			g := c.Guest()
			tokens := g.Tokens(readScope(), "offline_access")
			if tokens.RefreshToken == "" {
				c.NotApplicable("MCP clients get no refresh token: they are connected for as long as an access token lives")
			}
			leave(g.user)
			answer := g.Redeem(g.at.Refresh(g.client, tokens.RefreshToken))
			given := answer.AccessToken != "" // not the token: it would be in the log
			assert.False(c, given, "the token endpoint gave an access token for a refresh token of somebody who %s since (HTTP %d)", what, answer.Status)
		}
	})

	item.Case("taking the consent back ends the connection", advice{
		Why:      "people who disconnect an assistant are not rid of it",
		Mend:     "refuse refresh tokens without a consent, and keep access tokens short",
		Standard: "spec/mcp.md 6.1; OWASP ASVS 10.4.9",
	}, func(c *check) {
		c.NeedMCP("APP_MCP_READ_CALL", "PREFLIGHT_TIME_URL")
		g := c.Guest()
		tokens := g.Tokens(readScope(), "offline_access")
		require.NotEmpty(c, tokens.RefreshToken, "refresh_token, with offline_access")
		connections := c.Connections(tokens.AccessToken)
		g.TakeConsentBack()
		c.refused(g.Redeem(g.at.Refresh(g.client, tokens.RefreshToken)))
		c.Outlive(g.user, suite.cfg.AppMCPAccessTokenLifetime)
		for _, connection := range connections {
			assert.False(c, c.Call(connection, "APP_MCP_READ_CALL", "").Good(), "the connection works on (MCP %s), one lifetime after the consent was taken back", connection.Revision)
		}
	})
}

// stealSession tries another person's token in a session, in every way that a
// session can be used, and then that its owner has lost nothing.
func (c *check) stealSession(owner, thief *mcp.Connection, secret string) {
	c.Helper()
	stolen := c.Call(thief, "APP_MCP_READ_CALL", "")
	assert.NotContains(c, stolen.Text(), secret, "what another person reads in the session")
	planted := "preflight-" + c.unique()
	c.Call(thief, "APP_MCP_WRITE_CALL", planted)
	status, err := thief.Stream(suite.ctx)
	require.NoError(c, err, "GET of the session's stream")
	assert.NotEqual(c, http.StatusOK, status, "HTTP status of the session's stream for another person")
	_, err = thief.End(suite.ctx)
	require.NoError(c, err, "DELETE of the session")
	left := c.Call(owner, "APP_MCP_READ_CALL", "")
	require.True(c, left.Good(), "the owner's session after another person has used and ended it: %s", left)
	assert.Contains(c, left.Text(), secret, "what the owner reads in the session")
	assert.NotContains(c, left.Text(), planted, "what another person has written in the session")
}

// handle opens state of the caller's and returns what stands for it.
func (c *check) handle(connection *mcp.Connection) string {
	c.Helper()
	answer := c.Call(connection, "APP_MCP_OPEN_CALL", "")
	handle := strings.TrimSpace(answer.Text())
	if !answer.Good() || handle == "" {
		c.Fatalf("expected the tool of APP_MCP_OPEN_CALL to answer a handle (MCP %s); it answered %s", connection.Revision, answer)
	}
	suite.learn(handle)
	return handle
}

// TakeConsentBack revokes what the person has allowed the client.
func (g *guest) TakeConsentBack() {
	g.c.Helper()
	consents, err := suite.world.API.Consents(suite.ctx, g.at.ResourceID())
	if err != nil {
		g.c.Trouble("the consents of the MCP server cannot be listed: %v", err)
	}
	for _, one := range consents {
		if one.ClientID != g.client.ID || one.UserID != "" && one.UserID != g.user.ID {
			continue
		}
		if err := suite.world.API.RevokeConsent(suite.ctx, one.ClientID, one.ID); err != nil {
			g.c.Trouble("the consent cannot be taken back: %v", err)
		}
		return
	}
	g.c.Fatalf("expected a consent of %s for the client %s among the %d of the MCP server", g.user.Email, g.client.ID, len(consents))
}

// differences counts the places in which two ids of the same form differ.
func differences(a, b string) (n int) {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			n++
		}
	}
	return n + max(len(a), len(b)) - min(len(a), len(b))
}
