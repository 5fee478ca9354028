package config_test

import (
	"errors"
	"maps"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/config"
)

// anySecret has the form of a client secret, and is none.
const anySecret = "test_" + "Zk3Vq9Lw2Xr8Tn5Bm1Jc"

func configOf(t *testing.T, change map[string]string) *config.Config {
	t.Helper()
	vars := map[string]string{
		"SCALEKIT_ENVIRONMENT_URL": "https://acme.scalekit.cloud", "SCALEKIT_CLIENT_ID": "skc_70000000000000042",
		"SCALEKIT_CLIENT_SECRET": anySecret, "APP_URL": "https://app.acme.example",
	}
	maps.Copy(vars, change)
	c, err := config.LoadWith(func(string) (string, bool) { return "", false }, "", vars)
	require.NoError(t, err)
	return c
}

func TestAnAppThatIsAtHTTPSOnlyIsNamed(t *testing.T) {
	t.Parallel()
	at := configOf(t, map[string]string{"APP_URL": "http://app.acme.example"})
	answer := func(status int, to string) *http.Response {
		return &http.Response{StatusCode: status, Header: http.Header{"Location": {to}}}
	}
	assert.EqualError(t, at.Moved(answer(308, "https://app.acme.example/")),
		"APP_URL is http://app.acme.example, and the application sends everybody from there to https: set APP_URL=https://app.acme.example")
	assert.NoError(t, at.Moved(answer(302, "/login")))
	assert.NoError(t, at.Moved(answer(302, "https://login.acme.example/")))
	assert.NoError(t, at.Moved(answer(200, "")))
}

func TestValuesThatCannotBeRightAreNamed(t *testing.T) {
	t.Parallel()
	assert.Empty(t, configOf(t, nil).Doubts())
	for name, c := range map[string]struct{ variable, value, want string }{
		"an empty template":          {"SCALEKIT_CLIENT_SECRET", "<your client secret>", "placeholder"},
		"the documentation's":        {"SCALEKIT_CLIENT_ID", "your-client-id", "placeholder"},
		"an ellipsis":                {"SCALEKIT_CLIENT_SECRET", "test_...", "placeholder"},
		"crosses":                    {"SCALEKIT_CLIENT_ID", "skc_xxxxxxxx", "placeholder"},
		"a webhook's":                {"SCALEKIT_WEBHOOK_SECRET", "whsec_your_webhook_secret", "placeholder"},
		"an address to fill in":      {"SCALEKIT_ENVIRONMENT_URL", "https://your-env.scalekit.cloud", "placeholder"},
		"the dashboard":              {"SCALEKIT_ENVIRONMENT_URL", "https://app.scalekit.com", "not of an environment"},
		"a secret for an ID":         {"SCALEKIT_CLIENT_ID", anySecret, "client secret"},
		"an ID for a secret":         {"SCALEKIT_CLIENT_SECRET", "skc_70000000000000042", "swapped"},
		"a webhook secret instead":   {"SCALEKIT_CLIENT_SECRET", "whsec_" + "TmV2ZXJNaW5kVGhlQnVsbG9ja3M=", "webhook secret"},
		"a client secret instead":    {"SCALEKIT_WEBHOOK_SECRET", anySecret, "client secret"},
		"no webhook secret":          {"SCALEKIT_WEBHOOK_SECRET", "TmV2ZXJNaW5kVGhlQnVsbG9ja3M", "whsec_"},
		"a second client's, swapped": {"PREFLIGHT_SECOND_CLIENT_ID", anySecret, "client secret"},
	} {
		doubts := configOf(t, map[string]string{c.variable: c.value}).Doubts()
		if assert.Len(t, doubts, 1, name) {
			assert.Contains(t, doubts[0], c.variable+" ", name)
			assert.Contains(t, doubts[0], c.want, name)
			assert.NotContains(t, doubts[0], anySecret, name)
		}
	}
}

func TestADoubtExplainsAnError(t *testing.T) {
	t.Parallel()
	refused := errors.New("the client is refused")
	assert.Equal(t, refused, configOf(t, nil).Doubted(refused))
	swapped := configOf(t, map[string]string{"SCALEKIT_CLIENT_SECRET": "skc_70000000000000042"}).Doubted(refused)
	require.ErrorIs(t, swapped, refused)
	assert.ErrorContains(t, swapped, "the client is refused; SCALEKIT_CLIENT_SECRET holds a client ID")
}

func TestTheKindOfEnvironmentIsTheDeclaredOne(t *testing.T) {
	t.Parallel()
	assert.Empty(t, configOf(t, nil).WrongKind())
	wrong := configOf(t, map[string]string{"PREFLIGHT_TARGET": "production", "APP_URL": "https://app-staging.acme.example"}).WrongKind()
	require.Len(t, wrong, 3)
	assert.Contains(t, wrong[0], "SCALEKIT_CLIENT_ID is the client ID of a development")
	assert.Contains(t, wrong[1], "SCALEKIT_CLIENT_SECRET")
	assert.Contains(t, wrong[2], "APP_URL")
	production := map[string]string{"SCALEKIT_CLIENT_ID": "prd_skc_70000000000000042", "SCALEKIT_CLIENT_SECRET": "prod_" + "Zk3Vq9Lw2Xr8Tn5Bm1Jc"}
	assert.Len(t, configOf(t, production).WrongKind(), 2)
	production["PREFLIGHT_TARGET"] = "production"
	assert.Empty(t, configOf(t, production).Doubts())
	assert.Empty(t, configOf(t, production).WrongKind())
}
