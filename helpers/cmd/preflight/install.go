package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// browserPackage is Debian's build of Chromium's headless shell: the same
// engine for a third of the processor time (research/feasibility.md).
const browserPackage = "chromium-headless-shell"

const aptTimeout = 10 * time.Minute

// installBrowser installs a browser where that is one safe command, on Debian
// as root or with sudo that asks nothing. Elsewhere its error says in one
// sentence what to install.
func installBrowser(ctx context.Context, out io.Writer) error {
	system := osRelease()["ID"]
	if system != "debian" {
		return errors.New(installAdvice(runtime.GOOS, system))
	}
	sudo, ok := becomeRoot(ctx)
	if !ok {
		return fmt.Errorf("no browser was found, and installing one needs root: run sudo apt-get install -y --no-install-recommends %s, or name a Chromium or Chrome in PREFLIGHT_BROWSER", browserPackage)
	}
	start := time.Now()
	ctx, cancel := context.WithTimeout(ctx, aptTimeout)
	defer cancel()
	install := func() error {
		fmt.Fprintf(out, "preflight: installing the browser, Debian's %s …\n", browserPackage)
		return apt(ctx, sudo, "install", "-y", "--no-install-recommends", browserPackage)
	}
	// A fresh container has no package lists, an old one stale ones.
	first := errors.New("no package lists")
	if exec.CommandContext(ctx, "apt-cache", "show", browserPackage).Run() == nil {
		first = install()
	}
	if first != nil {
		fmt.Fprintln(out, "preflight: fetching Debian's package lists …")
		if err := apt(ctx, sudo, "update"); err != nil {
			return err
		}
		if err := install(); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "preflight: browser installed (%.1f s)\n", time.Since(start).Seconds())
	return nil
}

// apt runs apt-get without questions; another apt-get is waited for.
func apt(ctx context.Context, sudo []string, args ...string) error {
	line := append(append([]string{}, sudo...), "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-o", "DPkg::Lock::Timeout=300")
	line = append(line, args...)
	cmd := exec.CommandContext(ctx, line[0], line[1:]...) //nolint:gosec // every word is ours
	var text bytes.Buffer
	cmd.Stdout, cmd.Stderr = &text, &text
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("apt-get %s failed (%w): %s; install a Chromium by hand, or name one in PREFLIGHT_BROWSER", args[0], err, lastLine(text.String()))
	}
	return nil
}

// becomeRoot returns the words before a command that makes it root's: none for
// root, sudo where it asks for no password.
func becomeRoot(ctx context.Context) (words []string, ok bool) {
	if os.Geteuid() == 0 {
		return nil, true
	}
	if exec.CommandContext(ctx, "sudo", "-n", "true").Run() == nil {
		return []string{"sudo", "-n"}, true
	}
	return nil, false
}

// installAdvice says what to install where setup does not do it; system is
// os-release's ID of a Linux.
func installAdvice(goos, system string) string {
	const otherwise = ", or name a Chromium or Chrome in PREFLIGHT_BROWSER"
	switch {
	case system == "ubuntu":
		return "no browser was found: install Google Chrome's .deb from https://www.google.com/chrome/ (Ubuntu's chromium package is only a stub of a snap)" + otherwise
	case goos == "darwin":
		return "no browser was found: install Google Chrome (brew install --cask google-chrome)" + otherwise
	case goos == "windows":
		return "no browser was found: install Google Chrome (winget install Google.Chrome)" + otherwise
	}
	return "no browser was found: install your system's Chromium or Google Chrome" + otherwise
}

// osRelease reads /etc/os-release (os-release(5)); empty where there is none.
func osRelease() map[string]string {
	file, err := os.Open("/etc/os-release")
	if err != nil {
		return nil
	}
	defer func() { _ = file.Close() }()
	fields := map[string]string{}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if name, text, ok := strings.Cut(lines.Text(), "="); ok {
			fields[name] = strings.Trim(text, `"'`)
		}
	}
	return fields
}
