// Package idp is the suite's own SAML identity provider. It works by the front
// channel only: its handler is given to the browser (Page.Serve) and answers
// the service provider's AuthnRequests with self-posting forms, so a remote
// deployment needs no way to reach the suite. Its key and entity id are
// registered at the deployment under test beforehand.
//
// What it says is free to choose, down to single fields (Params), and Recipes
// holds the known ways to tamper with a response.
//
// The messages are written from templates in exclusive canonical form and
// signed with crypto/rsa: the suite shares no SAML code with any deployment.
package idp

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
)

// IdP is one identity provider. It is safe for use by several goroutines, but
// it signs in one person at a time: give each browser page its own.
type IdP struct {
	key      *rsa.PrivateKey
	cert     *x509.Certificate
	entityID string
	ssoURL   string

	mu        sync.Mutex
	person    Person
	base      Base
	answer    func(*Forge) []byte
	evil      Person
	other     *IdP
	collector string
	relay     *string
	launches  map[string]Request
	sent      []Message
}

// Message is a response that was handed to the browser.
type Message struct {
	Request    Request // ID is "" for an unsolicited response
	RelayState string
	XML        []byte
}

// Form returns the fields of the HTTP-POST binding, as they are posted to the
// service provider's ACS (m.Request.SP.ACS).
func (m Message) Form() url.Values {
	return url.Values{"SAMLResponse": {base64.StdEncoding.EncodeToString(m.XML)}, "RelayState": {m.RelayState}}
}

// Rewrapped returns the message with its assertion in a response of another ID:
// where only the assertion is signed, that breaks no signature.
func (m Message) Rewrapped() Message {
	d := read(m.XML)
	setID(d.response(), newID())
	m.XML = d.bytes()
	return m
}

// New returns an identity provider. entityID and the certificate are what the
// deployment has registered; ssoURL is where it sends AuthnRequests.
func New(key *rsa.PrivateKey, cert *x509.Certificate, entityID, ssoURL string) *IdP {
	return &IdP{key: key, cert: cert, entityID: entityID, ssoURL: ssoURL, base: SignedAssertion, launches: map[string]Request{}}
}

// EntityID returns the entity id, which is the Issuer of every message.
func (p *IdP) EntityID() string { return p.entityID }

// SSOURL returns where service providers send AuthnRequests.
func (p *IdP) SSOURL() string { return p.ssoURL }

// Origin returns the origin of SSOURL, for Page.Serve.
func (p *IdP) Origin() string {
	u, err := url.Parse(p.ssoURL)
	if err != nil {
		return p.ssoURL
	}
	return u.Scheme + "://" + u.Host
}

// CertificatePEM returns the certificate that the deployment must trust.
func (p *IdP) CertificatePEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.cert.Raw})
}

// Metadata returns the identity provider's SAML metadata, to be registered.
func (p *IdP) Metadata() []byte {
	return []byte(tag("md:EntityDescriptor", attrs{"xmlns:md": nsMetadata, "entityID": p.entityID},
		tag("md:IDPSSODescriptor", attrs{"protocolSupportEnumeration": nsProtocol, "WantAuthnRequestsSigned": "false"},
			tag("md:KeyDescriptor", attrs{"use": "signing"},
				tag("ds:KeyInfo", attrs{"xmlns:ds": nsSignature}, tag("ds:X509Data", nil, tag("ds:X509Certificate", nil,
					base64.StdEncoding.EncodeToString(p.cert.Raw))))),
			tag("md:NameIDFormat", nil, NameIDEmail),
			tag("md:SingleSignOnService", attrs{"Binding": "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect", "Location": p.ssoURL}),
			tag("md:SingleSignOnService", attrs{"Binding": "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST", "Location": p.ssoURL}))))
}

// SignInAs sets who is at the browser from now on; genuine answers again, if
// they were tampered with.
func (p *IdP) SignInAs(person Person) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.person, p.answer, p.relay, p.base = person, nil, nil, SignedAssertion
}

// SignWith sets which parts of genuine answers are signed (SignedAssertion at
// the start).
func (p *IdP) SignWith(base Base) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.base = base
}

// AnswerWith makes every further answer be what write returns, until SignInAs
// is called again. The person set by SignInAs is the genuine one.
func (p *IdP) AnswerWith(write func(*Forge) []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = write
}

// Change makes every further answer a correctly signed one with some fields
// changed, until SignInAs is called again.
func (p *IdP) Change(change func(*Params)) {
	p.AnswerWith(func(f *Forge) []byte {
		params := f.Params()
		change(&params)
		return params.XML()
	})
}

// Tamper makes every further answer follow a recipe, until SignInAs is called
// again. evil is who the attacker wants to be; other is an identity provider
// of another organization in the same environment, needed by the recipes that
// say NeedsOther, else nil.
func (p *IdP) Tamper(recipe Recipe, evil Person, other *IdP) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer, p.base, p.evil, p.other, p.relay = recipe.Apply, recipe.Base, evil, other, nil
	if recipe.RelayState != "" {
		relay := recipe.RelayState
		p.relay = &relay
	}
}

// Collect sets the address that external entities in tampered documents point
// at: a server of the suite that notes who fetches.
func (p *IdP) Collect(collectorURL string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.collector = collectorURL
}

// Sent returns the responses handed out so far, oldest first: for replays.
func (p *IdP) Sent() []Message {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.sent)
}

// Params returns a correct answer to req for the person, to be changed and
// written by XML.
func (p *IdP) Params(req Request, person Person, base Base) Params {
	now := time.Now().Truncate(time.Second)
	return Params{
		Person: person, Base: base,
		ResponseID: newID(), AssertionID: newID(),
		Issuer: p.entityID, AssertionIssuer: p.entityID,
		Destination: req.SP.ACS, Recipient: req.SP.ACS, Audience: req.SP.EntityID,
		InResponseTo: req.ID, ConfirmInResponseTo: req.ID, ConfirmMethod: methodBearer,
		IssueInstant: now, NotBefore: now.Add(-30 * time.Second),
		NotOnOrAfter: now.Add(assertionLife), ConfirmNotOnOrAfter: now.Add(assertionLife),
		Status: StatusSuccess, Key: p.key, Certificate: p.cert,
	}
}

// Respond writes the answer to req as the settings of SignInAs, Change and
// Tamper have it, and notes it in Sent.
func (p *IdP) Respond(req Request) Message {
	p.mu.Lock()
	defer p.mu.Unlock()
	forge := &Forge{IdP: p, Other: p.other, Request: req, Genuine: p.person, Evil: p.evil, Base: p.base, CollectorURL: p.collector}
	write := p.answer
	if write == nil {
		write = func(f *Forge) []byte { return f.Params().XML() }
	}
	m := Message{Request: req, RelayState: req.RelayState, XML: write(forge)}
	if p.relay != nil {
		m.RelayState = *p.relay
	}
	p.sent = append(p.sent, m)
	return m
}

// Unsolicited writes a response that nobody asked for (IdP-initiated,
// saml-profiles §4.1.5), under the same settings as Respond.
func (p *IdP) Unsolicited(sp ServiceProvider, relayState string) Message {
	return p.Respond(Request{SP: sp, RelayState: relayState})
}

// Launch returns an address of this identity provider that posts an
// unsolicited response to sp, as the tile in an IdP's dashboard does. It works
// where the handler is served (Origin).
func (p *IdP) Launch(sp ServiceProvider, relayState string) string {
	id := newID()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.launches[id] = Request{SP: sp, RelayState: relayState}
	return p.Origin() + launchPath + id
}

const launchPath = "/launch/"

// Handler answers AuthnRequests at the path of SSOURL, the addresses of
// Launch, and /metadata. It signs in without asking anything.
func (p *IdP) Handler() http.Handler {
	path := "/"
	if u, err := url.Parse(p.ssoURL); err == nil && u.Path != "" {
		path = u.Path
	}
	mux := http.NewServeMux()
	mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxMessage)
		req, err := ReadRequest(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		p.Respond(req).write(w)
	})
	mux.HandleFunc("GET "+launchPath+"{id}", func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		req, ok := p.launches[r.PathValue("id")]
		p.mu.Unlock()
		if !ok {
			http.NotFound(w, r)
			return
		}
		p.Respond(req).write(w)
	})
	mux.HandleFunc("GET /metadata", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/samlmetadata+xml")
		_, _ = w.Write(p.Metadata())
	})
	return mux
}

// write answers with a form that posts itself to the ACS.
func (m Message) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_ = postForm().Execute(w, map[string]any{
		"ACS": m.Request.SP.ACS, "Response": base64.StdEncoding.EncodeToString(m.XML), "RelayState": m.RelayState,
	})
}

func postForm() *template.Template {
	return template.Must(template.New("post").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Signing in</title></head>
<body>
<form method="post" action="{{.ACS}}" id="SAMLResponseForm">
<input type="hidden" name="SAMLResponse" value="{{.Response}}">
<input type="hidden" name="RelayState" value="{{.RelayState}}">
<noscript><button type="submit">Continue</button></noscript>
</form>
<script>document.getElementById("SAMLResponseForm").submit()</script>
</body></html>
`))
}
