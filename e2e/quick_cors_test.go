package e2e

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/auth-preflight/auth-preflight/helpers/browser"
	"github.com/auth-preflight/auth-preflight/helpers/readiness"
)

const readInTheirName = "any page that a customer visits reads the product in the customer's name"

// No page of another origin reads an answer for which credentials were needed.
// What is public may be read by everybody: metadata, keys and a token endpoint
// that lets "*" in without credentials are right (DEFECTS.md, C-25).
func TestCORS(t *testing.T) {
	item := begin(t, "quick/cors")

	item.Case("no page of another origin reads what a session opens", advice{
		Why:      readInTheirName,
		Mend:     "compare Origin with a list of your own origins, as a whole, and leave the headers out for any other",
		Standard: "OWASP ASVS 3.4.2; CWE-942; Fetch §3.2",
	}, func(c *check) {
		user := c.AnyUser()
		v := c.Browser()
		v.SignIn(user)
		v.VerifySignedIn(user) // and so there is something to read
		private := privateAddresses()
		for _, origin := range foreignOrigins() {
			for address, read := range v.ReadFrom(origin, private) {
				assert.False(c, read.Allowed, "a script of %s read %s with credentials%s", origin, address, named(read.Text, user.Email))
			}
		}
	})

	item.Case("no other origin is let in to what a session opens", advice{
		Why:      readInTheirName,
		Mend:     "compare Origin with a list of your own origins, as a whole: not how it begins or ends, never \"null\", never \"*\" beside credentials",
		Standard: "OWASP ASVS 3.4.2; CWE-942; Fetch §3.2",
	}, func(c *check) {
		user := c.AnyUser()
		v := c.Browser()
		v.SignIn(user)
		var table corsTable
		for _, address := range privateAddresses() {
			for _, origin := range foreignOrigins() {
				simple := v.Fetch(http.MethodGet, address, browser.WithHeader("Origin", origin), browser.WithHeader("Accept", "application/json"))
				table.judge(c, origin, "GET "+address, simple.Header)
				asked := v.Fetch(http.MethodOptions, address, browser.WithHeader("Origin", origin), browser.WithHeader("Access-Control-Request-Method", http.MethodGet))
				table.judge(c, origin, "OPTIONS "+address, asked.Header)
			}
		}
		table.keep(c)
	})

	item.Case("token endpoint and userinfo let no other origin in with credentials", advice{
		Why:      "a page of an attacker's uses what the browser sends there by itself",
		Mend:     "list only your own origins as callback URLs of the environment: they are its CORS list, too",
		Standard: "OWASP ASVS 3.4.2; CWE-942; spec/oauth.md 1",
	}, func(c *check) {
		d, err := suite.world.API.Discovery(suite.ctx)
		if err != nil {
			c.Trouble("the discovery document cannot be read: %v", err)
		}
		var table corsTable
		for _, origin := range foreignOrigins() {
			for method, address := range map[string]string{http.MethodPost: d.TokenEndpoint, http.MethodGet: d.UserinfoEndpoint} {
				if address == "" {
					continue
				}
				simple := c.request(method, address, http.Header{"Origin": {origin}, "Content-Type": {"application/x-www-form-urlencoded"}})
				table.judge(c, origin, method+" "+address, simple.Header)
				asked := c.request(http.MethodOptions, address, http.Header{
					"Origin": {origin}, "Access-Control-Request-Method": {method}, "Access-Control-Request-Headers": {"authorization"},
				})
				table.judge(c, origin, "OPTIONS "+address, asked.Header)
			}
		}
		table.keep(c)
	})
}

// privateAddresses are the answers at the application that a session opens.
func privateAddresses() (addresses []string) {
	for _, path := range []string{suite.cfg.AppWhoamiPath, suite.cfg.AppAPIPath, suite.cfg.AppProtectedPath} {
		if address := suite.cfg.App(path); path != "" && !slices.Contains(addresses, address) {
			addresses = append(addresses, address)
		}
	}
	return addresses
}

// foreignOrigins are origins that are none of the deployment's, most of them
// made to look like the application's to a careless comparison. Names below
// the application's own are not among them: they belong to its owner.
func foreignOrigins() []string {
	app := suite.cfg.AppURL
	port := ""
	if app.Port() != "" {
		port = ":" + app.Port()
	}
	return []string{
		"https://attacker.preflight.invalid",
		app.Scheme + "://" + app.Hostname() + ".attacker.preflight.invalid" + port, // begins like it
		app.Scheme + "://" + app.Hostname() + "attacker.invalid" + port,            // the same, without a dot
		app.Scheme + "://attacker" + app.Host,                                      // ends like it
		"null",
	}
}

// corsTable judges answers by their CORS headers, and remembers them.
type corsTable struct{ rows []string }

// judge fails the case where a foreign origin may read the answer with
// credentials, or where an answer says "*" beside them.
func (t *corsTable) judge(c *check, origin, what string, header http.Header) {
	c.Helper()
	allowed, credentials := header.Get("Access-Control-Allow-Origin"), strings.EqualFold(header.Get("Access-Control-Allow-Credentials"), "true")
	t.rows = append(t.rows, fmt.Sprintf("%s from %s: origin %q, credentials %t", what, origin, allowed, credentials))
	assert.False(c, credentials && (allowed == origin || allowed == "*"),
		"%s, asked from %s, said Access-Control-Allow-Origin: %s and Access-Control-Allow-Credentials: true", what, origin, allowed)
}

func (t *corsTable) keep(c *check) {
	c.results.Evidence(readiness.Evidence{Kind: "text", Title: "What each origin was told", Text: strings.Join(t.rows, "\n")})
}

// named says whether a text that was read names somebody.
func named(text, email string) string {
	if strings.Contains(strings.ToLower(text), strings.ToLower(email)) {
		return ", and found who is signed in"
	}
	return ""
}

// answered is an answer to a request without a browser.
type answered struct {
	Status int
	Header http.Header
	Body   string
}

// request sends a request of nobody's: no cookie, no browser.
func (c *check) request(method, address string, header http.Header) answered {
	c.Helper()
	request, err := http.NewRequestWithContext(suite.ctx, method, address, nil)
	if err != nil {
		c.Trouble("%s is no address: %v", address, err)
	}
	request.Header = header
	response, err := suite.client.Do(request)
	if err != nil {
		c.Trouble("%s does not answer: %v", address, err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, 8<<20))
	if err != nil {
		c.Trouble("%s broke off: %v", address, err)
	}
	return answered{response.StatusCode, response.Header, string(body)}
}
