package inbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/auth-preflight/auth-preflight/helpers/pace"
)

const (
	maxBody       = 16 << 20
	pageLimit     = "200"
	contentIsJSON = "application/json"
)

// api is the HTTP API of an inbox.
type api struct {
	kind      string // its name, for people
	base      string // without user and trailing slash
	client    *http.Client
	authorize func(*http.Request) // nil: nobody asks
	mend      string              // what to look at when it refuses us
}

func basic(user, password string) func(*http.Request) {
	return func(r *http.Request) { r.SetBasicAuth(user, password) }
}

func (a *api) String() string { return a.kind + " at " + a.base }

func (a *api) get(ctx context.Context, path string, out any) error {
	_, err := a.json(ctx, http.MethodGet, path, nil, out)
	return err
}

// json sends in, if there is any, and reads the answer into out.
func (a *api) json(ctx context.Context, method, path string, in, out any) (http.Header, error) {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return nil, err
		}
	}
	text, header, err := a.send(ctx, method, path, body)
	if err != nil {
		return header, err
	}
	if err := json.Unmarshal(text, out); err != nil {
		return header, &answerError{fmt.Sprintf("the inbox answers %s %s%s with what is not %s's JSON: is PREFLIGHT_INBOX_URL the address of %s's web page?",
			method, a.base, path, a.kind, a.kind)}
	}
	return header, nil
}

func (a *api) send(ctx context.Context, method, path string, body []byte) ([]byte, http.Header, error) {
	address := a.base + path
	request, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return nil, nil, fmt.Errorf("%s %s cannot be sent: %w", method, address, err)
	}
	if a.authorize != nil {
		a.authorize(request)
	}
	if body != nil {
		request.Header.Set("Content-Type", contentIsJSON)
	}
	response, err := a.client.Do(request)
	if err != nil {
		var twice *url.Error
		if errors.As(err, &twice) {
			err = twice.Err
		}
		return nil, nil, fmt.Errorf("the inbox does not answer %s %s: %w", method, address, err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxBody))
	if err != nil {
		return nil, nil, fmt.Errorf("the inbox broke off %s %s: %w", method, address, err)
	}
	switch {
	case response.StatusCode/100 == 2:
		return text, response.Header, nil
	case response.StatusCode == http.StatusNotFound:
		return nil, response.Header, &goneError{answerError{fmt.Sprintf("the inbox answers %s %s with HTTP 404", method, address)}}
	case response.StatusCode == http.StatusUnauthorized || response.StatusCode == http.StatusForbidden:
		return nil, response.Header, &answerError{fmt.Sprintf("the inbox refuses %s %s (HTTP %d): %s", method, address, response.StatusCode, a.mend)}
	case response.StatusCode == http.StatusTooManyRequests || response.StatusCode >= http.StatusInternalServerError:
		after, _ := pace.RetryAfter(response.Header)
		return nil, response.Header, &busyError{fmt.Sprintf("the inbox answers %s %s with HTTP %d", method, address, response.StatusCode), after}
	default:
		return nil, response.Header, &answerError{fmt.Sprintf("the inbox answers %s %s with HTTP %d", method, address, response.StatusCode)}
	}
}

// answerError is an answer that asking again will not mend.
type answerError struct{ text string }

func (e *answerError) Error() string { return e.text }

// goneError is the answer that what was asked for is not there.
type goneError struct{ answerError }

func (e *goneError) Unwrap() error { return &e.answerError }

// busyError is an answer that asking again later may mend.
type busyError struct {
	text  string
	after time.Duration // what the inbox asks for; 0: nothing
}

func (e *busyError) Error() string { return e.text }
