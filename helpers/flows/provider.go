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
	if v.Has(screens.EmailInput) {
		return
	}
	c := v.World.Config
	ways := []string{`a[href*="/a/auth/"]`, `a[href^="` + c.AppURL.String() + `"]`, `a[href^="` + c.AppLoginPath + `"]`, `a[href="/"]`, `form [type="submit"]`}
	for _, way := range ways {
		if v.Has(way) {
			return
		}
	}
	v.T.Fatalf("expected a way on from %s: a sign-in method, a link to the login or to the application; saw none", v.URL())
}
