package e2e

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/idp"
	"github.com/auth-preflight/auth-preflight/helpers/loopback"
	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
)

// How long the admin portal may be opened and used (spec/hosted-pages.md 13).
const (
	portalLinkLife  = time.Minute
	portalShareLife = 7 * 24 * time.Hour
	portalStayLife  = 6 * time.Hour
)

// customer is an organization of this case's own, whose IT people go through
// the admin portal.
type customer struct {
	c                *check
	ID, Name, Domain string
	provider         *idp.IdP
}

// NewCustomer makes such an organization, with an e-mail domain of its own.
func (c *check) NewCustomer() *customer {
	c.Helper()
	c.Need("PREFLIGHT_IDP_DOMAIN")
	o := c.newCompany()
	return &customer{c: c, ID: o.OrgID, Name: o.Name, Domain: o.Domain}
}

// Link makes a link to the customer's portal.
func (o *customer) Link() *scalekit.PortalLink {
	o.c.Helper()
	link, err := suite.world.API.NewPortalLink(suite.ctx, o.ID)
	if err != nil {
		o.c.Trouble("the environment gives no link to the admin portal: %v", err)
	}
	return link
}

// Enter opens the customer's portal in a browser of its own.
func (o *customer) Enter() *flows.Visitor {
	o.c.Helper()
	v := o.c.Browser()
	if !v.OpenPortal(o.Link().Location) {
		o.c.Fatalf("expected a fresh link to open the admin portal; it ended at %s, where nothing offers to set up single sign-on (other words: PREFLIGHT_PORTAL_WORDS)", v.URL().Redacted())
	}
	return v
}

// Grow makes everything about the customer older.
func (o *customer) Grow(d time.Duration) {
	o.c.Helper()
	o.c.Pass(&flows.User{Email: o.ID}, d)
}

// Employee is somebody with an address of the customer's domain.
func (o *customer) Employee() idp.Person {
	o.c.Helper()
	return o.c.personAt("ada-" + o.c.unique() + "@" + o.Domain)
}

// IdP is the customer's own identity provider, at which person is signed in.
func (o *customer) IdP(person idp.Person) *idp.IdP {
	o.c.Helper()
	o.c.Need(idpVariables...)
	if o.provider == nil {
		o.provider = suite.world.NamedIdP(o.c, o.c.unique())
		o.c.providers = append(o.c.providers, o.provider)
	}
	o.provider.SignInAs(person)
	return o.provider
}

// near makes a case not verified unless the auth environment can fetch what
// this machine serves.
func (c *check) near(otherwise string) {
	c.Helper()
	if !loopback.IsLoopbackName(suite.cfg.EnvironmentURL.Hostname()) {
		c.NotVerified("the auth environment cannot reach this machine: " + otherwise)
	}
}

// publish serves a document on loopback and returns its address.
func (c *check) publish(contentType string, document []byte) (address string) {
	c.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		_, _ = w.Write(document)
	}))
	c.Cleanup(server.Close)
	return server.URL + "/metadata.xml"
}

// Share makes a link as the dashboard does, to be sent by mail.
func (o *customer) Share() *scalekit.PortalLink {
	o.c.Helper()
	var link scalekit.PortalLink
	if err := json.Unmarshal(o.c.control("PREFLIGHT_PORTAL_SHARE_URL", map[string]any{"organization_id": o.ID}), &link); err != nil || link.Location == "" {
		o.c.Trouble("PREFLIGHT_PORTAL_SHARE_URL answers with no link (%v)", err)
	}
	return &link
}
