package browser

import "time"

// proceedTick is how often a page that may draw itself anew is looked at.
const proceedTick = 50 * time.Millisecond

// Proceed clicks what sel finds and waits until that has led on: to a loaded
// document, or, on a page that draws itself anew instead of navigating, to
// something else than look saw before the click. It reports whether either came
// within the page's time. Use Submit where a navigation must come.
func (p *Page) Proceed(sel string, look func() string) (led bool) {
	p.w.t.Helper()
	seen := look()
	deadline := time.Now().Add(p.w.o.Timeout)
	before, _ := p.nav.state()
	p.Click(sel)
	tick := time.NewTicker(proceedTick)
	defer tick.Stop()
	for time.Now().Before(deadline) {
		drawn := look() != seen
		state, changed := p.nav.state()
		if state.started > before.started || state.committed > before.committed {
			act(p, "go on with "+sel, "a navigation that ends with a loaded document", func() error { return p.settle(deadline) })
			return true
		}
		if drawn {
			return true
		}
		select {
		case <-changed:
		case <-tick.C:
		}
	}
	return false
}

// AwaitSight waits until seen holds, for what a page draws by itself; the page's
// time at most. It reports whether it does, and fails nothing.
func (p *Page) AwaitSight(seen func() bool) bool {
	p.w.t.Helper()
	deadline := time.Now().Add(p.w.o.Timeout)
	tick := time.NewTicker(proceedTick)
	defer tick.Stop()
	for !seen() {
		if time.Now().After(deadline) {
			return false
		}
		<-tick.C
	}
	return true
}

// Glance evaluates a JavaScript expression to a text, for questions that are
// asked again and again: it is in no trace.
func (p *Page) Glance(expression string) string {
	p.w.t.Helper()
	return do(p, "look at the page", "a script that returns a text", func() (string, error) { return evaluate[string](p, expression) })
}
