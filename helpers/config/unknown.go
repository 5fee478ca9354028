package config

import (
	"fmt"
	"slices"
	"strings"
)

// Warnings returns a sentence for each name that looks like one of ours but is
// not: names of the .env (or of the embedded deployment's map), and those of
// environ (os.Environ) that begin with SCALEKIT_ or PREFLIGHT_, or lie near a
// known name. Other programs' APP_… variables pass in silence.
func (c *Config) Warnings(environ []string) []string {
	known := names()
	unknown := slices.Clone(c.unknown)
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		ours := strings.HasPrefix(name, "PREFLIGHT_") || strings.HasPrefix(name, "SCALEKIT_")
		if strings.HasPrefix(name, "APP_") {
			ours = nearest(name, known) != ""
		}
		if ours && !slices.Contains(known, name) {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	var warnings []string
	for _, name := range slices.Compact(unknown) {
		text := name + " is not a variable of Auth Preflight and is ignored"
		if near := nearest(name, known); near != "" {
			text += fmt.Sprintf("; did you mean %s?", near)
		}
		warnings = append(warnings, text)
	}
	return warnings
}

// names lists every name that is read, aliases included.
func names() []string {
	var all []string
	for _, v := range Variables() {
		all = append(all, v.Name)
		if v.Alias != "" {
			all = append(all, v.Alias)
		}
	}
	return all
}

// nearest returns the known word that is a typing mistake or two away from
// name; "" if none is. The prefix of a variable does not make names alike.
func nearest(name string, known []string) string {
	best, least := "", max(2, len(name[strings.Index(name, "_")+1:])/4)
	for _, k := range known {
		if d := distance(name, k); d <= least && (best == "" || d < distance(name, best)) {
			best = k
		}
	}
	return best
}

// distance is Levenshtein's.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		last := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := last
			if a[i] != b[j] {
				cost++
			}
			last = row[j+1]
			row[j+1] = min(cost, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
