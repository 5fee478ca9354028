package scalekit_test

import (
	"encoding/json"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
)

func TestALifetimeIsRestoredFromTheLedger(t *testing.T) {
	t.Parallel()
	life, deaf := 300, false
	c, _ := environment(t, map[string]http.HandlerFunc{
		"GET /api/v1/clients/skc_1": func(w http.ResponseWriter, _ *http.Request) {
			reply(w, http.StatusOK, map[string]any{"client": map[string]any{"id": "skc_1", "access_token_expiry": strconv.Itoa(life)}})
		},
		"PATCH /api/v1/clients/skc_1": func(w http.ResponseWriter, r *http.Request) {
			assert.Equal(t, "access_token_expiry", r.FormValue("mask"))
			var in struct {
				Expiry *int `json:"access_token_expiry"`
			}
			if assert.NoError(t, json.NewDecoder(r.Body).Decode(&in)) && assert.NotNil(t, in.Expiry) && !deaf {
				life = *in.Expiry
			}
			reply(w, http.StatusOK, map[string]any{})
		},
	})
	changed := scalekit.Lifetime{ClientID: "skc_1", Was: 300, Is: 60}
	require.NoError(t, c.SetLifetime(t.Context(), "skc_1", time.Minute))
	assert.Equal(t, 60, life)

	read, err := scalekit.ParseLifetime(changed.String())
	require.NoError(t, err)
	assert.Equal(t, changed, read)
	there := func() bool {
		there, err := c.HasLifetime(t.Context(), read)
		require.NoError(t, err)
		return there
	}
	assert.True(t, there())
	require.NoError(t, c.RestoreLifetime(t.Context(), read))
	assert.False(t, there())
	assert.Equal(t, 300, life)
	require.NoError(t, c.RestoreLifetime(t.Context(), read), "twice is as good")

	life = 900
	assert.ErrorContains(t, c.RestoreLifetime(t.Context(), read), "somebody else has set that")
	assert.Equal(t, 900, life)
	require.NoError(t, c.RestoreLifetime(t.Context(), scalekit.Lifetime{ClientID: "skc_gone", Was: 1, Is: 2}))

	life = 60
	unset := scalekit.Lifetime{ClientID: "skc_1", Was: 0, Is: 60}
	require.NoError(t, c.RestoreLifetime(t.Context(), unset))
	assert.Zero(t, life)

	deaf = true
	assert.ErrorContains(t, c.SetLifetime(t.Context(), "skc_1", time.Minute), "took access_token_expiry 60 of skc_1, and says 0")
	_, err = scalekit.ParseLifetime("ada@preflight.test")
	assert.ErrorContains(t, err, "does not say what the lifetime was")
}

func TestAnOrganizationsFeatureIsSwitchedOnForItsLimits(t *testing.T) {
	t.Parallel()
	on := false
	var policy map[string]any
	c, _ := environment(t, map[string]http.HandlerFunc{
		"PATCH /api/v1/organizations/org_1/settings": func(w http.ResponseWriter, r *http.Request) {
			var in struct {
				Features []struct {
					Name    string
					Enabled bool
				}
			}
			assert.NoError(t, json.NewDecoder(r.Body).Decode(&in))
			on = len(in.Features) == 1 && in.Features[0].Name == "session_policy" && in.Features[0].Enabled
			reply(w, http.StatusOK, map[string]any{})
		},
		"PATCH /api/v1/organizations/org_1/session-policy": func(w http.ResponseWriter, r *http.Request) {
			if !on {
				reply(w, http.StatusBadRequest, map[string]any{"code": 9, "message": "session policy is not enabled"})
				return
			}
			assert.NoError(t, json.NewDecoder(r.Body).Decode(&policy))
			reply(w, http.StatusOK, map[string]any{"policy": policy})
		},
		"GET /api/v1/organizations/org_1/session-policy": func(w http.ResponseWriter, _ *http.Request) {
			reply(w, http.StatusOK, map[string]any{"policy": policy})
		},
	})
	require.NoError(t, c.SetSessionLimits(t.Context(), "org_1", 3*time.Minute, 2*time.Minute))
	assert.EqualValues(t, 3, policy["absolute_session_timeout"])
}
