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
