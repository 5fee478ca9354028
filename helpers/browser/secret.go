package browser

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
)

const (
	minCookie = 16 // shorter cookie values are settings, not secrets
	minValue  = 6  // shorter values would mask ordinary words
)

// secrets collects what must not be seen, and tells the redactor.
type secrets struct {
	tell func(string)

	mu    sync.Mutex
	known map[string]bool
}

func newSecrets(tell func(string)) *secrets {
	if tell == nil {
		tell = func(string) {}
	}
	return &secrets{tell: tell, known: map[string]bool{}}
}

func (s *secrets) learn(value string) {
	if value == "" {
		return
	}
	s.mu.Lock()
	fresh := !s.known[value]
	s.known[value] = true
	s.mu.Unlock()
	if fresh {
		s.tell(value)
	}
}

func (s *secrets) learnCookie(value string) {
	if len(value) >= minCookie {
		s.learn(value)
	}
}

// learnURL learns the codes, states and tokens of a query and a fragment.
func (s *secrets) learnURL(u *url.URL) {
	if u == nil {
		return
	}
	s.learnValues(u.Query())
	if fragment, err := url.ParseQuery(u.EscapedFragment()); err == nil {
		s.learnValues(fragment)
	}
}

func (s *secrets) learnForm(body string) {
	if form, err := url.ParseQuery(body); err == nil {
		s.learnValues(form)
	}
}

func (s *secrets) learnValues(values url.Values) {
	for name, list := range values {
		for _, value := range list {
			if isSecretName(name) && len(value) >= minValue {
				s.learn(value)
			}
		}
	}
}

// learnHeader learns the cookies that are set, and what a redirect carries.
func (s *secrets) learnHeader(h http.Header) {
	for _, line := range h.Values("Set-Cookie") {
		pair, _, _ := strings.Cut(line, ";")
		if _, value, ok := strings.Cut(pair, "="); ok {
			s.learnCookie(strings.Trim(strings.TrimSpace(value), `"`))
		}
	}
	for pair := range strings.SplitSeq(h.Get("Cookie"), ";") {
		if _, value, ok := strings.Cut(pair, "="); ok {
			s.learnCookie(strings.TrimSpace(value))
		}
	}
	if u, err := url.Parse(h.Get("Location")); err == nil {
		s.learnURL(u)
	}
}

// isSecretName reports whether a parameter of this name is a credential.
func isSecretName(name string) bool {
	switch name = strings.ToLower(name); name {
	case "code", "state", "nonce", "code_verifier", "assertion", "client_assertion", "client_secret", "samlresponse",
		"idp_initiated_login", "password", "passwd", "otp":
		return true
	}
	return strings.Contains(name, "token")
}

// mask replaces the known secrets in a message, and the credentials of an
// address that is not known yet.
func (s *secrets) mask(message string) string {
	if u, err := url.Parse(message); err == nil && u.Host != "" {
		s.learnURL(u)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for value := range s.known {
		if len(value) < minValue {
			continue
		}
		message = strings.ReplaceAll(message, value, "***")
		message = strings.ReplaceAll(message, url.QueryEscape(value), "***")
	}
	return message
}

func sortedNames(h map[string][]string) []string { return slices.Sorted(maps.Keys(h)) }
