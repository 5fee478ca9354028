package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/auth-preflight/auth-preflight/helpers/inbox"
)

// None is the word that declares that a deployment does without something.
const None = "none"

// parse sets field from text. Its error completes the sentence "NAME (from
// the environment) …" and quotes the text only where it cannot be a secret.
func parse(field reflect.Value, v Variable, text string) error {
	switch target := field.Addr().Interface().(type) {
	case *string:
		s, err := parseString(v, text)
		*target = s
		return err
	case **url.URL:
		u, err := parseURL(text)
		if err != nil {
			return err
		}
		if v.kind == "base" {
			if u.RawQuery != "" || u.Fragment != "" || u.User != nil {
				return errors.New("must be a plain address, without user, query or fragment")
			}
			u.Path = strings.TrimRight(u.Path, "/")
			u.RawPath = ""
		}
		*target = u
	case *time.Duration:
		d, err := parseDuration(v, text)
		*target = d
		return err
	case *bool:
		switch strings.ToLower(text) {
		case "true", "1", "yes", "on":
			*target = true
		case "false", "0", "no", "off":
			*target = false
		default:
			return fmt.Errorf("is %q, but must be true or false", text)
		}
	case *int:
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return fmt.Errorf("is %q, but must be a whole number of at least 1", text)
		}
		*target = n
	case *float64:
		most := 100.
		if v.kind == "rate" {
			most = 10000
		}
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || f <= 0 || f > most {
			return fmt.Errorf("is %q, but must be a number above 0 and up to %g", text, most)
		}
		*target = f
	case *[]string:
		list, err := parseList(v, text)
		*target = list
		return err
	default:
		panic("config: no parser for the type of " + v.Name)
	}
	return nil
}

func parseString(v Variable, text string) (string, error) {
	if len(v.words) > 0 {
		word := strings.ToLower(text)
		if !slices.Contains(v.words, word) {
			return "", fmt.Errorf("is %q, but must be one of %s", text, strings.Join(v.words, ", "))
		}
		return word, nil
	}
	switch v.kind {
	case "path":
		// "//host" would be an address elsewhere (RFC 3986, 4.2).
		if !strings.HasPrefix(text, "/") || strings.HasPrefix(text, "//") {
			return "", fmt.Errorf("is %q, but must be a path that begins with one slash", text)
		}
	case "uri":
		if _, err := parseURL(text); err != nil {
			return "", err
		}
	case "uri-or-none":
		if text == None {
			return text, nil
		}
		if _, err := parseURL(text); err != nil {
			return "", fmt.Errorf("%w (or %s)", err, None)
		}
	case "translations":
		if _, err := parseTranslations(text); err != nil {
			return "", err
		}
	case "call":
		if words := strings.SplitN(text, " ", 3); len(words) != 3 || !json.Valid([]byte(words[2])) {
			return "", fmt.Errorf("is %q, but must be a scope, a tool and its arguments as JSON, such as todo:read list_todos {}", text)
		}
	case "host":
		if err := checkHost(text); err != nil {
			return "", err
		}
	case "address", "unique":
		local, domain, ok := strings.Cut(text, "@")
		if !ok || local == "" || domain == "" || strings.ContainsAny(text, " \t<>,") || strings.Contains(domain, "@") {
			return "", fmt.Errorf("is %q, but must be an e-mail address", text)
		}
		if v.kind == "unique" && !strings.Contains(text, "{id}") {
			return "", fmt.Errorf("is %q, but must hold {id}, which becomes a unique id, such as {id}@inbox.example or qa+{id}@inbox.example", text)
		}
	case "mark":
		if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
			return "", fmt.Errorf("is %q, but may hold only printable ASCII: it goes into a header field", text)
		}
	case "color":
		if !color.MatchString(text) {
			return "", fmt.Errorf("is %q, but must be a colour as #rrggbb", text)
		}
		return strings.ToLower(text), nil
	case "limits":
		if _, err := parseLimits(text); err != nil {
			return "", err
		}
	case "inbox":
		if err := inbox.Check(text); err != nil {
			return "", err
		}
	case "source":
		if strings.HasPrefix(text, "https://") || strings.HasPrefix(text, "http://") {
			_, err := parseURL(strings.ReplaceAll(text, "{subject}", "subject"))
			return text, err
		}
		path := fromRoot(text)
		if info, err := os.Stat(path); err != nil || info.IsDir() {
			return "", fmt.Errorf("names %s, which is neither an address nor a file that can be read", path)
		}
		return path, nil
	case "metric":
		if !metric.MatchString(text) {
			return "", fmt.Errorf("is %q, but must be the name of a metric, or name{label=\"value\"}", text)
		}
	case "file":
		path := fromRoot(text)
		if info, err := os.Stat(path); err != nil || info.IsDir() {
			return "", fmt.Errorf("names %s, which is not a file that can be read", path)
		}
		return path, nil
	case "dir":
		path := fromRoot(text)
		if info, err := os.Stat(path); err == nil && !info.IsDir() {
			return "", fmt.Errorf("names %s, which is not a folder", path)
		}
		return path, nil
	}
	return text, nil
}

// parseURL takes absolute https and http addresses. It does not quote the
// text: an address may carry a password.
func parseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, errors.New("is not an address; it must look like https://host.example")
	}
	if u.Scheme != "https" && u.Scheme != "http" {
		return nil, errors.New("must be a whole address that begins with https:// (or http://)")
	}
	if u.Hostname() == "" {
		return nil, errors.New("has no host; it must look like https://host.example")
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return nil, fmt.Errorf("has the port %s, but ports are 1 to 65535", port)
		}
	}
	return u, nil
}

// limitWords are those of APP_LIMITS.
var limitWords = []string{"cached_keys", "asked_audience", "unverified_id_token"}

// parseLimits reads "word: reason; word: reason".
func parseLimits(text string) (all []Limit, err error) {
	for part := range strings.SplitSeq(text, ";") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		word, reason, _ := strings.Cut(part, ":")
		l := Limit{strings.ToLower(strings.TrimSpace(word)), strings.TrimSpace(reason)}
		if !slices.Contains(limitWords, l.Word) {
			hint := ""
			if near := nearest(l.Word, limitWords); near != "" {
				hint = fmt.Sprintf(" (did you mean %s?)", near)
			}
			return nil, fmt.Errorf("holds %q%s, but knows only %s", l.Word, hint, strings.Join(limitWords, ", "))
		}
		if l.Reason == "" {
			return nil, fmt.Errorf("declares %s without a reason: write %s: why", l.Word, l.Word)
		}
		all = append(all, l)
	}
	return all, nil
}

var color = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)

var metric = regexp.MustCompile(`^[a-zA-Z_:][a-zA-Z0-9_:]*(\{.*\})?$`)

func checkHost(text string) error {
	if strings.ContainsAny(text, "/ @?#*,") || strings.Trim(text, ".") == "" {
		return fmt.Errorf("is %q, but must be a host name alone, such as app.example", text)
	}
	return nil
}

func parseDuration(v Variable, text string) (time.Duration, error) {
	if n, err := strconv.Atoi(text); err == nil {
		if v.kind == "ms" && n >= 0 {
			return time.Duration(n) * time.Millisecond, nil
		}
		return 0, fmt.Errorf("is %q, but needs a unit: %ss, %sm or %sh", text, text, text, text)
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("is %q, but must be a duration such as 90s, 5m or 1h", text)
	}
	return d, nil
}

func parseList(v Variable, text string) ([]string, error) {
	var words []string
	for _, word := range strings.Split(text, ",") {
		word = strings.ToLower(strings.TrimSpace(word))
		if word == "" || slices.Contains(words, word) {
			continue
		}
		if len(v.words) > 0 && !slices.Contains(v.words, word) {
			hint := ""
			if near := nearest(word, v.words); near != "" {
				hint = fmt.Sprintf(" (did you mean %s?)", near)
			}
			return nil, fmt.Errorf("holds %q%s, but knows only %s", word, hint, strings.Join(v.words, ", "))
		}
		if v.kind == "test-users" && !testUser.MatchString(word) {
			return nil, fmt.Errorf("holds %q, but takes addresses of test users, such as qa+sktest@acme.example", word)
		}
		if v.kind == "pattern" {
			if err := checkHost(strings.TrimPrefix(word, "*.")); err != nil {
				return nil, fmt.Errorf("holds %q, but takes host names and patterns such as *.acme.test", word)
			}
		}
		words = append(words, word)
	}
	if v.kind == "test-users" && len(words) > mostTestUsers {
		return nil, fmt.Errorf("holds %d addresses, but an environment has %d test users at most", len(words), mostTestUsers)
	}
	return words, nil
}

// mostTestUsers is how many test users an environment may have
// (spec/hosted-pages.md 5.1).
const mostTestUsers = 5

var testUser = regexp.MustCompile(`^[^@\s<>]+\+sktest[^@\s<>]*@[^@\s<>]+$`)
