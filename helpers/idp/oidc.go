package idp

import (
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"
	"github.com/lestrrat-go/jwx/v3/jwt"
)

// OIDCProvider is an OpenID provider on loopback for one person, who is signed
// in there already (OpenID Connect Core §3.1, Discovery §4). Its one client is
// the auth environment.
type OIDCProvider struct {
	Issuer, ClientID, ClientSecret string

	key    jwk.Key
	person Person

	mu          sync.Mutex
	redirectURI string
	codes       map[string]url.Values // the requests that were answered
}

const oidcKeyID = "suite"

// ServeOIDC starts a provider that signs with key. close ends it.
func ServeOIDC(key *rsa.PrivateKey, person Person) (p *OIDCProvider, stop func(), err error) {
	p = &OIDCProvider{person: person, ClientID: "preflight-" + newID(), ClientSecret: newID() + newID(), codes: map[string]url.Values{}}
	if p.key, err = jwk.Import(key); err != nil {
		return nil, nil, err
	}
	_ = p.key.Set(jwk.KeyIDKey, oidcKeyID)
	_ = p.key.Set(jwk.AlgorithmKey, jwa.RS256())
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.discovery)
	mux.HandleFunc("GET /keys", p.keys)
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /token", p.token)
	server := httptest.NewServer(mux)
	at, _ := url.Parse(server.URL)
	// By a name, since browsers that are kept to *.localhost know no numbers.
	p.Issuer = "http://idp.localhost:" + at.Port()
	return p, server.Close, nil
}

// Register tells the provider where its client takes answers.
func (p *OIDCProvider) Register(redirectURI string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.redirectURI = redirectURI
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func (p *OIDCProvider) discovery(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]any{
		"issuer": p.Issuer, "authorization_endpoint": p.Issuer + "/authorize", "token_endpoint": p.Issuer + "/token", "jwks_uri": p.Issuer + "/keys",
		"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported": []string{"RS256"}, "scopes_supported": []string{"openid", "email", "profile"},
		"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "client_secret_post"},
	})
}

func (p *OIDCProvider) keys(w http.ResponseWriter, _ *http.Request) {
	public, _ := p.key.PublicKey() // it is an RSA key
	answer(w, http.StatusOK, map[string]any{"keys": []any{public}})
}

func (p *OIDCProvider) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	p.mu.Lock()
	defer p.mu.Unlock()
	if q.Get("client_id") != p.ClientID || p.redirectURI == "" || q.Get("redirect_uri") != p.redirectURI {
		http.Error(w, "The suite's identity provider knows no such client or redirect URI: "+q.Get("redirect_uri"), http.StatusBadRequest)
		return
	}
	code := newID()
	p.codes[code] = q
	back, _ := url.Parse(p.redirectURI)
	back.RawQuery = url.Values{"code": {code}, "state": {q.Get("state")}}.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound)
}

func (p *OIDCProvider) token(w http.ResponseWriter, r *http.Request) {
	id, secret, basic := r.BasicAuth()
	if !basic {
		id, secret = r.PostFormValue("client_id"), r.PostFormValue("client_secret")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	asked, known := p.codes[r.PostFormValue("code")]
	delete(p.codes, r.PostFormValue("code"))
	if !known || id != p.ClientID || secret != p.ClientSecret || r.PostFormValue("redirect_uri") != p.redirectURI {
		answer(w, http.StatusBadRequest, map[string]string{"error": "invalid_grant"})
		return
	}
	now := time.Now()
	token := jwt.New()
	for name, value := range map[string]any{
		jwt.IssuerKey: p.Issuer, jwt.AudienceKey: p.ClientID, jwt.SubjectKey: p.person.Email, jwt.IssuedAtKey: now, jwt.ExpirationKey: now.Add(5 * time.Minute),
		"nonce": asked.Get("nonce"), "email": p.person.Email, "email_verified": true,
		"given_name": p.person.GivenName, "family_name": p.person.FamilyName, "name": strings.TrimSpace(p.person.GivenName + " " + p.person.FamilyName),
	} {
		_ = token.Set(name, value)
	}
	header := jws.NewHeaders()
	_ = header.Set(jws.KeyIDKey, oidcKeyID)
	signed, err := jwt.Sign(token, jwt.WithKey(jwa.RS256(), p.key, jws.WithProtectedHeaders(header)))
	if err != nil {
		answer(w, http.StatusInternalServerError, map[string]string{"error": "server_error"})
		return
	}
	answer(w, http.StatusOK, map[string]any{"access_token": newID(), "token_type": "Bearer", "expires_in": 300, "id_token": string(signed)})
}
