package readiness

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

const (
	// longestAttestation is how far ahead somebody can vouch for something: what
	// nobody has looked at for longer is not known.
	longestAttestation = 366 * 24 * time.Hour
	// longestWaiver is how long a known fault can be accepted at a time.
	longestWaiver = 184 * 24 * time.Hour
)

// Declaration is one entry of a profile: what a person says about an item, or
// about one case of it, in the place of a measurement or beside it.
type Declaration struct {
	// Kind is NotApplicable, Waived or Attested.
	Kind State  `json:"kind"`
	Item string `json:"item"`
	Case string `json:"case,omitempty"` // empty: every case of the item
	// Who vouches for it (attested), or owns the fault (waived).
	Who string `json:"who,omitempty"`
	// Reason is why it does not apply or is waived; of an attestation, what was
	// looked at: an address, a document, a ticket.
	Reason string `json:"reason"`
	// Since is the day on which it was looked at, or accepted; Until the last
	// day on which the entry holds. Both are YYYY-MM-DD.
	Since string `json:"since,omitempty"`
	Until string `json:"until,omitempty"`
	// Used says that the run has a case or an item that is so because of this.
	Used bool `json:"used"`

	over time.Time // the first moment at which it no longer holds; zero: it always does
}

// Expired reports whether an entry is over at a moment.
func (d Declaration) Expired(now time.Time) bool { return !d.over.IsZero() && !now.Before(d.over) }

// Name is the item, or the case, as the profile names it.
func (d Declaration) Name() string {
	if d.Case == "" {
		return d.Item
	}
	return d.Item + "#" + d.Case
}

// String is the entry as the reason of a state.
func (d Declaration) String() string {
	switch d.Kind {
	case Attested:
		return fmt.Sprintf("%s vouched for it on %s, until %s: %s", d.Who, d.Since, d.Until, d.Reason)
	case Waived:
		return fmt.Sprintf("%s accepts it until %s: %s", d.Who, d.Until, d.Reason)
	}
	return "declared: " + d.Reason
}

// Profile is one reviewed file in which people declare what no machine can
// know. It does not change while a run goes on. The nil pointer declares nothing.
type Profile struct{ all []Declaration }

// ReadProfile reads a YAML file (profile.schema.json is its form):
//
//	not_applicable:
//	  - section: mcp                   # or item: an item, or item#name of a case
//	    reason: we have no MCP server
//	waivers:
//	  - item: custom/emails#the password-reset mail is ours, whole, and its link works
//	    owner: Grace Hopper, growth team
//	    reason: the new template is reviewed by the lawyers, TICKET-71
//	    since: 2026-01-15
//	    until: 2026-03-15
//	attestations:
//	  - item: ops/log-retention
//	    who: Ada Lovelace, platform team
//	    when: 2026-01-15
//	    until: 2026-07-15
//	    evidence: https://wiki.example/retention
//
// items are the whole checklist. The error joins a sentence for each entry that
// is unknown, incomplete, not allowed or makes no sense; what is right is
// returned beside it. Entries that are over are returned too: Expired tells them.
func ReadProfile(path string, items []CatalogueItem, now time.Time) (*Profile, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the profile (PREFLIGHT_PROFILE) cannot be read: %w", plain(err))
	}
	var file struct {
		NotApplicable []struct{ Item, Section, Reason string }             `yaml:"not_applicable"`
		Waivers       []struct{ Item, Owner, Reason, Since, Until string } `yaml:"waivers"`
		Attestations  []struct{ Item, Who, When, Until, Evidence string }  `yaml:"attestations"`
	}
	if err := yaml.UnmarshalWithOptions(text, &file, yaml.Strict()); err != nil {
		first, _, _ := strings.Cut(err.Error(), "\n") // an excerpt of the file follows
		return nil, fmt.Errorf("the profile %s (PREFLIGHT_PROFILE) is not as README has it, at [line:column] %s", filepath.Base(path), first)
	}
	p := &Profile{}
	var problems []error
	add := func(label string, n int, d Declaration, err error) {
		if err == nil {
			err = p.add(d, items, now)
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("profile, %s %d (%s): %w", label, n+1, d.Name(), err))
		}
	}
	for n, e := range file.NotApplicable {
		if e.Section == "" {
			add("not applicable", n, declare(NotApplicable, e.Item, "", e.Reason, "", ""), nil)
			continue
		}
		of := itemsOf(e.Section, items)
		switch {
		case e.Item != "":
			add("not applicable", n, Declaration{Item: e.Item}, errors.New("it names an item and a section: use one"))
		case len(of) == 0:
			add("not applicable", n, Declaration{Item: e.Section}, errors.New("this is no section of the checklist"))
		}
		for _, id := range of {
			add("not applicable", n, declare(NotApplicable, id, "", e.Reason, "", ""), nil)
		}
	}
	for n, e := range file.Waivers {
		add("waiver", n, declare(Waived, e.Item, e.Owner, e.Reason, e.Since, e.Until), nil)
	}
	for n, e := range file.Attestations {
		add("attestation", n, declare(Attested, e.Item, e.Who, e.Evidence, e.When, e.Until), nil)
	}
	return p, errors.Join(problems...)
}

func declare(kind State, name, who, reason, since, until string) Declaration {
	item, of, _ := strings.Cut(name, "#")
	trim := strings.TrimSpace
	return Declaration{Kind: kind, Item: trim(item), Case: trim(of), Who: trim(who), Reason: trim(reason), Since: trim(since), Until: trim(until)}
}

func itemsOf(section string, items []CatalogueItem) (ids []string) {
	for _, c := range items {
		if c.Section == section {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// add takes an entry over if it makes sense.
func (p *Profile) add(d Declaration, items []CatalogueItem, now time.Time) error {
	at := slices.IndexFunc(items, func(c CatalogueItem) bool { return c.ID == d.Item })
	if at < 0 {
		return errors.New("this is no item of the checklist")
	}
	if slices.ContainsFunc(p.all, func(o Declaration) bool { return o.Item == d.Item && o.Case == d.Case }) {
		return errors.New("it stands twice")
	}
	var err error
	switch d.Kind {
	case NotApplicable:
		if items[at].Always {
			return errors.New("every sign-in has this: it cannot be declared not applicable")
		}
		if d.Reason == "" {
			return errors.New("it needs a reason")
		}
	case Waived:
		if items[at].NoWaiver {
			return errors.New("a fault here cannot be waived: mend it")
		}
		if d.Who == "" || d.Reason == "" {
			return errors.New("it needs owner, reason, since and until")
		}
		d.over, err = days("since", d.Since, d.Until, now, longestWaiver, "half a year: somebody has to decide again before")
	default:
		if d.Who == "" || d.Reason == "" {
			return errors.New("it needs who, when, until and evidence")
		}
		d.over, err = days("when", d.Since, d.Until, now, longestAttestation, "a year: somebody has to look at it again before")
	}
	if err == nil {
		p.all = append(p.all, d)
	}
	return err
}

// days reads the days between which an entry holds, and returns its end.
func days(name, from, to string, now time.Time, longest time.Duration, limit string) (over time.Time, err error) {
	since, err := time.ParseInLocation(time.DateOnly, from, now.Location())
	if err != nil {
		return over, fmt.Errorf("%s must be a day such as 2026-01-31", name)
	}
	until, err := time.ParseInLocation(time.DateOnly, to, now.Location())
	switch {
	case err != nil:
		return over, errors.New("until must be a day such as 2026-01-31")
	case since.After(now.AddDate(0, 0, 1)):
		return over, fmt.Errorf("%s lies in the future", name)
	case until.Before(since):
		return over, errors.New("it ends before it begins")
	case until.Sub(since) > longest:
		return over, fmt.Errorf("it lasts longer than %s", limit)
	}
	return until.AddDate(0, 0, 1), nil
}

// For returns what the profile says of a kind about a case: an entry for the
// very case, or else for its item. It may have expired.
func (p *Profile) For(kind State, item, name string) (found Declaration, ok bool) {
	if p == nil {
		return found, false
	}
	for _, d := range p.all {
		if d.Kind == kind && d.Item == item && (d.Case == name || d.Case == "" && !ok) {
			found, ok = d, true
		}
	}
	return found, ok
}

// Expired returns the entries that are over at a moment.
func (p *Profile) Expired(now time.Time) (over []Declaration) {
	if p == nil {
		return nil
	}
	for _, d := range p.all {
		if d.Expired(now) {
			over = append(over, d)
		}
	}
	return over
}

// unknown returns the entries for cases that their items do not have, among the
// items that have any.
func (p *Profile) unknown(items []ItemResult) (entries []Declaration) {
	if p == nil {
		return nil
	}
	for _, d := range p.all {
		at := slices.IndexFunc(items, func(i ItemResult) bool { return i.ID == d.Item })
		if d.Case == "" || at < 0 || len(items[at].Cases) == 0 {
			continue
		}
		if !slices.ContainsFunc(items[at].Cases, func(c CaseResult) bool { return c.Name == d.Case }) {
			entries = append(entries, d)
		}
	}
	return entries
}

// waive covers a measured fault of a case with a waiver that holds. The measured
// state stays beside it.
func (p *Profile) waive(item string, c *CaseResult, now time.Time) {
	if c.State != Failed && c.State != Flaky {
		return
	}
	if d, ok := p.For(Waived, item, c.Name); ok && !d.Expired(now) {
		c.Measured, c.State = c.State, Waived
		if c.Reason != "" {
			c.Output = strings.TrimSpace(c.Reason + "\n" + c.Output)
		}
		c.Reason = d.String()
	}
}

// instead is what the profile says about an item without any measured case, in
// the place of a state and its reason.
func (p *Profile) instead(item string, state State, reason string, now time.Time) (State, string) {
	if d, ok := p.For(NotApplicable, item, ""); ok && d.Case == "" && state == NotVerified {
		return NotApplicable, d.String()
	}
	if d, ok := p.For(Attested, item, ""); ok && d.Case == "" && reason == NoCheckYet && !d.Expired(now) {
		return Attested, d.String()
	}
	return state, reason
}

// declared returns all entries for the result, and which of them had an effect.
func (p *Profile) declared(items []ItemResult, mask func(string) string) (all []Declaration) {
	if p == nil {
		return nil
	}
	for _, d := range p.all {
		d.Who, d.Reason = mask(d.Who), mask(d.Reason)
		for _, item := range items {
			if item.ID != d.Item {
				continue
			}
			d.Used = d.Case == "" && item.State == d.Kind && len(item.Cases) == 0
			for _, c := range item.Cases {
				d.Used = d.Used || c.State == d.Kind && c.Reason == d.String() && (d.Case == "" || d.Case == c.Name)
			}
		}
		all = append(all, d)
	}
	return all
}
