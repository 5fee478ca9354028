package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/auth-preflight/auth-preflight/helpers/config"
	"github.com/auth-preflight/auth-preflight/helpers/readiness"
	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
)

// sweep removes what killed runs have left at the deployment, by their ledgers,
// and nothing else: a thing is theirs only if its name carries the run's id.
// Without -yes it only says what it would remove.
func sweep(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("sweep", flag.ContinueOnError)
	flags.SetOutput(stderr)
	yes := flags.Bool("yes", false, "remove it, do not only list it")
	older := flags.Duration("older", 2*time.Hour, "a run that did not end is over when it began longer ago: it could still be under way")
	if flags.Parse(args) != nil || flags.NArg() > 0 {
		return wrongly(stderr)
	}
	cfg, err := config.Load(os.LookupEnv, config.DotenvPath())
	if err == nil {
		err = cfg.Guard()
	}
	if err != nil {
		return trouble(stderr, err)
	}
	folder, err := reportsFolder()
	if err != nil {
		return trouble(stderr, err)
	}
	left, underWay, err := leftBehind(folder, cfg, *older, time.Now())
	if err != nil {
		return trouble(stderr, err)
	}
	api := scalekit.New(cfg.EnvironmentURL.String(), cfg.ClientID, cfg.ClientSecret, cfg.Client())
	failed := 0
	for _, one := range left {
		what := one.entry.Kind + " " + one.entry.Label
		switch {
		case !one.removable():
			fmt.Fprintf(stdout, "left to you   %s (run %s)\n", what, one.run)
		case !*yes:
			fmt.Fprintf(stdout, "would remove  %s (run %s)\n", what, one.run)
		default:
			if err := one.remove(api); err != nil {
				failed++
				fmt.Fprintf(stdout, "still there   %s: %v\n", what, err)
				continue
			}
			one.entry.Gone()
			fmt.Fprintf(stdout, "removed       %s\n", what)
		}
	}
	if underWay > 0 {
		fmt.Fprintf(stdout, "Not looked at, for they may be under way: %d that began less than %v ago and did not end. If they were killed: make sweep OLDER=0s.\n", underWay, *older)
	}
	switch {
	case failed > 0:
		return 1
	case len(left) == 0 && underWay > 0: // nobody knows
	case len(left) == 0:
		fmt.Fprintln(stdout, "Nothing is left behind that a ledger knows of.")
	case !*yes:
		fmt.Fprintln(stdout, "Nothing was removed: make sweep YES=1 does it.")
	}
	return 0
}

// leftover is something that a run created and nobody removed.
type leftover struct {
	run   string
	began time.Time
	entry *readiness.Entry
}

// leftBehind reads the ledgers of all runs on this deployment that are over, and
// counts those that may be under way.
func leftBehind(reports string, cfg *config.Config, older time.Duration, now time.Time) (left []leftover, underWay int, err error) {
	ledgers, err := filepath.Glob(filepath.Join(reports, "runs", "*", "ledger.jsonl"))
	if err != nil {
		return nil, 0, err
	}
	deeper, _ := filepath.Glob(filepath.Join(reports, "repro", "*", "runs", "*", "ledger.jsonl"))
	for _, path := range append(ledgers, deeper...) {
		result, err := load(filepath.Dir(path))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return nil, 0, err
		case result.Run.Deployment.AppURL != cfg.AppURL.String() || result.Run.Deployment.EnvironmentURL != cfg.EnvironmentURL.String():
			continue // of another deployment: this one's client is nothing to it
		case !result.Run.Finished && now.Sub(result.Run.Started) < older:
			underWay++
			continue
		}
		entries, err := readiness.ReadLedger(path)
		if err != nil {
			return nil, 0, err
		}
		for i := range entries {
			if !entries[i].IsGone() {
				left = append(left, leftover{result.Run.ID, result.Run.Started, &entries[i]})
			}
		}
	}
	// People first: an organization with somebody in it is not empty.
	slices.SortStableFunc(left, func(a, b leftover) int { return strings.Compare(b.entry.Kind, a.entry.Kind) })
	return left, underWay, nil
}

// removable reports whether it is surely the run's own, and of a kind that the
// API removes.
func (l leftover) removable() bool {
	return strings.Contains(l.entry.Label, l.run) && (l.entry.Kind == "user" || l.entry.Kind == "organization")
}

func (l leftover) remove(api *scalekit.Client) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if l.entry.Kind == "user" {
		return api.DeletePerson(ctx, l.entry.Label, l.began)
	}
	return api.DeleteOrganizationByExternalID(ctx, l.entry.Label)
}
