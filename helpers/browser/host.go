package browser

import (
	"fmt"
	"sync"

	"github.com/playwright-community/playwright-go"
)

// host is a driver process at work, and its folder.
type host struct {
	driver *driver
	pw     *playwright.Playwright
}

// host returns the driver that a browser is to have, and whether others have it
// too.
func (o Options) host() (_ *host, shared bool, err error) {
	if o.Driver != nil {
		h, err := o.Driver.host(o)
		return h, true, err
	}
	h, err := startHost(o)
	return h, false, err
}

func startHost(o Options) (*host, error) {
	d, err := newDriver(o.DriverDir, o.NodePath)
	if err != nil {
		return nil, err
	}
	pw, err := playwright.Run(&playwright.RunOptions{DriverDirectory: d.dir, SkipInstallBrowsers: true})
	if err != nil {
		d.remove()
		return nil, fmt.Errorf("the Playwright driver did not start (run `make setup`): %w", err)
	}
	return &host{d, pw}, nil
}

func (h *host) stop() {
	_ = h.pw.Stop()
	h.driver.remove()
}

// Driver is a driver process that browsers share, one after the other: it takes
// a CPU-second to start, which is most of what a short run costs. The zero value
// is ready: the process starts with the first browser, and anew where it broke.
type Driver struct {
	mu  sync.Mutex
	now *host
}

func (d *Driver) host(o Options) (*host, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.now != nil && (processes{driver: d.now.pw.Pid()}).alive() {
		return d.now, nil
	}
	if d.now != nil {
		d.now.driver.remove()
	}
	now, err := startHost(o)
	d.now = now
	return now, err
}

// Close ends the process. The browsers have been closed before.
func (d *Driver) Close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.now != nil {
		d.now.stop()
		d.now = nil
	}
}
