package inbox

import (
	"regexp"
	"strings"
)

// Verdicts are what the receiving mail server thought of the sender: "spf",
// "dkim" and "dmarc", each pass, fail, none, … in lower case (RFC 8601). Only
// the topmost Authentication-Results counts: those below may be the sender's
// own. Empty where the server says nothing, as a catcher.
func (m Message) Verdicts() map[string]string {
	verdicts := map[string]string{}
	lines := m.field("Authentication-Results")
	if len(lines) == 0 {
		return verdicts
	}
	for _, found := range authResult.FindAllStringSubmatch(authComment.ReplaceAllString(lines[0], " "), -1) {
		method, result := strings.ToLower(found[1]), strings.ToLower(found[2])
		if verdicts[method] != "pass" { // several signatures: one that holds is enough
			verdicts[method] = result
		}
	}
	return verdicts
}

// Junk reports whether the receiving mail server took the mail for unwanted: it
// lies in the junk folder, or X-Spam-Flag says so, as SpamAssassin sets it.
func (m Message) Junk() bool {
	if m.junk {
		return true
	}
	for _, line := range m.field("X-Spam-Flag") {
		if strings.EqualFold(strings.TrimSpace(line), "yes") {
			return true
		}
	}
	return false
}

// Score is the spam filter's own line, such as "No, score=0.1 required=5.0"; ""
// where there is none.
func (m Message) Score() string { return strings.Join(m.field("X-Spam-Status"), "; ") }

func (m Message) field(name string) []string {
	for key, lines := range m.Header {
		if strings.EqualFold(key, name) {
			return lines
		}
	}
	return nil
}

var (
	authComment = regexp.MustCompile(`\([^()]*\)`)
	authResult  = regexp.MustCompile(`(?i)(?:^|;)\s*(spf|dkim|dmarc)\s*=\s*([a-z]+)`)
)
