package scalekit

import (
	"bytes"
	"context"
	"encoding/json"
	"net/url"
	"time"
)

// AuthLog is one line of the environment's auth logs (spec/api.md 5.12).
// Status is INITIATED, PENDING, SUCCESS or FAILED.
type AuthLog struct {
	AuthRequestID      string    `json:"auth_request_id"`
	OrganizationID     string    `json:"organization_id"`
	ConnectionID       string    `json:"connection_id"`
	ConnectionType     string    `json:"connection_type"`
	ConnectionProvider string    `json:"connection_provider"`
	Email              string    `json:"email"`
	Status             string    `json:"status"`
	Timestamp          time.Time `json:"timestamp"`
	ClientID           string    `json:"client_id"`
}

// AuthLogs lists the auth logs of one address, the newest first as the
// environment sends them.
func (c *Client) AuthLogs(ctx context.Context, email string) ([]AuthLog, error) {
	// authRequests is camel case, other than every other member.
	return pages(ctx, c, "/api/v1/logs/authentication/requests", url.Values{"email": {email}}, "authRequests",
		func(l AuthLog) string { return l.AuthRequestID + l.Status })
}

// AuthLogText is AuthLogs as the environment sends it, all its members included:
// what is searched for things that must not stand there.
func (c *Client) AuthLogText(ctx context.Context, email string) (string, error) {
	entries, err := pages(ctx, c, "/api/v1/logs/authentication/requests", url.Values{"email": {email}}, "authRequests",
		func(l json.RawMessage) string { return string(l) })
	return string(bytes.Join(rawAll(entries), []byte("\n"))), err
}

func rawAll(entries []json.RawMessage) (all [][]byte) {
	for _, entry := range entries {
		all = append(all, entry)
	}
	return all
}
