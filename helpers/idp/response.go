package idp

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // a response with a weak digest is one of the probes
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"maps"
	"slices"
	"time"
)

// Person is who the identity provider says is at the browser.
type Person struct {
	Email, GivenName, FamilyName string
	Groups                       []string
	// Attributes are sent beside the standard ones, under these names.
	Attributes map[string][]string
	// NameID is the subject; "" : the e-mail address.
	NameID string
	// NameIDFormat is a full URN; "" : emailAddress.
	NameIDFormat string
	// HideEmail leaves the e-mail attribute out, as a badly set-up provider does.
	HideEmail bool
}

// Base is which parts of a response carry a signature.
type Base string

const (
	SignedAssertion Base = "A"
	SignedResponse  Base = "R"
	SignedBoth      Base = "AR"
)

// NameID formats and status codes (saml-core §8.3, §3.2.2.2).
const (
	NameIDEmail       = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
	NameIDUnspecified = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
	NameIDPersistent  = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
	NameIDTransient   = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"

	StatusSuccess     = "urn:oasis:names:tc:SAML:2.0:status:Success"
	StatusResponder   = "urn:oasis:names:tc:SAML:2.0:status:Responder"
	StatusAuthnFailed = "urn:oasis:names:tc:SAML:2.0:status:AuthnFailed"

	methodBearer       = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
	methodSenderVouch  = "urn:oasis:names:tc:SAML:2.0:cm:sender-vouches"
	formatBasic        = "urn:oasis:names:tc:SAML:2.0:attrname-format:basic"
	contextPassword    = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"
	algExclusive       = "http://www.w3.org/2001/10/xml-exc-c14n#"
	algEnveloped       = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
	algRSASHA256       = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
	algRSASHA1         = "http://www.w3.org/2000/09/xmldsig#rsa-sha1"
	algSHA256          = "http://www.w3.org/2001/04/xmlenc#sha256"
	algSHA1            = "http://www.w3.org/2000/09/xmldsig#sha1"
	samlTime           = "2006-01-02T15:04:05Z"
	assertionLife      = 5 * time.Minute
	authenticationLead = 30 * time.Second
)

// Params is everything a response says. IdP.Params fills all of it for a
// correct answer; a probe changes one field. A field left empty is left out of
// the message.
type Params struct {
	Person Person
	Base   Base

	ResponseID, AssertionID string
	// Issuer of the response and of the assertion.
	Issuer, AssertionIssuer string
	Destination             string // of the response
	Recipient               string // of the subject confirmation
	Audience                string // "" : no AudienceRestriction
	InResponseTo            string // of the response
	ConfirmInResponseTo     string // of the subject confirmation
	ConfirmMethod           string
	IssueInstant            time.Time
	NotBefore, NotOnOrAfter time.Time // Conditions
	ConfirmNotOnOrAfter     time.Time // subject confirmation
	Status, SubStatus       string    // with a Status other than Success there is no assertion
	AssertAnyway            bool      // but with this there is

	// SHA1 signs with rsa-sha1 and digests with sha1.
	SHA1 bool
	// Key signs, Certificate is shown in KeyInfo (nil: no KeyInfo).
	Key         *rsa.PrivateKey
	Certificate *x509.Certificate
}

// XML returns the response, signed as Base says. The octets of every signed
// part are written in exclusive canonical form.
func (p Params) XML() []byte {
	assertion := ""
	if p.Status == StatusSuccess || p.AssertAnyway {
		assertion = p.assertion("")
		if p.Base != SignedResponse {
			assertion = p.assertion(p.sign(p.AssertionID, assertion))
		}
	}
	response := p.response("", assertion)
	if p.Base != SignedAssertion {
		response = p.response(p.sign(p.ResponseID, response), assertion)
	}
	return []byte(response)
}

// response writes samlp:Response around an assertion; signature may be "".
func (p Params) response(signature, assertion string) string {
	code := tag("samlp:StatusCode", attrs{"Value": p.Status})
	if p.SubStatus != "" {
		code = tag("samlp:StatusCode", attrs{"Value": p.Status}, tag("samlp:StatusCode", attrs{"Value": p.SubStatus}))
	}
	issuer := ""
	if p.Issuer != "" {
		issuer = tag("saml:Issuer", attrs{"xmlns:saml": nsAssertion}, text(p.Issuer))
	}
	return tag("samlp:Response", attrs{
		"xmlns:samlp": nsProtocol, "ID": p.ResponseID, "Version": "2.0",
		"IssueInstant": instant(p.IssueInstant), "Destination": p.Destination, "InResponseTo": p.InResponseTo,
	}, issuer, signature, tag("samlp:Status", nil, code), assertion)
}

// assertion writes saml:Assertion; signature may be "". It declares its own
// namespace, so that it can be moved without breaking its digest.
func (p Params) assertion(signature string) string {
	nameID, format := p.Person.NameID, p.Person.NameIDFormat
	if nameID == "" {
		nameID = p.Person.Email
	}
	if format == "" {
		format = NameIDEmail
	}
	audience := ""
	if p.Audience != "" {
		audience = tag("saml:AudienceRestriction", nil, tag("saml:Audience", nil, text(p.Audience)))
	}
	statement := ""
	if attributes := p.attributes(); attributes != "" {
		statement = tag("saml:AttributeStatement", nil, attributes)
	}
	return tag("saml:Assertion", attrs{
		"xmlns:saml": nsAssertion, "ID": p.AssertionID, "Version": "2.0", "IssueInstant": instant(p.IssueInstant),
	},
		tag("saml:Issuer", nil, text(p.AssertionIssuer)),
		signature,
		tag("saml:Subject", nil,
			tag("saml:NameID", attrs{"Format": format}, text(nameID)),
			tag("saml:SubjectConfirmation", attrs{"Method": p.ConfirmMethod},
				tag("saml:SubjectConfirmationData", attrs{
					"InResponseTo": p.ConfirmInResponseTo, "NotOnOrAfter": instant(p.ConfirmNotOnOrAfter), "Recipient": p.Recipient,
				}))),
		tag("saml:Conditions", attrs{"NotBefore": instant(p.NotBefore), "NotOnOrAfter": instant(p.NotOnOrAfter)}, audience),
		tag("saml:AuthnStatement", attrs{
			"AuthnInstant": instant(p.IssueInstant.Add(-authenticationLead)), "SessionIndex": "_s" + p.AssertionID,
		}, tag("saml:AuthnContext", nil, tag("saml:AuthnContextClassRef", nil, contextPassword))),
		statement,
	)
}

// attributes writes the person's attributes in a fixed order.
func (p Params) attributes() (out string) {
	add := func(name string, values ...string) {
		content := ""
		for _, v := range values {
			content += tag("saml:AttributeValue", nil, text(v))
		}
		out += tag("saml:Attribute", attrs{"Name": name, "NameFormat": formatBasic}, content)
	}
	who := p.Person
	if !who.HideEmail && who.Email != "" {
		add("email", who.Email)
	}
	if who.GivenName != "" {
		add("given_name", who.GivenName)
	}
	if who.FamilyName != "" {
		add("family_name", who.FamilyName)
	}
	if len(who.Groups) > 0 {
		add("groups", who.Groups...)
	}
	for _, name := range slices.Sorted(maps.Keys(who.Attributes)) {
		add(name, who.Attributes[name]...)
	}
	return out
}

// sign returns a ds:Signature over an element that is written in canonical
// form and known by its ID (enveloped, exclusive C14N, RSA).
func (p Params) sign(id, canonical string) string {
	return p.signature(id, p.digest(canonical))
}

// signature returns a ds:Signature whose reference has the given digest.
func (p Params) signature(id, digest string) string {
	// Inside ds:Signature the prefix is declared already; as the octets that
	// are signed, SignedInfo stands alone and declares it itself.
	value, err := p.rsa(p.signedInfo(id, digest, attrs{"xmlns:ds": nsSignature}))
	if err != nil {
		// Only a broken key gets here, and LoadKey has refused those.
		panic("idp: RSA signature: " + err.Error())
	}
	keyInfo := ""
	if p.Certificate != nil {
		keyInfo = tag("ds:KeyInfo", nil, tag("ds:X509Data", nil, tag("ds:X509Certificate", nil,
			base64.StdEncoding.EncodeToString(p.Certificate.Raw))))
	}
	return tag("ds:Signature", attrs{"xmlns:ds": nsSignature},
		p.signedInfo(id, digest, nil),
		tag("ds:SignatureValue", nil, base64.StdEncoding.EncodeToString(value)),
		keyInfo)
}

func (p Params) signedInfo(id, digest string, declare attrs) string {
	method, digestMethod := algRSASHA256, algSHA256
	if p.SHA1 {
		method, digestMethod = algRSASHA1, algSHA1
	}
	return tag("ds:SignedInfo", declare,
		tag("ds:CanonicalizationMethod", attrs{"Algorithm": algExclusive}),
		tag("ds:SignatureMethod", attrs{"Algorithm": method}),
		tag("ds:Reference", attrs{"URI": "#" + id},
			tag("ds:Transforms", nil,
				tag("ds:Transform", attrs{"Algorithm": algEnveloped}),
				tag("ds:Transform", attrs{"Algorithm": algExclusive})),
			tag("ds:DigestMethod", attrs{"Algorithm": digestMethod}),
			tag("ds:DigestValue", nil, digest)))
}

// digest returns the base64 digest of canonical octets.
func (p Params) digest(canonical string) string {
	if p.SHA1 {
		sum := sha1.Sum([]byte(canonical)) //nolint:gosec // see the import
		return base64.StdEncoding.EncodeToString(sum[:])
	}
	sum := sha256.Sum256([]byte(canonical))
	return base64.StdEncoding.EncodeToString(sum[:])
}

func (p Params) rsa(signed string) ([]byte, error) {
	if p.SHA1 {
		sum := sha1.Sum([]byte(signed)) //nolint:gosec // see the import
		return rsa.SignPKCS1v15(rand.Reader, p.Key, crypto.SHA1, sum[:])
	}
	sum := sha256.Sum256([]byte(signed))
	return rsa.SignPKCS1v15(rand.Reader, p.Key, crypto.SHA256, sum[:])
}

// instant writes a time as SAML does, or "" for the zero time.
func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(samlTime)
}

// newID returns a fresh XML ID (NCName: it must not begin with a digit).
func newID() string {
	b := make([]byte, 20)
	_, _ = rand.Read(b) // never fails since Go 1.24
	return "_" + hex.EncodeToString(b)
}
