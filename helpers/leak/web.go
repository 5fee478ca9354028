package leak

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

var mapComment = regexp.MustCompile(`(?m)[#@]\s*sourceMappingURL=([^\s*'"]+)`)

// SourceMap returns where the source map of a script or style sheet is
// (ECMA-426, 11.1.2): an address, or the map itself where it is inline. Where
// nothing names one, it is looked for beside the file, as build tools leave it.
func SourceMap(file *url.URL, header http.Header, body string) (address, inline string) {
	reference := header.Get("SourceMap")
	if reference == "" {
		reference = header.Get("X-SourceMap")
	}
	if all := mapComment.FindAllStringSubmatch(body, -1); len(all) > 0 {
		reference = all[len(all)-1][1] // the last one counts
	}
	if data, ok := strings.CutPrefix(reference, "data:"); ok {
		kind, text, _ := strings.Cut(data, ",")
		if strings.HasSuffix(kind, ";base64") {
			decoded, err := base64.StdEncoding.DecodeString(text)
			if err != nil {
				return "", ""
			}
			return "", string(decoded)
		}
		decoded, err := url.PathUnescape(text)
		if err != nil {
			return "", ""
		}
		return "", decoded
	}
	if reference == "" {
		beside := *file
		beside.RawQuery, beside.Fragment = "", ""
		beside.Path += ".map"
		return beside.String(), ""
	}
	u, err := file.Parse(reference)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return "", ""
	}
	return u.String(), ""
}

// Exposed are the files that a web server serves when its root is the
// product's folder, as scanners ask for them.
func Exposed() []string {
	return []string{
		"/.env", "/.env.local", "/.env.production", "/.env.development", "/.env.staging", "/.env.bak", "/.env.example",
		"/.git/HEAD", "/.git/config", "/.git/logs/HEAD", "/.npmrc", "/.aws/credentials", "/docker-compose.yml", "/.docker/config.json",
		"/config.json", "/appsettings.json", "/server.js.map", "/.vscode/settings.json",
	}
}

var (
	assignment = regexp.MustCompile(`(?m)^\s*(?:export\s+)?[A-Z][A-Z0-9_]*(?:SECRET|TOKEN|KEY|PASSWORD|CLIENT_ID|DATABASE_URL)[A-Z0-9_]*[ \t]*=[ \t]*['"]?\S`)
	gitFile    = regexp.MustCompile(`(?m)^ref: refs/|^\[core\]\s*$|^[0-9a-f]{40} [0-9a-f]{40} `)
)

// IsServerFile says what an answer to one of Exposed gives away; "" where it
// is a page, as many products answer every address, or nothing.
func IsServerFile(path string, status int, body string) string {
	if status != http.StatusOK || strings.Contains(strings.ToLower(body[:min(len(body), 512)]), "<html") {
		return ""
	}
	switch {
	case strings.HasPrefix(path, "/.env") && assignment.MatchString(body):
		return "an environment file with values"
	case strings.HasPrefix(path, "/.git/") && gitFile.MatchString(body):
		return "the repository"
	}
	return ""
}
