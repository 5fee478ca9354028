package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/auth-preflight/auth-preflight/helpers/config"
	"github.com/auth-preflight/auth-preflight/helpers/readiness"
)

// again says how to run something again.
type again struct {
	pattern string                // as go test -run takes it
	variant map[string]string     // what made the embedded deployment what it was
	red     *readiness.Deployment // where it was red; nil: not asked for by its folder, or not known
}

// outputGrace is how long the output of a run that is over is waited for, where
// something that it started still holds it open.
const outputGrace = 5 * time.Second

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
	shown := &quiet{to: stdout}
	run.Stdin, run.Stdout, run.Stderr = os.Stdin, shown, stderr
	run.WaitDelay = outputGrace
	err = run.Run() // Ctrl-C reaches it by itself, and it has to tidy up
	shown.Flush()
	var exit *exec.ExitError
	switch {
	case errors.Is(err, exec.ErrWaitDelay): // it has ended well
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
