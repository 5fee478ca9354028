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
	"github.com/auth-preflight/auth-preflight/helpers/flock"
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
	unlock, err := flock.Wait(place.driverDir + ".lock")
	if err != nil {
		return err
	}
	defer unlock()

	if driver.check(place.driverDir) != nil {
		if err := driver.fetch(ctx, out, place.driverDir); err != nil {
			return err
		}
	}
	if axe.check(place.axeDir) != nil {
		// One check needs them; the others run without.
		if err := axe.fetch(ctx, out, place.axeDir); err != nil {
			fmt.Fprintf(out, "preflight: warning: without accessibility rules methods/selection is not verified: %v\n", err)
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
	axeDir    string
	browser   string // PREFLIGHT_BROWSER; empty: to be looked for
}

// findPlace reads only what says how to run: setup must work before a .env
// describes a deployment.
func findPlace() (place, error) {
	cfg, err := config.LoadLocal(os.LookupEnv, config.DotenvPath())
	if err != nil {
		return place{}, err
	}
	return place{cfg.DriverDir, cfg.AxeDir, cfg.Browser}, nil
}

func (p place) ready() error {
	_, err := browser.Find(p.browser)
	return errors.Join(driver.check(p.driverDir), axe.check(p.axeDir), err)
}
