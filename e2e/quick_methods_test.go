package e2e

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/screens"
)

// offStaysOff is why a hidden button is not enough.
const offStaysOff = "a method was switched off for a reason, and goes on letting people in"

// documentedTestCode is the fixed code that test users have unless another one
// was chosen (spec/hosted-pages.md 5.1).
const documentedTestCode = "424242"

// What is switched on is offered, and nothing else is there.
func TestEnabledMethods(t *testing.T) {
	item := begin(t, "quick/methods")

	item.Case("the login page offers exactly the declared methods", advice{
		Why:      "people choose what does not work, or do not find what does",
		Mend:     "switch the method on or off in the dashboard, or correct PREFLIGHT_METHODS",
		Standard: "OWASP ASVS 6.3.4; spec/hosted-pages.md 3",
	}, func(c *check) {
		c.offersWhatIsDeclared()
	})

	item.Case("a provider that is off cannot be started by its direct request", advice{
		Why:      offStaysOff,
		Mend:     "switch the connection off in the dashboard, not only its button; refuse provider=… for it",
		Standard: "OWASP ASVS 6.3.4; CWE-288; spec/oauth.md 2.2",
	}, func(c *check) {
		c.Need("PREFLIGHT_METHODS")
		off := slices.DeleteFunc(slices.Clone(screens.Providers), suite.cfg.Has)
		if len(off) == 0 {
			c.NotApplicable("PREFLIGHT_METHODS lists every provider")
		}
		for _, provider := range off {
			_, stop := flows.NewAgent(c, suite.world).Authorize(url.Values{"provider": {provider}})
			away := !stop.Followed && stop.URL.Host != suite.cfg.AppURL.Host
			assert.False(c, away, "an authorization request with provider=%s led to %s; PREFLIGHT_METHODS does not list it", provider, stop.URL.Host)
		}
	})

	item.Case("passwords that are off are not judged", advice{
		Why:      offStaysOff,
		Mend:     "refuse the password form's request, too, before the password is compared",
		Standard: "OWASP ASVS 6.3.4; CWE-288",
	}, func(c *check) {
		c.needOff("password")
		agent := flows.NewAgent(c, suite.world)
		_, first := agent.Authorize(nil)
		stop := agent.PostPassword(first, "nobody@preflight.invalid", newPassword())
		assert.Nil(c, stop.Form(screens.PasswordInput), "a password was taken and judged at %s (HTTP %d)", stop.URL.Path, stop.Status)
		assert.Empty(c, stop.URL.Query().Get("code"), "a password led to a code, at %s", stop.URL.Host)
	})

	item.Case("codes and links that are off are not mailed", advice{
		Why:      offStaysOff,
		Mend:     "refuse the request for a mail, too",
		Standard: "OWASP ASVS 6.3.4; CWE-288",
	}, func(c *check) {
		c.needOff("email_code", "magic_link")
		user := c.NewPerson()
		agent := flows.NewAgent(c, suite.world)
		_, first := agent.Authorize(nil)
		stop := agent.PostForMail(first, user.Email)
		assert.Nil(c, stop.Form(screens.PinInput), "the page that waits for a code was shown at %s", stop.URL.Path)
		assert.GreaterOrEqual(c, stop.Status, 400, "HTTP status of the request for a code or link")
	})

	item.Case("passkeys that are off get no challenge", advice{
		Why:      offStaysOff,
		Mend:     "refuse the ceremony's requests, too",
		Standard: "OWASP ASVS 6.3.4; CWE-288",
	}, func(c *check) {
		c.needOff("passkey")
		agent := flows.NewAgent(c, suite.world)
		_, first := agent.Authorize(nil)
		answer := agent.PostForPasskey(first)
		assert.NotContains(c, answer.Body, "challenge", "the answer to a sign-in with a passkey (HTTP %d)", answer.Status)
	})

	item.Case("the fixed code of test users opens nothing else", advice{
		Why:      "one address and a code that stands in the documentation open the product",
		Mend:     "remove every test user before production; elsewhere let the code work for the listed addresses only",
		Standard: "OWASP ASVS 6.3.2; CWE-798; spec/hosted-pages.md 5.1",
	}, func(c *check) {
		c.NeedMethod("email_code")
		c.tryFixedCode(c.likeTestUser().Email, documentedTestCode, suite.cfg.TestUserCode)
	})

	item.Case("in production, the fixed code of test users is dead", advice{
		Why:      "one address and a code that stands in the documentation open the product",
		Mend:     "remove every test user in the dashboard (Authentication, Test users)",
		Standard: "OWASP ASVS 6.3.2; CWE-798; spec/hosted-pages.md 5.1",
	}, func(c *check) {
		c.NeedMethod("email_code")
		if suite.cfg.Target != "production" {
			c.NotApplicable("PREFLIGHT_TARGET is " + suite.cfg.Target + ", where test users have their place")
		}
		c.Need("SCALEKIT_TEST_USER_EMAIL")
		for _, user := range suite.cfg.TestUsers {
			c.tryFixedCode(user, documentedTestCode, suite.cfg.TestUserCode)
		}
	})
}

// offersWhatIsDeclared fails the case where the hosted pages offer another set
// of methods than PREFLIGHT_METHODS lists.
func (c *check) offersWhatIsDeclared() {
	c.Helper()
	c.Need("PREFLIGHT_METHODS")
	v := c.Browser()
	v.OpenLogin("")
	for _, provider := range screens.Providers {
		assert.Equal(c, suite.cfg.Has(provider), v.Has(screens.Provider(provider)), "a button for %s is on the login page", provider)
	}
	assert.Equal(c, suite.cfg.Has("passkey"), v.Has(screens.PasskeyButton), "a button for a passkey is on the login page")
	byMail := suite.cfg.Has("magic_link") || suite.cfg.Has("email_code")
	if !byMail && !suite.cfg.Has("password") {
		return
	}
	screens.SubmitEmail(v.Page, c.AnyUser().Email)
	v.Await(screens.PasswordInput, screens.PinInput, screens.ResendButton)
	assert.Equal(c, suite.cfg.Has("password"), v.Has(screens.PasswordInput), "a field for a password follows the address")
	assert.Equal(c, byMail, v.Has(screens.EmailCodeChoice) || v.Has(screens.PinInput) || v.Has(screens.ResendButton), "a mail with a code or link is offered after the address")
}

// needOff ends the case where one of the methods is on.
func (c *check) needOff(methods ...string) {
	c.Helper()
	c.Need("PREFLIGHT_METHODS")
	for _, method := range methods {
		if suite.cfg.Has(method) {
			c.NotApplicable("PREFLIGHT_METHODS lists " + method + ": it is on")
		}
	}
}

// likeTestUser is somebody whose address has the form of a test user's, and who is
// none. Without an inbox the address is one more of the mailbox of a test user.
func (c *check) likeTestUser() *flows.User {
	c.Helper()
	c.needPeople(1)
	if suite.world.Inbox != nil {
		return c.newPersonAt(c.unique() + "+sktest")
	}
	return c.somebodyAt(strings.Replace(suite.cfg.TestUsers[0], "+sktest", "+"+c.unique()+"+sktest", 1))
}

// tryFixedCode begins a sign-in with an address and fails the case where one of
// the codes ends it.
func (c *check) tryFixedCode(email string, codes ...string) {
	c.Helper()
	v := c.Browser()
	v.OpenLogin("")
	screens.SubmitEmail(v.Page, email)
	screens.ChooseEmailCode(v.Page)
	form := v.CodeForm()
	for _, code := range slices.Compact(codes) {
		if code != "" {
			v.GoOnFrom(form, v.SendForm(form, map[string]string{"code": code}))
		}
	}
	v.VerifyNoWayIn()
}
