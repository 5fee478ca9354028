package scalekit

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/auth-preflight/auth-preflight/helpers/pace"
)

// Discovery is the part of the discovery document that the suite reads
// (OpenID Connect Discovery 1.0, 3); Raw is all of it.
type Discovery struct {
	Issuer                string   `json:"issuer"`
	AuthorizationEndpoint string   `json:"authorization_endpoint"`
	TokenEndpoint         string   `json:"token_endpoint"`
	UserinfoEndpoint      string   `json:"userinfo_endpoint"`
	RevocationEndpoint    string   `json:"revocation_endpoint"`
	IntrospectionEndpoint string   `json:"introspection_endpoint"`
	EndSessionEndpoint    string   `json:"end_session_endpoint"`
	JWKSURI               string   `json:"jwks_uri"`
	ChallengeMethods      []string `json:"code_challenge_methods_supported"`

	Raw map[string]any `json:"-"`
}

// Discovery fetches the discovery document.
func (c *Client) Discovery(ctx context.Context) (*Discovery, error) {
	var d Discovery
	text, err := c.get(ctx, "/.well-known/openid-configuration", &d)
	if err != nil {
		return nil, err
	}
	return &d, json.Unmarshal(text, &d.Raw)
}

// get fetches public JSON.
func (c *Client) get(ctx context.Context, path string, out any) ([]byte, error) {
	address := c.base + path
	a, err := c.send(ctx, http.MethodGet, address, "", nil, nil)
	if err != nil {
		return nil, err
	}
	if a.status != http.StatusOK {
		return nil, newError(http.MethodGet, address, a)
	}
	if err := json.Unmarshal(a.body, out); err != nil {
		return nil, fmt.Errorf("GET %s answered what is not JSON: %w", address, err)
	}
	return a.body, nil
}

// TokenAnswer is what the token endpoint said, good or bad: the tokens
// (RFC 6749, 5.1) or Error (5.2).
type TokenAnswer struct {
	Status int         `json:"-"`
	Header http.Header `json:"-"`
	Raw    []byte      `json:"-"`

	Error            string `json:"error"`
	ErrorDescription string `json:"error_description"`

	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	IDToken      string `json:"id_token"`
	RefreshToken string `json:"refresh_token"`
	Scope        string `json:"scope"`
	ExpiresIn    int    `json:"expires_in"` // seconds
}

// Exchange posts form to the token endpoint, exactly as it is, and returns the
// answer whatever it says. The error is for the network, and for an answer
// that is no JSON. Client credentials go into the form, or into Basic.
func (c *Client) Exchange(ctx context.Context, form url.Values, options ...ExchangeOption) (*TokenAnswer, error) {
	return c.ExchangeAt(ctx, c.base+"/oauth/token", form, options...)
}

// ExchangeAt is Exchange at another token endpoint, such as that of an MCP
// server's authorization server (spec/mcp.md 3).
func (c *Client) ExchangeAt(ctx context.Context, address string, form url.Values, options ...ExchangeOption) (*TokenAnswer, error) {
	header := http.Header{}
	for _, option := range options {
		option(header)
	}
	a, err := c.send(ctx, http.MethodPost, address, "application/x-www-form-urlencoded", []byte(form.Encode()), header)
	if err != nil {
		return nil, err
	}
	t := &TokenAnswer{Status: a.status, Header: a.header, Raw: a.body}
	if err := json.Unmarshal(a.body, t); err != nil {
		return t, fmt.Errorf("POST %s answered HTTP %d without the JSON of RFC 6749, section 5", address, a.status)
	}
	return t, nil
}

// ExchangeOption changes how a token request is sent.
type ExchangeOption func(http.Header)

// Basic authenticates the client by HTTP Basic (RFC 6749, 2.3.1).
func Basic(clientID, clientSecret string) ExchangeOption {
	return func(h http.Header) {
		r := http.Request{Header: h}
		r.SetBasicAuth(url.QueryEscape(clientID), url.QueryEscape(clientSecret))
	}
}

// Token obtains a machine token (client credentials) for the management API.
// It asks every time, so it shows whether the credentials are good; a refusal
// is an *Error.
func (c *Client) Token(ctx context.Context) (*TokenAnswer, error) {
	t, err := c.Exchange(ctx, url.Values{
		"grant_type": {"client_credentials"}, "client_id": {c.clientID}, "client_secret": {c.clientSecret},
	})
	if err != nil {
		return nil, err
	}
	if t.Status != http.StatusOK || t.AccessToken == "" {
		return nil, newError(http.MethodPost, c.base+"/oauth/token", answer{t.Status, t.Header, t.Raw})
	}
	return t, nil
}

// machineToken keeps one machine token for all management calls.
func (c *Client) machineToken(ctx context.Context, fresh bool) (string, error) {
	resume := pace.Pause(ctx) // whoever asks for the token now may have to wait
	c.mu.Lock()
	resume()
	defer c.mu.Unlock()
	const margin = 30 * time.Second
	if c.machine != nil && !fresh && time.Until(c.expires) > margin {
		return c.machine.AccessToken, nil
	}
	t, err := c.Token(ctx)
	if err != nil {
		return "", err
	}
	c.machine, c.expires = t, time.Now().Add(time.Duration(t.ExpiresIn)*time.Second)
	return t.AccessToken, nil
}

// AuthorizeURL is the address that starts an authorization request with
// parameters, which are sent as they are (spec/oauth.md 2.1).
func (c *Client) AuthorizeURL(parameters url.Values) string {
	return withQuery(c.base+"/oauth/authorize", parameters)
}

// LogoutURL is the address that ends the environment's session in the browser
// that navigates to it (spec/oauth.md 6).
func (c *Client) LogoutURL(parameters url.Values) string {
	return withQuery(c.base+"/oidc/logout", parameters)
}

func withQuery(address string, query url.Values) string {
	if len(query) == 0 {
		return address
	}
	return address + "?" + query.Encode()
}

// UserInfo asks /userinfo with an access token. It returns the HTTP status and
// the claims; claims are nil where the answer is no JSON object.
func (c *Client) UserInfo(ctx context.Context, accessToken string) (status int, claims map[string]any, err error) {
	a, err := c.send(ctx, http.MethodGet, c.base+"/userinfo", "", nil, http.Header{"Authorization": {"Bearer " + accessToken}})
	if err != nil {
		return 0, nil, err
	}
	if json.Unmarshal(a.body, &claims) != nil {
		claims = nil
	}
	return a.status, claims, nil
}

// Revoke posts form to /revoke (RFC 7009) and returns the HTTP status.
func (c *Client) Revoke(ctx context.Context, form url.Values) (status int, err error) {
	a, err := c.send(ctx, http.MethodPost, c.base+"/revoke", "application/x-www-form-urlencoded", []byte(form.Encode()), nil)
	return a.status, err
}
