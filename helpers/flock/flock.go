// Package flock locks files between processes (flock(2)). The system lets go of
// a lock when the process that holds it ends, however it ends.
package flock

import "errors"

// ErrHeld says that another process, or another part of this one, has the lock.
var ErrHeld = errors.New("the lock is held")
