package discover_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/config"
	"github.com/auth-preflight/auth-preflight/helpers/discover"
	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
)

const guestAddress = "qa+sktest@acme.test"

// company is an environment with one test user, and an app whose pages are a
// function of who is signed in there ("" for nobody).
type company struct {
	pages   func(w http.ResponseWriter, r *http.Request, who string)
	landing string // where the callback leads; empty: /home

	more   map[string]string // variables that are set
	leaves bool              // a session that cannot be ended
	sealed bool              // all of a session is in its cookie
	deaf   bool              // nobody can sign out

	mu      sync.Mutex
	out     bool     // somebody signed out
	asked   []string // what was asked of the app, METHOD path?query, by whoever is signed in
	posted  []string // to either
	revoked int
}

func (c *company) start(t *testing.T) (flows.World, *discover.Environment) {
	t.Helper()
	environment := httptest.NewServer(http.HandlerFunc(c.environment))
	t.Cleanup(environment.Close)
	product := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { c.product(w, r, environment.URL) }))
	t.Cleanup(product.Close)
	vars := map[string]string{
		"SCALEKIT_ENVIRONMENT_URL": environment.URL, "SCALEKIT_CLIENT_ID": "skc_1", "SCALEKIT_CLIENT_SECRET": "x", "APP_URL": product.URL,
		"SCALEKIT_TEST_USER_EMAIL": guestAddress, "SCALEKIT_TEST_USER_CODE": "424242",
	}
	for name, value := range c.more {
		vars[name] = value
	}
	cfg, err := config.FromMap(vars)
	require.NoError(t, err)
	client := discover.Within(cfg.Client(), cfg)
	api := scalekit.New(environment.URL, "skc_1", "x", client)
	e, err := discover.Ask(t.Context(), cfg, api)
	require.NoError(t, err)
	return flows.World{Config: cfg, Client: client, API: api, Learn: func(...string) {}}, e
}

// look finds out about the company's app.
func (c *company) look(ctx context.Context, t *testing.T) (discover.Findings, []string, error) {
	t.Helper()
	w, e := c.start(t)
	return discover.App(ctx, w, e)
}

func (c *company) product(w http.ResponseWriter, r *http.Request, environment string) {
	who := ""
	c.mu.Lock()
	if cookie, err := r.Cookie("app"); err == nil && cookie.Value == "in" && !(c.out && !c.sealed) {
		who = guestAddress
	}
	if who != "" {
		c.asked = append(c.asked, r.Method+" "+r.URL.RequestURI())
	}
	if r.Method == http.MethodPost {
		c.posted = append(c.posted, r.URL.Path)
	}
	c.mu.Unlock()
	switch r.URL.Path {
	case "/logout", "/api/auth/end":
		if c.deaf || who == "" {
			c.pages(w, r, who)
			return
		}
		c.mu.Lock()
		c.out = true
		c.mu.Unlock()
		http.SetCookie(w, &http.Cookie{Name: "app", Path: "/", MaxAge: -1}) //nolint:gosec // on loopback, without TLS
		http.Redirect(w, r, "/", http.StatusSeeOther)
	case "/login":
		q := url.Values{"response_type": {"code"}, "client_id": {"skc_1"}, "scope": {"openid"}, "redirect_uri": {"http://" + r.Host + "/done"}, "state": {"s"}}
		http.Redirect(w, r, environment+"/oauth/authorize?"+q.Encode(), http.StatusFound)
	case "/done":
		if r.FormValue("code") == "" {
			http.Error(w, "no code", http.StatusBadRequest)
			return
		}
		http.SetCookie(w, &http.Cookie{Name: "app", Value: "in", Path: "/"}) //nolint:gosec // on loopback, without TLS
		landing := c.landing
		if landing == "" {
			landing = "/home"
		}
		http.Redirect(w, r, landing, http.StatusFound)
	default:
		c.pages(w, r, who)
	}
}

// environment answers as a small auth environment: discovery, the management API
// for the test user, and a sign-in by an address and the code.
func (c *company) environment(w http.ResponseWriter, r *http.Request) {
	own := "http://" + r.Host
	user := fmt.Sprintf(`{"id":"usr_1","email":%q,"memberships":[{"organization_id":"org_1","membership_status":"ACTIVE"}]}`, guestAddress)
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		fmt.Fprintf(w, `{"issuer":%q,"authorization_endpoint":%q}`, own, own+"/oauth/authorize")
	case "/oauth/token":
		fmt.Fprint(w, `{"access_token":"bearer","expires_in":60}`)
	case "/api/v1/users:search":
		fmt.Fprintf(w, `{"users":[%s]}`, user)
	case "/api/v1/users/usr_1":
		fmt.Fprintf(w, `{"user":%s}`, user)
	case "/api/v1/users/usr_1/sessions/revoke":
		c.mu.Lock()
		c.revoked++
		left := c.leaves && c.revoked > 1
		c.mu.Unlock()
		if left {
			http.Error(w, "later", http.StatusForbidden)
			return
		}
		fmt.Fprint(w, `{}`)
	case "/oauth/authorize":
		if cookie, err := r.Cookie("auth"); err == nil && cookie.Value == "in" {
			http.Redirect(w, r, r.FormValue("redirect_uri")+"?code=c&state="+r.FormValue("state"), http.StatusFound)
			return
		}
		fmt.Fprintf(w, `<!doctype html><form method="post" action="/address?%s"><input name="email" type="email"><button>Go on</button></form>`, r.URL.RawQuery)
	case "/address":
		c.note(r)
		fmt.Fprintf(w, `<!doctype html><form method="post" action="/code?%s"><input name="code" data-scope="pin-input" data-part="input"><button>Go on</button></form>`, r.URL.RawQuery)
	case "/code":
		c.note(r)
		if r.FormValue("code") != "424242" {
			fmt.Fprint(w, `<!doctype html><p role="alert">Wrong.</p><form><input data-scope="pin-input" data-part="input"></form>`)
			return
		}
		http.SetCookie(w, &http.Cookie{Name: "auth", Value: "in", Path: "/"}) //nolint:gosec // on loopback, without TLS
		http.Redirect(w, r, r.URL.Query().Get("redirect_uri")+"?code=c&state=s", http.StatusSeeOther)
	default:
		http.NotFound(w, r)
	}
}

func (c *company) note(r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.posted = append(c.posted, r.URL.Path)
}

// private are pages, by path, that only a signed-in person sees, but for the first.
// "→ X" redirects.
func private(pages map[string]string) func(http.ResponseWriter, *http.Request, string) {
	return func(w http.ResponseWriter, r *http.Request, who string) {
		page, ok := pages[r.URL.RequestURI()]
		if !ok {
			page, ok = pages[r.URL.Path]
		}
		switch {
		case !ok:
			http.NotFound(w, r)
		case r.URL.Path != "/" && who == "":
			http.Redirect(w, r, "/login", http.StatusFound)
		case strings.HasPrefix(page, "→ "):
			http.Redirect(w, r, page[len("→ "):], http.StatusFound)
		default:
			fmt.Fprint(w, "<!doctype html>"+page)
		}
	}
}

// home is the home page of an app for strangers.
const home = `<a href="/login">Log in</a>`

// What a signed-in person sees is found in apps of many kinds, and only what was
// seen is said to be sure.
func TestBehindTheLoginOfAppsOfManyKinds(t *testing.T) {
	t.Parallel()
	const me = guestAddress
	for _, one := range []struct {
		name    string
		company *company
		found   map[string]string // APP_… by name; empty: not found
		guess   []string          // those of them that are not sure
		note    string
	}{
		{
			"other addresses, other ends, and a sign-out by a form",
			&company{pages: private(map[string]string{
				"/": home, "/account": `<b id="me">` + me + `</b><form method="post"><input name="nick"></form>`,
				"/home": `<ul><li data-test="mail">bob@acme.test</li><li data-test="mail">` + me + `</li></ul>
					<a href="/account">Account</a> <a href="/leave">Leave feedback</a> <a href="/account/delete">Delete account</a>
					<form method="post" action="/out"><button>Leave organization</button></form>
					<form method="post" action="/api/auth/end"><input type="hidden" name="csrf" value="x"><input type="submit" value="Sign out"></form>`,
			})},
			map[string]string{"PROTECTED_PATH": "/home", "PERSON_SELECTOR": "", "LOGOUT_PATH": "/api/auth/end", "PROFILE_PATH": "/account"},
			[]string{"PROTECTED_PATH"}, "",
		},
		{
			"pages of scripts, and a session that is null for strangers",
			&company{pages: func(w http.ResponseWriter, r *http.Request, who string) {
				switch {
				case r.URL.Path != "/api/auth/session":
					fmt.Fprint(w, `<div id="root"></div>`)
				case who == "":
					fmt.Fprint(w, "null")
				default:
					fmt.Fprintf(w, `{"owner":%q,"user":{"email":%q}}`, who, who)
				}
			}},
			map[string]string{"WHOAMI_PATH": "/api/auth/session", "WHOAMI_EMAIL_FIELD": "user.email", "PROTECTED_PATH": "", "API_PATH": ""}, nil, "",
		},
		{
			"what is set leads on, where nothing else does",
			&company{more: map[string]string{"APP_LOGIN_PATH": "/login", "APP_PROTECTED_PATH": "/mine"}, pages: private(map[string]string{
				"/": `<div id="root"></div>`, "/home": `<i id="other">` + me + `</i>`, "/mine": `<i id="who">` + me + `</i>`,
			})},
			map[string]string{"PERSON_SELECTOR": "#who", "PROTECTED_PATH": "/mine"}, nil, "",
		},
		{
			"a link goes round in circles",
			&company{pages: private(map[string]string{
				"/": home, "/home": me + `<a href="/a">A</a> <a href="/logout">Log out</a>`, "/a": "→ /b", "/b": "→ /a",
			})},
			map[string]string{"PROTECTED_PATH": "/home", "LOGOUT_PATH": "/logout"}, nil, "",
		},
		{
			"somebody who is not invited",
			&company{pages: func(w http.ResponseWriter, r *http.Request, who string) {
				if r.URL.Path == "/home" && who != "" {
					w.WriteHeader(http.StatusForbidden)
				}
				fmt.Fprint(w, home)
			}},
			map[string]string{"PROTECTED_PATH": ""}, nil, "then answered HTTP 403",
		},
		{
			"a limit behind the login",
			&company{pages: func(w http.ResponseWriter, _ *http.Request, who string) {
				if who != "" {
					w.WriteHeader(http.StatusTooManyRequests)
				}
				fmt.Fprint(w, home)
			}},
			map[string]string{"LOGIN_PATH": "/login", "PROTECTED_PATH": ""}, nil, "turns it away (HTTP 429)",
		},
		{
			"another code",
			&company{more: map[string]string{"SCALEKIT_TEST_USER_CODE": "111111"}, pages: private(map[string]string{"/": home})},
			map[string]string{"LOGIN_PATH": "/login"}, nil, "does not take SCALEKIT_TEST_USER_CODE",
		},
		{
			"a callback that never ends",
			&company{landing: "/done?code=secret", pages: private(map[string]string{"/": home})},
			map[string]string{"LOGIN_PATH": "/login"}, nil, "/done?… to end",
		},
	} {
		t.Run(one.name, func(t *testing.T) {
			t.Parallel()
			found, notes, err := one.company.look(t.Context(), t)
			require.NoError(t, err)
			for name, want := range one.found {
				assert.Equal(t, want, found.Value("APP_"+name), "APP_%s", name)
			}
			for _, f := range found {
				short := strings.TrimPrefix(f.Variable, "APP_")
				if slices.Contains(one.guess, short) || short == "PROFILE_PATH" {
					assert.False(t, f.Sure, f.Variable)
				}
			}
			if one.note == "" {
				assert.Empty(t, notes)
			} else {
				assert.Contains(t, strings.Join(notes, "\n"), one.note)
			}
			assert.False(t, found.Has("APP_REVOCATION_DELAY"))
			sent := one.company.posted
			if last := len(sent) - 1; sent[last] == found.Value("APP_LOGOUT_PATH") {
				sent = sent[:last]
			}
			assert.Equal(t, []string{"/address", "/code"}, sent, "nothing else is sent")
			assert.Equal(t, 2, one.company.revoked, "sessions are ended before and after")
		})
	}
}

// A link is not opened whose words, or whose page, say that it does something; of
// hundreds only some are.
func TestLinksThatDoSomethingAreNotOpened(t *testing.T) {
	t.Parallel()
	deeds := `<a href="/items?action=delete&id=5">x</a> <a href="/x/5" title="Delete">✕</a> <a href="/m/5" aria-label="Send invoice">✉</a>
		<a href="/y/5" data-method="delete">Old</a> <a href="/z/5">Löschen</a> <a href="/publish">Now</a> <a href="/archive/7">Old</a>
		<a href="/invites/1/accept">Yes</a> <a href="/projects/new">New</a> <a href="/logout">Log out</a>`
	many := ""
	for i := range 300 {
		many += fmt.Sprintf(`<a href="/list?page=%d">%d</a>`, i, i)
	}
	c := &company{pages: private(map[string]string{"/": home + many, "/home": guestAddress + deeds + many + `<a href="/settings">Settings</a>`})}
	found, _, err := c.look(t.Context(), t)
	require.NoError(t, err)
	assert.Equal(t, "/home", found.Value("APP_PROTECTED_PATH"))
	assert.Equal(t, "/logout", found.Value("APP_LOGOUT_PATH"))
	assert.Contains(t, c.asked, "GET /settings", "what promises most comes first")
	assert.Less(t, len(c.asked), 80)
	for _, asked := range c.asked {
		assert.NotRegexp(t, `items|/[xyzm]/5|publish|archive|invites|new$`, asked)
	}
}

// The way out is used at the end: whether it leads out, and what a copy of the
// cookies is worth then, is seen.
func TestTheWayOutIsUsedAtTheEnd(t *testing.T) {
	t.Parallel()
	const link, form = `<a href="/logout">Log out</a>`, `<form method="post" action="/logout"><button>Leave</button></form>`
	for _, one := range []struct {
		name, way    string
		company      *company
		sure         bool
		note, copies string
	}{
		{"a link", link, &company{}, true, "", ""},
		{"a form", form, &company{}, true, "", ""},
		{"sessions in cookies", form, &company{sealed: true}, true, "", "60s"},
		{"no way out", link, &company{deaf: true}, false, "was signed in still", ""},
	} {
		t.Run(one.name, func(t *testing.T) {
			t.Parallel()
			c := one.company
			c.pages = private(map[string]string{"/": home, "/home": guestAddress + one.way, "/logout": "Bye."})
			found, notes, err := c.look(t.Context(), t)
			require.NoError(t, err)
			at := slices.IndexFunc(found, func(f discover.Found) bool { return f.Variable == "APP_LOGOUT_PATH" })
			require.GreaterOrEqual(t, at, 0)
			assert.Equal(t, "/logout", found[at].Value)
			assert.Equal(t, one.sure, found[at].Sure)
			assert.Equal(t, one.copies, found.Value("APP_REVOCATION_DELAY"))
			assert.Contains(t, strings.Join(notes, "\n"), one.note)
			assert.Equal(t, one.note == "", len(notes) == 0, notes)
		})
	}
}

// Nobody is signed in on a production deployment, and nothing is sent there.
func TestOfAProductionDeploymentItIsOnlyRead(t *testing.T) {
	t.Parallel()
	c := &company{more: map[string]string{"PREFLIGHT_TARGET": "production"}, pages: private(map[string]string{"/": home, "/home": guestAddress})}
	_, notes, err := c.look(t.Context(), t)
	require.NoError(t, err)
	assert.Contains(t, strings.Join(notes, "\n"), "nobody signs in on a production deployment")
	assert.Empty(t, c.posted)
	assert.Zero(t, c.revoked)
}

// Whoever is kept out is told so, and asks no more.
func TestWhoeverIsKeptOutAsksNoMore(t *testing.T) {
	t.Parallel()
	requests := 0
	c := &company{pages: func(w http.ResponseWriter, _ *http.Request, _ string) {
		requests++
		w.Header().Set("Cf-Mitigated", "challenge")
		w.WriteHeader(http.StatusForbidden)
	}}
	_, _, err := c.look(t.Context(), t)
	require.ErrorContains(t, err, "turns it away (HTTP 403, Cf-Mitigated: challenge)")
	assert.Equal(t, 1, requests)
}

// A session that cannot be ended is told, beside what was found.
func TestASessionThatIsLeftIsTold(t *testing.T) {
	t.Parallel()
	c := &company{leaves: true, pages: private(map[string]string{"/": home, "/home": guestAddress})}
	found, notes, err := c.look(t.Context(), t)
	require.NoError(t, err)
	assert.Equal(t, "/home", found.Value("APP_PROTECTED_PATH"))
	require.Len(t, notes, 1)
	assert.Contains(t, notes[0], "look after the sessions of the test user "+guestAddress+": the sessions cannot be ended")
}

// Ctrl-C ends it in the middle of a page that hangs, and the person's sessions are
// ended all the same.
func TestItEndsInTheMiddleOfAPageThatHangs(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	c := &company{pages: func(w http.ResponseWriter, r *http.Request, who string) {
		switch {
		case r.URL.Path == "/hangs" && who != "":
			interrupt()
			<-r.Context().Done()
		case r.URL.Path == "/home" && who != "":
			fmt.Fprint(w, guestAddress+`<a href="/hangs">On</a>`)
		default:
			fmt.Fprint(w, home)
		}
	}}
	_, _, err := c.look(ctx, t)
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, 2, c.revoked)
}
