package pace

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Budget is context.WithTimeout for work that may have to wait its turn: its time
// stands still during Pause, so that somebody else's limit is not taken for a
// request that hangs. The context has no Deadline of its own.
func Budget(parent context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(parent)
	b := &budget{Context: ctx, left: d, since: time.Now()}
	b.timer = time.AfterFunc(d, func() { cancel(context.DeadlineExceeded) })
	return b, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.timer.Stop()
		cancel(context.Canceled)
	}
}

type budget struct {
	context.Context
	timer *time.Timer

	mu     sync.Mutex
	left   time.Duration // at since
	since  time.Time
	paused int // how many wait at once
}

type budgetKey struct{}

func (b *budget) Value(key any) any {
	if _, ok := key.(budgetKey); ok {
		return b
	}
	return b.Context.Value(key)
}

// Err tells a budget that is used up from one that was cancelled.
func (b *budget) Err() error {
	err := b.Context.Err()
	if err != nil && errors.Is(context.Cause(b.Context), context.DeadlineExceeded) {
		return context.DeadlineExceeded
	}
	return err
}

// Pause lets the time of ctx's innermost Budget stand still until resume is
// called, once. Without a Budget it does nothing.
func Pause(ctx context.Context) (resume func()) {
	b, ok := ctx.Value(budgetKey{}).(*budget)
	if !ok {
		return func() {}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.paused++; b.paused == 1 && b.timer.Stop() {
		b.left -= time.Since(b.since)
	}
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.paused--; b.paused == 0 && b.Context.Err() == nil {
			b.since = time.Now()
			b.timer.Reset(max(b.left, 0))
		}
	}
}
