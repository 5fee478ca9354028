package e2e

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// measured is the advice of every counter.
func measured(why, mend string) advice {
	return advice{Why: why, Mend: mend, Standard: "CHECKLIST metrics; OWASP ASVS 16.3"}
}

// How many people who want to come in do.
func TestSignupMetrics(t *testing.T) {
	item := begin(t, "metrics/signup")

	item.Case("sign-ups that begin and sign-ups that end are counted apart", measured(
		"the form breaks, and the number of sign-ups looks as ever",
		"count the beginning when an address is sent, and the end when the account is there",
	), func(c *check) {
		c.Need("PREFLIGHT_METRIC_SIGNUPS_STARTED", "PREFLIGHT_METRIC_SIGNUPS")
		stays, comes := c.NewPerson(), c.NewPerson()
		v, other := c.Browser(), c.Browser()
		m := c.Meter(comes, "PREFLIGHT_METRIC_SIGNUPS_STARTED", "PREFLIGHT_METRIC_SIGNUPS")
		other.OpenLogin("")
		other.RequestSignInMail(stays)
		v.SignInByCode(comes)
		m.VerifyMoved("PREFLIGHT_METRIC_SIGNUPS", 1, 1, "one of two people completed a sign-up")
		m.VerifyMoved("PREFLIGHT_METRIC_SIGNUPS_STARTED", 2, 1000, "two people began a sign-up")
	})
}

// How many sign-ins fail.
func TestLoginMetrics(t *testing.T) {
	item := begin(t, "metrics/login")

	item.Case("sign-ins that succeed and sign-ins that fail are counted apart", measured(
		"an attack, or a release that lets nobody in, does not show",
		"count by outcome, where the outcome is known",
	), func(c *check) {
		c.Need("PREFLIGHT_METRIC_LOGINS", "PREFLIGHT_METRIC_FAILED_LOGINS")
		user := c.NewUser()
		v, guesser := c.Browser(), c.Browser()
		m := c.Meter(user, "PREFLIGHT_METRIC_LOGINS", "PREFLIGHT_METRIC_FAILED_LOGINS")
		c.FailToSignIn(guesser, user, 3)
		m.VerifyMoved("PREFLIGHT_METRIC_FAILED_LOGINS", 1, 3, "three sign-ins failed")
		m.VerifyBelow("PREFLIGHT_METRIC_LOGINS", 0, "nobody has signed in so far")
		v.SignIn(user)
		m.VerifyMoved("PREFLIGHT_METRIC_LOGINS", 1, 1, "one person signed in")
		m.VerifyBelow("PREFLIGHT_METRIC_FAILED_LOGINS", 3, "three sign-ins failed")
	})
}

// How long people stay.
func TestSessionMetrics(t *testing.T) {
	item := begin(t, "metrics/session")

	item.Case("every session is counted", measured(
		"a loop of sign-ins, or shared accounts, do not show",
		"count sessions, not people",
	), func(c *check) {
		c.Need("PREFLIGHT_METRIC_SESSIONS")
		user := c.NewUser()
		one, two := c.Browser(), c.Browser()
		m := c.Meter(user, "PREFLIGHT_METRIC_SESSIONS")
		one.SignIn(user)
		two.SignIn(user)
		m.VerifyMoved("PREFLIGHT_METRIC_SESSIONS", 2, 2, "one person opened two sessions")
	})

	item.Case("a session's duration is measured when it ends", measured(
		"people are thrown out after minutes, and nobody sees it",
		"measure from the sign-in to the end, whatever ends it",
	), func(c *check) {
		c.Need("PREFLIGHT_METRIC_SESSION_SECONDS", "PREFLIGHT_TIME_URL")
		lasted := (suite.cfg.AppAccessTokenLifetime / 2).Round(time.Second) // before anything is refreshed
		user := c.NewUser()
		v := c.Browser()
		m := c.Meter(user, "PREFLIGHT_METRIC_SESSION_SECONDS")
		v.SignIn(user)
		c.Age(user, lasted)
		v.SignOut()
		m.VerifyMoved("PREFLIGHT_METRIC_SESSION_SECONDS", lasted.Seconds(), (lasted + skew).Seconds(), "one session of half an access token's lifetime ended")
	})
}

// How often tokens are renewed.
func TestRefreshMetrics(t *testing.T) {
	item := begin(t, "metrics/refresh")

	item.Case("each refresh is counted, and a refused one is none", measured(
		"a client that refreshes in a loop, or stolen tokens that are tried, do not show",
		"count by outcome at the token endpoint",
	), func(c *check) {
		c.Need("PREFLIGHT_METRIC_REFRESHES")
		user := c.NewUser()
		v := c.Browser()
		tokens := v.ObtainTokens(user)
		m := c.Meter(user, "PREFLIGHT_METRIC_REFRESHES")
		form := v.RefreshRequest(tokens.RefreshToken)
		form.Set("client_secret", "not-"+suite.cfg.AppClientSecret)
		refused := v.Tokens(form)
		good := 2.0
		if refused.Status == http.StatusOK { // another item's fault
			good, tokens = 3, refused
		}
		for range 2 {
			tokens = v.Refresh(tokens.RefreshToken)
			require.Equal(c, http.StatusOK, tokens.Status, "HTTP status of a refresh")
		}
		m.VerifyMoved("PREFLIGHT_METRIC_REFRESHES", good, good, "two refreshes succeeded and one was refused")
	})
}

// How many webhooks arrive.
func TestWebhookMetrics(t *testing.T) {
	item := begin(t, "metrics/webhooks")

	item.Case("a delivery that the endpoint refuses is counted as failed", measured(
		"webhooks are lost, and the success rate is a hundred per cent",
		"count by the endpoint's answer",
	), func(c *check) {
		c.Need("PREFLIGHT_METRIC_DELIVERIES", "PREFLIGHT_METRIC_FAILED_DELIVERIES", "APP_WEBHOOK_PATH", "PREFLIGHT_FAULT_URL")
		user := c.NewBystander()
		m := c.Meter(user, "PREFLIGHT_METRIC_DELIVERIES", "PREFLIGHT_METRIC_FAILED_DELIVERIES")
		name := c.unique()
		c.BreakFor(fault{Subject: name, Status: http.StatusServiceUnavailable}.atWebhooks())
		c.rename(user.OrgID, name)
		m.VerifyMoved("PREFLIGHT_METRIC_FAILED_DELIVERIES", 1, 1000, "one delivery was answered 503")
		c.rename(user.OrgID, c.unique())
		m.VerifyMoved("PREFLIGHT_METRIC_DELIVERIES", 1, 1000, "one delivery was taken")
	})
}
