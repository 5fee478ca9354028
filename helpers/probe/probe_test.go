package probe_test

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/probe"
)

func TestPlainHTTPIsJudgedByWhatItGives(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/form": "a page with a form", "/stays": "a redirect that stays on plain http", "/data": "HTTP 200 with 2 bytes",
		"/moves": "", "/refused": "",
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/form":
				_, _ = w.Write([]byte("<FORM method=post>"))
			case "/data":
				_, _ = w.Write([]byte("{}"))
			case "/stays":
				w.Header().Set("Location", "/form")
				w.WriteHeader(http.StatusFound)
			case "/moves":
				http.Redirect(w, r, "https://"+r.Host+"/", http.StatusPermanentRedirect)
			default:
				w.WriteHeader(http.StatusForbidden)
			}
		}))
		address, err := url.Parse(server.URL + path)
		require.NoError(t, err)
		client := server.Client()
		client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		assert.Equal(t, want, probe.PlainHTTP(t.Context(), client, address).Served, path)
		server.Close()
		assert.Empty(t, probe.PlainHTTP(t.Context(), client, address).Served, "a closed port")
	}
}

func TestVersionsAndCertificatesAreSeen(t *testing.T) {
	t.Parallel()
	start := func(oldest uint16) *httptest.Server {
		server := httptest.NewUnstartedServer(http.NotFoundHandler())
		server.TLS = &tls.Config{MinVersion: oldest} //nolint:gosec // the point of the test
		server.StartTLS()
		t.Cleanup(server.Close)
		return server
	}
	old, modern := start(tls.VersionTLS10), start(tls.VersionTLS12)
	assert.Equal(t, "TLS 1.1", probe.OldTLS(t.Context(), old.Listener.Addr().String(), "example.com"))
	assert.Empty(t, probe.OldTLS(t.Context(), modern.Listener.Addr().String(), "example.com"))

	roots := modern.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	version, certificate, err := probe.Certificate(t.Context(), modern.Listener.Addr().String(), "example.com", roots)
	require.NoError(t, err)
	assert.Equal(t, "TLS 1.3", version)
	assert.NotNil(t, certificate)
	_, _, err = probe.Certificate(t.Context(), modern.Listener.Addr().String(), "elsewhere.test", roots)
	require.Error(t, err)
	assert.False(t, probe.Unreachable(err))
	address := modern.Listener.Addr().String()
	modern.Close()
	_, _, err = probe.Certificate(t.Context(), address, "example.com", roots)
	assert.True(t, probe.Unreachable(err))
}
