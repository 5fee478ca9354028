package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/browser"
)

// A sign-in begins with a request that asks for the right thing, as the right
// client, and that nobody else can have guessed.
func TestInitiate(t *testing.T) {
	item := begin(t, "core/initiate")

	item.Case("the request asks for a code, as this client, at this callback", advice{
		Why:      "a request with another client, callback or response type fails at the auth environment, or hands the answer to somebody else",
		Mend:     "build the URL with the SDK's getAuthorizationUrl from SCALEKIT_CLIENT_ID and the registered callback",
		Standard: "RFC 6749 §4.1.1; spec/oauth.md 2.1",
		Harmless: true,
	}, func(c *check) {
		request := c.Browser().StartLogin("")
		assert.Equal(c, "code", request.Get("response_type"), "response_type")
		assert.Equal(c, suite.cfg.AppClientID, request.Get("client_id"), "client_id")
		assert.Equal(c, suite.cfg.App(suite.cfg.AppCallbackPath), request.Get("redirect_uri"), "redirect_uri")
	})

	item.Case("the request asks for every scope that the product needs", advice{
		Why:      "without openid there is no ID token; without offline_access people are thrown out when the access token ends",
		Mend:     "pass the scopes of APP_SCOPES to getAuthorizationUrl",
		Standard: "OpenID Connect Core §3.1.2.1; spec/oauth.md 3.2",
		Harmless: true,
	}, func(c *check) {
		asked := strings.Fields(c.Browser().StartLogin("").Get("scope"))
		assert.Subset(c, asked, strings.Fields(suite.cfg.AppScopes), "the scopes asked for against APP_SCOPES")
	})

	item.Case("state is fresh at every login and cannot be guessed", advice{
		Why:      "a state that an attacker knows lets him sign a victim in to the attacker's account",
		Mend:     "make state from at least 128 random bits for each login",
		Standard: "RFC 6749 §10.10 and §10.12",
		Harmless: true,
	}, func(c *check) { c.unguessable("state") })

	item.Case("nonce is fresh at every login and cannot be guessed", advice{
		Why:      "without a nonce an ID token that was stolen can be played into another session",
		Mend:     "send a random nonce and compare it with the ID token's claim",
		Standard: "OpenID Connect Core §15.5.2",
		Harmless: true,
	}, func(c *check) {
		c.NeedPromise("nonce")
		c.unguessable("nonce")
	})

	item.Case("the PKCE challenge is S256 and fresh at every login", advice{
		Why:      "a code that leaks, through a log or a referrer, can be redeemed by whoever has the client's secret or by a public client",
		Mend:     "send code_challenge with code_challenge_method=S256 and a new verifier for each login",
		Standard: "RFC 7636 §4.2; RFC 9700 §2.1.1",
		Harmless: true,
	}, func(c *check) {
		c.NeedPromise("pkce")
		c.unguessable("code_challenge")
		assert.Equal(c, "S256", c.Browser().StartLogin("").Get("code_challenge_method"))
	})

	item.Case("a forged host header does not move the callback", advice{
		Why:      "a poisoned cache or proxy sends people's codes to an attacker's host",
		Mend:     "take the callback address from the configuration, never from Host, X-Forwarded-Host or Forwarded",
		Standard: "OWASP ASVS 4.1.3; spec/app-contract.md C6",
	}, func(c *check) {
		const attacker = "attacker.preflight.invalid"
		v := c.Browser()
		for name, value := range map[string]string{"X-Forwarded-Host": attacker, "Forwarded": "host=" + attacker} {
			answer := v.Fetch(http.MethodGet, suite.cfg.App(suite.cfg.AppLoginPath), browser.WithHeader(name, value))
			assert.NotContains(c, answer.Header.Get("Location")+string(answer.Body), attacker, "where the login leads when %s is %s", name, value)
		}
	})

	item.Case("prompt=login asks who it is, whoever is signed in", advice{
		Why:      "what a product protects by asking again is open to whoever sits down at the computer",
		Mend:     "answer prompt=login with the login page, also where there is a session",
		Standard: "OpenID Connect Core §3.1.2.1; spec/oauth.md 2.3",
	}, func(c *check) {
		agent := c.Quiet(c.AnyUser())
		known, end := agent.Tokens(nil)
		require.NotNil(c, known, "tokens by the session that is there, without prompt; the request ended at %s", end.URL.Redacted())
		_, end = agent.Tokens(url.Values{"prompt": {"login"}})
		assert.False(c, end.URL.Query().Has("code"), "prompt=login was answered with a code, and nobody was asked")
	})

	item.Case("a link to the login cannot choose nonce, state or PKCE challenge", advice{
		Why:      "an attacker who chooses them can play his own code or token into the victim's sign-in",
		Mend:     "forward only the documented hints, never a parameter that protects the request",
		Standard: "RFC 9700 §4.7; OpenID Connect Core §15.5.2",
		Harmless: true,
	}, func(c *check) {
		const chosen = "chosen-by-an-attacker"
		request := c.Browser().StartLoginAt(suite.cfg.App(suite.cfg.AppInitiateLoginPath) + "?nonce=" + chosen + "&code_challenge=" + chosen + "&state=" + chosen)
		for _, parameter := range []string{"nonce", "code_challenge", "state"} {
			assert.NotContains(c, request[parameter], chosen, parameter)
		}
	})

	item.Case("what the auth environment appends to the initiate-login address reaches the request", advice{
		Why:      "invitations and organization links arrive there; dropping their parameters leaves invited people in an organization of their own",
		Mend:     "forward unknown query parameters of the initiate-login route to the authorization URL",
		Standard: "spec/oauth.md 8.1; spec/app-contract.md A6",
	}, func(c *check) {
		user := c.AnyUser()
		v := c.Browser()
		request := v.StartLoginAt(suite.cfg.AppWith(suite.cfg.AppInitiateLoginPath, url.Values{"organization_id": {user.OrgID}}))
		assert.Equal(c, user.OrgID, request.Get("organization_id"), "organization_id in the authorization request")
	})
}

// unguessable asserts that a parameter of the authorization request differs in
// three browsers and carries at least 128 bits.
func (c *check) unguessable(parameter string) {
	c.Helper()
	const browsers, bits = 3, 128
	seen := map[string]bool{}
	for range browsers {
		value := c.Browser().StartLogin("").Get(parameter)
		require.NotEmpty(c, value, "%s in the authorization request", parameter)
		require.GreaterOrEqual(c, len(value)*6, bits, "%s %q has room for fewer than %d bits", parameter, value, bits)
		seen[value] = true
	}
	require.Len(c, seen, browsers, "%s must differ from browser to browser; it was the same", parameter)
	c.differWidely(seen)
}

// differWidely asserts that values are not a counter or a clock: any two of
// them differ in at least a quarter of their characters.
func (c *check) differWidely(values map[string]bool) {
	c.Helper()
	for a := range values {
		for b := range values {
			if a == b {
				continue
			}
			differing := max(len(a), len(b)) - min(len(a), len(b))
			for i := range min(len(a), len(b)) {
				if a[i] != b[i] {
					differing++
				}
			}
			require.GreaterOrEqual(c, differing*4, max(len(a), len(b)),
				"%q and %q differ in %d characters only: a counter or a clock, not chance", a, b, differing)
		}
	}
}

// NeedPromise makes a case not applicable where the product does not promise a
// protection (APP_PROMISES).
func (c *check) NeedPromise(promise string) {
	c.Helper()
	for _, promised := range suite.cfg.AppPromises {
		if promised == promise {
			return
		}
	}
	c.NotApplicable("APP_PROMISES does not list " + promise)
}
