package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/idp"
	"github.com/auth-preflight/auth-preflight/helpers/passkey"
	"github.com/auth-preflight/auth-preflight/helpers/screens"
)

// When one way in fails, another one is offered, and works.
func TestFallback(t *testing.T) {
	item := begin(t, "methods/fallback")

	item.Case("after a wrong password a code by mail is offered on the same page, and signs in", advice{
		Why:      "people who forgot their password leave instead of resetting it",
		Mend:     "keep the other methods on the page that refuses a password",
		Standard: "CHECKLIST methods/fallback",
	}, func(c *check) {
		c.NeedMethod("password", "email_code")
		user := c.NewPasswordUser()
		v := c.Browser()
		v.TryPassword(user.Email, newPassword())
		v.VerifySignedOut()
		c.explained(v)
		mark := v.MarkInbox(user)
		v.Submit(screens.EmailCodeChoice)
		v.EnterCode(v.CodeIn(v.AwaitMail(user, mark, "a mail with a sign-in code", v.HasCode)))
		v.AwaitLanding()
		v.VerifySignedIn(user)
	})

	item.Case("somebody whose password is locked gets in by mail", advice{
		Why:      "an attacker who types wrong passwords locks people out of their own account",
		Mend:     "lock the password, not the person: leave the methods that the lock does not protect, and lead to them",
		Standard: "OWASP ASVS 6.3.1; CHECKLIST methods/fallback",
		Limits:   true,
	}, func(c *check) {
		c.NeedMethod("password", "email_code")
		user := c.NewPasswordUser()
		v := c.Browser()
		form := v.PasswordForm(user.Email)
		for range suite.cfg.PasswordAttempts {
			v.SendPassword(form, newPassword())
		}
		v.GoToPassword(user.Email)
		screens.SubmitPassword(v.Page, newPassword())
		c.explained(v)
		v.GoOn(byMail(user))
		v.VerifySignedIn(user)
	})

	item.Case("a mail that does not come can be asked for again", advice{
		Why:      "one lost mail ends the sign-in",
		Mend:     "offer \"send again\" on the page that waits, and really send",
		Standard: "spec/hosted-pages.md 5; CHECKLIST methods/fallback",
	}, func(c *check) {
		c.NeedMethod("email_code")
		user := c.NewUser()
		v := c.Browser()
		v.OpenLogin("")
		v.RequestSignInMail(user) // which, let us say, went to junk
		v.EnterCode(v.CodeIn(v.ResendSignInMail(user)))
		v.AwaitLanding()
		v.VerifySignedIn(user)
	})

	item.Case("who waits for a mail in vain can use the password instead", advice{
		Why:      "people are stuck on a page that waits for a mail",
		Mend:     "lead back to the choice of a method from the page that waits",
		Standard: "CHECKLIST methods/fallback",
	}, func(c *check) {
		c.NeedMethod("password", "email_code")
		user := c.NewPasswordUser()
		v := c.Browser()
		v.OpenLogin("")
		screens.SubmitEmail(v.Page, user.Email)
		screens.ChooseEmailCode(v.Page)
		v.Await(screens.PinInput, screens.ResendButton)
		v.GoOn(user)
		v.VerifySignedIn(user)
	})

	item.Case("when mail cannot be sent people are told, and the password works", advice{
		Why:      "the mail provider's outage shuts everybody out, without a word",
		Mend:     "say that the mail could not be sent and lead to the other methods",
		Standard: "CHECKLIST methods/fallback",
	}, func(c *check) {
		c.NeedMethod("password", "email_code")
		user := c.NewPasswordUser()
		inbox, err := url.Parse(strings.TrimPrefix(suite.cfg.InboxURL, "mailpit+"))
		require.NoError(c, err, "PREFLIGHT_INBOX_URL")
		v := c.Browser()
		v.OpenLogin("")
		c.Break(user, fault{Host: inbox.Hostname(), Method: "SMTP", Status: 451})
		screens.SubmitEmail(v.Page, user.Email)
		screens.ChooseEmailCode(v.Page)
		c.explained(v)
		v.GoOn(user)
		v.VerifySignedIn(user)
	})

	item.Case("a link that is over leads to a new sign-in", advice{
		Why:      "people who open a mail too late meet a dead end",
		Mend:     "put a way to a new sign-in on the page that refuses a link",
		Standard: "CHECKLIST methods/fallback",
	}, func(c *check) {
		c.NeedMethod("magic_link", "email_code")
		c.NeedTime(suite.cfg.PasswordlessLifetime)
		user := c.NewUser()
		v := c.Browser()
		link := v.RequestMagicLink(user)
		c.OutliveBy(user, suite.cfg.PasswordlessLifetime, 10*time.Minute)
		v.Redeem(link)
		c.explained(v)
		v.GoOn(user)
		v.VerifySignedIn(user)
	})

	item.Case("a page of a sign-in that is over leads to a new one", advice{
		Why:      "who goes back after signing in, or sends a form twice, meets a dead end or a blank page",
		Mend:     "answer a sign-in that is over with words and a way to the application's own login",
		Standard: "spec/oauth.md 8.1; CHECKLIST methods/fallback",
	}, func(c *check) {
		user := c.NewUser()
		v := c.Browser()
		v.OpenLogin("")
		page, form := v.URL(), screens.FormAt(v.HTML(), v.URL(), screens.EmailInput)
		require.NotNil(c, form, "the form that asks for the address")
		v.Identify(user)
		v.AwaitLanding()
		again := v.SendForm(form, map[string]string{"email": user.Email})
		assert.Less(c, again.Status, 500, "HTTP status of a form that is sent after the sign-in")
		v.Goto(page.String())
		if v.Landed(v.URL()) {
			return // led back by itself
		}
		c.explained(v)
		v.GoOn(user)
		v.VerifySignedIn(user)
	})

	item.Case("after too many wrong codes a new sign-in works", advice{
		Why:      "a typing error, five times, shuts somebody out",
		Mend:     "end the sign-in, not the person's access, and lead to a new one",
		Standard: "CHECKLIST methods/fallback",
		Limits:   true,
	}, func(c *check) {
		c.NeedMethod("email_code")
		user := c.NewUser()
		v := c.Browser()
		v.OpenLogin("")
		code := v.RequestCode(user)
		form := v.CodeForm()
		for guess := range suite.cfg.CodeAttempts - 1 {
			v.SendForm(form, map[string]string{"code": otherCode(code, guess)})
		}
		v.EnterCode(otherCode(code, suite.cfg.CodeAttempts))
		c.explained(v)
		v.GoOn(user)
		v.VerifySignedIn(user)
	})

	item.Case("when a provider does not let somebody in, another way is offered and works", advice{
		Why:      "a bad minute of one provider shuts out everybody who came by it",
		Mend:     "show what happened and all other methods when a provider sends error=…, in the same sign-in",
		Standard: "RFC 6749 §4.1.2.1; OpenID Connect Core §3.1.2.6",
	}, func(c *check) {
		c.NeedMethod("email_code")
		user := c.AnyUser()
		v := c.Browser()
		asked := 0
		for _, provider := range screens.Providers {
			if !suite.cfg.Has(provider) {
				continue
			}
			for _, code := range []string{"access_denied", "temporarily_unavailable"} {
				asked++
				v.OpenLogin("")
				request := v.HoldProviderRequest()
				v.Submit(screens.Provider(provider))
				v.Step(provider + " answers " + code)
				v.Goto(refusal(c, request.Await().URL, code))
				v.VerifySignedOut()
				c.explained(v)
			}
		}
		if asked == 0 {
			c.NotApplicable("PREFLIGHT_METHODS lists no social provider")
		}
		v.GoOn(user)
		v.VerifySignedIn(user)
	})

	item.Case("when a provider breaks down after somebody was there, another way is offered and works", advice{
		Why:      "people meet a raw error, or are signed in without being known",
		Mend:     "treat a provider that does not redeem its own code as one that is down: say so, and offer the others",
		Standard: "RFC 6749 §5.2; CHECKLIST methods/fallback",
	}, func(c *check) {
		c.NeedMethod("email_code")
		c.Need("PREFLIGHT_FAULT_URL")
		provider := c.enabledProvider()
		account := c.socialAccount(provider)
		user := c.NewUser()
		v := c.Browser()
		v.OpenLogin("")
		request := v.HoldProviderRequest()
		v.Submit(screens.Provider(provider.method))
		at := request.Await().URL
		answer := v.HoldProviderAnswer()
		v.Goto(at.String())
		v.SignInAtProvider(account)
		back := answer.Await().URL
		c.BreakFor(fault{Host: at.Hostname(), Subject: back.Query().Get("code"), Status: http.StatusBadGateway})
		v.Step("come back while the provider is down")
		v.Goto(back.String())
		v.VerifySignedOut()
		c.explained(v)
		v.GoOn(user)
		v.VerifySignedIn(user)
	})

	item.Case("a passkey prompt that was cancelled leaves every other way", advice{
		Why:      "people whose phone is not at hand sit before a spinner",
		Mend:     "catch NotAllowedError, say what happened and leave the other methods usable",
		Standard: "WebAuthn Level 3 §5.1.4; CHECKLIST methods/fallback",
	}, func(c *check) {
		c.NeedMethod("passkey", "email_code")
		user := c.AnyUser()
		v := c.Browser()
		passkey.New(v.Page, passkey.Options{ResidentKey: true, UserVerified: true}).Cancel(true)
		v.ChoosePasskey()
		v.AwaitPasskeyEnd()
		v.VerifySignedOut()
		v.GoOn(user)
		v.VerifySignedIn(user)
	})

	item.Case("when passkeys do not work at the server, every other way is left", advice{
		Why:      "people sit before a spinner that never ends",
		Mend:     "handle a failed request like a cancelled prompt",
		Standard: "CHECKLIST methods/fallback",
	}, func(c *check) {
		c.NeedMethod("passkey", "email_code")
		user := c.AnyUser()
		v := c.Browser()
		v.OpenLogin("")
		request := v.URL().Query().Get("authRequestID")
		if request == "" {
			c.NotVerified("the hosted page's address has no authRequestID: PREFLIGHT_FAULT_URL cannot be aimed at this sign-in")
		}
		f := fault{Method: http.MethodPost, Subject: request, Status: http.StatusBadGateway}.atAuth("/api/")
		c.BreakFor(f)
		v.Click(screens.PasskeyButton)
		v.AwaitPasskeyEnd()
		v.GoOn(user)
		v.VerifySignedIn(user)
	})

	item.Case("when an organization's provider does not let somebody in, they are told and can start again", advice{
		Why:      "employees meet a raw error and call their administrator, and he calls you",
		Mend:     "turn error=… and a SAML status into a page that says what to do, with a way back",
		Standard: "OpenID Connect Core §3.1.2.6; saml-core §3.2.2.2",
	}, func(c *check) {
		c.NeedMethod("email_code")
		user := c.AnyUser()
		v := c.Browser()
		tried := 0
		if suite.cfg.OIDCEmail != "" {
			tried++
			v.OpenLogin("")
			request := v.HoldProviderRequest()
			screens.SubmitEmail(v.Page, c.unique()+"@"+domainOf(suite.cfg.OIDCEmail))
			v.Step("the organization's OpenID provider answers access_denied")
			v.Goto(refusal(c, request.Await().URL, "access_denied"))
			v.VerifySignedOut()
			c.explained(v)
		}
		if len(suite.cfg.Missing("PREFLIGHT_IDP_KEY_FILE", "PREFLIGHT_IDP_CERT_FILE", "PREFLIGHT_IDP_ENTITY_ID", "PREFLIGHT_IDP_SSO_URL", "PREFLIGHT_IDP_DOMAIN")) == 0 {
			tried++
			provider := suite.world.SuiteIdP(c)
			provider.SignWith(idp.SignedResponse)
			provider.Change(func(p *idp.Params) { p.Status, p.SubStatus = idp.StatusResponder, idp.StatusAuthnFailed })
			v.Serve(provider.Origin(), provider.Handler())
			v.OpenLogin("")
			v.Step("the organization's SAML provider answers AuthnFailed")
			screens.SubmitEmail(v.Page, c.unique()+"@"+suite.cfg.IDPDomain)
			v.AwaitURL("the answer of the auth environment", func(u *url.URL) bool { return origin(u) != provider.Origin() })
			v.VerifySignedOut()
			c.explained(v)
		}
		if tried == 0 {
			c.NotVerified("set PREFLIGHT_OIDC_EMAIL, or PREFLIGHT_IDP_KEY_FILE and what belongs to it (see .env.example)")
		}
		v.GoOn(user)
		v.VerifySignedIn(user)
	})
}

// byMail is the same person without a password at hand.
func byMail(user *flows.User) *flows.User {
	forgetful := *user
	forgetful.Password = ""
	return &forgetful
}

// refusal is the address with which a provider sends a browser back that it
// did not let in (RFC 6749 §4.1.2.1).
func refusal(c *check, request *url.URL, code string) string {
	c.Helper()
	q := request.Query()
	back, err := url.Parse(q.Get("redirect_uri"))
	require.NoError(c, err, "the redirect URI of the request to the provider")
	require.NotEmpty(c, back.Host, "the redirect URI of the request to %s", request.Host)
	return flows.With(back, map[string]string{"error": code, "state": q.Get("state")})
}
