package readiness

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/auth-preflight/auth-preflight/helpers/flock"
)

// aliveFile lies in a run's folder while the run lives, locked by its process,
// and names the machine of that process: a lock says nothing about another one.
const aliveFile = "alive"

// stayAlive lets others know that the process of the run in a folder lives, for
// as long as it does, or until over is called. Where the system has no locks it
// tells nobody anything.
func stayAlive(folder string) (over func()) {
	path, here := filepath.Join(folder, aliveFile), machine()
	release, err := flock.Try(path)
	if err == nil && here != "" {
		err = os.WriteFile(path, []byte(here), 0o600)
	}
	over = func() {
		_ = os.Remove(path)
		if release != nil {
			release()
		}
	}
	if err != nil || here == "" {
		over()
		return func() {}
	}
	return over
}

// Lives reports whether the process of the run in a folder still lives. known is
// false where nobody can tell: the run was on another machine, or before this
// one was started anew, or where there are no locks; and of a run that has
// finished, which says so itself.
func Lives(folder string) (lives, known bool) {
	path := filepath.Join(folder, aliveFile)
	where, err := os.ReadFile(path)
	if err != nil || len(where) == 0 || string(where) != machine() {
		return false, false
	}
	release, err := flock.Try(path)
	if err == nil {
		release()
	}
	return err != nil, err == nil || errors.Is(err, flock.ErrHeld)
}

// machine is a name that this machine has until it is started anew, or
// at least until it is called otherwise; empty: none.
func machine() string {
	if boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id"); err == nil {
		return strings.TrimSpace(string(boot))
	}
	name, err := os.Hostname()
	if err != nil {
		return ""
	}
	return runtime.GOOS + " " + name
}
