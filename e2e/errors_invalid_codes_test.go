package e2e

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/browser"
	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
)

// internals are what an error page shows of a program, not to a person.
var internals = regexp.MustCompile(`(?i)goroutine \d|traceback \(most recent|stack trace|\bat [\w.$<>]+ ?\(.*:\d+|unhandled|\bpanic:|/node_modules/|oauth2: `)

// A code that is not this browser's, or no code at all, opens nothing and ends
// on a page with a way on.
func TestInvalidCodes(t *testing.T) {
	item := begin(t, "errors/invalid-codes")

	mend := "exchange the code first; when the environment refuses it show a page that says so, with a link to sign in again"
	why := "anybody is signed in by an address that they made up, or somebody who was slow meets a dead end"

	item.Case("a made-up code opens no session, and the page leads on", advice{Why: why, Mend: mend, Standard: "OWASP WSTG-ERRH; RFC 6749 §5.2"},
		func(c *check) {
			v := c.Browser()
			state := v.StartLogin("").Get("state")
			c.codeRefused(v, scalekit.NewNonce(), state)
		})

	item.Case("a code that was used opens no session in another browser", advice{Why: why, Mend: mend, Standard: "RFC 6749 §4.1.2"},
		func(c *check) {
			user := c.AnyUser()
			v, other := c.Browser(), c.Browser()
			callback := v.LoginUpToCallback(user)
			v.Goto(callback.URL())
			v.VerifySignedIn(user)
			state := other.StartLogin("").Get("state")
			c.codeRefused(other, callback.Code, state)
			v.VerifySignedIn(user) // the rightful person keeps the session
		})

	item.Case("a code that is over opens no session", advice{Why: why, Mend: mend, Standard: "RFC 6749 §4.1.2"},
		func(c *check) {
			c.NeedTime(suite.cfg.CodeLifetime)
			user := c.AnyUser()
			v := c.Browser()
			callback := v.LoginUpToCallback(user)
			c.OutliveBy(user, suite.cfg.CodeLifetime, 5*time.Minute)
			c.codeRefused(v, callback.Code, callback.State)
		})

	item.Case("a fresh code of another client opens no session", advice{Why: why, Mend: mend, Standard: "RFC 6749 §4.1.3"},
		func(c *check) {
			c.Need("PREFLIGHT_SECOND_CLIENT_ID", "PREFLIGHT_SECOND_REDIRECT_URI")
			attacker, victim := c.Browser(), c.Browser()
			grant := attacker.ObtainCode(c.AnyUser(), func(request url.Values) {
				request.Set("client_id", suite.cfg.SecondClientID)
				request.Set("redirect_uri", suite.cfg.SecondRedirectURI)
			})
			state := victim.StartLogin("").Get("state")
			c.codeRefused(victim, grant.Code, state)
		})

	item.Case("a fresh code of another browser opens no session", advice{
		Why:      "an attacker's code under the victim's own state signs the victim in as the attacker, and a stolen one the attacker as the victim",
		Mend:     "send PKCE or a nonce with every login, and check them",
		Standard: "RFC 9700 §4.5",
	}, func(c *check) {
		c.NeedPromise("pkce")
		attacker, victim := c.Browser(), c.Browser()
		callback := attacker.LoginUpToCallback(c.AnyUser())
		state := victim.StartLogin("").Get("state")
		c.codeRefused(victim, callback.Code, state)
	})

	item.Case("codes of every shape end without a crash, and are not shown as markup", advice{
		Why:      "one bad link takes the server down, or runs a stranger's script on the product's page",
		Mend:     "treat the code as opaque text: bound its length, escape it, and answer what cannot be exchanged with the same page",
		Standard: "OWASP ASVS 1.2.1 and 16.5.1; WSTG-ERRH",
	}, func(c *check) {
		const script = "<script>preflight()</script>"
		for _, code := range []string{"", " ", script, `"><img src=x onerror=preflight()>`, strings.Repeat("A", 4000), "%00", "\r\nSet-Cookie: x=1", "../../etc/passwd", "' OR 1=1 --", "ünï"} {
			v := c.Browser()
			state := v.StartLogin("").Get("state")
			answer := v.Fetch(http.MethodGet, suite.cfg.AppWith(suite.cfg.AppCallbackPath, url.Values{"code": {code}, "state": {state}}))
			assert.Less(c, answer.Status, 500, "HTTP status with the code %.40q", code)
			assert.NotContains(c, string(answer.Body), script, "the answer to the code %.40q", code)
			assert.NotContains(c, string(answer.Body), "<img src=x", "the answer to the code %.40q", code)
			v.VerifySignedOut()
		}
	})

	item.Case("a callback without a code opens no session, and the page leads on", advice{Why: why, Mend: mend, Standard: "RFC 6749 §4.1.2"},
		func(c *check) {
			v := c.Browser()
			state := v.StartLogin("").Get("state")
			c.codeRefused(v, "", state)
		})
}

// codeRefused brings a code to the application's callback, under a state that
// this browser was given, and asserts that nobody is signed in by it and that
// the page is one for people.
func (c *check) codeRefused(v *flows.Visitor, code, state string) {
	c.Helper()
	v.Step("bring a bad code to the callback")
	answer := v.Goto(suite.cfg.AppWith(suite.cfg.AppCallbackPath, url.Values{"code": {code}, "state": {state}}))
	v.VerifySignedOut()
	c.forPeople(v, answer)
}

// forPeople asserts that the page at hand says something to a person, nothing
// of the program behind it, and leads on.
func (c *check) forPeople(v *flows.Visitor, answer *browser.Answer) {
	c.Helper()
	require.Less(c, answer.Status, 500, "HTTP status of the page")
	text := strings.TrimSpace(v.Text())
	require.NotEmpty(c, text, "the page at %s is blank", v.URL())
	assert.NotRegexp(c, internals, text, "the page shows what only programmers read")
	assert.False(c, strings.HasPrefix(text, "{"), "the page is raw data: %.80q", text)
	v.VerifyWayOn()
}
