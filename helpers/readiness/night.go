package readiness

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Ticket is the one open issue that tells of the nightly runs.
type Ticket struct {
	Number int
	Body   string
}

// Move is what to do about the ticket. The zero Move is nothing.
type Move struct {
	Kind    MoveKind
	Title   string // to open and update
	Body    string // to open and update
	Comment string // to update and close
}

// MoveKind is what to do.
type MoveKind string

// The moves.
const (
	Nothing MoveKind = ""
	Open    MoveKind = "open"
	Update  MoveKind = "update"
	Close   MoveKind = "close"
)

// told is what a ticket says, for the next night to read.
type told struct {
	Verdict Verdict  `json:"verdict"`
	Red     []string `json:"red,omitempty"`
	Stale   bool     `json:"stale,omitempty"`
}

var ticketMark = regexp.MustCompile(`<!-- preflight-nightly (\{[^\n]*\}) -->`)

// IsTicket reports whether a text is that of such a ticket.
func IsTicket(body string) bool { return ticketMark.MatchString(body) }

func (t *Ticket) told() (last told) {
	if t == nil {
		return last
	}
	if m := ticketMark.FindStringSubmatch(t.Body); m != nil {
		_ = json.Unmarshal([]byte(m[1]), &last) // an unreadable mark differs from everything
	}
	return last
}

func (t told) mark() string {
	text, err := json.Marshal(t)
	if err != nil {
		return ""
	}
	// Nothing in it can end the comment: ids and verdicts are of our making.
	return "<!-- preflight-nightly " + strings.ReplaceAll(string(text), "--", "-") + " -->"
}

func (t told) same(other told) bool {
	return t.Verdict == other.Verdict && t.Stale == other.Stale && slices.Equal(t.Red, other.Red)
}

// Night says what to do about the ticket after a nightly run: nothing while all
// is as it was, open it when the gate is shut, update it when the verdict or the
// red items change, close it on green. A nil result is a run that left none;
// open is nil where no ticket is open. where is an address of the run, or empty.
func Night(r *Result, open *Ticket, where string) Move {
	now := told{Verdict: Incomplete}
	code, why := 1, "the run left no result: it did not begin, or it was lost"
	if r != nil {
		now.Verdict = r.Verdict
		code, why = r.Gate()
		for _, item := range r.Items {
			if item.State.gates() {
				now.Red = append(now.Red, item.ID)
			}
		}
	}
	if code == 0 {
		if open == nil {
			return Move{}
		}
		return Move{Kind: Close, Comment: fmt.Sprintf("Green again: %s.%s", now.Verdict, link(r, where))}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\nThe nightly run says **%s**: %s.%s\n", now.mark(), now.Verdict, markdown(why), link(r, where))
	if r != nil {
		for _, reason := range r.Reasons {
			fmt.Fprintf(&b, "\n- %s", markdown(reason))
		}
		if r.Run.Deployment.Embedded {
			b.WriteString("\n\nThis ran on the deployment embedded in the suite: it is the suite, or that deployment, that has a fault.")
		}
		if r.Since != nil {
			for _, kind := range []Kind{NewlyRed, StillRed, Lost, Mended} {
				if of := r.Since.Of(kind); len(of) > 0 {
					fmt.Fprintf(&b, "\n\n**%s since %s**\n", kind.Title(), r.Since.Run)
					for _, c := range of {
						fmt.Fprintf(&b, "\n- `%s` %s", c.Item, markdown(c.Case))
					}
				}
			}
		}
	}
	b.WriteString("\n\nThis issue is kept by the nightly workflow: it changes with the verdict and closes by itself on green.\n")
	return tell(now, open, "Nightly readiness: "+string(now.Verdict), clipIssue(b.String()), func(last told) string {
		return fmt.Sprintf("%s, was %s.%s%s", now.Verdict, firstOf(string(last.Verdict), "unknown"), gained(last.Red, now.Red), link(r, where))
	})
}

// Stale says what to do about the ticket when somebody looks whether the nightly
// still runs. last is the beginning of the last whole run; zero: none is known.
func Stale(last, now time.Time, most time.Duration, open *Ticket) Move {
	if now.Sub(last) <= most {
		return Move{} // the nightly run itself tells the rest, and closes
	}
	said := open.told()
	said.Stale = true
	said.Verdict = Verdict(firstOf(string(said.Verdict), string(Incomplete)))
	text := Age(last, now, most)
	body := fmt.Sprintf("%s\n\n%s. What was known is known no more.\n\nThis issue is kept by the nightly workflow and closes by itself on green.\n", said.mark(), text)
	return tell(said, open, "Nightly readiness: the last run is too old", body, func(told) string { return text + "." })
}

// Age says how old the last whole run is, in a sentence without its full stop;
// empty: not older than most.
func Age(last, now time.Time, most time.Duration) string {
	switch {
	case last.IsZero():
		return "No whole nightly run is known"
	case now.Sub(last) > most:
		return fmt.Sprintf("The last whole nightly run began %s, %.0f hours ago: more than %.0f", last.UTC().Format("2 January 2006, 15:04 MST"), now.Sub(last).Hours(), most.Hours())
	}
	return ""
}

func tell(now told, open *Ticket, title, body string, comment func(told) string) Move {
	switch last := open.told(); {
	case open == nil:
		return Move{Kind: Open, Title: title, Body: body}
	case now.same(last):
		return Move{}
	default:
		return Move{Kind: Update, Title: title, Body: body, Comment: comment(last)}
	}
}

// gained names the items that are red now and were not, and the other way round.
func gained(before, now []string) (text string) {
	for _, part := range []struct {
		label string
		in    []string
		not   []string
	}{{" Newly red: ", now, before}, {" No longer red: ", before, now}} {
		var names []string
		for _, id := range part.in {
			if !slices.Contains(part.not, id) {
				names = append(names, "`"+id+"`")
			}
		}
		if len(names) > 0 {
			text += part.label + strings.Join(names, ", ") + "."
		}
	}
	return text
}

func link(r *Result, where string) string {
	text := ""
	if r != nil {
		text = " Run " + r.Run.ID + " on " + markdown(r.Run.Deployment.Name) + "."
	}
	if where != "" {
		text += " The report is among the artefacts of " + where
	}
	return text
}

// clipIssue keeps below what an issue may hold.
func clipIssue(text string) string {
	const most = 60000
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "\n\n… cut: the whole is in the report.\n"
}

// LastWhole is when the last whole run in the history of a reports folder
// began, whatever it ran on; zero: there is none.
func LastWhole(reports string) (last time.Time, err error) {
	data, err := os.ReadFile(filepath.Join(reports, historyFile))
	if errors.Is(err, fs.ErrNotExist) {
		return last, nil
	}
	for row := range strings.Lines(string(data)) {
		var p past
		if json.Unmarshal([]byte(row), &p) == nil && p.Started.After(last) {
			last = p.Started
		}
	}
	return last, err
}
