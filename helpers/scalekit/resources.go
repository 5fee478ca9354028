package scalekit

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
)

// Consent is what a person has allowed an MCP client (spec/mcp.md 5.1).
type Consent struct {
	ID       string   `json:"id"`
	UserID   string   `json:"external_user_id"`
	ClientID string   `json:"client_id"`
	Scopes   []string `json:"scopes"`
}

// Consents lists the consents for one MCP server (res_…).
func (c *Client) Consents(ctx context.Context, resourceID string) ([]Consent, error) {
	return pages(ctx, c, "/api/v1/user_consents", url.Values{"resource_id": {resourceID}}, "consents", func(one Consent) string { return one.ID })
}

// RevokeConsent takes a consent back: refresh tokens end, access tokens live
// until they expire (spec/mcp.md 6.1).
func (c *Client) RevokeConsent(ctx context.Context, clientID, id string) error {
	return c.call(ctx, http.MethodDelete, "/api/v1/clients/"+url.PathEscape(clientID)+"/consents/"+url.PathEscape(id), nil, nil, nil)
}

// DeleteMCPClient deletes a client that has registered itself at an MCP
// server. One that is gone already is no error.
func (c *Client) DeleteMCPClient(ctx context.Context, resourceID, id string) error {
	path := "/api/v1/resources/" + url.PathEscape(resourceID) + "/clients/" + url.PathEscape(id)
	return gone(c.call(ctx, http.MethodDelete, path, nil, nil, nil))
}

// CustomConnection returns the id of the connection by which people of an MCP
// server sign in at the customer's own pages (spec/mcp.md 7).
func (c *Client) CustomConnection(ctx context.Context, resourceID string) (string, error) {
	var out struct {
		Resource struct {
			Connection struct {
				ID string `json:"id"`
			} `json:"connection_details"`
		} `json:"resource"`
	}
	if err := c.call(ctx, http.MethodGet, "/api/v1/resources/"+url.PathEscape(resourceID), nil, nil, &out); err != nil {
		return "", err
	}
	if out.Resource.Connection.ID == "" {
		return "", errors.New("the MCP server " + resourceID + " has no connection to pages of the customer's own")
	}
	return out.Resource.Connection.ID, nil
}

// TellPerson says who has signed in at the customer's own pages, as the
// customer's server does (spec/mcp.md 7). bearer is what authorizes it; empty:
// nothing. It returns the HTTP status.
func (c *Client) TellPerson(ctx context.Context, connectionID, loginRequestID, bearer string, person map[string]any) (status int, err error) {
	body, err := json.Marshal(person)
	if err != nil {
		return 0, err
	}
	header := http.Header{}
	if bearer != "" {
		header.Set("Authorization", "Bearer "+bearer)
	}
	path := "/api/v1/connections/" + url.PathEscape(connectionID) + "/auth-requests/" + url.PathEscape(loginRequestID) + "/user"
	a, err := c.send(ctx, http.MethodPost, c.base+path, "application/json", body, header)
	return a.status, err
}

// MCPClient is a client that has registered itself at an MCP server (spec/mcp.md 8).
type MCPClient struct {
	ID   string `json:"client_id"`
	Name string `json:"name"`
}

// MCPClients lists the clients that have registered themselves at an MCP server.
func (c *Client) MCPClients(ctx context.Context, resourceID string) ([]MCPClient, error) {
	return pages(ctx, c, "/api/v1/resources/"+url.PathEscape(resourceID)+"/clients", url.Values{}, "clients", func(one MCPClient) string { return one.ID })
}
