// Package loopback gives every client but the browser the one piece of name
// resolution that RFC 6761, section 6.3 asks for: "localhost" and all names
// under it are loopback, and DNS is never asked about them. Chromium does this
// by itself; Go's resolver does not for names such as app.localhost.
package loopback

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"strings"
	"time"
)

const dialTimeout = 10 * time.Second

// DialContext dials like net.Dialer, but sends localhost and *.localhost to
// 127.0.0.1. It fits http.Transport.DialContext. The error is net.Dialer's.
func DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	if host, port, err := net.SplitHostPort(addr); err == nil && IsLoopbackName(host) {
		addr = net.JoinHostPort("127.0.0.1", port)
	}
	d := net.Dialer{Timeout: dialTimeout}
	return d.DialContext(ctx, network, addr)
}

// IsLoopbackName reports whether host is "localhost" or a name under it
// (RFC 6761, 6.3), with or without the root dot.
func IsLoopbackName(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// Transport returns an HTTP transport that dials with DialContext and trusts
// roots; with nil roots it trusts the system's certificate authorities.
func Transport(roots *x509.CertPool) *http.Transport {
	return &http.Transport{
		DialContext:         DialContext,
		TLSClientConfig:     &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: 16,
		IdleConnTimeout:     30 * time.Second,
		TLSHandshakeTimeout: 10 * time.Second,
	}
}
