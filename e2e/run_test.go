package e2e

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/auth-preflight/auth-preflight/fixtures/checklist"
	"github.com/auth-preflight/auth-preflight/fixtures/proof"
	"github.com/auth-preflight/auth-preflight/helpers/browser"
	"github.com/auth-preflight/auth-preflight/helpers/config"
	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/pace"
	"github.com/auth-preflight/auth-preflight/helpers/proxy"
	"github.com/auth-preflight/auth-preflight/helpers/readiness"
	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
	"github.com/auth-preflight/auth-preflight/helpers/testusers"
)

const (
	// deadlineGrace is kept free at the end of a run for closing the browser,
	// removing what the run made and writing the report.
	deadlineGrace = 20 * time.Second
	// caseBudget is what must be left before a case is begun.
	caseBudget = 15 * time.Second
	// lastResort is how long after the deadline the testing package may kill the
	// process: cmd/go gives it a minute.
	lastResort = 30 * time.Second
)

// run is one run of the suite: what it runs on and what it writes down.
type run struct {
	ctx     context.Context // of all that cases ask for; over when the run ends
	cancel  context.CancelFunc
	cfg     *config.Config
	results *readiness.Run
	world   flows.World
	client  *http.Client
	mark    string // at the end of the User-Agent of all that is sent
	pace    *pace.Limiter
	plan    plan
	part    *readiness.Part
	stamp   string
	begun   time.Time // what exists since before is not ours

	ready     func() error          // the shared preflight, done once
	door      func() (*door, error) // where the deployment reaches the suite's servers
	driver    *browser.Driver       // of window; nil: one of its own
	window    func() (*browser.Browser, error)
	opened    atomic.Bool                      // a browser was asked for
	keeping   func() (*browser.Browser, error) // one that keeps whole pages, as people's do
	kept      atomic.Bool                      // that one was asked for
	late      atomic.Bool                      // a case was not begun, for want of time
	counter   atomic.Int64
	alone     sync.RWMutex
	removals  removals
	lifetimes lifetimes // that are shortened for a while
	// testUsers are lent where there is no inbox; nil where nobody is.
	testUsers *testusers.Pool
	profile   *readiness.Profile // nil where people declare nothing
	unread    error              // why the profile is none
	ended     sync.Once
	cutSaid   sync.Once // to go test, that the run was cut off
	code      int
}

// plan divides the time that go test gives a run. A zero deadline is none.
type plan struct {
	deadline time.Time
	cut      time.Time // when running cases are cut off
	last     time.Time // when no more case is begun
}

// newRun makes the clients and opens the report. Nothing is sent yet.
func newRun(ctx context.Context, cfg *config.Config) (r *run, err error) {
	r = &run{cfg: cfg, begun: time.Now()}
	id := readiness.NewRunID(r.begun)
	r.client, r.mark = cfg.ClientOf(id), cfg.Mark(id)
	if cfg.Production() != "" {
		r.client = config.ReadingOnly(r.client)
	}
	// An interruption must not reach the cases before the report knows of it:
	// what it breaks is not the deployment's fault.
	runCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r.ctx, r.cancel = runCtx, cancel
	defer func() {
		if err != nil {
			cancel()
		}
	}()
	if r.plan, err = takeOverTimeout(); err != nil {
		return nil, err
	}
	if r.part, err = readiness.ParsePart(cfg.Part); err != nil {
		return nil, err
	}
	r.pace = newLimiter(r)
	if !flagGiven("test.parallel") {
		// Four at a time is the sweet spot on two cores: a case mostly waits
		// for the browser (research/feasibility.md).
		at := 2 * runtime.NumCPU()
		if cfg.TimeURL == "" {
			at *= 2 // some wait for lifetimes to end, which costs nothing
		}
		if err := flag.Set("test.parallel", strconv.Itoa(at)); err != nil {
			return nil, err
		}
	}
	r.world = flows.World{Config: cfg, Client: until(runCtx, r.client), Learn: r.learn, API: scalekit.New(cfg.EnvironmentURL.String(), cfg.ClientID, cfg.ClientSecret, r.client).Paced(r.pace)}
	if cfg.InboxURL != "" {
		if r.world.Inbox, err = cfg.OpenInbox(r.client); err != nil {
			return nil, err
		}
	}
	r.door = sync.OnceValues(r.openDoor)
	r.window = sync.OnceValues(r.launch)
	r.keeping = sync.OnceValues(r.launchKeeping)
	r.ready = sync.OnceValue(r.preflight)

	root, err := config.ModuleRoot()
	if err != nil {
		return nil, err
	}
	r.stamp = filepath.Join(root, "reports", ".stamp")
	options, err := reportOptions(cfg)
	if err != nil {
		return nil, err
	}
	options.RunID, options.Part = id, r.part
	r.lendTestUsers()
	options.Deployment = readiness.Deployment{
		Name: cfg.AppURL.Host, AppURL: cfg.AppURL.String(), EnvironmentURL: cfg.EnvironmentURL.String(),
		Embedded: cfg.Origin("APP_URL") == config.FromEmbedded, Target: cfg.Target,
	}
	options.Deadline, options.Secrets, options.Progress = r.plan.deadline, cfg.Secrets(), os.Stderr
	wrong := r.readProfile()
	options.Profile, options.Variant = r.profile, variant(cfg)
	if r.results, err = readiness.Start(options); err != nil {
		return nil, err
	}
	switch {
	case wrong == nil:
	case r.profile == nil:
		r.unread = wrong
	default:
		r.results.Fail(wrong.Error())
	}
	r.noteLimits()
	return r, nil
}

// until returns a client that begins no request once ctx is over: what people
// still do then would be there after everything has been removed.
func until(ctx context.Context, c *http.Client) *http.Client {
	return config.Restricted(c, func(*http.Request) error {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("the run is over: %w", err)
		}
		return nil
	})
}

// readProfile reads what people declare, and says where an entry is wrong:
// nobody must believe that it counts.
func (r *run) readProfile() (problems error) {
	if r.cfg.Profile == "" {
		return nil
	}
	r.profile, problems = readiness.ReadProfile(r.cfg.Profile, catalogue(), time.Now())
	return problems
}

// reportOptions are those that need no deployment.
func reportOptions(cfg *config.Config) (readiness.Options, error) {
	root, err := config.ModuleRoot()
	reports := cfg.Reports
	if !filepath.IsAbs(reports) {
		reports = filepath.Join(root, reports)
	}
	return readiness.Options{
		Reports: reports, Items: catalogue(), Checked: checkedItems(), Gate: cfg.Gate, Selection: selection(),
	}, err
}

// takeOverTimeout reads the run's -timeout and keeps the testing package from
// enforcing it: its way is to panic, which leaves users and no report behind.
// A short one is shared out: half of it for running cases to end and for
// clearing up.
func takeOverTimeout() (p plan, err error) {
	timeout, err := time.ParseDuration(flag.Lookup("test.timeout").Value.String())
	if err != nil || timeout <= 0 {
		return p, err
	}
	p.deadline = time.Now().Add(timeout)
	p.cut = p.deadline.Add(-min(deadlineGrace, timeout/4))
	p.last = p.cut.Add(-min(caseBudget, timeout/4))
	return p, flag.Set("test.timeout", (timeout + lastResort).String())
}

// launch starts the browser of the run.
func (r *run) launch() (*browser.Browser, error) {
	r.opened.Store(true)
	path := ""
	if r.cfg.BrowserWS == "" {
		var err error
		if path, err = browser.Find(r.cfg.Browser); err != nil {
			return nil, err
		}
	}
	o := r.browserOptions(path)
	o.ServerURL, o.Driver = r.cfg.BrowserWS, r.driver
	return browser.Launch(r.ctx, o)
}

// launchKeeping starts a second browser, with the back/forward cache on. The
// headless shell has none, and a shared browser is as it is.
func (r *run) launchKeeping() (*browser.Browser, error) {
	r.kept.Store(true)
	path, err := browser.FindFull(r.cfg.Browser)
	if err != nil {
		return nil, err
	}
	o := r.browserOptions(path)
	o.BackForwardCache = true
	return browser.Launch(r.ctx, o)
}

func (r *run) browserOptions(path string) browser.Options {
	allowed := r.cfg.AllowedHosts
	if len(allowed) > 0 { // the proxies are the suite's own means
		allowed = append(slices.Clone(allowed), proxy.Host(firewallName))
		for _, address := range []string{r.cfg.CustomerProxy, r.cfg.SecondLocationProxy} {
			if u, err := url.Parse(address); err == nil && u.Hostname() != "" {
				allowed = append(allowed, u.Hostname())
			}
		}
	}
	return browser.Options{
		ExecutablePath: path, DriverDir: r.cfg.DriverDir, Headed: r.cfg.Headed, SlowMo: r.cfg.SlowMo,
		CAFile: r.cfg.CAFile, AllowedHosts: allowed, Trace: r.cfg.Trace, Mark: r.mark,
	}
}

// watch returns when the run is over or has to be cut off, since it was
// interrupted or its deadline comes, and then says why.
func (r *run) watch(ctx context.Context, over <-chan struct{}) (ending readiness.Ending, cutOff bool) {
	var cut <-chan time.Time
	if !r.plan.deadline.IsZero() {
		cut = time.After(time.Until(r.plan.cut))
	}
	select {
	case <-over:
		return ending, false
	case <-ctx.Done():
		ending = readiness.Ending{Interrupted: true, Reason: "the run was interrupted"}
	case <-cut:
		ending = tooLate()
	}
	select {
	case <-over: // ctx ends with the run as well
		return ending, false
	default:
		return ending, true
	}
}

// finish ends a run whose tests have all returned.
func (r *run) finish(testCode int) int {
	ending := readiness.Ending{}
	if r.late.Load() {
		ending = tooLate()
	}
	return r.end(ending, testCode)
}

func tooLate() readiness.Ending {
	return readiness.Ending{TimedOut: true, Reason: "the deadline came first: run with -timeout 60m"}
}

// end closes the browser, removes what the run made, writes the report and
// returns the gate's exit code. The first caller's ending counts; another one
// waits for it.
func (r *run) end(ending readiness.Ending, testCode int) int {
	r.ended.Do(func() {
		r.results.Cut(ending) // what closing the browser breaks is not the deployment's fault
		r.cancel()
		r.closeBrowser()
		r.cleanUp()
		r.takeAllBack()
		r.noteWaits()
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

// closeBrowser ends the browsers that were started.
func (r *run) closeBrowser() {
	for _, one := range []struct {
		asked *atomic.Bool
		get   func() (*browser.Browser, error)
	}{{&r.opened, r.window}, {&r.kept, r.keeping}} {
		if !one.asked.Load() {
			continue
		}
		b, err := one.get()
		if err != nil {
			continue
		}
		if err := b.Close(); err != nil {
			r.results.Note("the browser did not close: " + err.Error())
		}
	}
}

// learn remembers values that must not be in any artefact.
func (r *run) learn(secrets ...string) {
	for _, secret := range secrets {
		r.results.Learn(secret)
	}
}

// selection says what was chosen of the suite; empty means all of it.
func selection() string {
	var chosen []string
	for _, name := range []string{"run", "skip"} {
		if value := flag.Lookup("test." + name).Value.String(); value != "" {
			chosen = append(chosen, "-"+name+" "+value)
		}
	}
	if testing.Short() {
		chosen = append(chosen, "-short")
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
			NoWaiver: item.NoWaiver, Always: item.Always, Defects: knownMistakes(item.ID),
		})
	}
	return items
}

// knownMistakes are those that the item's check is held against.
func knownMistakes(item string) (all []readiness.Defect) {
	for _, d := range proof.Of(item) {
		all = append(all, readiness.Defect{ID: d.ID, Title: d.Title, Standard: d.Standard, NoticedBy: d.NoticedBy})
	}
	return all
}

// variant is what makes the embedded deployment another than usual: without it
// a case would not happen again.
func variant(cfg *config.Config) map[string]string {
	vars := map[string]string{}
	for name, value := range map[string]string{
		"PREFLIGHT_STAGING_DEFECT":  strings.Join(cfg.StagingDefect, ","),
		"PREFLIGHT_STAGING_TRAP":    strings.Join(cfg.StagingTrap, ","),
		"PREFLIGHT_STAGING_PRODUCT": cfg.StagingProduct,
	} {
		if value != "" {
			vars[name] = value
		}
	}
	return vars
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
