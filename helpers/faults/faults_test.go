package faults

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFaultsAreListedAndEnded(t *testing.T) {
	t.Parallel()
	at := Capability{Token: "control", HTTP: http.DefaultClient}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /faults", func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "Bearer control", r.Header.Get("Authorization"))
		_, _ = w.Write([]byte(`{"faults":[{"id":"f1","subject":"ada@x.test","status":503}]}`))
	})
	mux.HandleFunc("DELETE /faults/f1", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("DELETE /faults/stuck", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	mux.HandleFunc("/broken", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)

	at.URL = server.URL + "/faults"
	faults, told, err := at.InForce(t.Context())
	require.NoError(t, err)
	assert.True(t, told)
	assert.Equal(t, []Fault{{"f1", "ada@x.test"}}, faults)
	require.NoError(t, at.End(t.Context(), "f1"))
	require.NoError(t, at.End(t.Context(), "over"))
	require.ErrorContains(t, at.End(t.Context(), "stuck"), "502")

	at.URL = server.URL + "/no-list"
	_, told, err = at.InForce(t.Context())
	require.NoError(t, err)
	assert.False(t, told)
	at.URL = server.URL + "/broken"
	_, _, err = at.InForce(t.Context())
	require.ErrorContains(t, err, "502")
	server.Close()
	_, _, err = at.InForce(t.Context())
	require.Error(t, err)
	require.Error(t, at.End(t.Context(), "f1"))
}
