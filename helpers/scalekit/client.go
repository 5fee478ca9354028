// Package scalekit is a thin client of a Scalekit environment, written from
// the wire format in spec/: the management API over REST, and the OAuth
// endpoints as an honest client or an attacker would use them.
package scalekit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/auth-preflight/auth-preflight/helpers/pace"
)

const maxBody = 4 << 20

// Client talks to one environment. It may be used by many goroutines.
type Client struct {
	base         string // without a trailing slash
	clientID     string
	clientSecret string
	http         *http.Client
	pace         *pace.Limiter // nil: as fast as the environment lets it

	mu      sync.Mutex
	machine *TokenAnswer // for the management API
	expires time.Time
}

// New makes a client of the environment at environmentURL. The credentials are
// those of the environment's API client. hc must not follow redirects; nil
// means a plain client that does not.
func New(environmentURL, clientID, clientSecret string, hc *http.Client) *Client {
	if hc == nil {
		hc = &http.Client{
			Timeout:       15 * time.Second,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	return &Client{base: strings.TrimRight(environmentURL, "/"), clientID: clientID, clientSecret: clientSecret, http: hc}
}

// Paced makes the client keep to a limiter, which it may share with others, and
// returns it. Without one it only waits where the environment asks for it.
func (c *Client) Paced(l *pace.Limiter) *Client {
	c.pace = l
	return c
}

// call sends a management request with a machine token and decodes the answer
// into out (nil: not wanted). A token that was refused is replaced once. The
// error is an *Error when the environment answered.
func (c *Client) call(ctx context.Context, method, path string, query url.Values, in, out any) error {
	address := c.base + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return fmt.Errorf("%s %s: %w", method, address, err)
		}
	}
	for fresh := false; ; fresh = true {
		token, err := c.machineToken(ctx, fresh)
		if err != nil {
			return err
		}
		answer, err := c.send(ctx, method, address, "application/json", body, http.Header{"Authorization": {"Bearer " + token}})
		if err != nil {
			return err
		}
		if answer.status == http.StatusUnauthorized && !fresh {
			continue
		}
		if answer.status/100 != 2 {
			return newError(method, address, answer)
		}
		if out == nil || len(bytes.TrimSpace(answer.body)) == 0 {
			return nil
		}
		if err := json.Unmarshal(answer.body, out); err != nil {
			return fmt.Errorf("%s %s answered HTTP %d with what is not the JSON of spec/api.md: %w", method, address, answer.status, err)
		}
		return nil
	}
}

type answer struct {
	status int
	header http.Header
	body   []byte
}

// send sends one request, again for as long as the environment asks for that.
// Every other answer, good or bad, is returned.
func (c *Client) send(ctx context.Context, method, address, contentType string, body []byte, header http.Header) (a answer, err error) {
	err = c.pace.Do(ctx, method, func() (int, http.Header, error) {
		a, err = c.once(ctx, method, address, contentType, body, header)
		return a.status, a.header, err
	})
	if err != nil {
		return answer{}, fmt.Errorf("%s %s %w", method, address, err)
	}
	return a, nil
}

// once sends one request.
func (c *Client) once(ctx context.Context, method, address, contentType string, body []byte, header http.Header) (answer, error) {
	request, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return answer{}, fmt.Errorf("cannot be sent: %w", err)
	}
	for name, values := range header {
		request.Header[name] = values
	}
	request.Header.Set("Accept", "application/json")
	if len(body) > 0 {
		request.Header.Set("Content-Type", contentType)
	}
	response, err := c.http.Do(request)
	if err != nil {
		// url.Error says method and address again.
		var twice *url.Error
		if errors.As(err, &twice) {
			err = twice.Err
		}
		return answer{}, fmt.Errorf("is not answered: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, maxBody))
	_ = response.Body.Close()
	if err != nil {
		return answer{}, fmt.Errorf("broke off: %w", err)
	}
	return answer{response.StatusCode, response.Header, text}, nil
}
