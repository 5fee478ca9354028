package browser

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// What a window was given before it was open is there when it opens, and what
// the browser would not have taken is in neither.
func TestAWindowOpensWithTheCookiesThatCameBefore(t *testing.T) {
	t.Parallel()
	s := site()
	set := s.handle(t, "/set", func(w http.ResponseWriter, _ *http.Request) {
		for _, line := range []string{
			"__Host-session=a; Path=/; Secure; HttpOnly", "twice=1; Path=/", "twice=2; Path=/", "gone=1; Path=/", "gone=; Path=/; Max-Age=0",
			"deep=d; Path=/" + t.Name(), "__Host-wide=w; Path=/; Secure; Domain=app.localhost", "__Secure-plain=p; Path=/", "none=n; Path=/; SameSite=None",
		} {
			w.Header().Add("Set-Cookie", line)
		}
	})
	show := s.handle(t, "/show", func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(r.Header.Get("Cookie"))) })
	pairs := func(header string) []string { return strings.Split(header, "; ") }
	p := open(t, WindowOptions{})
	p.Fetch(http.MethodGet, s.url("app.localhost", set))
	early := string(p.Fetch(http.MethodGet, s.url("app.localhost", show)).Body)
	assert.Nil(t, p.w.context, "a window that nobody looked at")
	p.Goto(s.url("app.localhost", show))
	late := string(p.Fetch(http.MethodGet, s.url("app.localhost", show)).Body)
	assert.ElementsMatch(t, []string{"__Host-session=a", "twice=2", "deep=d"}, pairs(early))
	assert.ElementsMatch(t, pairs(early), pairs(late))
	assert.ElementsMatch(t, pairs(early), pairs(p.Text()))
}
