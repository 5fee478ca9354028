package e2e

import (
	"context"
	"sync"

	"github.com/auth-preflight/auth-preflight/helpers/readiness"
)

// removals are the things of this run that still exist, and how to remove them.
type removals struct {
	mu   sync.Mutex
	open map[*readiness.Entry]func(context.Context) error
}

// keep remembers how to remove what entry stands for.
func (r *run) keep(entry *readiness.Entry, remove func(context.Context) error) {
	r.removals.mu.Lock()
	defer r.removals.mu.Unlock()
	if r.removals.open == nil {
		r.removals.open = map[*readiness.Entry]func(context.Context) error{}
	}
	r.removals.open[entry] = remove
}

// remove removes one thing, once. A failure is a note in the report and leaves
// the ledger's line open, for `make sweep`.
func (r *run) remove(entry *readiness.Entry) {
	r.removals.mu.Lock()
	remove, open := r.removals.open[entry]
	delete(r.removals.open, entry)
	r.removals.mu.Unlock()
	if !open {
		return
	}
	// The run's own context may be over already: Ctrl-C must not leave users behind.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.ctx), cleanUpBudget)
	defer cancel()
	if err := remove(ctx); err != nil {
		r.results.Note("left behind: " + entry.Label + ": " + err.Error())
		return
	}
	entry.Gone()
}

// cleanUp removes everything that is left, newest first does not matter: each
// removal stands for itself.
func (r *run) cleanUp() {
	r.removals.mu.Lock()
	var open []*readiness.Entry
	for entry := range r.removals.open {
		open = append(open, entry)
	}
	r.removals.mu.Unlock()
	for _, entry := range open {
		r.remove(entry)
	}
}
