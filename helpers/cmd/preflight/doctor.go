package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/auth-preflight/auth-preflight/helpers/browser"
	"github.com/auth-preflight/auth-preflight/helpers/config"
	"github.com/auth-preflight/auth-preflight/helpers/pace"
	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
	"github.com/auth-preflight/auth-preflight/helpers/testusers"
)

const (
	minimalNode  = 20
	checkTimeout = 30 * time.Second
)

// findings writes one line for each thing that was looked at.
type findings struct {
	out   io.Writer
	wrong int
	// outlook is what a run can come to at best, where less than everything will
	// be looked at.
	outlook string
}

func (f *findings) section(name string) { fmt.Fprintf(f.out, "\n%s\n", name) }

// report writes "ok", or what is wrong and what to do.
func (f *findings) report(what, detail string, err error) {
	if err == nil {
		fmt.Fprintf(f.out, "  ok     %-12s %s\n", what, detail)
		return
	}
	f.wrong++
	fmt.Fprintf(f.out, "  wrong  %-12s %s\n", what, strings.ReplaceAll(err.Error(), "\n", "\n                      "))
}

func (f *findings) note(text string) { fmt.Fprintf(f.out, "  note   %s\n", text) }

// doctor checks what a run needs: this machine, the variables and, where they
// describe a deployment, the deployment, and says what will run there. Its error says how much is wrong.
func doctor(ctx context.Context, out io.Writer) error {
	f := &findings{out: out}
	dotenv := config.DotenvPath()
	local, err := config.LoadLocal(os.LookupEnv, dotenv)
	if err != nil {
		f.section("Variables")
		f.report("variables", "", err)
		return f.verdict()
	}
	f.machine(ctx, local)

	f.section("Variables")
	if err := config.CheckDotenv(); err != nil {
		f.report("variables", "", err)
		return f.verdict()
	}
	if config.IsEmpty(os.LookupEnv, dotenv) {
		f.report("deployment", "none is described in the environment or in .env: the embedded one will be used", nil)
		f.warnings(local)
		return f.verdict()
	}
	cfg, err := config.Load(os.LookupEnv, dotenv)
	if err != nil {
		f.report("variables", "", err)
		f.warnings(local)
		return f.verdict()
	}
	f.variables(cfg)
	if err := cfg.Misplaced(dotenv); err != nil {
		f.report("staging", "", err)
	}
	f.warnings(cfg)

	f.section("Deployment")
	if err := cfg.Guard(); err != nil {
		f.report("guard", "", err)
		return f.verdict()
	}
	f.deployment(ctx, cfg)
	f.forecast(cfg)
	return f.verdict()
}

func (f *findings) verdict() error {
	if f.wrong == 0 {
		fmt.Fprintln(f.out, "\nNothing is wrong: make e2e can run."+f.outlook)
		return nil
	}
	fmt.Fprintln(f.out)
	if f.wrong == 1 {
		return errors.New("one thing is wrong")
	}
	return fmt.Errorf("%d things are wrong", f.wrong)
}

func (f *findings) machine(ctx context.Context, cfg *config.Config) {
	f.section("This machine")
	node, nodeErr := nodeVersion(ctx)
	f.report("node", node, nodeErr)
	driverErr := driver.check(cfg.DriverDir)
	f.report("driver", fmt.Sprintf("playwright-core %s in %s", driver.version, cfg.DriverDir), driverErr)
	if err := axe.check(cfg.AxeDir); err != nil {
		f.note(err.Error() + "; without it methods/selection is not verified")
	} else {
		f.report("axe", fmt.Sprintf("axe-core %s in %s", axe.version, cfg.AxeDir), nil)
	}
	path, browserErr := browser.Find(cfg.Browser)
	f.report("browser", path, browserErr)
	if errors.Join(nodeErr, driverErr, browserErr) == nil {
		took, err := startBrowser(ctx, path, cfg.DriverDir)
		f.report("start", fmt.Sprintf("the browser started and ended in %.1f s", took.Seconds()), err)
	}
	f.report("reports", cfg.Reports, writable(cfg.Reports))
}

// nodeVersion returns the version of the Node that will run the driver.
func nodeVersion(ctx context.Context) (string, error) {
	node := cmp.Or(os.Getenv("PLAYWRIGHT_NODEJS_PATH"), "node")
	text, err := exec.CommandContext(ctx, node, "--version").Output() //nolint:gosec // the user's own choice
	if err != nil {
		return "", fmt.Errorf("%s does not run: install Node %d or later with npm", node, minimalNode)
	}
	version := strings.TrimSpace(string(text))
	major, _, _ := strings.Cut(strings.TrimPrefix(version, "v"), ".")
	if n, err := strconv.Atoi(major); err != nil || n < minimalNode {
		return "", fmt.Errorf("%s is Node %s: install %d or later with npm", node, version, minimalNode)
	}
	return version, nil
}

// startBrowser proves what looking at files cannot: that libraries, sandbox
// and driver fit together.
func startBrowser(ctx context.Context, path, driverDir string) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	start := time.Now()
	b, err := browser.Launch(ctx, browser.Options{ExecutablePath: path, DriverDir: driverDir})
	if err != nil {
		return 0, err
	}
	return time.Since(start), b.Close()
}

// writable writes a file into the folder and removes it again.
func writable(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("the folder for reports cannot be made: %w; name another in PREFLIGHT_REPORTS", err)
	}
	probe, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return fmt.Errorf("reports cannot be written: %w; name another folder in PREFLIGHT_REPORTS", err)
	}
	defer func() { _ = os.Remove(probe.Name()) }()
	// Opening a file works on a full disk; writing does not.
	_, err = probe.Write(make([]byte, 64<<10))
	if err := errors.Join(err, probe.Sync(), probe.Close()); err != nil {
		return fmt.Errorf("reports cannot be written to %s: %w; free some space", filepath.Clean(dir), err)
	}
	return nil
}

// variables lists what is set and where it comes from; of secrets only that.
func (f *findings) variables(cfg *config.Config) {
	doubts := map[string]error{}
	for _, doubt := range cfg.Doubts() {
		name, _, _ := strings.Cut(doubt, " ")
		doubts[name] = errors.New(doubt)
	}
	for _, v := range config.Variables() {
		origin := cfg.Origin(v.Name)
		if origin == "" || origin == config.FromDefault {
			continue
		}
		if origin == config.FromDotenv {
			origin = filepath.Base(config.DotenvPath())
		}
		text := cfg.Value(v.Name)
		if v.Secret {
			text = "set"
		}
		for _, secret := range cfg.Secrets() { // the password inside an address
			text = strings.ReplaceAll(text, secret, "…")
		}
		f.report("", fmt.Sprintf("%s=%s (%s)", v.Name, text, origin), doubts[v.Name])
	}
}

func (f *findings) warnings(cfg *config.Config) {
	for _, warning := range cfg.Warnings(os.Environ()) {
		f.note(warning)
	}
}

// deployment asks each part of the deployment the smallest question.
func (f *findings) deployment(ctx context.Context, cfg *config.Config) {
	ctx, cancel := context.WithTimeout(ctx, 2*checkTimeout)
	defer cancel()
	environment := cfg.EnvironmentURL.String()
	api := scalekit.New(environment, cfg.ClientID, cfg.ClientSecret, cfg.Client())
	discovery, err := api.Discovery(ctx)
	if err == nil && discovery.Issuer != environment {
		err = fmt.Errorf("SCALEKIT_ENVIRONMENT_URL is %s, but what answers there calls itself %s", environment, discovery.Issuer)
	}
	f.report("environment", environment, err)
	if err == nil {
		_, err = api.Token(ctx)
		if err != nil {
			err = fmt.Errorf("SCALEKIT_CLIENT_ID and SCALEKIT_CLIENT_SECRET are not accepted (%w): copy them anew from the dashboard, API Config, of this environment", err)
		}
		f.report("credentials", "accepted", err)
	}
	status, err := reach(ctx, cfg)
	f.report("app", fmt.Sprintf("%s (HTTP %d)", cfg.AppURL, status), err)
	if len(cfg.Missing(config.Inbox...)) > 0 {
		f.note("PREFLIGHT_INBOX_URL and PREFLIGHT_INBOX_ADDRESS are not both set: nothing that needs a mail can be verified")
		if cfg.HasTestUsers() {
			f.testUsers(ctx, cfg, api)
		}
		return
	}
	what := config.Address(cfg.InboxAddress, "…")
	box, err := cfg.OpenInbox(cfg.Client())
	if err == nil {
		what += ", in " + box.String()
		_, err = box.Mark(ctx, box.Address("doctor"))
	}
	f.report("inbox", what, err)
}

// testUsers looks at those who stand in for people with an inbox.
func (f *findings) testUsers(ctx context.Context, cfg *config.Config, api *scalekit.Client) {
	for _, address := range cfg.TestUsers {
		f.report("test user", address, testusers.Check(ctx, api, address))
	}
}

// reach asks for the application's first page and takes any answer but a server
// error and one that leads elsewhere.
func reach(ctx context.Context, cfg *config.Config) (status int, err error) {
	address := cfg.App("/")
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return 0, err
	}
	response, err := cfg.Client().Do(request)
	if err != nil {
		return 0, fmt.Errorf("APP_URL is not reachable (%w): is it spelt right, does it run, is a VPN or proxy needed?", err)
	}
	_ = response.Body.Close()
	if how := pace.TurnedAway(response.StatusCode, response.Header); how != "" {
		return response.StatusCode, fmt.Errorf("APP_URL turns the suite away (%s): %s", how, pace.LetIn)
	}
	if response.StatusCode >= http.StatusInternalServerError {
		return response.StatusCode, fmt.Errorf("APP_URL answers %s with HTTP %d", address, response.StatusCode)
	}
	return response.StatusCode, cfg.Moved(response)
}
