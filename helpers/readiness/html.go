package readiness

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed" // the page and its style
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

//go:embed report.html
var page string

//go:embed report.css
var style string

//go:embed report.js
var script string

// How much picture the page itself carries; the others are links.
const (
	pictureCap = 1 << 20
	pageCap    = 12 << 20
)

// slowestShown is how many items the table of times has.
const slowestShown = 8

// HTML writes the report: one page that works from a file, without a network.
// It needs no script; where one may run, it searches and filters.
// What came from a deployment stays text; only pictures that really are
// pictures are shown.
func (r *Result) HTML(w io.Writer) error {
	room := pageCap
	tmpl, err := template.New("report").Funcs(template.FuncMap{
		"duration": duration,
		"count":    count,
		"text":     printable,
		"picture":  func(e Evidence) template.URL { return r.picture(e, &room) },
		"link":     relative,
		"anchor":   slug,
		"redFirst": redFirst,
		"open":     func(s State) bool { return s.gates() },
		"tone":     tone,
		"proven":   proven,
		"short":    short,
		"more": func(c CaseResult) bool {
			return c.Output != c.Seen && !inOneSentence.MatchString(c.Output) || strings.Contains(c.Output, "\n") && c.Output != c.Seen
		},
		"plain": func(c CaseResult) bool { return c.State == Passed && len(c.Evidence) == 0 },
		"inSection": func(i ItemResult, behind []string) any {
			return struct {
				Item   ItemResult
				Behind bool
			}{i, len(behind) > 0}
		},
		"traceFile": r.traceFile,
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
		"Since": r.sinceGroups(), "Slowest": r.slowest(slowestShown),
		"Style": template.CSS(style), "StyleHash": digest(style), "Script": template.JS(script), "ScriptHash": digest(script),
		"Stamp":   r.Run.Started.Format(time.RFC3339),
		"Started": r.Run.Started.Format("2 January 2006, 15:04 MST"),
	})
	if err != nil {
		return err
	}
	_, err = buf.WriteTo(w)
	return err
}

// digest names an inline style or script in a Content-Security-Policy.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// changesOf are the changes of one kind.
type changesOf struct {
	Kind    Kind
	Changes []Change
}

// sinceGroups is what changed since the last run, grouped for the page.
func (r *Result) sinceGroups() any {
	if r.Since == nil {
		return nil
	}
	groups := struct {
		*Since
		Kinds []changesOf
	}{Since: r.Since}
	for _, kind := range []Kind{NewlyRed, StillRed, Lost, Mended, OtherTurn} {
		if of := r.Since.Of(kind); len(of) > 0 {
			groups.Kinds = append(groups.Kinds, changesOf{kind, of})
		}
	}
	return groups
}

// slowest are the items that took longest, of those that took any time.
func (r *Result) slowest(most int) []ItemResult {
	items := slices.DeleteFunc(slices.Clone(r.Items), func(i ItemResult) bool { return i.Seconds == 0 })
	slices.SortStableFunc(items, func(a, b ItemResult) int { return cmp.Compare(b.Seconds, a.Seconds) })
	return items[:min(most, len(items))]
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
	case Passed, Attested, Ready, Mended:
		return "good"
	case Failed, Flaky, NotReady, NewlyRed, StillRed:
		return "bad"
	case Error, Blocked, Waived, Incomplete, Lost:
		return "warn"
	}
	return "quiet"
}

// redFirst puts what keeps the gate shut before the rest.
func redFirst(cases []CaseResult) []CaseResult {
	sorted := slices.Clone(cases)
	slices.SortStableFunc(sorted, func(a, b CaseResult) int {
		return slices.Index(worstFirst(), a.State) - slices.Index(worstFirst(), b.State)
	})
	return sorted
}

// withCase puts the name of the item's worst case in front of what it said, and
// how many more there are.
func withCase(item ItemResult) ItemResult {
	var like []string
	for _, c := range item.Cases {
		if c.State == item.State {
			like = append(like, c.Name)
		}
	}
	switch len(like) {
	case 0:
		return item
	case 1:
		item.Reason = like[0] + ": " + firstLine(item.Reason)
	default:
		item.Reason = fmt.Sprintf("%s, such as “%s”: %s", count(len(like), "case"), like[0], firstLine(item.Reason))
	}
	return item
}

// proven says how many of the known mistakes have been seen to turn the item
// red. Only what was recorded counts as proven.
func proven(item ItemResult) string {
	seen := 0
	for _, d := range item.Defects {
		if d.NoticedBy != "" {
			seen++
		}
	}
	all := count(len(item.Defects), "known mistake")
	switch seen {
	case 0:
		return "Held against " + all + ", none recorded as noticed yet"
	case len(item.Defects):
		return "Proven against " + all
	}
	return fmt.Sprintf("Proven against %d of %s", seen, all)
}

// short is the beginning of a text that stands in full elsewhere on the page.
func short(text string) string {
	const most = 220
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + " …"
	}
	return text
}
