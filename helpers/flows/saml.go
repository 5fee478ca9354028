package flows

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/auth-preflight/auth-preflight/helpers/idp"
)

// SuiteIdP opens the suite's own identity provider, one for each case: it
// signs in one person at a time.
func (w World) SuiteIdP(t TB) *idp.IdP {
	t.Helper()
	c := w.Config
	return openIdP(t, c.IDPKeyFile, c.IDPCertFile, c.IDPEntityID, c.IDPSSOURL)
}

// NamedIdP opens the suite's identity provider under an entity id and an address
// of its own, for a connection that a case makes.
func (w World) NamedIdP(t TB, name string) *idp.IdP {
	t.Helper()
	c := w.Config
	return openIdP(t, c.IDPKeyFile, c.IDPCertFile, c.IDPEntityID+"/"+name, c.IDPSSOURL+"/"+name)
}

// Impostor opens an identity provider that calls itself like another one and
// has a key of its own.
func (w World) Impostor(t TB, of *idp.IdP) *idp.IdP {
	t.Helper()
	c := w.Config
	return openIdP(t, c.IDPOtherKeyFile, c.IDPOtherCertFile, of.EntityID(), of.SSOURL())
}

// OtherIdP opens the identity provider of the second organization.
func (w World) OtherIdP(t TB) *idp.IdP {
	t.Helper()
	c := w.Config
	return openIdP(t, c.IDPOtherKeyFile, c.IDPOtherCertFile, c.IDPOtherEntityID, c.IDPSSOURL)
}

func openIdP(t TB, keyFile, certFile, entityID, ssoURL string) *idp.IdP {
	t.Helper()
	key, err := idp.LoadKey(keyFile)
	if err != nil {
		t.Trouble("the suite's identity provider cannot be opened: %v", err)
	}
	cert, err := idp.LoadCertificate(certFile)
	if err != nil {
		t.Trouble("the suite's identity provider cannot be opened: %v", err)
	}
	return idp.New(key, cert, entityID, ssoURL)
}

// OpenID opens the suite's own OpenID provider at an address where the auth
// environment reaches its back half.
func (w World) OpenID(t TB, address string) *idp.OpenID {
	t.Helper()
	key, err := idp.LoadKey(w.Config.IDPKeyFile)
	if err != nil {
		t.Trouble("the suite's OpenID provider cannot be opened: %v", err)
	}
	return idp.NewOpenID(key, address)
}

// SAMLRequest asks for a sign-in by one SAML connection and returns the
// AuthnRequest with which the auth environment sends the browser away.
func (a *Agent) SAMLRequest(connectionID string) (Grant, idp.Request) {
	a.T.Helper()
	grant, stop := a.Authorize(url.Values{"connection_id": {connectionID}})
	return grant, a.samlRequestAt(stop, connectionID)
}

// samlRequestAt reads the AuthnRequest with which the auth environment has
// ended an authorization request.
func (a *Agent) samlRequestAt(stop Stop, connectionID string) idp.Request {
	a.T.Helper()
	// Some deployments lead over a host that is not theirs, on the way.
	for range agentRedirects {
		if stop.Followed || stop.URL.Query().Has("SAMLRequest") || sameOrigin(stop.URL, a.World.Config.AppURL) {
			break
		}
		stop = a.Get(stop.URL.String())
	}
	var asked *http.Request
	if form := stop.Form(`input[name="SAMLRequest"]`); form != nil {
		asked, _ = http.NewRequest(http.MethodPost, form.Action.String(), strings.NewReader(form.Fields.Encode())) //nolint:noctx // only read, never sent
		asked.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	} else {
		asked, _ = http.NewRequest(http.MethodGet, stop.URL.String(), nil) //nolint:noctx // only read, never sent
	}
	request, err := idp.ReadRequest(asked)
	if err != nil {
		a.T.Fatalf("expected connection %s to send the browser to its identity provider; it ended at %s (HTTP %d): %v",
			connectionID, stop.URL.Redacted(), stop.Status, err)
	}
	return request
}

// PostSAML delivers a response to the assertion consumer service, as a page of
// the identity provider does, and returns where that ended.
func (a *Agent) PostSAML(acs string, message idp.Message, from *idp.IdP) Stop {
	a.T.Helper()
	return a.Post(acs, message.Form(), from.Origin())
}
