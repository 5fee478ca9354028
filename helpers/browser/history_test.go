package browser

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A browser as people have it shows a page again without asking anybody, unless
// the page forbids it and the cookies have changed since.
func TestHistoryBackUsesTheBackForwardCache(t *testing.T) {
	t.Parallel()
	path, err := FindFull("")
	if err != nil {
		t.Skip(err)
	}
	s := site()
	var asked atomic.Int32
	private := func(header, value string) string {
		return s.handle(t, "/"+header, func(w http.ResponseWriter, r *http.Request) {
			asked.Add(1)
			w.Header().Set(header, value)
			w.Header().Add("Set-Cookie", "session=x; Path=/; Secure; HttpOnly")
			page("<h1>Private</h1>")(w, r)
		})
	}
	out := s.handle(t, "/out", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Set-Cookie", "session=; Path=/; Max-Age=0; Secure; HttpOnly")
		page("<h1>Signed out</h1>")(w, r)
	})
	o := testOptions()
	o.ExecutablePath, o.BackForwardCache = path, true
	b, err := Launch(context.Background(), o)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, b.Close()) })
	for address, restored := range map[string]bool{private("Vary", "*"): true, private("Cache-Control", "no-store"): false} {
		p := b.Open(t, WindowOptions{})
		p.WatchRestores()
		p.Goto(s.url("app.localhost", address))
		p.Goto(s.url("app.localhost", out))
		p.Goto(s.url("auth.localhost", out))
		_, ok := p.HistoryBack()
		require.True(t, ok)
		before := asked.Load()
		r, ok := p.HistoryBack()
		require.True(t, ok)
		assert.Equal(t, "Private", r.Text)
		assert.Equal(t, restored, r.FromCache, address)
		assert.Equal(t, restored, asked.Load() == before, "the server was not asked for %s", address)
	}
}
