package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/joho/godotenv"

	"github.com/auth-preflight/auth-preflight/helpers/config"
	"github.com/auth-preflight/auth-preflight/helpers/discover"
	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
)

// groupRun are the variables that describe no deployment.
const groupRun = "How to run"

// errInterrupted is what Ctrl-C comes to.
var errInterrupted = errors.New("interrupted: nothing was written")

// lookAround is how long each of the environment and the app is looked at, at most.
const lookAround = 3 * time.Minute

// describeIt (preflight init) writes the .env of a deployment: what it is told,
// and what it finds out by reading. Nothing is created there.
func describeIt(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends it at once
	flags := flag.NewFlagSet("init", flag.ContinueOnError)
	flags.SetOutput(stderr)
	told := map[string]*string{
		"SCALEKIT_ENVIRONMENT_URL": flags.String("environment", "", "`address` of the Scalekit environment"),
		"SCALEKIT_CLIENT_ID":       flags.String("client-id", "", "client `ID` of its API client; the secret is asked for, or read from SCALEKIT_CLIENT_SECRET or a line of standard input"),
		"APP_URL":                  flags.String("app", "", "`address` of the app"),
		"PREFLIGHT_CA_FILE":        flags.String("ca", "", "PEM `file` of the CA that signed the certificates, where it is not a public one"),
	}
	folder := flags.String("idp", "", "make the suite's own identity provider in this new `folder`: key, certificate, metadata to register")
	yes := flags.Bool("yes", false, "take every guess, ask for nothing that was found")
	if flags.Parse(args) != nil || flags.NArg() > 0 {
		return wrongly(stderr)
	}
	i := &introduction{talk: newTalk(os.Stdin, stdout), dotenv: config.DotenvPath(), told: map[string]string{}, yes: *yes, idpFolder: *folder}
	for name, text := range told {
		if *text != "" {
			i.told[name] = *text
		}
	}
	if err := i.run(ctx); err != nil {
		return trouble(stderr, err)
	}
	return 0
}

// introduction is one conversation that ends with a .env.
type introduction struct {
	*talk
	dotenv  string
	told    map[string]string // by flags and by answers
	yes     bool
	entries []entry

	idpFolder string // for the suite's own identity provider; "": none is made
}

func (i *introduction) run(ctx context.Context) error {
	if err := i.required(); err != nil {
		return err
	}
	cfg, err := config.LoadWith(i.lookup, i.dotenv, nil)
	if err != nil {
		return err
	}
	if err := cfg.Guard(); err != nil {
		return err
	}
	if doubts := cfg.Doubts(); len(doubts) > 0 {
		return errors.New(strings.Join(doubts, "; "))
	}
	limited := func() (context.Context, context.CancelFunc) { // what a person thinks about is not counted
		return context.WithTimeout(ctx, time.Duration(float64(lookAround)*cfg.TimeoutFactor))
	}
	client := discover.Within(cfg.Client(), cfg)
	api := scalekit.New(cfg.EnvironmentURL.String(), cfg.ClientID, cfg.ClientSecret, client)
	asking, cancel := limited()
	defer cancel()
	environment, err := discover.Ask(asking, cfg, api)
	if ctx.Err() != nil {
		return errInterrupted
	}
	if err != nil {
		return err
	}
	i.say("\nThe auth environment")
	for _, line := range environment.Table() {
		i.say("  %-14s %s", line[0], line[1])
	}
	if cfg, err = i.testUser(cfg); err != nil {
		return err
	}
	looking, cancel := limited()
	defer cancel()
	found, notes, err := discover.App(looking, flows.World{Config: cfg, Client: client, API: api, Learn: func(...string) {}}, environment)
	if ctx.Err() != nil {
		for _, note := range notes { // a session may be left
			i.say("  note   %s", note)
		}
		return errInterrupted
	}
	if err != nil {
		return err
	}
	i.say("\nThe app, %s", cfg.AppURL)
	for _, note := range notes {
		i.say("  note   %s", note)
	}
	if err := i.confirm(cfg, found); err != nil {
		return err
	}
	if err := i.identityProvider(cfg); err != nil {
		return err
	}
	if err := i.write(cfg); err != nil {
		if i.idpFolder != "" { // nothing names it
			_ = os.RemoveAll(i.idpFolder)
		}
		return err
	}
	return nil
}

// testUser asks for somebody who can look behind the login, where nobody is known
// and a person can be asked.
func (i *introduction) testUser(cfg *config.Config) (*config.Config, error) {
	if i.terminal == nil || i.yes || cfg.HasTestUsers() || cfg.Production() != "" {
		return cfg, nil
	}
	i.say("\nA test user (…+sktest@…, of one organization) can look behind the login; Enter goes on without.")
	for _, name := range []string{"SCALEKIT_TEST_USER_EMAIL", "SCALEKIT_TEST_USER_CODE"} {
		value, err := i.correct(name, cfg.Value(name))
		if err != nil {
			return nil, err
		}
		if value == "" {
			return cfg, nil
		}
		i.told[name] = value
	}
	return config.LoadWith(i.lookup, i.dotenv, nil)
}

func (i *introduction) say(format string, args ...any) { fmt.Fprintf(i.out, format+"\n", args...) }

// lookup is the environment, in which what was told stands as well.
func (i *introduction) lookup(name string) (string, bool) {
	if text, ok := i.told[name]; ok {
		return text, true
	}
	text, ok := os.LookupEnv(name)
	return text, ok && text != "" // an empty one would hide the .env's
}

// unset stands in for what every deployment needs, so that the rest can be read
// before all of that is there.
const unset = "https://unset.invalid"

// standIn is lookup with unset in place of what is required and nowhere set; an
// empty line of the .env counts as none.
func standIn(lookup func(string) (string, bool), file *config.Config) func(string) (string, bool) {
	return func(name string) (string, bool) {
		text, ok := lookup(name)
		if !ok && isRequired(name) && (file == nil || file.Origin(name) != config.FromDotenv) {
			return unset, true
		}
		return text, ok
	}
}

func isRequired(name string) bool { return variable(name).Required }

// variable is what is known of a variable.
func variable(name string) config.Variable {
	for _, v := range config.Variables() {
		if v.Name == name {
			return v
		}
	}
	return config.Variable{}
}

// required asks for what every deployment needs and nobody has said. What stands
// in the .env stays: another word for it is not taken.
func (i *introduction) required() error {
	there, err := fileAlone(i.dotenv)
	if err != nil {
		return err
	}
	bare, err := config.LoadWith(standIn(i.lookup, there), i.dotenv, nil)
	if err != nil {
		return err
	}
	for _, v := range config.Variables() {
		if there.Origin(v.Name) == config.FromDotenv && bare.Value(v.Name) != there.Value(v.Name) && v.Group != groupRun {
			return fmt.Errorf("%s is set to something else in %s, and init changes no value that is set: remove that line first, or name another file in PREFLIGHT_ENV_FILE", v.Name, i.dotenv)
		}
	}
	for _, v := range config.Variables() {
		if !v.Required || bare.Value(v.Name) != unset {
			continue
		}
		for i.told[v.Name] == "" {
			text, err := i.ask(fmt.Sprintf("%s (%s): ", v.Name, strings.TrimSuffix(v.Doc, ".")), v.Secret)
			if errors.Is(err, errSilence) {
				return fmt.Errorf("%s is not set, and %w: set it in the environment", v.Name, err)
			}
			if err != nil {
				return fmt.Errorf("%s could not be read: %w", v.Name, err)
			}
			if err := valid(v.Name, text); err != nil {
				if i.terminal == nil {
					return err
				}
				i.say("  %v", err)
				continue
			}
			i.told[v.Name] = text
		}
	}
	return nil
}

// valid says in a sentence what is wrong with a value.
func valid(name, text string) error {
	if text == "" {
		return fmt.Errorf("%s must not be empty", name)
	}
	_, err := config.Load(standIn(func(asked string) (string, bool) { return text, asked == name }, nil), "")
	if err != nil {
		return errors.New(strings.ReplaceAll(err.Error(), " (from the "+config.FromEnvironment+")", ""))
	}
	return nil
}

// fileAlone is what a .env says by itself.
func fileAlone(dotenv string) (*config.Config, error) {
	silent := func(string) (string, bool) { return "", false }
	text, err := os.ReadFile(dotenv)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("cannot read %s: %w", dotenv, err)
	}
	set, err := godotenv.UnmarshalBytes(text)
	if err != nil { // config names the line
		return config.Load(silent, dotenv)
	}
	return config.Load(func(name string) (string, bool) {
		if set[name] == "" && isRequired(name) && (name != "SCALEKIT_ENVIRONMENT_URL" || set["SCALEKIT_ENV_URL"] == "") {
			return unset, true
		}
		return "", false
	}, dotenv)
}

// wanted are the variables of an app without which much is not verified: they
// are asked for where they were not found.
var wanted = []string{"APP_LOGIN_PATH", "APP_CALLBACK_PATH", "APP_PROTECTED_PATH", "APP_LOGOUT_PATH"}

// confirm prints each variable with how it was found and, at a terminal, asks
// whether it is right. What is set already is left as it is.
func (i *introduction) confirm(cfg *config.Config, found discover.Findings) error {
	asks := i.terminal != nil && !i.yes
	if asks {
		i.say("  Enter takes a value, another one replaces it, - leaves it out.")
	}
	for _, f := range found {
		origin := cfg.Origin(f.Variable)
		if origin != "" && origin != config.FromDefault {
			if cfg.Value(f.Variable) != f.Value {
				i.say("  kept   %s=%s; found was %s (%s)", f.Variable, cfg.Value(f.Variable), f.Value, f.How)
			}
			continue
		}
		word := "guess"
		if f.Sure {
			word = "found"
		}
		i.say("  %s  %s=%s\n         %s", word, f.Variable, f.Value, f.How)
		value := f.Value
		if asks {
			var err error
			if value, err = i.correct(f.Variable, f.Value); err != nil {
				return err
			}
		}
		how := f.How
		if !f.Sure {
			how = "A guess: " + how
		}
		if value != f.Value {
			how = "As told."
		}
		i.note(f.Variable, value, how)
	}
	for _, name := range wanted {
		if origin := cfg.Origin(name); found.Has(name) || origin != "" && origin != config.FromDefault {
			continue
		}
		i.say("  not found  %s: %s", name, variable(name).Doc)
		if asks {
			value, err := i.correct(name, "")
			if err != nil {
				return err
			}
			i.note(name, value, "As told.")
		}
	}
	return nil
}

// correct asks whether a value is right, until the answer is one that can be.
func (i *introduction) correct(name, value string) (string, error) {
	for {
		shown, secret := value, variable(name).Secret
		if secret && value != "" {
			shown = "as it is set"
		}
		text, err := i.ask(fmt.Sprintf("         %s [%s]: ", name, shown), secret)
		if err != nil {
			return "", err
		}
		switch text {
		case "":
			return value, nil
		case "-":
			return "", nil
		}
		if err := valid(name, text); err != nil {
			i.say("         %v", err)
			continue
		}
		return text, nil
	}
}

func (i *introduction) note(name, value, comment string) {
	if value != "" {
		i.entries = append(i.entries, entry{name, value, comment})
	}
}

// write completes the .env: what was told and stands in the environment of this
// call, so that the next one finds it, and what was found.
func (i *introduction) write(cfg *config.Config) error {
	var told []entry
	for _, v := range config.Variables() {
		if cfg.Origin(v.Name) == config.FromEnvironment && v.Group != groupRun {
			told = append(told, entry{v.Name, cfg.Value(v.Name), v.Doc})
		}
	}
	entries := slices.Concat(told, i.entries)
	if err := complete(i.dotenv, "Written by preflight init", entries); err != nil {
		return err
	}
	i.say("\n%s is written (mode 0600). What it cannot guess stands in .env.example%s.", i.dotenv, paysMost(cfg))
	i.say("Next: make doctor says what will run, and what each missing variable costs; then make e2e.")
	return nil
}

// paysMost names what to add next.
func paysMost(cfg *config.Config) string {
	switch {
	case !cfg.HasTestUsers() && cfg.Production() == "":
		return "; with a test user (SCALEKIT_TEST_USER_EMAIL, SCALEKIT_TEST_USER_CODE) this command looks behind the login as well"
	case len(cfg.Missing(config.Inbox...)) > 0:
		return ": an inbox (PREFLIGHT_INBOX_URL) pays most"
	}
	return ""
}
