package readiness

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the page and its style
	"encoding/base64"
	"html/template"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

//go:embed report.html
var page string

//go:embed report.css
var style string

// How much picture the page itself carries; the others are links.
const (
	pictureCap = 1 << 20
	pageCap    = 12 << 20
)

// HTML writes the report: one page, without scripts, that works from a file.
// What came from a deployment stays text; only pictures that really are
// pictures are shown.
func (r *Result) HTML(w io.Writer) error {
	room := pageCap
	digest := sha256.Sum256([]byte(style))
	tmpl, err := template.New("report").Funcs(template.FuncMap{
		"duration": duration,
		"count":    count,
		"text":     printable,
		"picture":  func(e Evidence) template.URL { return r.picture(e, &room) },
		"link":     relative,
		"anchor":   slug,
		"open":     func(s State) bool { return s.gates() },
		"tone":     tone,
	}).Parse(page)
	if err != nil {
		return err
	}
	code, why := r.Gate()
	var trouble []ItemResult
	for _, item := range r.Items {
		if item.State.gates() && item.State != Blocked { // the verdict says why all are blocked
			trouble = append(trouble, withCase(item))
		}
	}
	var buf bytes.Buffer
	err = tmpl.Execute(&buf, map[string]any{
		"Result": r, "Sections": r.sections(), "Tallies": r.tallies(), "Code": code, "Why": why, "Proof": proof, "Trouble": trouble,
		"Style": template.CSS(style), "StyleHash": "sha256-" + base64.StdEncoding.EncodeToString(digest[:]),
		"Started": r.Run.Started.Format("2 January 2006, 15:04 MST"),
	})
	if err != nil {
		return err
	}
	_, err = buf.WriteTo(w)
	return err
}

// picture returns a small picture as a data URI, or nothing.
func (r *Result) picture(e Evidence, room *int) template.URL {
	if e.Kind != "picture" || e.File == "" || !filepath.IsLocal(e.File) {
		return ""
	}
	path := filepath.Join(r.dir, e.File)
	if info, err := os.Stat(path); err != nil || info.Size() > pictureCap || int(info.Size()) > *room {
		return ""
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	kind := http.DetectContentType(data)
	switch kind {
	case "image/png", "image/jpeg", "image/webp":
	default:
		return ""
	}
	*room -= len(data)
	return template.URL("data:" + kind + ";base64," + base64.StdEncoding.EncodeToString(data))
}

// relative makes a link of a path that no scheme can sneak into.
func relative(path string) string { return "./" + strings.TrimLeft(filepath.ToSlash(path), "/") }

// tone is a state's or a verdict's colour class.
func tone(what any) string {
	switch what {
	case Passed, Attested, Ready:
		return "good"
	case Failed, Flaky, NotReady:
		return "bad"
	case Error, Blocked, Waived, Incomplete:
		return "warn"
	}
	return "quiet"
}

// withCase puts the name of the item's worst case in front of what it said.
func withCase(item ItemResult) ItemResult {
	for _, c := range item.Cases {
		if c.State == item.State {
			item.Reason = c.Name + ": " + firstLine(item.Reason)
			break
		}
	}
	return item
}
