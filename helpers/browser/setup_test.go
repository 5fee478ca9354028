package browser

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// shared is the one browser of these tests, started by the first that asks.
var shared = sync.OnceValues(func() (*Browser, error) { return Launch(context.Background(), testOptions()) })

// site is a deployment with a certificate of a CA of its own.
var site = sync.OnceValue(newSite)

func TestMain(m *testing.M) {
	code := m.Run()
	if b, err := shared(); err == nil {
		if err := b.Close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	_ = os.RemoveAll(site().dir)
	os.Exit(code)
}

func testOptions() Options {
	return Options{CAFile: site().caFile, AllowedHosts: []string{"*.localhost", "127.0.0.1"}}
}

// open opens a page of the shared browser. Without a browser the test fails
// with the remedy.
func open(t TB, o WindowOptions) *Page {
	t.Helper()
	b, err := shared()
	if err != nil {
		t.Fatalf("%v", err)
	}
	return b.Open(t, o)
}

type testSite struct {
	dir, caFile string
	mux         *http.ServeMux
	port        string
}

// url returns an address of a host of the site.
func (s *testSite) url(host, path string) string { return "https://" + host + ":" + s.port + path }

// handle makes a page under a path that no other test has.
func (s *testSite) handle(t *testing.T, path string, h http.HandlerFunc) string {
	prefix := "/" + strings.NewReplacer("/", "-", " ", "-").Replace(t.Name())
	s.mux.HandleFunc(prefix+path, h)
	return prefix + path
}

func page(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, "<!doctype html><html lang=en><title>Test</title><body>%s</body></html>", body)
	}
}

func newSite() *testSite {
	dir, err := os.MkdirTemp("", "browser-test-")
	must(err)
	s := &testSite{dir: dir, caFile: filepath.Join(dir, "ca.pem"), mux: http.NewServeMux()}
	ca := certificate(&x509.Certificate{
		Subject: pkix.Name{CommonName: "test CA"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, nil)
	leaf := certificate(&x509.Certificate{
		Subject: pkix.Name{CommonName: "app.localhost"}, DNSNames: []string{"app.localhost", "auth.localhost", "other.localhost"},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, ca)
	must(os.WriteFile(s.caFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Certificate[0]}), 0o600))
	server := httptest.NewUnstartedServer(s.mux)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: append(leaf.Certificate, ca.Certificate...), PrivateKey: leaf.PrivateKey}}}
	server.Config.ErrorLog = nil
	server.StartTLS()
	s.port = server.URL[strings.LastIndex(server.URL, ":")+1:]
	return s
}

func certificate(template *x509.Certificate, ca *tls.Certificate) *tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := template, any(key)
	if ca != nil {
		parent, err = x509.ParseCertificate(ca.Certificate[0])
		must(err)
		signer = ca.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	must(err)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// fakeTB is a test that may fail without failing the real one.
type fakeTB struct {
	*testing.T
	mu       sync.Mutex
	failed   bool
	trouble  bool
	message  string
	cleanups []func()
}

func (f *fakeTB) Cleanup(c func()) { f.cleanups = append(f.cleanups, c) }
func (f *fakeTB) Failed() bool     { f.mu.Lock(); defer f.mu.Unlock(); return f.failed }
func (f *fakeTB) Logf(format string, args ...any) {
	f.T.Logf("fake: "+format, args...)
}

func (f *fakeTB) Fatalf(format string, args ...any) {
	f.mu.Lock()
	f.failed, f.message = true, fmt.Sprintf(format, args...)
	f.mu.Unlock()
	runtime.Goexit()
}

func (f *fakeTB) Trouble(format string, args ...any) {
	f.trouble = true
	f.Fatalf(format, args...)
}

// failing runs body as a test of its own and returns what became of it.
func failing(t *testing.T, body func(f *fakeTB)) *fakeTB {
	t.Helper()
	f := &fakeTB{T: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		body(f)
	}()
	<-done
	for i := len(f.cleanups) - 1; i >= 0; i-- {
		f.cleanups[i]()
	}
	require.True(t, f.failed, "the inner test should have failed")
	return f
}
