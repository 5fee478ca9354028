package main

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/auth-preflight/auth-preflight/helpers/config"
	"github.com/auth-preflight/auth-preflight/helpers/readiness"
	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
)

// leftover is something that a run created and nobody removed.
type leftover struct {
	run   string
	began time.Time
	entry *readiness.Entry
}

func (l leftover) String() string { return l.entry.Kind + " " + l.entry.Label }

// own is the unique name in the label: the run's id with the number behind it;
// empty where the run's id does not stand there as a whole.
func (l leftover) own() string {
	label := strings.ToLower(l.entry.Label)
	at := strings.Index(label, l.run)
	if at < 0 || !carries(label, l.run) {
		return ""
	}
	rest := label[at+len(l.run):]
	digits := strings.IndexFunc(strings.TrimPrefix(rest, "-"), func(r rune) bool { return r < '0' || r > '9' })
	switch {
	case !strings.HasPrefix(rest, "-") || digits == 0:
		return l.run
	case digits < 0:
		return l.run + rest
	}
	return l.run + rest[:1+digits]
}

// carries reports whether a name stands in text as a whole, in upper or lower
// case: run-1 does not stand in run-12.
func carries(text, name string) bool {
	text, name = strings.ToLower(text), strings.ToLower(name)
	for from := 0; name != ""; {
		at := strings.Index(text[from:], name)
		if at < 0 {
			return false
		}
		start, end := from+at, from+at+len(name)
		if (start == 0 || !alphanumeric(text[start-1])) && (end == len(text) || !alphanumeric(text[end])) {
			return true
		}
		from = start + 1
	}
	return false
}

func alphanumeric(b byte) bool { return b >= 'a' && b <= 'z' || b >= '0' && b <= '9' }

// unfinished says how many runs did not end and are not swept: some live, as
// their processes say, and of some nobody can tell.
type unfinished struct{ living, unknown int }

// leftBehind reads the ledgers of all runs on this deployment that are over. One
// that did not end is over when its process is gone from this machine, or, where
// that cannot be told, when it began longer ago than older.
func leftBehind(reports string, cfg *config.Config, older time.Duration, now time.Time) (left []leftover, not unfinished, err error) {
	ledgers, err := filepath.Glob(filepath.Join(reports, "runs", "*", "ledger.jsonl"))
	if err != nil {
		return nil, not, err
	}
	deeper, _ := filepath.Glob(filepath.Join(reports, "repro", "*", "runs", "*", "ledger.jsonl"))
	for _, path := range append(ledgers, deeper...) {
		result, err := load(filepath.Dir(path))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return nil, not, err
		case result.Run.Deployment.AppURL != cfg.AppURL.String() || result.Run.Deployment.EnvironmentURL != cfg.EnvironmentURL.String():
			continue // of another deployment: this one's client is nothing to it
		}
		if !result.Run.Finished {
			lives, known := readiness.Lives(filepath.Dir(path))
			switch {
			case lives:
				not.living++
				continue
			case !known && now.Sub(result.Run.Started) < older:
				not.unknown++
				continue
			}
		}
		entries, err := readiness.ReadLedger(path)
		if err != nil {
			return nil, not, err
		}
		for i := range entries {
			if !entries[i].IsGone() {
				left = append(left, leftover{result.Run.ID, result.Run.Started, &entries[i]})
			}
		}
	}
	slices.SortStableFunc(left, func(a, b leftover) int { return order(a.entry.Kind) - order(b.entry.Kind) })
	return left, not, nil
}

// order is in which things are removed. What was changed or broken is mended
// first; people go before organizations, for one with somebody in it is not empty,
// and permissions after the roles that have them.
func order(kind string) int {
	kinds := []string{scalekit.LifetimeKind, "fault", "user", "directory user", "directory group", "MCP client", "organization", "role", "permission"}
	if at := slices.Index(kinds, kind); at >= 0 {
		return at
	}
	return len(kinds)
}
