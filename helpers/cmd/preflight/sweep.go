package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/auth-preflight/auth-preflight/helpers/config"
	"github.com/auth-preflight/auth-preflight/helpers/pace"
)

// removalBudget bounds the removal of one thing.
const removalBudget = time.Minute

// sweep removes what killed runs have left at the deployment, by their ledgers,
// and nothing else: a thing is theirs only if its name carries the run's id, or
// if the deployment gave its id to the run. With -yes it removes, then asks the
// deployment again whether all is gone. Without -yes it only says what it would
// remove, and sends nothing. What it cannot remove it names, with the reason.
// The answer is 0 only where nothing is left that a ledger knows of, or, without
// -yes, where all of it could be removed; interrupted, it can be run again.
func sweep(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("sweep", flag.ContinueOnError)
	flags.SetOutput(stderr)
	yes := flags.Bool("yes", false, "remove it, do not only list it")
	forget := flags.Bool("forget", false, "strike out what is left to you: it was done by hand")
	older := flags.Duration("older", 2*time.Hour, "a run that did not end, and of whose process nobody knows, is over when it began longer ago")
	if flags.Parse(args) != nil || flags.NArg() > 0 {
		return wrongly(stderr)
	}
	cfg, err := killedOn(config.DotenvPath())
	if err != nil {
		return trouble(stderr, err)
	}
	folder, err := reportsFolder()
	if err != nil {
		return trouble(stderr, err)
	}
	return broomOf(cfg).sweep(folder, choice{*yes, *forget, *older}, stdout, stderr)
}

// killedOn is the deployment that the killed runs were on. The embedded one, which
// stands for a .env elsewhere, is gone with them, and all that they made there.
func killedOn(dotenv string) (*config.Config, error) {
	if config.IsEmpty(os.LookupEnv, dotenv) {
		return nil, fmt.Errorf("make sweep needs the .env of the deployment that the killed run was on; there is none in %s. "+
			"What a run made on the embedded deployment went with it", dotenv)
	}
	cfg, err := config.Load(os.LookupEnv, dotenv)
	if err == nil {
		err = cfg.Guard()
	}
	return cfg, err
}

// choice is what a person said about a sweep.
type choice struct {
	yes, forget bool
	older       time.Duration
}

// sweep sweeps what the runs in a folder of reports have left.
func (b *broom) sweep(reports string, said choice, stdout, stderr io.Writer) int {
	left, not, err := leftBehind(reports, b.cfg, said.older, time.Now())
	if err != nil {
		return trouble(stderr, err)
	}
	todo := 0
	for _, one := range left {
		if _, why := b.way(one); why == "" {
			todo++
		}
	}
	if said.yes && todo > 0 {
		if err := b.entry(); err != nil {
			return trouble(stderr, fmt.Errorf("nothing was removed, for the deployment does not let the suite in: %w", b.cfg.Doubted(err)))
		}
	}
	byHand := b.removeAll(left, said, stdout)
	still := 0
	if said.yes && todo > 0 {
		if still, err = b.lookAgain(left, stdout); err != nil {
			return trouble(stderr, fmt.Errorf("it is not known whether all is gone: %w", err))
		}
	}
	not.say(stdout, said.older)
	switch {
	case still > 0:
		fmt.Fprintf(stdout, "Asked again, the deployment still shows %d of what these runs made: look at it, and sweep again.\n", still)
	case said.yes && todo > 0:
		fmt.Fprintln(stdout, "Asked again, the deployment shows nothing more of these runs.")
	case todo > 0:
		fmt.Fprintln(stdout, "Nothing was removed: make sweep YES=1 does it.")
	case byHand == 0 && not == unfinished{}:
		fmt.Fprintln(stdout, "Nothing is left behind that a ledger knows of.")
	}
	if byHand > 0 {
		fmt.Fprintf(stdout, "%d cannot be removed from here: do it by hand, then strike it out with make sweep FORGET=1.\n", byHand)
	}
	if still > 0 || byHand > 0 {
		return 1
	}
	return 0
}

// entry asks for a token, so that a wrong secret is said once.
func (b *broom) entry() error {
	ctx, cancel := pace.Budget(context.Background(), removalBudget)
	defer cancel()
	_, err := b.api.Token(ctx)
	return err
}

// removeAll removes what can be removed, or without yes says that it would, and
// counts what is left to a person, unless that is to be struck out.
func (b *broom) removeAll(left []leftover, said choice, stdout io.Writer) (byHand int) {
	for _, one := range left {
		switch w, why := b.way(one); {
		case why != "" && said.forget:
			one.entry.Gone()
			fmt.Fprintf(stdout, "struck out    %s (run %s)\n", one, one.run)
		case why != "":
			byHand++
			fmt.Fprintf(stdout, "left to you   %s (run %s): %s\n", one, one.run, why)
		case !said.yes:
			fmt.Fprintf(stdout, "would remove  %s (run %s)\n", one, one.run)
		default:
			ctx, cancel := pace.Budget(context.Background(), removalBudget)
			err := w.remove(ctx)
			cancel()
			if err != nil {
				fmt.Fprintf(stdout, "not removed   %s: %v\n", one, err)
				continue
			}
			fmt.Fprintf(stdout, "removed       %s\n", one)
		}
	}
	return byHand
}

// say tells which runs were not swept, and why.
func (u unfinished) say(stdout io.Writer, older time.Duration) {
	if u.living > 0 {
		fmt.Fprintf(stdout, "Not looked at, for they are under way: %d, whose process lives.\n", u.living)
	}
	if u.unknown > 0 {
		fmt.Fprintf(stdout, "Not looked at, for they may be under way: %d that began less than %v ago on another machine, or before this one was started anew, and did not end. If they were killed: make sweep YES=1 OLDER=0s.\n", u.unknown, older)
	}
}
