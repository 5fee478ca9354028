package browser

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/playwright-community/playwright-go"
)

const probeTimeout = 3 * time.Second

// engine is one browser process and the driver process that speaks to it. When it
// no longer answers it is broken for good: both are killed, and every call that
// waits for it returns.
type engine struct {
	host      *host
	shared    bool // the host is not ours to stop
	browser   playwright.Browser
	cdp       playwright.CDPSession // of the browser, to ask whether it lives
	processes processes
	userAgent string

	gone  chan struct{} // closed when broken
	mu    sync.Mutex
	cause error
}

func startEngine(ctx context.Context, o Options, args []string) (*engine, error) {
	type started struct {
		e   *engine
		err error
	}
	done := make(chan started, 1)
	go func() {
		e, err := launchEngine(o, args)
		done <- started{e, err}
	}()
	ctx, cancel := context.WithTimeout(ctx, launchTimeout+5*time.Second)
	defer cancel()
	select {
	case s := <-done:
		return s.e, s.err
	case <-ctx.Done():
		go func() { // whatever still comes of it is taken down again
			if s := <-done; s.err == nil {
				_ = s.e.close()
			}
		}()
		return nil, fmt.Errorf("%s did not start in time: %w", o.name(), ctx.Err())
	}
}

func launchEngine(o Options, args []string) (*engine, error) {
	host, shared, err := o.host()
	if err != nil {
		return nil, err
	}
	e := &engine{host: host, shared: shared, gone: make(chan struct{}), processes: processes{driver: host.pw.Pid()}}
	if o.ServerURL != "" {
		e.browser, err = host.pw.Chromium.Connect(o.ServerURL, connectOptions(o))
		err = hideServer(err, o.ServerURL)
	} else {
		e.browser, err = host.pw.Chromium.Launch(launchOptions(o, args))
	}
	if err != nil {
		if !shared {
			host.stop()
		}
		return nil, fmt.Errorf("%s did not start: %w", o.name(), firstLines(err, 12))
	}
	if err := e.inspect(o.ServerURL != ""); err != nil {
		_ = e.close()
		return nil, fmt.Errorf("%s does not answer: %w", o.name(), err)
	}
	return e, nil
}

// inspect learns the browser's process and its name for itself. The process of a
// shared browser is not ours to kill.
func (e *engine) inspect(shared bool) (err error) {
	if e.cdp, err = e.browser.NewBrowserCDPSession(); err != nil {
		return err
	}
	version, err := send(e.cdp, "Browser.getVersion", nil)
	if err != nil {
		return err
	}
	e.userAgent, _ = version["userAgent"].(string)
	if shared {
		return nil
	}
	info, err := send(e.cdp, "SystemInfo.getProcessInfo", nil)
	if err != nil {
		return err
	}
	list, _ := info["processInfo"].([]any)
	for _, item := range list {
		process, _ := item.(map[string]any)
		if pid := number(process["id"]); process["type"] == "browser" && pid > 0 {
			e.processes.browser = int(pid)
			e.processes.group = groupOf(int(pid))
		}
	}
	return nil
}

// broken says why the engine is of no more use; nil if it is.
func (e *engine) broken() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.cause
}

// breakDown marks the engine broken and kills its processes, which frees every
// call that waits for an answer.
func (e *engine) breakDown(cause error) {
	e.mu.Lock()
	first := e.cause == nil
	if first {
		e.cause = cause
		close(e.gone)
	}
	e.mu.Unlock()
	if first {
		e.processes.kill()
	}
}

// probe asks driver and browser for a sign of life, and breaks the engine down
// if there is none.
func (e *engine) probe() error {
	_, err := bounded(e, probeTimeout, func() (struct{}, error) {
		_, err := send(e.cdp, "Browser.getVersion", nil)
		return struct{}{}, err
	})
	if err != nil {
		e.breakDown(fmt.Errorf("the browser no longer answers: %w", err))
	}
	return e.broken()
}

var (
	errStuck = errors.New("no answer came, not even a timeout")
	errGone  = errors.New("the browser broke down")
)

// bounded runs f, but waits no longer than limit and not for a broken engine:
// a connection that is stuck honours no timeout of Playwright's. The goroutine
// of an f that is stuck ends when the engine is broken down.
func bounded[T any](e *engine, limit time.Duration, f func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := f()
		done <- result{value, err}
	}()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	var none T
	select {
	case r := <-done:
		return r.value, r.err
	case <-e.gone:
		return none, fmt.Errorf("%w: %w", errGone, e.broken())
	case <-timer.C:
		return none, fmt.Errorf("%w (waited %s)", errStuck, limit)
	}
}
