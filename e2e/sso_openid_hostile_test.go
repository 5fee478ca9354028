package e2e

import (
	"crypto/rand"
	"crypto/rsa"
	"net/url"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/idp"
)

// openIDCases are what attackers try at the OIDC side of sso/initiated.
func openIDCases(item *item) {
	item.Case("an OIDC sign-in that was begun in one browser cannot be ended in another", advice{
		Why:      loginCSRF,
		Mend:     "bind the state that goes to the identity provider to the browser, and compare it when the provider answers",
		Standard: "RFC 9700 §4.7; OpenID Connect Core §3.1.2.1",
	}, func(c *check) {
		w := c.openIDCompany(connectionSettings{})
		mallory := w.employee("mallory")
		w.signIn(mallory).mustBe(mallory) // the way is open; so a refusal means something
		attacker, request := w.begin()
		victim, _ := w.begin() // who is on the way, too
		victim.grant = attacker.grant
		victim.finish(victim.agent.Get(w.answer(request)))
		victim.mustBeNobody("in the victim's browser, by an answer to the attacker's sign-in")
		attacker, request = w.begin()
		stranger := &arrival{c: c, agent: flows.NewAgent(c, suite.world), grant: attacker.grant}
		stranger.finish(stranger.agent.Get(w.answer(request)))
		stranger.mustBeNobody("in a browser that began nothing, by an answer to the attacker's sign-in")
	})

	item.Case("an OIDC answer with another nonce is refused", advice{
		Why:      "an ID token that was stolen or made for another login can be played into this one",
		Mend:     "compare the ID token's nonce with the one that was sent to the identity provider",
		Standard: "OpenID Connect Core §3.1.3.7 (11)",
	}, func(c *check) {
		w := c.openIDCompany(connectionSettings{})
		ada := w.employee("ada")
		w.signIn(ada).mustBe(ada)
		w.arrive(func(q url.Values) { q.Set("nonce", "another") }).mustBeRefused()
	})

	for _, wrong := range []struct {
		name, standard string
		change         func(c *check, t *idp.IDToken)
	}{
		{"that was made for another client", "OpenID Connect Core §3.1.3.7 (3); OWASP ASVS 10.5.4", func(_ *check, t *idp.IDToken) { t.Claims["aud"] = "another-client" }},
		{"of another issuer", "OpenID Connect Core §3.1.3.7 (2); RFC 9700 §4.4", func(_ *check, t *idp.IDToken) { t.Claims["iss"] = "https://idp.evil.test" }},
		{"that is over for an hour", "OpenID Connect Core §3.1.3.7 (9); ASVS 9.2.1", func(_ *check, t *idp.IDToken) {
			t.Claims["iat"], t.Claims["exp"] = time.Now().Add(-2*time.Hour).Unix(), time.Now().Add(-time.Hour).Unix()
		}},
		{"that nobody signed", "OpenID Connect Core §3.1.3.7 (7); RFC 8725 §3.1", func(_ *check, t *idp.IDToken) { t.Key = nil }},
		{"that is signed with another key", "OpenID Connect Core §3.1.3.7 (6); ASVS 9.1.1", func(c *check, t *idp.IDToken) {
			key, err := rsa.GenerateKey(rand.Reader, 2048)
			require.NoError(c, err, "a key of nobody's")
			t.Key = key
		}},
	} {
		item.Case("an OIDC ID token "+wrong.name+" is refused", advice{
			Why:      "whoever can send such a token, another product of the same provider or an attacker in between, signs people in",
			Mend:     "verify the ID token's signature with the provider's keys, and compare iss, aud, exp and nonce with what belongs to this connection",
			Standard: wrong.standard,
		}, func(c *check) {
			w := c.openIDCompany(connectionSettings{})
			ada := w.employee("ada")
			w.signIn(ada).mustBe(ada)
			w.IdP.Change(func(t *idp.IDToken) { wrong.change(c, t) })
			w.arrive(nil).mustBeRefused()
		})
	}

	item.Case("a userinfo endpoint that speaks of somebody else than the ID token is not believed", advice{
		Why:      "whoever can exchange an access token, or confuses a provider's cache, signs in as somebody else",
		Mend:     "compare sub of the userinfo answer with sub of the ID token before anything of it is used",
		Standard: "OpenID Connect Core §5.3.2",
	}, func(c *check) {
		w := c.openIDCompany(connectionSettings{})
		ada, victim := w.employee("ada"), w.employee("victim")
		w.signIn(victim).mustBe(victim)
		w.IdP.SignInAs(ada)
		w.IdP.LeaveAddressToUserInfo()
		w.arrive(nil).mustBe(ada)
		w.IdP.SpeakOf(victim)
		w.arrive(nil).mustBeNobody("by a userinfo endpoint that speaks of another subject")
	})

	item.Case("an OIDC answer is good at its own connection only", advice{
		Why:      "a provider that somebody else runs answers for a customer's people (mix-up)",
		Mend:     "tie the state to the connection, and take an answer at the redirect URI of that connection only",
		Standard: "RFC 9700 §4.4; OWASP ASVS 6.8.1",
	}, func(c *check) {
		here, there := c.openIDCompany(connectionSettings{}), c.openIDCompany(connectionSettings{})
		ada := here.employee("ada")
		here.signIn(ada).mustBe(ada)
		there.IdP.SignInAs(ada)
		a, request := here.begin()
		own, err := url.Parse(here.answer(request)) // where an answer belongs
		require.NoError(c, err, "the address that the provider answers to")
		theirs, begun := there.begin()
		foreign, err := url.Parse(there.answer(begun))
		require.NoError(c, err, "the address that the other provider answers to")

		mixed := *own // the other provider's code, at this connection
		q := own.Query()
		q.Set("code", foreign.Query().Get("code"))
		mixed.RawQuery = q.Encode()
		a.finish(a.agent.Get(mixed.String()))
		assert.Empty(c, a.email(), "who is signed in by a code of another provider")

		swapped := *own // the other sign-in's whole answer, at this connection
		swapped.RawQuery = foreign.RawQuery
		theirs.finish(theirs.agent.Get(swapped.String()))
		assert.Empty(c, theirs.email(), "who is signed in by the answer of another connection")
	})
}
