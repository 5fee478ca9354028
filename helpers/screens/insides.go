package screens

import (
	"regexp"
	"strings"

	"github.com/PuerkitoBio/goquery"
)

// insides are the words by which a server's insides are known when they come
// out (OWASP ASVS 16.5.1; WSTG-ERRH-02): stacks, files, queries, addresses.
var insides = []*regexp.Regexp{
	regexp.MustCompile(`goroutine \d+ \[`),
	regexp.MustCompile(`(?m)\.(go|py|rb|java|kt|cs|php|[cm]?[jt]sx?):\d+(:\d+)?\b`),
	regexp.MustCompile(`(?m)^\s*at [\w$.<>]+ ?\(.*\)`),
	regexp.MustCompile(`Traceback \(most recent call last\)|node_modules/|site-packages/|vendor/bundle/`),
	regexp.MustCompile(`\b(panic|fatal error|runtime error|Unhandled(Promise)?Rejection|[A-Za-z.]+Exception): `),
	regexp.MustCompile(`\b(ECONNREFUSED|ECONNRESET|ENOTFOUND|ETIMEDOUT|EAI_AGAIN)\b|dial tcp|no such host|connection refused|context deadline exceeded|connect: `),
	regexp.MustCompile(`\b(127\.0\.0\.1|10\.\d+\.\d+\.\d+|192\.168\.\d+\.\d+|172\.(1[6-9]|2\d|3[01])\.\d+\.\d+|\[::1\]):\d+`),
	regexp.MustCompile(`(?:^|[\s"'(])/(usr|home|var|opt|srv|root|app|workspace|build)/[\w.-]+/[\w./-]+`),
	regexp.MustCompile(`SQLSTATE|syntax error at or near|ORA-\d{5}|You have an error in your SQL syntax|sqlite3?\.|pq: `),
	regexp.MustCompile(`invalid character '.' looking for|Unexpected token .* in JSON|unexpected end of JSON input|json: cannot unmarshal`),
}

// Insides returns what an answer tells about the insides of the server that
// gave it: nothing, where it is fit for people. Scripts and styles of a page
// are left out; they are no error message.
func Insides(body string) (told []string) {
	if strings.Contains(body, "<") {
		if doc, err := goquery.NewDocumentFromReader(strings.NewReader(body)); err == nil {
			doc.Find("script, style").Remove()
			body = doc.Text()
		}
	}
	for _, pattern := range insides {
		if found := pattern.FindString(body); found != "" {
			told = append(told, strings.TrimSpace(found))
		}
	}
	return told
}
