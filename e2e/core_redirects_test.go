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
	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
)

// attackersHost belongs to nobody (RFC 2606).
const attackersHost = "attacker.preflight.invalid"

// Codes and people are sent to registered addresses only, and nearly the same
// is not the same.
func TestRedirects(t *testing.T) {
	item := begin(t, "core/redirects")

	exact := advice{
		Why:      "a code that is sent to an address that the product did not choose signs a stranger in",
		Mend:     "compare redirect_uri with the registered ones as strings; remove wildcards and test addresses from the dashboard",
		Standard: "RFC 9700 §4.1; OWASP ASVS 10.4.1",
	}
	for _, part := range nearMisses() {
		item.Case("a redirect URI that differs in its "+part.name+" is refused", exact, func(c *check) {
			registered := suite.cfg.App(suite.cfg.AppCallbackPath)
			agent := c.knownAgent()
			for _, uri := range part.of(*suite.cfg.AppURL, suite.cfg.AppCallbackPath) {
				if uri != registered && uri != suite.cfg.AppSecondRedirectURI {
					c.notSentTo(agent, url.Values{"redirect_uri": {uri}})
				}
			}
		})
	}

	item.Case("of two redirect URIs a stranger's is never served", exact, func(c *check) {
		registered := suite.cfg.App(suite.cfg.AppCallbackPath)
		foreign := "https://" + attackersHost + "/callback"
		agent := c.knownAgent()
		for _, pair := range [][]string{{registered, foreign}, {foreign, registered}, {registered, registered + "/x"}} {
			c.notSentTo(agent, url.Values{"redirect_uri": pair})
		}
	})

	item.Case("an error is not sent to an address that was not registered", advice{
		Why:      "a link to the real sign-in ends on a look-alike that asks for the password",
		Mend:     "check client and redirect URI before anything else, and show a page where they are wrong",
		Standard: "RFC 6749 §4.1.2.1; RFC 9700 §4.11",
	}, func(c *check) {
		agent := flows.NewAgent(c, suite.world)
		foreign := "https://" + attackersHost + "/callback"
		for name, broken := range map[string]url.Values{
			"no response_type":     {"response_type": {""}},
			"another type":         {"response_type": {"token"}},
			"no scope":             {"scope": {""}},
			"prompt=none":          {"prompt": {"none"}},
			"prompt=none login":    {"prompt": {"none login"}},
			"a plain challenge":    {"code_challenge_method": {"plain"}},
			"a connection unknown": {"connection_id": {"conn_66666666666666666"}},
		} {
			broken.Set("redirect_uri", foreign)
			_, end := agent.Authorize(broken)
			assert.True(c, end.Followed, "with %s the error was sent to %s (HTTP %d)", name, end.URL.Redacted(), end.Status)
		}
	})

	item.Case("signing out at the auth environment leads to registered addresses only", advice{
		Why:      "a link to the real sign-out page ends on a look-alike that asks for the password",
		Mend:     "compare post_logout_redirect_uri with the registered list, exactly",
		Standard: "OpenID Connect RP-Initiated Logout 1.0 §3; RFC 9700 §4.11",
	}, func(c *check) {
		agent := flows.NewAgent(c, suite.world)
		hint := c.Browser().ObtainTokens(c.AnyUser()).IDToken
		registered := suite.cfg.App(suite.cfg.AppPostLogoutPath)
		sent := func(uri string) flows.Stop {
			return agent.Get(suite.world.API.LogoutURL(url.Values{
				"id_token_hint": {hint}, "post_logout_redirect_uri": {uri}, "client_id": {suite.cfg.AppClientID},
			}))
		}
		if end := sent(registered); end.Followed {
			c.NotVerified("set APP_POST_LOGOUT_PATH to a registered post-logout address: " + registered + " is none")
		}
		for _, part := range nearMisses() {
			for _, uri := range part.of(*suite.cfg.AppURL, suite.cfg.AppPostLogoutPath) {
				if uri == registered || strings.HasPrefix(uri, registered+"#") {
					continue
				}
				end := sent(uri)
				leftFor := end.URL.String()
				assert.True(c, end.Followed || leftFor == registered, "post_logout_redirect_uri=%q: the browser is sent to %s", uri, leftFor)
			}
		}
		for _, lacking := range []string{"client_id", "id_token_hint", "client_id and id_token_hint"} {
			parameters := url.Values{"id_token_hint": {hint}, "client_id": {suite.cfg.AppClientID}}
			for name := range parameters {
				if strings.Contains(lacking, name) {
					parameters.Del(name)
				}
			}
			usual := agent.Get(suite.world.API.LogoutURL(parameters)).URL.String() // without a wish
			for _, uri := range otherSites() {
				parameters.Set("post_logout_redirect_uri", uri)
				end := agent.Get(suite.world.API.LogoutURL(parameters))
				leftFor := end.URL.String()
				assert.True(c, end.Followed || leftFor == registered || leftFor == usual, "post_logout_redirect_uri=%q without %s: the browser is sent to %s", uri, lacking, leftFor)
			}
		}
	})

	open := advice{
		Why:      "a link to the real login ends on a look-alike that asks for the password again",
		Mend:     "keep only paths of your own: resolve the address as browsers do (WHATWG URL) and compare its origin with yours",
		Standard: "OWASP ASVS 3.7.2; CWE-601; DEFECTS.md C-23",
	}
	item.Case("after the sign-in the return-to address leads to no other site", open, func(c *check) {
		if suite.cfg.AppReturnToParam == "" {
			c.NotVerified("set APP_RETURN_TO_PARAM (see .env.example)")
		}
		v := c.signedIn()
		wanted := suite.cfg.AppProtectedPath
		require.Empty(c, v.ReturnTo(v.LoginURL(wanted)), "where a sign-in with a path of its own leads")
		for _, next := range openRedirects() {
			leaving := v.ReturnTo(v.LoginURL(next))
			assert.Empty(c, leaving, "%s=%q: the browser is sent to another place", suite.cfg.AppReturnToParam, next)
		}
	})

	item.Case("nor does it after a sign-in that was cancelled", open, func(c *check) {
		if suite.cfg.AppReturnToParam == "" {
			c.NotVerified("set APP_RETURN_TO_PARAM (see .env.example)")
		}
		v := c.Browser()
		cancelled := func(next string) string {
			return suite.cfg.AppWith(suite.cfg.AppLoginPath, url.Values{suite.cfg.AppReturnToParam: {next}, "error": {"access_denied"}})
		}
		usual := v.ReturnTo(cancelled(suite.cfg.AppProtectedPath)) // where a product has such people, if not here
		for _, next := range openRedirects() {
			leaving := v.ReturnTo(cancelled(next))
			assert.True(c, leaving == "" || leaving == usual, "%s=%q and error=access_denied at the login: the browser is sent to %s", suite.cfg.AppReturnToParam, next, leaving)
		}
		for _, next := range otherSites() {
			request := v.HoldAuthorize()
			v.Goto(v.LoginURL(next))
			if request.Came() { // else the address was refused at once
				leaving := v.ReturnTo(refusal(c, request.Await().URL, "access_denied"))
				assert.True(c, leaving == "" || leaving == usual, "%s=%q, and error=access_denied at the callback: the browser is sent to %s", suite.cfg.AppReturnToParam, next, leaving)
			}
			request.Release()
		}
	})

	item.Case("in a browser a sign-in with a return-to address of another site ends at the application", open, func(c *check) {
		if suite.cfg.AppReturnToParam == "" {
			c.NotVerified("set APP_RETURN_TO_PARAM (see .env.example)")
		}
		v := c.signedIn()
		for _, next := range otherSites() {
			away := v.Hold("another site", func(u *url.URL) bool { return strings.HasSuffix(u.Hostname(), attackersHost) })
			v.Goto(v.LoginURL(next))
			assert.False(c, away.Came(), "with %s=%q the browser went to another site", suite.cfg.AppReturnToParam, next)
			away.Release()
		}
	})

	afterSignOut := advice{
		Why:      open.Why,
		Mend:     "take the address after a sign-out from the configuration",
		Standard: open.Standard,
	}
	item.Case("after the application's sign-out no address of a stranger's is followed", afterSignOut, func(c *check) {
		v := c.signedIn()
		stranger := c.stranger(v)
		for _, target := range openRedirects() {
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				address := signOutTo(target)
				location := stranger(method, address).Header.Get("Location")
				assert.False(c, location != "" && v.LeavesApp(address, location), "%s %s with %q leads to %s", method, suite.cfg.AppLogoutPath, target, location)
			}
		}
	})

	item.Case("whoever is signed in and signs out is led to no address of a stranger's", afterSignOut, func(c *check) {
		v := c.signedIn()
		for _, target := range otherSites() {
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				if v.WhoAmI("") == "" {
					require.Empty(c, v.ReturnTo(v.LoginURL("")), "where a sign-in leads")
					require.NotEmpty(c, v.WhoAmI(""), "somebody must be signed in again")
				}
				address := signOutTo(target)
				// What the button sends: the page it is on is the application's own.
				location := v.Fetch(method, address, browser.WithHeader("Origin", origin(suite.cfg.AppURL))).Header.Get("Location")
				assert.False(c, location != "" && v.LeavesApp(address, location), "%s %s with %q leads to %s", method, suite.cfg.AppLogoutPath, target, location)
			}
		}
	})
}

// signOutTo is the application's sign-out with an address to go to next, under
// every name that products have for it.
func signOutTo(target string) string {
	query := url.Values{}
	for _, name := range []string{"next", "return_to", "returnTo", "redirect", "redirect_uri", "redirect_url", "post_logout_redirect_uri", "continue", "url"} {
		query.Set(name, target)
	}
	if name := suite.cfg.AppReturnToParam; name != "" {
		query.Set(name, target)
	}
	return suite.cfg.AppWith(suite.cfg.AppLogoutPath, query)
}

// nearMiss is one part of an address, and ways to have it nearly right.
type nearMiss struct {
	name string
	of   func(base url.URL, path string) []string
}

// nearMisses are addresses that browsers, libraries or people take for the
// registered one.
func nearMisses() []nearMiss {
	return []nearMiss{
		{"scheme, host or port", func(base url.URL, path string) []string {
			host, port := base.Hostname(), base.Port()
			behind := path
			if port != "" {
				behind = ":" + port + path
			}
			other := ":8443"
			if port == "8443" {
				other = ":9443"
			}
			uris := []string{
				"http://" + host + behind, "//" + host + behind, "javascript://" + host + behind, base.Scheme + ":" + host + behind,
				base.Scheme + "://" + host + other + path,
				base.Scheme + "://evil." + host + behind, base.Scheme + "://" + host + "." + attackersHost + path,
				base.Scheme + "://" + attackersHost + path, base.Scheme + "://x" + host + behind, base.Scheme + "://" + host + "." + behind,
				base.Scheme + "://" + host + "@" + attackersHost + path, base.Scheme + "://" + attackersHost + "@" + host + behind,
				base.Scheme + "://" + host + `\@` + attackersHost + path, base.Scheme + "://" + attackersHost + `\@` + host + behind,
				base.Scheme + "://" + attackersHost + "%2f@" + host + behind, base.Scheme + "://" + attackersHost + "#@" + host + behind,
				base.Scheme + "://" + attackersHost + "?@" + host + behind,
				base.Scheme + "://127.0.0.1" + behind, base.Scheme + "://[::1]" + behind, base.Scheme + "://2130706433" + behind,
				base.Scheme + "://" + strings.Replace(host, "a", "а", 1) + behind, // Cyrillic
				base.Scheme + "://" + strings.ToUpper(host) + behind, strings.ToUpper(base.Scheme) + "://" + host + behind,
			}
			if port == "" {
				uris = append(uris, base.Scheme+"://"+host+":443"+path)
			} else {
				uris = append(uris, base.Scheme+"://"+host+path)
			}
			return uris
		}},
		{"path", func(base url.URL, path string) []string {
			origin := base.Scheme + "://" + base.Host
			uris := []string{
				origin + path + "/", origin + path + "//", origin + "/" + path, origin + path + "x", origin + path + "/../x", origin + path + "/x",
				origin + "/x/.." + path, origin + "/." + path, origin + "/%2e" + path, origin + path + "/.", origin + path + "%00", origin + path + "%20",
				origin + path + ";x=1", origin + path + `\x`, origin + path + "%2f..%2fx", origin + "/", origin, origin + "/open-redirect",
				origin + "/" + attackersHost, origin + strings.ReplaceAll(path, "/", `\`), origin + path + ".evil.test",
			}
			if upper := strings.ToUpper(path); upper != path {
				uris = append(uris, origin+upper)
			}
			if len(path) > 1 {
				uris = append(uris, origin+"/%"+hexOf(path[1])+path[2:], origin+path[:len(path)-1])
			}
			return uris
		}},
		{"query, fragment or white space", func(base url.URL, path string) []string {
			whole := base.Scheme + "://" + base.Host + path
			return []string{
				whole + "?", whole + "?next=https://" + attackersHost, whole + "?code=x", whole + "&x=1", whole + "#", whole + "#x",
				whole + "%23x", whole + " ", " " + whole, whole + "\t", whole + "\n", "\t" + whole, whole + "," + "https://" + attackersHost,
				whole + " https://" + attackersHost, "", "null", "*",
			}
		}},
	}
}

// otherSites are the plainest ways to name another site, for where each costs
// a sign-in.
func otherSites() []string {
	return []string{"https://" + attackersHost + "/", "//" + attackersHost, `/\` + attackersHost, "https:" + attackersHost}
}

// openRedirects are ways to name another site that careless products take for
// a path of their own.
func openRedirects() []string {
	const evil = attackersHost
	app := suite.cfg.AppURL
	return []string{
		"https://" + evil + "/", "http://" + evil, "//" + evil, "///" + evil, "////" + evil, `/\` + evil, `\/` + evil, `\\` + evil, `/\/` + evil,
		"https:" + evil, "https:/" + evil, `https:\\` + evil, "HTTPS://" + evil, "/\t/" + evil, "/\n/" + evil, "/\r/" + evil, "\t//" + evil, " //" + evil, "\x00//" + evil,
		"%2f%2f" + evil, "/%2f" + evil, "/%5c" + evil, "//" + evil + "/" + app.Host, "//" + app.Host + "@" + evil, app.String() + "@" + evil,
		strings.TrimSuffix(app.String(), "/") + "." + evil, "https://" + evil + "#" + app.Host, "https://" + evil + "?" + app.Host, "https://" + evil + `\@` + app.Host,
		"javascript:alert(1)", "java\tscript:alert(1)", " javascript:alert(1)", "data:text/html,x", "vbscript:x",
		"/.//" + evil, "/a/..//" + evil, "./" + "/" + evil, "?//" + evil, "#//" + evil, "//" + evil + "。invalid",
	}
}

func hexOf(b byte) string {
	const digits = "0123456789abcdef"
	return string(digits[b>>4]) + string(digits[b&15])
}

// knownAgent is an agent with a session at the auth environment: what a request
// is worth shows at once, without a page. It first shows that the registered
// address gets a code, so that the refusals mean something.
func (c *check) knownAgent() *flows.Agent {
	c.Helper()
	v := c.signedIn()
	agent := v.Agent()
	grant, end := agent.Authorize(nil)
	require.NotEmpty(c, end.URL.Query().Get("code"), "a code at the registered address %s; the browser ended at %s (HTTP %d)",
		grant.RedirectURI, end.URL.Redacted(), end.Status)
	return agent
}

// notSentTo asserts that an authorization request with these parameters sends
// neither a code nor anything else outside, unless it is the registered address.
func (c *check) notSentTo(agent *flows.Agent, parameters url.Values) {
	c.Helper()
	_, end := agent.Authorize(parameters)
	suite.learn(end.URL.Query().Get("code"))
	bare := *end.URL
	bare.RawQuery = ""
	atHome := bare.String() == suite.cfg.App(suite.cfg.AppCallbackPath) && parameters.Get("redirect_uri") != ""
	duplicated := len(parameters["redirect_uri"]) > 1
	assert.True(c, end.Followed || duplicated && atHome, "redirect_uri=%q is not registered, and the browser is sent to %s (HTTP %d)",
		parameters["redirect_uri"], bare.String(), end.Status)
}

// stranger asks the application without anybody's cookies.
func (c *check) stranger(v *flows.Visitor) func(method, address string) *browser.Answer {
	return func(method, address string) *browser.Answer {
		return v.Fetch(method, address, browser.WithHeader("Cookie", "stranger="+scalekit.NewNonce()[:8]))
	}
}
