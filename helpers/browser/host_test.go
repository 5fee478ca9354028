package browser

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Browsers that share a driver have nothing else in common, and end without it;
// where it broke the next one has a new one.
func TestBrowsersShareADriver(t *testing.T) {
	t.Parallel()
	_, options, where := startShared(t)
	options.Driver = &Driver{}
	t.Cleanup(options.Driver.Close)
	var pids []int
	var folders []string
	visit := func(t *testing.T) {
		t.Helper()
		e := visitAsStranger(t, options, where).engine
		pids, folders = append(pids, e.processes.driver), append(folders, e.host.driver.dir)
	}
	t.Run("first", visit)
	t.Run("second", visit)
	assert.Equal(t, pids[0], pids[1])
	assert.True(t, living(pids[0]), "closing a browser ends no shared driver")

	broken := processes{driver: pids[1]}
	broken.kill()
	require.True(t, broken.awaitGone(goneTimeout))
	t.Run("third", visit)
	assert.NotEqual(t, pids[0], pids[2])
	assert.NoDirExists(t, folders[1])
	options.Driver.Close()
	assert.False(t, living(pids[2]))
	assert.NoDirExists(t, folders[2])
}
