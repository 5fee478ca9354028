package browser

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Server is one running browser for several processes at once: each connects
// with Options.ServerURL and has contexts of its own, which end with it. A
// process still needs a driver of its own, but no browser.
type Server struct {
	// URL is where to connect (ws://127.0.0.1:…). It holds a random part:
	// whoever knows it drives the browser.
	URL string

	driver *driver
	stdin  io.Closer
	ended  chan error
}

// StartServer starts a browser as Launch would and lets processes of this
// machine connect to it. ctx bounds the start only. CAFile, AllowedHosts and
// Headed are decided here, for all that connect.
func StartServer(ctx context.Context, o Options) (_ *Server, err error) {
	if o.ExecutablePath, err = find(o.ExecutablePath, o.Headed); err != nil {
		return nil, err
	}
	args, _, err := arguments(o)
	if err != nil {
		return nil, err
	}
	d, err := newDriver(o.DriverDir, o.NodePath)
	if err != nil {
		return nil, err
	}
	s := &Server{driver: d, ended: make(chan error, 1)}
	defer func() {
		if err != nil {
			_ = s.Close()
		}
	}()
	config := filepath.Join(d.dir, "server.json")
	text, err := json.Marshal(map[string]any{
		"executablePath": o.ExecutablePath, "headless": !o.Headed, "args": args, "chromiumSandbox": os.Geteuid() != 0,
		"handleSIGINT": false, "handleSIGTERM": false, "handleSIGHUP": false,
		"host": "127.0.0.1", "port": 0, "timeout": milliseconds(launchTimeout),
	})
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(config, text, 0o600); err != nil {
		return nil, err
	}
	return s, s.start(ctx, config)
}

// start runs the driver as a server and waits for the address that it prints.
func (s *Server) start(ctx context.Context, config string) error {
	node := filepath.Join(s.driver.dir, "node")
	// Not bound to ctx: Close ends it, in a way that leaves nothing behind.
	command := exec.Command(node, filepath.Join(s.driver.dir, "package", "cli.js"), "launch-server", "--browser", "chromium", "--config", config) //nolint:noctx // see above
	stdin, err := command.StdinPipe()
	if err != nil {
		return err
	}
	stdout, err := command.StdoutPipe()
	if err != nil {
		return err
	}
	var complaint strings.Builder
	command.Stderr = &complaint
	if err := command.Start(); err != nil {
		return fmt.Errorf("the Playwright driver did not start (run `make setup`): %w", err)
	}
	s.stdin = stdin
	address := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(stdout)
		for lines.Scan() {
			if line := strings.TrimSpace(lines.Text()); strings.HasPrefix(line, "ws://") {
				address <- line
			}
		}
		s.ended <- command.Wait()
	}()
	ctx, cancel := context.WithTimeout(ctx, launchTimeout+5*time.Second)
	defer cancel()
	select {
	case s.URL = <-address:
		return nil
	case cause := <-s.ended:
		s.ended <- cause
		return fmt.Errorf("no browser server started: %w", firstLines(errors.Join(cause, errors.New(complaint.String())), 12))
	case <-ctx.Done():
		return fmt.Errorf("no browser server started in time: %w", ctx.Err())
	}
}

// Close ends the browser and whatever is connected to it. The driver ends, and
// the browser with it, when our end of its input is closed, so also when this
// process is killed.
func (s *Server) Close() error {
	defer s.driver.remove()
	if s.stdin == nil {
		return nil
	}
	_ = s.stdin.Close()
	select {
	case cause := <-s.ended:
		s.ended <- cause
		return nil
	case <-time.After(closeTimeout):
		return errors.New("the browser server did not end")
	}
}
