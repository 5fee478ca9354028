package e2e

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/auth-preflight/auth-preflight/helpers/pace"
	"github.com/auth-preflight/auth-preflight/helpers/readiness"
)

// removals are the things of this run that still exist, and how to remove them.
type removals struct {
	making  sync.RWMutex // read-locked while something is being made
	mu      sync.Mutex
	open    map[*readiness.Entry]func(context.Context) error
	closed  bool
	running sync.WaitGroup
}

// creationBudget bounds the making of one thing.
const creationBudget = 10 * time.Second

// create makes something at the deployment. An interruption does not break it
// off half-way, for nobody would know what the other side did with the request:
// clean-up waits for it, and nothing new is begun.
func (r *run) create(f func(context.Context) error) error {
	if why := r.cfg.Production(); why != "" {
		return errors.New(why + ": nothing is made or changed there")
	}
	r.removals.making.RLock()
	defer r.removals.making.RUnlock()
	if err := r.ctx.Err(); err != nil {
		return err
	}
	ctx, cancel := pace.Budget(context.WithoutCancel(r.ctx), creationBudget)
	defer cancel()
	return f(ctx)
}

// keep remembers how to remove what entry stands for. When the run is being
// cleaned up already nothing can come into being any more: the browser is
// closed and the run's context is over.
func (r *run) keep(entry *readiness.Entry, remove func(context.Context) error) {
	r.removals.mu.Lock()
	defer r.removals.mu.Unlock()
	if r.removals.closed {
		entry.Gone()
		return
	}
	if r.removals.open == nil {
		r.removals.open = map[*readiness.Entry]func(context.Context) error{}
	}
	r.removals.open[entry] = remove
}

// remove removes one thing, once. A failure is a note in the report and leaves
// the ledger's line open: the report says so.
func (r *run) remove(entry *readiness.Entry) {
	r.removals.mu.Lock()
	remove, open := r.removals.open[entry]
	delete(r.removals.open, entry)
	if open {
		r.removals.running.Add(1)
		defer r.removals.running.Done()
	}
	r.removals.mu.Unlock()
	if !open {
		return
	}
	// The run's own context may be over already: Ctrl-C must not leave users behind.
	ctx, cancel := pace.Budget(context.WithoutCancel(r.ctx), cleanUpBudget)
	defer cancel()
	if err := remove(ctx); err != nil {
		r.results.Note("left behind: " + entry.Label + ": " + err.Error())
		return
	}
	entry.Gone()
}

// cleanUp removes everything that is left, all at once and so within
// cleanUpBudget, and waits for the removals of cases that are just ending.
func (r *run) cleanUp() {
	r.removals.making.Lock() // what is being made is there now
	defer r.removals.making.Unlock()
	r.removals.mu.Lock()
	r.removals.closed = true
	open := slices.Collect(maps.Keys(r.removals.open))
	r.removals.mu.Unlock()
	var all sync.WaitGroup
	for _, entry := range open {
		all.Go(func() { r.remove(entry) })
	}
	all.Wait()
	r.removals.running.Wait()
}
