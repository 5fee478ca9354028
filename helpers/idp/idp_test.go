package idp

import (
	"bytes"
	"compress/flate"
	"crypto/x509"
	"encoding/base64"
	"encoding/xml"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/beevik/etree"
	"github.com/crewjam/saml"
	dsig "github.com/russellhaering/goxmldsig"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	entity  = "https://idp.preflight.test/metadata"
	sso     = "https://idp.preflight.test/sso"
	acs     = "https://auth.localhost/sso/v1/saml/conn_1/callback"
	spID    = "https://auth.localhost/sso/v1/saml/conn_1"
	askedID = "id-0123456789"
)

// newIdP makes an identity provider with a key of its own. Keys are slow to
// make, so the tests share two.
var testKeys = sync.OnceValue(func() (pair [2][2][]byte) {
	for i := range pair {
		key, cert, err := NewKey()
		if err != nil {
			panic(err)
		}
		pair[i] = [2][]byte{key, cert}
	}
	return pair
})

func newIdP(t *testing.T, i int, entityID string) *IdP {
	t.Helper()
	pair := testKeys()[i]
	key, err := ParseKey(pair[0])
	require.NoError(t, err)
	cert, err := ParseCertificate(pair[1])
	require.NoError(t, err)
	return New(key, cert, entityID, sso)
}

func newForge(t *testing.T, base Base) *Forge {
	return &Forge{
		IdP: newIdP(t, 0, entity), Other: newIdP(t, 1, "https://idp.other.test/metadata"), Base: base,
		Request: Request{ID: askedID, SP: ServiceProvider{EntityID: spID, ACS: acs}, RelayState: "req_1"},
		Genuine: Person{Email: "alice@corp.test", GivenName: "Alice", FamilyName: "A & <B>", Groups: []string{"staff"}},
		Evil:    Person{Email: "admin@corp.test", GivenName: "Admin", FamilyName: "Root"},
	}
}

// serviceProvider is an independent party: crewjam/saml trusting f's IdP.
func serviceProvider(t *testing.T, f *Forge) *saml.ServiceProvider {
	t.Helper()
	metadata := &saml.EntityDescriptor{}
	require.NoError(t, xml.Unmarshal(f.IdP.Metadata(), metadata))
	location, _ := url.Parse(acs)
	return &saml.ServiceProvider{EntityID: spID, AcsURL: *location, IDPMetadata: metadata}
}

func subject(a *saml.Assertion) (who []string) {
	who = append(who, a.Subject.NameID.Value)
	for _, s := range a.AttributeStatements {
		for _, attribute := range s.Attributes {
			if attribute.Name == "email" {
				for _, v := range attribute.Values {
					who = append(who, v.Value)
				}
			}
		}
	}
	return who
}

func TestGenuineResponsesAreAcceptedByAThirdParty(t *testing.T) {
	t.Parallel()
	for _, base := range []Base{SignedAssertion, SignedResponse, SignedBoth} {
		f := newForge(t, base)
		location, _ := url.Parse(acs)
		assertion, err := serviceProvider(t, f).ParseXMLResponse(f.Params().XML(), []string{askedID}, *location)
		if invalid, ok := err.(*saml.InvalidResponseError); ok {
			require.NoError(t, invalid.PrivateErr, "base %s", base)
		}
		require.NoError(t, err)
		assert.Equal(t, []string{"alice@corp.test", "alice@corp.test"}, subject(assertion))
		assert.Equal(t, "A & <B>", assertion.AttributeStatements[0].Attributes[2].Values[0].Value)
	}
}

// verify holds an element's own signature against goxmldsig.
func verify(t *testing.T, f *Forge, el *etree.Element) error {
	t.Helper()
	ctx := dsig.NewDefaultValidationContext(&dsig.MemoryX509CertificateStore{Roots: []*x509.Certificate{f.IdP.cert}})
	_, err := ctx.Validate(el)
	return err
}

func TestEverySignedPartVerifiesWithGoxmldsig(t *testing.T) {
	t.Parallel()
	for _, base := range []Base{SignedAssertion, SignedResponse, SignedBoth} {
		f := newForge(t, base)
		d := read(f.Params().XML())
		if base != SignedAssertion {
			require.NoError(t, verify(t, f, d.response()), "response of base %s", base)
		}
		if base != SignedResponse {
			detached := read([]byte(elementXML(d.assertion())))
			require.NoError(t, verify(t, f, detached.Root()), "assertion of base %s", base)
		}
	}
}

func TestRecipes(t *testing.T) {
	t.Parallel()
	location, _ := url.Parse(acs)
	names := map[string]bool{}
	for _, r := range Recipes() {
		require.False(t, names[r.Name], "the name %q is taken twice", r.Name)
		names[r.Name] = true
		t.Run(r.ID+" "+r.Name, func(t *testing.T) {
			t.Parallel()
			require.NotEmpty(t, r.Standard)
			f := newForge(t, r.Base)
			if r.Unsolicited {
				f.Request.ID = ""
			}
			message := r.Apply(f)
			require.NoError(t, etree.NewDocument().ReadFromBytes(stripDoctype(message)), "must be well-formed")

			who, err := serviceProvider(t, f).ParseXMLResponse(message, []string{askedID}, *location)
			switch {
			case err != nil:
				assert.NotEqual(t, Accept, r.Expect, "refused: %v", err.(*saml.InvalidResponseError).PrivateErr)
			case r.Expect == Accept:
				assert.Contains(t, subject(who), "alice@corp.test")
			default: // crewjam is a sound party: it must never meet the evil person
				assert.NotContains(t, subject(who), "admin@corp.test")
			}
		})
	}
}

// A wrapping recipe is only worth something if the signature in it still
// verifies, for whoever looks for the element that it refers to.
func TestWrappingKeepsTheSignatureValid(t *testing.T) {
	t.Parallel()
	for _, r := range append(wrappingRecipes(), textRecipes()[:3]...) {
		t.Run(r.Name, func(t *testing.T) {
			t.Parallel()
			f := newForge(t, r.Base)
			d := read(r.Apply(f))
			assert.Contains(t, d.string(), "admin@corp.test")
			require.True(t, somewhereValid(t, f, d), "no signature in this document verifies")
		})
	}
}

func somewhereValid(t *testing.T, f *Forge, d document) bool {
	t.Helper()
	for _, sig := range d.FindElements("//Signature") {
		reference := within(sig, "Reference")
		if reference == nil {
			continue
		}
		id := strings.TrimPrefix(reference.SelectAttrValue("URI", ""), "#")
		for _, el := range d.FindElements("//*[@ID='" + id + "']") {
			// Detached, with that signature put where an enveloped one belongs.
			alone := read([]byte(elementXML(unsigned(el)))).Root()
			s := read([]byte(elementXML(sig))).Root()
			for _, junk := range s.ChildElements() {
				if junk.Tag != "SignedInfo" && junk.Tag != "SignatureValue" && junk.Tag != "KeyInfo" {
					s.RemoveChild(junk)
				}
			}
			alone.InsertChildAt(1, s)
			if verify(t, f, alone) == nil {
				return true
			}
		}
	}
	return false
}

func TestDigestRecipesKeepSignedInfoSigned(t *testing.T) {
	t.Parallel()
	f := newForge(t, SignedAssertion)
	d := read(digestComment(f))
	value := within(d.assertion(), "DigestValue")
	comment, ok := value.Child[0].(*etree.Comment)
	require.True(t, ok)
	evil := f.evilParams()
	assert.Equal(t, evil.digest(evil.assertion("")), comment.Data)
	genuine := f.Params()
	assert.Equal(t, genuine.digest(genuine.assertion("")), value.Text())
	assert.Contains(t, d.string(), "admin@corp.test")
	assert.NotContains(t, d.string(), "alice@corp.test")
}

func TestHandlerAnswersBothBindings(t *testing.T) {
	t.Parallel()
	p := newIdP(t, 0, entity)
	p.SignInAs(Person{Email: "alice@corp.test"})
	request := `<samlp:AuthnRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="id-1" ForceAuthn="true" AssertionConsumerServiceURL="` + acs + `"><saml:Issuer>` + spID + `</saml:Issuer></samlp:AuthnRequest>`

	var deflated bytes.Buffer
	z, _ := flate.NewWriter(&deflated, flate.BestSpeed)
	_, _ = z.Write([]byte(request))
	_ = z.Close()
	get := httptest.NewRequest(http.MethodGet, sso+"?"+url.Values{"SAMLRequest": {base64.StdEncoding.EncodeToString(deflated.Bytes())}, "RelayState": {"req_1"}}.Encode(), nil)
	post := httptest.NewRequest(http.MethodPost, sso, strings.NewReader(url.Values{"SAMLRequest": {base64.StdEncoding.EncodeToString([]byte(request))}, "RelayState": {"req_1"}}.Encode()))
	post.Header.Set("Content-Type", "application/x-www-form-urlencoded")

	for _, r := range []*http.Request{get, post} {
		w := httptest.NewRecorder()
		p.Handler().ServeHTTP(w, r)
		require.Equal(t, http.StatusOK, w.Code, w.Body.String())
		assert.Contains(t, w.Body.String(), `action="`+acs+`"`)
	}
	sent := p.Sent()
	require.Len(t, sent, 2)
	assert.Equal(t, "id-1", sent[0].Request.ID)
	assert.True(t, sent[0].Request.ForceAuthn)
	assert.Equal(t, "req_1", sent[0].RelayState)
	assert.Contains(t, string(sent[0].XML), `InResponseTo="id-1"`)

	launch := httptest.NewRecorder()
	p.Handler().ServeHTTP(launch, httptest.NewRequest(http.MethodGet, p.Launch(ServiceProvider{EntityID: spID, ACS: acs}, "/reports"), nil))
	require.Equal(t, http.StatusOK, launch.Code)
	assert.NotContains(t, string(p.Sent()[2].XML), "InResponseTo")

	bad := httptest.NewRecorder()
	p.Handler().ServeHTTP(bad, httptest.NewRequest(http.MethodGet, sso, nil))
	assert.Equal(t, http.StatusBadRequest, bad.Code)
}

func TestTamperLastsUntilTheNextSignIn(t *testing.T) {
	t.Parallel()
	p := newIdP(t, 0, entity)
	alice, evil := Person{Email: "alice@corp.test"}, Person{Email: "admin@corp.test"}
	p.SignInAs(alice)
	recipe, err := RecipeNamed("RelayState is a foreign URL")
	require.NoError(t, err)
	p.Tamper(recipe, evil, nil)
	req := Request{ID: askedID, SP: ServiceProvider{EntityID: spID, ACS: acs}, RelayState: "req_1"}
	assert.Equal(t, "https://evil.test/landing", p.Respond(req).RelayState)
	p.SignInAs(alice)
	assert.Equal(t, "req_1", p.Respond(req).RelayState)
	p.Change(func(params *Params) { params.Audience = "elsewhere" })
	assert.Contains(t, string(p.Respond(req).XML), "<saml:Audience>elsewhere<")
	_, err = RecipeNamed("no such")
	assert.Error(t, err)
}

func TestKeyFiles(t *testing.T) {
	t.Parallel()
	pair := testKeys()[0]
	dir := t.TempDir()
	keyFile, certFile := filepath.Join(dir, "key.pem"), filepath.Join(dir, "cert.pem")
	require.NoError(t, os.WriteFile(keyFile, pair[0], 0o600))
	require.NoError(t, os.WriteFile(certFile, pair[1], 0o600))
	key, err := LoadKey(keyFile)
	require.NoError(t, err)
	cert, err := LoadCertificate(certFile)
	require.NoError(t, err)
	assert.True(t, key.PublicKey.Equal(cert.PublicKey))
	assert.Len(t, Fingerprint(cert), 64)

	_, err = LoadKey(certFile)
	assert.ErrorContains(t, err, "cert.pem")
	_, err = LoadKey(filepath.Join(dir, "absent.pem"))
	assert.Error(t, err)
	_, err = LoadCertificate(keyFile)
	assert.ErrorContains(t, err, "openssl req")
}

func TestServiceProviderMetadata(t *testing.T) {
	t.Parallel()
	f := newForge(t, SignedAssertion)
	out, err := xml.Marshal(serviceProvider(t, f).Metadata())
	require.NoError(t, err)
	sp, err := ParseServiceProvider(out)
	require.NoError(t, err)
	assert.Equal(t, ServiceProvider{EntityID: spID, ACS: acs}, sp)
	_, err = ParseServiceProvider([]byte("<html/>"))
	assert.Error(t, err)
}
