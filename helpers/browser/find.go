package browser

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// errNoBrowser says what to do where no browser is installed.
var errNoBrowser = errors.New("no Chromium was found: install one (Debian: apt-get install chromium-headless-shell), or name it in PREFLIGHT_BROWSER")

// Find returns the path of the browser to drive: the explicit one, or else the
// first of chromium-headless-shell (by far the quickest), Chromium, Chrome and
// Edge at their usual names and places. An error is one sentence with a remedy.
func Find(explicit string) (path string, err error) { return find(explicit, false) }

// errNoFullBrowser says what to do where only the headless shell is there.
var errNoFullBrowser = errors.New("this needs a full Chromium or Chrome, and there is only its headless shell: install one (Debian: apt-get install chromium), or name it in PREFLIGHT_BROWSER")

// FindFull is Find for what the headless shell cannot do: it leaves that one
// out. An error is one sentence with a remedy.
func FindFull(explicit string) (path string, err error) {
	if explicit == "" {
		if path, err = find("", true); errors.Is(err, errNoBrowser) {
			err = errNoFullBrowser
		}
		return path, err
	}
	if path, err = checkBrowser(explicit); err == nil && isShell(path) {
		return FindFull("")
	}
	return path, err
}

// isShell recognises the headless shell by its name.
func isShell(path string) bool {
	name := filepath.Base(path)
	if real, err := filepath.EvalSymlinks(path); err == nil {
		name = filepath.Base(real)
	}
	return strings.Contains(name, "headless-shell") || strings.Contains(name, "headless_shell")
}

// find is Find; a headed browser cannot be the headless shell.
func find(explicit string, headed bool) (string, error) {
	if explicit != "" {
		return checkBrowser(explicit)
	}
	var refused error
	for _, candidate := range candidates(headed) {
		path := candidate
		if !filepath.IsAbs(candidate) {
			found, err := exec.LookPath(candidate)
			if err != nil {
				continue
			}
			path = found
		} else if !executable(path) {
			continue
		}
		path, err := checkBrowser(path)
		if err == nil {
			return path, nil
		}
		refused = err
	}
	if refused != nil {
		return "", refused
	}
	return "", errNoBrowser
}

// checkBrowser refuses what is there but cannot be driven.
func checkBrowser(path string) (string, error) {
	found, err := exec.LookPath(path)
	if err != nil {
		return "", fmt.Errorf("there is no browser at %s: correct PREFLIGHT_BROWSER, or leave it empty to have one looked for", path)
	}
	found, err = filepath.Abs(found)
	if err != nil {
		return "", err
	}
	if isSnap(found) {
		return "", fmt.Errorf("%s only starts Ubuntu's snap, which keeps the suite from its profile and its flags: install Google Chrome or a chromium-headless-shell, or name another browser in PREFLIGHT_BROWSER", found)
	}
	return found, nil
}

// isSnap recognises Ubuntu's stub: a link into snapd, or a script that calls it.
func isSnap(path string) bool {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return false
	}
	if strings.HasPrefix(real, "/snap/") || filepath.Base(real) == "snap" {
		return true
	}
	f, err := os.Open(real)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, 4096)
	n, _ := io.ReadFull(f, head)
	head = head[:n]
	return bytes.HasPrefix(head, []byte("#!")) &&
		(bytes.Contains(head, []byte("/snap/bin/")) || bytes.Contains(head, []byte("snap install")))
}

// candidates lists names for the PATH and absolute paths, best first.
func candidates(headed bool) []string {
	var list []string
	if !headed {
		list = append(list, "chromium-headless-shell", "chrome-headless-shell", "headless_shell", "/usr/lib/chromium/chromium-headless-shell")
	}
	list = append(list, "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome",
		"microsoft-edge", "microsoft-edge-stable", "msedge")
	switch runtime.GOOS {
	case "darwin":
		home, _ := os.UserHomeDir()
		for _, app := range []string{
			"Chromium.app/Contents/MacOS/Chromium", "Google Chrome.app/Contents/MacOS/Google Chrome",
			"Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
		} {
			list = append(list, filepath.Join("/Applications", app), filepath.Join(home, "Applications", app))
		}
	case "windows":
		for _, root := range []string{os.Getenv("ProgramFiles"), os.Getenv("ProgramFiles(x86)"), os.Getenv("LocalAppData")} {
			if root != "" {
				list = append(list, filepath.Join(root, `Chromium\Application\chrome.exe`),
					filepath.Join(root, `Google\Chrome\Application\chrome.exe`), filepath.Join(root, `Microsoft\Edge\Application\msedge.exe`))
			}
		}
	default:
		list = append(list, "/usr/lib/chromium/chromium", "/opt/google/chrome/chrome", "/opt/microsoft/msedge/msedge", "/snap/bin/chromium")
	}
	return list
}
