package readiness

import (
	"regexp"
	"strings"
	"sync"
)

// mask stands in the place of a secret.
const mask = "[redacted]"

// shortest is the length below which a value is not worth hiding, and would
// be found everywhere.
const shortest = 6

// Redactor takes secrets out of texts and files. It knows values (given, or
// learned as they are seen) in the encodings they travel in, and the places
// where secrets stand: tokens, headers, parameters and fields. It is safe for
// concurrent use.
type Redactor struct {
	mu    sync.RWMutex
	known *dictionary
}

// NewRedactor returns a redactor that knows these secrets.
func NewRedactor(secrets ...string) *Redactor {
	r := &Redactor{known: newDictionary()}
	r.Learn(secrets...)
	return r
}

// Learn adds values. One shorter than six bytes is ignored.
func (r *Redactor) Learn(values ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, v := range values {
		if v = strings.TrimSpace(v); len(v) >= shortest && v != mask {
			r.known.learn(v)
		}
	}
}

// String returns s without secrets. It takes one pass for all known values,
// however many they are, and one for the places where secrets stand.
func (r *Redactor) String(s string) string {
	r.mu.RLock()
	s = r.known.replace(s)
	r.mu.RUnlock()
	return maskPlaces(s)
}

var (
	// tokens are JWS and JWE in compact form (RFC 7515, 3.1; RFC 7516, 3.1).
	tokens = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{6,}(?:\.[A-Za-z0-9_-]*){2,4}`)
	inputs = regexp.MustCompile(`<(?:input|INPUT)\b[^>]*>`)
	attrs  = regexp.MustCompile(`([a-zA-Z_:-]+)\s*=\s*("[^"]*"|'[^']*'|[^\s"'>]+)`)
)

// maskPlaces hides what stands where secrets stand, known or not.
func maskPlaces(s string) string {
	if strings.Contains(s, "eyJ") {
		s = tokens.ReplaceAllString(s, mask)
	}
	if strings.Contains(s, "<input") || strings.Contains(s, "<INPUT") {
		s = inputs.ReplaceAllStringFunc(s, maskInput)
	}
	return maskPairs(s)
}

// maskInput hides the value of a password, one-time-code or hidden secret field.
func maskInput(tag string) string {
	secret := false
	for _, a := range attrs.FindAllStringSubmatch(tag, -1) {
		value := strings.Trim(a[2], `"'`)
		switch strings.ToLower(a[1]) {
		case "name", "id":
			secret = secret || secretKey(value)
		case "type":
			secret = secret || strings.EqualFold(value, "password")
		case "autocomplete":
			secret = secret || secretAutocomplete(value)
		}
	}
	if !secret {
		return tag
	}
	return attrs.ReplaceAllStringFunc(tag, func(attr string) string {
		name, value, _ := strings.Cut(attr, "=")
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "value", "__playwright_value_":
			if strings.Trim(value, ` "'`) != "" {
				return name + `="` + mask + `"`
			}
		}
		return attr
	})
}

func secretAutocomplete(value string) bool {
	return strings.Contains(value, "one-time-code") || strings.Contains(value, "-password")
}

// secretKey reports whether a query parameter, a form field or a cookie of that
// name carries a secret.
func secretKey(key string) bool {
	key = strings.ToLower(key)
	switch key {
	case "code", "state", "nonce", "relaystate", "idp_initiated_login":
		return true
	}
	return secretName(key)
}

// secretName is secretKey for JSON members, where "code" and "state" are more
// often the name of an error or of a condition. key is in lower case.
func secretName(key string) bool {
	switch key {
	case "client_secret", "clientsecret", "code_verifier", "codeverifier", "assertion", "client_assertion",
		"samlresponse", "samlrequest", "password", "passwd", "otp", "idp_initiated_login", "refresh", "api_key", "apikey":
		return true
	}
	if !strings.Contains(key, "token") && !strings.HasSuffix(key, "password") {
		return false
	}
	for _, public := range []string{"type", "type_hint", "endpoint", "lifetime", "expiry", "supported", "method", "expires_in"} {
		if strings.HasSuffix(key, public) {
			return false
		}
	}
	return true
}

// secretHeader reports whether an HTTP header carries credentials.
func secretHeader(name string) bool {
	switch strings.ToLower(name) {
	case "authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key":
		return true
	}
	return false
}

// maskHeader hides the credentials in a header's value and leaves what a reader
// wants to know: the scheme, the names and the attributes of cookies.
func maskHeader(name, value string) string {
	switch strings.ToLower(name) {
	case "cookie":
		return maskCookies(value, false)
	case "set-cookie":
		lines := strings.Split(value, "\n") // Playwright joins several with line breaks
		for i, l := range lines {
			lines[i] = maskCookies(l, true)
		}
		return strings.Join(lines, "\n")
	}
	trimmed := strings.TrimSpace(value)
	scheme, rest, both := strings.Cut(trimmed, " ")
	switch {
	case trimmed == "":
		return value
	case both && isScheme(scheme) && rest != "":
		return scheme + " " + mask
	default:
		return mask
	}
}

func isScheme(s string) bool {
	switch strings.ToLower(s) {
	case "basic", "bearer", "dpop", "digest", "negotiate", "token":
		return true
	}
	return false
}

// maskCookies hides the values of a Cookie header, or the first value of a
// Set-Cookie header. An empty value stays: it shows that a cookie was cleared.
func maskCookies(value string, onlyFirst bool) string {
	parts := strings.Split(value, ";")
	for i, part := range parts {
		if onlyFirst && i > 0 {
			break
		}
		if name, v, ok := strings.Cut(part, "="); ok && strings.Trim(v, ` "`) != "" {
			parts[i] = name + "=" + mask
		}
	}
	return strings.Join(parts, ";")
}
