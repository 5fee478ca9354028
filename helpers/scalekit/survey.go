package scalekit

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
)

// RegisteredClient is a client of the environment as it is registered there
// (spec/api.md 5.10): the addresses that an application is known by.
type RegisteredClient struct {
	ID                    string   `json:"id"`
	Name                  string   `json:"name"`
	PostLoginURIs         []string `json:"post_login_uris"`
	PostLogoutURIs        []string `json:"post_logout_redirect_uris"`
	BackChannelLogoutURIs []string `json:"back_channel_logout_uris"`
	InitiateLoginURI      string   `json:"initiate_login_uri"`
	AccessTokenExpiry     Int64    `json:"access_token_expiry"` // seconds; 0: the environment's
}

// Int64 is a 64-bit integer as the JSON of Protocol Buffers has it: written as a
// string, and read as either.
type Int64 int64

// UnmarshalJSON reads 300 and "300".
func (i *Int64) UnmarshalJSON(text []byte) error {
	return json.Unmarshal(bytes.Trim(text, `"`), (*int64)(i))
}

// GetClient returns what is registered of a client. The request is a preview
// (spec/api.md 5.10): IsAbsent tells an environment without it.
func (c *Client) GetClient(ctx context.Context, id string) (*RegisteredClient, error) {
	var out struct{ Client RegisteredClient }
	if err := c.call(ctx, http.MethodGet, "/api/v1/clients/"+url.PathEscape(id), nil, nil, &out); err != nil {
		return nil, err
	}
	return &out.Client, nil
}

// ListOrganizations lists the organizations of the environment.
func (c *Client) ListOrganizations(ctx context.Context) ([]Organization, error) {
	return pages(ctx, c, "/api/v1/organizations", url.Values{}, "organizations", func(o Organization) string { return o.ID })
}

// CountUsers says how many people the environment has.
func (c *Client) CountUsers(ctx context.Context) (int, error) {
	var out struct {
		Total int `json:"total_size"`
	}
	err := c.call(ctx, http.MethodGet, "/api/v1/users", url.Values{"page_size": {"1"}}, nil, &out)
	return out.Total, err
}

// Resource is an MCP server that is registered at the environment (spec/mcp.md 2).
type Resource struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Address string `json:"resource_id"`
}

// Resources lists the MCP servers of the environment.
func (c *Client) Resources(ctx context.Context) ([]Resource, error) {
	return pages(ctx, c, "/api/v1/resources", url.Values{"resource_type": {"MCP_SERVER"}}, "resources", func(r Resource) string { return r.ID })
}
