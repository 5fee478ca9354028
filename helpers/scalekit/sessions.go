package scalekit

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Session is a person's session at the environment (spec/oauth.md 7). Status
// is active, expired, revoked or logout.
type Session struct {
	ID                string     `json:"session_id"`
	UserID            string     `json:"user_id"`
	OrganizationID    string     `json:"organization_id"`
	Status            string     `json:"status"`
	CreatedAt         time.Time  `json:"created_at"`
	LastActiveAt      *time.Time `json:"last_active_at"`
	IdleExpiresAt     *time.Time `json:"idle_expires_at"`
	AbsoluteExpiresAt *time.Time `json:"absolute_expires_at"`
	ExpiredAt         *time.Time `json:"expired_at"`
	LogoutAt          *time.Time `json:"logout_at"`
}

// GetSession returns one session.
func (c *Client) GetSession(ctx context.Context, id string) (*Session, error) {
	var s Session
	if err := c.call(ctx, http.MethodGet, "/api/v1/sessions/"+url.PathEscape(id), nil, nil, &s); err != nil {
		return nil, err
	}
	return &s, nil
}

// UserSessions lists a person's sessions, ended ones included.
func (c *Client) UserSessions(ctx context.Context, userID string) ([]Session, error) {
	return pages(ctx, c, "/api/v1/users/"+url.PathEscape(userID)+"/sessions", url.Values{}, "sessions", func(s Session) string { return s.ID })
}

// RevokeSession ends one session.
func (c *Client) RevokeSession(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodPost, "/api/v1/sessions/"+url.PathEscape(id)+"/revoke", nil, struct{}{}, nil)
}

// RevokeUserSessions ends all sessions of a person.
func (c *Client) RevokeUserSessions(ctx context.Context, userID string) error {
	return c.call(ctx, http.MethodPost, "/api/v1/users/"+url.PathEscape(userID)+"/sessions/revoke", nil, struct{}{}, nil)
}
