package e2e

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/screens"
)

// Employees come in from their company's network, which is not yours.
func TestNetworkCustomer(t *testing.T) {
	item := begin(t, "network/customer")
	turnedAway := advice{
		Why:      "single sign-on works in your office and fails at the customer, on the day of the launch",
		Mend:     "look at the lists of blocked networks and countries in front of the app and the auth environment, and at the customer's proxy: it must let the hosts of PREFLIGHT_CUSTOMER_HOSTS through unopened",
		Standard: "CHECKLIST network/customer",
	}

	for _, provider := range []struct {
		method, protocol  string
		email, password   func() string
		emailVar, passVar string
	}{
		{"saml", "SAML", func() string { return suite.cfg.SAMLEmail }, func() string { return suite.cfg.SAMLPassword }, "PREFLIGHT_SAML_EMAIL", "PREFLIGHT_SAML_PASSWORD"},
		{"oidc", "OIDC", func() string { return suite.cfg.OIDCEmail }, func() string { return suite.cfg.OIDCPassword }, "PREFLIGHT_OIDC_EMAIL", "PREFLIGHT_OIDC_PASSWORD"},
	} {
		item.Case("an employee comes in by the company's "+provider.protocol+" provider from the company's network", turnedAway, func(c *check) {
			c.Need("PREFLIGHT_CUSTOMER_PROXY")
			c.NeedMethod(provider.method)
			c.Need(provider.emailVar, provider.passVar)
			account := c.enterpriseAccount(provider.email(), provider.password())
			v := c.BrowserVia(suite.cfg.CustomerProxy)
			v.OpenLogin("")
			screens.SubmitEmail(v.Page, account.Email)
			v.SignInAtProvider(account)
			v.AwaitLanding()
			v.VerifySignedIn(&flows.User{Email: account.Email})
		})
	}

	item.Case("an employee who starts at the company's portal ends signed in, from the company's network", turnedAway, func(c *check) {
		c.Need("PREFLIGHT_CUSTOMER_PROXY")
		c.NeedMethod("saml")
		c.Need("PREFLIGHT_SAML_EMAIL", "PREFLIGHT_SAML_PASSWORD", "PREFLIGHT_SAML_LAUNCH_URL")
		account := c.enterpriseAccount(suite.cfg.SAMLEmail, suite.cfg.SAMLPassword)
		v := c.BrowserVia(suite.cfg.CustomerProxy)
		v.Step("open the product's tile at the identity provider")
		v.Goto(suite.cfg.SAMLLaunchURL)
		v.SignInAtProvider(account)
		v.AwaitLanding()
		v.VerifySignedIn(&flows.User{Email: account.Email})
	})

	item.Case("a sign-in that is begun by one way out of the company's network ends by another", advice{
		Why:      "large companies have many ways out and use them in turn; whose session is tied to one is thrown out in the middle of the sign-in, or of the work",
		Mend:     "do not tie sessions, states or codes to network addresses",
		Standard: "CHECKLIST network/customer; NIST SP 800-63B §5 (a session is bound by its secret)",
	}, func(c *check) {
		c.Need("PREFLIGHT_CUSTOMER_PROXY")
		provider, person := c.suiteIdP()
		there := c.BrowserVia(suite.cfg.CustomerProxy)
		there.Serve(provider.Origin(), provider.Handler())
		callback := there.HoldCallback(suite.cfg.App(suite.cfg.AppCallbackPath))
		there.OpenLogin("")
		screens.SubmitEmail(there.Page, person.Email)
		answer := callback.Await()
		here := c.Browser()
		here.SetCookies(there.Cookies()...)
		here.Step("end the sign-in by the other way out")
		ended := here.Fetch(http.MethodGet, answer.URL.String())
		require.Less(c, ended.Status, 400, "the answer to the callback, which came by the other way out")
		here.VerifySignedIn(&flows.User{Email: person.Email})
	})
}
