package config

import (
	"errors"
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

// DotenvPath is where the .env lies: beside go.mod, whatever folder a test
// runs in. Outside a clone it is the working directory's.
func DotenvPath() string {
	root, err := ModuleRoot()
	if err != nil {
		return ".env"
	}
	return filepath.Join(root, ".env")
}
