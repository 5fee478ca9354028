package pace

import (
	"fmt"
	"net/http"
	"strings"
)

// challenges are the headers by which firewalls say that they answered in a
// server's place, and want to see a person.
var challenges = map[string][]string{
	"Cf-Mitigated":       {"challenge"},            // Cloudflare
	"X-Vercel-Mitigated": {"challenge", "deny"},    // Vercel
	"X-Amzn-Waf-Action":  {"challenge", "captcha"}, // AWS WAF
}

// TurnedAway says how an answer keeps automated clients out: by a rate limit or by
// a firewall's challenge. "" where it does not. It tells nothing about the server
// behind it, good or bad (DEFECTS.md C-24).
func TurnedAway(status int, header http.Header) string {
	if status == http.StatusTooManyRequests {
		return "HTTP 429"
	}
	for name, words := range challenges {
		for _, word := range words {
			if strings.EqualFold(header.Get(name), word) {
				return fmt.Sprintf("HTTP %d, %s: %s", status, name, word)
			}
		}
	}
	return ""
}

// LetIn is what to do about it.
const LetIn = "let it through the firewall and the rate limit by the end of its User-Agent (PREFLIGHT_USER_AGENT), or run fewer cases at once (go test -parallel 2)"
