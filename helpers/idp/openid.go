package idp

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"
)

// OpenID is the suite's own OpenID provider (OpenID Connect Core 1.0, code
// flow). Its back half (Handler) must be reachable for the auth environment,
// which redeems codes there and fetches keys; the front half is Answer: what a
// browser would be sent back with, and Handler sends one that comes. It signs in one person at a time, without
// asking, and says of them what it is told to, down to single claims.
type OpenID struct {
	// Issuer is the provider's name and the address of its back half.
	Issuer                 string
	ClientID, ClientSecret string

	key *rsa.PrivateKey
	kid string

	mu sync.Mutex
	// redirectURI is the only one, where it was registered.
	redirectURI string
	person      Person
	change      func(*IDToken)
	other       *Person // of whom the userinfo endpoint speaks instead
	short       bool    // the ID token leaves the address to it, too
	refuse      string  // OAuth error instead of a code
	silent      bool    // the token endpoint answers no ID token, but an error
	codes       map[string]openIDGrant
	tokens      map[string]openIDGrant
}

type openIDGrant struct {
	person                 Person
	redirectURI, challenge string
	nonce                  string
}

// IDToken is what an ID token is to say, and how it is signed.
type IDToken struct {
	Claims map[string]any
	// Key signs; nil: nobody does, and alg is none.
	Key *rsa.PrivateKey
	// KeyID is the kid in its header.
	KeyID string
}

// NewOpenID returns a provider with a key of its own. The client's id and
// secret are to be registered at the connection.
func NewOpenID(key *rsa.PrivateKey, issuer string) *OpenID {
	return &OpenID{
		Issuer: issuer, ClientID: "preflight-" + randomText(6), ClientSecret: randomText(20), key: key, kid: randomText(8),
		codes: map[string]openIDGrant{}, tokens: map[string]openIDGrant{},
	}
}

// ServeOpenID starts a provider on loopback, for browsers as well, at which
// person is signed in. stop ends it.
func ServeOpenID(key *rsa.PrivateKey, person Person) (p *OpenID, stop func()) {
	p = NewOpenID(key, "")
	server := httptest.NewServer(p.Handler())
	at, _ := url.Parse(server.URL) // it is one
	// By a name, since browsers that are kept to *.localhost know no numbers.
	p.Issuer = "http://idp.localhost:" + at.Port()
	p.SignInAs(person)
	return p, server.Close
}

// Register makes the provider send nobody to another redirect URI.
func (p *OpenID) Register(redirectURI string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.redirectURI = redirectURI
}

func randomText(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // never fails since Go 1.24
	return hex.EncodeToString(b)
}

// The provider's addresses, below Issuer.
const (
	openIDAuthorize = "/authorize"
	openIDToken     = "/token"
	openIDKeys      = "/keys"
	openIDUserInfo  = "/userinfo"
)

// OpenIDEndpoints are a provider's addresses.
type OpenIDEndpoints struct{ Authorize, Token, Keys, UserInfo string }

// Endpoints returns the provider's addresses, as its discovery document has them.
func (p *OpenID) Endpoints() OpenIDEndpoints {
	return OpenIDEndpoints{p.Issuer + openIDAuthorize, p.Issuer + openIDToken, p.Issuer + openIDKeys, p.Issuer + openIDUserInfo}
}

// SignInAs sets who is at the browser from now on; what was changed is genuine
// again.
func (p *OpenID) SignInAs(person Person) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.person, p.change, p.other, p.refuse = person, nil, nil, ""
	p.silent, p.short = false, false
}

// Change makes every further ID token another one, until SignInAs.
func (p *OpenID) Change(change func(*IDToken)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.change = change
}

// LeaveAddressToUserInfo keeps the address out of ID tokens, as providers do that
// keep them short, until SignInAs.
func (p *OpenID) LeaveAddressToUserInfo() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.short = true
}

// SpeakOf makes the userinfo endpoint speak of somebody else than the ID token,
// until SignInAs.
func (p *OpenID) SpeakOf(other Person) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.other = &other
}

// Refuse makes every further sign-in end with an OAuth error, until SignInAs.
func (p *OpenID) Refuse(code string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = code
}

// RefuseCodes makes the token endpoint refuse every code, until SignInAs.
func (p *OpenID) RefuseCodes() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.silent = true
}

// Answer answers an authentication request, the address at which a browser came
// to the provider, and returns where the browser is sent back to. The error
// says what the relying party got wrong.
func (p *OpenID) Answer(request *url.URL) (back string, err error) {
	q := request.Query()
	switch {
	case !strings.HasPrefix(request.String(), p.Issuer+openIDAuthorize):
		return "", fmt.Errorf("the browser was sent to %s, not to this provider at %s", request.Redacted(), p.Issuer)
	case q.Get("client_id") != p.ClientID:
		return "", fmt.Errorf("the request names the client %q, not %q", q.Get("client_id"), p.ClientID)
	case q.Get("response_type") != "code" || !strings.Contains(" "+q.Get("scope")+" ", " openid "):
		return "", fmt.Errorf("the request asks for %q with the scope %q, not for a code with openid", q.Get("response_type"), q.Get("scope"))
	case q.Get("redirect_uri") == "" || q.Get("state") == "":
		return "", fmt.Errorf("the request has no redirect_uri, or no state")
	}
	answer := url.Values{"state": {q.Get("state")}}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.redirectURI != "" && q.Get("redirect_uri") != p.redirectURI {
		return "", fmt.Errorf("the redirect URI %q is not the one that was registered, %q", q.Get("redirect_uri"), p.redirectURI)
	}
	if p.refuse != "" {
		answer.Set("error", p.refuse)
		answer.Set("error_description", "The provider refuses.")
	} else {
		code := randomText(20)
		p.codes[code] = openIDGrant{p.person, q.Get("redirect_uri"), q.Get("code_challenge"), q.Get("nonce")}
		answer.Set("code", code)
	}
	return q.Get("redirect_uri") + "?" + answer.Encode(), nil
}

// Handler is the back half, at the address Issuer (whose path is cut off
// before): discovery, token endpoint, keys, userinfo; and the front half for
// browsers that come there.
func (p *OpenID) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]any{
			"issuer": p.Issuer, "authorization_endpoint": p.Issuer + openIDAuthorize, "token_endpoint": p.Issuer + openIDToken,
			"jwks_uri": p.Issuer + openIDKeys, "userinfo_endpoint": p.Issuer + openIDUserInfo,
			"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
			"id_token_signing_alg_values_supported": []string{"RS256"},
			"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "client_secret_post"},
		})
	})
	mux.HandleFunc("GET "+openIDKeys, func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, p.keySet()) })
	mux.HandleFunc("GET "+openIDAuthorize, func(w http.ResponseWriter, r *http.Request) {
		asked, err := url.Parse(p.Issuer + r.URL.String())
		if err == nil {
			var back string
			if back, err = p.Answer(asked); err == nil {
				http.Redirect(w, r, back, http.StatusFound) //nolint:gosec // a provider of tests answers to where the request says
				return
			}
		}
		http.Error(w, "The suite's identity provider does not answer this: "+err.Error(), http.StatusBadRequest)
	})
	mux.HandleFunc("POST "+openIDToken, p.token)
	mux.HandleFunc("GET "+openIDUserInfo, func(w http.ResponseWriter, r *http.Request) {
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		p.mu.Lock()
		grant, ok := p.tokens[token]
		if p.other != nil {
			grant.person = *p.other
		}
		p.mu.Unlock()
		if !ok {
			writeJSON(w, http.StatusUnauthorized, map[string]string{"error": "invalid_token"})
			return
		}
		writeJSON(w, http.StatusOK, userInfo(grant.person))
	})
	return mux
}

func (p *OpenID) keySet() jwk.Set {
	set := jwk.NewSet()
	if key, err := jwk.Import(p.key.Public()); err == nil {
		_ = key.Set(jwk.KeyIDKey, p.kid)
		_ = key.Set(jwk.KeyUsageKey, "sig")
		_ = key.Set(jwk.AlgorithmKey, jwa.RS256())
		_ = set.AddKey(key)
	}
	return set
}

// token trades a code for tokens (RFC 6749 §4.1.3, RFC 7636 §4.6).
func (p *OpenID) token(w http.ResponseWriter, r *http.Request) {
	id, secret, basic := r.BasicAuth()
	if !basic {
		id, secret = r.PostFormValue("client_id"), r.PostFormValue("client_secret")
	}
	if id != p.ClientID || secret != p.ClientSecret {
		writeJSON(w, http.StatusUnauthorized, map[string]string{"error": "invalid_client"})
		return
	}
	code := r.PostFormValue("code")
	p.mu.Lock()
	defer p.mu.Unlock()
	grant, ok := p.codes[code]
	delete(p.codes, code)
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	proven := grant.challenge == "" || base64.RawURLEncoding.EncodeToString(sum[:]) == grant.challenge
	if !ok || p.silent || !proven || grant.redirectURI != r.PostFormValue("redirect_uri") {
		writeJSON(w, http.StatusBadRequest, map[string]string{"error": "invalid_grant"})
		return
	}
	token := IDToken{Claims: p.claims(grant), Key: p.key, KeyID: p.kid}
	if p.change != nil {
		p.change(&token)
	}
	signed, err := token.sign()
	if err != nil {
		writeJSON(w, http.StatusInternalServerError, map[string]string{"error": "server_error"})
		return
	}
	access := randomText(20)
	p.tokens[access] = grant
	writeJSON(w, http.StatusOK, map[string]any{"access_token": access, "token_type": "Bearer", "expires_in": 3600, "id_token": signed})
}

// claims are those of a genuine ID token. What the person is called and which
// groups they are in is left to the userinfo endpoint, as many providers do.
func (p *OpenID) claims(grant openIDGrant) map[string]any {
	now := time.Now()
	claims := map[string]any{
		"iss": p.Issuer, "sub": subjectOf(grant.person), "aud": p.ClientID,
		"iat": now.Unix(), "exp": now.Add(10 * time.Minute).Unix(),
	}
	if grant.nonce != "" {
		claims["nonce"] = grant.nonce
	}
	if !grant.person.HideEmail && !p.short {
		claims["email"], claims["email_verified"] = grant.person.Email, true
	}
	return claims
}

func subjectOf(person Person) string {
	if person.NameID != "" {
		return person.NameID
	}
	return "sub|" + strings.ToLower(person.Email)
}

// userInfo is what the userinfo endpoint says (OpenID Connect Core §5.3.2).
func userInfo(person Person) map[string]any {
	claims := map[string]any{"sub": subjectOf(person)}
	for name, value := range map[string]string{"given_name": person.GivenName, "family_name": person.FamilyName} {
		if value != "" {
			claims[name] = value
		}
	}
	if !person.HideEmail {
		claims["email"] = person.Email
	}
	if len(person.Groups) > 0 {
		claims["groups"] = person.Groups
	}
	for name, values := range person.Attributes {
		if len(values) == 1 {
			claims[name] = values[0]
		} else {
			claims[name] = values
		}
	}
	return claims
}

// sign writes the token as a JWS (RFC 7515), by RS256 or by nobody.
func (t IDToken) sign() (string, error) {
	payload, err := json.Marshal(maps.Clone(t.Claims))
	if err != nil {
		return "", err
	}
	if t.Key == nil {
		head := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`))
		return head + "." + base64.RawURLEncoding.EncodeToString(payload) + ".", nil
	}
	headers := jws.NewHeaders()
	if err := headers.Set(jws.KeyIDKey, t.KeyID); err != nil {
		return "", err
	}
	signed, err := jws.Sign(payload, jws.WithKey(jwa.RS256(), t.Key, jws.WithProtectedHeaders(headers)))
	return string(signed), err
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
