package e2e

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
)

// Tokens say who, for whom, from whom and until when, and the product believes
// only those that the environment signed for it.
func TestTokenLifetimes(t *testing.T) {
	item := begin(t, "core/token-lifetimes")

	item.Case("an access token lives as long as was declared, and the answer says so", advice{
		Why:      "a token that leaks opens the API for as long as it lives; a client that is told another lifetime refreshes too late",
		Mend:     "set the access-token lifetime under Authentication > Session Policy, and APP_ACCESS_TOKEN_LIFETIME to the same",
		Standard: "RFC 6749 §5.1; spec/oauth.md 12 (8)",
	}, func(c *check) {
		c.AsDeclared()
		v := c.Browser()
		tokens := v.ObtainTokens(c.AnyUser())
		claims := v.Claims(tokens.AccessToken)
		lifetime := seconds(c, claims, "exp") - seconds(c, claims, "iat")
		const tolerance = 5 // seconds
		assert.InDelta(c, suite.cfg.AppAccessTokenLifetime.Seconds(), lifetime, tolerance, "exp - iat of the access token, in seconds, against APP_ACCESS_TOKEN_LIFETIME")
		assert.InDelta(c, lifetime, tokens.ExpiresIn, tolerance, "expires_in of the answer against exp - iat")
		// Whether a refresh brings tokens at all is for core/refresh to say.
		if renewed := v.Refresh(tokens.RefreshToken); renewed.AccessToken != "" {
			claims := v.Claims(renewed.AccessToken)
			lifetime := seconds(c, claims, "exp") - seconds(c, claims, "iat")
			assert.InDelta(c, suite.cfg.AppAccessTokenLifetime.Seconds(), lifetime, tolerance, "exp - iat of a refreshed access token, in seconds, against APP_ACCESS_TOKEN_LIFETIME")
			assert.InDelta(c, lifetime, renewed.ExpiresIn, tolerance, "expires_in of the answer to a refresh against exp - iat")
		}
		id := v.Claims(tokens.IDToken)
		assert.Positive(c, seconds(c, id, "exp")-seconds(c, id, "iat"), "exp - iat of the ID token")
	})

	item.Case("both tokens name the same person, session, issuer and client, and verify", advice{
		Why:      "a product that reads the wrong person, or cannot find the session that is to end, mixes people up",
		Mend:     "look at the claim that is named, and at the custom claims of the dashboard",
		Standard: "OpenID Connect Core §2 and §3.1.3.6; spec/oauth.md 4",
	}, func(c *check) {
		user := c.AnyUser()
		v := c.Browser()
		grant := v.ObtainCode(user, nil)
		tokens := v.Tokens(v.TokenRequest(grant))
		id, access := v.Claims(tokens.IDToken), v.Claims(tokens.AccessToken) // verified by the published keys
		for _, name := range []string{"iss", "sub", "sid"} {
			assert.NotEmpty(c, id[name], "%s of the ID token", name)
			assert.Equal(c, id[name], access[name], "%s of both tokens", name)
		}
		assert.Contains(c, audienceOf(id), suite.cfg.AppClientID, "aud of the ID token")
		assert.Equal(c, grant.Nonce, id["nonce"], "nonce of the ID token")
		assert.Equal(c, strings.ToLower(user.Email), strings.ToLower(text(id["email"])), "email of the ID token")
		assert.Equal(c, user.ID, id["sub"], "sub of the ID token against the management API")
		if azp, present := id["azp"]; present {
			assert.Equal(c, suite.cfg.AppClientID, azp, "azp of the ID token")
		}
		if hash, present := id["at_hash"]; present {
			sum := sha256.Sum256([]byte(tokens.AccessToken))
			assert.Equal(c, base64.RawURLEncoding.EncodeToString(sum[:16]), hash, "at_hash of the ID token")
		}
		for what, claims := range map[string]map[string]any{"ID": id, "access": access} {
			issued := time.Unix(int64(seconds(c, claims, "iat")), 0)
			assert.WithinDuration(c, time.Now(), issued, skew, "iat of the %s token", what)
		}
	})

	forgery := func(name string, a advice, forge func(c *check, f *scalekit.Forger) map[string]string) {
		item.Case(name, a, func(c *check) {
			v, tokens := c.apiTokens()
			f, err := scalekit.NewForger(tokens.AccessToken)
			if err != nil {
				c.Trouble("the access token cannot be taken apart: %v", err)
			}
			for how, token := range forge(c, f) {
				c.tokenRefused(v, token, how)
			}
		})
	}
	const anybody = "whoever can write a token is whoever they like"

	forgery("the API refuses a token without a signature", advice{
		Why:      anybody,
		Mend:     "allow RS256 only, whatever the token's header says, and demand a signature",
		Standard: "RFC 8725 §3.1; OWASP ASVS 9.1.2",
	}, func(_ *check, f *scalekit.Forger) map[string]string {
		tokens := map[string]string{"an empty signature": f.Unsigned(nil, ""), "no third part": strings.TrimSuffix(f.Unsigned(nil, ""), ".")}
		for _, alg := range []string{"none", "None", "NONE", "nOnE", ""} {
			tokens["alg "+alg] = f.Unsigned(map[string]any{"alg": alg}, "")
			tokens["alg "+alg+" without a kid"] = f.Unsigned(map[string]any{"alg": alg, "kid": nil}, "")
			tokens["alg "+alg+" with a signature"] = f.Unsigned(map[string]any{"alg": alg}, "c2lnbmF0dXJl")
		}
		return tokens
	})

	forgery("the API refuses a token that is signed by HMAC with the public key", advice{
		Why:      "the public key is public: " + anybody,
		Mend:     "allow RS256 only, and bind each key to its algorithm",
		Standard: "RFC 8725 §3.1; CVE-2023-48223; OWASP ASVS 9.1.2",
	}, func(c *check, f *scalekit.Forger) map[string]string {
		keys, err := suite.world.API.Keys(suite.ctx)
		if err != nil {
			c.Trouble("the environment's keys cannot be read: %v", err)
		}
		tokens := map[string]string{
			"HS256 with an empty key": f.HMAC(nil, nil), "HS256 with an empty key and a kid of a file": f.HMAC(nil, map[string]any{"kid": "../../../../dev/null"}),
			"HS256 with the kid as key": f.HMAC([]byte(text(f.Header["kid"])), nil),
		}
		for how, secret := range scalekit.Encodings(keys) {
			tokens["HS256 with "+how] = f.HMAC(secret, nil)
		}
		return tokens
	})

	forgery("the API refuses a token whose claims were edited", advice{
		Why:      anybody,
		Mend:     "verify the signature before reading a claim, and await the verification",
		Standard: "OWASP ASVS 9.1.1",
	}, func(_ *check, f *scalekit.Forger) map[string]string {
		roles, _ := f.Claims["roles"].([]any)
		return map[string]string{
			"another sub":     f.Edited(map[string]any{"sub": "usr_66666666666666666"}),
			"more roles":      f.Edited(map[string]any{"roles": append(slices.Clone(roles), "admin", "preflight-root")}),
			"a later exp":     f.Edited(map[string]any{"exp": time.Now().Add(24 * time.Hour).Unix()}),
			"not yet valid":   f.Edited(map[string]any{"nbf": time.Now().Add(time.Hour).Unix()}),
			"another issuer":  f.Edited(map[string]any{"iss": "https://attacker.preflight.invalid"}),
			"a rotten octet":  f.Unsigned(nil, "AAAA"),
			"another's email": f.Edited(map[string]any{"email": "admin@attacker.preflight.invalid"}),
		}
	})

	forgery("the API refuses a token that is signed with another key", advice{
		Why:      anybody,
		Mend:     "take keys from the environment's /keys only, by kid; ignore jwk, jku, x5c, x5u and foreign issuers",
		Standard: "RFC 8725 §3.8 and §3.10; RFC 7515 §4.1",
	}, func(c *check, f *scalekit.Forger) map[string]string {
		kid := text(f.Header["kid"])
		server := httptest.NewServer(keyServer(f.KeySet(kid)))
		c.Cleanup(server.Close)
		at := server.URL
		return map[string]string{
			"the genuine kid":               f.Own(nil, nil),
			"no kid":                        f.Own(map[string]any{"kid": nil}, nil),
			"an unknown kid":                f.Own(map[string]any{"kid": "snk_66666666666666666"}, nil),
			"a kid of a file":               f.Own(map[string]any{"kid": "../../../../dev/null"}, nil),
			"a kid of a query":              f.Own(map[string]any{"kid": "x' UNION SELECT 'x"}, nil),
			"its key in jwk":                f.Own(map[string]any{"jwk": f.PublicKey("")}, nil),
			"its key in jwk, under the kid": f.Own(map[string]any{"jwk": f.PublicKey(kid)}, nil),
			"keys at jku":                   f.Own(map[string]any{"jku": at + "/keys"}, nil),
			"keys at jku, without a kid":    f.Own(map[string]any{"jku": at + "/keys", "kid": nil}, nil),
			"a certificate at x5u":          f.Own(map[string]any{"x5u": at + "/certificate.pem"}, nil),
			"an issuer with keys":           f.Own(nil, map[string]any{"iss": at}),
		}
	})

	item.Case("the API refuses a token that is over", advice{
		Why:      "a token from an old log opens the API",
		Mend:     "check exp on every request",
		Standard: "OWASP ASVS 9.2.1",
	}, func(c *check) {
		c.Need("APP_API_PATH")
		c.NeedEndOfAccess()
		user := c.AnyUser()
		v := c.Browser()
		token := v.ObtainTokens(user).AccessToken
		require.Equal(c, http.StatusOK, v.CallAPI(token), "HTTP status of the API with a fresh access token")
		c.OutliveBy(user, c.TokenLife(), 10*time.Minute)
		c.tokenRefused(v, token, "that is over")
	})

	item.Case("userinfo refuses a token that is over", advice{
		Why:      "a token from an old log tells name and address of its owner, for as long as they exist",
		Mend:     "judge a token at userinfo as everywhere: signature, issuer, exp",
		Standard: "OpenID Connect Core §5.3.3; RFC 6750 §3.1; OWASP ASVS 9.2.1",
	}, func(c *check) {
		c.NeedEndOfAccess()
		user := c.AnyUser()
		token := c.Browser().ObtainTokens(user).AccessToken
		asked := func() int {
			status, _, err := suite.world.API.UserInfo(suite.ctx, token)
			if err != nil {
				c.Trouble("userinfo does not answer: %v", err)
			}
			return status
		}
		require.Equal(c, http.StatusOK, asked(), "HTTP status of userinfo with a fresh access token")
		c.OutliveBy(user, c.TokenLife(), 10*time.Minute)
		require.NotEqual(c, http.StatusOK, asked(), "HTTP status of userinfo with a token that is over")
	})

	item.Case("the API refuses an ID token", advice{
		Why:      "ID tokens are shown to pages and logs, live longer, and say nothing of what somebody may do",
		Mend:     "take access tokens only: they have a jti of the kind tkn_… and no at_hash or nonce",
		Standard: "OWASP ASVS 9.2.2; RFC 8725 §3.12",
	}, func(c *check) {
		c.NeedPromise("token_type")
		v, tokens := c.apiTokens()
		c.tokenRefused(v, tokens.IDToken, "an ID token")
	})

	item.Case("the API refuses a token of another client", advice{
		Why:      "another product of the company acts here in people's names",
		Mend:     "compare aud with this product's client id; the SDKs do it only when they are asked",
		Standard: "OWASP ASVS 9.2.3; RFC 9700 §2.3",
	}, func(c *check) {
		c.NeedPromise("audience")
		c.Need("APP_API_PATH", "PREFLIGHT_SECOND_CLIENT_ID", "PREFLIGHT_SECOND_CLIENT_SECRET", "PREFLIGHT_SECOND_REDIRECT_URI")
		v := c.Browser()
		token := c.secondClientTokens(v, c.AnyUser()).AccessToken
		require.NotEmpty(c, token, "an access token of the second client")
		c.tokenRefused(v, token, "of the client "+suite.cfg.SecondClientID)
	})
}

// apiTokens signs somebody in and shows that the API takes the access token, so
// that a refusal means something.
func (c *check) apiTokens() (*flows.Visitor, *scalekit.TokenAnswer) {
	c.Helper()
	c.Need("APP_API_PATH")
	v := c.Browser()
	tokens := v.ObtainTokens(c.AnyUser())
	require.Equal(c, http.StatusOK, v.CallAPI(tokens.AccessToken), "HTTP status of the API with a fresh access token")
	return v, tokens
}

// tokenRefused asserts that the API answers neither with data nor with an error
// of its own to a token.
func (c *check) tokenRefused(v *flows.Visitor, token, how string) {
	c.Helper()
	suite.learn(token)
	status := v.CallAPI(token)
	assert.True(c, status >= 300 && status < 500, "HTTP status of the API with a bad token (%s) is %d; expected a refusal", how, status)
}

// secondClientTokens are the tokens that the second client gets for a person.
func (c *check) secondClientTokens(v *flows.Visitor, user *flows.User) *scalekit.TokenAnswer {
	c.Helper()
	grant := v.ObtainCode(user, func(request url.Values) {
		request.Set("client_id", suite.cfg.SecondClientID)
		request.Set("redirect_uri", suite.cfg.SecondRedirectURI)
	})
	form := v.TokenRequest(grant)
	form.Set("client_id", suite.cfg.SecondClientID)
	form.Set("client_secret", suite.cfg.SecondClientSecret)
	return v.Tokens(form)
}

// keyServer is an issuer of the suite's own, on loopback.
func keyServer(keys []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if strings.HasSuffix(r.URL.Path, "/openid-configuration") {
			origin := "http://" + r.Host
			_ = json.NewEncoder(w).Encode(map[string]string{"issuer": origin, "jwks_uri": origin + "/keys"})
			return
		}
		_, _ = w.Write(keys)
	})
}

// seconds reads a time claim (RFC 7519, 2: NumericDate).
func seconds(c *check, claims map[string]any, name string) float64 {
	c.Helper()
	number, ok := claims[name].(json.Number)
	value, err := number.Float64()
	require.True(c, ok && err == nil, "%s is missing or no number: %v", name, claims[name])
	return value
}

// audienceOf reads aud, a name or a list of names (RFC 7519, 4.1.3).
func audienceOf(claims map[string]any) (names []string) {
	switch aud := claims["aud"].(type) {
	case string:
		names = []string{aud}
	case []any:
		for _, one := range aud {
			names = append(names, text(one))
		}
	}
	return slices.Clip(names)
}

// text is a claim as a string, or "".
func text(v any) string {
	s, _ := v.(string)
	return s
}
