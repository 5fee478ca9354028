package flows

import (
	"net/url"
	"strings"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/auth-preflight/auth-preflight/helpers/screens"
)

// Account is a person's account at a social or enterprise provider.
type Account struct {
	Email, Password string
	// TOTPSecret is the shared secret of the person's authenticator (RFC 6238,
	// base32); empty: they have none.
	TOTPSecret string
	// Deny refuses the provider's consent instead of giving it.
	Deny bool
}

// credentials are what the account has for a provider's pages.
func (v *Visitor) credentials(account Account) screens.Credentials {
	v.T.Helper()
	c := screens.Credentials{Email: account.Email, Password: account.Password, Deny: account.Deny}
	if account.TOTPSecret != "" {
		c.Code = func() string {
			v.T.Helper()
			code, err := totp.GenerateCode(account.TOTPSecret, time.Now())
			if err != nil {
				v.T.Trouble("the TOTP secret of %s is none: %v", account.Email, err)
			}
			v.World.Learn(code)
			return code
		}
	}
	return c
}

// SignInAtProvider goes through the login pages of whatever provider the
// browser is at, until it has left the provider's host. It is a state machine
// over the page at hand: pages come and go. One that it does not know is the
// suite's trouble, with a picture; one on which the provider says that the
// application is not registered rightly fails the test.
func (v *Visitor) SignInAtProvider(account Account) {
	v.T.Helper()
	v.AwaitURL("an identity provider", func(u *url.URL) bool { return v.Landed(u) || !v.AtApp(u) && !v.atAuth(u) })
	if v.Landed(v.URL()) {
		return // the provider knows the person
	}
	host := v.URL().Host
	v.Step("sign in at " + host)
	const most = 12
	credentials := v.credentials(account)
	var way []string
	gone := func() bool { return v.URL().Host != host }
	for range most {
		known := screens.AwaitProviderPage(v.Page, func() bool { return gone() || screens.ProviderRefusal(v.Page) != "" })
		if gone() {
			v.AwaitRest()
			return
		}
		if refusal := screens.ProviderRefusal(v.Page); refusal != "" {
			v.T.Fatalf("the identity provider does not let people sign in to the application: %s (at %s)", refusal, v.URL().Redacted())
		}
		var step screens.ProviderStep
		if known {
			step = screens.ActAtProvider(v.Page, credentials)
		}
		switch {
		case step.Asked == "":
			v.T.Trouble("the provider's page at %s is unknown to the suite: the provider changed, or wants something more%s%s",
				v.URL().Redacted(), after(way), v.pictured())
		case step.Lacking:
			v.T.Trouble("%s at %s, and the account has none: give the authenticator's secret with the account%s%s", step.Asked, host, after(way), v.pictured())
		case step.Problem != "":
			v.T.Trouble("the provider at %s does not take what the account has: %s, and says %q: look at the account's address, password and authenticator%s%s",
				host, step.Asked, step.Problem, after(way), v.pictured())
		case step.Stayed:
			v.T.Trouble("the provider's page at %s does not lead on: %s, and nothing came of it%s%s",
				v.URL().Redacted(), step.Asked, after(way), v.pictured())
		}
		way = append(way, step.Asked)
	}
	if gone() {
		v.AwaitRest()
		return
	}
	v.T.Trouble("the provider at %s did not finish after %d pages%s%s", host, most, after(way), v.pictured())
}

// after tells which pages came before.
func after(way []string) string {
	if len(way) == 0 {
		return ""
	}
	return "; before it: " + strings.Join(way, ", ")
}

// pictured keeps a picture of the page at hand, and says where.
func (v *Visitor) pictured() string {
	v.T.Helper()
	return "; picture: " + v.Picture("unknown-page")
}

// SignInWith signs in at the application by a social provider's button.
func (v *Visitor) SignInWith(provider string, account Account) {
	v.T.Helper()
	v.OpenLogin("")
	v.Step("choose " + provider)
	v.Submit(screens.Provider(provider))
	if at := screens.ProviderAt(v.Page); at != "" && at != provider {
		v.T.Fatalf("the button of %s led to %s, at %s", provider, at, v.URL().Host)
	}
	v.SignInAtProvider(account)
}

// VerifyWayOn fails the test unless the page at hand leads on: to another
// method, to the login, or back to the application.
func (v *Visitor) VerifyWayOn() {
	v.T.Helper()
	v.wayOn()
}

// wayOn returns what leads on from the page at hand, the best way first.
func (v *Visitor) wayOn() string {
	v.T.Helper()
	c := v.World.Config
	ways := []string{
		screens.EmailInput, `a[href*="/a/auth/"]`, `main a[href^="` + c.AppLoginPath + `"]`, `a[href^="` + c.AppLoginPath + `"]`,
		`a[href^="` + v.app(c.AppInitiateLoginPath) + `"]`, `a[href^="` + c.AppURL.String() + `"]`, `a[href="/"]`, `form [type="submit"]`,
	}
	for _, way := range ways {
		if v.Has(way) {
			return way
		}
	}
	v.T.Fatalf("expected a way on from %s: a sign-in method, a link to the login or to the application; saw none", v.URL())
	return ""
}

// GoOn takes the way on that the page at hand offers, after something went
// wrong, and signs user in by it.
func (v *Visitor) GoOn(user *User) {
	v.T.Helper()
	v.Step("take the way on that the page offers")
	if way := v.wayOn(); way != screens.EmailInput {
		v.Submit(way)
	}
	if !v.AwaitLandingOr(screens.EmailInput) {
		v.Identify(user)
		v.AwaitLanding()
		return
	}
	if v.WhoAmI(user.Email) == "" { // the start page: the login is one click from there
		v.OpenLogin("")
		v.Identify(user)
		v.AwaitLanding()
	}
}
