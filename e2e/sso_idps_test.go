package e2e

import (
	"context"
	"testing"

	"github.com/auth-preflight/auth-preflight/helpers/config"
	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/screens"
)

// The identity providers that customers have, each by its own login pages.
func TestSSOIdPs(t *testing.T) {
	item := begin(t, "sso/idps")

	for _, provider := range []struct{ name, prefix string }{
		{"Okta", "PREFLIGHT_OKTA_"}, {"Microsoft Entra", "PREFLIGHT_ENTRA_"}, {"Google Workspace", "PREFLIGHT_GOOGLE_WORKSPACE_"},
	} {
		item.Case("an employee comes in by the pages of "+provider.name+", second factor and all, and again from its portal", advice{
			Why:      "the customers whose company runs " + provider.name + " cannot sign in",
			Mend:     "compare both sides of the connection: redirect URI or ACS and entity id as registered there, issuer, certificate or client secret as entered here, and which part of an answer is signed",
			Standard: "spec/oauth.md 2.2, 10; saml-profiles §4.1; OpenID Connect Core §3.1",
		}, func(c *check) {
			c.Need(provider.prefix+"EMAIL", provider.prefix+"PASSWORD")
			account := c.enterpriseAccount(suite.cfg.Value(provider.prefix+"EMAIL"), suite.cfg.Value(provider.prefix+"PASSWORD"))
			user := &flows.User{Email: account.Email}
			v := c.Browser()
			v.OpenLogin("")
			screens.SubmitEmail(v.Page, account.Email)
			v.SignInAtProvider(account)
			v.AwaitLanding()
			v.VerifySignedIn(user)

			launch := suite.cfg.Value(provider.prefix + "LAUNCH_URL")
			if launch == "" {
				c.Logf("%sLAUNCH_URL is not set: the way in from the portal is not looked at", provider.prefix)
				return
			}
			v.SignOut()
			v.VerifySignedOut()
			v.Step("open the product's tile at " + provider.name)
			v.Goto(launch)
			v.SignInAtProvider(account)
			v.AwaitLanding()
			v.VerifySignedIn(user)
		})
	}

	for _, protocol := range protocols {
		item.Case("an employee comes in by a provider that nobody has heard of, over "+protocol.name, advice{
			Why:      "customers with an identity provider of their own, as Keycloak or ADFS, cannot sign in",
			Mend:     "make a custom connection, with what the provider's metadata or discovery document says",
			Standard: "saml-profiles §4.1; OpenID Connect Core §3.1",
		}, func(c *check) {
			w := protocol.open(c, connectionSettings{})
			ada := w.employee("ada")
			w.signIn(ada).mustBe(ada)
		})
	}
}

// enterpriseAccount makes the account pattern of a provider a person of this case.
func (c *check) enterpriseAccount(pattern, password string) flows.Account {
	c.Helper()
	account := flows.Account{Email: config.Address(pattern, c.unique()), Password: password}
	for _, prefix := range []string{"PREFLIGHT_OKTA_", "PREFLIGHT_ENTRA_", "PREFLIGHT_GOOGLE_WORKSPACE_"} {
		if suite.cfg.Value(prefix+"EMAIL") == pattern {
			account.TOTPSecret = suite.cfg.Value(prefix + "TOTP_SECRET")
		}
	}
	c.removeLater("user", account.Email, func(ctx context.Context) error { return c.removePerson(ctx, account.Email) })
	return account
}
