package config

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Restricted returns a client like c that sends only the requests for which may
// returns nil. The others end with the error of may, and nothing is sent.
func Restricted(c *http.Client, may func(*http.Request) error) *http.Client {
	return over(c, func(r *http.Request) (*http.Request, error) { return r, may(r) })
}

// ReadingOnly returns a client that refuses, before anything is sent, whatever
// could change something (RFC 9110 §9.2.1): the net below the list of harmless
// cases. A token of the management API is all that is asked for otherwise.
func ReadingOnly(c *http.Client) *http.Client {
	return Restricted(c, func(r *http.Request) error {
		if slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodOptions}, r.Method) || asksMachineToken(r) {
			return nil
		}
		return fmt.Errorf("%s to %s was not sent: the deployment is a production one, where the suite only reads", r.Method, r.URL.Host)
	})
}

// asksMachineToken reports whether a request is RFC 6749 §4.4.
func asksMachineToken(r *http.Request) bool {
	if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/oauth/token") || r.GetBody == nil {
		return false
	}
	body, err := r.GetBody()
	if err != nil {
		return false
	}
	defer func() { _ = body.Close() }()
	text := make([]byte, r.ContentLength)
	if _, err := io.ReadFull(body, text); err != nil {
		return false
	}
	form, err := url.ParseQuery(string(text))
	return err == nil && form.Get("grant_type") == "client_credentials"
}
