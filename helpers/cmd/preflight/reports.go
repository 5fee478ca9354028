package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/auth-preflight/auth-preflight/helpers/config"
	"github.com/auth-preflight/auth-preflight/helpers/readiness"
)

// reports are the commands that take arguments; most work on what runs have left
// behind. They exit 0, 1 or 2 as main says.
var reports = map[string]func(args []string, stdout, stderr io.Writer) int{
	"render":  render,
	"compare": compare,
	"merge":   merge,
	"repro":   repro,
	"pattern": pattern,
	"trace":   trace,
	"night":   night,
	"age":     age,
	"sweep":   sweep,
	"init":    describeIt,
}

func render(args []string, stdout, stderr io.Writer) int {
	if len(args) != 1 {
		return wrongly(stderr)
	}
	result, err := load(args[0])
	if err == nil {
		err = result.Render()
	}
	if err != nil {
		return trouble(stderr, err)
	}
	fmt.Fprintln(stdout, filepath.Join(args[0], "index.html"))
	return 0
}

func compare(args []string, stdout, stderr io.Writer) int {
	if len(args) != 2 {
		return wrongly(stderr)
	}
	before, err := load(args[0])
	if err != nil {
		return trouble(stderr, err)
	}
	now, err := load(args[1])
	if err != nil {
		return trouble(stderr, err)
	}
	worse, err := readiness.Compare(stdout, before, now)
	switch {
	case err != nil:
		return trouble(stderr, err)
	case worse:
		return 1
	}
	return 0
}

func merge(args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		return wrongly(stderr)
	}
	folder, err := reportsFolder()
	if err != nil {
		return trouble(stderr, err)
	}
	whole, err := readiness.Merge(folder, args...)
	if err != nil {
		return trouble(stderr, err)
	}
	whole.Summary(stdout)
	return whole.ExitCode()
}

// load reads the result in a run's folder.
func load(folder string) (*readiness.Result, error) {
	return readiness.Load(filepath.Join(folder, "result.json"))
}

// reportsFolder is where runs are kept: PREFLIGHT_REPORTS, in the module.
func reportsFolder() (string, error) {
	cfg, err := config.LoadLocal(os.LookupEnv, config.DotenvPath())
	if err != nil || filepath.IsAbs(cfg.Reports) {
		return cfg.Reports, err
	}
	root, err := config.ModuleRoot()
	return filepath.Join(root, cfg.Reports), err
}

func wrongly(stderr io.Writer) int {
	fmt.Fprint(stderr, usage)
	return 2
}

func trouble(stderr io.Writer, err error) int {
	fmt.Fprintln(stderr, "preflight:", err)
	return 1
}
