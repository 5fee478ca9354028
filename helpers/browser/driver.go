package browser

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// driverVersion is the release of playwright-core that playwright-go v0.6000.0
// speaks to. Another one answers with other messages.
const driverVersion = "1.60.0"

// driver is a private folder in the form playwright-go asks for, made for one
// start of the browser and removed after it.
type driver struct {
	dir string // the folder: package/cli.js, node, tmp/
	tmp string // the temporary folder of the driver and the browser
}

// cliShim stands in for the driver's cli.js. playwright-go asks it for its
// version before each start, which loads the whole driver (half a second);
// checkDriver has read the version already. And it moves every temporary file,
// the browser's profile above all, into our folder, so that a browser that had
// to be killed leaves nothing behind. The driver ends when our end of its pipe
// is gone, also when go test kills us: it removes the folder then (a server is told
// to watch for that, a driver does by itself). Until then it
// outlives the signals that a terminal or a CI server sends to all of us at once:
// the browser must not break before the run knows that it was interrupted.
const cliShim = `if (process.argv[2] === '--version') {
  console.log('Version ' + %s);
} else {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {});
  process.env.TMPDIR = process.env.TMP = process.env.TEMP = %s;
  process.on('exit', () => require('fs').rmSync(%s, {recursive: true, force: true, maxRetries: 3}));
  if (process.argv[2] === 'launch-server') process.stdin.on('end', () => process.exit(0)).resume();
  require(%s);
}
`

// newDriver prepares a folder from the unpacked npm package in driverDir and
// the Node program at nodePath ("" searches). Every error is one sentence that
// names the remedy.
func newDriver(driverDir, nodePath string) (*driver, error) {
	cli, err := checkDriver(driverDir)
	if err != nil {
		return nil, err
	}
	node, err := findNode(driverDir, nodePath)
	if err != nil {
		return nil, err
	}
	base := ""
	if runtime.GOOS == "darwin" {
		base = "/tmp" // the usual one is too long for Chromium's socket names
	}
	dir, err := os.MkdirTemp(base, "preflight-browser-")
	if err != nil {
		return nil, fmt.Errorf("the browser needs a temporary folder: %w", err)
	}
	d := &driver{dir: dir, tmp: filepath.Join(dir, "tmp")}
	if err := d.fill(cli, node); err != nil {
		d.remove()
		return nil, fmt.Errorf("the browser's temporary folder could not be filled: %w", err)
	}
	return d, nil
}

func (d *driver) fill(cli, node string) error {
	for _, dir := range []string{d.tmp, filepath.Join(d.dir, "package")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	quoted := func(s string) string { b, _ := json.Marshal(s); return string(b) }
	shim := fmt.Sprintf(cliShim, quoted(driverVersion), quoted(d.tmp), quoted(d.dir), quoted(cli))
	if err := os.WriteFile(filepath.Join(d.dir, "package", "cli.js"), []byte(shim), 0o600); err != nil {
		return err
	}
	name := "node"
	if runtime.GOOS == "windows" {
		name = "node.exe"
	}
	return os.Symlink(node, filepath.Join(d.dir, name))
}

func (d *driver) remove() { _ = os.RemoveAll(d.dir) }

// checkDriver returns the path of the driver's cli.js.
func checkDriver(driverDir string) (string, error) {
	dir, err := locate(driverDir)
	if err != nil {
		return "", fmt.Errorf("the folder of the Playwright driver, %s, is no path: %w", driverDir, err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "package", "package.json"))
	if err != nil {
		return "", fmt.Errorf("the Playwright driver is not in %s: run `make setup`", dir)
	}
	var manifest struct {
		Version string `json:"version"`
	}
	if err := json.Unmarshal(b, &manifest); err != nil || manifest.Version != driverVersion {
		return "", fmt.Errorf("the Playwright driver in %s is version %q, and %s is needed: run `make setup`", dir, manifest.Version, driverVersion)
	}
	cli := filepath.Join(dir, "package", "cli.js")
	if _, err := os.Stat(cli); err != nil {
		return "", fmt.Errorf("the Playwright driver in %s is incomplete (no package/cli.js): run `make setup`", dir)
	}
	return cli, nil
}

// locate makes the driver's folder absolute. A relative one is looked for
// upward, for go test runs in the folder of its package.
func locate(driverDir string) (string, error) {
	if driverDir == "" {
		driverDir = filepath.Join(".cache", "playwright") // where `make setup` puts it
	}
	first, err := filepath.Abs(driverDir)
	if err != nil || filepath.IsAbs(driverDir) {
		return first, err
	}
	at, err := filepath.Abs(".")
	for err == nil {
		dir := filepath.Join(at, driverDir)
		if _, err := os.Stat(filepath.Join(dir, "package")); err == nil {
			return dir, nil
		}
		if filepath.Dir(at) == at {
			break
		}
		at = filepath.Dir(at)
	}
	return first, err
}

// findNode looks for Node: the path given, PLAYWRIGHT_NODEJS_PATH (which
// playwright-go itself prefers to everything), beside the driver, on the PATH.
func findNode(driverDir, given string) (string, error) {
	for _, path := range []string{given, os.Getenv("PLAYWRIGHT_NODEJS_PATH")} {
		if path == "" {
			continue
		}
		if !executable(path) {
			return "", fmt.Errorf("there is no Node program at %s: install Node 20 or later, or correct the path", path)
		}
		return filepath.Abs(path)
	}
	if path := filepath.Join(driverDir, "node"); executable(path) {
		return filepath.Abs(path)
	}
	path, err := exec.LookPath("node")
	if err != nil {
		return "", fmt.Errorf("the browser driver needs Node and there is none on the PATH: install Node 20 or later, then run `make setup`")
	}
	return filepath.Abs(path)
}

// executable reports whether path is a file that may be run.
func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && (runtime.GOOS == "windows" || info.Mode().Perm()&0o111 != 0)
}
