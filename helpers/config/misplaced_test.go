package config_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/config"
)

// A defect that could not be switched on is no proof that it is not noticed.
func TestWhatOnlyTheEmbeddedDeploymentKnowsIsNotPassedOver(t *testing.T) {
	t.Parallel()
	const described = "SCALEKIT_ENVIRONMENT_URL=https://acme-dev.scalekit.cloud\nSCALEKIT_CLIENT_ID=skc_1\nSCALEKIT_CLIENT_SECRET=test_x\nAPP_URL=https://staging.acme.test\n"
	for name, c := range map[string]struct {
		environment map[string]string
		file, want  string
	}{
		"nothing of it":       {nil, described, ""},
		"set, but empty":      {map[string]string{"PREFLIGHT_STAGING_PRODUCT": ""}, described, ""},
		"beside a .env":       {map[string]string{"PREFLIGHT_STAGING_DEFECT": "state-ignored"}, described, "PREFLIGHT_STAGING_DEFECT is for the embedded deployment, but .env describes https://staging.acme.test: put PREFLIGHT_ENV_FILE=/dev/null before the command"},
		"a trap":              {map[string]string{"PREFLIGHT_STAGING_TRAP": "x"}, described, "PREFLIGHT_STAGING_TRAP is for the embedded deployment, but .env"},
		"in the .env":         {nil, described + "PREFLIGHT_STAGING_PRODUCT=other\n", ".env describes https://staging.acme.test: take it out of that file"},
		"beside an app's own": {minimal("PREFLIGHT_STAGING_DEFECT", "state-ignored"), "", "but the environment describes https://staging.acme.test: unset the variables that describe it"},
	} {
		path := dotenv(t, c.file)
		cfg, err := config.Load(lookup(c.environment), path)
		require.NoError(t, err, name)
		if err := cfg.Misplaced(path); c.want == "" {
			assert.NoError(t, err, name)
		} else {
			assert.ErrorContains(t, err, c.want, name)
		}
	}
}
