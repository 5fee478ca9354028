package config

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// ModuleRoot is the folder of the go.mod above the working directory: tests
// run in their package's folder, the .env lies at the top.
func ModuleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("no go.mod here or above: run this inside a clone of the repository")
		}
		dir = parent
	}
}

// DotenvPath is the file that PREFLIGHT_ENV_FILE names or else the .env beside
// go.mod, whatever folder a test runs in.
func DotenvPath() string { return fromRoot(cmp.Or(os.Getenv("PREFLIGHT_ENV_FILE"), ".env")) }

// CheckDotenv is an error where PREFLIGHT_ENV_FILE names a file that is not there:
// a run that took it for none would judge the embedded deployment in the place of
// somebody's own.
func CheckDotenv() error {
	named, path := os.Getenv("PREFLIGHT_ENV_FILE"), DotenvPath()
	if _, err := os.Stat(path); named == "" || !errors.Is(err, fs.ErrNotExist) {
		return nil // what cannot be read is said by who reads it
	}
	return fmt.Errorf("PREFLIGHT_ENV_FILE names %s, which is not there: correct the path, write the file with make init, or unset the variable (%s: no file)", path, os.DevNull)
}

// fromRoot makes a relative path start at the module's root, so that it means
// the same file for every test; outside a clone, at the working directory.
func fromRoot(path string) string {
	if root, err := ModuleRoot(); err == nil && !filepath.IsAbs(path) {
		path = filepath.Join(root, path)
	}
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}
