package e2e

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/auth-preflight/auth-preflight/fixtures/checklist"
	"github.com/auth-preflight/auth-preflight/helpers/browser"
	"github.com/auth-preflight/auth-preflight/helpers/config"
	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/inbox"
	"github.com/auth-preflight/auth-preflight/helpers/readiness"
	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
)

const (
	// deadlineGrace is kept free at the end of a run for closing the browser,
	// removing what the run made and writing the report.
	deadlineGrace = 20 * time.Second
	// caseBudget is what must be left before a case is begun.
	caseBudget = 15 * time.Second
)

// run is one run of the suite: what it runs on and what it writes down.
type run struct {
	ctx      context.Context
	cfg      *config.Config
	results  *readiness.Run
	world    flows.World
	client   *http.Client
	deadline time.Time // zero: none
	stamp    string

	ready    func() error // the shared preflight, done once
	window   func() (*browser.Browser, error)
	opened   atomic.Bool // a browser was asked for
	over     atomic.Bool // all tests have returned
	counter  atomic.Int64
	alone    sync.RWMutex
	removals removals
	ended    sync.Once
	code     int
}

// newRun opens the report and makes the clients. Nothing is sent yet.
func newRun(ctx context.Context, cfg *config.Config) (*run, error) {
	r := &run{ctx: ctx, cfg: cfg, client: cfg.Client()}
	if timeout, err := time.ParseDuration(flag.Lookup("test.timeout").Value.String()); err == nil && timeout > 0 {
		r.deadline = time.Now().Add(timeout)
	}
	if !flagGiven("test.parallel") {
		// Four at a time is the sweet spot on two cores: a case mostly waits
		// for the browser (research/feasibility.md).
		if err := flag.Set("test.parallel", strconv.Itoa(2*runtime.NumCPU())); err != nil {
			return nil, err
		}
	}
	root, err := config.ModuleRoot()
	if err != nil {
		return nil, err
	}
	reports := cfg.Reports
	if !filepath.IsAbs(reports) {
		reports = filepath.Join(root, reports)
	}
	r.stamp = filepath.Join(root, "reports", ".stamp")
	r.results, err = readiness.Start(readiness.Options{
		Reports: reports, Items: catalogue(), Checked: checkedItems(),
		Deployment: readiness.Deployment{
			Name: cfg.AppURL.Host, AppURL: cfg.AppURL.String(), EnvironmentURL: cfg.EnvironmentURL.String(),
			Embedded: cfg.Origin("APP_URL") == config.FromEmbedded, Target: cfg.Target,
		},
		Gate: cfg.Gate, Selection: selection(), Deadline: r.deadline, Secrets: cfg.Secrets(),
	})
	if err != nil {
		return nil, err
	}
	r.world = flows.World{Config: cfg, Client: r.client, API: scalekit.New(cfg.EnvironmentURL.String(), cfg.ClientID, cfg.ClientSecret, r.client)}
	if cfg.InboxURL != "" {
		if r.world.Inbox, err = inbox.Open(cfg.InboxURL, cfg.InboxAddress, r.client); err != nil {
			return nil, err
		}
	}
	r.window = sync.OnceValues(r.launch)
	r.ready = sync.OnceValue(r.preflight)
	return r, nil
}

// launch starts the one browser of the run.
func (r *run) launch() (*browser.Browser, error) {
	r.opened.Store(true)
	path, err := browser.Find(r.cfg.Browser)
	if err != nil {
		return nil, err
	}
	return browser.Launch(r.ctx, browser.Options{
		ExecutablePath: path, DriverDir: r.cfg.DriverDir, Headed: r.cfg.Headed, SlowMo: r.cfg.SlowMo,
		CAFile: r.cfg.CAFile, AllowedHosts: r.cfg.AllowedHosts, Trace: r.cfg.Trace,
	})
}

// watch ends the run in good time when it is interrupted or its deadline
// comes: go test would kill the process and leave users and a browser behind.
func (r *run) watch(ctx context.Context, stopStaging func()) {
	var deadline <-chan time.Time
	if !r.deadline.IsZero() {
		deadline = time.After(time.Until(r.deadline) - min(deadlineGrace, time.Until(r.deadline)/4))
	}
	ending := readiness.Ending{}
	select {
	case <-ctx.Done():
		ending = readiness.Ending{Interrupted: true, Reason: "the run was interrupted"}
	case <-deadline:
		ending = readiness.Ending{TimedOut: true, Reason: "the deadline came first: run with -timeout 60m"}
	}
	if r.over.Load() {
		return // the tests have returned: runSuite ends the run
	}
	code := r.end(ending, 1)
	stopStaging()
	os.Exit(max(code, 1))
}

// finish ends a run whose tests have all returned.
func (r *run) finish(testCode int) int {
	r.over.Store(true)
	return r.end(readiness.Ending{}, testCode)
}

// end closes the browser, removes what the run made, writes the report and
// returns the gate's exit code. It does so once; a second caller waits.
func (r *run) end(ending readiness.Ending, testCode int) int {
	r.ended.Do(func() {
		if ending.Interrupted || ending.TimedOut {
			r.results.Cut(ending) // what closing the browser breaks is not the deployment's fault
		}
		r.closeBrowser()
		r.cleanUp()
		result, err := r.results.Finish(ending)
		if err != nil {
			fmt.Fprintln(os.Stderr, "preflight: the report could not be written:", err)
			r.code = 2
			return
		}
		result.Summary(os.Stdout)
		if err := stepSummary(result); err != nil {
			fmt.Fprintln(os.Stderr, "preflight: the step summary could not be written:", err)
		}
		r.code = result.ExitCode()
		if testCode != 0 {
			r.code = max(r.code, 1)
		}
	})
	return r.code
}

// closeBrowser ends the browser, if one was started.
func (r *run) closeBrowser() {
	if !r.opened.Load() {
		return
	}
	b, err := r.window()
	if err != nil {
		return
	}
	if err := b.Close(); err != nil {
		r.results.Note("the browser did not close: " + err.Error())
	}
}

// selection says what was chosen of the suite; empty means all of it.
func selection() string {
	var chosen []string
	for _, name := range []string{"run", "skip", "short"} {
		if value := flag.Lookup("test." + name).Value.String(); value != "" && value != "false" {
			chosen = append(chosen, "-"+name+" "+value)
		}
	}
	return strings.Join(chosen, " ")
}

func flagGiven(name string) (given bool) {
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == name })
	return given
}

// catalogue is the whole checklist, in its order.
func catalogue() (items []readiness.CatalogueItem) {
	titles := map[string]string{}
	for _, section := range checklist.Sections() {
		titles[section.ID] = section.Title
	}
	for _, item := range checklist.All() {
		items = append(items, readiness.CatalogueItem{
			ID: item.ID, Section: item.Section, SectionTitle: titles[item.Section], Title: item.Title, Docs: item.Docs,
		})
	}
	return items
}

// stepSummary adds the verdict to the page of a GitHub Actions step.
func stepSummary(result *readiness.Result) error {
	path := os.Getenv("GITHUB_STEP_SUMMARY")
	if path == "" {
		return nil
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(result.Markdown(file), file.Close())
}
