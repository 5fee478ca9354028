package scalekit

import (
	"context"
	"net/http"
	"net/url"
)

// NewConnection is what CreateConnection makes: a provider of spec/oauth.md 11,
// such as OKTA or CUSTOM, and SAML or OIDC.
type NewConnection struct {
	Provider string `json:"provider"`
	Type     string `json:"type"`
}

// ConnectionSettings are what UpdateConnection changes; what is nil stays.
type ConnectionSettings struct {
	// AttributeMapping is the whole map: our name to the provider's.
	AttributeMapping map[string]string `json:"attribute_mapping,omitempty"`
	SAML             *SAMLSettings     `json:"saml_config,omitempty"`
	OIDC             *OIDCSettings     `json:"oidc_config,omitempty"`
}

// Provisioning is what happens to the people who come by a connection.
type Provisioning struct {
	Sync *bool `json:"sync_user_profile_on_login,omitempty"`
	JIT  *bool `json:"jit_provisioning_with_sso_enabled,omitempty"`
}

// SAMLSettings are those of a SAML identity provider.
type SAMLSettings struct {
	Provisioning
	IDPEntityID       string        `json:"idp_entity_id,omitempty"`
	IDPSSOURL         string        `json:"idp_sso_url,omitempty"`
	IDPCertificates   []Certificate `json:"idp_certificates,omitempty"`
	AllowIDPInitiated *bool         `json:"allow_idp_initiated_login,omitempty"`
}

// Certificate is an identity provider's, as PEM.
type Certificate struct {
	Certificate string `json:"certificate"`
}

// OIDCSettings are those of an OpenID provider.
type OIDCSettings struct {
	Provisioning
	Issuer       string   `json:"issuer,omitempty"`
	AuthorizeURI string   `json:"authorize_uri,omitempty"`
	TokenURI     string   `json:"token_uri,omitempty"`
	UserInfoURI  string   `json:"user_info_uri,omitempty"`
	JWKSURI      string   `json:"jwks_uri,omitempty"`
	ClientID     string   `json:"client_id,omitempty"`
	ClientSecret string   `json:"client_secret,omitempty"`
	Scopes       []string `json:"scopes,omitempty"`
}

// CreateConnection makes a connection of an organization, which is off until
// EnableConnection (spec/api.md 5.5, preview).
func (c *Client) CreateConnection(ctx context.Context, organizationID string, n NewConnection) (*Connection, error) {
	var out struct{ Connection Connection }
	if err := c.call(ctx, http.MethodPost, connectionsOf(organizationID), nil, n, &out); err != nil {
		return nil, err
	}
	return &out.Connection, nil
}

// UpdateConnection changes the settings of a connection (preview).
func (c *Client) UpdateConnection(ctx context.Context, organizationID, id string, s ConnectionSettings) error {
	return c.call(ctx, http.MethodPatch, connectionsOf(organizationID)+"/"+url.PathEscape(id), nil, s, nil)
}

// EnableConnection switches a connection on or off.
func (c *Client) EnableConnection(ctx context.Context, organizationID, id string, on bool) error {
	verb := ":disable"
	if on {
		verb = ":enable"
	}
	return c.call(ctx, http.MethodPatch, connectionsOf(organizationID)+"/"+url.PathEscape(id)+verb, nil, nil, nil)
}

// DeleteConnection deletes a connection. One that is gone already is no error.
func (c *Client) DeleteConnection(ctx context.Context, organizationID, id string) error {
	return gone(c.call(ctx, http.MethodDelete, connectionsOf(organizationID)+"/"+url.PathEscape(id), nil, nil, nil))
}

func connectionsOf(organizationID string) string {
	return "/api/v1/organizations/" + url.PathEscape(organizationID) + "/connections"
}

// RegisterDomain makes a domain one of the organization's own: people with such
// an address belong to its connections (spec/api.md 5.6, ORGANIZATION_DOMAIN).
func (c *Client) RegisterDomain(ctx context.Context, organizationID, domain string) error {
	return c.call(ctx, http.MethodPost, "/api/v1/organizations/"+url.PathEscape(organizationID)+"/domains", nil,
		map[string]string{"domain": domain, "domain_type": "ORGANIZATION_DOMAIN"}, nil)
}

// SetMembershipStatus switches a membership on (ACTIVE) or off (INACTIVE), where
// the environment's API takes that; it returns the status that results.
func (c *Client) SetMembershipStatus(ctx context.Context, organizationID, userID, status string) (now string, err error) {
	path := "/api/v1/memberships/organizations/" + url.PathEscape(organizationID) + "/users/" + url.PathEscape(userID)
	user, err := c.user(ctx, http.MethodPatch, path, nil, map[string]string{"membership_status": status})
	if err != nil {
		return "", err
	}
	return user.StatusIn(organizationID), nil
}

// RolesIn returns the names of the person's roles in an organization.
func (u *User) RolesIn(organizationID string) (names []string) {
	for _, m := range u.Memberships {
		if m.OrganizationID != organizationID {
			continue
		}
		for _, role := range m.Roles {
			names = append(names, role.Name)
		}
	}
	return names
}

// StatusIn returns the person's standing in an organization; "" for none.
func (u *User) StatusIn(organizationID string) string {
	for _, m := range u.Memberships {
		if m.OrganizationID == organizationID {
			return m.Status
		}
	}
	return ""
}
