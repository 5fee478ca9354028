//go:build unix

package flock

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// Wait takes the lock of the file at path, which is made where it is missing,
// as soon as nobody else has it. release lets go of it.
func Wait(path string) (release func(), err error) { return take(path, syscall.LOCK_EX) }

// Try is Wait that does not wait: the error is ErrHeld where somebody has the
// lock, and errors.ErrUnsupported where the system knows none.
func Try(path string) (release func(), err error) {
	release, err = take(path, syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, ErrHeld
	}
	return release, err
}

func take(path string, how int) (release func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("the lock file cannot be made: %w", err)
	}
	for {
		if err = syscall.Flock(int(f.Fd()), how); !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("the lock file %s cannot be locked: %w", path, err)
	}
	return func() { _ = f.Close() }, nil
}
