package scalekit

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// Organization is an organization of the environment (spec/api.md 5.1).
type Organization struct {
	ID          string            `json:"id"`
	DisplayName string            `json:"display_name"`
	ExternalID  string            `json:"external_id"`
	Metadata    map[string]string `json:"metadata"`
	CreateTime  time.Time         `json:"create_time"`
}

// NewOrganization is what CreateOrganization sends. DisplayName: 1 to 200
// characters; Metadata: at most 10 pairs.
type NewOrganization struct {
	DisplayName string            `json:"display_name"`
	ExternalID  string            `json:"external_id,omitempty"`
	Metadata    map[string]string `json:"metadata,omitempty"`
}

// CreateOrganization makes an organization.
func (c *Client) CreateOrganization(ctx context.Context, o NewOrganization) (*Organization, error) {
	var out struct{ Organization Organization }
	err := c.call(ctx, http.MethodPost, "/api/v1/organizations", nil, o, &out)
	if err != nil {
		return nil, err
	}
	return &out.Organization, nil
}

// GetOrganization returns one organization; IsNotFound tells a missing one.
func (c *Client) GetOrganization(ctx context.Context, id string) (*Organization, error) {
	var out struct{ Organization Organization }
	if err := c.call(ctx, http.MethodGet, "/api/v1/organizations/"+url.PathEscape(id), nil, nil, &out); err != nil {
		return nil, err
	}
	return &out.Organization, nil
}

// DeleteOrganization deletes an organization with its memberships. One that is
// gone already is no error.
func (c *Client) DeleteOrganization(ctx context.Context, id string) error {
	return gone(c.call(ctx, http.MethodDelete, "/api/v1/organizations/"+url.PathEscape(id), nil, nil, nil))
}

// FindOrganization returns the organization that was made with this external id;
// nil without an error where there is none.
func (c *Client) FindOrganization(ctx context.Context, externalID string) (*Organization, error) {
	var out struct{ Organization Organization }
	err := c.call(ctx, http.MethodGet, "/api/v1/organizations:external/"+url.PathEscape(externalID), nil, nil, &out)
	switch {
	case IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return &out.Organization, nil
}

// DeleteOrganizationByExternalID deletes the organization that was made with
// this external id, also when the answer to its creation never came. None is no
// error.
func (c *Client) DeleteOrganizationByExternalID(ctx context.Context, externalID string) error {
	found, err := c.FindOrganization(ctx, externalID)
	if err != nil || found == nil {
		return err
	}
	return c.DeleteOrganization(ctx, found.ID)
}

// DeleteOrganizationIfEmpty deletes an organization that has no member left,
// as one that a sign-up made silently. One with members stays.
func (c *Client) DeleteOrganizationIfEmpty(ctx context.Context, id string) error {
	var out struct{ Users []User }
	path := "/api/v1/organizations/" + url.PathEscape(id) + "/users"
	if err := c.call(ctx, http.MethodGet, path, url.Values{"page_size": {"1"}}, nil, &out); err != nil {
		return gone(err)
	}
	if len(out.Users) > 0 {
		return nil
	}
	return c.DeleteOrganization(ctx, id)
}

// SetSessionLimits gives an organization limits of its own for sessions that
// begin from now on (spec/api.md 5.1): whole minutes, idle below absolute. Where
// the environment refuses them, the organization's feature for it is switched on
// first. The error also says that the environment answered well and has other
// limits now.
func (c *Client) SetSessionLimits(ctx context.Context, orgID string, absolute, idle time.Duration) error {
	organization := "/api/v1/organizations/" + url.PathEscape(orgID)
	wanted := map[string]any{
		"policy_source": "CUSTOM", "absolute_session_timeout": int(absolute.Minutes()), "absolute_session_timeout_unit": "MINUTES",
		"idle_session_timeout_enabled": true, "idle_session_timeout": int(idle.Minutes()), "idle_session_timeout_unit": "MINUTES",
	}
	set := func() error {
		return c.call(ctx, http.MethodPatch, organization+"/session-policy", nil, wanted, nil)
	}
	err := set()
	if IsRefusal(err) || hasStatus(err, http.StatusForbidden) {
		feature := map[string]any{"features": []any{map[string]any{"name": "session_policy", "enabled": true}}}
		if c.call(ctx, http.MethodPatch, organization+"/settings", nil, feature, nil) == nil {
			err = set()
		}
	}
	if err != nil {
		return err
	}
	var now struct {
		Policy struct {
			Source   string `json:"policy_source"`
			Absolute int    `json:"absolute_session_timeout"`
			Unit     string `json:"absolute_session_timeout_unit"`
			Idle     int    `json:"idle_session_timeout"`
		} `json:"policy"`
	}
	err = c.call(ctx, http.MethodGet, organization+"/session-policy", nil, nil, &now)
	if p := now.Policy; err == nil && (p.Source != "CUSTOM" || p.Absolute != int(absolute.Minutes()) || p.Unit != "MINUTES" || p.Idle != int(idle.Minutes())) {
		err = fmt.Errorf("the environment took a session policy of %s and %s idle, and says %+v", absolute, idle, p)
	}
	return err
}

// gone makes peace with a deletion that came too late.
func gone(err error) error {
	if IsNotFound(err) {
		return nil
	}
	return err
}

// RenameOrganization changes what an organization is called.
func (c *Client) RenameOrganization(ctx context.Context, id, displayName string) error {
	return c.call(ctx, http.MethodPatch, "/api/v1/organizations/"+url.PathEscape(id), nil, map[string]string{"display_name": displayName}, nil)
}

// Members lists the people of an organization, of any status.
func (c *Client) Members(ctx context.Context, organizationID string) ([]User, error) {
	path := "/api/v1/organizations/" + url.PathEscape(organizationID) + "/users"
	return pages(ctx, c, path, url.Values{}, "users", func(u User) string { return u.ID })
}

// AllowDomain lets people with an address of a domain join an organization
// (spec/api.md 5.6), and returns the id of that rule.
func (c *Client) AllowDomain(ctx context.Context, organizationID, domain string) (id string, err error) {
	var out struct {
		Domain struct {
			ID string `json:"id"`
		}
	}
	path := "/api/v1/organizations/" + url.PathEscape(organizationID) + "/domains"
	err = c.call(ctx, http.MethodPost, path, nil, map[string]string{"domain": domain, "domain_type": "ALLOWED_EMAIL_DOMAIN"}, &out)
	return out.Domain.ID, err
}

// DeleteDomain takes a domain from an organization, of either type.
func (c *Client) DeleteDomain(ctx context.Context, organizationID, id string) error {
	return gone(c.call(ctx, http.MethodDelete, "/api/v1/organizations/"+url.PathEscape(organizationID)+"/domains/"+url.PathEscape(id), nil, nil, nil))
}
