package mcp

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
)

// Client is who a client says it is to an authorization server.
type Client struct {
	ID           string   `json:"client_id"`
	Name         string   `json:"client_name"`
	RedirectURIs []string `json:"redirect_uris"`
}

// Redirect is the redirect URI that the client uses.
func (c *Client) Redirect() string {
	if len(c.RedirectURIs) == 0 {
		return ""
	}
	return c.RedirectURIs[0]
}

// Published reads the metadata document at a client id that is an address
// (OAuth Client ID Metadata Document).
func Published(ctx context.Context, hc *http.Client, id string) (*Client, error) {
	var c Client
	if err := document(ctx, hc, id, &c); err != nil {
		return nil, err
	}
	if c.ID != id {
		return nil, fmt.Errorf("the document at %s names the client id %q: it must name its own address", id, c.ID)
	}
	if c.Redirect() == "" {
		return nil, fmt.Errorf("the document at %s has no redirect_uris", id)
	}
	return &c, nil
}

// Register asks for a registration (RFC 7591 §3) of a public client and returns
// the answer and, if it is good, the client.
func (s *Server) Register(ctx context.Context, hc *http.Client, name string, redirectURIs ...string) (*Client, *Answer, error) {
	body, err := json.Marshal(map[string]any{
		"client_name": name, "redirect_uris": redirectURIs, "token_endpoint_auth_method": "none",
		"grant_types": []string{"authorization_code", "refresh_token"}, "response_types": []string{"code"},
	})
	if err != nil {
		return nil, nil, err
	}
	a, err := send(ctx, hc, http.MethodPost, s.Registration, body, http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json"}})
	if err != nil || a.Status/100 != 2 {
		return nil, a, err
	}
	var c Client
	if err := json.Unmarshal(a.Body, &c); err != nil || c.ID == "" {
		return nil, a, fmt.Errorf("the registration at %s was answered without a client_id: %s", s.Registration, a)
	}
	if c.Redirect() == "" {
		c.RedirectURIs = redirectURIs
	}
	c.Name = name
	return &c, a, nil
}

// Request is an authorization request of a client for a server.
type Request struct {
	Parameters url.Values
	PKCE       scalekit.PKCE
}

// NewRequest makes a request with everything that MCP asks for: PKCE, state,
// and the resource (RFC 8707).
func (d *Discovery) NewRequest(c *Client, scopes ...string) *Request {
	pkce := scalekit.NewPKCE()
	return &Request{PKCE: pkce, Parameters: url.Values{
		"response_type": {"code"}, "client_id": {c.ID}, "redirect_uri": {c.Redirect()}, "scope": {strings.Join(scopes, " ")},
		"state": {scalekit.NewNonce()}, "code_challenge": {pkce.Challenge}, "code_challenge_method": {"S256"}, "resource": {d.Resource.Resource},
	}}
}

// URL is the address that begins the request.
func (r *Request) URL(s *Server) string {
	separator := "?"
	if strings.Contains(s.Authorization, "?") {
		separator = "&"
	}
	return s.Authorization + separator + r.Parameters.Encode()
}

// Redemption is the form that trades a code for tokens.
func (r *Request) Redemption(code string) url.Values {
	return url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": r.Parameters["redirect_uri"], "client_id": r.Parameters["client_id"],
		"code_verifier": {r.PKCE.Verifier}, "resource": r.Parameters["resource"],
	}
}

// Refresh is the form that trades a refresh token for new tokens.
func (d *Discovery) Refresh(c *Client, refreshToken string) url.Values {
	return url.Values{
		"grant_type": {"refresh_token"}, "refresh_token": {refreshToken}, "client_id": {c.ID}, "resource": {d.Resource.Resource},
	}
}

// ResourceID is the environment's id of the server (res_…), by which its
// management API knows it; "" if the metadata does not say it.
func (d *Discovery) ResourceID() string {
	for _, part := range strings.Split(d.Server.Issuer, "/") {
		if strings.HasPrefix(part, "res_") {
			return part
		}
	}
	return ""
}
