package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/browser"
	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/readiness"
)

// After signing out nothing opens the account again but a new sign-in.
func TestLogout(t *testing.T) {
	item := begin(t, "core/logout")

	item.Case("signing out ends at the promised page, signed out", advice{
		Why:      "people on shared devices cannot leave",
		Mend:     "end the session, then send the browser to /oidc/logout with id_token_hint and a registered post-logout address",
		Standard: "OpenID Connect RP-Initiated Logout 1.0 §2; spec/oauth.md 6",
	}, func(c *check) {
		v := c.signedIn()
		v.SignOut()
		assert.Equal(c, suite.cfg.AppPostLogoutPath, v.URL().Path, "the page after signing out (APP_POST_LOGOUT_PATH)")
		v.VerifySignedOut()
	})

	item.Case("cookies that were captured before are worth nothing after", advice{
		Why:      "a session that was copied once, from a proxy or a shared computer, outlives the sign-out",
		Mend:     "end the session on the server, do not only delete the cookie",
		Standard: "OWASP ASVS 7.4.1; CVE-2026-30224",
	}, func(c *check) {
		delay := suite.cfg.AppRevocationDelay
		c.NeedTime(delay)
		user := c.AnyUser()
		v := c.Browser()
		v.SignIn(user)
		v.VerifySignedIn(user)
		captured := v.AppCookies()
		v.SignOut()
		if delay > 0 {
			c.Outlive(user, delay) // what the product declares; the report says so
		}
		v.SetCookies(captured...)
		v.VerifySignedOut()
	})

	item.Case("the next sign-in asks who it is", advice{
		Why:      "one click after signing out the next person at the computer is signed in again",
		Mend:     "navigate the browser to /oidc/logout with the ID token; a fetch does not end the session there",
		Standard: "OpenID Connect RP-Initiated Logout 1.0 §2; COMMON-MISTAKES §5",
	}, func(c *check) {
		v := c.signedIn()
		v.SignOut()
		v.Step("begin a sign-in after signing out")
		v.Goto(v.LoginURL(""))
		v.AwaitURL("the auth environment or the application", func(u *url.URL) bool { return v.Landed(u) || !v.AtApp(u) })
		v.VerifySignedOut()
		require.False(c, v.AtApp(v.URL()), "the sign-in came back to %s without asking anybody", v.URL())
	})

	item.Case("the refresh token is dead at once", advice{
		Why:      "whoever holds the refresh token stays in for weeks",
		Mend:     "end the auth environment's session at logout; refresh tokens hang on it",
		Standard: "OWASP ASVS 7.4.1; spec/oauth.md 6",
	}, func(c *check) {
		user := c.AnyUser()
		v := c.signedInAs(user, (*flows.Visitor).SignIn)
		tokens := v.ObtainTokens(nil) // by the session that the browser has already
		v.SignOut()
		c.refused(v.Refresh(tokens.RefreshToken))
		v.SignIn(user) // which is another session, not that one again
		c.refused(v.Refresh(tokens.RefreshToken))
	})

	item.Case("an access token is dead one lifetime later", advice{
		Why:      "a copied access token would open the API for ever",
		Mend:     "let access tokens live for minutes and check exp on every request",
		Standard: "OWASP ASVS 7.4.1 and 9.2.1",
	}, func(c *check) {
		c.Need("APP_API_PATH")
		c.NeedEndOfAccess()
		user := c.AnyUser()
		v := c.Browser()
		v.SignIn(user)
		token := v.ObtainTokens(nil).AccessToken
		require.Equal(c, http.StatusOK, v.CallAPI(token), "HTTP status of the API with a fresh access token")
		v.SignOut()
		c.Outlive(user, c.TokenLife())
		require.NotEqual(c, http.StatusOK, v.CallAPI(token), "HTTP status of the API after signing out and one lifetime")
	})

	item.Case("other tabs are signed out too", advice{
		Why:      "a forgotten tab still shows and changes data",
		Mend:     "keep the session on the server and look at it on every request",
		Standard: "OWASP ASVS 7.4.1",
	}, func(c *check) {
		v := c.signedIn()
		other := v.NewTab()
		other.Goto(suite.cfg.App(suite.cfg.AppProtectedPath))
		v.SignOut()
		other.Reload()
		other.VerifySignedOut()
		assert.False(c, other.Landed(other.URL()) && suite.cfg.IsAt(other.URL(), suite.cfg.AppProtectedPath),
			"the other tab still shows %s after a reload", other.URL())
	})

	item.Case("signing out in one browser leaves the others signed in", advice{
		Why:      "who signs out on a shared computer is thrown out of the telephone and the laptop too, and what was not saved there is lost",
		Mend:     "end the session of this browser; at the back channel end the one that sid names, and all of a person only where there is no sid",
		Standard: "spec/oauth.md 6; OpenID Connect Back-Channel Logout 1.0 §2.7",
	}, func(c *check) {
		user := c.AnyUser()
		here, there := c.Unseen(), c.Unseen()
		here.SignIn(user)
		there.SignIn(user)
		tokens := there.ObtainTokens(nil)
		here.SignOut()
		here.VerifySignedOut()
		require.NotEmpty(c, there.Refresh(tokens.RefreshToken).AccessToken, "a refresh in the other browser, after the sign-out in this one")
		there.VerifySignedIn(user)
	})

	item.Case("the back button shows nothing private", advice{
		Why:      "the next person at the computer reads the last page",
		Mend:     "send Cache-Control: no-store with every private page",
		Standard: "OWASP ASVS 14.3.2",
	}, func(c *check) {
		user := c.AnyUser()
		v := c.Browser()
		v.SignIn(user)
		v.Goto(suite.cfg.App(suite.cfg.AppProtectedPath))
		require.Contains(c, strings.ToLower(v.Text()), strings.ToLower(user.Email), "the protected page shows who is signed in")
		v.SignOut()
		v.Back()
		for range 3 {
			assert.NotContains(c, strings.ToLower(v.Text()), strings.ToLower(user.Email), "the page behind the back button (%s)", v.URL())
			v.Back()
		}
	})

	item.Case("the back button shows nothing private, in a browser that keeps whole pages", advice{
		Why:      "browsers keep the last pages whole, with all that is on them, and show them without asking anybody",
		Mend:     "send Cache-Control: no-store with every private page and change a cookie at sign-out; or ask the server again on pageshow with persisted",
		Standard: "OWASP ASVS 14.3.2; HTML Living Standard 7.4.6.3 (page showing)",
	}, func(c *check) {
		user := c.AnyUser()
		b, err := suite.keeping()
		if err != nil {
			c.leftOpen(user, err)
			return
		}
		v := c.open(b, browser.WindowOptions{})
		v.WatchRestores()
		v.SignIn(user)
		v.Goto(suite.cfg.App(suite.cfg.AppProtectedPath))
		require.Contains(c, strings.ToLower(v.Text()), strings.ToLower(user.Email), "the protected page shows who is signed in")
		v.SignOut()
		for range 5 {
			r, further := v.HistoryBack()
			if !further {
				return
			}
			assert.NotContains(c, strings.ToLower(r.Text), strings.ToLower(user.Email), "the page behind the back button (%s, from the cache: %t)", r.Address, r.FromCache)
		}
	})

	item.Case("signing out leads to no address that was not registered", advice{
		Why:      "a link to the real sign-out page ends on a look-alike that asks for the password",
		Mend:     "compare post_logout_redirect_uri with the registered list, exactly",
		Standard: "OpenID Connect RP-Initiated Logout 1.0 §3; RFC 9700 §4.11",
	}, func(c *check) {
		v := c.Browser()
		user := c.AnyUser()
		tokens := v.ObtainTokens(user)
		for _, foreign := range []string{
			"https://attacker.preflight.invalid/out",
			"https://" + suite.cfg.AppURL.Hostname() + ".attacker.preflight.invalid/out",
		} {
			logout := v.HoldForeign(foreign)
			answer := v.Goto(v.LogoutURL(url.Values{"id_token_hint": {tokens.IDToken}, "post_logout_redirect_uri": {foreign}, "client_id": {suite.cfg.AppClientID}}))
			require.False(c, logout.Came(), "the browser was sent to %s (HTTP %d)", foreign, answer.Status)
			logout.Release()
		}
	})

	item.Case("an ID token that is over still signs out", advice{
		Why:      "who comes back after a pause and signs out meets an error, and the session at the auth environment stays for the next person",
		Mend:     "take an id_token_hint of any age: it says who wants to leave, and opens nothing",
		Standard: "OpenID Connect RP-Initiated Logout 1.0 §2 and §4; spec/oauth.md 6",
	}, func(c *check) {
		user := c.AnyUser()
		v := c.Unseen()
		tokens := v.ObtainTokens(user)
		claims := v.Claims(tokens.IDToken)
		life := time.Duration(number(claims["exp"])-number(claims["iat"])) * time.Second
		c.NeedTime(life)
		c.Outlive(user, life)
		back := suite.cfg.App(suite.cfg.AppPostLogoutPath)
		agent := v.Agent()
		end := agent.Get(v.LogoutURL(url.Values{"id_token_hint": {tokens.IDToken}, "post_logout_redirect_uri": {back}, "client_id": {suite.cfg.AppClientID}}))
		require.Equal(c, back, end.URL.String(), "where a sign-out leads whose ID token is over (HTTP %d)", end.Status)
		_, silent := agent.Authorize(url.Values{"prompt": {"none"}})
		require.Empty(c, silent.URL.Query().Get("code"), "a code that nobody was asked for, after the sign-out")
	})

	item.Case("a session that the auth environment ends is ended here by the back channel", advice{
		Why:      "a sign-out elsewhere, or by an administrator, leaves this product open until the token ends",
		Mend:     "register a back-channel logout address and end the session that the logout token names",
		Standard: "OpenID Connect Back-Channel Logout 1.0 §2.7",
	}, func(c *check) {
		c.Need("APP_BACKCHANNEL_LOGOUT_PATH")
		user := c.AnyUser()
		v := c.Browser()
		v.SignIn(user)
		if err := suite.world.API.RevokeUserSessions(suite.ctx, user.ID); err != nil {
			c.Trouble("the sessions cannot be revoked: %v", err)
		}
		require.Eventually(c, func() bool { return v.WhoAmI(user.Email) == "" }, 10*time.Second, 100*time.Millisecond,
			"the session must end within ten seconds, long before the access token does")
	})

	item.Case("of two sessions the back channel ends the one that the auth environment has ended", advice{
		Why:      "whenever one session of a person ends, on whatever device, all others end with it",
		Mend:     "end the session that the logout token's sid names; sub alone stands for all of the person's",
		Standard: "OpenID Connect Back-Channel Logout 1.0 §2.7",
	}, func(c *check) {
		c.Need("APP_BACKCHANNEL_LOGOUT_PATH")
		user := c.AnyUser()
		here, there := c.Unseen(), c.Unseen()
		here.SignIn(user)
		there.SignIn(user)
		sid := textOf(here.Claims(here.ObtainTokens(nil).AccessToken), "sid")
		if err := suite.world.API.RevokeSession(suite.ctx, sid); err != nil {
			c.mayBeAbsent("end one session", err)
		}
		require.Eventually(c, func() bool { return here.WhoAmI(user.Email) == "" }, 10*time.Second, 100*time.Millisecond,
			"the session that was ended must end within ten seconds, long before the access token does")
		there.VerifySignedIn(user)
	})

	item.Case("a forged logout token signs nobody out", advice{
		Why:      "anybody can throw people out, again and again",
		Mend:     "verify the logout token's signature, issuer, audience and events before acting on it",
		Standard: "OpenID Connect Back-Channel Logout 1.0 §2.6; spec/app-contract.md O8",
	}, func(c *check) {
		c.Need("APP_BACKCHANNEL_LOGOUT_PATH")
		user := c.AnyUser()
		v := c.Browser()
		v.SignIn(user)
		claims := v.Claims(v.ObtainTokens(nil).IDToken)
		for _, forged := range forgedLogoutTokens(claims) {
			v.Fetch(http.MethodPost, suite.cfg.App(suite.cfg.AppBackchannelLogoutPath), browser.WithForm(url.Values{"logout_token": {forged}}))
		}
		v.VerifySignedIn(user)
	})

	item.Case("a token that is none for logout signs nobody out", advice{
		Why:      "whoever sees a person's ID or access token can throw them out, again and again",
		Mend:     "demand the back-channel event and refuse a token with a nonce",
		Standard: "OpenID Connect Back-Channel Logout 1.0 §2.6",
	}, func(c *check) {
		c.Need("APP_BACKCHANNEL_LOGOUT_PATH")
		user := c.AnyUser()
		v := c.Browser()
		v.SignIn(user)
		tokens := v.ObtainTokens(nil)
		for _, token := range []string{tokens.IDToken, tokens.AccessToken} {
			v.Fetch(http.MethodPost, suite.cfg.App(suite.cfg.AppBackchannelLogoutPath), browser.WithForm(url.Values{"logout_token": {token}}))
		}
		v.VerifySignedIn(user)
	})

	item.Case("signing out everywhere ends the auth environment's sessions too", advice{
		Why:      "the lost device comes back with one click, or its refresh token works for weeks",
		Mend:     "revoke all sessions of the user at the auth environment, not only the product's own",
		Standard: "OWASP ASVS 7.5.2",
	}, func(c *check) {
		c.Need("APP_LOGOUT_ALL_PATH")
		user := c.AnyUser()
		here, there := c.Browser(), c.Browser()
		here.SignIn(user)
		there.SignIn(user)
		tokens := there.ObtainTokens(nil)
		here.SignOutEverywhere()
		require.Eventually(c, func() bool { return there.WhoAmI(user.Email) == "" }, 10*time.Second, 100*time.Millisecond,
			"the other browser must be signed out")
		c.refused(there.Refresh(tokens.RefreshToken))
	})

	item.Case("signing out everywhere ends the session in another browser", advice{
		Why:      "somebody who lost a device cannot lock it out",
		Mend:     "revoke all sessions of the user at the auth environment and end them here",
		Standard: "OWASP ASVS 7.5.2",
	}, func(c *check) {
		c.Need("APP_LOGOUT_ALL_PATH")
		user := c.AnyUser()
		here, there := c.Browser(), c.Browser()
		here.SignIn(user)
		there.SignIn(user)
		here.SignOutEverywhere()
		here.VerifySignedOut()
		require.Eventually(c, func() bool { return there.WhoAmI(user.Email) == "" }, 10*time.Second, 100*time.Millisecond,
			"the other browser must be signed out")
	})
}

// leftOpen stands in for the back/forward cache where the browser has none:
// what it keeps is a page as a second tab has it, shown again after the
// sign-out. Only a page that may be kept and does not look again is red.
func (c *check) leftOpen(user *flows.User, why error) {
	c.Helper()
	c.results.Evidence(readiness.Evidence{Kind: "text", Title: "the back/forward cache", Text: "shown by a second tab: " + why.Error()})
	v := c.Browser()
	v.SignIn(user)
	tab := v.NewTab()
	answer := tab.Goto(suite.cfg.App(suite.cfg.AppProtectedPath))
	v.SignOut()
	tab.Eval(`() => { dispatchEvent(new PageTransitionEvent("pageshow", {persisted: true})); }`, nil)
	tab.AwaitRest()
	if strings.Contains(strings.ToLower(answer.Header.Get("Cache-Control")), "no-store") {
		return // browsers drop the page when the cookies change
	}
	assert.NotContains(c, strings.ToLower(tab.Text()), strings.ToLower(user.Email),
		"the page that was kept (%s) is not no-store and shows the same after pageshow", tab.URL())
}
