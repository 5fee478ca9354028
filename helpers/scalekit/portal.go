package scalekit

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// PortalLink opens the admin portal of one organization (spec/api.md 5.1).
type PortalLink struct {
	ID         string    `json:"id"`
	Location   string    `json:"location"`
	ExpireTime time.Time `json:"expire_time"`
}

func portalLinks(organizationID string) string {
	return "/api/v1/organizations/" + url.PathEscape(organizationID) + "/portal_links"
}

// NewPortalLink makes a link to an organization's admin portal, good for one
// use within a minute.
func (c *Client) NewPortalLink(ctx context.Context, organizationID string) (*PortalLink, error) {
	var out struct{ Link PortalLink }
	if err := c.call(ctx, http.MethodPut, portalLinks(organizationID), nil, nil, &out); err != nil {
		return nil, err
	}
	return &out.Link, nil
}

// RevokePortalLink takes a link back. The error may say that API clients may
// not: the call is the dashboard's.
func (c *Client) RevokePortalLink(ctx context.Context, organizationID, id string) error {
	return c.call(ctx, http.MethodDelete, portalLinks(organizationID)+"/"+url.PathEscape(id), nil, nil, nil)
}

// Domain is an e-mail domain of an organization (spec/api.md 5.6).
type Domain struct {
	ID     string `json:"id"`
	Domain string `json:"domain"`
	Status string `json:"verification_status"`
}

// Verified reports whether the domain counts as the organization's.
func (d Domain) Verified() bool { return d.Status == "VERIFIED" || d.Status == "AUTO_VERIFIED" }

func domains(organizationID string) string {
	return "/api/v1/organizations/" + url.PathEscape(organizationID) + "/domains"
}

// Domains lists the e-mail domains of an organization.
func (c *Client) Domains(ctx context.Context, organizationID string) ([]Domain, error) {
	var out struct{ Domains []Domain }
	err := c.call(ctx, http.MethodGet, domains(organizationID), nil, nil, &out)
	return out.Domains, err
}
