package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/browser"
	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/screens"
)

// brokenAnswers are the ways in which the token endpoint does not answer.
var brokenAnswers = []struct {
	name  string
	fault fault
}{
	{"is down", fault{Status: http.StatusServiceUnavailable}},
	{"is slower than anybody waits", fault{DelayMS: 60000}},
	{"cuts the connection", fault{Reset: true}},
	{"answers with a page instead of data", fault{Status: http.StatusOK, Type: "text/html", Body: "<!doctype html><title>Maintenance</title><h1>Back soon</h1>"}},
	{"breaks off in the middle of its data", fault{Status: http.StatusOK, Type: "application/json", Body: `{"access_token":"eyJ`}},
	{"answers with data that has no tokens in it", fault{Status: http.StatusOK, Type: "application/json", Body: `{}`}},
}

// Trouble on the network ends in a page that a person understands, soon, and in
// nobody's session.
func TestNetwork(t *testing.T) {
	item := begin(t, "errors/network")

	for _, broken := range brokenAnswers {
		item.Case("when the auth environment "+broken.name+", people see why, and trying again works", advice{
			Why:      "people sit before a spinner or a raw error, give up, and call support",
			Mend:     "bound every call to the environment by a few seconds, treat whatever is no token answer as an outage, and show a page with a way to try again",
			Standard: "OWASP ASVS 16.5.1 to 16.5.3; WSTG-ERRH",
		}, func(c *check) {
			user := c.AnyUser()
			v := c.Browser()
			v.OpenLogin("")
			code := v.RequestCode(user)
			end := c.Break(user, broken.fault.atAuth("/oauth/token"))
			v.EnterCode(code)
			c.explained(v)
			v.VerifySignedOut()
			end()
			v.GoOn(user)
			v.VerifySignedIn(user)
		})
	}

	item.Case("an outage while somebody works ends no session", advice{
		Why:      "one bad minute of the sign-in service throws everybody out, and their work with them",
		Mend:     "keep the session when a refresh gets no answer; only a refusal (4xx) ends it",
		Standard: "CHECKLIST errors/network; RFC 6749 §5.2",
	}, func(c *check) {
		c.NeedEndOfAccess()
		user := c.AnyUser()
		v := c.Browser()
		v.SignIn(user)
		c.Outlive(user, c.TokenLife())
		end := c.Break(user, fault{Status: http.StatusServiceUnavailable}.atAuth("/oauth/token"))
		v.Step("open a protected page while the auth environment is down")
		v.Goto(suite.cfg.App(suite.cfg.AppProtectedPath))
		c.explained(v)
		end()
		v.VerifySignedIn(user) // without a new sign-in
	})

	item.Case("somebody can leave while the auth environment is down", advice{
		Why:      "who leaves a shared computer stays signed in",
		Mend:     "end the own session first; telling the auth environment comes after, and may fail",
		Standard: "OWASP ASVS 7.4.1",
	}, func(c *check) {
		user := c.AnyUser()
		v := c.Browser()
		v.SignIn(user)
		if suite.cfg.FaultURL != "" {
			c.Break(user, fault{Status: http.StatusServiceUnavailable}.atAuth("/"))
		}
		outage := v.Unreachable(origin(suite.cfg.EnvironmentURL))
		v.PressSignOut()
		v.VerifySignedOut()
		outage.End()
	})

	item.Case("a sign-in works again when the network does", advice{
		Why:      "people on a train cannot get in before they have cleared their cookies",
		Mend:     "keep what a sign-in that broke off leaves behind from standing in the way of the next one",
		Standard: "CHECKLIST errors/network",
	}, func(c *check) {
		user := c.AnyUser()
		v := c.Browser()
		outage := v.Unreachable(origin(suite.cfg.EnvironmentURL))
		v.Step("begin a sign-in without a way to the auth environment")
		require.NotEmpty(c, v.Attempt(v.LoginURL("")), "what the browser says about an auth environment whose name is in no DNS")
		v.VerifySignedOut()
		outage.End()
		v.OpenLogin("")
		code := v.RequestCode(user)
		outage = v.Unreachable(origin(suite.cfg.AppURL))
		v.Step("come back while the application cannot be reached")
		v.EnterCode(code)
		outage.End()
		v.VerifySignedOut()
		v.Step("load the page again")
		v.Reload()
		if v.WhoAmI(user.Email) == "" {
			v.GoOn(user)
		}
		v.VerifySignedIn(user)
	})

	item.Case("a broken callback is answered with a page for people", advice{
		Why:      "a stack trace tells attackers what runs there, and everybody else that something is badly wrong",
		Mend:     "read parameters defensively, catch what is thrown, log the details and show a page with a reference",
		Standard: "OWASP ASVS 16.5.1; WSTG-ERRH-02; CWE-209",
	}, func(c *check) {
		v := c.Browser()
		v.Goto(v.LoginURL("")) // a browser with a sign-in under way
		callback := suite.cfg.App(suite.cfg.AppCallbackPath)
		for _, query := range []string{
			"", "code=", "state=", "code=x", "code=x&code=y&state=z&state=", "code[]=x&state[]=y", "code=%00&state=%ff%fe", "code=%zz",
			"code=" + strings.Repeat("A", 6000) + "&state=x", "error=server_error", "error=%3Cb%3E&error_description=%00", "code='%22--;SELECT&state=$%7B7*7%7D",
		} {
			answer := v.Fetch(http.MethodGet, callback+"?"+query)
			c.fit(answer, "the callback with "+query)
		}
		v.VerifySignedOut()
	})

	item.Case("the words of an error are no markup", advice{
		Why:      "a link to the real site runs an attacker's page in it",
		Mend:     "escape error and error_description wherever they are shown",
		Standard: "OWASP ASVS 1.2.1; CWE-79",
	}, func(c *check) {
		v := c.Browser()
		const markup = `<img src=x onerror="window.preflightRan=1">`
		for _, path := range []string{suite.cfg.AppCallbackPath, suite.cfg.AppLoginPath} {
			answer := v.Fetch(http.MethodGet, suite.cfg.AppWith(path, url.Values{"error": {markup}, "error_description": {markup}}))
			assert.NotContains(c, string(answer.Body), markup, "the answer of %s", path)
		}
	})

	item.Case("a broken body is answered without the server's insides", advice{
		Why:      "a stack trace tells attackers what runs there",
		Mend:     "treat what cannot be read as a bad request, and keep the details for the log",
		Standard: "OWASP ASVS 16.5.1; WSTG-ERRH-02; CWE-209",
	}, func(c *check) {
		v := c.Browser()
		targets := map[string]string{"the token endpoint": suite.cfg.Env("/oauth/token")}
		for what, path := range map[string]string{
			"the back-channel logout": suite.cfg.AppBackchannelLogoutPath, "the webhook receiver": suite.cfg.AppWebhookPath,
			"the logout": suite.cfg.AppLogoutPath, "the profile page": suite.cfg.AppProfilePath,
		} {
			if path != "" {
				targets[what] = suite.cfg.App(path)
			}
		}
		for what, address := range targets {
			for _, body := range []struct{ kind, text string }{
				{"application/json", `{"a":`}, {"application/json", `[[[[1]]]]`}, {"application/x-www-form-urlencoded", "%zz&&=;\x00"},
				{"multipart/form-data; boundary=x", "--x\r\nContent-Dispos"}, {"text/xml", `<?xml version="1.0"?><a`}, {"", "\xff\xfe\x00"},
			} {
				c.fit(v.Fetch(http.MethodPost, address, browser.WithBody(body.kind, []byte(body.text))), what+" with a body of "+body.kind)
			}
		}
	})
}

// explained demands that the page at hand is one for people: it says
// something, tells nothing of the insides, and leads on.
func (c *check) explained(v *flows.Visitor) {
	c.Helper()
	text := strings.TrimSpace(v.Text())
	require.NotEmpty(c, text, "the words on %s", v.URL().Path)
	assert.Empty(c, screens.Insides(v.HTML()), "what the page tells of the server's insides")
	v.VerifyWayOn()
}

// fit demands that an answer to rubbish is a refusal, and tells nothing of the
// insides.
func (c *check) fit(answer *browser.Answer, what string) {
	c.Helper()
	assert.Less(c, answer.Status, 500, "HTTP status of %s", what)
	assert.Empty(c, screens.Insides(string(answer.Body)), "what the answer of %s tells of the server's insides", what)
}

// origin is scheme://host[:port] of an address.
func origin(u *url.URL) string { return u.Scheme + "://" + u.Host }
