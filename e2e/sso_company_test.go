package e2e

import (
	"context"
	"net/url"
	"strings"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/idp"
	"github.com/auth-preflight/auth-preflight/helpers/readiness"
	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
)

// connectionSettings are what a connection is to be like. The zero value is the
// usual: people are made at their first sign-in.
type connectionSettings struct {
	NoJIT, Sync bool
	// Mapping is our attribute to the provider's; nil: the usual names.
	Mapping map[string]string
}

// organization is whose people come in.
type organization struct {
	c           *check
	OrgID, Name string
	Domain      string
}

// way is one SAML connection of an organization, with the suite's own identity
// provider behind it.
type way struct {
	organization
	ID  string // conn_…
	IdP *idp.IdP
}

// company is an organization whose people come in by the suite's identity
// provider: one that this case makes, where the management API lets it
// (PREFLIGHT_API_CAN), else the standing one of PREFLIGHT_IDP_…, which can only
// be as usual.
func (c *check) company(s connectionSettings) *way {
	c.Helper()
	c.NeedMethod("saml")
	c.Need(idpVariables...)
	if !suite.cfg.APIDoes("connections") {
		c.Need("PREFLIGHT_IDP_ORGANIZATION_ID")
		if s.NoJIT || s.Sync || s.Mapping != nil {
			c.needConnections()
		}
		standing := organization{c: c, OrgID: suite.cfg.IDPOrganizationID, Domain: suite.cfg.IDPDomain}
		w := &way{organization: standing, ID: suite.cfg.IDPConnectionID, IdP: suite.world.SuiteIdP(c)}
		c.providers = append(c.providers, w.IdP)
		return w
	}
	return c.newCompany().connect(s)
}

// newCompany makes an organization with a domain.
func (c *check) newCompany() organization {
	c.Helper()
	o := organization{c: c, Domain: c.domain()}
	err := c.newOrganization(func(ctx context.Context, made *scalekit.Organization) error {
		o.OrgID, o.Name = made.ID, made.DisplayName
		return suite.world.API.RegisterDomain(ctx, made.ID, o.Domain)
	})
	if err != nil {
		c.Trouble("an organization with a domain cannot be made: %v", err)
	}
	return o
}

// needConnections makes a case not verified where the management API makes no
// connections.
func (c *check) needConnections() {
	c.Helper()
	if !suite.cfg.APIDoes("connections") {
		c.NotVerified("set PREFLIGHT_API_CAN=connections where the management API makes and changes connections (see .env.example)")
	}
}

// domain is an e-mail domain of this case's own, below PREFLIGHT_IDP_DOMAIN.
func (c *check) domain() string {
	return strings.ToLower(strings.ReplaceAll(c.unique(), "_", "-")) + "." + suite.cfg.IDPDomain
}

// connect makes another connection of the organization, with an identity
// provider of its own behind it, and switches it on.
func (w organization) connect(s connectionSettings) *way {
	w.c.Helper()
	w.c.needConnections()
	provider := suite.world.NamedIdP(w.c, w.c.unique())
	w.c.providers = append(w.c.providers, provider)
	made := &way{organization: w, IdP: provider}
	on := true
	jit := !s.NoJIT
	err := suite.create(func(ctx context.Context) error {
		connection, err := suite.world.API.CreateConnection(ctx, w.OrgID, scalekit.NewConnection{Provider: "CUSTOM", Type: "SAML"})
		if err != nil {
			return err
		}
		made.ID = connection.ID
		mapping := s.Mapping
		if mapping == nil {
			mapping = usualMapping()
		}
		if err := suite.world.API.UpdateConnection(ctx, w.OrgID, made.ID, scalekit.ConnectionSettings{
			AttributeMapping: mapping,
			SAML: &scalekit.SAMLSettings{
				Provisioning: scalekit.Provisioning{Sync: &s.Sync, JIT: &jit},
				IDPEntityID:  provider.EntityID(), IDPSSOURL: provider.SSOURL(), AllowIDPInitiated: &on,
				IDPCertificates: []scalekit.Certificate{{Certificate: string(provider.CertificatePEM())}},
			},
		}); err != nil {
			return err
		}
		return suite.world.API.EnableConnection(ctx, w.OrgID, made.ID, true)
	})
	if err != nil {
		w.c.Trouble("a connection cannot be made: %v", err)
	}
	return made
}

// usualMapping names the standard attributes as the suite's providers send them.
func usualMapping() map[string]string {
	return map[string]string{"email": "email", "given_name": "given_name", "family_name": "family_name", "groups": "groups"}
}

// change gives the connection other settings.
func (w *way) change(s scalekit.ConnectionSettings) {
	w.c.Helper()
	w.c.api("a connection is changed", func(ctx context.Context) error {
		return suite.world.API.UpdateConnection(ctx, w.OrgID, w.ID, s)
	})
}

// employee is a new person with an address of the company's domain.
func (w organization) employee(name string) idp.Person {
	w.c.Helper()
	return w.c.personAt(name + "-" + w.c.unique() + "@" + w.Domain)
}

// personAt is somebody at a provider of the suite's, who is removed in the end.
func (c *check) personAt(address string) idp.Person {
	c.Helper()
	person := idp.Person{Email: address, GivenName: "Ada", FamilyName: "Preflight"}
	c.removeLater("user", person.Email, func(ctx context.Context) error { return c.removePerson(ctx, person.Email) })
	return person
}

// arrival is how a sign-in without a window ended.
type arrival struct {
	c      *check
	agent  *flows.Agent
	grant  flows.Grant
	end    flows.Stop
	Tokens *scalekit.TokenAnswer // nil: nobody was signed in
	ID     map[string]any        // what the ID token says, verified
}

// signIn signs a person in by this connection, from a browser without a window
// that nobody knows, and redeems the code as the product would.
func (w *way) signIn(person idp.Person) *arrival {
	w.c.Helper()
	w.IdP.SignInAs(person)
	return w.arrive()
}

// arrive is signIn with whatever the provider answers now.
func (w *way) arrive() *arrival {
	w.c.Helper()
	return w.onTheWay()()
}

func (w *way) onTheWay() (answer func() *arrival) {
	w.c.Helper()
	a := &arrival{c: w.c, agent: flows.NewAgent(w.c, suite.world)}
	var request idp.Request
	a.grant, request = a.agent.SAMLRequest(w.ID)
	return func() *arrival {
		w.c.Helper()
		a.finish(a.agent.PostSAML(request.SP.ACS, w.IdP.Respond(request), w.IdP))
		return a
	}
}

// visitor returns a browser that finds the company's provider, which signs
// person in there without a question.
func (w *way) visitor(person idp.Person) *flows.Visitor {
	w.c.Helper()
	w.IdP.SignInAs(person)
	v := w.c.Browser()
	v.Serve(w.IdP.Origin(), w.IdP.Handler())
	return v
}

func (w *way) ids() (orgID, connectionID string) { return w.OrgID, w.ID }

func (a *arrival) finish(end flows.Stop) {
	a.c.Helper()
	a.end = end
	a.Tokens = a.agent.RedeemCode(a.grant, end)
	if a.Tokens != nil && a.Tokens.IDToken != "" {
		a.ID = a.agent.Claims(a.Tokens.IDToken)
	}
}

// email is who was signed in; "" for nobody.
func (a *arrival) email() string { return textOf(a.ID, "email") }

// sub is the signed-in person's id.
func (a *arrival) sub() string { return textOf(a.ID, "sub") }

func textOf(claims map[string]any, name string) string {
	text, _ := claims[name].(string)
	return text
}

// mustBe ends the case unless the person was signed in.
func (a *arrival) mustBe(person idp.Person) *arrival {
	a.c.Helper()
	require.True(a.c, strings.EqualFold(person.Email, a.email()), "who is signed in: expected %s, saw %q; the environment said: %s",
		person.Email, a.email(), a.end.Explanation())
	return a
}

// mustBeRefused ends the case unless nobody was signed in and the person was
// told so, readably.
func (a *arrival) mustBeRefused() {
	a.c.Helper()
	require.Empty(a.c, a.email(), "who is signed in by a sign-in that must be refused")
	assert.NoError(a.c, a.end.Refusal(a.grant), "how the refusal is explained")
	a.mustBeUnknown("after a sign-in that must be refused")
}

// find returns what the environment knows of an address, or nil.
func (c *check) find(address string) (user *scalekit.User) {
	c.Helper()
	c.api("a person is looked up", func(ctx context.Context) (err error) {
		user, err = suite.world.API.FindUser(ctx, address)
		return err
	})
	return user
}

// mustKnow ends the case unless the environment knows the address.
func (c *check) mustKnow(address string) *scalekit.User {
	c.Helper()
	user := c.find(address)
	require.NotNil(c, user, "the account of %s in the environment: expected one, saw none", address)
	return user
}

// mustNotJoin fails the case if an address is a member of the organization.
func (w organization) mustNotJoin(address string) {
	w.c.Helper()
	if user := w.c.find(address); user != nil {
		assert.Empty(w.c, user.StatusIn(w.OrgID), "the membership of %s, who does not belong to the organization", address)
	}
}

// routed reports whether somebody who types an address is sent to this
// company's identity provider.
func (w *way) routed(address string) bool {
	w.c.Helper()
	agent := flows.NewAgent(w.c, suite.world)
	_, stop := agent.Authorize(url.Values{"login_hint": {address}})
	to := *stop.URL
	if form := stop.Form(`input[name="SAMLRequest"]`); form != nil {
		to = *form.Action
	}
	to.RawQuery = ""
	return to.String() == w.IdP.SSOURL()
}

// showResponses adds the SAML responses of the suite's providers to the
// evidence, as they were received.
func (c *check) showResponses() {
	for _, provider := range c.providers {
		for i, message := range provider.Sent() {
			const most = 5
			if i == most {
				break
			}
			c.results.Evidence(readiness.Evidence{
				Kind: "text", Title: "SAML response of " + provider.EntityID() + " to " + message.Request.SP.ACS, Text: message.Redacted(),
			})
		}
	}
}

// defaultRole is the role that new members of an organization are to get.
func (c *check) defaultRole(orgID string) (name string) {
	c.Helper()
	c.api("the default role is looked up", func(ctx context.Context) error {
		roles, err := suite.world.API.Roles(ctx, orgID)
		for _, role := range roles {
			if role.DefaultMember {
				name = role.Name
			}
		}
		return err
	})
	require.NotEmpty(c, name, "the role that is the default for members: expected one, saw none")
	return name
}

// textsOf reads a claim that is a list of texts.
func textsOf(claims map[string]any, name string) (texts []string) {
	list, _ := claims[name].([]any)
	for _, one := range list {
		if text, ok := one.(string); ok {
			texts = append(texts, text)
		}
	}
	return texts
}

// connectionOf asks for a sign-in by one connection.
func connectionOf(id string) url.Values { return url.Values{"connection_id": {id}} }

// mustBeNobody ends the case if anybody was signed in: at the product, by the
// code with which the sign-in ended, or at the auth environment, where the next
// sign-in would be silent.
func (a *arrival) mustBeNobody(where string) {
	a.c.Helper()
	require.Empty(a.c, a.email(), "who is signed in %s", where)
	a.mustBeUnknown(where)
}

// mustBeUnknown ends the case if the environment takes the browser for
// somebody's, and lets it in without a question: a page that refuses may come
// with the cookie of a session.
func (a *arrival) mustBeUnknown(where string) {
	a.c.Helper()
	require.Empty(a.c, a.agent.ComesBackAs(), "whom the environment takes for signed in %s", where)
}
