package browser

import (
	"net/http"
	"path"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
)

// Of the answers that a window is given those count that a person was given: what
// was opened, and what the host of an open page said to its scripts. What others
// answer to a picture or a counter does not.
func TestTheAnswersThatCount(t *testing.T) {
	t.Parallel()
	s := site()
	late := s.handle(t, "/late", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	main := s.handle(t, "", page(`<img src="`+s.url("other.localhost", late)+`?picture">`))
	var mu sync.Mutex
	told := map[string]int{}
	p := open(t, WindowOptions{OnAnswer: func(address string, status int, _ http.Header) {
		mu.Lock()
		defer mu.Unlock()
		told[path.Base(address)] = status
	}})
	p.Goto(s.url("app.localhost", main))
	for _, address := range []string{s.url("other.localhost", late) + "?counter", s.url("app.localhost", late) + "?own"} {
		p.Eval(`address => fetch(address).then(r => r.status)`, address)
	}
	p.Fetch(http.MethodGet, s.url("other.localhost", late)+"?direct")
	p.Goto(s.url("other.localhost", late) + "?opened")
	mu.Lock()
	defer mu.Unlock()
	assert.Equal(t, map[string]int{path.Base(main): 200, "late?own": 429, "late?direct": 429, "late?opened": 429}, told)
}
