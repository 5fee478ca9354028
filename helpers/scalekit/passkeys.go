package scalekit

import (
	"context"
	"net/http"
	"net/url"
)

// Passkey is a credential that a person has registered (spec/api.md 5.9).
type Passkey struct {
	ID     string `json:"id"`
	UserID string `json:"user_id"`
}

// Passkeys lists a person's passkeys.
func (c *Client) Passkeys(ctx context.Context, userID string) ([]Passkey, error) {
	var out struct{ Credentials []Passkey }
	err := c.call(ctx, http.MethodGet, "/api/v1/webauthn/credentials", url.Values{"user_id": {userID}}, nil, &out)
	return out.Credentials, err
}

// DeletePasskey removes a passkey. One that is gone already is no error.
func (c *Client) DeletePasskey(ctx context.Context, id string) error {
	return gone(c.call(ctx, http.MethodDelete, "/api/v1/webauthn/credentials/"+url.PathEscape(id), nil, nil, nil))
}
