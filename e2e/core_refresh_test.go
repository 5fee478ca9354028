package e2e

import (
	"cmp"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/browser"
	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
)

// People stay signed in as long as the product promises, without noticing how,
// and not longer.
func TestRefresh(t *testing.T) {
	item := begin(t, "core/refresh")

	item.Case("the end of an access token is not noticed", advice{
		Why:      "people lose their work every few minutes",
		Mend:     "ask for offline_access, keep the refresh token and use it when the access token is over",
		Standard: "spec/app-contract.md T4, section 4.7",
	}, func(c *check) {
		c.NeedEndOfAccess()
		user := c.AnyUser()
		v := c.Browser()
		v.SignIn(user)
		c.Outlive(user, c.TokenLife())
		answer := v.Goto(suite.cfg.App(suite.cfg.AppProtectedPath))
		require.Equal(c, http.StatusOK, answer.Status, "HTTP status of the protected page after one access-token lifetime")
		require.True(c, v.Landed(v.URL()), "the browser is at %s; expected no visible sign-in", v.URL())
		v.VerifySignedIn(user)
	})

	item.Case("the refreshed session can be refreshed again", advice{
		Why:      "a product that forgets the new refresh token throws people out at the second expiry",
		Mend:     "store the refresh token of every answer in place of the one before",
		Standard: "spec/oauth.md 3.3; spec/app-contract.md T5",
	}, func(c *check) {
		c.NeedEndOfAccess()
		user := c.AnyUser()
		v := c.Browser()
		v.SignIn(user)
		for range 3 {
			c.Outlive(user, c.TokenLife())
			v.VerifySignedIn(user)
		}
	})

	item.Case("several tabs that find the token over at once all stay signed in", advice{
		Why:      "one tab's refresh spends the token that the others hold; people are thrown out at random",
		Mend:     "let one refresh run at a time for each session, and let the others wait for it",
		Standard: "spec/app-contract.md T6; COMMON-MISTAKES §9",
	}, func(c *check) {
		c.NeedEndOfAccess()
		const tabs = 10
		user := c.AnyUser()
		v := c.Browser()
		v.SignIn(user)
		c.Outlive(user, c.TokenLife())
		for i, status := range v.AskAtOnce(tabs, suite.cfg.App(suite.cfg.AppProtectedPath)) {
			assert.Equal(c, http.StatusOK, status, "HTTP status in tab %d", i+1)
		}
		v.VerifySignedIn(user)
	})

	item.Case("a session ends when it was not used for the idle time", advice{
		Why:      "an unattended or stolen device stays signed in",
		Mend:     "set the idle timeout under Authentication > Session Policy, and end the product's session when a refresh is refused",
		Standard: "OWASP ASVS 7.3.1; spec/oauth.md 7",
	}, func(c *check) {
		c.Need("APP_IDLE_TIMEOUT")
		c.Cast(1) // the session policy is that of an organization of the case's own
		user := c.NewUser()
		idle, _ := c.SessionLimits(user)
		v := c.Browser()
		v.SignIn(user)
		c.Outlive(user, idle)
		v.Goto(suite.cfg.App(suite.cfg.AppProtectedPath))
		v.VerifySignedOut()
	})

	item.Case("a session that is used ends at the absolute time", advice{
		Why:      "a stolen session that is kept busy never ends",
		Mend:     "set the absolute timeout under Authentication > Session Policy",
		Standard: "OWASP ASVS 7.3.2; spec/oauth.md 7",
	}, func(c *check) {
		c.Need("APP_ABSOLUTE_TIMEOUT")
		c.Cast(1) // the session policy is that of an organization of the case's own
		user := c.NewUser()
		idle, absolute := c.SessionLimits(user)
		v := c.Browser()
		v.SignIn(user)
		step := absolute
		if idle > 0 {
			step = min(step, idle*3/4)
		}
		for passed := time.Duration(0); passed+step < absolute; passed += step {
			c.Pass(user, step)
			v.VerifySignedIn(user)
		}
		c.Outlive(user, step)
		v.VerifySignedOut()
	})

	item.Case("a silent sign-in does not put off the end of the environment's session", advice{
		Why:      "a stolen session that is sent past the environment now and then never ends, and nobody is asked who they are again",
		Mend:     "count the absolute timeout from the sign-in at which somebody proved who they are, whatever follows in that session",
		Standard: "OWASP ASVS 7.3.2; spec/oauth.md 7",
	}, func(c *check) {
		passing := skew
		if suite.cfg.TimeURL == "" {
			passing = 5 * time.Second // enough to tell: nothing has to end
		}
		user := c.AnyUser()
		a := c.Access(user)
		sid := textOf(a.Claims(a.tokens.AccessToken), "sid")
		if sid == "" {
			c.NotVerified("the access token does not say of which session it is (sid)")
		}
		end := func() time.Time {
			session, err := suite.world.API.GetSession(suite.ctx, sid)
			c.mayBeAbsent("read a session", err)
			if session.AbsoluteExpiresAt == nil {
				c.NotVerified("the environment does not say when a session ends (absolute_expires_at)")
			}
			return *session.AbsoluteExpiresAt
		}
		c.Pass(user, passing)
		before := end() // after the time has passed, which may have moved it as well
		again, _ := a.Tokens(nil)
		if again == nil || textOf(a.Claims(again.AccessToken), "sid") != sid {
			c.NotVerified("the environment does not go on with its session at a second request of the same browser")
		}
		assert.Less(c, end().Sub(before), passing/2, "by how much a silent sign-in, %s after the one before, puts off the absolute end of the session", passing)
	})

	item.Case("a refresh gives new tokens for the same person and session", advice{
		Why:      "a refresh that changes who or where somebody is mixes up sessions",
		Mend:     "look at the claims of the tokens of both answers",
		Standard: "OpenID Connect Core §12.2; spec/oauth.md 12 (9)",
	}, func(c *check) {
		v := c.Browser()
		first := v.ObtainTokens(c.AnyUser())
		second := v.Refresh(first.RefreshToken)
		require.NotEmpty(c, second.AccessToken, "access token of the refresh (HTTP %d %s)", second.Status, second.Error)
		before, after := v.Claims(first.AccessToken), v.Claims(second.AccessToken)
		assert.Equal(c, before["sub"], after["sub"], "sub")
		assert.Equal(c, before["sid"], after["sid"], "sid")
	})

	item.Case("a refresh token that was replaced is dead after the grace time", advice{
		Why:      "a stolen refresh token works beside the person's own for as long as the session lives",
		Mend:     "rotate refresh tokens and refuse the old one after a short grace time",
		Standard: "RFC 9700 §4.14.2; OWASP ASVS 10.4.5",
	}, func(c *check) {
		c.NeedTime(suite.cfg.AppRefreshGrace)
		user := c.AnyUser()
		v := c.Browser()
		first := v.ObtainTokens(user)
		second := v.Refresh(first.RefreshToken)
		if second.RefreshToken == first.RefreshToken {
			c.NotApplicable("refresh tokens of this confidential client are not rotated, which RFC 9700 §4.14.2 allows")
		}
		c.useUpGrace(v, user, first.RefreshToken)
		c.grantRefused(v.Refresh(first.RefreshToken))
	})

	item.Case("another client cannot use the refresh token", advice{
		Why:      "a second product takes over people's sessions with tokens that reach it",
		Mend:     "bind refresh tokens to the client they were issued to",
		Standard: "RFC 6749 §6; OWASP ASVS 10.4.5",
	}, func(c *check) {
		c.Need("PREFLIGHT_SECOND_CLIENT_ID", "PREFLIGHT_SECOND_CLIENT_SECRET")
		v := c.Browser()
		form := v.RefreshRequest(v.ObtainTokens(c.AnyUser()).RefreshToken)
		form.Set("client_id", suite.cfg.SecondClientID)
		form.Set("client_secret", suite.cfg.SecondClientSecret)
		c.refused(v.Tokens(form))
	})

	item.Case("a refresh that asks for more than was granted brings no more", advice{
		Why:      "whoever gets a refresh token of a narrow grant widens it, and nobody is asked",
		Mend:     "compare the scope of a refresh with the one that was granted, and answer invalid_scope",
		Standard: "RFC 6749 §6; spec/oauth.md 3.4",
	}, func(c *check) {
		const granted, more = "openid offline_access", "email"
		agent := c.Quiet(c.AnyUser())
		first, end := agent.Tokens(url.Values{"scope": {granted}})
		require.NotNil(c, first, "tokens with the scope %q; the request ended at %s", granted, end.URL.Redacted())
		require.NotEmpty(c, first.RefreshToken, "refresh token of a grant with the scope %q", granted)
		if slices.Contains(c.scopes(agent, first), more) {
			c.NotApplicable("the environment grants the scope " + more + " to who asks for " + granted + ", which RFC 6749 §3.3 allows")
		}
		assert.NotContains(c, c.scopes(agent, agent.RefreshFor(first.RefreshToken, granted+" "+more)), more, "scope of the refreshed tokens")
	})

	item.Case("a refresh token that was taken back is dead", advice{
		Why:      "a token that leaked, and that the product has revoked, goes on for as long as the session lives",
		Mend:     "revoke what the revocation endpoint is given, and with a refresh token its whole grant",
		Standard: "RFC 7009 §2.1; OWASP ASVS 10.4.9",
	}, func(c *check) {
		revocation := c.revocation()
		v := c.Browser()
		tokens := v.ObtainTokens(c.AnyUser())
		answer := c.takeBack(v, revocation, tokens.RefreshToken, nil)
		require.Equal(c, http.StatusOK, answer.Status, "HTTP status of the revocation")
		c.grantRefused(v.Refresh(tokens.RefreshToken))
	})

	item.Case("with a refresh token the one before it is taken back", advice{
		Why:      "the product takes back what it holds, and the copy of before that a thief has buys new tokens",
		Mend:     "revoke the whole grant with any of its refresh tokens; a grace period for replaced ones ends with it",
		Standard: "RFC 7009 §2.1; RFC 9700 §4.14.2",
	}, func(c *check) {
		revocation := c.revocation()
		v := c.Browser()
		first := v.ObtainTokens(c.AnyUser())
		second := v.Refresh(first.RefreshToken)
		require.NotEmpty(c, second.RefreshToken, "refresh token of the refresh (HTTP %d %s)", second.Status, second.Error)
		c.takeBack(v, revocation, second.RefreshToken, nil)
		c.grantRefused(v.Refresh(first.RefreshToken))
	})

	item.Case("another client cannot take the refresh token back", advice{
		Why:      "one product, or whoever has its secret, throws the people of all others out",
		Mend:     "compare the client of the token with the one that asks before anything is revoked",
		Standard: "RFC 7009 §2.1",
	}, func(c *check) {
		c.Need("PREFLIGHT_SECOND_CLIENT_ID", "PREFLIGHT_SECOND_CLIENT_SECRET")
		revocation := c.revocation()
		v := c.Browser()
		tokens := v.ObtainTokens(c.AnyUser())
		c.takeBack(v, revocation, tokens.RefreshToken, url.Values{
			"client_id": {suite.cfg.SecondClientID}, "client_secret": {suite.cfg.SecondClientSecret},
		})
		after := v.Refresh(tokens.RefreshToken)
		require.NotEmpty(c, after.AccessToken, "access token of a refresh after another client wanted the token revoked (HTTP %d %s)", after.Status, after.Error)
	})

	item.Case("a refresh without the client's secret is refused", advice{
		Why:      "a refresh token that leaks is enough to stay signed in as somebody else",
		Mend:     "authenticate confidential clients at every token request",
		Standard: "RFC 6749 §6; OWASP ASVS 10.4.10",
	}, func(c *check) {
		v := c.Browser()
		form := v.RefreshRequest(v.ObtainTokens(c.AnyUser()).RefreshToken)
		form.Del("client_secret")
		c.refused(v.Tokens(form))
	})

	item.Case("no refresh for somebody who was removed", advice{
		Why:      "a dismissed employee keeps access for the life of the session",
		Mend:     "look at the user's state at every refresh",
		Standard: "OWASP ASVS 7.4.2; CVE-2026-43983",
	}, func(c *check) {
		user := c.NewUser()
		v := c.Browser()
		tokens := v.ObtainTokens(user)
		if err := suite.world.API.DeleteUser(suite.ctx, user.ID); err != nil {
			c.Trouble("the user cannot be deleted: %v", err)
		}
		c.refused(v.Refresh(tokens.RefreshToken))
	})

	item.Case("no refresh for a session that was revoked", advice{
		Why:      "ending a session in the dashboard does nothing",
		Mend:     "look at the session's state at every refresh",
		Standard: "OWASP ASVS 7.4.5; spec/oauth.md 7",
	}, func(c *check) {
		user := c.AnyUser()
		v := c.Browser()
		tokens := v.ObtainTokens(user)
		if err := suite.world.API.RevokeUserSessions(suite.ctx, user.ID); err != nil {
			c.Trouble("the sessions cannot be revoked: %v", err)
		}
		c.refused(v.Refresh(tokens.RefreshToken))
	})
}

// useUpGrace uses a refresh token that was replaced again and again, as a thief
// would who wants to keep it: after each half of the grace time, so that a grace
// which begins anew with a use never ends. It is over with the first refusal, or
// when the grace is by any clock.
func (c *check) useUpGrace(v *flows.Visitor, user *flows.User, token string) {
	c.Helper()
	grace := suite.cfg.AppRefreshGrace
	margin := skew
	if suite.cfg.TimeURL == "" {
		margin = suite.cfg.ClockSkew
	}
	step := cmp.Or(grace/2, margin, time.Second)
	for passed := time.Duration(0); passed < grace+margin; passed += step {
		c.Pass(user, step)
		answer := v.Refresh(token)
		if answer.AccessToken == "" && answer.Status < http.StatusInternalServerError {
			return
		}
	}
}

// revocation is the address at which tokens are taken back, if there is one.
func (c *check) revocation() string {
	c.Helper()
	discovery, err := suite.world.API.Discovery(suite.ctx)
	if err != nil {
		c.Trouble("the discovery document cannot be read: %v", err)
	}
	if discovery.RevocationEndpoint == "" {
		c.NotApplicable("the discovery document names no revocation_endpoint")
	}
	return discovery.RevocationEndpoint
}

// takeBack asks for a refresh token to be revoked, as the suite's own client or
// as the one that is given.
func (c *check) takeBack(v *flows.Visitor, endpoint, token string, as url.Values) *browser.Answer {
	c.Helper()
	form := v.RefreshRequest("")
	form.Del("grant_type")
	form.Del("refresh_token")
	form.Set("token", token)
	maps.Copy(form, as)
	return v.Fetch(http.MethodPost, endpoint, browser.WithForm(form))
}

// scopes are what tokens are good for: what the answer says and, where it is a
// JWT that says something, the access token. No tokens have none.
func (c *check) scopes(agent *flows.Agent, answer *scalekit.TokenAnswer) []string {
	c.Helper()
	if answer.AccessToken == "" {
		return nil
	}
	return append(strings.Fields(answer.Scope), strings.Fields(textOf(agent.Claims(answer.AccessToken), "scope"))...)
}
