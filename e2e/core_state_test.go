package e2e

import (
	"net/url"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
)

// loginCSRF is why state exists, and what every failing case of it allows.
const loginCSRF = "an attacker can sign a victim in to the attacker's account and collect what the victim then enters (login CSRF)"

// Only the browser that began a sign-in can end it.
func TestState(t *testing.T) {
	item := begin(t, "core/state")

	item.Case("every visitor gets a state of their own", advice{
		Why:      loginCSRF,
		Mend:     "make a random state for each login and keep it in this browser's session or cookie",
		Standard: "RFC 9700 §4.7; OWASP ASVS 10.2.1",
	}, func(c *check) {
		first, second := c.Browser().StartLogin("").Get("state"), c.Browser().StartLogin("").Get("state")
		require.NotEmpty(c, first, "state in the authorization request")
		require.NotEqual(c, first, second, "two visitors were given the same state")
	})

	item.Case("a state that was altered is refused", advice{
		Why:      loginCSRF,
		Mend:     "compare the callback's state with the one kept in this browser, and stop before the code is exchanged",
		Standard: "RFC 9700 §4.7; OWASP ASVS 10.2.1",
	}, func(c *check) {
		c.callbackRefused(func(callback flows.Callback) flows.Callback {
			callback.State = alter(callback.State)
			return callback
		})
	})

	for name, change := range map[string]func(string) string{
		"a state that was cut short is refused":     func(state string) string { return state[:len(state)-1] },
		"a state in another letter case is refused": swapCase,
	} {
		item.Case(name, advice{
			Why:      loginCSRF,
			Mend:     "compare the whole state, byte by byte",
			Standard: "RFC 9700 §4.7",
		}, func(c *check) {
			c.callbackRefused(func(callback flows.Callback) flows.Callback {
				callback.State = change(callback.State)
				return callback
			})
		})
	}

	item.Case("a callback without a state is refused", advice{
		Why:      loginCSRF,
		Mend:     "treat a missing state like a wrong one",
		Standard: "RFC 9700 §4.7",
	}, func(c *check) {
		c.callbackRefused(func(callback flows.Callback) flows.Callback {
			callback.State = ""
			return callback
		})
	})

	item.Case("a sign-in that was begun in one browser cannot be ended in another", advice{
		Why:      loginCSRF,
		Mend:     "look the state up in this browser's own cookie or session, not in a list of all that were issued",
		Standard: "OWASP ASVS 10.1.2; RFC 9700 §4.7",
	}, func(c *check) {
		attacker, victim := c.Browser(), c.Browser()
		callback := attacker.LoginUpToCallback(c.AnyUser())
		victim.StartLogin("") // a victim with a sign-in of their own under way
		victim.Goto(callback.URL())
		victim.VerifySignedOut()
	})

	item.Case("a state cannot be used again", advice{
		Why:      "an address from the history or a log, with a fresh code of the attacker's, signs the victim in as the attacker",
		Mend:     "forget a state as soon as its callback has come",
		Standard: "RFC 9700 §4.7",
	}, func(c *check) {
		people := c.AnyUsers(2)
		victim, attacker := people[0], people[1]
		v := c.Browser()
		request := v.LoginRequest()
		v.Goto(request)
		v.Identify(victim)
		v.AwaitLanding()
		v.VerifySignedIn(victim)
		// The same request once more, by somebody else: state, nonce and PKCE
		// challenge of the callback that results are the victim's own.
		again := c.Browser().AnswerRequest(request, attacker)
		v.Goto(again.URL())
		v.VerifyNotSignedInAs(attacker)
	})

	item.Case("the auth environment sends the state back with an error, too", advice{
		Why:      "the product cannot tell which sign-in has failed: it refuses the answer as a forged one, and nobody learns what was wrong",
		Mend:     "send state with every answer to the redirect URI, with error as with code",
		Standard: "RFC 6749 §4.1.2.1; OpenID Connect Core §3.1.2.6",
	}, func(c *check) {
		state := scalekit.NewNonce()
		_, end := flows.NewAgent(c, suite.world).Authorize(url.Values{"prompt": {"none"}, "state": {state}})
		answer := end.URL.Query()
		assert.Equal(c, state, answer.Get("state"), "state in the answer to prompt=none where nobody is signed in: error=%q, at %s (HTTP %d)",
			answer.Get("error"), end.URL.Path, end.Status)
	})

	item.Case("sign-ins that were begun side by side in two tabs both end", advice{
		Why:      "who has two tabs open when the session ends meets an error in one of them, and believes that sign-in is broken",
		Mend:     "keep state, nonce and verifier of each sign-in under its own state, not one set for the browser",
		Standard: "RFC 9700 §4.7; OpenID Connect Core §15.5.2",
	}, func(c *check) {
		user := c.AnyUser()
		v := c.Browser()
		first, second := v.LoginRequest(), v.LoginRequest()
		v.Goto(v.AnswerRequest(first, user).URL())
		require.True(c, v.Landed(v.URL()), "the first tab ends behind the callback; it is at %s", v.URL().Path)
		v.VerifySignedIn(user)
		v.Goto(second) // the auth environment knows by now who it is
		v.AwaitURL("the application", v.AtApp)
		assert.True(c, v.Landed(v.URL()), "the second tab ends behind the callback; it is at %s", v.URL().Path)
		v.VerifySignedIn(user)
	})

	compared := advice{
		Why:      "an ID token that was stolen or made for another login can be played into this session",
		Mend:     "compare the ID token's nonce with the one that was sent, and refuse the login when they differ, or when there is none",
		Standard: "OpenID Connect Core §3.1.3.7 (11); OWASP ASVS 10.5.1",
	}
	refused := func(nonce string) func(*check) {
		return func(c *check) {
			c.NeedPromise("nonce")
			user := c.AnyUser()
			v := c.Browser()
			v.LoginWithRequest(user, map[string]string{"nonce": nonce})
			v.VerifySignedOut()
		}
	}
	item.Case("an ID token with another nonce is refused", compared, refused(scalekit.NewNonce()))
	item.Case("an ID token without the nonce that was sent is refused", compared, refused("")) // the request loses it on its way
}

// callbackRefused signs somebody in up to the callback, lets change spoil it,
// and asserts that it opens no session. The unspoilt callback must work
// afterwards in another sign-in, so that the refusal means something.
func (c *check) callbackRefused(change func(flows.Callback) flows.Callback) {
	c.Helper()
	user := c.AnyUser()
	v := c.Browser()
	callback := v.LoginUpToCallback(user)
	v.Goto(change(callback).URL())
	v.VerifySignedOut()
}

// swapCase turns small letters into capitals and the other way round.
func swapCase(value string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsUpper(r) {
			return unicode.ToLower(r)
		}
		return unicode.ToUpper(r)
	}, value)
}

// alter changes the last character of a value.
func alter(value string) string {
	if value == "" {
		return "x"
	}
	last := "A"
	if value[len(value)-1:] == last {
		last = "B"
	}
	return value[:len(value)-1] + last
}
