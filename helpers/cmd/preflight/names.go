package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/auth-preflight/auth-preflight/helpers/config"
	"github.com/auth-preflight/auth-preflight/helpers/readiness"
)

// here is what a name means in this repository, whose root it returns as well.
func here(name string) (root string, what again, err error) {
	if root, err = config.ModuleRoot(); err != nil {
		return "", again{}, err
	}
	folder, err := reportsFolder()
	if err != nil {
		return "", again{}, err
	}
	what, err = named(name, root, folder)
	return root, what, err
}

// named finds what a name means: the folder of a red case, an item of the
// checklist, one of its cases, all items of a section, or else a pattern. What
// matches nothing is an error: a run of nothing looks like one that found nothing.
func named(name, root, reports string) (again, error) {
	for _, folder := range []string{name, filepath.Join(root, name)} {
		if info, err := os.Stat(folder); err == nil && info.IsDir() {
			c, err := readiness.ReadCase(folder)
			return again{readiness.TestPattern(c.Test), c.Variant, whereRed(folder, c)}, err
		}
	}
	if strings.Contains(filepath.ToSlash(name), "/evidence/") {
		return again{}, fmt.Errorf("there is no folder %s: a run that is over leaves one for each red case below reports/", name)
	}
	s, err := readSuite(filepath.Join(root, "e2e"))
	if err != nil {
		return again{}, err
	}
	item, title, ofCase := strings.Cut(name, "#")
	switch {
	case !isItem.MatchString(item):
		pattern, err := s.pattern(name)
		return again{pattern: pattern}, err
	case s.tests[item] == "":
		return again{}, s.noItem(item)
	case !ofCase:
		return again{pattern: readiness.TestPattern(s.tests[item])}, nil
	}
	variant, wasRed := variantOf(item, title, reports)
	if !wasRed { // what only a run knows the name of may be red as well
		known, err := casesOf(item, filepath.Join(root, "e2e"))
		if err == nil {
			err = hasCase(item, title, known)
		}
		if err != nil {
			return again{}, err
		}
	}
	// As the testing package names a sub-test.
	return again{pattern: readiness.TestPattern(s.tests[item] + "/" + strings.ReplaceAll(title, " ", "_")), variant: variant}, nil
}

// variantOf is what the embedded deployment was when a case was last red, if it was.
func variantOf(item, title, reports string) (variant map[string]string, wasRed bool) {
	for _, last := range []string{"selection", "latest"} {
		result, err := load(filepath.Join(reports, last))
		if err != nil {
			continue
		}
		for _, i := range result.Items {
			for _, c := range i.Cases {
				if i.ID == item && c.Name == title && c.Repro != "" {
					return result.Run.Variant, true
				}
			}
		}
	}
	return nil, false
}

// nearest are those of names that look much like one, the most alike first: by the
// pairs of letters that they share (Dice's coefficient).
func nearest(name string, names []string) (near []string) {
	const alike, most = 0.55, 3
	pairs := func(s string) map[string]bool {
		all := map[string]bool{}
		for i := range len(s) - 1 {
			all[s[i:i+2]] = true
		}
		return all
	}
	mine, score := pairs(name), map[string]float64{}
	for _, other := range names {
		theirs, shared := pairs(other), 0
		for pair := range theirs {
			if mine[pair] {
				shared++
			}
		}
		if s := 2 * float64(shared) / float64(len(mine)+len(theirs)); s >= alike {
			score[other] = s
		}
	}
	near = slices.SortedFunc(maps.Keys(score), func(a, b string) int {
		return cmp.Or(cmp.Compare(score[b], score[a]), strings.Compare(a, b))
	})
	return near[:min(len(near), most)]
}

// pattern prints what go test -run takes for a name as repro takes it, or for
// several items.
func pattern(args []string, stdout, stderr io.Writer) int {
	if len(args) != 1 || args[0] == "" {
		fmt.Fprintln(stderr, "preflight: pattern needs a name: an item or a section or several, item#name of a case, the folder of a red case, or a pattern as go test -run takes it")
		return 2
	}
	names := []string{args[0]}
	if fields := strings.Fields(args[0]); !slices.ContainsFunc(fields, func(f string) bool { return !isItem.MatchString(f) && !isSection.MatchString(f) }) {
		names = fields
	}
	var all []string
	for _, name := range names {
		_, what, err := here(name)
		if err != nil {
			return trouble(stderr, err)
		}
		all = append(all, what.pattern)
	}
	fmt.Fprintln(stdout, strings.Join(all, "|"))
	return 0
}

// The forms of the ids of items, and of sections.
var (
	isItem    = regexp.MustCompile(`^[a-z]+/[a-z]+(-[a-z]+)*$`)
	isSection = regexp.MustCompile(`^[a-z]+$`)
)
