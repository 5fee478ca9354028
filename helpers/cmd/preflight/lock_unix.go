//go:build unix

package main

import (
	"fmt"
	"os"
	"syscall"
)

// lock waits until no other process holds the lock at path. The system lets go
// of it when this process ends, however it ends.
func lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("the lock file of setup cannot be made: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("the lock file %s cannot be locked: %w", path, err)
	}
	return func() { _ = f.Close() }, nil
}
