package flows

import (
	"net/url"

	"github.com/auth-preflight/auth-preflight/helpers/screens"
)

// Account is a person's account at a social or enterprise provider.
type Account struct {
	Email, Password string
	// Deny refuses the provider's consent instead of giving it.
	Deny bool
}

// SignInAtProvider goes through the login pages of whatever provider the
// browser is at, until it has left the provider's host.
func (v *Visitor) SignInAtProvider(account Account) {
	v.T.Helper()
	v.AwaitURL("an identity provider", func(u *url.URL) bool { return v.Landed(u) || !v.AtApp(u) && !v.atAuth(u) })
	host := v.URL().Host
	v.Step("sign in at " + host)
	const most = 8
	for range most {
		if v.URL().Host != host {
			return
		}
		if known := screens.ActAtProvider(v.Page, account.Email, account.Password, account.Deny); !known {
			v.T.Trouble("the provider's page at %s is unknown to the suite: the provider changed, or wants something more", v.URL().Redacted())
		}
	}
	if v.URL().Host == host {
		v.T.Trouble("the provider at %s did not finish after %d pages", host, most)
	}
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
