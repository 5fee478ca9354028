package scalekit

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
)

// PKCE is a verifier and its S256 challenge (RFC 7636, 4.1 and 4.2).
type PKCE struct{ Verifier, Challenge string }

// NewPKCE makes a fresh pair.
func NewPKCE() PKCE {
	verifier := NewNonce()
	return PKCE{verifier, Challenge(verifier)}
}

// Challenge is the S256 challenge of verifier.
func Challenge(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// NewNonce returns 256 random bits as 43 characters of the URL-safe alphabet:
// good as a state, a nonce or a verifier.
func NewNonce() string {
	random := make([]byte, 32)
	_, _ = rand.Read(random) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(random)
}
