package idp

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// openIDAt is a provider behind a server, and a request to it that is right.
func openIDAt(t *testing.T) (*OpenID, *url.URL) {
	t.Helper()
	key, err := ParseKey(testKeys()[0][0])
	require.NoError(t, err)
	var handler http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	p := NewOpenID(key, server.URL)
	handler = p.Handler()
	request, err := url.Parse(p.Endpoints().Authorize + "?" + url.Values{
		"client_id": {p.ClientID}, "response_type": {"code"}, "scope": {"openid email"},
		"redirect_uri": {"https://auth.test/callback"}, "state": {"s"}, "nonce": {"n"},
	}.Encode())
	require.NoError(t, err)
	return p, request
}

// redeem trades the code of an answer for an ID token.
func redeem(t *testing.T, p *OpenID, back, secret string) (status int, idToken, access string) {
	t.Helper()
	u, err := url.Parse(back)
	require.NoError(t, err)
	assert.Equal(t, "s", u.Query().Get("state"))
	answer, err := http.PostForm(p.Endpoints().Token, url.Values{
		"grant_type": {"authorization_code"}, "code": {u.Query().Get("code")}, "redirect_uri": {"https://auth.test/callback"},
		"client_id": {p.ClientID}, "client_secret": {secret},
	})
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	var tokens struct {
		ID     string `json:"id_token"`
		Access string `json:"access_token"`
	}
	require.NoError(t, json.NewDecoder(answer.Body).Decode(&tokens))
	return answer.StatusCode, tokens.ID, tokens.Access
}

// A relying party that shares no code with the provider finds its way by
// discovery, and believes the ID token; of each that is changed it does not.
func TestAnOpenIDRelyingPartyBelievesGenuineTokensOnly(t *testing.T) {
	t.Parallel()
	p, request := openIDAt(t)
	provider, err := oidc.NewProvider(t.Context(), p.Issuer)
	require.NoError(t, err)
	verifier := provider.Verifier(&oidc.Config{ClientID: p.ClientID})
	ada := Person{Email: "Ada@corp.test", GivenName: "Ada", Groups: []string{"a", "b"}}

	p.SignInAs(ada)
	back, err := p.Answer(request)
	require.NoError(t, err)
	status, idToken, access := redeem(t, p, back, p.ClientSecret)
	assert.Equal(t, http.StatusOK, status)
	verified, err := verifier.Verify(t.Context(), idToken)
	require.NoError(t, err)
	assert.Equal(t, []any{"n", "sub|ada@corp.test"}, []any{verified.Nonce, verified.Subject})
	again, _, _ := redeem(t, p, back, p.ClientSecret)
	assert.Equal(t, http.StatusBadRequest, again, "a code twice")
	info, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.Endpoints().UserInfo, nil)
	require.NoError(t, err)
	info.Header.Set("Authorization", "Bearer "+access)
	answer, err := http.DefaultClient.Do(info)
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	var said map[string]any
	require.NoError(t, json.NewDecoder(answer.Body).Decode(&said))
	assert.Equal(t, []any{"Ada", []any{"a", "b"}}, []any{said["given_name"], said["groups"]})

	for name, change := range map[string]func(*IDToken){
		"issuer": func(t *IDToken) { t.Claims["iss"] = "https://evil.test" }, "nobody's signature": func(t *IDToken) { t.Key = nil },
		"audience": func(t *IDToken) { t.Claims["aud"] = "x" }, "over": func(t *IDToken) { t.Claims["exp"] = 1 },
	} {
		p.SignInAs(ada)
		p.Change(change)
		back, err := p.Answer(request)
		require.NoError(t, err)
		_, idToken, _ := redeem(t, p, back, p.ClientSecret)
		_, err = verifier.Verify(t.Context(), idToken)
		assert.Error(t, err, name)
	}
}

// What a relying party gets wrong is said, and errors are sent as they should be.
func TestAnOpenIDProviderRefuses(t *testing.T) {
	t.Parallel()
	p, request := openIDAt(t)
	for _, name := range []string{"client_id", "state", "redirect_uri", "scope"} {
		wrong := *request
		q := wrong.Query()
		q.Del(name)
		wrong.RawQuery = q.Encode()
		_, err := p.Answer(&wrong)
		assert.Error(t, err, name)
	}
	p.Refuse("access_denied")
	back, err := p.Answer(request)
	require.NoError(t, err)
	assert.Contains(t, back, "error=access_denied")
	p.SignInAs(Person{Email: "ada@corp.test"})
	back, err = p.Answer(request)
	require.NoError(t, err)
	status, _, _ := redeem(t, p, back, "wrong")
	assert.Equal(t, http.StatusUnauthorized, status)
}

// A response around the same assertion breaks no signature, and is another one.
func TestRewrappedKeepsTheAssertionsSignature(t *testing.T) {
	t.Parallel()
	f := newForge(t, SignedAssertion)
	m := Message{Request: f.Request, XML: f.Params().XML()}
	other := m.Rewrapped()
	assert.NotEqual(t, m.XML, other.XML)
	sp := serviceProvider(t, f)
	for _, one := range []Message{m, other} {
		assertion, err := sp.ParseXMLResponse(one.XML, []string{askedID}, sp.AcsURL)
		require.NoError(t, err)
		assert.Equal(t, f.Params().AssertionID, assertion.ID)
	}
}

// A redacted response can be read, and not used again.
func TestRedactedResponsesHoldNoSignature(t *testing.T) {
	t.Parallel()
	f := newForge(t, SignedBoth)
	m := Message{XML: f.Params().XML()}
	text := m.Redacted()
	assert.Contains(t, text, "alice@corp.test")
	value := string(m.XML)
	_, value, _ = strings.Cut(value, "SignatureValue>")
	value, _, _ = strings.Cut(value, "<")
	assert.NotContains(t, text, value[:40])
	assert.Contains(t, Message{XML: []byte("<a>&x;</a>")}.Redacted(), "not well-formed")
}
