package proxy_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/loopback"
	"github.com/auth-preflight/auth-preflight/helpers/proxy"
)

func TestWhatComesThroughTheProxyIsKnown(t *testing.T) {
	t.Parallel()
	p, err := proxy.Listen(t.Context(), proxy.Options{Name: "elsewhere"})
	require.NoError(t, err)
	var owned bool
	server := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { owned = p.Owns(r.RemoteAddr) }))
	t.Cleanup(server.Close)
	address, err := url.Parse(p.URL())
	require.NoError(t, err)
	address.Host = net.JoinHostPort("127.0.0.1", address.Port())

	direct := server.Client()
	through := server.Client().Transport.(*http.Transport).Clone()
	through.Proxy = http.ProxyURL(address)
	for _, c := range []struct {
		client *http.Client
		want   bool
	}{{direct, false}, {&http.Client{Transport: through}, true}} {
		response, err := c.client.Get(server.URL)
		require.NoError(t, err)
		_ = response.Body.Close()
		assert.Equal(t, c.want, owned)
	}
	through.CloseIdleConnections()
	require.NoError(t, p.Close())
}

func TestAProxyReachesOnlyWhatIsAllowed(t *testing.T) {
	t.Parallel()
	p, err := proxy.Listen(t.Context(), proxy.Options{Name: "firewall", Allow: func(host string) bool { return host == "127.0.0.1" }})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, p.Close()) })
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(r.Host)) }))
	t.Cleanup(plain.Close)
	address, err := url.Parse(p.URL())
	require.NoError(t, err)
	transport := loopback.Transport(nil)
	transport.Proxy = http.ProxyURL(address)
	client := &http.Client{Transport: transport}
	t.Cleanup(transport.CloseIdleConnections)

	response, err := client.Get(plain.URL)
	require.NoError(t, err)
	_ = response.Body.Close()
	assert.Equal(t, http.StatusOK, response.StatusCode, "plain http to what is allowed")
	response, err = client.Get("http://elsewhere.localhost/")
	require.NoError(t, err)
	_ = response.Body.Close()
	assert.Equal(t, http.StatusForbidden, response.StatusCode)
	_, err = client.Get("https://other.localhost/")
	assert.Error(t, err)
	assert.Equal(t, []string{"elsewhere.localhost", "other.localhost"}, p.Refused())
}
