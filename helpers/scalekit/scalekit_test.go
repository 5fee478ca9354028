package scalekit_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
)

// environment is a server with a token endpoint and whatever a test adds.
func environment(t *testing.T, routes map[string]http.HandlerFunc) (*scalekit.Client, string) {
	t.Helper()
	mux := http.NewServeMux()
	if routes["POST /oauth/token"] == nil {
		var issued atomic.Int64
		mux.HandleFunc("POST /oauth/token", func(w http.ResponseWriter, _ *http.Request) {
			reply(w, http.StatusOK, map[string]any{"access_token": "token-" + strconv.FormatInt(issued.Add(1), 10), "expires_in": 86399})
		})
	}
	for pattern, handler := range routes {
		mux.HandleFunc(pattern, handler)
	}
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return scalekit.New(server.URL+"/", "skc_1", "test_hush", server.Client()), server.URL
}

func reply(w http.ResponseWriter, status int, body any) {
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func TestOneMachineTokenServesAllCallsUntilItIsRefused(t *testing.T) {
	t.Parallel()
	var tokens []string
	refuse := "Bearer token-1"
	c, _ := environment(t, map[string]http.HandlerFunc{
		"GET /api/v1/organizations/{id}": func(w http.ResponseWriter, r *http.Request) {
			tokens = append(tokens, r.Header.Get("Authorization"))
			if len(tokens) > 1 && r.Header.Get("Authorization") == refuse {
				reply(w, http.StatusUnauthorized, map[string]any{"code": 16, "message": "expired"})
				return
			}
			reply(w, http.StatusOK, map[string]any{"organization": map[string]any{"id": r.PathValue("id"), "display_name": "Acme"}})
		},
	})
	for range 3 {
		o, err := c.GetOrganization(t.Context(), "org_1")
		require.NoError(t, err)
		assert.Equal(t, "Acme", o.DisplayName)
	}
	assert.Equal(t, []string{"Bearer token-1", "Bearer token-1", "Bearer token-2", "Bearer token-2"}, tokens)
}

func TestErrorsSayWhatTheEnvironmentSaid(t *testing.T) {
	t.Parallel()
	c, base := environment(t, map[string]http.HandlerFunc{
		"POST /api/v1/organizations/{id}/users": func(w http.ResponseWriter, _ *http.Request) {
			reply(w, http.StatusBadRequest, map[string]any{"code": 3, "message": "bad input", "details": []any{map[string]any{
				"@type": "type.googleapis.com/scalekit.v1.errdetails.ErrorInfo", "error_code": "VALIDATION_ERROR",
				"validation_error_info": map[string]any{"field_violations": []any{map[string]any{"field": "email", "description": "is not an address"}}},
			}}})
		},
		"GET /api/v1/users/{id}": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) },
	})
	_, err := c.CreateUser(t.Context(), "org_1", scalekit.NewUser{Email: "x"})
	require.EqualError(t, err, "POST "+base+"/api/v1/organizations/org_1/users?send_invitation_email=false answered HTTP 400 VALIDATION_ERROR: bad input; email is not an address")

	_, err = c.GetUser(t.Context(), "usr_1")
	assert.True(t, scalekit.IsNotFound(err))
	assert.False(t, scalekit.IsConflict(err))
}

func TestRefusedCredentialsAreNamedWithoutTheSecret(t *testing.T) {
	t.Parallel()
	c, base := environment(t, map[string]http.HandlerFunc{
		"POST /oauth/token": func(w http.ResponseWriter, _ *http.Request) {
			reply(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client", "error_description": "invalid client_id / client_secret"})
		},
	})
	_, err := c.Token(t.Context())
	require.EqualError(t, err, "POST "+base+"/oauth/token answered HTTP 401 invalid_client: invalid client_id / client_secret")
	_, err = c.GetUser(t.Context(), "usr_1")
	require.ErrorContains(t, err, "invalid_client")
	assert.NotContains(t, err.Error(), "hush")
}

func TestRateLimitIsObeyed(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	c, _ := environment(t, map[string]http.HandlerFunc{
		"DELETE /api/v1/users/{id}": func(w http.ResponseWriter, _ *http.Request) {
			if asked.Add(1) == 1 {
				w.Header().Set("Retry-After", "0")
				w.WriteHeader(http.StatusTooManyRequests)
			}
		},
		"DELETE /api/v1/organizations/{id}": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "20")
			w.WriteHeader(http.StatusTooManyRequests)
		},
	})
	require.NoError(t, c.DeleteUser(t.Context(), "usr_1"))
	assert.EqualValues(t, 2, asked.Load())

	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	assert.ErrorContains(t, c.DeleteOrganization(ctx, "org_1"), "rate limited")
}

func TestDeletingWhatIsGoneIsNoError(t *testing.T) {
	t.Parallel()
	c, _ := environment(t, nil) // every path is 404
	require.NoError(t, c.DeleteUser(t.Context(), "usr_1"))
	require.NoError(t, c.DeleteOrganization(t.Context(), "org_1"))
	require.NoError(t, c.DeleteOrganizationIfEmpty(t.Context(), "org_1"))
}

func TestOrganizationsWithMembersStay(t *testing.T) {
	t.Parallel()
	c, _ := environment(t, map[string]http.HandlerFunc{
		"GET /api/v1/organizations/{id}/users": func(w http.ResponseWriter, _ *http.Request) {
			reply(w, http.StatusOK, map[string]any{"users": []any{map[string]any{"id": "usr_1"}}})
		},
		"DELETE /api/v1/organizations/{id}": func(http.ResponseWriter, *http.Request) { t.Error("it was deleted") },
	})
	require.NoError(t, c.DeleteOrganizationIfEmpty(t.Context(), "org_1"))
}

// A page token may come although nothing follows (spec/api.md 4).
func TestPagingEndsWithAPageThatHoldsNothingNew(t *testing.T) {
	t.Parallel()
	c, _ := environment(t, map[string]http.HandlerFunc{
		"GET /api/v1/users:search": func(w http.ResponseWriter, r *http.Request) {
			page, _ := strconv.Atoi(r.URL.Query().Get("page_token"))
			user := map[string]any{"id": "usr_" + strconv.Itoa(min(page, 2)), "email": "u" + strconv.Itoa(min(page, 2)) + "@x.test"}
			reply(w, http.StatusOK, map[string]any{"users": []any{user}, "next_page_token": strconv.Itoa(page + 1)})
		},
	})
	u, err := c.FindUser(t.Context(), "U2@x.test")
	require.NoError(t, err)
	assert.Equal(t, "usr_2", u.ID)
	u, err = c.FindUser(t.Context(), "u9@x.test")
	require.NoError(t, err)
	assert.Nil(t, u)
}

func TestExchangeReturnsRefusalsAsAnswers(t *testing.T) {
	t.Parallel()
	c, _ := environment(t, map[string]http.HandlerFunc{
		"POST /oauth/token": func(w http.ResponseWriter, r *http.Request) {
			if user, password, ok := r.BasicAuth(); ok {
				reply(w, http.StatusOK, map[string]any{"access_token": user + "/" + password, "expires_in": 299})
				return
			}
			reply(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant", "error_description": r.FormValue("code")})
		},
	})
	answer, err := c.Exchange(t.Context(), url.Values{"code": {"stolen"}})
	require.NoError(t, err)
	assert.Equal(t, http.StatusBadRequest, answer.Status)
	assert.Equal(t, "invalid_grant", answer.Error)
	assert.Equal(t, "stolen", answer.ErrorDescription)

	answer, err = c.Exchange(t.Context(), nil, scalekit.Basic("a:b", "c d"))
	require.NoError(t, err)
	assert.Equal(t, "a%3Ab/c+d", answer.AccessToken, "form-encoded first (RFC 6749, 2.3.1)")
}

func TestVerifyJWT(t *testing.T) {
	t.Parallel()
	ours, others := newKey(t, "snk_1"), newKey(t, "snk_1")
	c, base := environment(t, map[string]http.HandlerFunc{
		"GET /keys": func(w http.ResponseWriter, _ *http.Request) {
			public, err := jwk.PublicKeyOf(ours)
			if err != nil {
				t.Error(err)
			}
			reply(w, http.StatusOK, map[string]any{"keys": []any{public}})
		},
	})
	good := func(change ...any) map[string]any {
		claims := map[string]any{"iss": base, "sub": "usr_1", "exp": time.Now().Add(time.Minute).Unix(), "iat": time.Now().Add(time.Hour).Unix()}
		for i := 0; i < len(change); i += 2 {
			if claims[change[i].(string)] = change[i+1]; change[i+1] == nil {
				delete(claims, change[i].(string))
			}
		}
		return claims
	}
	claims, err := c.VerifyJWT(t.Context(), sign(t, jwa.RS256(), ours, good()))
	require.NoError(t, err, "an aged subject's token is issued in our future")
	assert.Equal(t, "usr_1", claims["sub"])

	hmac, err := jwk.Import([]byte("public key as a secret, 32 bytes"))
	require.NoError(t, err)
	require.NoError(t, hmac.Set(jwk.KeyIDKey, "snk_1"))
	unsigned := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","kid":"snk_1"}`)) + "." +
		base64.RawURLEncoding.EncodeToString([]byte(`{"iss":"`+base+`","exp":9999999999}`)) + "."
	for name, tt := range map[string]struct{ token, want string }{
		"another key with the same kid": {sign(t, jwa.RS256(), others, good()), "not signed"},
		"unknown kid":                   {sign(t, jwa.RS256(), newKey(t, "snk_9"), good()), "not signed"},
		"HS256":                         {sign(t, jwa.HS256(), hmac, good()), "not signed"},
		"RS512":                         {sign(t, jwa.RS512(), ours, good()), "not signed"},
		"none":                          {unsigned, "not signed"},
		"no token":                      {"opaque", "not signed"},
		"another issuer":                {sign(t, jwa.RS256(), ours, good("iss", "https://evil.test")), "issuer"},
		"expired":                       {sign(t, jwa.RS256(), ours, good("exp", time.Now().Add(-time.Second).Unix())), "expired"},
		"no end":                        {sign(t, jwa.RS256(), ours, good("exp", nil)), "never expires"},
		"end in words":                  {sign(t, jwa.RS256(), ours, good("exp", "never")), "never expires"},
	} {
		_, err := c.VerifyJWT(t.Context(), tt.token)
		assert.ErrorContains(t, err, tt.want, name)
	}

	claims, err = scalekit.Claims(sign(t, jwa.RS256(), others, good()))
	require.NoError(t, err, "reading verifies nothing")
	assert.Equal(t, "usr_1", claims["sub"])
}

func newKey(t *testing.T, kid string) jwk.Key {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	key, err := jwk.Import(private)
	require.NoError(t, err)
	require.NoError(t, key.Set(jwk.KeyIDKey, kid))
	return key
}

func sign(t *testing.T, algorithm jwa.SignatureAlgorithm, key jwk.Key, claims map[string]any) string {
	t.Helper()
	payload, err := json.Marshal(claims)
	require.NoError(t, err)
	token, err := jws.Sign(payload, jws.WithKey(algorithm, key))
	require.NoError(t, err)
	return string(token)
}

func TestAuthorizeURLAndPKCE(t *testing.T) {
	t.Parallel()
	c := scalekit.New("https://auth.test/", "a", "b", nil)
	assert.Equal(t, "https://auth.test/oauth/authorize", c.AuthorizeURL(nil))
	assert.Equal(t, "https://auth.test/oidc/logout?state=a+b", c.LogoutURL(url.Values{"state": {"a b"}}))
	// RFC 7636, appendix B.
	assert.Equal(t, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", scalekit.Challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"))
	first, second := scalekit.NewPKCE(), scalekit.NewPKCE()
	assert.NotEqual(t, first, second)
	assert.Equal(t, scalekit.Challenge(first.Verifier), first.Challenge)
}
