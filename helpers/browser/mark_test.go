package browser

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// marked is a browser whose requests carry a mark.
var marked = sync.OnceValues(func() (*Browser, error) {
	o := testOptions()
	o.Mark = "auth-preflight (run r-1)"
	return Launch(context.Background(), o)
})

// Whatever a page sends says whose it is, whichever part of the browser sends
// it, and no other origin is asked for leave because of that.
func TestEveryRequestOfAPageIsMarked(t *testing.T) {
	t.Parallel()
	b, err := marked()
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, b.Close()) })
	s := site()
	var mu sync.Mutex
	seen := map[string]http.Header{}
	watch := func(h http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			seen[r.Method+" "+r.FormValue("kind")] = r.Header.Clone()
			mu.Unlock()
			w.Header().Set("Access-Control-Allow-Origin", "*")
			h(w, r)
		}
	}
	text := func(kind, body string) http.HandlerFunc {
		return watch(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			_, _ = w.Write([]byte(body))
		})
	}
	any := s.handle(t, "/any", text("text/plain", "x"))
	frame := s.handle(t, "/frame", watch(page(`<p>inside</p>`)))
	elsewhere := func(path, kind string) string { return s.url("other.localhost", path) + "?kind=" + kind }
	worker := s.handle(t, "/worker", text("text/javascript", `fetch("`+elsewhere(any, "worker-fetch")+`").then(() => postMessage(navigator.userAgent))`))
	main := s.handle(t, "", watch(page(`<link rel=stylesheet href="`+elsewhere(any, "style")+`"><img src="`+elsewhere(any, "picture")+`">
		<iframe src="`+elsewhere(frame, "frame")+`"></iframe><form method=post action="?kind=form"><button>Go</button></form>
		<a id=pop target=_blank href="?kind=popup">open</a>`)))

	p := b.Open(t, WindowOptions{})
	p.Goto(s.url("app.localhost", main) + "?kind=page")
	name := p.Eval("() => navigator.userAgent", nil)
	assert.Regexp(t, `^Mozilla/5\.0 .* auth-preflight \(run r-1\)$`, name)
	p.Eval(`address => fetch(address).then(r => r.text())`, elsewhere(any, "fetch"))
	assert.Equal(t, name, p.Eval(`address => new Promise(done => { new Worker(address).onmessage = m => done(m.data) })`, s.url("app.localhost", worker)+"?kind=worker"))
	p.Eval(`address => navigator.sendBeacon(address, "x")`, elsewhere(any, "beacon"))
	p.Click("#pop")
	p.Submit("button")
	p.Fetch("GET", s.url("app.localhost", any)+"?kind=direct")
	kinds := []string{
		"GET page", "GET style", "GET picture", "GET frame", "GET fetch", "GET worker", "GET worker-fetch", "POST beacon",
		"GET popup", "POST form", "GET direct",
	}
	has := func(kind string) bool { mu.Lock(); defer mu.Unlock(); return seen[kind] != nil }
	require.Eventually(t, func() bool { return has("POST beacon") && has("GET popup") }, 20*time.Second, 10*time.Millisecond)
	mu.Lock()
	defer mu.Unlock()
	for _, kind := range kinds {
		assert.Equal(t, name, seen[kind].Get("User-Agent"), kind)
	}
	assert.Len(t, seen, len(kinds), "and no preflight was sent: %v", seen)
}
