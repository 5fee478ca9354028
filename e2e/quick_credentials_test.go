package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The deployment and the product are the ones that were declared, with
// credentials that are good and of the right kind.
func TestCredentials(t *testing.T) {
	item := begin(t, "quick/credentials")

	item.Case("client ID and secret obtain a token of this environment", advice{
		Why:      "without it the product can neither sign anybody in nor manage users",
		Mend:     "copy SCALEKIT_ENVIRONMENT_URL, SCALEKIT_CLIENT_ID and SCALEKIT_CLIENT_SECRET from the same environment of the dashboard",
		Standard: "RFC 6749 §4.4",
		Harmless: true,
	}, func(c *check) {
		token, err := suite.world.API.Token(suite.ctx)
		if err != nil {
			c.Fatalf("no token for SCALEKIT_CLIENT_ID and SCALEKIT_CLIENT_SECRET: %v", err)
		}
		suite.learn(token.AccessToken)
		_, err = suite.world.API.VerifyJWT(suite.ctx, token.AccessToken)
		require.NoError(c, err, "the token, verified with the environment's own keys, and its issuer")
	})

	item.Case("every other pair of client ID and secret is good, too", advice{
		Why:      "the product stops at the first code that it exchanges",
		Mend:     "put the client's own secret beside its ID (APP_CLIENT_…, PREFLIGHT_SECOND_CLIENT_…); make a new secret in the dashboard if it is lost",
		Standard: "RFC 6749 §2.3.1",
	}, func(c *check) {
		for _, pair := range [][3]string{
			{"APP_CLIENT_ID and APP_CLIENT_SECRET", suite.cfg.AppClientID, suite.cfg.AppClientSecret},
			{"PREFLIGHT_SECOND_CLIENT_ID and PREFLIGHT_SECOND_CLIENT_SECRET", suite.cfg.SecondClientID, suite.cfg.SecondClientSecret},
		} {
			if pair[1] == "" || pair[2] == "" {
				continue
			}
			// A refresh token that nobody issued: the client is asked for first, so
			// that the error tells whether it was recognised. Of a code it would not:
			// that is looked up before (spec/oauth.md 3.4).
			answer, err := suite.world.API.Exchange(suite.ctx, url.Values{
				"grant_type": {"refresh_token"}, "refresh_token": {"rt_made-up-by-preflight"},
				"client_id": {pair[1]}, "client_secret": {pair[2]},
			})
			if err != nil {
				c.Trouble("the token endpoint does not answer: %v", err)
			}
			assert.False(c, answer.Status == http.StatusUnauthorized || answer.Error == "invalid_client" || answer.Error == "unauthorized_client",
				"%s are refused: HTTP %d %s %s", pair[0], answer.Status, answer.Error, answer.ErrorDescription)
		}
	})

	item.Case("the discovery document speaks for this environment", advice{
		Why:      "clients that compare refuse every token, and those that do not can be given tokens of another server",
		Mend:     "set SCALEKIT_ENVIRONMENT_URL to the issuer, letter by letter; behind a custom domain that is the custom domain",
		Standard: "OpenID Connect Discovery 1.0 §4.3; RFC 8414 §3.3",
		Harmless: true,
	}, func(c *check) {
		d, err := suite.world.API.Discovery(suite.ctx)
		if err != nil {
			c.Trouble("the discovery document cannot be read: %v", err)
		}
		assert.Equal(c, suite.cfg.EnvironmentURL.String(), d.Issuer, "the issuer, which must be SCALEKIT_ENVIRONMENT_URL")
		for name, address := range endpoints(d.Raw) {
			assert.Equal(c, suite.cfg.EnvironmentURL.Host, address.Host, "the host of %s, %s", name, address)
		}
	})

	item.Case("no value is a placeholder or stands in another's place", advice{
		Why:      "a value of the documentation is known to everybody, and one in the wrong place is sent to the wrong server",
		Mend:     "copy the value that the line names from the dashboard",
		Standard: "CWE-798; CWE-1188",
		Harmless: true,
	}, func(c *check) {
		for _, doubt := range suite.cfg.Doubts() {
			assert.Fail(c, doubt)
		}
	})

	item.Case("everything is of the declared kind of environment", advice{
		Why:      "production customers sign in at a test environment, or tests run on customers' accounts",
		Mend:     "use the production environment's own URL, client and secret there, or set PREFLIGHT_TARGET to what this is",
		Standard: "checklist, Quick checks; spec/oauth.md 0.2",
		Harmless: true,
	}, func(c *check) {
		for _, wrong := range suite.cfg.WrongKind() {
			assert.Fail(c, wrong)
		}
	})

	item.Case("the product signs in at this environment, as the declared client", advice{
		Why:      "the product runs on another environment than the one that was set up and tested: its test users and keys open it",
		Mend:     "set the product's environment URL and client ID to those of this environment, and deploy it again",
		Standard: "CWE-1188; checklist, Quick checks",
		Harmless: true,
	}, func(c *check) {
		v := c.Browser()
		v.Step("begin a sign-in at the product")
		way := v.HoldDeparture()
		v.Goto(v.LoginURL(""))
		sent := way.Await().URL
		require.Equal(c, suite.cfg.EnvironmentURL.Host, sent.Host, "the host that the product sends people to, which must be that of SCALEKIT_ENVIRONMENT_URL")
		if id := sent.Query().Get("client_id"); id != "" { // else the request was pushed before (RFC 9126)
			assert.Equal(c, suite.cfg.AppClientID, id, "the product's client_id, which must be APP_CLIENT_ID")
		}
		if back := sent.Query().Get("redirect_uri"); back != "" {
			assert.True(c, strings.HasPrefix(back, suite.cfg.AppURL.String()+"/"), "the product asks to come back to %s, which is not at APP_URL", back)
		}
	})
}

// endpoints are the addresses in a discovery document, by their names.
func endpoints(document map[string]any) map[string]*url.URL {
	found := map[string]*url.URL{}
	for name, value := range document {
		text, _ := value.(string)
		if name != "jwks_uri" && !strings.HasSuffix(name, "_endpoint") {
			continue
		}
		if u, err := url.Parse(text); err == nil && u.Host != "" {
			found[name] = u
		}
	}
	return found
}
