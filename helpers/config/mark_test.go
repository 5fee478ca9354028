package config_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/config"
)

// described is a deployment with these variables beside the required ones.
func described(t *testing.T, vars map[string]string) *config.Config {
	t.Helper()
	for name, value := range map[string]string{
		"SCALEKIT_ENVIRONMENT_URL": "https://auth.acme.test", "SCALEKIT_CLIENT_ID": "skc_1", "SCALEKIT_CLIENT_SECRET": "test_x",
		"APP_URL": "https://app.acme.test",
	} {
		vars[name] = value
	}
	cfg, err := config.FromMap(vars)
	require.NoError(t, err)
	return cfg
}

func TestEveryRequestIsMarked(t *testing.T) {
	t.Parallel()
	said := make(chan string, 1)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { said <- r.UserAgent() }))
	t.Cleanup(s.Close)
	ask := func(client *http.Client, name string) string {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL, nil)
		require.NoError(t, err)
		if name != "" {
			r.Header.Set("User-Agent", name)
		}
		answer, err := client.Do(r)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		assert.Equal(t, name, r.UserAgent(), "the caller's own request stays as it was")
		return <-said
	}
	usual := described(t, map[string]string{})
	assert.Equal(t, "auth-preflight (run none)", ask(usual.Client(), ""))
	run := usual.ClientOf("r-1")
	assert.Equal(t, "auth-preflight (run r-1)", ask(run, ""))
	assert.Equal(t, "auth-preflight (run r-1)", usual.Mark("r-1"))
	assert.Equal(t, "MailScanner/1.0 auth-preflight (run r-1)", ask(run, "MailScanner/1.0"))
	assert.Equal(t, "Mozilla/5.0 auth-preflight (run r-1)", ask(run, "Mozilla/5.0 auth-preflight (run r-1)"), "once is enough")
	assert.Equal(t, "auth-preflight (run r-1)", ask(config.Restricted(run, func(*http.Request) error { return nil }), ""))

	own := described(t, map[string]string{"PREFLIGHT_USER_AGENT": "acme-nightly/2"})
	assert.Equal(t, "acme-nightly/2", ask(own.ClientOf("r-1"), ""))
	none := described(t, map[string]string{"PREFLIGHT_USER_AGENT": "none"})
	assert.Empty(t, none.Mark("r-1"))
	assert.Equal(t, "Mozilla/5.0", ask(none.ClientOf("r-1"), "Mozilla/5.0"))

	_, err := config.LoadLocal(func(name string) (string, bool) { return "a\r\nX: b", name == "PREFLIGHT_USER_AGENT" }, os.DevNull)
	assert.ErrorContains(t, err, "only printable ASCII")
}

// A window that goes through a proxy goes there with all that its client does.
func TestALayeredClientGoesThroughAProxy(t *testing.T) {
	t.Parallel()
	said := make(chan string, 1)
	proxy := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { said <- r.URL.Host + " " + r.UserAgent() }))
	t.Cleanup(proxy.Close)
	address, err := url.Parse(proxy.URL)
	require.NoError(t, err)
	client := config.Restricted(described(t, map[string]string{}).ClientOf("r-1"), func(*http.Request) error { return nil })
	via, ok := client.Transport.(interface {
		Through(proxy *url.URL) (http.RoundTripper, bool)
	}).Through(address)
	require.True(t, ok)
	client.Transport = via
	t.Cleanup(client.CloseIdleConnections)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://acme.test/", nil)
	require.NoError(t, err)
	answer, err := client.Do(r)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	assert.Equal(t, "acme.test auth-preflight (run r-1)", <-said)
}
