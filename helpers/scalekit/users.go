package scalekit

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// User is a person of the environment (spec/api.md 5.2).
type User struct {
	ID            string       `json:"id"`
	Email         string       `json:"email"`
	ExternalID    string       `json:"external_id"`
	Memberships   []Membership `json:"memberships"`
	Profile       Profile      `json:"user_profile"`
	CreateTime    time.Time    `json:"create_time"`
	LastLoginTime *time.Time   `json:"last_login_time"`
}

// Membership is a person's place in an organization. Status is ACTIVE,
// INACTIVE, PENDING_INVITE or INVITE_EXPIRED.
type Membership struct {
	OrganizationID string `json:"organization_id"`
	Status         string `json:"membership_status"`
	Roles          []Role `json:"roles"`
}

// Role is a role by name.
type Role struct {
	ID   string `json:"id,omitempty"`
	Name string `json:"name"`
}

// Profile is what an environment knows about a person.
type Profile struct {
	GivenName     string            `json:"given_name,omitempty"`
	FamilyName    string            `json:"family_name,omitempty"`
	Name          string            `json:"name,omitempty"`
	PhoneNumber   string            `json:"phone_number,omitempty"`
	EmailVerified bool              `json:"email_verified,omitempty"`
	Groups        []string          `json:"groups,omitempty"`
	Metadata      map[string]string `json:"metadata,omitempty"`
	Attributes    map[string]string `json:"custom_attributes,omitempty"`
}

// NewUser is what CreateUser makes. Without roles the person gets the default
// one. With Invite an invitation is mailed and the membership is pending.
type NewUser struct {
	Email                 string
	GivenName, FamilyName string
	Roles                 []string
	ExternalID            string
	Metadata              map[string]string
	Invite                bool
}

// CreateUser makes a person and their membership in the organization.
// IsConflict tells a member who exists.
func (c *Client) CreateUser(ctx context.Context, organizationID string, u NewUser) (*User, error) {
	type membership struct {
		Roles []Role `json:"roles,omitempty"`
	}
	in := struct {
		Email      string            `json:"email"`
		ExternalID string            `json:"external_id,omitempty"`
		Metadata   map[string]string `json:"metadata,omitempty"`
		Profile    Profile           `json:"user_profile"`
		Membership *membership       `json:"membership,omitempty"`
	}{
		Email: u.Email, ExternalID: u.ExternalID, Metadata: u.Metadata,
		Profile: Profile{GivenName: u.GivenName, FamilyName: u.FamilyName},
	}
	if len(u.Roles) > 0 {
		in.Membership = &membership{roles(u.Roles)}
	}
	query := url.Values{"send_invitation_email": {"false"}}
	if u.Invite {
		query.Set("send_invitation_email", "true")
	}
	return c.user(ctx, http.MethodPost, "/api/v1/organizations/"+url.PathEscape(organizationID)+"/users", query, in)
}

// AddMember makes a person who exists a member of another organization.
func (c *Client) AddMember(ctx context.Context, organizationID, userID string, roleNames ...string) (*User, error) {
	path := "/api/v1/memberships/organizations/" + url.PathEscape(organizationID) + "/users/" + url.PathEscape(userID)
	in := map[string]any{"roles": roles(roleNames)}
	return c.user(ctx, http.MethodPost, path, url.Values{"send_invitation_email": {"false"}}, in)
}

// RemoveMember ends a membership; the person stays. One that is gone already
// is no error.
func (c *Client) RemoveMember(ctx context.Context, organizationID, userID string) error {
	path := "/api/v1/memberships/organizations/" + url.PathEscape(organizationID) + "/users/" + url.PathEscape(userID)
	return gone(c.call(ctx, http.MethodDelete, path, nil, nil, nil))
}

// ResendInvite mails a pending invitation again.
func (c *Client) ResendInvite(ctx context.Context, organizationID, userID string) error {
	path := "/api/v1/invites/organizations/" + url.PathEscape(organizationID) + "/users/" + url.PathEscape(userID) + "/resend"
	return c.call(ctx, http.MethodPatch, path, nil, map[string]any{}, nil)
}

// GetUser returns one person; IsNotFound tells a missing one.
func (c *Client) GetUser(ctx context.Context, id string) (*User, error) {
	return c.user(ctx, http.MethodGet, "/api/v1/users/"+url.PathEscape(id), nil, nil)
}

// SearchUsers lists the people whom the environment finds by a text of 3 to 100
// characters, such as a part of their address.
func (c *Client) SearchUsers(ctx context.Context, text string) ([]User, error) {
	return pages(ctx, c, "/api/v1/users:search", url.Values{"query": {text}}, "users", func(u User) string { return u.ID })
}

// FindUser returns the person with the address, upper and lower case alike;
// nil without an error where there is none.
func (c *Client) FindUser(ctx context.Context, email string) (*User, error) {
	users, err := c.SearchUsers(ctx, email)
	if err != nil {
		return nil, err
	}
	for _, u := range users {
		if strings.EqualFold(u.Email, email) {
			return &u, nil
		}
	}
	return nil, nil
}

// UpdateUser changes names and metadata of a person. An e-mail address cannot
// be changed through the API.
func (c *Client) UpdateUser(ctx context.Context, id string, profile Profile) (*User, error) {
	in := map[string]any{"user_profile": profile}
	return c.user(ctx, http.MethodPatch, "/api/v1/users/"+url.PathEscape(id), nil, in)
}

// SetExternalID gives a person the id by which the product knows them.
func (c *Client) SetExternalID(ctx context.Context, id, externalID string) (*User, error) {
	return c.user(ctx, http.MethodPatch, "/api/v1/users/"+url.PathEscape(id), nil, map[string]any{"external_id": externalID})
}

// DeleteUserByExternalID deletes the person whom the product knows by this id.
func (c *Client) DeleteUserByExternalID(ctx context.Context, externalID string) error {
	return c.call(ctx, http.MethodDelete, "/api/v1/users:external/"+url.PathEscape(externalID), nil, nil, nil)
}

// DeleteUser deletes a person. One who is gone already is no error.
func (c *Client) DeleteUser(ctx context.Context, id string) error {
	return gone(c.call(ctx, http.MethodDelete, "/api/v1/users/"+url.PathEscape(id), nil, nil, nil))
}

func (c *Client) user(ctx context.Context, method, path string, query url.Values, in any) (*User, error) {
	var out struct{ User User }
	if err := c.call(ctx, method, path, query, in, &out); err != nil {
		return nil, err
	}
	return &out.User, nil
}

func roles(names []string) []Role {
	list := []Role{}
	for _, name := range names {
		list = append(list, Role{Name: name})
	}
	return list
}
