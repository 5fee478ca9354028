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

	"github.com/auth-preflight/auth-preflight/helpers/a11y"
)

// npmPackage is a package of the npm registry that setup puts in place. The
// integrity is npm's (sha512 of the archive), so that nothing else is run.
type npmPackage struct {
	what, name, version, integrity string
	parts                          []string // files that must be there, and not empty
}

// driver is the browser driver, in the version that the playwright-go of
// go.mod speaks to; a test holds the two together.
var driver = npmPackage{
	what: "browser driver", name: "playwright-core", version: "1.60.0",
	integrity: "sha512-9bW6zvX/m0lEbgTKJ6YppOKx8H3VOPBMOCFh2irXFOT4BbHgrx5hPjwJYLT40Lu+4qtD36qKc/Hn56StUW57IA==",
	parts:     []string{"cli.js", "index.js", "lib/coreBundle.js", "lib/utilsBundle.js"},
}

// axe judges the accessibility of pages (helpers/a11y).
var axe = npmPackage{
	what: "accessibility rules", name: "axe-core", version: a11y.Version,
	integrity: "sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==",
	parts:     []string{a11y.File},
}

const npmTimeout = 5 * time.Minute

// check returns nil if the package is unpacked in dir/package.
func (p npmPackage) check(dir string) error {
	text, err := os.ReadFile(filepath.Join(dir, "package", "package.json"))
	if err != nil {
		return fmt.Errorf("the %s is not in %s: run make setup", p.what, dir)
	}
	var manifest struct{ Version string }
	if json.Unmarshal(text, &manifest) != nil || manifest.Version != p.version {
		return fmt.Errorf("the %s in %s is version %q, but %s is needed: run make setup", p.what, dir, manifest.Version, p.version)
	}
	for _, part := range p.parts {
		if info, err := os.Stat(filepath.Join(dir, "package", part)); err != nil || info.Size() == 0 {
			return fmt.Errorf("the %s in %s lacks %s: run make setup", p.what, dir, part)
		}
	}
	return nil
}

// fetch lets npm fetch the package and puts it in place in one step: it is
// there whole or not at all. It runs under the lock, so whatever begins with a
// dot beside it was left behind by a setup that was killed.
func (p npmPackage) fetch(ctx context.Context, out io.Writer, dir string) error {
	leftovers, _ := filepath.Glob(filepath.Join(dir, ".fetch-*"))
	for _, old := range leftovers {
		_ = os.RemoveAll(old)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("the folder of the %s cannot be made: %w", p.what, err)
	}
	work, err := os.MkdirTemp(dir, ".fetch-*")
	if err != nil {
		return fmt.Errorf("%s cannot be written to: %w", dir, err)
	}
	defer func() { _ = os.RemoveAll(work) }()

	start, spec := time.Now(), p.name+"@"+p.version
	fmt.Fprintf(out, "preflight: fetching the %s, npm %s …\n", p.what, spec)
	archive, err := npmPack(ctx, work, spec)
	if err != nil {
		return err
	}
	sum := sha512.Sum512(archive)
	if "sha512-"+base64.StdEncoding.EncodeToString(sum[:]) != p.integrity {
		return fmt.Errorf("npm gave a %s that is not the published one (its sha512 differs): nothing was unpacked; check npm's registry setting", spec)
	}
	if err := unpack(archive, work); err != nil {
		return fmt.Errorf("the %s cannot be unpacked into %s: %w", p.what, dir, err)
	}
	if err := p.check(work); err != nil {
		return err
	}
	target := filepath.Join(dir, "package")
	if err := os.RemoveAll(target); err != nil {
		return fmt.Errorf("the incomplete %s in %s cannot be removed: %w", p.what, target, err)
	}
	if err := os.Rename(filepath.Join(work, "package"), target); err != nil {
		return fmt.Errorf("the %s cannot be put in place: %w", p.what, err)
	}
	fmt.Fprintf(out, "preflight: %s ready (%.1f s)\n", p.what, time.Since(start).Seconds())
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
