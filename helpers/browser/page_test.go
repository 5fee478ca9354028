package browser

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestGotoReturnsTheDocumentsAnswer(t *testing.T) {
	t.Parallel()
	s := site()
	path := s.handle(t, "", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Set-Cookie", "a=1; Secure")
		w.Header().Add("Set-Cookie", "b=2; Secure")
		w.WriteHeader(http.StatusTeapot)
		page("<h1>Hello</h1><p hidden>unseen</p>")(w, r)
	})
	p := open(t, WindowOptions{})
	answer := p.Goto(s.url("app.localhost", path))
	assert.Equal(t, http.StatusTeapot, answer.Status)
	assert.Equal(t, []string{"a=1; Secure", "b=2; Secure"}, answer.Header.Values("Set-Cookie"))
	assert.Contains(t, string(answer.Body), "<h1>Hello</h1>")
	assert.Equal(t, "Hello", strings.TrimSpace(p.Text()))
	assert.Equal(t, "Test", p.Title())
	assert.True(t, p.Has("h1"))
	assert.False(t, p.Has("p"))
	assert.Equal(t, 1, p.Count("p"))
}

// A sign-in ends behind redirects over several hosts and a form that posts
// itself: Submit and Goto return at the last document.
func TestSubmitFollowsEverythingItCauses(t *testing.T) {
	t.Parallel()
	s := site()
	end := s.handle(t, "/end", func(w http.ResponseWriter, r *http.Request) {
		page("<h1>Welcome "+r.FormValue("name")+"</h1>")(w, r)
	})
	post := s.handle(t, "/post", func(w http.ResponseWriter, r *http.Request) {
		page(fmt.Sprintf(`<form method=post action=%q><input name=name value=%q></form><script>document.forms[0].submit()</script>`,
			s.url("app.localhost", end), r.FormValue("name")))(w, r)
	})
	hop := s.handle(t, "/hop", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, s.url("auth.localhost", post)+"?name="+r.FormValue("name"), http.StatusSeeOther)
	})
	start := s.handle(t, "/start", page(fmt.Sprintf(`<form method=post action=%q><input name=name><button>Go</button></form>`, s.url("other.localhost", hop))))
	p := open(t, WindowOptions{})
	p.Goto(s.url("app.localhost", start))
	p.Fill("input[name=name]", "Ada")
	p.Submit("button")
	assert.Equal(t, s.url("app.localhost", end), p.URL().String())
	assert.Equal(t, "Welcome Ada", p.Text())

	answer := p.Goto(s.url("auth.localhost", post) + "?name=Eve")
	assert.Equal(t, s.url("app.localhost", end), answer.URL)
	assert.Equal(t, "Welcome Eve", p.Text())
}

func TestAwaitSaysWhichOne(t *testing.T) {
	t.Parallel()
	s := site()
	path := s.handle(t, "", page(`<div id=later hidden>later</div><a href="#there" id=go>go</a>
		<script>setTimeout(() => document.getElementById('later').hidden = false, 50)</script>`))
	p := open(t, WindowOptions{})
	p.Goto(s.url("app.localhost", path))
	assert.Equal(t, 1, p.Await("#never", "#later"))
	p.Click("#go")
	p.AwaitURL("the fragment", func(u *url.URL) bool { return u.Fragment == "there" })
	assert.Equal(t, "#there", p.Attr("#go", "href"))
	assert.EqualValues(t, 7, p.Eval("n => n + 3", 4))
}

func TestTypeMovesWithTheFocus(t *testing.T) {
	t.Parallel()
	s := site()
	path := s.handle(t, "", page(`<input maxlength=1><input maxlength=1><script>
		const all = document.querySelectorAll('input');
		all[0].addEventListener('input', () => all[1].focus())</script>`))
	p := open(t, WindowOptions{})
	p.Goto(s.url("app.localhost", path))
	p.Type("input", "42")
	assert.Equal(t, []any{"4", "2"}, p.Eval("() => [...document.querySelectorAll('input')].map(i => i.value)", nil))
}

func TestCookiesGoBackAndForth(t *testing.T) {
	t.Parallel()
	s := site()
	path := s.handle(t, "", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("set") != "" {
			w.Header().Add("Set-Cookie", "__Host-session=0123456789abcdef0123; Path=/; Secure; HttpOnly; SameSite=Lax")
			w.Header().Add("Set-Cookie", "__Host-bad=1; Path=/; Secure; Domain=app.localhost")
			w.Header().Add("Set-Cookie", "short=x; Secure; Path=/elsewhere; Max-Age=60")
		}
		if r.URL.Query().Get("clear") != "" {
			w.Header().Add("Set-Cookie", "__Host-session=; Path=/; Secure; Max-Age=0")
		}
		fmt.Fprint(w, r.Header.Get("Cookie"))
	})
	var learned sync.Map
	p := open(t, WindowOptions{OnSecret: func(s string) { learned.Store(s, true) }})
	address := s.url("app.localhost", path)

	answer := p.Fetch("GET", address+"?set=1")
	assert.Equal(t, http.StatusOK, answer.Status)
	_, ok := learned.Load("0123456789abcdef0123")
	assert.True(t, ok, "a cookie's value is learned")
	byName := map[string]Cookie{}
	for _, c := range p.Cookies() {
		byName[c.Name] = c
	}
	require.Len(t, byName, 2, "the browser refuses a __Host- cookie with a Domain")
	session := byName["__Host-session"]
	assert.Equal(t, Cookie{Name: "__Host-session", Value: "0123456789abcdef0123", Domain: "app.localhost", HostOnly: true,
		Path: "/", HTTPOnly: true, Secure: true, SameSite: "Lax"}, session)
	assert.WithinDuration(t, time.Now().Add(time.Minute), byName["short"].Expires, 5*time.Second)

	// The browser sends what Fetch was given, and Fetch what the browser has.
	p.Goto(address)
	assert.Contains(t, p.Text(), "__Host-session=0123456789abcdef0123")
	p.Fetch("GET", address+"?clear=1")
	p.Reload()
	assert.Empty(t, strings.TrimSpace(p.Text()), "short belongs to another path")

	p.SetCookies(session, Cookie{Name: "wide", Value: "w", Domain: "app.localhost", Path: path, Secure: true})
	assert.ElementsMatch(t, []string{"__Host-session=0123456789abcdef0123", "wide=w"}, strings.Split(string(p.Fetch("GET", address).Body), "; "))
	p.ClearCookies(func(c Cookie) bool { return c.Name == "__Host-session" })
	assert.Equal(t, "wide=w", string(p.Fetch("GET", address).Body))
	p.ClearCookies(nil)
	assert.Empty(t, p.Cookies())
}

func TestFetchFollowsNoRedirect(t *testing.T) {
	t.Parallel()
	s := site()
	path := s.handle(t, "", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "/elsewhere")
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusFound)
		fmt.Fprintf(w, `{"method":%q,"type":%q,"name":%q,"agent":%q}`, r.Method, r.Header.Get("Content-Type"), r.FormValue("name"), r.UserAgent())
	})
	p := open(t, WindowOptions{})
	answer := p.Fetch("POST", s.url("app.localhost", path), WithForm(url.Values{"name": {"Ada"}}), WithHeader("X-Any", "1"))
	assert.Equal(t, http.StatusFound, answer.Status)
	assert.Equal(t, "/elsewhere", answer.Header.Get("Location"))
	var got map[string]string
	answer.JSON(&got)
	assert.Equal(t, "POST", got["method"])
	assert.Equal(t, "Ada", got["name"])
	assert.Equal(t, p.Eval("() => navigator.userAgent", nil), got["agent"])
}

func TestLogHasWhatOnlyTheNetworkKnows(t *testing.T) {
	t.Parallel()
	s := site()
	end := s.handle(t, "/end", page("end"))
	path := s.handle(t, "", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "c", Value: "1", Path: "/", Secure: true})
		http.Redirect(w, r, end, http.StatusFound)
	})
	p := open(t, WindowOptions{})
	p.Goto(s.url("app.localhost", path))
	p.Eval("() => console.log('hello', 'there')", nil)
	log := p.Log()
	require.GreaterOrEqual(t, len(log), 2)
	assert.Equal(t, http.StatusFound, log[0].Status)
	assert.Contains(t, log[0].ResponseHeader.Get("Set-Cookie"), "c=1")
	assert.Equal(t, s.url("app.localhost", end), log[1].URL)
	assert.Equal(t, "c=1", log[1].RequestHeader.Get("Cookie"))
	assert.Equal(t, "document", log[1].ResourceType)
	assert.Eventually(t, func() bool { return strings.Contains(strings.Join(p.Console(), "\n"), "log: hello there") }, 20*time.Second, 10*time.Millisecond)
}

func TestTabsShareCookies(t *testing.T) {
	t.Parallel()
	s := site()
	path := s.handle(t, "", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "seen", Value: "yes", Path: "/", Secure: true})
		page("cookie:"+r.Header.Get("Cookie")+`<a id=pop target=_blank href="?pop">open</a>`)(w, r)
	})
	p := open(t, WindowOptions{Locale: "de-DE", Viewport: Size{800, 600}})
	p.Goto(s.url("app.localhost", path))
	tab := p.NewTab()
	tab.Goto(s.url("app.localhost", path))
	assert.Contains(t, tab.Text(), "cookie:seen=yes")
	assert.Equal(t, "de-DE", tab.Eval("() => navigator.language", nil))
	assert.EqualValues(t, 800, tab.Eval("() => innerWidth", nil))
	p.Click("#pop")
	require.Eventually(t, func() bool { return len(p.Tabs()) == 3 }, 20*time.Second, 10*time.Millisecond)
	popup := p.Tabs()[2]
	popup.AwaitURL("the popup", func(u *url.URL) bool { return u.RawQuery == "pop" })
	p.Goto(s.url("app.localhost", path))
	p.Goto(s.url("app.localhost", path) + "?second")
	p.Back()
	assert.Empty(t, p.URL().RawQuery)
}

func TestTheBrowserIsHermetic(t *testing.T) {
	t.Parallel()
	f := failing(t, func(f *fakeTB) { open(f, WindowOptions{}).Goto("https://example.com/") })
	assert.Contains(t, f.message, "ERR_NAME_NOT_RESOLVED")
	assert.False(t, f.trouble)
}

func TestManyPagesAtOnce(t *testing.T) {
	t.Parallel()
	s := site()
	path := s.handle(t, "", func(w http.ResponseWriter, r *http.Request) {
		if who := r.FormValue("who"); who != "" {
			http.SetCookie(w, &http.Cookie{Name: "who", Value: who, Path: "/", Secure: true})
			http.Redirect(w, r, r.URL.Path, http.StatusSeeOther)
			return
		}
		page(`<form method=post><input name=who><button>Go</button></form><p>`+r.Header.Get("Cookie")+`</p>`)(w, r)
	})
	for n := range 6 {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			p := open(t, WindowOptions{})
			p.Step("sign in")
			p.Goto(s.url("app.localhost", path))
			p.Fill("input", fmt.Sprint("user", n))
			p.Submit("button")
			assert.Contains(t, p.Text(), fmt.Sprint("who=user", n))
			assert.Len(t, p.Cookies(), 1)
			p.Log()
		})
	}
}

func TestDefaultPath(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"https://a.test": "/", "https://a.test/": "/", "https://a.test/x": "/", "https://a.test/x/": "/x", "https://a.test/x/y": "/x",
	} {
		u, err := url.Parse(address)
		require.NoError(t, err)
		assert.Equal(t, want, defaultPath(u), address)
	}
}
