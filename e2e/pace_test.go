package e2e

import (
	"fmt"
	"time"

	"github.com/auth-preflight/auth-preflight/helpers/pace"
)

// newLimiter paces what the run asks of the management API and the token
// endpoint. The limit is the environment's, so the parts of a run share it.
func newLimiter(r *run) *pace.Limiter {
	rate := r.cfg.APIRate
	if r.part != nil {
		rate /= float64(r.part.Of)
	}
	return pace.NewLimiter(rate, func(w pace.Wait) {
		r.results.Waited(fmt.Sprintf("the environment asks for it (HTTP %d)", w.Status), w.For)
	})
}

// noteWaits says in the report how long the environment made the run wait, and
// how long the run waited by itself where that was much.
func (r *run) noteWaits() {
	sum := r.pace.Sum()
	if sum.Answers > 0 {
		r.results.Note(fmt.Sprintf("waited %s because the environment asked for it (%d answers of HTTP 429 or 503): a lower PREFLIGHT_API_RATE, now %g, may spare it that",
			sum.Asked.Round(time.Second), sum.Answers, r.cfg.APIRate))
	}
	if sum.Paced >= time.Minute {
		r.results.Note(fmt.Sprintf("requests waited %s in sum to keep to PREFLIGHT_API_RATE, %g a second", sum.Paced.Round(time.Second), r.cfg.APIRate))
	}
}
