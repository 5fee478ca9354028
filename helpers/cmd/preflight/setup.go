package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/auth-preflight/auth-preflight/helpers/browser"
	"github.com/auth-preflight/auth-preflight/helpers/config"
)

// setup puts the driver and a browser in place. With both there it only looks;
// two at once take turns, and what a killed one left behind is removed.
func setup(ctx context.Context, out io.Writer) error {
	place, err := findPlace()
	if err != nil {
		return err
	}
	if place.ready() == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(place.driverDir), 0o755); err != nil {
		return fmt.Errorf("the folder of the browser driver cannot be made: %w", err)
	}
	unlock, err := lock(place.driverDir + ".lock")
	if err != nil {
		return err
	}
	defer unlock()

	if err := checkDriver(place.driverDir); err != nil {
		if err := fetchDriver(ctx, out, place.driverDir); err != nil {
			return err
		}
	}
	path, err := browser.Find(place.browser)
	if err != nil && place.browser == "" {
		if err := installBrowser(ctx, out); err != nil {
			return err
		}
		path, err = browser.Find("")
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "preflight: ready: driver in %s, browser %s\n", place.driverDir, path)
	return nil
}

// place is where this machine keeps what the suite drives a browser with.
type place struct {
	driverDir string
	browser   string // PREFLIGHT_BROWSER; empty: to be looked for
}

// findPlace reads only what says how to run: setup must work before a .env
// describes a deployment.
func findPlace() (place, error) {
	cfg, err := config.LoadLocal(os.LookupEnv, config.DotenvPath())
	if err != nil {
		return place{}, err
	}
	return place{cfg.DriverDir, cfg.Browser}, nil
}

func (p place) ready() error {
	_, err := browser.Find(p.browser)
	return errors.Join(checkDriver(p.driverDir), err)
}
