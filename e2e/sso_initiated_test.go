package e2e

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/idp"
	"github.com/auth-preflight/auth-preflight/helpers/screens"
)

// idpVariables describe the suite's own identity provider.
var idpVariables = []string{
	"PREFLIGHT_IDP_KEY_FILE", "PREFLIGHT_IDP_CERT_FILE", "PREFLIGHT_IDP_ENTITY_ID", "PREFLIGHT_IDP_SSO_URL",
	"PREFLIGHT_IDP_CONNECTION_ID", "PREFLIGHT_IDP_DOMAIN",
}

// Employees of a customer come in by their company's identity provider, from
// either side, and nobody else does.
func TestSSOInitiated(t *testing.T) {
	item := begin(t, "sso/initiated")

	for _, provider := range []struct {
		method, protocol  string
		email, password   func() string
		launch            func() string
		emailVar, passVar string
		launchVar         string
	}{
		{"saml", "SAML", func() string { return suite.cfg.SAMLEmail }, func() string { return suite.cfg.SAMLPassword },
			func() string { return suite.cfg.SAMLLaunchURL }, "PREFLIGHT_SAML_EMAIL", "PREFLIGHT_SAML_PASSWORD", "PREFLIGHT_SAML_LAUNCH_URL"},
		{"oidc", "OIDC", func() string { return suite.cfg.OIDCEmail }, func() string { return suite.cfg.OIDCPassword },
			func() string { return suite.cfg.OIDCLaunchURL }, "PREFLIGHT_OIDC_EMAIL", "PREFLIGHT_OIDC_PASSWORD", "PREFLIGHT_OIDC_LAUNCH_URL"},
	} {
		item.Case("an employee who types the company address comes in by the company's "+provider.protocol+" provider", advice{
			Why:      "a customer who paid for single sign-on cannot use it",
			Mend:     "register the organization's domain, enable the connection, and compare both sides' addresses and keys",
			Standard: "spec/oauth.md 2.2; spec/hosted-pages.md 8",
		}, func(c *check) {
			c.NeedMethod(provider.method)
			c.Need(provider.emailVar, provider.passVar)
			account := c.enterpriseAccount(provider.email(), provider.password())
			v := c.Browser()
			v.OpenLogin("")
			screens.SubmitEmail(v.Page, account.Email)
			v.SignInAtProvider(account)
			v.AwaitLanding()
			v.VerifySignedIn(&flows.User{Email: account.Email})
		})

		item.Case("an employee who starts at the company's "+provider.protocol+" portal ends signed in at the product", advice{
			Why:      "people who click the product's tile in their company's portal end on an error page",
			Mend:     "register the initiate-login address and handle idp_initiated_login there",
			Standard: "spec/oauth.md 10",
		}, func(c *check) {
			c.NeedMethod(provider.method)
			c.Need(provider.emailVar, provider.passVar, provider.launchVar)
			account := c.enterpriseAccount(provider.email(), provider.password())
			v := c.Browser()
			v.Step("open the product's tile at the identity provider")
			v.Goto(provider.launch())
			v.SignInAtProvider(account)
			v.AwaitLanding()
			v.VerifySignedIn(&flows.User{Email: account.Email})
		})
	}

	openIDCases(item)

	item.Case("the suite's own provider signs an employee in, in a browser", advice{
		Why:      "the hostile cases of this item rest on it",
		Mend:     "register PREFLIGHT_IDP_ENTITY_ID, PREFLIGHT_IDP_SSO_URL and the certificate PREFLIGHT_IDP_CERT_FILE at the connection PREFLIGHT_IDP_CONNECTION_ID",
		Standard: "saml-profiles §4.1",
	}, func(c *check) {
		provider, person := c.suiteIdP()
		v := c.Browser()
		v.Serve(provider.Origin(), provider.Handler())
		v.OpenLogin("")
		screens.SubmitEmail(v.Page, person.Email)
		v.AwaitLanding()
		v.VerifySignedIn(&flows.User{Email: person.Email})
	})

	item.Case("a response that nobody asked for starts a fresh sign-in instead of a session", advice{
		Why:      "an attacker plants his own session in the victim's browser, or replays a stolen response",
		Mend:     "turn an unsolicited response into a new sign-in that the service provider starts, or refuse it",
		Standard: "saml-profiles §4.1.5; spec/oauth.md 10; DEFECTS.md C-8",
	}, func(c *check) {
		provider, person := c.suiteIdP()
		agent := flows.NewAgent(c, suite.world)
		_, request := agent.SAMLRequest(suite.cfg.IDPConnectionID)
		end := flows.NewAgent(c, suite.world).PostSAML(request.SP.ACS, provider.Unsolicited(request.SP, ""), provider)
		assert.Empty(c, end.URL.Query().Get("code"), "a code for a response that nobody asked for, sent to %s", person.Email)
	})

	for _, recipe := range idp.Recipes() {
		item.Case(caseName(recipe), samlAdvice(recipe), func(c *check) { c.judge(recipe) })
	}

	c := func(name string, a advice, forge func(c *check) string) {
		item.Case(name, a, func(c *check) {
			c.Need(idpVariables...)
			v := c.Browser()
			hold := v.HoldAuthorize()
			v.Goto(suite.cfg.App(suite.cfg.AppInitiateLoginPath) + "?idp_initiated_login=" + forge(c))
			if hold.Came() {
				sent := hold.Await().URL.Query()
				require.NotEqual(c, forgedConnection, sent.Get("connection_id"), "the authorization request follows the forged token")
			}
			v.VerifySignedOut()
		})
	}
	idpToken := advice{
		Why:      "an attacker steers people to a connection of his own, and signs them in as whom he likes",
		Mend:     "verify the signature with the environment's keys, and iss and exp, before reading anything of the token",
		Standard: "OWASP ASVS 9.1.1; spec/oauth.md 10; spec/app-contract.md E2",
	}
	c("an IdP-initiated hand-over without a signature is refused", idpToken, func(*check) string { return forgedTokens(handOver(time.Now()), "JWT")[0] })
	c("an IdP-initiated hand-over signed by somebody else is refused", idpToken, func(*check) string { return forgedTokens(handOver(time.Now()), "JWT")[1] })

	item.Case("an IdP-initiated hand-over that is over is refused", idpToken, func(c *check) {
		c.Need("PREFLIGHT_TIME_URL")
		provider, person := c.suiteIdP()
		agent := flows.NewAgent(c, suite.world)
		_, request := agent.SAMLRequest(suite.cfg.IDPConnectionID)
		end := agent.PostSAML(request.SP.ACS, provider.Unsolicited(request.SP, ""), provider)
		genuine := end.URL.Query().Get("idp_initiated_login")
		if genuine == "" {
			c.NotApplicable("the environment hands no IdP-initiated sign-in over to the product: " + end.URL.Redacted())
		}
		suite.learn(genuine)
		c.Age(&flows.User{Email: person.Email}, time.Hour)
		v := c.Browser()
		hold := v.HoldAuthorize()
		v.Goto(suite.cfg.AppWith(suite.cfg.AppInitiateLoginPath, url.Values{"idp_initiated_login": {genuine}}))
		if hold.Came() {
			sent := hold.Await().URL.Query()
			require.NotEqual(c, suite.cfg.IDPConnectionID, sent.Get("connection_id"), "the authorization request follows a hand-over of an hour ago")
		}
		v.VerifySignedOut()
	})
}

// forgedConnection is where a forged hand-over points.
const forgedConnection = "conn_66666666666666666"

// handOver returns the claims of an IdP-initiated hand-over (spec/oauth.md 10).
func handOver(at time.Time) map[string]any {
	return map[string]any{
		"iss": strings.TrimSuffix(suite.cfg.EnvironmentURL.String(), "/"), "iat": at.Unix(), "nbf": at.Unix(), "exp": at.Add(5 * time.Minute).Unix(),
		"organization_id": "org_66666666666666666", "connection_id": forgedConnection, "login_hint": "mallory@attacker.invalid",
	}
}

// suiteIdP returns the suite's identity provider with a new employee at it.
func (c *check) suiteIdP() (*idp.IdP, idp.Person) {
	c.Helper()
	c.Need(idpVariables...)
	person := c.employee("ada")
	provider := suite.world.SuiteIdP(c)
	c.providers = append(c.providers, provider)
	provider.SignInAs(person)
	return provider, person
}

// employee is a new person of the organization behind the suite's provider.
func (c *check) employee(name string) idp.Person {
	c.Helper()
	person := idp.Person{Email: name + "-" + c.unique() + "@" + suite.cfg.IDPDomain, GivenName: "Ada", FamilyName: "Preflight"}
	c.removeLater("user", person.Email, func(ctx context.Context) error { return c.removePerson(ctx, person.Email) })
	return person
}

// judge sends one tampered response and asks who is signed in by it. The status
// of the answer says nothing: the identity that results does.
func (c *check) judge(recipe idp.Recipe) {
	c.Helper()
	provider, genuine := c.suiteIdP()
	evil := c.employee("admin")
	var other *idp.IdP
	if recipe.NeedsOther {
		c.Need("PREFLIGHT_IDP_OTHER_KEY_FILE", "PREFLIGHT_IDP_OTHER_CERT_FILE", "PREFLIGHT_IDP_OTHER_ENTITY_ID")
		other = suite.world.OtherIdP(c)
	}
	fetched := c.collect(provider)
	agent := flows.NewAgent(c, suite.world)
	grant, request := agent.SAMLRequest(suite.cfg.IDPConnectionID)
	provider.Tamper(recipe, evil, other)
	var message idp.Message
	if recipe.Unsolicited {
		message = provider.Unsolicited(request.SP, request.RelayState)
	} else {
		message = provider.Respond(request)
	}
	if recipe.RelayState != "" {
		message.RelayState = recipe.RelayState
	}
	end := agent.PostSAML(request.SP.ACS, message, provider)
	who := agent.Identity(grant, end)
	if recipe.Replay {
		require.Equal(c, genuine.Email, who, "who is signed in by the first delivery (ended at %s)", end.URL.Redacted())
		if recipe.Rewrap {
			message = message.Rewrapped()
		}
		stranger := flows.NewAgent(c, suite.world)
		end = stranger.PostSAML(request.SP.ACS, message, provider)
		who = stranger.Identity(grant, end)
		agent = stranger
	}
	assert.Empty(c, fetched(), "addresses that the auth environment fetched because the document said so")
	if !end.Followed {
		require.False(c, strings.HasSuffix(end.URL.Hostname(), "evil.test"), "the browser was sent to %s", end.URL.Redacted())
	}
	switch recipe.Expect {
	case idp.Accept:
		require.Equal(c, genuine.Email, who, "who is signed in (ended at %s, HTTP %d)", end.URL.Redacted(), end.Status)
	case idp.Refuse:
		require.Empty(c, who, "who is signed in by a response that must be refused")
		require.Empty(c, agent.ComesBackAs(), "whom the environment takes for signed in after a response that must be refused")
	case idp.GenuineOnly:
		onlyGenuine := []string{"", genuine.Email}
		require.Contains(c, onlyGenuine, who, "who is signed in: only the person whom the signature covers may be")
		require.Contains(c, onlyGenuine, agent.ComesBackAs(), "whom the environment takes for signed in after that")
	}
}

// collect points the external entities of tampered documents at a server of
// the suite, and returns what was asked of it.
func (c *check) collect(provider *idp.IdP) (fetched func() []string) {
	c.Helper()
	collector := newCollector(c)
	provider.Collect(collector.URL)
	return collector.Asked
}

func caseName(recipe idp.Recipe) string {
	verb := map[idp.Expect]string{
		idp.Accept: "is accepted", idp.Refuse: "is refused", idp.GenuineOnly: "signs in nobody else",
	}[recipe.Expect]
	return "SAML " + recipe.ID + ", " + recipe.Name + ": " + verb
}

func samlAdvice(recipe idp.Recipe) advice {
	a := advice{
		Why:      "whoever can send such a response, an employee of any customer or a thief of an old one, signs in as somebody else",
		Mend:     "take the identity only from the element that the signature covers, verified with the key of this very connection, and check audience, recipient, destination, times, InResponseTo and replay",
		Standard: recipe.Standard,
	}
	if recipe.Expect == idp.Accept {
		a.Why, a.Mend = "a correct response is refused: employees cannot sign in", "look at the reason that the auth environment gives"
	}
	return a
}
