package scalekit

import (
	"context"
	"net/http"
	"net/url"
)

// Connection is a way to sign in: an organization's identity provider, or a
// social provider or method of the environment (spec/api.md 5.5).
type Connection struct {
	ID             string `json:"id"`
	Provider       string `json:"provider"`
	Type           string `json:"type"`
	Status         string `json:"status"`
	Enabled        bool   `json:"enabled"`
	OrganizationID string `json:"organization_id"`

	SAML *SAMLConfig `json:"saml_config,omitempty"`
	OIDC *OIDCConfig `json:"oidc_config,omitempty"`
}

// OIDCConfig is the part of an OIDC connection that an OpenID provider needs.
type OIDCConfig struct {
	RedirectURI string `json:"redirect_uri"`
}

// SAMLConfig is the part of a SAML connection that an identity provider needs.
type SAMLConfig struct {
	SPEntityID           string `json:"sp_entity_id"`
	SPAssertionURL       string `json:"sp_assertion_url"` // ACS
	SPMetadataURL        string `json:"sp_metadata_url"`
	IDPEntityID          string `json:"idp_entity_id"`
	IDPSSOURL            string `json:"idp_sso_url"`
	AllowIDPInitiated    bool   `json:"allow_idp_initiated_login"`
	DefaultRedirectURI   string `json:"default_redirect_uri"`
	IDPSSORequestBinding string `json:"idp_sso_request_binding"`
}

// ListConnections lists an organization's connections; with "" those of the
// whole environment.
func (c *Client) ListConnections(ctx context.Context, organizationID string) ([]Connection, error) {
	query := url.Values{"include": {"all"}}
	if organizationID != "" {
		query = url.Values{"organization_id": {organizationID}}
	}
	var out struct{ Connections []Connection }
	if err := c.call(ctx, http.MethodGet, "/api/v1/connections", query, nil, &out); err != nil {
		return nil, err
	}
	return out.Connections, nil
}

// GetConnection returns one connection of an organization with its settings.
func (c *Client) GetConnection(ctx context.Context, organizationID, id string) (*Connection, error) {
	var out struct{ Connection Connection }
	path := "/api/v1/organizations/" + url.PathEscape(organizationID) + "/connections/" + url.PathEscape(id)
	if err := c.call(ctx, http.MethodGet, path, nil, nil, &out); err != nil {
		return nil, err
	}
	return &out.Connection, nil
}
