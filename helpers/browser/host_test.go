package browser

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Browsers that share a driver have nothing else in common, and end without it;
// where it broke the next one has a new one.
func TestBrowsersShareADriver(t *testing.T) {
	t.Parallel()
	where := site().handle(t, "/", page("<h1>shared</h1>"))
	options := testOptions()
	server, err := StartServer(context.Background(), options)
	require.NoError(t, err)
	t.Cleanup(func() { _ = server.Close() })
	options.ServerURL, options.Driver = server.URL, &Driver{}
	t.Cleanup(options.Driver.Close)
	visit := func(t *testing.T) (pid int, folder string) {
		t.Helper()
		b, err := Launch(context.Background(), options)
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, b.Close()) })
		p := b.Open(t, WindowOptions{ArtifactDir: t.TempDir()})
		p.Goto(site().url("app.localhost", where))
		assert.Contains(t, p.Text(), "shared")
		assert.Empty(t, p.Cookies())
		p.Eval(`() => { document.cookie = "seen=yes; path=/" }`, nil)
		return b.engine.processes.driver, b.engine.host.driver.dir
	}
	var first, second, third int
	var broken, last string
	t.Run("first", func(t *testing.T) { first, _ = visit(t) })
	t.Run("second", func(t *testing.T) { second, broken = visit(t) })
	assert.Equal(t, first, second)
	assert.True(t, living(first), "closing a browser ends no shared driver")

	(processes{driver: first}).kill()
	require.True(t, (processes{driver: first}).awaitGone(goneTimeout))
	t.Run("third", func(t *testing.T) { third, last = visit(t) })
	assert.NotEqual(t, first, third)
	assert.NoDirExists(t, broken)
	options.Driver.Close()
	assert.False(t, living(third))
	assert.NoDirExists(t, last)
}
