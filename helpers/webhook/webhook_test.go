package webhook_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	standard "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/webhook"
)

var secret = "whsec_" + base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef"))

// A third party's verifier holds our signatures true.
func TestTheStandardLibraryAgrees(t *testing.T) {
	t.Parallel()
	verifier, err := standard.NewWebhook(secret)
	require.NoError(t, err)
	var verdict error
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body := make([]byte, r.ContentLength)
		_, _ = r.Body.Read(body)
		verdict = verifier.Verify(body, r.Header)
	}))
	t.Cleanup(server.Close)
	own, err := webhook.New(secret)
	require.NoError(t, err)
	post := func(r webhook.Recipe) {
		d := r.Make([]byte(`{"object":"Organization"}`))
		if r.Name != "whose body was altered by one byte" {
			assert.True(t, json.Valid(d.Body), r.Name)
		}
		status, err := d.Post(t.Context(), server.Client(), server.URL)
		require.NoError(t, err)
		assert.Equal(t, http.StatusOK, status)
	}
	for _, r := range webhook.Legal(own) {
		post(r)
		assert.NoError(t, verdict, r.Name)
	}
	for _, r := range webhook.Hostile(own) {
		post(r)
		assert.Error(t, verdict, r.Name)
	}
}

func TestARetryKeepsItsID(t *testing.T) {
	t.Parallel()
	own, err := webhook.New(secret)
	require.NoError(t, err)
	first := own.Sign([]byte("{}"), time.Now())
	again := own.Again(first, time.Now().Add(time.Minute))
	assert.Equal(t, first.ID, again.ID)
	assert.NotEqual(t, first.Signature, again.Signature)
}

func TestSecretsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "secret", "whsec_", "whsec_%%%"} {
		_, err := webhook.New(bad)
		assert.Error(t, err, bad)
	}
}
