package flows

import (
	"fmt"
	"strings"

	"github.com/auth-preflight/auth-preflight/helpers/screens"
)

// Refusal reads how the auth environment told the person that a sign-in did not
// happen: an error at the application's redirect URI (RFC 6749 §4.1.2.1), or a
// page. What it returns is what is wrong with that; nil where it is readable
// and an end: no server error, no blank page, no login page that says nothing,
// and no new way to the identity provider by itself.
func (s Stop) Refusal(grant Grant) error {
	at := s.URL.Redacted()
	if !s.Followed {
		if !strings.HasPrefix(s.URL.String(), grant.RedirectURI) {
			return fmt.Errorf("the browser was sent on to %s", at)
		}
		answer := s.URL.Query()
		switch {
		case answer.Get("code") != "":
			return fmt.Errorf("the application got a code")
		case answer.Get("error") == "":
			return fmt.Errorf("the application got neither a code nor an error, at %s", at)
		}
		return nil
	}
	const fewWords = 20 // letters; less tells nobody anything
	text := screens.VisibleText(s.Body)
	switch {
	case s.Status >= 500:
		return fmt.Errorf("a server error, HTTP %d at %s: %.200s", s.Status, at, text)
	case s.Form(`input[name="SAMLRequest"]`) != nil:
		return fmt.Errorf("the browser is sent to the identity provider again, from %s", at)
	case len(text) < fewWords:
		return fmt.Errorf("a page without words, HTTP %d at %s: %q", s.Status, at, text)
	case s.Form(screens.EmailInput) != nil && !screens.HasAlert(s.Body):
		return fmt.Errorf("a login page that does not say what went wrong, at %s", at)
	}
	return nil
}

// Explanation is what the person or the application was told, for a report.
func (s Stop) Explanation() string {
	if !s.Followed {
		answer := s.URL.Query()
		return strings.TrimSpace(answer.Get("error") + " " + answer.Get("error_description"))
	}
	return fmt.Sprintf("HTTP %d, a page: %.300s", s.Status, screens.VisibleText(s.Body))
}
