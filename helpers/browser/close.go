package browser

import (
	"errors"
	"fmt"
	"time"
)

const (
	closeTimeout = 6 * time.Second
	goneTimeout  = 4 * time.Second
	goneTick     = 10 * time.Millisecond
)

// processes are what a browser consists of, as far as they must be killed.
type processes struct {
	driver  int // Node
	browser int // Chromium's main process
	group   int // its process group: renderers, zygotes, crash handler; 0: none of its own
}

// close ends the browser and its driver, unless that is shared: politely, then by
// force. It returns an error if a process is still there at the end.
func (e *engine) close() error {
	var polite error
	if e.broken() == nil {
		_, polite = bounded(e, closeTimeout, func() (struct{}, error) {
			var err error
			if e.browser != nil {
				err = e.browser.Close()
			}
			if !e.shared {
				err = errors.Join(err, e.host.pw.Stop())
			}
			return struct{}{}, err
		})
	}
	ending := e.processes
	if e.shared && polite == nil && e.broken() == nil {
		ending.driver = 0
	}
	if polite != nil || !ending.awaitGone(goneTimeout) {
		e.breakDown(fmt.Errorf("the browser had to be killed"))
		e.processes.kill()
		if !e.processes.awaitGone(goneTimeout) {
			return fmt.Errorf("the browser (process %d) or its driver (process %d) is still there after it was killed", e.processes.browser, e.processes.driver)
		}
	}
	if !e.shared {
		e.host.driver.remove()
	}
	return nil
}

// awaitGone waits until none of the processes is left; a zombie is gone.
func (p processes) awaitGone(limit time.Duration) bool {
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	tick := time.NewTicker(goneTick)
	defer tick.Stop()
	for {
		if !p.alive() {
			return true
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			return false
		}
	}
}
