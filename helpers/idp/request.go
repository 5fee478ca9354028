package idp

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/beevik/etree"
)

// maxMessage bounds a SAML message, so that a hostile one cannot fill memory.
const maxMessage = 1 << 20

// ServiceProvider is who a response is for.
type ServiceProvider struct {
	EntityID string // also the Audience
	ACS      string // the assertion consumer service: Destination and Recipient
}

// Request is a service provider's AuthnRequest (saml-core §3.4.1), as far as
// an answer needs it.
type Request struct {
	ID         string // "" : there was none, the response is unsolicited
	SP         ServiceProvider
	RelayState string
	ForceAuthn bool
	XML        []byte
}

// ReadRequest reads the AuthnRequest from a browser's request by the HTTP-POST
// or the HTTP-Redirect binding (saml-bindings §3.4, §3.5). The error says what
// the service provider got wrong.
func ReadRequest(r *http.Request) (Request, error) {
	encoded := r.FormValue("SAMLRequest")
	if encoded == "" {
		return Request{}, fmt.Errorf("there is no SAMLRequest in this %s to the identity provider", r.Method)
	}
	raw, err := base64.StdEncoding.DecodeString(strings.NewReplacer("\r", "", "\n", "", " ", "+").Replace(encoded))
	if err != nil {
		return Request{}, fmt.Errorf("the SAMLRequest is not base64: %w", err)
	}
	if r.Method == http.MethodGet {
		inflated, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(raw)), maxMessage))
		if err != nil {
			return Request{}, fmt.Errorf("the SAMLRequest of the Redirect binding is not deflated: %w", err)
		}
		raw = inflated
	}
	req, err := parseRequest(raw)
	req.RelayState = r.FormValue("RelayState")
	return req, err
}

func parseRequest(raw []byte) (Request, error) {
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(raw); err != nil {
		return Request{}, fmt.Errorf("the AuthnRequest is not well-formed: %w", err)
	}
	root := doc.Root()
	if root == nil || root.Tag != "AuthnRequest" || root.NamespaceURI() != nsProtocol {
		return Request{}, fmt.Errorf("the SAMLRequest holds no samlp:AuthnRequest")
	}
	req := Request{
		ID:         root.SelectAttrValue("ID", ""),
		ForceAuthn: root.SelectAttrValue("ForceAuthn", "") == "true",
		XML:        raw,
	}
	req.SP.ACS = root.SelectAttrValue("AssertionConsumerServiceURL", "")
	if issuer := root.SelectElement("Issuer"); issuer != nil {
		req.SP.EntityID = strings.TrimSpace(issuer.Text())
	}
	switch {
	case req.ID == "":
		return req, fmt.Errorf("the AuthnRequest has no ID")
	case req.SP.ACS == "":
		return req, fmt.Errorf("the AuthnRequest names no AssertionConsumerServiceURL; this identity provider needs one")
	case req.SP.EntityID == "":
		return req, fmt.Errorf("the AuthnRequest has no Issuer")
	}
	return req, nil
}

// ParseServiceProvider reads entity id and assertion consumer service from a
// service provider's SAML metadata.
func ParseServiceProvider(metadata []byte) (ServiceProvider, error) {
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(metadata); err != nil {
		return ServiceProvider{}, fmt.Errorf("the service provider's metadata is not well-formed: %w", err)
	}
	root := doc.Root()
	if root == nil || root.Tag != "EntityDescriptor" {
		return ServiceProvider{}, fmt.Errorf("the service provider's metadata has no EntityDescriptor")
	}
	sp := ServiceProvider{EntityID: root.SelectAttrValue("entityID", "")}
	for _, el := range root.FindElements("./SPSSODescriptor/AssertionConsumerService") {
		if sp.ACS == "" || el.SelectAttrValue("isDefault", "") == "true" {
			sp.ACS = el.SelectAttrValue("Location", "")
		}
	}
	if sp.EntityID == "" || sp.ACS == "" {
		return sp, fmt.Errorf("the service provider's metadata lacks an entityID or an AssertionConsumerService")
	}
	return sp, nil
}
