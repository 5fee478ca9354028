package config

import (
	"fmt"
	"strings"
)

// Guard keeps the suite, which creates users and tries attacks, off a
// production deployment unless PREFLIGHT_ALLOW_PRODUCTION names the host of
// APP_URL exactly. It sends nothing. The error says what to do.
func (c *Config) Guard() error {
	why := c.Production()
	if why == "" || c.AllowProduction == c.AppURL.Host {
		return nil
	}
	if c.AllowProduction != "" {
		return fmt.Errorf("%s, and PREFLIGHT_ALLOW_PRODUCTION is %q, not the host of APP_URL, %q: nothing was sent", why, c.AllowProduction, c.AppURL.Host)
	}
	return fmt.Errorf("%s: nothing was sent; to run the harmless checks there, set PREFLIGHT_ALLOW_PRODUCTION=%s", why, c.AppURL.Host)
}

// Production says why the deployment is taken for a production one, or "": there
// only what does no harm may run, whoever consents. Scalekit's identifiers tell the kind
// of environment apart (spec/oauth.md 0.2; CHECKLIST.md quick/secrets), so a
// forgotten PREFLIGHT_TARGET does not open the door.
func (c *Config) Production() string {
	switch {
	case c.Target == "production":
		return "PREFLIGHT_TARGET is production"
	case strings.HasPrefix(c.ClientID, "prd_"):
		return "SCALEKIT_CLIENT_ID belongs to a production environment (prd_…)"
	case strings.HasPrefix(c.ClientSecret, "prod_"), strings.HasPrefix(c.ClientSecret, "prd_"):
		return "SCALEKIT_CLIENT_SECRET belongs to a production environment"
	case strings.HasSuffix(c.EnvironmentURL.Hostname(), ".scalekit.com"):
		return "SCALEKIT_ENVIRONMENT_URL is on scalekit.com, where production environments live"
	}
	return ""
}
