package readiness

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Summary writes the result for a terminal: the verdict and its reasons first,
// a line for each item that was tried, what failed in it, the counts of the
// rest, and where the report is.
func (r *Result) Summary(w io.Writer) {
	var b strings.Builder
	line := func(format string, args ...any) { b.WriteString(printable(fmt.Sprintf(format, args...)) + "\n") }
	rule := strings.Repeat("─", 72)

	line("\n%s\n%s", rule, r.Verdict)
	for _, reason := range r.Reasons {
		line("  %s", reason)
	}
	if r.Run.Deployment.Embedded {
		line("\n  A PASS HERE PROVES THE SUITE, NOT YOUR DEPLOYMENT.\n  It ran on the deployment embedded in the suite. To test yours: .env.example")
	}
	line("%s", rule)
	for _, item := range r.Items {
		if !item.Tried && item.State != Blocked {
			continue
		}
		line("%s %-26s %-14s %8s  %s", item.State.Symbol(), item.ID, item.State.Word(), duration(item.Seconds), r.cases(item))
		if item.State != Passed && item.State != Blocked && len(item.Cases) == 0 { // what blocks them all is said above, once
			line("    %s", firstLine(item.Reason))
		}
		r.summariseAll(item.Cases, line)
	}
	line("%s", rule)
	var counts []string
	for _, t := range r.tallies() {
		counts = append(counts, t.State.Symbol()+" "+t.String())
	}
	line("%s: %s", count(len(r.Items), "item"), strings.Join(counts, " · "))
	for _, note := range r.Run.Notes {
		line("note: %s", note)
	}
	if code, why := r.Gate(); code != 0 {
		line("exit code %d: %s", code, why)
	} else if r.Verdict != Ready {
		line("exit code 0: the gate asks for no failures among what was checked, not for READY")
	}
	line("run %s, %s; report: %s", r.Run.ID, duration(r.Run.Seconds), r.page())
	_, _ = io.WriteString(w, b.String())
}

// cases counts an item's cases. Those that are not applicable are no part of "of":
// beside a passed item they would look like failures.
func (r *Result) cases(item ItemResult) string {
	good, outside := 0, 0
	for _, c := range item.Cases {
		switch c.State {
		case Passed:
			good++
		case NotApplicable:
			outside++
		}
	}
	asked := len(item.Cases) - outside
	switch {
	case len(item.Cases) == 0:
		return ""
	case outside == 0:
		return fmt.Sprintf("%d of %s passed", good, count(asked, "case"))
	case asked == 0:
		return count(outside, "case") + " not applicable"
	case good == asked:
		return fmt.Sprintf("%d passed, %d not applicable", good, outside)
	}
	return fmt.Sprintf("%d of %s passed, %d not applicable", good, count(asked, "case"), outside)
}

// summariseAll says of each case of an item that is not passed what a person needs
// first; of those that are not verified for one reason, once.
func (r *Result) summariseAll(cases []CaseResult, line func(string, ...any)) {
	waiting := notVerified(cases)
	for _, c := range cases {
		alike := waiting[c.why()]
		switch {
		case c.State != NotVerified || len(alike) == 1:
			r.summarise(c, line)
		case c.Name != alike[0]: // it would say the same
		case len(alike) == len(cases):
			line("    %s", c.why())
		default:
			line("    %s %s not verified, such as: %s", c.State.Symbol(), count(len(alike), "case"), c.Name)
			line("        %s", c.why())
		}
	}
}

// notVerified lists the names of the cases that nobody could verify, by why.
func notVerified(cases []CaseResult) map[string][]string {
	names := map[string][]string{}
	for _, c := range cases {
		if c.State == NotVerified {
			names[c.why()] = append(names[c.why()], c.Name)
		}
	}
	return names
}

// why is the one line that says why a case is not passed, where nothing is red.
func (c CaseResult) why() string { return firstOf(firstLine(c.Reason), firstLine(c.Output)) }

// summarise says of a case that is not passed what a person needs first.
func (r *Result) summarise(c CaseResult, line func(string, ...any)) {
	const most = 12
	if c.State == Passed || c.State == NotApplicable {
		return
	}
	line("    %s %s (%s)", c.State.Symbol(), c.Name, c.stateWord())
	text := strings.TrimSpace(c.story())
	if !c.State.gates() {
		text = c.why()
	}
	if text == "" {
		return
	}
	rows := strings.Split(text, "\n")
	for i, row := range rows {
		if i == most {
			line("        … %d lines more in the report", len(rows)-most)
			break
		}
		line("        %s", row)
	}
}

// stateWord is the state for people, with what a waiver covers.
func (c CaseResult) stateWord() string {
	if c.Measured == "" {
		return c.State.Word()
	}
	return c.State.Word() + "; measured: " + c.Measured.Word()
}

// stateWord is the state for people, with what waivers cover.
func (i ItemResult) stateWord() string {
	if measured := i.Measured(); measured != "" {
		return i.State.Word() + "; measured: " + measured.Word()
	}
	return i.State.Word()
}

// Measured is what the waivers of an item's cases cover; empty: nothing.
func (i ItemResult) Measured() (worst State) {
	for _, c := range i.Cases {
		if c.Measured != "" && (worst == "" || Worst(worst, c.Measured) == c.Measured) {
			worst = c.Measured
		}
	}
	return worst
}

// page is where the report is, as short as it can be said.
func (r *Result) page() string {
	path := filepath.Join(r.shown, "index.html")
	here, err := os.Getwd()
	if err != nil || !filepath.IsAbs(path) {
		return path
	}
	if rel, err := filepath.Rel(here, path); err == nil && !strings.HasPrefix(rel, "..") {
		return rel
	}
	return path
}

// Markdown writes the result for a CI server's job page. GitHub takes no more
// than a mebibyte; a longer text is cut and says so.
func (r *Result) Markdown(w io.Writer) error {
	const most = 900 << 10
	var b strings.Builder
	fmt.Fprintf(&b, "## Auth Preflight: %s\n\n", r.Verdict)
	for _, reason := range r.Reasons {
		fmt.Fprintf(&b, "- %s\n", markdown(reason))
	}
	if r.Run.Deployment.Embedded {
		fmt.Fprintf(&b, "\n> **%s**\n", proof)
	}
	fmt.Fprintf(&b, "\nRun `%s` on %s, %s\n\n| | item | state | time | |\n|---|---|---|---:|---|\n",
		r.Run.ID, markdown(r.Run.Deployment.Name), duration(r.Run.Seconds))
	rest := 0
	for _, item := range r.Items {
		if !item.Tried && item.State != Blocked {
			rest++
			continue
		}
		said := item.Reason
		if item.State == Passed {
			said = r.cases(item)
		}
		fmt.Fprintf(&b, "| %s | `%s` | %s | %s | %s |\n", item.State.Symbol(), item.ID, item.stateWord(), duration(item.Seconds), markdown(firstLine(said)))
	}
	if rest > 0 {
		fmt.Fprintf(&b, "\n%s not tried.\n", countAre(rest, "more item"))
	}
	for _, item := range r.Items {
		for _, c := range item.Cases {
			if c.State.gates() {
				fmt.Fprintf(&b, "\n<details><summary>%s <code>%s</code>: %s</summary>\n\n%s\n\n</details>\n",
					c.State.Symbol(), item.ID, markdown(c.Name), fenced(c.story()))
			}
		}
	}
	text := b.String()
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "\n\n… cut: the whole is in the report.\n"
	}
	_, err := io.WriteString(w, text)
	return err
}

// markdown makes a text of a deployment stay text.
func markdown(s string) string {
	s = strings.ReplaceAll(printable(s), "\n", " ")
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "|", `\|`, "`", "\\`", "*", `\*`, "_", `\_`,
		"[", `\[`, "]", `\]`, "!", `\!`, "@", "@\u200b", "://", ":\u200b//").Replace(s)
}

// fenced shows a text as code. No line of it can close the fence.
func fenced(s string) string {
	fence := "````"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	return fence + "text\n" + printable(strings.Trim(s, "\n")) + "\n" + fence
}
