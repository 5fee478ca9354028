package main

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/auth-preflight/auth-preflight/fixtures/checklist"
	"github.com/auth-preflight/auth-preflight/helpers/needs"
	"github.com/auth-preflight/auth-preflight/helpers/readiness"
)

// suite is what there is to be chosen from.
type suite struct{ tests map[string]string } // by item

// readSuite reads the sources of the suite in a folder.
func readSuite(folder string) (suite, error) {
	tests, err := needs.Tests(folder)
	return suite{tests}, err
}

// casesOf are the names of an item's cases; … stands for what only a run knows.
func casesOf(item, folder string) (names []string, err error) {
	all, err := needs.Read(folder)
	for _, c := range all {
		if c.Item == item && !slices.Contains(names, c.Name) {
			names = append(names, c.Name)
		}
	}
	return names, err
}

// of are the items of a section of the checklist, or those whose ids begin with
// that word; each has a check.
func (s suite) of(section string) (items []string) {
	for _, way := range []func(checklist.Item) bool{
		func(i checklist.Item) bool { return i.Section == section },
		func(i checklist.Item) bool { return strings.HasPrefix(i.ID, section+"/") },
	} {
		for _, item := range checklist.All() {
			if way(item) && s.tests[item.ID] != "" {
				items = append(items, item.ID)
			}
		}
		if len(items) > 0 {
			break
		}
	}
	return items
}

// noItem says that there is no such item, and which there are.
func (s suite) noItem(item string) error {
	section, _, _ := strings.Cut(item, "/")
	if near := nearest(item, slices.Collect(maps.Keys(s.tests))); len(near) > 0 {
		return fmt.Errorf("there is no item %s; there is %s", item, strings.Join(near, ", "))
	}
	var beside []string
	for _, one := range checklist.All() {
		if strings.HasPrefix(one.ID, section+"/") && s.tests[one.ID] != "" {
			beside = append(beside, one.ID)
		}
	}
	if len(beside) > 0 {
		return fmt.Errorf("there is no item %s; there is %s", item, strings.Join(beside, ", "))
	}
	return fmt.Errorf("there is no item %s, nor such a folder of a report: the README lists the items", item)
}

// hasCase says what cases an item has, if one of that name is not among those that
// are known. A name may be that of cases below it.
func hasCase(item, title string, known []string) error {
	for _, name := range known {
		if like(name).MatchString(title) || strings.HasPrefix(name, title+"/") {
			return nil
		}
	}
	if near := nearest(title, known); len(near) > 0 {
		return fmt.Errorf("%s has no case %q; there is:\n  %s", item, title, strings.Join(near, "\n  "))
	}
	return fmt.Errorf("%s has no case %q; its cases are:\n  %s", item, title, strings.Join(known, "\n  "))
}

// like matches the names that a case may have.
func like(name string) *regexp.Regexp {
	return regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(name), "…", ".+") + "$")
}

// pattern is what go test -run takes for a word that is neither an item nor a case:
// a section, or such a pattern already.
func (s suite) pattern(word string) (string, error) {
	if items := s.of(word); len(items) > 0 {
		var all []string
		for _, item := range items {
			all = append(all, readiness.TestPattern(s.tests[item]))
		}
		return strings.Join(all, "|"), nil
	}
	if item, _, ofCase := strings.Cut(word, "#"); ofCase && len(s.of(item)) > 0 {
		return "", fmt.Errorf("%s is no item, so it has no cases; its items are %s", item, strings.Join(s.of(item), ", "))
	}
	first := firstLevel(word)
	chosen, err := regexp.Compile(first)
	if err != nil {
		return word, nil // go test says what is wrong
	}
	tests := slices.Sorted(maps.Values(s.tests))
	if slices.ContainsFunc(tests, chosen.MatchString) {
		return word, nil
	}
	var sections []string
	for _, section := range checklist.Sections() {
		sections = append(sections, section.ID)
	}
	if near := nearest(first, append(tests, sections...)); len(near) > 0 {
		return "", fmt.Errorf("no test matches %s; there is %s", word, strings.Join(near, ", "))
	}
	return "", fmt.Errorf("no test matches %s: take a section (%s), an item such as core/state, item#case, or a pattern of test functions such as TestState",
		word, strings.Join(sections, ", "))
}

// firstLevel is a pattern for the test functions alone: each alternative of a
// pattern as go test -run takes it up to its first slash, where neither stands in
// brackets.
func firstLevel(pattern string) string {
	var kept strings.Builder
	square, round, below := 0, 0, false
	for i := 0; i < len(pattern); i++ {
		inside := square > 0 || round > 0
		switch c := pattern[i]; {
		case c == '\\' && i+1 < len(pattern):
			if !below {
				kept.WriteString(pattern[i : i+2])
			}
			i++
			continue
		case c == '[':
			square++
		case c == ']':
			square = max(square-1, 0)
		case c == '(' && square == 0:
			round++
		case c == ')' && square == 0:
			round = max(round-1, 0)
		case c == '/' && !inside:
			below = true
		case c == '|' && !inside:
			below = false
		}
		if !below {
			kept.WriteByte(pattern[i])
		}
	}
	return kept.String()
}
