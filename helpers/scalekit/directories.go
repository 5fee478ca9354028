package scalekit

import (
	"context"
	"net/http"
	"net/url"
)

// Directory is where an organization's identity provider puts people and
// groups (spec/api.md 5.7).
type Directory struct {
	ID       string `json:"id"`
	Endpoint string `json:"directory_endpoint"` // SCIM 2.0
	Enabled  bool   `json:"enabled"`
	// Secret opens the endpoint. It is there after the creation only.
	Secret string `json:"-"`
}

func directoriesOf(organizationID string) string {
	return "/api/v1/organizations/" + url.PathEscape(organizationID) + "/directories"
}

// CreateDirectory gives an organization a directory, enabled, with a secret.
func (c *Client) CreateDirectory(ctx context.Context, organizationID string) (*Directory, error) {
	type secret struct {
		Plain string `json:"plain_secret"`
	}
	var out struct {
		Directory Directory
		secret
	}
	in := map[string]string{"directory_type": "SCIM", "directory_provider": "OKTA"}
	if err := c.call(ctx, http.MethodPost, directoriesOf(organizationID), nil, in, &out); err != nil {
		return nil, err
	}
	d, path := &out.Directory, directoriesOf(organizationID)+"/"+url.PathEscape(out.Directory.ID)
	if d.Secret = out.Plain; d.Secret == "" {
		var made secret
		if err := c.call(ctx, http.MethodPost, path+"/secrets", nil, struct{}{}, &made); err != nil {
			return nil, err
		}
		d.Secret = made.Plain
	}
	if !d.Enabled {
		if err := c.call(ctx, http.MethodPatch, path+":enable", nil, struct{}{}, nil); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// ReplaceSecret gives a directory a new secret in place of those of before, and
// returns it.
func (c *Client) ReplaceSecret(ctx context.Context, organizationID, directoryID string) (string, error) {
	var made struct {
		Plain string `json:"plain_secret"`
	}
	err := c.call(ctx, http.MethodPost, directoriesOf(organizationID)+"/"+url.PathEscape(directoryID)+"/secrets:regenerate", nil, struct{}{}, &made)
	return made.Plain, err
}

// MapGroup gives the members of a directory's group a role.
func (c *Client) MapGroup(ctx context.Context, organizationID, directoryID, groupID, role string) error {
	in := map[string]any{"assignments": []any{map[string]string{"group_id": groupID, "role_name": role}}}
	return c.call(ctx, http.MethodPut, directoriesOf(organizationID)+"/"+url.PathEscape(directoryID)+"/groups/-/roles:assign", nil, in, nil)
}
