package config

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What a server redirects to is seen, also where Go would refuse the address.
func TestALocationIsReadAsBrowsersReadIt(t *testing.T) {
	t.Parallel()
	for said, read := range map[string]string{
		"https://app.test/out\t":     "https://app.test/out",
		" https://app.test/o\tut ":   "https://app.test/out",
		"https://app.test/100%/x%zz": "https://app.test/100%25/x%25zz",
		"https://app.test/%41?a b":   "https://app.test/%41?a b", // which Go reads itself
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Location"] = []string{said}
			w.WriteHeader(http.StatusFound)
		}))
		client := over(newClient(http.DefaultTransport, 1), func(r *http.Request) (*http.Request, error) { return r, nil })
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
		require.NoError(t, err)
		answer, err := client.Do(request)
		require.NoError(t, err, "%q", said)
		_ = answer.Body.Close()
		server.Close()
		assert.Equal(t, read, answer.Header.Get("Location"), "%q", said)
	}
}
