package e2e

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
)

// A code is good once, soon, and only for the client, callback and verifier it
// was made for; and the person ends up where they wanted to go.
func TestCodeExchange(t *testing.T) {
	item := begin(t, "core/code-exchange")

	item.Case("the person ends signed in on the page they asked for", advice{
		Why:      "people who follow a link and land on a start page believe that sign-in is broken",
		Mend:     "keep the page asked for with the state and go there after the callback",
		Standard: "spec/app-contract.md L12, section 4.2",
	}, func(c *check) {
		user := c.AnyUser()
		v := c.Browser()
		wanted := suite.cfg.AppProtectedPath + "?from=mail&folder=all%20mails"
		v.Step("open a protected page without a session")
		v.Goto(suite.cfg.App(wanted))
		v.AwaitAtAuth()
		v.Identify(user)
		v.AwaitLanding()
		assert.Equal(c, wanted, v.URL().RequestURI(), "the page after the sign-in")
		v.VerifySignedIn(user)
	})

	item.Case("the callback address with its code does not stay in the browser", advice{
		Why:      "a code in the address bar goes into history, logs and referrers",
		Mend:     "answer the callback with a redirect to a clean address",
		Standard: "RFC 9700 §4.2.4; spec/app-contract.md section 4.2",
	}, func(c *check) {
		v := c.Browser()
		v.SignInOnPages(c.AnyUser())
		assert.Empty(c, v.URL().Query().Get("code"), "code in the address after the sign-in")
	})

	item.Case("the right client redeems a fresh code", advice{
		Why:      "this is the sign-in itself",
		Mend:     "look at the error that the token endpoint gives",
		Standard: "RFC 6749 §4.1.3; spec/oauth.md 3",
	}, func(c *check) {
		tokens := c.Browser().ObtainTokens(c.AnyUser())
		assert.NotEmpty(c, tokens.IDToken, "id_token")
		assert.Equal(c, "bearer", strings.ToLower(tokens.TokenType), "token_type, in any case")
		assert.Positive(c, tokens.ExpiresIn, "expires_in")
	})

	item.Case("no cache may keep the answer with the tokens", advice{
		Why:      "a proxy or gateway on the way keeps people's tokens, and may give them to somebody else",
		Mend:     "send Cache-Control: no-store with every answer of the token endpoint; look at what a gateway before it changes",
		Standard: "RFC 6749 §5.1",
	}, func(c *check) {
		tokens := c.Browser().ObtainTokens(c.AnyUser())
		assert.Contains(c, strings.ToLower(tokens.Header.Get("Cache-Control")), "no-store", "Cache-Control of the answer that holds the tokens (RFC 6749 §5.1)")
	})

	item.Case("a code works once", advice{
		Why:      "whoever finds a used code in a log or the history gets tokens for it",
		Mend:     "delete a code in the transaction that redeems it",
		Standard: "RFC 6749 §4.1.2; OWASP ASVS 10.4.2",
	}, func(c *check) {
		v := c.Browser()
		form := v.TokenRequest(v.ObtainCode(c.AnyUser(), nil))
		require.NotEmpty(c, v.Tokens(form).AccessToken, "the first redemption")
		c.grantRefused(v.Tokens(form))
	})

	item.Case("of many redemptions of a code at the same moment one brings tokens", advice{
		Why:      "who has caught a code redeems it beside the product, in the moment between the look whether it was used and the mark that it is",
		Mend:     "look and mark in one step: delete the code and take what the deletion returns",
		Standard: "RFC 6749 §4.1.2; CWE-367; CWE-362",
	}, func(c *check) {
		const atOnce = 4
		v := c.Browser()
		form := v.TokenRequest(v.ObtainCode(c.AnyUser(), nil))
		given := together(make([]int, atOnce), func(int) []string {
			if answer := v.Tokens(form); answer.AccessToken != "" {
				return []string{"tokens"}
			}
			return nil
		})
		assert.LessOrEqual(c, len(given), 1, "redemptions of %d that brought tokens", atOnce)
	})

	refusals := []struct {
		name   string
		advice advice
		spoil  func(c *check, form url.Values)
	}{
		{"another client cannot redeem the code", advice{
			Why:      "a second product, or a partner's, takes over people's sign-ins with codes that reach it",
			Mend:     "refuse a code whose client is not the one that authenticates, whatever else fits",
			Standard: "RFC 6749 §4.1.3; CVE-2026-28513",
		}, func(c *check, form url.Values) {
			c.Need("PREFLIGHT_SECOND_CLIENT_ID", "PREFLIGHT_SECOND_CLIENT_SECRET")
			form.Set("client_id", suite.cfg.SecondClientID)
			form.Set("client_secret", suite.cfg.SecondClientSecret)
		}},
		{"the code is bound to its redirect URI", advice{
			Why:      "a code that leaks through one callback can be redeemed through another",
			Mend:     "compare redirect_uri at the token endpoint with the one of the authorization request",
			Standard: "RFC 6749 §4.1.3; RFC 9700 §4.5",
		}, func(c *check, form url.Values) {
			c.Need("APP_SECOND_REDIRECT_URI")
			form.Set("redirect_uri", suite.cfg.AppSecondRedirectURI)
		}},
		{"a wrong verifier is refused", advice{
			Why:      "PKCE protects nothing: a stolen code is enough",
			Mend:     "compare BASE64URL(SHA256(code_verifier)) with the challenge",
			Standard: "RFC 7636 §4.6; OWASP ASVS 10.4.6",
		}, func(_ *check, form url.Values) { form.Set("code_verifier", scalekit.NewPKCE().Verifier) }},
		{"a missing verifier is refused", advice{
			Why:      "PKCE protects nothing: a stolen code is enough",
			Mend:     "demand code_verifier whenever the authorization request carried a challenge",
			Standard: "RFC 7636 §4.6",
		}, func(_ *check, form url.Values) { form.Del("code_verifier") }},
		{"a redirect URI left out is refused", advice{
			Why:      "a code that leaks through one callback can be redeemed through another",
			Mend:     "demand redirect_uri at the token endpoint whenever the authorization request carried one",
			Standard: "RFC 6749 §4.1.3",
		}, func(_ *check, form url.Values) { form.Del("redirect_uri") }},
		{"a client secret left out is refused", advice{
			Why:      "anybody who catches a code and its verifier can redeem it",
			Mend:     "authenticate a client that has a secret, whatever else it sends",
			Standard: "RFC 6749 §3.2.1; OWASP ASVS 10.4.10",
		}, func(_ *check, form url.Values) { form.Del("client_secret") }},
		{"a wrong client secret is refused", advice{
			Why:      "anybody who catches a code can redeem it",
			Mend:     "authenticate confidential clients at the token endpoint",
			Standard: "RFC 6749 §3.2.1; OWASP ASVS 10.4.10",
		}, func(_ *check, form url.Values) { form.Set("client_secret", alter(form.Get("client_secret"))) }},
		{"the beginning of the client secret is refused", advice{
			Why:      "what a log or a screenshot shows of a secret, its first characters, redeems codes",
			Mend:     "compare the whole secret, in constant time",
			Standard: "RFC 6749 §2.3.1; CWE-187",
		}, func(_ *check, form url.Values) {
			secret := form.Get("client_secret")
			form.Set("client_secret", secret[:len(secret)*3/4])
		}},
	}
	for _, refusal := range refusals {
		item.Case(refusal.name, refusal.advice, func(c *check) {
			v := c.Browser()
			user := c.AnyUser()
			form := v.TokenRequest(v.ObtainCode(user, nil))
			refusal.spoil(c, form)
			c.refused(v.Tokens(form))
		})
	}

	item.Case("a code made without a challenge is not redeemed with a verifier", advice{
		Why:      "an attacker strips the challenge from the request and PKCE is silently off",
		Mend:     "refuse code_verifier where the authorization request carried no code_challenge",
		Standard: "RFC 9700 §4.8.2; CVE-2025-4144",
	}, func(c *check) {
		v := c.Browser()
		grant, refusedEarly := v.TryObtainCode(c.AnyUser(), func(request url.Values) {
			request.Del("code_challenge")
			request.Del("code_challenge_method")
		})
		if !refusedEarly {
			c.refused(v.Tokens(v.TokenRequest(grant)))
		}
	})

	item.Case("a plain challenge is refused", advice{
		Why:      "with plain, whoever reads the authorization request knows the verifier",
		Mend:     "accept S256 only, and advertise nothing else in the discovery document",
		Standard: "RFC 7636 §7.2; OWASP ASVS 10.4.6",
	}, func(c *check) {
		v := c.Browser()
		verifier := scalekit.NewPKCE().Verifier
		grant, refusedEarly := v.TryObtainCode(c.AnyUser(), func(request url.Values) {
			request.Set("code_challenge", verifier)
			request.Set("code_challenge_method", "plain")
		})
		if !refusedEarly {
			grant.PKCE.Verifier = verifier
			c.refused(v.Tokens(v.TokenRequest(grant)))
		}
	})

	item.Case("a code ends soon", advice{
		Why:      "a code in a log or a proxy stays a key for hours",
		Mend:     "let codes live for ten minutes at the most, better one",
		Standard: "RFC 6749 §4.1.2; OWASP ASVS 10.4.3",
	}, func(c *check) {
		c.NeedTime(suite.cfg.CodeLifetime)
		v := c.Browser()
		user := c.AnyUser()
		form := v.TokenRequest(v.ObtainCode(user, nil))
		c.OutliveBy(user, suite.cfg.CodeLifetime, 5*time.Minute)
		c.grantRefused(v.Tokens(form))
	})

	item.Case("opening the callback a second time does no harm", advice{
		Why:      "a reload or a prefetch of the callback throws people out or shows them an error page after they have signed in",
		Mend:     "when a session exists already, answer a used callback with a redirect",
		Standard: "spec/app-contract.md L11",
	}, func(c *check) {
		v := c.Browser()
		user := c.AnyUser()
		callback := v.LoginUpToCallback(user)
		v.Goto(callback.URL())
		v.VerifySignedIn(user)
		answer := v.Goto(callback.URL())
		assert.Less(c, answer.Status, 500, "HTTP status of the second callback")
		v.VerifySignedIn(user)
	})
}

// refused asserts that a token request gave no token of any kind.
func (c *check) refused(answer *scalekit.TokenAnswer) {
	c.Helper()
	given := answer.AccessToken != "" || answer.RefreshToken != "" || answer.IDToken != "" // not the tokens: they would be in the log
	require.False(c, given, "the token endpoint gave tokens (HTTP %d); it must refuse", answer.Status)
	require.Contains(c, []int{400, 401, 403}, answer.Status, "HTTP status of the refusal (%s)", answer.Error)
}

// grantRefused asserts the refusal of a code or refresh token (RFC 6749 §5.2).
func (c *check) grantRefused(answer *scalekit.TokenAnswer) {
	c.Helper()
	c.refused(answer)
	require.Equal(c, "invalid_grant", answer.Error, "error of the token endpoint")
}
