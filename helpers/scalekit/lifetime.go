package scalekit

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// LifetimeKind is what a ledger calls a Lifetime.
const LifetimeKind = "lifetime"

// Lifetime is how long access tokens of a client live while the suite needs them
// to be short, and lived before, in seconds; zero: the environment's. Its String
// is a ledger's label, from which a later command restores what was.
type Lifetime struct {
	ClientID string
	Was, Is  int
}

const lifetimeForm = "access tokens of %s live %d s instead of %d s"

func (l Lifetime) String() string { return fmt.Sprintf(lifetimeForm, l.ClientID, l.Is, l.Was) }

// ParseLifetime reads a ledger's label. The error says that it is none.
func ParseLifetime(label string) (l Lifetime, err error) {
	if _, err = fmt.Sscanf(label, lifetimeForm, &l.ClientID, &l.Is, &l.Was); err != nil {
		return l, fmt.Errorf("%q does not say what the lifetime was: %w", label, err)
	}
	return l, nil
}

// SetLifetime sets how long access tokens of a client live that are issued from
// now on; zero: as long as the environment says. The request is a preview
// (spec/api.md 5.10): IsAbsent tells an environment without it. The error also
// says that the environment answered well and did not do it.
func (c *Client) SetLifetime(ctx context.Context, clientID string, life time.Duration) error {
	seconds := int(life.Seconds())
	query := url.Values{"mask": {"access_token_expiry"}} // without it a zero would not count
	if err := c.call(ctx, http.MethodPatch, "/api/v1/clients/"+url.PathEscape(clientID), query, map[string]int{"access_token_expiry": seconds}, nil); err != nil {
		return err
	}
	client, err := c.GetClient(ctx, clientID)
	if err == nil && int(client.AccessTokenExpiry) != seconds {
		err = fmt.Errorf("the environment took access_token_expiry %d of %s, and says %d", seconds, clientID, client.AccessTokenExpiry)
	}
	return err
}

// HasLifetime reports whether access tokens of the client still live as the suite
// had made it.
func (c *Client) HasLifetime(ctx context.Context, l Lifetime) (bool, error) {
	client, err := c.GetClient(ctx, l.ClientID)
	if err != nil {
		return false, gone(err)
	}
	return int(client.AccessTokenExpiry) == l.Is, nil
}

// RestoreLifetime makes access tokens live as long as they did. It changes only
// what is as the suite had made it; a client that is gone is no error.
func (c *Client) RestoreLifetime(ctx context.Context, l Lifetime) error {
	client, err := c.GetClient(ctx, l.ClientID)
	switch {
	case err != nil:
		return gone(err)
	case int(client.AccessTokenExpiry) == l.Was:
		return nil
	case int(client.AccessTokenExpiry) != l.Is:
		return fmt.Errorf("access tokens of %s live %d s now: somebody else has set that, and it is left as it is (before the run: %d s)", l.ClientID, client.AccessTokenExpiry, l.Was)
	}
	return c.SetLifetime(ctx, l.ClientID, time.Duration(l.Was)*time.Second)
}
