package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/auth-preflight/auth-preflight/fixtures/checklist"
	"github.com/auth-preflight/auth-preflight/helpers/config"
	"github.com/auth-preflight/auth-preflight/helpers/needs"
	"github.com/auth-preflight/auth-preflight/helpers/readiness"
)

// forecast says item by item what will run on a deployment, and what each
// missing variable costs. The needs are read out of the suite's sources.
func (f *findings) forecast(cfg *config.Config) {
	root, err := config.ModuleRoot()
	if err != nil {
		return
	}
	cases, err := needs.Read(filepath.Join(root, "e2e"))
	if err != nil || len(cases) == 0 {
		return // not a clone of the suite: there is nothing to foretell
	}
	rows, whole := map[string]*tally{}, newTally()
	for _, item := range checklist.All() {
		rows[item.ID] = newTally()
	}
	for i, c := range cases {
		if row := rows[c.Item]; row != nil {
			outlook := c.Outlook(cfg)
			row.add(i, c, outlook)
			whole.add(i, c, outlook)
		}
	}
	apply := whole.all - whole.without
	will := "What will run"
	if f.wrong > 0 {
		will = "What would run if nothing were wrong"
	}
	f.section(fmt.Sprintf("%s: %d of %d cases (one that is tried in several ways is one)", will, whole.run, apply))
	if whole.run < apply {
		f.outlook = fmt.Sprintf(" It will look at %d of %d cases; for READY the others need what is named above, or an attestation in the profile (PREFLIGHT_PROFILE).", whole.run, apply)
	}
	for _, section := range checklist.Sections() {
		fmt.Fprintf(f.out, "  %d. %s\n", section.Number, section.Title)
		for _, item := range checklist.All() {
			if item.Section == section.ID {
				fmt.Fprintf(f.out, "    %s\n", strings.TrimRight(fmt.Sprintf("%-26s %s", item.ID, rows[item.ID]), " "))
			}
		}
	}
	if len(whole.costs) > 0 {
		f.section("What each missing variable costs")
		for _, g := range groups(whole.costs) {
			fmt.Fprintf(f.out, "  %s: %s\n", strings.Join(g.names, ", "), whole.extent(g.cases))
		}
		if len(whole.borrowing) > 0 {
			fmt.Fprintf(f.out, "  Without an inbox, test users (SCALEKIT_TEST_USER_EMAIL, SCALEKIT_TEST_USER_CODE) would do for %s.\n", whole.extent(whole.borrowing))
		}
	}
	if len(whole.perhaps) > 0 {
		f.section("What a run may find it needs as well (a lifetime that is too long to be waited for, an API that refuses)")
		for _, g := range groups(whole.perhaps) {
			fmt.Fprintf(f.out, "  %s: %s\n", strings.Join(g.names, ", "), whole.extent(g.cases))
		}
	}
}

// tally counts the cases of an item, or of all.
type tally struct {
	all, run, without int
	staging           int              // not harmless, on a production deployment
	reason            string           // why some are not applicable
	costs, perhaps    map[string][]int // cases, by variable
	borrowing         []int            // cases for which test users would do, and nothing else is missing
	items             map[int]string
}

func newTally() *tally {
	return &tally{costs: map[string][]int{}, perhaps: map[string][]int{}, items: map[int]string{}}
}

func (t *tally) add(number int, c needs.Case, o needs.Outlook) {
	t.all++
	t.items[number] = c.Item
	switch o.State {
	case readiness.NotApplicable:
		t.without++
		t.reason = o.Reason
	case readiness.NotVerified:
		if len(o.Missing) == 0 {
			t.staging++
		}
		if c.People > 0 && slices.Equal(o.Missing, config.Inbox) && !slices.Contains(c.Variables, config.Inbox[0]) {
			t.borrowing = append(t.borrowing, number)
		}
		for _, name := range o.Missing {
			t.costs[name] = append(t.costs[name], number)
		}
	default:
		t.run++
		for _, name := range o.Perhaps {
			t.perhaps[name] = append(t.perhaps[name], number)
		}
	}
}

// String is the row of an item.
func (t *tally) String() string {
	meant := t.all - t.without
	var parts []string
	switch {
	case t.all == 0:
		return "no case yet"
	case meant == 0:
		return "not applicable: " + shortened(t.reason)
	case t.run == meant:
		parts = []string{fmt.Sprintf("all %d", meant)}
	case t.run == 0:
		parts = []string{fmt.Sprintf("none of %d", meant)}
	default:
		parts = []string{fmt.Sprintf("%d of %d", t.run, meant)}
	}
	for i, g := range groups(t.costs) {
		if i == mostGroups {
			parts = append(parts, "…")
			break
		}
		parts = append(parts, fmt.Sprintf("%s: %d", brief(g.names), len(g.cases)))
	}
	if t.staging > 0 {
		parts = append(parts, fmt.Sprintf("%d for staging only", t.staging))
	}
	if t.without > 0 {
		parts = append(parts, fmt.Sprintf("%d not applicable", t.without))
	}
	return strings.Join(parts, "; ")
}

// mostGroups is how many groups of variables a row names; what each costs in all
// follows below the rows.
const mostGroups = 2

// brief names the first of some variables that are missing together.
func brief(names []string) string {
	if len(names) == 1 {
		return names[0]
	}
	return fmt.Sprintf("%s and %d more", names[0], len(names)-1)
}

// extent is how much some cases are.
func (t *tally) extent(cases []int) string {
	var items []string
	for _, number := range cases {
		if !slices.Contains(items, t.items[number]) {
			items = append(items, t.items[number])
		}
	}
	if len(items) == 1 {
		return fmt.Sprintf("%d of %s", len(cases), items[0])
	}
	return fmt.Sprintf("%d cases of %d items", len(cases), len(items))
}

// group is variables that the same cases miss.
type group struct {
	names []string
	cases []int
}

// groups puts variables together that the same cases miss, the dearest first.
func groups(costs map[string][]int) (all []group) {
	for _, v := range config.Variables() { // in the order of .env.example
		cases, ok := costs[v.Name]
		if !ok {
			continue
		}
		if i := slices.IndexFunc(all, func(g group) bool { return slices.Equal(g.cases, cases) }); i >= 0 {
			all[i].names = append(all[i].names, v.Name)
		} else {
			all = append(all, group{[]string{v.Name}, cases})
		}
	}
	slices.SortStableFunc(all, func(a, b group) int { return len(b.cases) - len(a.cases) })
	return all
}

func shortened(reason string) string {
	const most = 90
	if runes := []rune(reason); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return reason
}
