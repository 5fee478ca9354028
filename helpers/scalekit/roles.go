package scalekit

import (
	"context"
	"net/http"
	"net/url"
)

// FullRole is a role with all that the environment says of it (spec/api.md 5.3).
type FullRole struct {
	ID             string       `json:"id,omitempty"`
	Name           string       `json:"name"`
	DisplayName    string       `json:"display_name,omitempty"`
	Extends        string       `json:"extends,omitempty"`
	DefaultCreator bool         `json:"default_creator,omitempty"`
	DefaultMember  bool         `json:"default_member,omitempty"`
	IsOrgRole      bool         `json:"is_org_role,omitempty"`
	Permissions    []Permission `json:"permissions,omitempty"`
}

// Permission is a permission of the environment.
type Permission struct {
	ID   string `json:"id,omitempty"`
	Name string `json:"name"`
}

// NewRole is what CreateRole makes. Name: letters, digits and _, at most 64;
// Permissions, by name, exist already.
type NewRole struct {
	Name        string   `json:"name"`
	DisplayName string   `json:"display_name,omitempty"`
	Description string   `json:"description,omitempty"`
	Extends     string   `json:"extends,omitempty"`
	Permissions []string `json:"permissions,omitempty"`
}

// rolesPath is where the roles of an organization are, or those of the
// environment where organizationID is empty.
func rolesPath(organizationID string) string {
	if organizationID == "" {
		return "/api/v1/roles"
	}
	return "/api/v1/organizations/" + url.PathEscape(organizationID) + "/roles"
}

// Roles lists the roles that exist in an organization, its own and the
// environment's, or without organizationID the environment's alone.
func (c *Client) Roles(ctx context.Context, organizationID string) ([]FullRole, error) {
	var out struct{ Roles []FullRole }
	err := c.call(ctx, http.MethodGet, rolesPath(organizationID), nil, nil, &out)
	return out.Roles, err
}

// RolePermissions lists what a role of the environment permits, with what it
// inherits.
func (c *Client) RolePermissions(ctx context.Context, role string) ([]string, error) {
	var out struct{ Permissions []Permission }
	if err := c.call(ctx, http.MethodGet, rolesPath("")+"/"+url.PathEscape(role)+"/permissions:all", nil, nil, &out); err != nil {
		return nil, err
	}
	var names []string
	for _, p := range out.Permissions {
		names = append(names, p.Name)
	}
	return names, nil
}

// Permissions lists the permissions of the environment.
func (c *Client) Permissions(ctx context.Context) ([]Permission, error) {
	return pages(ctx, c, "/api/v1/permissions", url.Values{}, "permissions", func(p Permission) string { return p.Name })
}

// CreatePermission makes a permission of the environment. name: letters, digits,
// _ and :, at most 64.
func (c *Client) CreatePermission(ctx context.Context, name, description string) error {
	return c.call(ctx, http.MethodPost, "/api/v1/permissions", nil, map[string]string{"name": name, "description": description}, nil)
}

// DeletePermission deletes a permission of the environment. One that is gone
// already is no error.
func (c *Client) DeletePermission(ctx context.Context, name string) error {
	return gone(c.call(ctx, http.MethodDelete, "/api/v1/permissions/"+url.PathEscape(name), nil, nil, nil))
}

// CreateRole makes a role of an organization's own.
func (c *Client) CreateRole(ctx context.Context, organizationID string, role NewRole) (*FullRole, error) {
	var out struct{ Role FullRole }
	if err := c.call(ctx, http.MethodPost, rolesPath(organizationID), nil, role, &out); err != nil {
		return nil, err
	}
	return &out.Role, nil
}

// DeleteRole deletes a role of an organization's own. Those who have it get
// reassign; without it the environment refuses to delete a role in use. One
// that is gone already is no error.
func (c *Client) DeleteRole(ctx context.Context, organizationID, role, reassign string) error {
	query := url.Values{}
	if reassign != "" {
		query.Set("reassign_role_name", reassign)
	}
	return gone(c.call(ctx, http.MethodDelete, rolesPath(organizationID)+"/"+url.PathEscape(role), query, nil, nil))
}

// RevokePermission takes a permission away from a role of an organization's own.
func (c *Client) RevokePermission(ctx context.Context, organizationID, role, permission string) error {
	path := rolesPath(organizationID) + "/" + url.PathEscape(role) + "/permissions/" + url.PathEscape(permission)
	return c.call(ctx, http.MethodDelete, path, nil, nil, nil)
}

// SetRoles gives a member of an organization these roles and no others.
func (c *Client) SetRoles(ctx context.Context, organizationID, userID string, names ...string) error {
	path := "/api/v1/memberships/organizations/" + url.PathEscape(organizationID) + "/users/" + url.PathEscape(userID)
	return c.call(ctx, http.MethodPatch, path, nil, map[string]any{"roles": roles(names)}, nil)
}

// MemberRoles lists the roles of a member of an organization.
func (c *Client) MemberRoles(ctx context.Context, organizationID, userID string) ([]string, error) {
	var out struct{ Roles []FullRole }
	path := "/api/v1/organizations/" + url.PathEscape(organizationID) + "/users/" + url.PathEscape(userID) + "/roles"
	if err := c.call(ctx, http.MethodGet, path, nil, nil, &out); err != nil {
		return nil, err
	}
	var names []string
	for _, r := range out.Roles {
		names = append(names, r.Name)
	}
	return names, nil
}
