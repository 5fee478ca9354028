// Package probe asks hosts what no browser asks: whether they answer plain
// http, which old versions of TLS they speak, and whose certificate they show.
package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/auth-preflight/auth-preflight/helpers/loopback"
)

// patience bounds one probe: what does not answer by then is not served.
const patience = 10 * time.Second

// Plain is what a host said to plain http.
type Plain struct {
	// Served says what it gave away; empty: it refused, or sent to https.
	Served string
	// Said is the answer in a few words.
	Said string
}

// PlainHTTP asks for an address over plain http. A closed port, a broken
// connection, an error status and a redirect to https are all refusals
// (RFC 9700, 2.6; ASVS 12.2.1). client must follow no redirect.
func PlainHTTP(ctx context.Context, client *http.Client, address *url.URL) Plain {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	plain := *address
	plain.Scheme = "http"
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, plain.String(), nil)
	if err != nil {
		return Plain{Said: err.Error()}
	}
	request.Header.Set("Accept", "text/html,*/*;q=0.8")
	response, err := client.Do(request)
	if err != nil {
		return Plain{Said: "no answer"}
	}
	defer func() { _ = response.Body.Close() }()
	said := fmt.Sprintf("HTTP %d", response.StatusCode)
	switch {
	case response.StatusCode >= 300 && response.StatusCode <= 399:
		location, err := response.Location()
		if err != nil {
			return Plain{Said: said}
		}
		said += " to " + location.Scheme + "://" + location.Host + location.Path
		if location.Scheme == "https" {
			return Plain{Said: said}
		}
		return Plain{Said: said, Served: "a redirect that stays on plain http"}
	case response.StatusCode >= 400:
		return Plain{Said: said}
	}
	body, _ := io.ReadAll(io.LimitReader(response.Body, 1<<16))
	if strings.Contains(strings.ToLower(string(body)), "<form") {
		return Plain{Said: said, Served: "a page with a form"}
	}
	return Plain{Said: said, Served: fmt.Sprintf("HTTP %d with %d bytes", response.StatusCode, len(body))}
}

// OldTLS offers nothing newer than TLS 1.1 and returns the version that the
// host took; "" where it refused (RFC 8996).
func OldTLS(ctx context.Context, address, name string) string {
	var suites []uint16
	for _, s := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		suites = append(suites, s.ID)
	}
	state, err := handshake(ctx, address, &tls.Config{
		ServerName: name, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11, CipherSuites: suites,
		InsecureSkipVerify: true, //nolint:gosec // nothing is sent: only the version counts
	})
	if err != nil {
		return ""
	}
	return tls.VersionName(state.Version)
}

// Certificate makes a connection as a careful client does and returns the
// version of TLS and the host's certificate. The error says, in the words of
// crypto/x509, why a client refuses; Unreachable tells it from a host that
// does not answer.
func Certificate(ctx context.Context, address, name string, roots *x509.CertPool) (version string, certificate *x509.Certificate, err error) {
	state, err := handshake(ctx, address, &tls.Config{ServerName: name, RootCAs: roots, MinVersion: tls.VersionTLS12})
	if err != nil {
		return "", nil, err
	}
	return tls.VersionName(state.Version), state.PeerCertificates[0], nil
}

// Unreachable reports whether err says that there was nobody to talk to.
func Unreachable(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial" || errors.Is(err, context.DeadlineExceeded)
}

func handshake(ctx context.Context, address string, config *tls.Config) (tls.ConnectionState, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	raw, err := loopback.DialContext(ctx, "tcp", address)
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer func() { _ = raw.Close() }()
	conn := tls.Client(raw, config)
	if err := conn.HandshakeContext(ctx); err != nil {
		return tls.ConnectionState{}, err
	}
	return conn.ConnectionState(), nil
}
