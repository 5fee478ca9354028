package pace

import "net/http"

// puzzles are the marks of services that stand before a deployment and answer
// in its place with a riddle for robots, by the field and value that their
// documentation names.
var puzzles = []struct{ service, field, value string }{
	{"Cloudflare", "Cf-Mitigated", "challenge"},
	{"AWS WAF", "X-Amzn-Waf-Action", "challenge"},
	{"AWS WAF", "X-Amzn-Waf-Action", "captcha"},
	{"Vercel", "X-Vercel-Mitigated", "challenge"},
}

// Obstacle is something that answered instead of what was asked.
type Obstacle struct {
	// What it was, for people.
	What string
	// Limit: a limit of requests (RFC 6585 §4), which may be the deployment's own
	// and the very thing that a check is about.
	Limit bool
}

// ObstacleIn looks at an answer for a protection that met the suite itself
// (DEFECTS.md C-24). nil: there is none.
func ObstacleIn(status int, header http.Header) *Obstacle {
	for _, p := range puzzles {
		if header.Get(p.field) == p.value {
			return &Obstacle{What: "a puzzle for robots by " + p.service + " (" + p.field + ": " + p.value + ")"}
		}
	}
	if status == http.StatusTooManyRequests {
		return &Obstacle{What: "a limit of requests (HTTP 429)", Limit: true}
	}
	return nil
}
