package e2e

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/idp"
	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
	"github.com/auth-preflight/auth-preflight/helpers/screens"
)

// A connection that is set up wrongly, on either side, lets nobody in and says
// why, once.
func TestSSOMisconfigured(t *testing.T) {
	item := begin(t, "sso/misconfigured")

	explain := advice{
		Why:      "an administrator who mistypes one field sees a blank page or a browser that runs in circles, and calls your support; or the door stands open",
		Mend:     "refuse, end the sign-in with an error at the redirect URI or on a page, and say which setting to look at",
		Standard: "spec/oauth.md 2.5; OWASP ASVS 16.5.1",
	}

	// What is wrong, on the side of the environment (needs the management API)
	// or of the provider.
	for _, wrong := range []struct {
		name   string
		atOurs func(c *check, w *way) scalekit.ConnectionSettings
		theirs func(p *idp.Params)
	}{
		{name: "another certificate", atOurs: func(c *check, _ *way) scalekit.ConnectionSettings {
			_, certificate, err := idp.NewKey()
			require.NoError(c, err, "a key of nobody's")
			return scalekit.ConnectionSettings{SAML: &scalekit.SAMLSettings{IDPCertificates: []scalekit.Certificate{{Certificate: string(certificate)}}}}
		}},
		{name: "another issuer", atOurs: func(_ *check, w *way) scalekit.ConnectionSettings {
			return scalekit.ConnectionSettings{SAML: &scalekit.SAMLSettings{IDPEntityID: w.IdP.EntityID() + "/of-before"}}
		}},
		{name: "another audience", theirs: func(p *idp.Params) { p.Audience += "/of-staging" }},
		{name: "another assertion consumer service", theirs: func(p *idp.Params) {
			p.Recipient += "/of-staging"
			p.Destination = p.Recipient
		}},
		{name: "a provider that refuses the person", theirs: func(p *idp.Params) { p.Status, p.SubStatus = idp.StatusResponder, idp.StatusAuthnFailed }},
	} {
		item.Case("SAML with "+wrong.name+" ends in an error, without a session", explain, func(c *check) {
			if wrong.atOurs != nil {
				c.needConnections()
			}
			w := c.company(connectionSettings{})
			ada := w.employee("ada")
			w.signIn(ada).mustBe(ada) // right before, so that what comes after is the setting's doing
			if wrong.atOurs != nil {
				w.change(wrong.atOurs(c, w))
			} else {
				w.IdP.Change(wrong.theirs)
			}
			w.arrive().mustBeRefused()
		})
	}

	for _, wrong := range []struct {
		name string
		set  func(w *openIDWay)
	}{
		{"another client secret", func(w *openIDWay) {
			w.change(scalekit.ConnectionSettings{OIDC: &scalekit.OIDCSettings{ClientSecret: "of-before"}})
		}},
		{"another issuer", func(w *openIDWay) {
			w.change(scalekit.ConnectionSettings{OIDC: &scalekit.OIDCSettings{Issuer: w.IdP.Issuer + "/of-before"}})
		}},
		{"a token endpoint that is not there", func(w *openIDWay) {
			w.change(scalekit.ConnectionSettings{OIDC: &scalekit.OIDCSettings{TokenURI: w.IdP.Issuer + "/nowhere"}})
		}},
		{"a provider that refuses the person", func(w *openIDWay) { w.IdP.Refuse("access_denied") }},
	} {
		item.Case("OIDC with "+wrong.name+" ends in an error, without a session", explain, func(c *check) {
			w := c.openIDCompany(connectionSettings{})
			ada := w.employee("ada")
			w.signIn(ada).mustBe(ada)
			wrong.set(w)
			w.arrive(nil).mustBeRefused()
		})
	}

	for _, gone := range []struct {
		name string
		do   func(ctx context.Context, orgID, connectionID string) error
	}{
		{"switched off", func(ctx context.Context, orgID, connectionID string) error {
			return suite.world.API.EnableConnection(ctx, orgID, connectionID, false)
		}},
		{"deleted", func(ctx context.Context, orgID, connectionID string) error {
			return suite.world.API.DeleteConnection(ctx, orgID, connectionID)
		}},
	} {
		for _, protocol := range protocols {
			item.Case("a connection over "+protocol.name+" that was "+gone.name+" lets nobody in, begun before or after", advice{
				Why:      "a customer who closes a leaking provider has closed nothing",
				Mend:     "look at the connection when a sign-in begins, and again when the provider's answer comes, whatever the provider speaks",
				Standard: "CVE-2025-64717; spec/oauth.md 2.5 (connection_not_active)",
			}, func(c *check) {
				c.needConnections()
				w := protocol.open(c, connectionSettings{})
				ada := w.employee("ada")
				w.signIn(ada).mustBe(ada)
				answer := w.onTheWay()
				orgID, connectionID := w.ids()
				c.api("the connection is "+gone.name, func(ctx context.Context) error { return gone.do(ctx, orgID, connectionID) })
				answer().mustBeRefused()

				after := &arrival{c: c, agent: flows.NewAgent(c, suite.world)}
				grant, stop := after.agent.Authorize(connectionOf(connectionID))
				after.grant = grant
				after.finish(stop)
				after.mustBeRefused()
			})
		}
	}

	item.Case("a person sees what is wrong, once, and a way on", explain, func(c *check) {
		w := c.company(connectionSettings{})
		ada := w.employee("ada")
		v := w.visitor(ada)
		w.IdP.Change(func(p *idp.Params) { p.Audience += "/of-staging" })
		v.OpenLogin("")
		v.Step("sign in by a provider that is set up wrongly")
		screens.SubmitEmail(v.Page, ada.Email)
		v.AwaitFact("an end: the application, or a page that says what is wrong", func() bool { return v.AtApp(v.URL()) || v.Has(screens.Alert) })
		v.VerifyWayOn()
		v.VerifySignedOut()
		assert.Len(c, w.IdP.Sent(), 1, "how often the browser was at the provider")
	})
}
