package e2e

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Where the auth environment has a custom domain, everything is on it:
// SCALEKIT_ENVIRONMENT_URL names it, and PREFLIGHT_DEFAULT_DOMAIN the one that
// it had before.
func TestCustomDomain(t *testing.T) {
	item := begin(t, "custom/domain")

	item.Case("issuer and endpoints are on the custom domain", advice{
		Why:      "clients that compare the issuer with its address, as they must, refuse to work; others take a way that was to be given up",
		Mend:     "finish the set-up of the custom domain in the dashboard, and use it in every client",
		Standard: "OpenID Connect Discovery §4.3; RFC 8414 §3.3",
	}, func(c *check) {
		c.needCustomDomain()
		for _, path := range []string{"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"} {
			body := c.picture(suite.cfg.Env(path))
			if body == nil && path != "/.well-known/openid-configuration" {
				continue // not offered: nobody can be misled
			}
			var document map[string]any
			require.NoError(c, json.Unmarshal(body, &document), "%s is JSON", path)
			assert.Equal(c, suite.cfg.EnvironmentURL.String(), document["issuer"], "the issuer in %s", path)
			for name, value := range document {
				text, _ := value.(string)
				if u, err := url.Parse(text); err == nil && strings.HasSuffix(name, "_endpoint") || name == "jwks_uri" {
					assert.Equal(c, suite.cfg.EnvironmentURL.Host, u.Host, "the host of %s in %s", name, path)
				}
			}
		}
	})

	item.Case("the default domain is nowhere to be seen in a sign-in", advice{
		Why:      "people see a stranger's domain in the address bar or in a mail, and learn to fall for phishing; passkeys and cookies are bound to the wrong host",
		Mend:     "use the custom domain in the app's configuration, the mail templates and the redirect addresses at social and enterprise providers",
		Standard: "CHECKLIST custom/domain",
	}, func(c *check) {
		c.needCustomDomain()
		user := c.NewUser()
		v := c.Browser()
		authorize := v.StartLogin("")
		assert.NotEmpty(c, authorize.Get("client_id"), "the authorization request was seen at SCALEKIT_ENVIRONMENT_URL")
		v.OpenLogin("")
		c.assertNoDefault("the login page", v.HTML())
		mail := v.RequestSignInMail(user)
		c.assertNoDefault("the mail "+mail.Subject, mail.HTML+mail.Text+mail.From+mail.ReturnPath)
		if len(mail.Codes) > 0 {
			v.EnterCode(v.CodeIn(mail))
		} else {
			v.Redeem(v.LinkIn(mail))
		}
		v.AwaitLanding()
		for _, exchange := range v.Log() {
			if u, err := url.Parse(exchange.URL); err == nil {
				c.assertNoDefault("the host of a request of the browser", u.Host)
			}
			c.assertNoDefault("a redirect of "+exchange.URL, exchange.ResponseHeader.Get("Location"))
		}
		own := 0
		for _, cookie := range v.Cookies() {
			c.assertNoDefault("the domain of the cookie "+cookie.Name, cookie.Domain)
			if v.OfAuth(cookie) {
				own++
			}
		}
		assert.NotZero(c, own, "cookies on the custom domain")
		claims := v.Claims(v.ObtainTokens(user).IDToken)
		assert.Equal(c, suite.cfg.EnvironmentURL.String(), claims["iss"], "the issuer of the ID token")
	})
}

// needCustomDomain makes a case not verified where no custom domain is declared.
func (c *check) needCustomDomain() {
	c.Helper()
	c.Need("PREFLIGHT_DEFAULT_DOMAIN")
	if strings.EqualFold(suite.cfg.EnvironmentURL.Hostname(), suite.cfg.DefaultDomain) {
		c.Fatalf("SCALEKIT_ENVIRONMENT_URL (%s) is on the default domain; expected it on the custom one", suite.cfg.EnvironmentURL)
	}
}

func (c *check) assertNoDefault(where, text string) {
	c.Helper()
	assert.NotContains(c, strings.ToLower(text), strings.ToLower(suite.cfg.DefaultDomain), "%s names the default domain", where)
}
