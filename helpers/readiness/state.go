package readiness

import "slices"

// State is what is known about a case or an item. A skip is not a pass: all
// that is not measured has a state of its own.
type State string

// The states. Their texts are the tokens of the result file and never change.
const (
	Passed        State = "passed"         // measured, and right
	Failed        State = "failed"         // measured, and wrong
	Flaky         State = "flaky"          // measured both right and wrong
	Error         State = "error"          // the suite or the network failed, not the item
	Blocked       State = "blocked"        // the run's own preconditions failed
	NotVerified   State = "not_verified"   // not measured; the reason says what would change that
	NotApplicable State = "not_applicable" // declared, with a reason
	Attested      State = "attested"       // a person vouches for it, until a date
	Waived        State = "waived"         // wrong, and accepted by an owner, until a date
)

// worstFirst is the order in which states outweigh each other. The first six
// are DESIGN.md's. The others follow by what they hide: a waiver covers a known
// fault, so it outweighs an attestation, and a person's word outweighs a
// measured pass, so that neither disappears behind the passes beside it. "Not
// applicable" says nothing about an item and gives way to everything.
func worstFirst() []State {
	return []State{Failed, Error, Flaky, Blocked, NotVerified, Waived, Attested, Passed, NotApplicable}
}

// Worst combines the states of an item's cases into the item's own. Nothing to
// combine is NotVerified, and an unknown state is an Error: it fails closed.
func Worst(states ...State) State {
	order := worstFirst()
	worst := len(order)
	for _, s := range states {
		i := slices.Index(order, s)
		if i < 0 {
			i = slices.Index(order, Error)
		}
		worst = min(worst, i)
	}
	if worst == len(order) {
		return NotVerified
	}
	return order[worst]
}

// Known reports whether s is one of the states above.
func (s State) Known() bool { return slices.Contains(worstFirst(), s) }

// Word is the state for people.
func (s State) Word() string {
	switch s {
	case NotVerified:
		return "not verified"
	case NotApplicable:
		return "not applicable"
	default:
		return string(s)
	}
}

// Symbol is one character that tells the states apart without colour.
func (s State) Symbol() string {
	switch s {
	case Passed:
		return "✓"
	case Failed:
		return "✗"
	case Flaky:
		return "~"
	case Error:
		return "!"
	case Blocked:
		return "■"
	case NotApplicable:
		return "–"
	case Attested:
		return "✎"
	case Waived:
		return "w"
	default:
		return "?"
	}
}

// gates reports whether a state alone keeps the gate "failures" shut.
func (s State) gates() bool {
	return s == Failed || s == Flaky || s == Error || s == Blocked || !s.Known()
}
