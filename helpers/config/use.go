package config

import (
	"cmp"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/auth-preflight/auth-preflight/helpers/inbox"
)

const requestTimeout = 15 * time.Second

// Value is the text of the variable called name, its default included; "" when
// it is unset.
func (c *Config) Value(name string) string { return c.values[name].text }

// Origin says where the variable's value comes from: FromEnvironment,
// FromDotenv, FromEmbedded or FromDefault; "" when it is unset.
func (c *Config) Origin(name string) string { return c.values[name].origin }

// Missing returns those of names that have neither a value nor a default. A
// check that needs them is not verified, and says their names.
func (c *Config) Missing(names ...string) []string {
	var missing []string
	for _, name := range names {
		if c.values[name].text == "" {
			missing = append(missing, name)
		}
	}
	return missing
}

// Inbox are the variables that an inbox needs.
var Inbox = []string{"PREFLIGHT_INBOX_URL", "PREFLIGHT_INBOX_ADDRESS"}

// HasTestUsers reports whether there are test users and a way for them to sign in:
// they have a code, and no link (spec/hosted-pages.md 5.1).
func (c *Config) HasTestUsers() bool {
	return len(c.Missing("SCALEKIT_TEST_USER_EMAIL", "SCALEKIT_TEST_USER_CODE")) == 0 && (len(c.Methods) == 0 || c.Has("email_code"))
}

// MissingPeople returns the variables without which n people cannot sign in by
// what comes by mail: there is no inbox, and there are not so many test users.
func (c *Config) MissingPeople(n int) []string {
	inbox := c.Missing(Inbox...)
	switch {
	case n == 0 || len(inbox) == 0 || c.HasTestUsers() && len(c.TestUsers) >= n:
		return nil
	case c.HasTestUsers():
		return []string{"SCALEKIT_TEST_USER_EMAIL"}
	default:
		return inbox
	}
}

// Declined returns the reason with which the deployment declares that the app
// does without what the variable describes ("none: …"); "" if it does not.
func (c *Config) Declined(name string) (reason string) { return c.declined[name] }

// Limit is one thing that the app is known to do less strictly than a standard.
type Limit struct{ Word, Reason string }

// Limits lists what APP_LIMITS declares.
func (c *Config) Limits() []Limit {
	all, _ := parseLimits(c.AppLimits) // was parsed before
	return all
}

// Has reports whether the sign-in method (a word of PREFLIGHT_METHODS) is
// enabled.
func (c *Config) Has(method string) bool { return slices.Contains(c.Methods, method) }

// APIDoes reports whether the management API is declared to do something of
// PREFLIGHT_API_CAN.
func (c *Config) APIDoes(what string) bool { return slices.Contains(c.APICan, what) }

// Promises reports whether the app does what the word of APP_PROMISES says.
func (c *Config) Promises(what string) bool { return slices.Contains(c.AppPromises, what) }

// MayReach reports whether PREFLIGHT_ALLOWED_HOSTS lets the suite go to a host.
// A pattern such as *.acme.test stands for every host below acme.test.
func (c *Config) MayReach(host string) bool {
	if len(c.AllowedHosts) == 0 {
		return true
	}
	return matchesAny(c.AllowedHosts, host)
}

// CustomersLetThrough reports whether a customer's firewall lets a host through
// once its administrators have done what they were told: the app, the auth
// environment, and PREFLIGHT_CUSTOMER_HOSTS.
func (c *Config) CustomersLetThrough(host string) bool {
	return strings.EqualFold(host, c.AppURL.Hostname()) || strings.EqualFold(host, c.EnvironmentURL.Hostname()) || matchesAny(c.CustomerHosts, host)
}

func matchesAny(patterns []string, host string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		below, wild := strings.CutPrefix(pattern, "*")
		return pattern == "*" || strings.EqualFold(pattern, host) ||
			wild && len(host) > len(below) && strings.HasSuffix(strings.ToLower(host), strings.ToLower(below))
	})
}

// PortalWord is what the admin portal says for a word of Scalekit's guides.
func (c *Config) PortalWord(english string) string {
	words, _ := parseTranslations(c.PortalWords) // was parsed before
	return cmp.Or(words[strings.ToLower(english)], english)
}

// parseTranslations reads "word = its translation; word = its translation"; the
// words come in lower case.
func parseTranslations(text string) (map[string]string, error) {
	words := map[string]string{}
	for pair := range strings.SplitSeq(text, ";") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		word, said, ok := strings.Cut(pair, "=")
		if word, said = strings.TrimSpace(word), strings.TrimSpace(said); !ok || word == "" || said == "" {
			return nil, fmt.Errorf("holds %q, but takes word = its translation; word = its translation", strings.TrimSpace(pair))
		}
		words[strings.ToLower(word)] = said
	}
	return words, nil
}

// UsersURL is where administrators look after the people of their organization.
func (c *Config) UsersURL() string { return cmp.Or(c.UsersAddress, c.Env("/ui/")) }

// App is the absolute address of path, which may carry a query, at the app.
func (c *Config) App(path string) string { return join(c.AppURL, path) }

// AppWith is App with parameters added to the query, if any, that path carries.
func (c *Config) AppWith(path string, parameters url.Values) string {
	separator := "?"
	if strings.Contains(path, "?") {
		separator = "&"
	}
	return c.App(path) + separator + parameters.Encode()
}

// IsAt reports whether u is the app's page of path, whatever their queries say.
func (c *Config) IsAt(u *url.URL, path string) bool {
	at, err := url.Parse(c.App(path))
	return err == nil && u.Path == at.Path
}

// Switch is where somebody chooses another of their organizations at the app: a
// page of its own or, where it has none, the initiate-login address with
// Scalekit's parameter for it (spec/oauth.md 7.1).
func (c *Config) Switch() string {
	if c.AppSwitchPath != "" {
		return c.App(c.AppSwitchPath)
	}
	return c.AppWith(c.AppInitiateLoginPath, url.Values{"prompt": {"select_account"}})
}

// Env is the absolute address of path at the auth environment.
func (c *Config) Env(path string) string { return join(c.EnvironmentURL, path) }

func join(base *url.URL, path string) string {
	if path != "" && !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	return base.String() + path
}

// Address makes an address of its own from a pattern such as {id}@inbox.test.
// A pattern without {id} is a fixed account and stays as it is.
func Address(pattern, id string) string { return strings.ReplaceAll(pattern, "{id}", id) }

// OpenInbox opens the inbox of PREFLIGHT_INBOX_URL; client is for those that
// speak HTTP. The error is one sentence and names the variable.
func (c *Config) OpenInbox(client *http.Client) (inbox.Inbox, error) {
	return inbox.Open(inbox.Settings{URL: c.InboxURL, Address: c.InboxAddress, Password: c.InboxPassword, Client: client, Roots: c.roots})
}

// Secrets returns every text that must not reach a report, longest first: the
// secret variables, passwords inside addresses, and the lines of private keys.
func (c *Config) Secrets() []string {
	var all []string
	for _, v := range Variables() {
		text := c.values[v.Name].text
		switch {
		case text == "":
		case v.Secret:
			all = append(all, text)
		case v.secretFile:
			all = append(all, keyLines(reflect.ValueOf(c).Elem().Field(v.field).String())...)
		default:
			if _, rest, ok := strings.Cut(text, "://"); ok && strings.Contains(rest, "@") {
				if u, err := url.Parse(text); err == nil && u.User != nil {
					if password, ok := u.User.Password(); ok && password != "" {
						all = append(all, password)
						_, encoded, _ := strings.Cut(u.User.String(), ":")
						all = append(all, encoded)
					}
				}
			}
		}
	}
	slices.SortFunc(all, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	return slices.Compact(all)
}

// keyLines are the base64 lines of a PEM file: artefacts fold and escape line
// breaks, so the key is looked for line by line. Short ends are left out, they
// could be anything.
func keyLines(path string) []string {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	var lines []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); len(line) >= 16 && !strings.HasPrefix(line, "-----") {
			lines = append(lines, line)
		}
	}
	return lines
}

// Roots is the system's certificate authorities and the one of
// PREFLIGHT_CA_FILE; nil, which stands for the system's, where none is named.
func (c *Config) Roots() (*x509.CertPool, error) { return c.roots, nil }

func (c *Config) readRoots() error {
	pem, err := os.ReadFile(c.CAFile)
	if err != nil {
		return fmt.Errorf("PREFLIGHT_CA_FILE cannot be read: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return fmt.Errorf("PREFLIGHT_CA_FILE names %s, which holds no PEM certificate", c.CAFile)
	}
	c.roots = pool
	return nil
}

// Client is the suite's HTTP client: *.localhost is loopback, the deployment's
// CA is trusted, redirects are answers and not followed, a request takes at
// most 15 s (times PREFLIGHT_TIMEOUT_FACTOR). All callers share it.
func (c *Config) Client() *http.Client { return c.client }

func newClient(transport http.RoundTripper, factor float64) *http.Client {
	return &http.Client{
		Transport:     transport,
		Timeout:       time.Duration(float64(requestTimeout) * factor),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
