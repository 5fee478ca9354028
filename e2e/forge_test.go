package e2e

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jws"

	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
)

// forgedLogoutTokens returns logout tokens for the session of an ID token that
// anybody could make: unsigned, and signed with a key of one's own.
func forgedLogoutTokens(idToken map[string]any) []string {
	payload := map[string]any{
		"iss": idToken["iss"], "aud": idToken["aud"], "sub": idToken["sub"], "sid": idToken["sid"],
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix(), "jti": scalekit.NewNonce(),
		"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}},
	}
	return forgedTokens(payload, "logout+jwt")
}

// forgedTokens returns JWTs with these claims that no correct verifier takes:
// without a signature (RFC 8725 §3.1), and signed by somebody else.
func forgedTokens(claims map[string]any, typ string) []string {
	payload, _ := json.Marshal(claims) // claims came from JSON
	part := base64.RawURLEncoding.EncodeToString
	unsigned := part([]byte(`{"alg":"none","typ":"`+typ+`"}`)) + "." + part(payload) + "."
	forged := []string{unsigned}
	if key, err := rsa.GenerateKey(rand.Reader, 2048); err == nil {
		if signed, err := jws.Sign(payload, jws.WithKey(jwa.RS256(), key)); err == nil {
			forged = append(forged, string(signed))
		}
	}
	return forged
}
