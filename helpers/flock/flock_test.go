//go:build unix

package flock

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestALockIsHeldByOneAtATime(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	release, err := Try(path)
	require.NoError(t, err)
	_, err = Try(path)
	require.ErrorIs(t, err, ErrHeld)

	taken := make(chan error, 1)
	go func() {
		again, err := Wait(path)
		if err == nil {
			defer again()
		}
		taken <- err
	}()
	assert.Empty(t, taken, "two have the lock")
	release()
	require.NoError(t, <-taken)
}

func TestALockWithoutAFolderIsAnError(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "missing", "lock")
	_, err := Wait(path)
	require.Error(t, err)
	_, err = Try(path)
	require.Error(t, err)
	assert.NotErrorIs(t, err, ErrHeld)
}
