package config

import (
	"fmt"
	"path/filepath"
	"strings"
)

// embeddedOnly begins the names of variables that nobody but whoever starts the
// embedded deployment reads.
const embeddedOnly = "PREFLIGHT_STAGING_"

// Misplaced is the error of a variable for the embedded deployment beside another
// one that is described, in the file at path dotenv or in the environment. It
// would change nothing, and whoever set it would take a green run for an answer.
// nil: there is none.
func (c *Config) Misplaced(dotenv string) error {
	for _, v := range Variables() {
		set, ok := c.values[v.Name]
		if !ok || !strings.HasPrefix(v.Name, embeddedOnly) {
			continue
		}
		described, way := c.values["APP_URL"].origin, "put PREFLIGHT_ENV_FILE=/dev/null before the command"
		where := "the " + described
		switch {
		case described != FromDotenv:
			way = "unset the variables that describe it (APP_…, SCALEKIT_…)"
		case set.origin == FromDotenv:
			way = "take it out of that file"
			fallthrough
		default:
			where = filepath.Base(dotenv)
		}
		return fmt.Errorf("%s is for the embedded deployment, but %s describes %s: %s", v.Name, where, c.AppURL, way)
	}
	return nil
}
