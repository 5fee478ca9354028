package scalekit

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"strings"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"
)

// Forger writes JWTs that the environment never signed, out of one that it did:
// what a verifier must refuse. Its key is its own.
type Forger struct {
	head, payload, signature string // parts of the genuine token
	Header                   map[string]any
	Claims                   map[string]any
	key                      *rsa.PrivateKey
}

// NewForger takes a genuine token apart. The error says that it is none, or
// that there is no randomness.
func NewForger(genuine string) (*Forger, error) {
	claims, err := Claims(genuine)
	if err != nil {
		return nil, err
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	parts := strings.Split(genuine, ".")
	f := &Forger{head: parts[0], payload: parts[1], signature: parts[2], Claims: claims, key: key}
	head, err := base64.RawURLEncoding.DecodeString(parts[0])
	if err != nil {
		return nil, err
	}
	return f, json.Unmarshal(head, &f.Header)
}

func encoded(v any) string {
	text, _ := json.Marshal(v) // came from JSON, or is a plain map
	return base64.RawURLEncoding.EncodeToString(text)
}

func with(m, changes map[string]any) map[string]any {
	out := map[string]any{}
	for name, value := range m {
		out[name] = value
	}
	for name, value := range changes {
		if value == nil {
			delete(out, name)
		} else {
			out[name] = value
		}
	}
	return out
}

// Edited returns the genuine token with claims changed (nil removes one) under
// the genuine signature.
func (f *Forger) Edited(claims map[string]any) string {
	return f.head + "." + encoded(with(f.Claims, claims)) + "." + f.signature
}

// Unsigned returns the token with its header changed and signature in place of
// the genuine one.
func (f *Forger) Unsigned(header map[string]any, signature string) string {
	return encoded(with(f.Header, header)) + "." + f.payload + "." + signature
}

// HMAC returns the token signed by HS256 with a secret, its header changed.
func (f *Forger) HMAC(secret []byte, header map[string]any) string {
	signed := encoded(with(with(f.Header, map[string]any{"alg": "HS256"}), header)) + "." + f.payload
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(signed))
	return signed + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// Own returns the token signed by RS256 with the forger's own key, its header
// and claims changed.
func (f *Forger) Own(header, claims map[string]any) string {
	fields := jws.NewHeaders()
	for name, value := range with(f.Header, header) {
		if name != "alg" {
			_ = fields.Set(name, value) // a field that the library refuses stays out
		}
	}
	payload, _ := json.Marshal(with(f.Claims, claims))
	signed, err := jws.Sign(payload, jws.WithKey(jwa.RS256(), f.key, jws.WithProtectedHeaders(fields)))
	if err != nil {
		return ""
	}
	return string(signed)
}

// PublicKey is the forger's own key as a JWK (RFC 7517); kid may be "".
func (f *Forger) PublicKey(kid string) jwk.Key {
	key, err := jwk.Import(f.key.Public())
	if err != nil {
		return nil
	}
	if kid != "" {
		_ = key.Set(jwk.KeyIDKey, kid)
	}
	return key
}

// KeySet is PublicKey in a set, as JSON.
func (f *Forger) KeySet(kid string) []byte {
	set := jwk.NewSet()
	_ = set.AddKey(f.PublicKey(kid))
	text, _ := json.Marshal(set)
	return text
}

// Encodings are the ways in which programs hold RSA public keys: what an HMAC
// may be keyed with by mistake. PEM as SPKI and PKCS #1, each with and without
// the last line break and with CRLF, and both as DER.
func Encodings(keys jwk.Set) (all map[string][]byte) {
	all = map[string][]byte{}
	for i := range keys.Len() {
		key, _ := keys.Key(i)
		var public rsa.PublicKey
		if jwk.Export(key, &public) != nil {
			continue
		}
		kid, _ := key.KeyID()
		spki, err := x509.MarshalPKIXPublicKey(&public)
		if err != nil {
			continue
		}
		for _, block := range []*pem.Block{{Type: "PUBLIC KEY", Bytes: spki}, {Type: "RSA PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(&public)}} {
			text := string(pem.EncodeToMemory(block))
			all[kid+", "+block.Type] = []byte(text)
			all[kid+", "+block.Type+" without the last line break"] = []byte(strings.TrimSuffix(text, "\n"))
			all[kid+", "+block.Type+" with CRLF"] = []byte(strings.ReplaceAll(text, "\n", "\r\n"))
			all[kid+", "+block.Type+" as DER"] = block.Bytes
		}
	}
	return all
}
