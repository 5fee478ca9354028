//go:build !unix

package flock

import "errors"

// Wait locks nothing where there is no flock.
func Wait(string) (release func(), err error) { return func() {}, nil }

// Try says that there is no flock.
func Try(string) (release func(), err error) { return nil, errors.ErrUnsupported }
