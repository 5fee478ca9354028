package idp

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"time"
)

// NewKey makes an RSA key of 2048 bits and a self-signed certificate for it,
// both as PEM (PKCS #8 and X.509). The certificate is good for ten years: a
// SAML party trusts the key it has pinned, not a chain and not a date.
func NewKey() (keyPEM, certPEM []byte, err error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, nil, fmt.Errorf("the identity provider's key cannot be made: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, nil, fmt.Errorf("the identity provider's key cannot be made: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "Auth Preflight identity provider"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().AddDate(10, 0, 0),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, nil, fmt.Errorf("the identity provider's certificate cannot be made: %w", err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, fmt.Errorf("the identity provider's key cannot be written: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}),
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
}

// LoadKey reads an RSA private key from a PEM file (PKCS #8 or PKCS #1).
func LoadKey(pemFile string) (*rsa.PrivateKey, error) {
	data, err := os.ReadFile(pemFile)
	if err != nil {
		return nil, fmt.Errorf("the identity provider's key file cannot be read: %w", err)
	}
	key, err := ParseKey(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", pemFile, err)
	}
	return key, nil
}

// LoadCertificate reads an X.509 certificate from a PEM file.
func LoadCertificate(pemFile string) (*x509.Certificate, error) {
	data, err := os.ReadFile(pemFile)
	if err != nil {
		return nil, fmt.Errorf("the identity provider's certificate file cannot be read: %w", err)
	}
	cert, err := ParseCertificate(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", pemFile, err)
	}
	return cert, nil
}

// ParseKey reads an RSA private key from PEM (PKCS #8 or PKCS #1).
func ParseKey(keyPEM []byte) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode(keyPEM)
	if block == nil {
		return nil, fmt.Errorf("this is no PEM private key; make one with `openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=preflight -keyout key.pem -out cert.pem`")
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("this PEM block (%s) is no private key: %w", block.Type, err)
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("this is a %T; SAML needs an RSA key here", parsed)
	}
	return key, nil
}

// ParseCertificate reads an X.509 certificate from PEM.
func ParseCertificate(certPEM []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(certPEM)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, fmt.Errorf("this is no PEM certificate; make one with `openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=preflight -keyout key.pem -out cert.pem`")
	}
	return x509.ParseCertificate(block.Bytes)
}

// Fingerprint names a certificate in messages and reports (SHA-256, hex).
func Fingerprint(cert *x509.Certificate) string {
	return fmt.Sprintf("%x", sha256.Sum256(cert.Raw))
}
