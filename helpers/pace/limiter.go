package pace

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// tries is how often one request is sent at most, while its server says "later";
// and patience, how long one is tried that only a limit keeps back: among many
// that share the limit, the same one may be refused again and again by chance.
const (
	tries    = 4
	patience = 30 * time.Second
)

// Limiter paces the requests that count against one limit of a server. All who
// share that limit share the Limiter: where one is told 429, all wait. The zero
// value and nil have no rate of their own, and obey the server.
type Limiter struct {
	tokens *rate.Limiter
	told   func(Wait)

	mu    sync.Mutex
	until time.Time // nobody sends before: the server said so
	sum   Sum
}

// Wait is what a server asked for.
type Wait struct {
	Status int // of its answer: 429 or 503
	For    time.Duration
}

// Sum is how long was waited in all.
type Sum struct {
	Asked   time.Duration // since the server said so; those who waited together count once
	Answers int           // how many that were
	Paced   time.Duration // for the Limiter's own rate, summed over the requests
}

// NewLimiter lets through perSecond requests a second, and a second's worth at
// once; zero: all. told is told when a server makes them wait, and must be
// safe for concurrent use; nil: nobody is.
func NewLimiter(perSecond float64, told func(Wait)) *Limiter {
	l := &Limiter{told: told}
	if perSecond > 0 {
		l.tokens = rate.NewLimiter(rate.Limit(perSecond), int(math.Ceil(perSecond)))
	}
	return l
}

// Do calls send, which sends one request, when it is its turn; and again when the
// server will take it later (RFC 6585 §4; RFC 9110 §15.6.4): four times in all, and
// after 429 until half a minute was waited, at growing intervals. After 503 only a
// method that may be repeated is (RFC 9110 §9.2.2), for the server may have done
// its work. send keeps the answer, of which the last one counts. The error is
// send's, or says that the waiting outlasts ctx; then the time of a Budget stands
// still while it waits.
func (l *Limiter) Do(ctx context.Context, method string, send func() (status int, header http.Header, err error)) error {
	if l == nil {
		l = &Limiter{}
	}
	var waited time.Duration
	for try := 1; ; try++ {
		if err := l.turn(ctx); err != nil {
			return fmt.Errorf("waited for its turn (PREFLIGHT_API_RATE): %w", err)
		}
		status, header, err := send()
		if err != nil {
			return err
		}
		if !later(status, method) {
			return nil
		}
		wait, asked := RetryAfter(header)
		if !asked {
			wait = backoff(try)
		}
		if try >= tries {
			if status != http.StatusTooManyRequests || waited >= patience {
				return nil
			}
			wait = max(wait, backoff(try-tries+1))
		}
		waited += wait
		l.hold(Wait{status, wait})
		if err := pause(ctx, wait); err != nil {
			return fmt.Errorf("is rate limited (HTTP %d): %w", status, err)
		}
	}
}

// later reports whether the same request may be taken later.
func later(status int, method string) bool {
	switch status {
	case http.StatusTooManyRequests:
		return true
	case http.StatusServiceUnavailable:
		switch method {
		case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPut, http.MethodDelete:
			return true
		}
	}
	return false
}

// backoff is how long to wait where the server does not say: 1 s, 2 s, 4 s, of
// which a part by chance, so that those who were refused together come apart.
func backoff(try int) time.Duration {
	most := min(time.Second<<(try-1), Most)
	return most/2 + rand.N(most/2+1) //nolint:gosec // chance, not a secret
}

// turn waits until a request may be sent.
func (l *Limiter) turn(ctx context.Context) error {
	if err := l.held(ctx); err != nil || l.tokens == nil {
		return err
	}
	place := l.tokens.Reserve()
	wait := place.Delay()
	l.mu.Lock()
	l.sum.Paced += wait
	l.mu.Unlock()
	if err := pause(ctx, wait); err != nil {
		place.Cancel()
		return err
	}
	return l.held(ctx) // another one was told to wait meanwhile
}

// held waits as long as the server wants nothing.
func (l *Limiter) held(ctx context.Context) error {
	for {
		l.mu.Lock()
		wait := time.Until(l.until)
		l.mu.Unlock()
		if wait <= 0 {
			return ctx.Err()
		}
		if err := pause(ctx, wait); err != nil {
			return err
		}
	}
}

// hold writes a wait down. After 429 it keeps all requests back, for the limit is
// everybody's; after 503 the others may be answered.
func (l *Limiter) hold(w Wait) {
	now := time.Now()
	l.mu.Lock()
	from, until := now, now.Add(w.For)
	shared := w.Status == http.StatusTooManyRequests
	first := !shared || !l.until.After(now)
	if !first {
		from = l.until
	}
	if until.After(from) {
		l.sum.Asked += until.Sub(from)
		if shared {
			l.until = until
		}
	}
	l.sum.Answers++
	l.mu.Unlock()
	if first && l.told != nil { // what was under way meets the same answer
		l.told(w)
	}
}

// Sum is how long was waited until now.
func (l *Limiter) Sum() Sum {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sum
}

// pause waits, while the time of ctx's Budget stands still.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	defer Pause(ctx)()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
