package browser

import (
	"strings"
	"sync"

	"github.com/playwright-community/playwright-go"
)

// CDP is the page's own Chrome DevTools Protocol session, for what Playwright
// has no word for. What is sent through it is in no trace.
type CDP struct{ s *session }

// Send runs one command. The error is the browser's, or says that it is stuck.
func (c CDP) Send(method string, params map[string]any) (map[string]any, error) {
	return c.s.send(method, params)
}

// On calls f with the parameters of each event of this name, in order, on a
// goroutine of the page's own; f may Send. It lasts until the page is closed.
func (c CDP) On(event string, f func(params map[string]any)) {
	c.s.raw.On(event, func(params any) {
		fields, _ := params.(map[string]any)
		c.s.queue.add(func() { f(fields) })
	})
}

// CDP returns the page's protocol session.
func (p *Page) CDP() CDP {
	p.w.t.Helper()
	s, err := p.protocol()
	if err != nil {
		p.fail("open a protocol session", "the browser to give one", err)
	}
	return CDP{s}
}

// session is one protocol session of one page. Several parts share it.
type session struct {
	p     *Page
	raw   playwright.CDPSession
	queue *queue
}

// protocol returns the page's session, made on first use: most pages need none.
func (p *Page) protocol() (*session, error) {
	p.w.open()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cdp != nil {
		return p.cdp, nil
	}
	raw, err := bounded(p.w.engine, p.w.patience(), func() (playwright.CDPSession, error) {
		return p.w.context.NewCDPSession(p.page)
	})
	if err != nil {
		return nil, err
	}
	p.cdp = &session{p: p, raw: raw, queue: newQueue()}
	return p.cdp, nil
}

func (s *session) send(method string, params map[string]any) (map[string]any, error) {
	return bounded(s.p.w.engine, s.p.w.patience(), func() (map[string]any, error) {
		return send(s.raw, method, params)
	})
}

// send runs one command without a bound.
func send(c playwright.CDPSession, method string, params map[string]any) (map[string]any, error) {
	if params == nil {
		params = map[string]any{}
	}
	answer, err := c.Send(method, params)
	fields, _ := answer.(map[string]any)
	return fields, err
}

// queue runs functions one after the other, away from the goroutine that reads
// the driver's messages: that one must never wait.
type queue struct {
	mu     sync.Mutex
	todo   []func()
	busy   bool
	closed bool
}

func newQueue() *queue { return &queue{} }

func (q *queue) add(f func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	q.todo = append(q.todo, f)
	if !q.busy {
		q.busy = true
		go q.run()
	}
}

func (q *queue) run() {
	for {
		q.mu.Lock()
		if q.closed || len(q.todo) == 0 {
			q.busy = false
			q.mu.Unlock()
			return
		}
		f := q.todo[0]
		q.todo = q.todo[1:]
		q.mu.Unlock()
		f()
	}
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
}

// number reads a JSON number.
func number(v any) float64 {
	switch n := v.(type) {
	case float64:
		return n
	case int:
		return float64(n)
	}
	return 0
}

func text(v any) string { s, _ := v.(string); return s }

// firstLines cuts Playwright's long messages.
func firstLines(err error, n int) error {
	lines := strings.SplitN(strings.TrimSpace(err.Error()), "\n", n+1)
	if len(lines) <= n {
		return err
	}
	return shortened{strings.Join(lines[:n], "\n"), err}
}

type shortened struct {
	text string
	err  error
}

func (s shortened) Error() string { return s.text }
func (s shortened) Unwrap() error { return s.err }
