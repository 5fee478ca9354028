// Package discover finds out of a deployment what it shows to anybody who asks:
// the auth environment by its discovery document and its management API, the
// app by what a browser without scripts would come across, as a stranger and as a
// test user. Beyond that one sign-in, and signing out again, it only reads, and it
// asks no host but those two.
package discover

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/auth-preflight/auth-preflight/helpers/config"
)

// Found is a variable whose value was found.
type Found struct {
	Variable string
	Value    string
	How      string // how it was found, as half a sentence
	Sure     bool   // it was seen at work or is registered so; false: a guess
}

// Findings are what was found, a variable once: the first word counts.
type Findings []Found

func (f *Findings) add(sure bool, variable, value, how string) {
	if value == "" || f.Has(variable) {
		return
	}
	*f = append(*f, Found{variable, value, how, sure})
}

// replace puts a word in the place of one that was said before.
func (f *Findings) replace(sure bool, variable, value, how string) {
	if value == "" {
		return
	}
	*f = slices.DeleteFunc(*f, func(one Found) bool { return one.Variable == variable })
	f.add(sure, variable, value, how)
}

// Has reports whether a variable was found.
func (f Findings) Has(variable string) bool { return f.Value(variable) != "" }

// Value is what was found for a variable; empty where it was not.
func (f Findings) Value(variable string) string {
	for _, one := range f {
		if one.Variable == variable {
			return one.Value
		}
	}
	return ""
}

// Within returns a client like c that sends nothing to any host but those of
// the two addresses, port included. Of a production deployment it only reads.
func Within(c *http.Client, cfg *config.Config) *http.Client {
	if cfg.Production() != "" {
		c = config.ReadingOnly(c)
	}
	return config.Restricted(c, func(r *http.Request) error {
		if sameOrigin(r.URL, cfg.AppURL) || sameOrigin(r.URL, cfg.EnvironmentURL) {
			return nil
		}
		return fmt.Errorf("%s is neither the app's host nor the auth environment's: it is not asked", r.URL.Host)
	})
}

func sameOrigin(a, b *url.URL) bool {
	return a != nil && b != nil && a.Scheme == b.Scheme && strings.EqualFold(a.Host, b.Host)
}
