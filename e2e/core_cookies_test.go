package e2e

import (
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/browser"
	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/screens"
)

// jwtShape finds anything that looks like a signed token.
var jwtShape = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*`)

// refreshShape finds Scalekit's opaque refresh tokens (spec/oauth.md 0.2).
var refreshShape = regexp.MustCompile(`\brt_[A-Za-z0-9_-]{16,}`)

// What carries a session is out of reach of scripts, other sites and guessers.
func TestCookies(t *testing.T) {
	item := begin(t, "core/cookies")

	item.Case("no script can read a cookie that carries the session", advice{
		Why:      "one injected script, of a third party too, takes over every account that loads it",
		Mend:     "set HttpOnly on the session's cookies",
		Standard: "OWASP ASVS 3.3.4",
	}, func(c *check) {
		for _, cookie := range c.sessionCookies(c.signedIn()) {
			assert.True(c, cookie.HTTPOnly, "HttpOnly of %s", cookie.Name)
		}
	})

	item.Case("the session's cookies travel over TLS only", advice{
		Why:      "a single http:// link in a café shows the session to everybody on the network",
		Mend:     "set Secure on the session's cookies; the prefix __Host- makes the browser insist",
		Standard: "OWASP ASVS 3.3.1",
	}, func(c *check) {
		for _, cookie := range c.sessionCookies(c.signedIn()) {
			assert.True(c, cookie.Secure, "Secure of %s", cookie.Name)
		}
	})

	item.Case("the session's cookies belong to this host alone", advice{
		Why:      "with a Domain attribute every other host of the domain, also a forgotten one, gets and sets the session",
		Mend:     "leave the Domain attribute out",
		Standard: "OWASP ASVS 3.3.3; WSTG-SESS-02",
	}, func(c *check) {
		for _, cookie := range c.sessionCookies(c.signedIn()) {
			assert.True(c, cookie.HostOnly, "%s is sent to every host of %s", cookie.Name, cookie.Domain)
		}
	})

	anew := advice{
		Why:      "what was out of reach of scripts and eavesdroppers at the sign-in is within it a few minutes later, and nobody looks again",
		Mend:     "set the session's cookies in one place, with the same attributes each time",
		Standard: "OWASP ASVS 3.3.1, 3.3.3 and 3.3.4",
	}
	item.Case("cookies that a new sign-in sets are no less guarded than those of before", anew, func(c *check) {
		user := c.AnyUser()
		v := c.signedInAs(user, (*flows.Visitor).SignIn)
		before := c.sessionCookies(v)
		v.SignInAnew(user)
		v.VerifySignedIn(user)
		c.noLessGuarded(v, before, "a new sign-in")
	})

	item.Case("nor are those that come with new tokens", anew, func(c *check) {
		c.NeedEndOfAccess()
		user := c.AnyUser()
		v := c.signedInAs(user, (*flows.Visitor).SignIn)
		before := c.sessionCookies(v)
		c.Outlive(user, c.TokenLife())
		v.Goto(suite.cfg.App(suite.cfg.AppProtectedPath))
		if v.WhoAmI(user.Email) != "" { // who was thrown out instead is a matter of core/refresh
			c.noLessGuarded(v, before, "the first renewal")
		}
	})

	item.Case("another site cannot change anything in the person's name", advice{
		Why:      "a page that the person visits elsewhere changes their data while they are signed in",
		Mend:     "SameSite=Lax or Strict on the session's cookies, or a CSRF token or Origin check on every write",
		Standard: "OWASP ASVS 3.3.2 and 3.5.1",
	}, func(c *check) {
		c.Need("APP_PROFILE_PATH")
		v := c.signedIn()
		profile := suite.cfg.App(suite.cfg.AppProfilePath)
		form := v.FormOn(profile, `input[type="text"][name], input:not([type])[name], textarea[name]`)
		mark := "csrf-" + scriptSafe(c.unique())
		for name := range form.Fields {
			if form.Editable[name] {
				form.Fields.Set(name, mark)
			}
		}
		v.PostFromAnotherSite(form)
		seen := v.Fetch(http.MethodGet, profile)
		require.NotContains(c, string(seen.Body), mark, "the profile after another site posted its form")
	})

	item.Case("nor can it send any other form in the person's name", advice{
		Why:      "a guard was written for one form and forgotten at another; a page elsewhere writes into the person's data",
		Mend:     "guard every request that changes something, in one place, before the routes",
		Standard: "OWASP ASVS 3.5.1; CWE-352",
	}, func(c *check) {
		c.Cast(1)
		v := c.StageWithWindow().window // of somebody with the highest role, who is offered most
		mark := "csrf-" + scriptSafe(c.unique())
		home := suite.cfg.App(suite.cfg.AppProtectedPath)
		v.Goto(home)
		sent := 0
		for _, form := range screens.FormsOn(v.HTML(), v.URL()) {
			if form.Method != http.MethodPost || len(form.Editable) == 0 {
				continue
			}
			for name := range form.Editable {
				form.Fields.Set(name, mark)
			}
			v.PostFromAnotherSite(form)
			sent++
			require.NotContains(c, string(v.Fetch(http.MethodGet, home).Body), mark, "%s after another site posted its form to %s", suite.cfg.AppProtectedPath, form.Action.Path)
		}
		if sent == 0 {
			c.NotApplicable("the page of APP_PROTECTED_PATH has no form that somebody writes into")
		}
	})

	item.Case("sign-in works when the way back comes from another site", advice{
		Why:      "SameSite=Strict on the cookie that holds state drops it on the redirect back: every sign-in fails",
		Mend:     "use SameSite=Lax for the cookies that the callback needs",
		Standard: "RFC 6265bis §5.5; Scalekit COMMON-MISTAKES §6",
	}, func(c *check) { c.signedInOnPages() })

	item.Case("no token is in a place that scripts can read", advice{
		Why:      "one injected script sends the tokens away, and they work from anywhere",
		Mend:     "keep tokens on the server, or in HttpOnly cookies",
		Standard: "OWASP ASVS 10.1.1 and 14.3.3",
	}, func(c *check) {
		v := c.signedInOnPages()
		v.Goto(suite.cfg.App(suite.cfg.AppProtectedPath))
		readable := v.ScriptReadable()
		if path := suite.cfg.AppWhoamiPath; path != "" {
			readable["the answer of "+path] = string(v.Fetch(http.MethodGet, suite.cfg.App(path)).Body)
		}
		for place, text := range readable {
			assert.False(c, holdsToken(text), "a token in %s", place)
		}
	})

	item.Case("no cache on the way may keep what a session opens", advice{
		Why:      "a company's proxy, or the product's own CDN, answers one person with the data of another",
		Mend:     "send Cache-Control: no-store, or private, with every answer that depends on who asks",
		Standard: "OWASP ASVS 14.2.2; RFC 9111 §3.5, §5.2.2.9; CWE-525",
	}, func(c *check) {
		v := c.signedIn()
		for _, path := range []string{suite.cfg.AppProtectedPath, suite.cfg.AppWhoamiPath, suite.cfg.AppProfilePath, suite.cfg.AppAPIPath} {
			if path == "" {
				continue
			}
			says := strings.ToLower(strings.Join(v.Fetch(http.MethodGet, suite.cfg.App(path)).Header.Values("Cache-Control"), ","))
			kept := strings.Contains(says, "public") || strings.Contains(says, "s-maxage")
			assert.False(c, kept && !strings.Contains(says, "no-store"), "%s is answered with Cache-Control: %s", path, says)
		}
	})

	item.Case("no token travels in an address", advice{
		Why:      "addresses end up in history, logs and the Referer of every third party on the page",
		Mend:     "pass tokens in headers, bodies or cookies",
		Standard: "RFC 9700 §4.3.2; OWASP ASVS 14.2.1",
	}, func(c *check) {
		v := c.signedInOnPages()
		v.Goto(suite.cfg.App(suite.cfg.AppProtectedPath))
		for _, exchange := range v.Log() {
			assert.False(c, holdsToken(exchange.URL), "a token in an address of %s", hostOf(exchange.URL))
		}
	})

	item.Case("the session's id is new after the sign-in", advice{
		Why:      "who plants a session id before the sign-in shares the session after it (session fixation)",
		Mend:     "issue a new session id when somebody signs in, and forget the old one",
		Standard: "OWASP ASVS 7.2.4; CVE-2022-25896",
	}, func(c *check) {
		user := c.AnyUser()
		attacker, victim := c.Browser(), c.Browser()
		attacker.Goto(suite.cfg.App("/"))
		attacker.StartLogin("")
		victim.SetCookies(attacker.AppCookies()...)
		victim.SignIn(user)
		attacker.VerifySignedOut()
	})

	item.Case("a new sign-in ends the session that the browser had before", advice{
		Why:      "a copy of the session stays good for whoever took it, however often its owner signs in anew",
		Mend:     "end the session that a sign-in replaces, on the server; a new id alone leaves the old one good",
		Standard: "OWASP ASVS 7.2.4",
	}, func(c *check) {
		if suite.cfg.AppRevocationDelay > 0 {
			// Such a product keeps its tokens in the cookie. A copy renews itself as long
			// as the auth environment's session lasts, and that goes on at a new sign-in.
			c.NotApplicable("the product keeps no session on its server (APP_REVOCATION_DELAY): only a sign-out ends what a copy opens")
		}
		user := c.AnyUser()
		v := c.signedInAs(user, (*flows.Visitor).SignIn)
		copied := v.AppCookies()
		v.SignInAnew(user)
		v.VerifySignedIn(user)
		thief := c.Browser()
		thief.SetCookies(copied...)
		thief.VerifySignedOut()
	})

	item.Case("the auth environment's session of before does not become the next person's", advice{
		Why:      "who has used a computer, or has copied its cookies, is signed in as whoever signs in there next",
		Mend:     "give the auth environment's session a new cookie value at each sign-in",
		Standard: "OWASP ASVS 7.2.4; CWE-384",
	}, func(c *check) {
		users := c.AnyUsers(2)
		v := c.signedInAs(users[0], (*flows.Visitor).SignIn)
		copied := v.AuthCookies()
		v.SignInAnew(users[1])
		thief := c.Browser()
		thief.SetCookies(copied...)
		thief.TryToComeBackSilently()
		thief.VerifyNotSignedInAs(users[1])
	})

	item.Case("session ids cannot be guessed", advice{
		Why:      "who can count to the next session id is signed in as somebody else",
		Mend:     "make session ids from at least 128 bits of a cryptographic random source",
		Standard: "OWASP ASVS 7.2.3; CWE-330",
	}, func(c *check) {
		const sessions = 8
		v := c.signedIn()
		names := map[string]bool{}
		for _, cookie := range c.sessionCookies(v) {
			names[cookie.Name] = true
		}
		values := map[string]map[string]bool{}
		for range sessions {
			v.ClearCookies(v.OfApp)
			v.SignInAgainSilently()
			for _, cookie := range v.AppCookies() {
				if names[cookie.Name] {
					if values[cookie.Name] == nil {
						values[cookie.Name] = map[string]bool{}
					}
					values[cookie.Name][cookie.Value] = true
				}
			}
		}
		for name, seen := range values {
			require.Len(c, seen, sessions, "different values of %s in %d sessions", name, sessions)
			c.differWidely(seen)
		}
	})
}

// signedIn returns a browser that has the session of a new user.
func (c *check) signedIn() *flows.Visitor {
	c.Helper()
	return c.signedInBy((*flows.Visitor).SignIn)
}

// signedInOnPages returns a browser in which a new user has just signed in: what
// it makes of the way back, and what it kept of it, is its own.
func (c *check) signedInOnPages() *flows.Visitor {
	c.Helper()
	return c.signedInBy((*flows.Visitor).SignInOnPages)
}

func (c *check) signedInBy(way func(*flows.Visitor, *flows.User)) *flows.Visitor {
	c.Helper()
	return c.signedInAs(c.AnyUser(), way)
}

func (c *check) signedInAs(user *flows.User, way func(*flows.Visitor, *flows.User)) *flows.Visitor {
	c.Helper()
	v := c.Browser()
	way(v, user)
	v.VerifySignedIn(user)
	return v
}

// sessionCookies finds the application's cookies that carry the session, by
// effect and not by name: without one of them nobody is signed in, or with one
// of them alone somebody is. Names are free, and a session may be split over
// several cookies, or be held twice (an access token and what renews it).
func (c *check) sessionCookies(v *flows.Visitor) (carriers []browser.Cookie) {
	c.Helper()
	who := v.WhoAmI("")
	require.NotEmpty(c, who, "somebody must be signed in to find the session's cookies")
	jar := appCookies(v)
	// signedInWith asks with these cookies only. What the application renews
	// meanwhile is kept: its old value may be spent.
	signedInWith := func(names ...string) bool {
		v.ClearCookies(v.OfApp)
		for _, name := range names {
			v.SetCookies(jar[name])
		}
		signedIn := strings.EqualFold(v.WhoAmI(who), who)
		if signedIn {
			maps.Copy(jar, appCookies(v))
		}
		return signedIn
	}
	names := slices.Sorted(maps.Keys(jar))
	for _, name := range names {
		others := slices.DeleteFunc(slices.Clone(names), func(other string) bool { return other == name })
		if !signedInWith(others...) || signedInWith(name) {
			carriers = append(carriers, jar[name])
		}
	}
	v.ClearCookies(v.OfApp)
	for _, cookie := range jar {
		v.SetCookies(cookie)
	}
	for i, cookie := range carriers {
		carriers[i] = jar[cookie.Name] // as it was renewed last
	}
	require.NotEmpty(c, carriers, "cookies of the application that carry the session")
	return carriers
}

// noLessGuarded asserts that the cookies that carried the session before lack
// nothing, as they were set again, that none of them lacked then.
func (c *check) noLessGuarded(v *flows.Visitor, before []browser.Cookie, after string) {
	c.Helper()
	var again []browser.Cookie
	jar := appCookies(v)
	for _, carrier := range before {
		if cookie, there := jar[carrier.Name]; there {
			again = append(again, cookie)
		}
	}
	if len(again) == 0 {
		again = c.sessionCookies(v) // their names are new, too
	}
	known := unguarded(before)
	lost := slices.DeleteFunc(unguarded(again), func(guard string) bool { return slices.Contains(known, guard) })
	assert.Empty(c, lost, "what the cookies that carry the session have lost by %s", after)
}

// unguarded is what one or more of the cookies lack.
func unguarded(cookies []browser.Cookie) (lacking []string) {
	for _, cookie := range cookies {
		for guard, there := range map[string]bool{"HttpOnly": cookie.HTTPOnly, "Secure": cookie.Secure, "a host of their own": cookie.HostOnly} {
			if !there && !slices.Contains(lacking, guard) {
				lacking = append(lacking, guard)
			}
		}
	}
	return lacking
}

// appCookies are the application's cookies in this browser, by name.
func appCookies(v *flows.Visitor) map[string]browser.Cookie {
	jar := map[string]browser.Cookie{}
	for _, cookie := range v.AppCookies() {
		jar[cookie.Name] = cookie
	}
	return jar
}

// holdsToken reports whether a text holds a signed token or a refresh token in
// Scalekit's form. The text itself is not for the log.
func holdsToken(text string) bool {
	return jwtShape.MatchString(text) || refreshShape.MatchString(text)
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "an unreadable host"
	}
	return u.Host
}

func scriptSafe(s string) string { return url.PathEscape(s) }
