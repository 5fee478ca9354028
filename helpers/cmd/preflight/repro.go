package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/auth-preflight/auth-preflight/helpers/config"
	"github.com/auth-preflight/auth-preflight/helpers/needs"
	"github.com/auth-preflight/auth-preflight/helpers/readiness"
)

// again says how to run something again.
type again struct {
	pattern string                // as go test -run takes it
	variant map[string]string     // what made the embedded deployment what it was
	red     *readiness.Deployment // where it was red; nil: not asked for by its folder, or not known
}

// repro runs one case again, slowly, visibly where there is a display, and
// keeps a trace. It exits as go test does.
func repro(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("repro", flag.ContinueOnError)
	flags.SetOutput(stderr)
	timeout := flags.String("timeout", "30m", "as go test takes it")
	dry := flags.Bool("n", false, "print the command only")
	if flags.Parse(args) != nil || flags.NArg() != 1 || flags.Arg(0) == "" {
		fmt.Fprintln(stderr, "preflight: repro needs a name: the folder of a red case, an item, item#name of a case, or a pattern as go test -run takes it")
		return 2
	}
	root, what, err := here(flags.Arg(0))
	if err != nil {
		return trouble(stderr, err)
	}
	said, elsewhere := what.settle(os.LookupEnv, config.DotenvPath())
	if said != "" {
		fmt.Fprintln(stderr, "preflight: "+said)
	}
	env := append(elsewhere, what.environment(os.LookupEnv)...)
	command := []string{"test", "-v", "-count=1", "-timeout", *timeout, "-run", what.pattern}
	if *dry {
		fmt.Fprintln(stdout, strings.Join(env, "\n"))
		fmt.Fprintln(stdout, "go "+strings.Join(command, " "))
		return 0
	}
	run := exec.CommandContext(context.Background(), "go", command...)
	run.Dir, run.Env = filepath.Join(root, "e2e"), append(os.Environ(), env...)
	run.Stdin, run.Stdout, run.Stderr = os.Stdin, stdout, stderr
	err = run.Run() // Ctrl-C reaches it by itself, and it has to tidy up
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return max(exit.ExitCode(), 1)
	case err != nil:
		return trouble(stderr, err)
	}
	return 0
}

// environment is what makes a run slow, visible and traced, and the deployment
// what it was. What the caller has set stays.
func (a again) environment(set func(string) (string, bool)) (env []string) {
	add := func(name, value string) {
		if was, ok := set(name); !ok || was == "" {
			env = append(env, name+"="+value)
		}
	}
	for _, name := range []string{"PREFLIGHT_STAGING_DEFECT", "PREFLIGHT_STAGING_PRODUCT", "PREFLIGHT_STAGING_TRAP"} {
		if value := a.variant[name]; value != "" {
			add(name, value)
		}
	}
	x, _ := set("DISPLAY")
	wayland, _ := set("WAYLAND_DISPLAY")
	if x+wayland != "" {
		add("PREFLIGHT_HEADED", "true")
	}
	add("PREFLIGHT_SLOWMO", "250")
	// In a folder of its own: it must not stand as the last run.
	safe := strings.Trim(regexp.MustCompile(`[^A-Za-z0-9_]+`).ReplaceAllString(a.pattern, "-"), "-")
	return append(env, "PREFLIGHT_TRACE=always", "PREFLIGHT_REPORTS="+filepath.Join("reports", "repro", safe[:min(len(safe), 80)]))
}

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
// checklist, one of its cases, or else a pattern.
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
	item, title, ofCase := strings.Cut(name, "#")
	if !isItem.MatchString(item) {
		return again{pattern: name}, nil
	}
	test, err := testOf(item, filepath.Join(root, "e2e"))
	switch {
	case err != nil:
		return again{}, err
	case ofCase:
		// As the testing package names a sub-test.
		return again{pattern: readiness.TestPattern(test + "/" + strings.ReplaceAll(title, " ", "_")), variant: variantOf(item, title, reports)}, nil
	}
	return again{pattern: readiness.TestPattern(test)}, nil
}

// variantOf is what the embedded deployment was when a case was last red.
func variantOf(item, title, reports string) map[string]string {
	for _, last := range []string{"selection", "latest"} {
		result, err := load(filepath.Join(reports, last))
		if err != nil {
			continue
		}
		for _, i := range result.Items {
			for _, c := range i.Cases {
				if i.ID == item && c.Name == title && c.Repro != "" {
					return result.Run.Variant
				}
			}
		}
	}
	return nil
}

// testOf finds the test function that begins an item, in the suite's sources.
func testOf(item, folder string) (string, error) {
	tests, err := needs.Tests(folder)
	if err != nil {
		return "", err
	}
	if test, ok := tests[item]; ok {
		return test, nil
	}
	if near := nearest(item, slices.Collect(maps.Keys(tests))); len(near) > 0 {
		return "", fmt.Errorf("there is no item %s; there is %s", item, strings.Join(near, ", "))
	}
	return "", fmt.Errorf("there is no item %s: the README lists them all", item)
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
		fmt.Fprintln(stderr, "preflight: pattern needs a name: an item or several, item#name of a case, the folder of a red case, or a pattern as go test -run takes it")
		return 2
	}
	names := []string{args[0]}
	if fields := strings.Fields(args[0]); !slices.ContainsFunc(fields, func(f string) bool { return !isItem.MatchString(f) }) {
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

// isItem is the form of an item's id.
var isItem = regexp.MustCompile(`^[a-z]+/[a-z]+(-[a-z]+)*$`)

// trace opens a trace in Playwright's viewer, on loopback.
func trace(args []string, stdout, stderr io.Writer) int {
	if len(args) != 1 {
		return wrongly(stderr)
	}
	cfg, err := config.LoadLocal(os.LookupEnv, config.DotenvPath())
	if err != nil {
		return trouble(stderr, err)
	}
	root, err := config.ModuleRoot()
	if err != nil {
		return trouble(stderr, err)
	}
	dir, file := cfg.DriverDir, args[0]
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(root, dir)
	}
	if _, err := os.Stat(file); err != nil && !filepath.IsAbs(file) {
		file = filepath.Join(root, file)
	}
	if _, err := os.Stat(file); err != nil {
		return trouble(stderr, fmt.Errorf("there is no trace %s", args[0]))
	}
	node := exec.CommandContext(context.Background(), cmp.Or(os.Getenv("PLAYWRIGHT_NODEJS_PATH"), "node"), filepath.Join(dir, "package", "cli.js"),
		"show-trace", "--host", "127.0.0.1", "--port", "0", filepath.Base(file))
	node.Dir = filepath.Dir(file) // it serves what lies below it, and nothing else
	node.Stdout, node.Stderr = stdout, stderr
	if err := node.Run(); err != nil {
		return trouble(stderr, err)
	}
	return 0
}
