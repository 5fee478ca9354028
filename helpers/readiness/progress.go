package readiness

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// progressEvery is how often a run says how far it is: a person who waits should
// not wonder, and a log should not be full of it.
const progressEvery = 15 * time.Second

// progress tells on the way what a run has done: now and then how far it is, and
// at once what is red, so that nobody waits for the end to hear of it.
type progress struct {
	out   io.Writer
	began time.Time
	stop  func()

	mu        sync.Mutex
	done, red int
}

// newProgress begins to tell. Nothing is told where out is nil.
func newProgress(out io.Writer, began time.Time) *progress {
	p := &progress{out: out, began: began, stop: func() {}}
	if out == nil {
		return p
	}
	over := make(chan struct{})
	p.stop = sync.OnceFunc(func() { close(over) })
	go func() {
		tick := time.NewTicker(progressEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				p.tell()
			case <-over:
				return
			}
		}
	}()
	return p
}

func (p *progress) tell() {
	p.mu.Lock()
	defer p.mu.Unlock()
	red := "none red"
	if p.red > 0 {
		red = fmt.Sprintf("%d red", p.red)
	}
	fmt.Fprintf(p.out, "preflight: %s done in %s, %s\n", count(p.done, "case"), duration(time.Since(p.began).Seconds()), red)
}

// note counts an event, or tells it.
func (p *progress) note(e event) {
	if p.out == nil || e.Event != "case_ended" && e.Event != "waited" {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if e.Event == "waited" {
		fmt.Fprintf(p.out, "preflight: waiting %s: %s\n", duration(e.Seconds), e.Text)
		return
	}
	p.done++
	if e.State == Failed || e.State == Error {
		p.red++
		fmt.Fprintf(p.out, "preflight: %s %s: %s (%s)\n", e.State.Symbol(), e.Item, e.Case, e.State.Word())
	}
}
