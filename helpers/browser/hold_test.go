package browser

import (
	"fmt"
	"net/http"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestHoldStopsANavigationBehindARedirect(t *testing.T) {
	t.Parallel()
	s := site()
	var reached atomic.Int32
	callback := s.handle(t, "/callback", func(w http.ResponseWriter, r *http.Request) { reached.Add(1); page("in")(w, r) })
	authorize := s.handle(t, "/authorize", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, s.url("app.localhost", callback)+"?code=abcdef123456&state=xyz", http.StatusFound)
	})
	login := s.handle(t, "/login", page(fmt.Sprintf(`<form method=post action=%q><button>Go</button></form>`, s.url("auth.localhost", authorize))))
	p := open(t, WindowOptions{})
	isCallback := func(u *url.URL) bool { return u.Path == callback }
	held := p.Hold("the callback", isCallback)
	p.Goto(s.url("app.localhost", login))
	assert.False(t, held.Came())
	p.Submit("button")
	request := held.Await()
	assert.Equal(t, "abcdef123456", request.URL.Query().Get("code"))
	assert.Equal(t, "GET", request.Method)
	assert.EqualValues(t, 0, reached.Load(), "the request never left")
	assert.Equal(t, callback, p.URL().Path)

	p.Goto(request.URL.String()) // it holds one request only
	assert.Equal(t, "in", p.Text())

	p.Hold("the callback again", isCallback).Release()
	p.Reload()
	assert.EqualValues(t, 2, reached.Load())
}

func TestHoldReadsAPostedForm(t *testing.T) {
	t.Parallel()
	s := site()
	login := s.handle(t, "", page(fmt.Sprintf(`<form method=post action=%q><input name=SAMLResponse value="a b"></form>
		<script>document.forms[0].submit()</script>`, s.url("auth.localhost", "/acs"))))
	p := open(t, WindowOptions{})
	held := p.Hold("the ACS", func(u *url.URL) bool { return u.Path == "/acs" })
	p.Goto(s.url("app.localhost", login))
	request := held.Await()
	assert.Equal(t, "POST", request.Method)
	assert.Equal(t, url.Values{"SAMLResponse": {"a b"}}, request.PostForm)
	assert.Equal(t, s.url("app.localhost", ""), request.Header.Get("Origin"))
}

func TestAHoldThatNothingMeetsFailsTheTest(t *testing.T) {
	t.Parallel()
	f := failing(t, func(f *fakeTB) {
		p := open(f, WindowOptions{Timeout: 2 * time.Second})
		p.Hold("the callback", func(*url.URL) bool { return false }).Await()
	})
	assert.Contains(t, f.message, "wait for the callback")
	assert.Contains(t, f.message, "no such request was made")
}

// The suite's own identity provider lives on a host that exists nowhere.
func TestServeAnswersForAHostThatIsNowhere(t *testing.T) {
	t.Parallel()
	s := site()
	acs := s.handle(t, "/acs", func(w http.ResponseWriter, r *http.Request) { page("<h1>"+r.FormValue("answer")+"</h1>")(w, r) })
	start := s.handle(t, "/start", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://idp.nowhere.test/sso?q=1", http.StatusFound)
	})
	idp := http.NewServeMux()
	idp.HandleFunc("/sso", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "idp", Value: "session", Path: "/", Secure: true})
		http.Redirect(w, r, "/form?q="+r.FormValue("q"), http.StatusFound)
	})
	idp.HandleFunc("/form", func(w http.ResponseWriter, r *http.Request) {
		page(fmt.Sprintf(`<form method=post action=%q><input name=answer value="%s/%s"></form><script src=/go.js></script>`,
			s.url("app.localhost", acs), r.FormValue("q"), r.Header.Get("Cookie")))(w, r)
	})
	idp.HandleFunc("/go.js", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "document.forms[0].submit()") })
	p := open(t, WindowOptions{})
	p.Serve("https://idp.nowhere.test", idp)
	p.Goto(s.url("app.localhost", start))
	p.Await("h1")
	assert.Equal(t, "1/idp=session", p.Text())
	assert.Equal(t, acs, p.URL().Path)
}

// An attacker's page must reach the deployment: what keeps it out has to be
// the deployment, not the browser's care for local networks.
func TestAForeignPageReachesTheDeployment(t *testing.T) {
	t.Parallel()
	s := site()
	var seen atomic.Value
	seen.Store("")
	path := s.handle(t, "", func(w http.ResponseWriter, r *http.Request) {
		seen.Store(r.Header.Get("Sec-Fetch-Site") + " " + r.Header.Get("Cookie"))
		w.Header().Set("Access-Control-Allow-Origin", "https://evil.test")
		fmt.Fprint(w, "read")
	})
	p := open(t, WindowOptions{})
	p.SetCookies(Cookie{Name: "id", Value: "1", Domain: "app.localhost", HostOnly: true, Secure: true, SameSite: "None"},
		Cookie{Name: "lax", Value: "1", Domain: "app.localhost", HostOnly: true, Secure: true, SameSite: "Lax"})
	p.Serve("https://evil.test", page("<h1>Evil</h1>"))
	p.Goto("https://evil.test/")
	assert.Equal(t, "read", p.Eval("u => fetch(u).then(r => r.text())", s.url("app.localhost", path)))
	p.Eval("u => fetch(u, {method: 'POST', mode: 'no-cors', credentials: 'include'})", s.url("app.localhost", path))
	assert.Equal(t, "cross-site id=1", seen.Load())
}
