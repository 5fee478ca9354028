package browser

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Two clients share one browser and see nothing of each other; a client that
// ends leaves the browser running, and the server leaves nothing behind.
func TestSeveralClientsShareOneBrowser(t *testing.T) {
	t.Parallel()
	server, options, where := startShared(t)
	for _, client := range []string{"first", "second"} {
		t.Run(client, func(t *testing.T) { visitAsStranger(t, options, where) })
	}
	folder := server.driver.dir
	require.NoError(t, server.Close())
	assert.NoDirExists(t, folder)
	_, err := Launch(context.Background(), options)
	require.ErrorContains(t, err, "PREFLIGHT_BROWSER_WS")
	assert.NotContains(t, err.Error(), server.URL, "the address is a key to the browser")
}

// startShared starts a browser that is to be shared, and returns what connects to
// it and the path of a page.
func startShared(t *testing.T) (server *Server, connect Options, where string) {
	t.Helper()
	where = site().handle(t, "/", page("<h1>shared</h1>"))
	connect = testOptions()
	server, err := StartServer(context.Background(), connect)
	require.NoError(t, err)
	t.Cleanup(func() { _ = server.Close() })
	connect.ServerURL = server.URL
	return server, connect, where
}

// visitAsStranger opens a page in a browser of its own, which knows no cookie of
// others and leaves one, and closes that browser with the test.
func visitAsStranger(t *testing.T, options Options, where string) *Browser {
	t.Helper()
	b, err := Launch(context.Background(), options)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, b.Close()) })
	p := b.Open(t, WindowOptions{ArtifactDir: t.TempDir()})
	p.Goto(site().url("app.localhost", where))
	assert.Contains(t, p.Text(), "shared")
	assert.Empty(t, p.Cookies())
	p.Eval(`() => { document.cookie = "seen=yes; path=/" }`, nil)
	assert.NotEmpty(t, p.Cookies())
	return b
}
