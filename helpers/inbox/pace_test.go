package inbox_test

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/inbox"
)

// An inbox that is asked too often says when to come again, and how often.
func TestWaitKeepsToWhatTheInboxAsksFor(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, kind, path string
		answer           func(w http.ResponseWriter, first bool)
	}{
		{"Retry-After", "mailpit", "", func(w http.ResponseWriter, first bool) {
			if first {
				w.Header().Set("Retry-After", "2")
				w.WriteHeader(http.StatusTooManyRequests)
				return
			}
			w.WriteHeader(http.StatusTeapot) // ends the wait
		}},
		{"X-Ms-Delay", "mailosaur", "/abcd1234", func(w http.ResponseWriter, first bool) {
			if first {
				w.Header().Set("X-Ms-Delay", "2000,4000")
				_, _ = w.Write([]byte(`{"items":[]}`))
				return
			}
			w.WriteHeader(http.StatusTeapot)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			var at []time.Time
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				mu.Lock()
				defer mu.Unlock()
				at = append(at, time.Now())
				tt.answer(w, len(at) == 1)
			}))
			t.Cleanup(server.Close)
			r := rig{url: tt.kind + "+" + server.URL + tt.path, client: server.Client()}
			_, err := r.open(t, password).Wait(enough(t), inbox.Match{To: "ada@inbox.test"})
			require.ErrorContains(t, err, "HTTP 418")
			require.Len(t, at, 2)
			assert.GreaterOrEqual(t, at[1].Sub(at[0]), 1900*time.Millisecond, "from one look to the next")
		})
	}
}
