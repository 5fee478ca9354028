package config_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/config"
)

func TestAReadingClientSendsNothingThatChangesSomething(t *testing.T) {
	t.Parallel()
	var came atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { came.Add(1) }))
	t.Cleanup(s.Close)
	client := config.ReadingOnly(s.Client())
	send := func(method, path, body string) error {
		r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(body))
		require.NoError(t, err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		answer, err := client.Do(r)
		if err == nil {
			require.NoError(t, answer.Body.Close())
		}
		return err
	}
	token := url.Values{"grant_type": {"client_credentials"}}.Encode()
	for _, path := range []string{"/oauth/token", "/behind/a/prefix/oauth/token"} {
		assert.NoError(t, send(http.MethodPost, path, token))
	}
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodOptions} {
		assert.NoError(t, send(method, "/api/v1/users", ""))
	}
	assert.EqualValues(t, 5, came.Load())
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, "PURGE"} {
		assert.ErrorContains(t, send(method, "/api/v1/users", token), "was not sent: the deployment is a production one")
	}
	assert.Error(t, send(http.MethodPost, "/oauth/token", "grant_type=authorization_code&code=guessed"))
	assert.Error(t, send(http.MethodPost, "/oauth/token", ""))
	assert.Error(t, send(http.MethodPost, "/api/v1/users?grant_type=client_credentials", ""))
	assert.EqualValues(t, 5, came.Load(), "nothing else left")
}
