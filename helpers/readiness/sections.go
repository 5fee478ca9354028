package readiness

import (
	"fmt"
	"strings"
)

// section is one part of the checklist in a result.
type section struct {
	ID, Title string
	Number    int
	Items     []ItemResult
	Behind    []string // failed items of earlier sections: the checklist calls them blockers
}

// sections groups the items in their order.
func (r *Result) sections() (all []*section) {
	var failed []string
	for _, item := range r.Items {
		if len(all) == 0 || all[len(all)-1].ID != item.Section {
			all = append(all, &section{
				ID: item.Section, Title: firstOf(item.SectionTitle, item.Section), Number: len(all) + 1,
				Behind: failed[:len(failed):len(failed)],
			})
		}
		last := all[len(all)-1]
		last.Items = append(last.Items, item)
		if item.State == Failed {
			failed = append(failed, item.ID)
		}
	}
	return all
}

// tally is how many items are in a state, and how many of them nobody selected.
type tally struct {
	State       State
	Count       int
	NotSelected int
}

// String counts what nobody selected apart from what could not be verified.
func (t tally) String() string {
	var parts []string
	if n := t.Count - t.NotSelected; n > 0 {
		parts = append(parts, fmt.Sprintf("%d %s", n, t.State.Word()))
	}
	if t.NotSelected > 0 {
		parts = append(parts, fmt.Sprintf("%d %s", t.NotSelected, NotSelected))
	}
	return strings.Join(parts, ", ")
}

// tallies counts the items by state, the gravest first.
func (r *Result) tallies() (all []tally) {
	for _, state := range worstFirst() {
		t := tally{State: state}
		for _, item := range r.Items {
			if item.State != state {
				continue
			}
			t.Count++
			if item.Reason == NotSelected {
				t.NotSelected++
			}
		}
		if t.Count > 0 {
			all = append(all, t)
		}
	}
	return all
}

// proof is the sentence that a green run on the embedded deployment needs.
const proof = "This ran on the deployment embedded in the suite. A pass proves the suite, not your deployment."

// duration is a time span for people.
func duration(seconds float64) string {
	switch {
	case seconds >= 60:
		return fmt.Sprintf("%d min %02d s", int(seconds)/60, int(seconds)%60)
	case seconds >= 10:
		return fmt.Sprintf("%.0f s", seconds)
	default:
		return fmt.Sprintf("%.1f s", seconds)
	}
}
