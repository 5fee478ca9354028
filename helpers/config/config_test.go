package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/config"
)

// minimal is what a remote run needs.
func minimal(more ...string) map[string]string {
	vars := map[string]string{
		"SCALEKIT_ENVIRONMENT_URL": "https://acme-dev.scalekit.cloud/",
		"SCALEKIT_CLIENT_ID":       "skc_10000000000000001",
		"SCALEKIT_CLIENT_SECRET":   "test_abcdef",
		"APP_URL":                  "https://staging.acme.test",
	}
	for i := 0; i < len(more); i += 2 {
		vars[more[i]] = more[i+1]
	}
	return vars
}

func lookup(vars map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) { text, ok := vars[name]; return text, ok }
}

func dotenv(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), ".env")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestDefaultsAndTypes(t *testing.T) {
	t.Parallel()
	c, err := config.FromMap(minimal("PREFLIGHT_METHODS", "Password, saml,", "APP_LOGIN_PATH", "/signin"))
	require.NoError(t, err)

	assert.Equal(t, "https://acme-dev.scalekit.cloud", c.EnvironmentURL.String(), "the trailing slash is cut")
	assert.Equal(t, "https://acme-dev.scalekit.cloud/keys", c.Env("/keys"))
	assert.Equal(t, "https://staging.acme.test/x?y=1", c.App("x?y=1"))
	assert.Equal(t, 5*time.Minute, c.AppAccessTokenLifetime)
	assert.Equal(t, "/signin", c.AppInitiateLoginPath, "defaults to the login path")
	assert.Equal(t, "skc_10000000000000001", c.AppClientID)
	assert.True(t, c.Has("saml"))
	assert.False(t, c.Has("google"))
	assert.Equal(t, config.FromEmbedded, c.Origin("APP_URL"))
	assert.Equal(t, config.FromDefault, c.Origin("APP_CLIENT_ID"))
	assert.Empty(t, c.Origin("APP_API_PATH"))
	assert.Equal(t, []string{"APP_API_PATH"}, c.Missing("APP_URL", "APP_API_PATH", "APP_LOGIN_PATH"))
	assert.True(t, filepath.IsAbs(c.Reports))
	assert.Equal(t, 15*time.Second, c.Client().Timeout)
}

func TestEnvironmentWinsOverDotenvOverEmbedded(t *testing.T) {
	t.Parallel()
	file := dotenv(t, "APP_LOGIN_PATH=/file\nAPP_LOGOUT_PATH=/file\nAPP_API_PATH=/file\n")
	c, err := config.LoadWith(lookup(map[string]string{"APP_LOGIN_PATH": "/env", "APP_API_PATH": ""}), file,
		minimal("APP_LOGIN_PATH", "/map", "APP_LOGOUT_PATH", "/map", "APP_WEBHOOK_PATH", "/map"))
	require.NoError(t, err)

	assert.Equal(t, "/env", c.AppLoginPath)
	assert.Equal(t, config.FromEnvironment, c.Origin("APP_LOGIN_PATH"))
	assert.Equal(t, "/file", c.AppLogoutPath)
	assert.Equal(t, config.FromDotenv, c.Origin("APP_LOGOUT_PATH"))
	assert.Equal(t, "/map", c.AppWebhookPath)
	assert.Empty(t, c.AppAPIPath, "set but empty is unset, and hides the file")
}

func TestAliasIsRead(t *testing.T) {
	t.Parallel()
	vars := minimal("SCALEKIT_ENV_URL", "https://other.test")
	delete(vars, "SCALEKIT_ENVIRONMENT_URL")
	c, err := config.Load(lookup(vars), "")
	require.NoError(t, err)
	assert.Equal(t, "https://other.test/", c.Env("/"))
	assert.Equal(t, config.FromEnvironment, c.Origin("SCALEKIT_ENVIRONMENT_URL"))
}

func TestIsEmpty(t *testing.T) {
	t.Parallel()
	none := lookup(nil)
	assert.True(t, config.IsEmpty(none, ""))
	assert.True(t, config.IsEmpty(none, filepath.Join(t.TempDir(), ".env")), "no .env")
	assert.True(t, config.IsEmpty(lookup(map[string]string{"PREFLIGHT_HEADED": "1", "APP_URL": ""}), ""), "how to run describes no deployment")
	assert.False(t, config.IsEmpty(lookup(map[string]string{"APP_LOGIN_PATH": "/x"}), ""))
	assert.False(t, config.IsEmpty(none, dotenv(t, "APP_URL=https://x.test\n")))
	assert.False(t, config.IsEmpty(none, dotenv(t, "broken line\n")), "Load names the fault")
	assert.True(t, config.IsEmpty(none, dotenv(t, config.Example())), "the example as it is describes nothing")
}

func TestMissingVariablesAreNamedTogether(t *testing.T) {
	t.Parallel()
	vars := minimal()
	delete(vars, "SCALEKIT_CLIENT_ID")
	delete(vars, "SCALEKIT_CLIENT_SECRET")
	_, err := config.Load(lookup(vars), "")
	require.Error(t, err)
	assert.Contains(t, err.Error(), "SCALEKIT_CLIENT_ID and SCALEKIT_CLIENT_SECRET are not set")
}

func TestMalformedValuesAreNamedWithTheRemedy(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, text, want string }{
		{"APP_URL", "staging.acme.test", "must be a whole address that begins with https://"},
		{"APP_URL", "ftp://acme.test", "must be a whole address"},
		{"APP_URL", "https://", "has no host"},
		{"APP_URL", "https://acme.test:99999", "has the port 99999"},
		{"APP_URL", "https://acme.test/?x=1", "plain address"},
		{"APP_LOGIN_PATH", "login", "one slash"},
		{"APP_LOGIN_PATH", "//evil.test", "one slash"},
		{"APP_SECOND_REDIRECT_URI", "/callback", "whole address"},
		{"PREFLIGHT_CODE_LIFETIME", "10", `needs a unit: 10s, 10m or 10h`},
		{"PREFLIGHT_CODE_LIFETIME", "ten", "90s, 5m or 1h"},
		{"PREFLIGHT_HEADED", "maybe", "true or false"},
		{"PREFLIGHT_METHODS", "password,magiclink", `did you mean magic_link?`},
		{"PREFLIGHT_TARGET", "prod", "staging, production"},
		{"PREFLIGHT_PASSWORD_ATTEMPTS", "0", "at least 1"},
		{"PREFLIGHT_TIMEOUT_FACTOR", "-1", "above 0"},
		{"PREFLIGHT_SLOWMO", "fast", "must be a duration"},
		{"PREFLIGHT_INBOX_URL", "https://mail.test", "mailpit+https://"},
		{"PREFLIGHT_INBOX_URL", "mailpit+ftp://mail.test", "whole address"},
		{"PREFLIGHT_INBOX_ADDRESS", "qa@inbox.test", "{id}"},
		{"PREFLIGHT_GOOGLE_EMAIL", "nobody", "e-mail address"},
		{"PREFLIGHT_ALLOWED_HOSTS", "https://x.test", "host names and patterns"},
		{"PREFLIGHT_CA_FILE", "/no/such/file.pem", "not a file that can be read"},
	} {
		t.Run(tt.name+"="+tt.text, func(t *testing.T) {
			t.Parallel()
			_, err := config.Load(lookup(minimal(tt.name, tt.text)), "")
			require.Error(t, err)
			assert.Contains(t, err.Error(), tt.name+" (from the environment) ")
			assert.Contains(t, err.Error(), tt.want)
			assert.NotContains(t, err.Error(), "\n", "one fault, one sentence")
		})
	}
}

func TestCAFileMustHoldACertificate(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(file, []byte("no pem"), 0o600))
	_, err := config.FromMap(minimal("PREFLIGHT_CA_FILE", file))
	assert.ErrorContains(t, err, "holds no PEM certificate")
}

func TestUnreadableDotenvIsReportedWithoutItsText(t *testing.T) {
	t.Parallel()
	_, err := config.Load(lookup(minimal()), dotenv(t, "A=1\nB=2\nSCALEKIT_CLIENT_SECRET test_hushhush\n"))
	require.Error(t, err)
	assert.Contains(t, err.Error(), "line 3")
	assert.NotContains(t, err.Error(), "hush")
}

func TestErrorsHoldNoSecret(t *testing.T) {
	t.Parallel()
	_, err := config.Load(lookup(minimal("PREFLIGHT_INBOX_URL", "mailpit+https://u:hushhush@:1/")), "")
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "hush")
}

func TestSecrets(t *testing.T) {
	t.Parallel()
	key := filepath.Join(t.TempDir(), "key.pem")
	require.NoError(t, os.WriteFile(key, []byte("-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG\nshort\n-----END PRIVATE KEY-----\n"), 0o600))
	c, err := config.FromMap(minimal("PREFLIGHT_INBOX_URL", "mailpit+https://u:p%40ss@mail.test", "PREFLIGHT_IDP_KEY_FILE", key))
	require.NoError(t, err)
	assert.ElementsMatch(t, []string{"MIIEvQIBADANBgkqhkiG", "test_abcdef", "p%40ss", "p@ss"}, c.Secrets())
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	c, err := config.Load(lookup(minimal()), dotenv(t, "APP_LOGINPATH=/x\nMY_OWN=1\n"))
	require.NoError(t, err)
	assert.Equal(t, []string{
		"APP_LOGINPATH is not a variable of Auth Preflight and is ignored; did you mean APP_LOGIN_PATH?",
		"APP_ULR is not a variable of Auth Preflight and is ignored; did you mean APP_URL?",
		"MY_OWN is not a variable of Auth Preflight and is ignored",
		"PREFLIGHT_NOISE is not a variable of Auth Preflight and is ignored",
	}, c.Warnings([]string{"APP_ULR=x", "APP_ENV=test", "PREFLIGHT_NOISE=1", "PATH=/bin", "APP_URL=x"}))
}

func TestGuard(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		more   []string
		refuse string
	}{
		{"staging", nil, ""},
		{"declared production", []string{"PREFLIGHT_TARGET", "production"}, "PREFLIGHT_ALLOW_PRODUCTION=staging.acme.test"},
		{"production client", []string{"SCALEKIT_CLIENT_ID", "prd_skc_1"}, "SCALEKIT_CLIENT_ID"},
		{"production secret", []string{"SCALEKIT_CLIENT_SECRET", "prod_hush"}, "SCALEKIT_CLIENT_SECRET"},
		{"production host", []string{"SCALEKIT_ENVIRONMENT_URL", "https://acme.scalekit.com"}, "SCALEKIT_ENVIRONMENT_URL"},
		{"consent for another host", []string{"PREFLIGHT_TARGET", "production", "PREFLIGHT_ALLOW_PRODUCTION", "acme.test"}, `is "acme.test"`},
		{"consent", []string{"PREFLIGHT_TARGET", "production", "PREFLIGHT_ALLOW_PRODUCTION", "staging.acme.test"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, err := config.FromMap(minimal(tt.more...))
			require.NoError(t, err)
			err = c.Guard()
			if tt.refuse == "" {
				assert.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tt.refuse)
			assert.NotContains(t, err.Error(), "hush")
		})
	}
}

// .env.example says what Config says: every variable, nothing else.
func TestExampleFileIsWhatTheTagsSay(t *testing.T) {
	t.Parallel()
	root, err := config.ModuleRoot()
	require.NoError(t, err)
	file, err := os.ReadFile(filepath.Join(root, ".env.example"))
	require.NoError(t, err)
	assert.Equal(t, config.Example(), string(file), "write it anew: go run ./helpers/cmd/preflight variables > .env.example")
}

func TestEveryVariableIsDescribed(t *testing.T) {
	t.Parallel()
	for _, v := range config.Variables() {
		assert.NotEmpty(t, v.Group, v.Name)
		assert.True(t, strings.HasSuffix(v.Doc, "."), "%s: the purpose is a sentence", v.Name)
		for _, secret := range []string{"SECRET", "PASSWORD", "TOKEN"} {
			if strings.HasSuffix(v.Name, "_"+secret) {
				assert.True(t, v.Secret, "%s must be marked as a secret", v.Name)
			}
		}
	}
}

func TestHostsThatMayBeReached(t *testing.T) {
	t.Parallel()
	assert.True(t, (&config.Config{}).MayReach("anywhere.test"))
	c := &config.Config{AllowedHosts: []string{"*.acme.test", "mail.other.test"}}
	for host, may := range map[string]bool{
		"app.acme.test": true, "A.B.ACME.test": true, "mail.other.test": true,
		"acme.test": false, "evilacme.test": false, "other.test": false,
	} {
		assert.Equal(t, may, c.MayReach(host), host)
	}
	assert.True(t, (&config.Config{AllowedHosts: []string{"*"}}).MayReach("anywhere.test"))
}

func TestTestUsersStandInForAnInbox(t *testing.T) {
	t.Parallel()
	c, err := config.FromMap(minimal())
	require.NoError(t, err)
	assert.Equal(t, config.Inbox, c.MissingPeople(1))
	assert.Empty(t, c.MissingPeople(0))
	c, err = config.FromMap(minimal("SCALEKIT_TEST_USER_EMAIL", "John+SKTest@acme.test, jane+sktest@acme.test,", "SCALEKIT_TEST_USER_CODE", "424242"))
	require.NoError(t, err)
	assert.Equal(t, []string{"john+sktest@acme.test", "jane+sktest@acme.test"}, c.TestUsers)
	assert.Empty(t, c.MissingPeople(2))
	assert.Equal(t, []string{"SCALEKIT_TEST_USER_EMAIL"}, c.MissingPeople(3))
	for _, wrong := range []string{"john+test@acme.test", "sktest+john@acme.test", "john", "a+sktest@x.test,b+sktest@x.test,c+sktest@x.test,d+sktest@x.test,e+sktest@x.test,f+sktest@x.test"} {
		_, err := config.FromMap(minimal("SCALEKIT_TEST_USER_EMAIL", wrong))
		assert.ErrorContains(t, err, "SCALEKIT_TEST_USER_EMAIL", wrong)
	}
}
