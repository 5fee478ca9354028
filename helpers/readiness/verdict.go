package readiness

import (
	"fmt"
	"strings"
)

// Verdict is the answer of a whole run.
type Verdict string

// The verdicts. Their texts are tokens of the result file and never change.
const (
	Ready      Verdict = "READY"
	NotReady   Verdict = "NOT READY"
	Incomplete Verdict = "INCOMPLETE"
)

// Reasons of items without a measured case.
const (
	NoCheckYet  = "no check yet"
	NotSelected = "not selected"
	NotReached  = "not reached before the deadline: run with -timeout 60m"
)

// judge gives the verdict on a run, and its reasons, the gravest first. It
// fails closed: READY needs a run that ended by itself, without trouble of its
// own, in which every item is passed, attested, waived or not applicable, and
// at least one is passed or attested. A run that was cut off is INCOMPLETE
// whatever it had measured: the failures of its last moments may be its own.
func judge(run RunInfo, items []ItemResult, declared []Declaration) (Verdict, []string) {
	by := map[State][]ItemResult{}
	for _, item := range items {
		state := item.State
		if !state.Known() {
			state = Error
		}
		by[state] = append(by[state], item)
	}

	var reasons []string
	say := func(format string, args ...any) { reasons = append(reasons, fmt.Sprintf(format, args...)) }
	cut := run.cutOff()
	if cut != "" {
		say("%s", cut)
	}
	if n := by[Failed]; len(n) > 0 {
		say("%s failed: %s", count(len(n), "item"), ids(n))
	}
	if n := by[Flaky]; len(n) > 0 {
		say("%s flaky: %s", countAre(len(n), "item"), ids(n))
	}
	for _, trouble := range run.Errors {
		say("%s", trouble)
	}
	if n := by[Error]; len(n) > 0 {
		say("in %s the suite or the network was in trouble: %s", count(len(n), "item"), ids(n))
	}
	if n := by[Blocked]; len(n) > 0 {
		say("%s blocked: %s", countAre(len(n), "item"), n[0].Reason)
	}
	reasons = append(reasons, unverified(run, by[NotVerified])...)

	switch {
	case cut != "":
		return Incomplete, reasons
	case len(by[Failed])+len(by[Flaky]) > 0:
		return NotReady, reasons
	case len(reasons) > 0:
		return Incomplete, reasons
	case len(by[Passed])+len(by[Attested]) == 0:
		return Incomplete, []string{"nothing was checked"}
	}
	var parts []string
	for _, state := range []State{Passed, Attested, Waived, NotApplicable} {
		if n := len(by[state]); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, state.Word()))
		}
	}
	ready := []string{"of " + count(len(items), "item") + ": " + strings.Join(parts, ", ")}
	if n := by[Waived]; len(n) > 0 {
		ready = append(ready, waived(n, declared))
	}
	return Ready, ready
}

// waived names the items with an accepted fault, and when the first waiver ends.
func waived(items []ItemResult, declared []Declaration) string {
	said := countAre(len(items), "item") + " waived, known faults and all: " + ids(items)
	first := ""
	for _, d := range declared {
		if d.Kind == Waived && d.Used && (first == "" || d.Until < first) {
			first = d.Until
		}
	}
	if first != "" {
		said += "; the first waiver holds until " + first
	}
	return said
}

// unverified groups the items that were not measured by why that is so.
func unverified(run RunInfo, items []ItemResult) (reasons []string) {
	var none, unselected, unreached, rest []ItemResult
	for _, item := range items {
		switch item.Reason {
		case NoCheckYet:
			none = append(none, item)
		case NotSelected:
			unselected = append(unselected, item)
		case NotReached:
			unreached = append(unreached, item)
		default:
			rest = append(rest, item)
		}
	}
	if len(rest) > 0 {
		reasons = append(reasons, countAre(len(rest), "item")+" not verified: "+ids(rest))
	}
	if len(unreached) > 0 {
		reasons = append(reasons, countAre(len(unreached), "item")+" "+NotReached)
	}
	if len(unselected) > 0 {
		reasons = append(reasons, fmt.Sprintf("this run was a selection (%s): %s not in it", inBrief(run.Selection), countAre(len(unselected), "item")))
	}
	if len(none) > 0 {
		verb := " have "
		if len(none) == 1 {
			verb = " has "
		}
		reasons = append(reasons, count(len(none), "item")+verb+NoCheckYet)
	}
	return reasons
}

// ids lists items by id; a long list is cut, the report has the rest.
func ids(items []ItemResult) string {
	const most = 8
	var names []string
	for i, item := range items {
		if i == most {
			return strings.Join(names, ", ") + fmt.Sprintf(" and %d more", len(items)-most)
		}
		names = append(names, item.ID)
	}
	return strings.Join(names, ", ")
}

func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

func countAre(n int, thing string) string {
	if n == 1 {
		return "1 " + thing + " is"
	}
	return count(n, thing) + " are"
}

// inBrief is the beginning of a text that stands within a sentence.
func inBrief(text string) string {
	const most = 160
	if r := []rune(text); len(r) > most {
		return string(r[:most]) + "…"
	}
	return text
}
