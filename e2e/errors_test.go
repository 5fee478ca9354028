package e2e

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Tokens that are over lead to a sign-in and back, not to an error.
func TestExpiredTokens(t *testing.T) {
	item := begin(t, "errors/expired-tokens")

	for what, after := range map[string]func(idle, absolute time.Duration) time.Duration{
		"after the idle time":     func(idle, _ time.Duration) time.Duration { return idle },
		"after the absolute time": func(_, absolute time.Duration) time.Duration { return absolute },
	} {
		item.Case(what+" the person signs in again and is back on the page", advice{
			Why:      "people meet a raw error or a redirect loop after a holiday, and call support",
			Mend:     "when a refresh is refused drop the session, remember the page and send the browser to the login once",
			Standard: "OWASP WSTG-ERRH; spec/app-contract.md section 1 (refresh)",
		}, func(c *check) {
			user := c.AnyUser()
			ends := after(c.SessionLimits(user))
			if ends == 0 {
				c.NotVerified("set APP_IDLE_TIMEOUT and APP_ABSOLUTE_TIMEOUT (see .env.example)")
			}
			v := c.Browser()
			v.SignIn(user)
			c.Outlive(user, ends)
			wanted := suite.cfg.AppProtectedPath + "?tab=2"
			v.Step("open a protected page when all tokens are over")
			answer := v.Goto(suite.cfg.App(wanted))
			require.Less(c, answer.Status, 500, "HTTP status of the page that is shown")
			v.AwaitAtAuth()
			v.Identify(user)
			v.AwaitLanding()
			assert.Equal(c, wanted, v.URL().RequestURI(), "the page after the new sign-in")
			v.VerifySignedIn(user)
		})
	}

	item.Case("the API refuses a token that is over, and says so properly", advice{
		Why:      "a token from an old log opens the API, or a client cannot tell that it should refresh",
		Mend:     "check exp and nbf on every request and answer 401",
		Standard: "RFC 6750 §3.1; OWASP ASVS 9.2.1",
	}, func(c *check) {
		c.Need("APP_API_PATH")
		c.NeedEndOfAccess()
		user := c.AnyUser()
		v := c.Browser()
		token := v.ObtainTokens(user).AccessToken
		require.Equal(c, http.StatusOK, v.CallAPI(token), "HTTP status with a fresh token")
		c.OutliveBy(user, c.TokenLife(), 10*time.Minute)
		status := v.CallAPI(token)
		require.GreaterOrEqual(c, status, 400, "HTTP status with a token that has ended")
		require.Less(c, status, 500, "HTTP status with a token that has ended")
	})

	item.Case("a broken session cookie means signed out, not an error", advice{
		Why:      "after a deployment or a key change people are stuck on an error page until they clear cookies",
		Mend:     "treat a session that cannot be read as none",
		Standard: "spec/app-contract.md T19; WSTG-ERRH",
	}, func(c *check) {
		v := c.signedIn()
		for _, cookie := range c.sessionCookies(v) {
			cookie.Value = "broken" + alter(cookie.Value)
			v.SetCookies(cookie)
		}
		answer := v.Fetch(http.MethodGet, suite.cfg.App(suite.cfg.AppProtectedPath))
		require.Less(c, answer.Status, 500, "HTTP status with a broken session cookie")
		v.VerifySignedOut()
	})

	item.Case("rubbish in place of a token is refused, twice", advice{
		Why:      "one bad request takes the server down for all",
		Mend:     "catch what the token library throws",
		Standard: "spec/app-contract.md T19",
	}, func(c *check) {
		c.Need("APP_API_PATH")
		v := c.Browser()
		for range 2 {
			status := v.CallAPI("rubbish")
			require.True(c, status >= 400 && status < 500, "HTTP status with rubbish for a token: %d", status)
		}
	})
}

// One person's whole way through the product.
func TestFullFlow(t *testing.T) {
	item := begin(t, "errors/full-flow")

	item.Case("sign up, use, come back, refresh, sign out, sign in another way", advice{
		Why:      "each step works alone and the whole does not",
		Mend:     "look at the step at which the journey stopped",
		Standard: "CHECKLIST errors/full-flow",
	}, func(c *check) {
		user := c.NewPerson()
		v := c.Browser()

		v.Step("sign up by mail")
		v.SignInByCode(user)
		v.VerifySignedIn(user)

		v.Step("use the product")
		answer := v.Goto(suite.cfg.App(suite.cfg.AppProtectedPath))
		require.Equal(c, http.StatusOK, answer.Status, "HTTP status of the protected page")

		if c.CanPass(suite.cfg.AppAccessTokenLifetime) {
			v.Step("come back after the access token has ended")
			c.Outlive(user, c.TokenLife())
			v.Goto(suite.cfg.App(suite.cfg.AppProtectedPath))
			v.VerifySignedIn(user)
		}

		v.Step("sign out")
		v.SignOut()
		v.VerifySignedOut()

		if suite.cfg.Has("magic_link") {
			v.Step("sign in again, by link")
			v.Redeem(v.RequestMagicLink(user))
			v.AwaitLanding()
			v.VerifySignedIn(user)
		}
	})
}
