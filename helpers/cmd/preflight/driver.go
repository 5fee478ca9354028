package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha512"
	"encoding/base64"
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

// The driver is the npm package playwright-core in the version that the
// playwright-go of go.mod speaks to; a test holds the two together. The
// integrity is npm's (sha512 of the archive), so that nothing else is run.
const (
	driverVersion   = "1.60.0"
	driverIntegrity = "sha512-9bW6zvX/m0lEbgTKJ6YppOKx8H3VOPBMOCFh2irXFOT4BbHgrx5hPjwJYLT40Lu+4qtD36qKc/Hn56StUW57IA=="
	npmTimeout      = 5 * time.Minute
)

// checkDriver returns nil if the driver is unpacked in dir/package.
func checkDriver(dir string) error {
	text, err := os.ReadFile(filepath.Join(dir, "package", "package.json"))
	if err != nil {
		return fmt.Errorf("the browser driver is not in %s: run make setup", dir)
	}
	var manifest struct{ Version string }
	if json.Unmarshal(text, &manifest) != nil || manifest.Version != driverVersion {
		return fmt.Errorf("the browser driver in %s is version %q, but %s is needed: run make setup", dir, manifest.Version, driverVersion)
	}
	for _, part := range []string{"cli.js", "index.js", "lib/coreBundle.js", "lib/utilsBundle.js"} {
		if info, err := os.Stat(filepath.Join(dir, "package", part)); err != nil || info.Size() == 0 {
			return fmt.Errorf("the browser driver in %s lacks %s: run make setup", dir, part)
		}
	}
	return nil
}

// fetchDriver lets npm fetch the package and puts it in place in one step: the
// driver is there whole or not at all. It runs under the lock, so whatever
// begins with a dot beside it was left behind by a setup that was killed.
func fetchDriver(ctx context.Context, out io.Writer, dir string) error {
	leftovers, _ := filepath.Glob(filepath.Join(dir, ".fetch-*"))
	for _, old := range leftovers {
		_ = os.RemoveAll(old)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("the folder of the browser driver cannot be made: %w", err)
	}
	work, err := os.MkdirTemp(dir, ".fetch-*")
	if err != nil {
		return fmt.Errorf("%s cannot be written to: %w", dir, err)
	}
	defer func() { _ = os.RemoveAll(work) }()

	start := time.Now()
	fmt.Fprintf(out, "preflight: fetching the browser driver, npm playwright-core@%s …\n", driverVersion)
	archive, err := npmPack(ctx, work, "playwright-core@"+driverVersion)
	if err != nil {
		return err
	}
	sum := sha512.Sum512(archive)
	if "sha512-"+base64.StdEncoding.EncodeToString(sum[:]) != driverIntegrity {
		return fmt.Errorf("npm gave a playwright-core@%s that is not the published one (its sha512 differs): nothing was unpacked; check npm's registry setting", driverVersion)
	}
	if err := unpack(archive, work); err != nil {
		return fmt.Errorf("the browser driver cannot be unpacked into %s: %w", dir, err)
	}
	if err := checkDriver(work); err != nil {
		return err
	}
	target := filepath.Join(dir, "package")
	if err := os.RemoveAll(target); err != nil {
		return fmt.Errorf("the incomplete driver in %s cannot be removed: %w", target, err)
	}
	if err := os.Rename(filepath.Join(work, "package"), target); err != nil {
		return fmt.Errorf("the browser driver cannot be put in place: %w", err)
	}
	fmt.Fprintf(out, "preflight: browser driver ready (%.1f s)\n", time.Since(start).Seconds())
	return nil
}

// npmPack fetches one package of the npm registry as an archive, without
// running anything of it.
func npmPack(ctx context.Context, dir, spec string) ([]byte, error) {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return nil, errors.New("npm is not on the PATH: install Node 20 or later with npm, then run make setup again")
	}
	ctx, cancel := context.WithTimeout(ctx, npmTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, npm, "pack", spec, "--ignore-scripts", "--silent", "--pack-destination", dir)
	cmd.Dir = dir // away from any package.json and .npmrc of a project
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("npm could not fetch %s (%w): is the npm registry reachable? %s", spec, err, lastLine(stderr.String()))
	}
	found, _ := filepath.Glob(filepath.Join(dir, "*.tgz"))
	if len(found) != 1 {
		return nil, fmt.Errorf("npm pack %s ended without an archive in %s", spec, dir)
	}
	return os.ReadFile(found[0])
}

// unpack writes a gzipped tar below dir; os.Root keeps every entry inside.
func unpack(archive []byte, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	zipped, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		return err
	}
	for entries := tar.NewReader(zipped); ; {
		entry, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if entry.Typeflag != tar.TypeReg {
			continue // npm archives hold files only
		}
		if err := root.MkdirAll(filepath.Dir(entry.Name), 0o755); err != nil {
			return err
		}
		text, err := io.ReadAll(entries)
		if err != nil {
			return err
		}
		if err := root.WriteFile(entry.Name, text, 0o644|entry.FileInfo().Mode().Perm()&0o111); err != nil {
			return err
		}
	}
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}
