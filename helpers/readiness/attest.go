package readiness

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/goccy/go-yaml"
)

// longestAttestation is how far ahead somebody can vouch for something: what
// nobody has looked at for longer is not known.
const longestAttestation = 366 * 24 * time.Hour

// Attestation is what a person vouches for, because no machine can see it.
type Attestation struct {
	Item     string    // of the checklist
	Case     string    // empty: every case of the item
	Who      string    // who vouches for it
	When     time.Time // who looked, and when
	Until    time.Time // the last day on which it holds
	Evidence string    // what was looked at: an address, a document, a ticket
}

// Expired reports whether an attestation is over at a moment.
func (a Attestation) Expired(now time.Time) bool { return !now.Before(a.Until.AddDate(0, 0, 1)) }

// String is the attestation as a reason.
func (a Attestation) String() string {
	return fmt.Sprintf("%s vouched for it on %s, until %s: %s", a.Who, a.When.Format(time.DateOnly), a.Until.Format(time.DateOnly), a.Evidence)
}

// Attestations are the entries of one reviewed file. The nil pointer has none.
type Attestations struct {
	all []Attestation

	mu   sync.Mutex
	seen map[string]bool // item and case of what ran
}

// ReadAttestations reads a YAML file:
//
//	attestations:
//	  - item: ops/log-retention        # or item#name of a case
//	    who: Ada Lovelace, platform team
//	    when: 2026-01-15
//	    until: 2026-07-15
//	    evidence: https://wiki.example/retention
//
// The error joins a sentence for each entry that is unknown, incomplete or
// makes no sense; what is right is returned beside it. Expired entries are
// returned too: Expired tells them.
func ReadAttestations(path string, items []CatalogueItem, now time.Time) (*Attestations, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the attestations cannot be read: %w", plain(err))
	}
	var file struct {
		Attestations []struct{ Item, Who, When, Until, Evidence string }
	}
	if err := yaml.UnmarshalWithOptions(text, &file, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("the attestations cannot be read: %w", err)
	}
	a := &Attestations{seen: map[string]bool{}}
	var problems []error
	for i, entry := range file.Attestations {
		item, name, _ := strings.Cut(entry.Item, "#")
		one := Attestation{Item: strings.TrimSpace(item), Case: strings.TrimSpace(name), Who: strings.TrimSpace(entry.Who), Evidence: strings.TrimSpace(entry.Evidence)}
		bad := func(format string, args ...any) {
			problems = append(problems, fmt.Errorf("attestation %d (%s): "+format, append([]any{i + 1, entry.Item}, args...)...))
		}
		if !slices.ContainsFunc(items, func(c CatalogueItem) bool { return c.ID == one.Item }) {
			bad("this is no item of the checklist")
			continue
		}
		if one.Who == "" || one.Evidence == "" {
			bad("it needs who, when, until and evidence")
			continue
		}
		var err error
		if one.When, err = time.ParseInLocation(time.DateOnly, entry.When, now.Location()); err != nil {
			bad("when must be a day such as 2026-01-31")
			continue
		}
		if one.Until, err = time.ParseInLocation(time.DateOnly, entry.Until, now.Location()); err != nil {
			bad("until must be a day such as 2026-01-31")
			continue
		}
		switch {
		case one.When.After(now.AddDate(0, 0, 1)):
			bad("when lies in the future")
		case one.Until.Before(one.When):
			bad("it ends before it begins")
		case one.Until.Sub(one.When) > longestAttestation:
			bad("it lasts longer than a year: somebody has to look at it again before")
		case slices.ContainsFunc(a.all, func(other Attestation) bool { return other.Item == one.Item && other.Case == one.Case }):
			bad("it stands twice")
		default:
			a.all = append(a.all, one)
		}
	}
	return a, errors.Join(problems...)
}

// Ran notes that a case has begun, which Unknown goes by.
func (a *Attestations) Ran(item, name string) {
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.seen[item+"#"+name], a.seen[item] = true, true
}

// For returns what somebody vouches for about a case: an entry for the very
// case, or else for its item. It may have expired.
func (a *Attestations) For(item, name string) (found Attestation, ok bool) {
	if a == nil {
		return found, false
	}
	for _, one := range a.all {
		if one.Item == item && (one.Case == name || one.Case == "" && !ok) {
			found, ok = one, true
		}
	}
	return found, ok
}

// Unknown names the entries for cases that their items do not have. It can tell
// once the items have run; entries of items that did not run are not judged.
func (a *Attestations) Unknown() (entries []string) {
	if a == nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, one := range a.all {
		if one.Case != "" && a.seen[one.Item] && !a.seen[one.Item+"#"+one.Case] {
			entries = append(entries, one.Item+"#"+one.Case)
		}
	}
	return entries
}

// Expired returns the entries that are over at a moment.
func (a *Attestations) Expired(now time.Time) (over []Attestation) {
	if a == nil {
		return nil
	}
	for _, one := range a.all {
		if one.Expired(now) {
			over = append(over, one)
		}
	}
	return over
}
