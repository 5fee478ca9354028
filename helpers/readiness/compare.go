package readiness

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Since is what changed since the last whole run on the same deployment.
type Since struct {
	Run     string    `json:"run"`
	Started time.Time `json:"started"`
	Verdict Verdict   `json:"verdict"`
	Changes []Change  `json:"changes"`
}

// Kind is what a change means to a person.
type Kind string

// The kinds of change, in the order in which they are told.
const (
	NewlyRed  Kind = "new"     // keeps the gate shut now, and did not before
	StillRed  Kind = "still"   // keeps the gate shut, as before
	Mended    Kind = "mended"  // passes now, and kept the gate shut before
	Lost      Kind = "lost"    // was passed, and is not verified now
	OtherTurn Kind = "changed" // any other change of state
)

// Title is the kind for people.
func (k Kind) Title() string {
	switch k {
	case NewlyRed:
		return "Newly red"
	case StillRed:
		return "Still red"
	case Mended:
		return "Mended"
	case Lost:
		return "No longer verified"
	}
	return "Changed"
}

// Change is one item, or one case of it, in two runs.
type Change struct {
	Kind   Kind   `json:"kind"`
	Item   string `json:"item"`
	Case   string `json:"case,omitempty"` // empty: the item as a whole
	Before State  `json:"before"`
	Now    State  `json:"now"`
}

// Of returns the changes of one kind.
func (s *Since) Of(kind Kind) (of []Change) {
	for _, c := range s.Changes {
		if c.Kind == kind {
			of = append(of, c)
		}
	}
	return of
}

// states is what a comparison needs of a run: the state of each item, and its
// red cases; of the later run also the cases that passed.
type states struct {
	order  []string
	items  map[string]State
	red    map[string]map[string]State
	passed map[string]map[string]bool
}

func (r *Result) states() states {
	s := states{items: map[string]State{}, red: map[string]map[string]State{}, passed: map[string]map[string]bool{}}
	for _, item := range r.Items {
		s.order = append(s.order, item.ID)
		s.items[item.ID], s.red[item.ID], s.passed[item.ID] = item.State, map[string]State{}, map[string]bool{}
		for _, c := range item.Cases {
			s.passed[item.ID][c.Name] = c.State == Passed
			if c.State.gates() {
				s.red[item.ID][c.Name] = c.State
			}
		}
	}
	return s
}

func (p past) states() states {
	s := states{items: map[string]State{}, red: p.Red}
	for id, was := range p.Items {
		s.items[id] = was.State
	}
	return s
}

// compare tells what changed between two runs, in the order of the checklist.
// Where red cases are known, they are named; else the item is.
func compare(before, now states) (changes []Change) {
	for _, id := range now.order {
		was, known := before.items[id]
		if !known {
			continue // an item that the earlier run had not heard of
		}
		is := now.items[id]
		named := false
		for _, name := range union(before.red[id], now.red[id]) {
			old, wasRed := before.red[id][name]
			cur, isRed := now.red[id][name]
			change := Change{Item: id, Case: name, Before: old, Now: cur}
			switch {
			case isRed && wasRed:
				change.Kind = StillRed
			case isRed:
				change.Kind, change.Before = NewlyRed, was
				if was.gates() { // other cases were red: of this one all is known is that it was not
					change.Before = Passed
				}
			case now.passed[id][name]:
				change.Kind, change.Now = Mended, Passed
			default:
				continue // no longer red, but the item tells why below
			}
			named = true
			changes = append(changes, change)
		}
		if was == is || named && is.gates() == was.gates() || named && is == Passed || named && is.gates() {
			continue
		}
		changes = append(changes, Change{Kind: kindOfTurn(was, is), Item: id, Before: was, Now: is})
	}
	order := []Kind{NewlyRed, StillRed, Lost, Mended, OtherTurn}
	slices.SortStableFunc(changes, func(a, b Change) int { return slices.Index(order, a.Kind) - slices.Index(order, b.Kind) })
	return changes
}

func kindOfTurn(was, is State) Kind {
	switch {
	case is.gates() && !was.gates():
		return NewlyRed
	case is.gates():
		return StillRed
	case was.gates() && is == Passed:
		return Mended
	case was == Passed && is == NotVerified:
		return Lost
	}
	return OtherTurn
}

func union(a, b map[string]State) (names []string) {
	for _, m := range []map[string]State{a, b} {
		for name := range m {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// Compare writes in plain text what changed from one run to another, and
// reports whether anything is newly red.
func Compare(w io.Writer, before, now *Result) (worse bool, err error) {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s\n%s  %s\n", before.Run.ID, before.Verdict, now.Run.ID, now.Verdict)
	if before.Run.Deployment.place() != now.Run.Deployment.place() {
		fmt.Fprintf(&b, "note: two deployments: %s and %s\n", before.Run.Deployment.AppURL, now.Run.Deployment.AppURL)
	}
	changes := compare(before.states(), now.states())
	if len(changes) == 0 {
		b.WriteString("no change\n")
	}
	for _, c := range changes {
		worse = worse || c.Kind == NewlyRed
		name := c.Item
		if c.Case != "" {
			name += ": " + c.Case
		}
		fmt.Fprintf(&b, "%-19s %s (%s, was %s)\n", c.Kind.Title(), printable(name), c.Now.Word(), c.Before.Word())
	}
	_, err = io.WriteString(w, b.String())
	return worse, err
}
