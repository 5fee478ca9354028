package e2e

import (
	"context"
	"net/url"

	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/idp"
	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
)

// openIDWay is one OIDC connection of an organization, with the suite's own
// OpenID provider behind it.
type openIDWay struct {
	organization
	ID  string // conn_…
	IdP *idp.OpenID
}

// openIDCompany is an organization whose people come in by the suite's OpenID
// provider. The management API has to make its connection.
func (c *check) openIDCompany(s connectionSettings) *openIDWay {
	c.Helper()
	c.NeedMethod("oidc")
	c.Need(idpVariables...)
	c.needConnections()
	return c.newCompany().connectOpenID(s)
}

// connectOpenID makes an OIDC connection of the organization and switches it on.
func (o organization) connectOpenID(s connectionSettings) *openIDWay {
	c := o.c
	c.Helper()
	address, serve := c.reachable()
	provider := suite.world.OpenID(c, address)
	serve(provider.Handler())
	suite.learn(provider.ClientSecret)
	w := &openIDWay{organization: o, IdP: provider}
	jit, mapping := !s.NoJIT, s.Mapping
	if mapping == nil {
		mapping = usualMapping()
	}
	c.api("an OIDC connection is made", func(ctx context.Context) error {
		connection, err := suite.world.API.CreateConnection(ctx, o.OrgID, scalekit.NewConnection{Provider: "CUSTOM", Type: "OIDC"})
		if err != nil {
			return err
		}
		w.ID = connection.ID
		settings := openIDSettings(provider)
		settings.Sync, settings.JIT = &s.Sync, &jit
		if err := suite.world.API.UpdateConnection(ctx, o.OrgID, w.ID, scalekit.ConnectionSettings{AttributeMapping: mapping, OIDC: settings}); err != nil {
			return err
		}
		return suite.world.API.EnableConnection(ctx, o.OrgID, w.ID, true)
	})
	return w
}

// change gives the connection other settings.
func (w *openIDWay) change(s scalekit.ConnectionSettings) {
	w.c.Helper()
	w.c.api("a connection is changed", func(ctx context.Context) error {
		return suite.world.API.UpdateConnection(ctx, w.OrgID, w.ID, s)
	})
}

// signIn signs a person in by this connection, from a browser without a window
// that nobody knows, and redeems the code as the product would.
func (w *openIDWay) signIn(person idp.Person) *arrival {
	w.c.Helper()
	w.IdP.SignInAs(person)
	return w.arrive(nil)
}

// arrive is signIn with whatever the provider answers now; change may edit the
// authentication request on its way to the provider.
func (w *openIDWay) arrive(change func(url.Values)) *arrival {
	w.c.Helper()
	a, request := w.begin()
	if change != nil {
		q := request.Query()
		change(q)
		request.RawQuery = q.Encode()
	}
	a.finish(a.agent.Get(w.answer(request)))
	return a
}

func (w *openIDWay) onTheWay() (answer func() *arrival) {
	w.c.Helper()
	a, request := w.begin()
	return func() *arrival {
		w.c.Helper()
		a.finish(a.agent.Get(w.answer(request)))
		return a
	}
}

func (w *openIDWay) ids() (orgID, connectionID string) { return w.OrgID, w.ID }

// begin brings a browser without a window to the provider.
func (w *openIDWay) begin() (*arrival, *url.URL) {
	w.c.Helper()
	a := &arrival{c: w.c, agent: flows.NewAgent(w.c, suite.world)}
	a.grant, a.end = a.agent.Authorize(connectionOf(w.ID))
	return a, a.end.URL
}

// answer is where the provider sends the browser back to.
func (w *openIDWay) answer(request *url.URL) string {
	w.c.Helper()
	back, err := w.IdP.Answer(request)
	if err != nil {
		w.c.Fatalf("expected connection %s to send the browser to its OpenID provider with a good request: %v", w.ID, err)
	}
	return back
}

// openIDSettings are what a connection has to know of a provider.
func openIDSettings(p *idp.OpenID) *scalekit.OIDCSettings {
	e := p.Endpoints()
	return &scalekit.OIDCSettings{
		Issuer: p.Issuer, AuthorizeURI: e.Authorize, TokenURI: e.Token, JWKSURI: e.Keys, UserInfoURI: e.UserInfo,
		ClientID: p.ClientID, ClientSecret: p.ClientSecret, Scopes: []string{"openid", "profile", "email"},
	}
}
