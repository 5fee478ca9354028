// Package e2e is the suite: one file for each part of the checklist, one test
// function for each item, one sub-test for each case.
package e2e

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"github.com/auth-preflight/auth-preflight/fixtures/staging"
	"github.com/auth-preflight/auth-preflight/helpers/browser"
	"github.com/auth-preflight/auth-preflight/helpers/config"
	"github.com/auth-preflight/auth-preflight/helpers/readiness"
)

// suite is the run at hand: set here, read by begin, and by nothing else.
var suite *run

func TestMain(m *testing.M) {
	flag.Parse()
	if flag.Lookup("test.list").Value.String() != "" {
		os.Exit(m.Run()) // -list starts nothing
	}
	if *takesJobs {
		with := lasting{driver: &browser.Driver{}, keys: &staging.KeyPool{}}
		code := runJobs(m, with, os.Stdin, os.Stdout)
		with.driver.Close()
		os.Exit(code)
	}
	os.Exit(runSuite(m, lasting{}))
}

// lasting is what runs of one process share, since to make it takes longer than many a
// run; the zero value: each has its own.
type lasting struct {
	driver *browser.Driver
	keys   *staging.KeyPool
}

// runSuite prepares the run, lets the tests run and returns the exit code that
// the gate asks for (DESIGN.md, rule 6).
func runSuite(m *testing.M, with lasting) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()

	cfg, stopStaging, err := deployment(ctx, with.keys)
	if err != nil {
		return refuse(err)
	}
	defer stopStaging()

	r, err := newRun(ctx, cfg)
	if err != nil {
		return refuse(err)
	}
	warn(cfg, r.results)
	suite, r.driver = r, with.driver
	over := make(chan struct{})
	defer close(over)
	go func() {
		ending, cut := r.watch(ctx, over)
		if !cut {
			return
		}
		stop() // a second Ctrl-C ends the process at once
		code := r.end(ending, 1)
		stopStaging()
		os.Exit(code)
	}()
	return r.finish(m.Run())
}

// refuse ends a run that cannot begin: one sentence for the person, and a
// result that says so. Without it the verdict of an earlier run would still
// stand as the latest.
func refuse(cause error) int {
	fmt.Fprintln(os.Stderr, "preflight:", cause)
	cfg, err := config.LoadLocal(os.LookupEnv, config.DotenvPath())
	if err != nil { // one of them is malformed: the folder is all that is needed
		cfg, err = config.LoadLocal(func(name string) (string, bool) {
			return os.Getenv(name), name == "PREFLIGHT_REPORTS"
		}, "")
	}
	if err != nil {
		return 2
	}
	options, err := reportOptions(cfg)
	if err != nil {
		return 2
	}
	if results, err := readiness.Start(options); err == nil {
		warn(cfg, results) // a misspelt name may be the cause
		results.Fail(cause.Error())
		_, _ = results.Finish(readiness.Ending{})
	}
	return 2
}

// warn says which variables are ignored, and again at the end: the beginning has
// scrolled away by then.
func warn(cfg *config.Config, results *readiness.Run) {
	for _, warning := range cfg.Warnings(os.Environ()) {
		fmt.Fprintln(os.Stderr, "preflight: warning:", warning)
		results.Note(warning)
	}
}

// deployment returns the configuration of the deployment to test: the one that
// the environment and .env describe or, where they describe none, the one
// embedded in this repository, which is started here and nowhere else, with keys of
// the pool if there is one.
func deployment(ctx context.Context, keys *staging.KeyPool) (cfg *config.Config, stop func(), err error) {
	if err := config.CheckDotenv(); err != nil {
		return nil, nil, err
	}
	dotenv := config.DotenvPath()
	if !config.IsEmpty(os.LookupEnv, dotenv) {
		if cfg, err = config.Load(os.LookupEnv, dotenv); err == nil {
			err = cfg.Misplaced(dotenv)
		}
		return cfg, func() {}, err
	}
	local, err := config.LoadLocal(os.LookupEnv, dotenv)
	if err != nil {
		return nil, nil, err
	}
	vars, stopStaging, err := staging.Start(ctx, staging.WithDefects(local.StagingDefect...),
		staging.WithProduct(local.StagingProduct), staging.WithTraps(local.StagingTrap...), staging.WithCA(local.StagingCA), staging.WithKeys(keys))
	if err != nil {
		return nil, nil, fmt.Errorf("the embedded deployment does not start: %w", err)
	}
	stop = func() { _ = stopStaging(context.WithoutCancel(ctx)) }
	if cfg, err = config.LoadWith(os.LookupEnv, dotenv, vars); err != nil {
		stop()
	}
	return cfg, stop, err
}
