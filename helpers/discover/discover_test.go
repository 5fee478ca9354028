package discover_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/config"
	"github.com/auth-preflight/auth-preflight/helpers/discover"
	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
)

// app is an app of pages: what is behind each path, without and with a query.
// "→ X" redirects, "→ auth" to the environment with the app's request.
type app map[string]string

// look finds out about an app whose environment says nothing but its address.
func look(t *testing.T, pages app, base string) (discover.Findings, []string) {
	t.Helper()
	var environment *httptest.Server
	environment = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/.well-known/openid-configuration":
			fmt.Fprintf(w, `{"issuer":%q,"authorization_endpoint":%q}`, environment.URL, environment.URL+"/oauth/authorize")
		case "/oauth/token":
			fmt.Fprint(w, `{"access_token":"x","expires_in":60}`)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(environment.Close)
	product := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page, ok := pages[strings.TrimPrefix(r.URL.RequestURI(), base)]
		if !ok {
			page, ok = pages[strings.TrimPrefix(r.URL.Path, base)]
		}
		if !ok {
			page, ok = pages["*"]
		}
		to, redirects := strings.CutPrefix(page, "→ ")
		switch {
		case !ok:
			http.NotFound(w, r)
		case to == "auth":
			q := url.Values{"response_type": {"code"}, "client_id": {"skc_1"}, "scope": {"openid"}, "redirect_uri": {"http://" + r.Host + base + "/done"}}
			http.Redirect(w, r, environment.URL+"/oauth/authorize?"+q.Encode(), http.StatusFound)
		case redirects && strings.HasPrefix(to, "/"):
			http.Redirect(w, r, base+to, http.StatusSeeOther)
		case redirects:
			http.Redirect(w, r, to, http.StatusFound)
		default:
			fmt.Fprint(w, "<!doctype html>"+page)
		}
	}))
	t.Cleanup(product.Close)
	cfg, err := config.FromMap(map[string]string{
		"SCALEKIT_ENVIRONMENT_URL": environment.URL, "SCALEKIT_CLIENT_ID": "skc_1", "SCALEKIT_CLIENT_SECRET": "x", "APP_URL": product.URL + base,
	})
	require.NoError(t, err)
	client := discover.Within(cfg.Client(), cfg)
	api := scalekit.New(environment.URL, "skc_1", "x", client)
	e, err := discover.Ask(t.Context(), cfg, api)
	require.NoError(t, err)
	assert.NotEmpty(t, e.Silent)
	found, notes, err := discover.App(t.Context(), flows.World{Config: cfg, Client: client, API: api}, e)
	require.NoError(t, err)
	return found, notes
}

func TestAppsOfManyKinds(t *testing.T) {
	t.Parallel()
	for _, one := range []struct {
		name  string
		pages app
		base  string
		want  map[string]string // APP_… by name; empty: not found
	}{
		{
			"links in another language, and a page that sends strangers to the login",
			app{
				"/": `<a href="/tarifs">Tarifs</a> <a href="/moi">Mon espace</a> <a href="/entree">Connexion</a>`, "/tarifs": "…",
				"/moi": "→ /entree?suite=%2Fmoi", "/entree": "→ auth",
			}, "",
			map[string]string{"LOGIN_PATH": "/entree", "CALLBACK_PATH": "/done", "PROTECTED_PATH": "/moi", "RETURN_TO_PARAM": "suite", "LOGOUT_PATH": ""},
		},
		{
			"the home page is for people who are signed in",
			app{"/": "→ /start?to=%2F", "/start": "→ auth", "/auth/logout": "→ /bye", "/bye": "Bye."}, "",
			map[string]string{"LOGIN_PATH": "/start", "LOGOUT_PATH": "/auth/logout", "POST_LOGOUT_PATH": "/bye"},
		},
		{
			"a page with the ways in comes between",
			app{"/": `<a href="/signin">Sign in</a>`, "/signin": `<a href="/signin/sso">By your company</a>`, "/signin/sso": "→ auth"}, "",
			map[string]string{"LOGIN_PATH": "/signin/sso"},
		},
		{
			"only scripts lead on, so the usual places are tried",
			app{"/": `<div id="root"></div>`, "/api/auth/login": "→ auth", "/account": "→ /api/auth/login"}, "",
			map[string]string{"LOGIN_PATH": "/api/auth/login", "PROTECTED_PATH": "/account"},
		},
		{
			"every unknown page asks for a sign-in, so a usual path proves nothing",
			app{"/": `<a href="/login">Log in</a>`, "/login": "→ auth", "*": "→ /login"}, "",
			map[string]string{"LOGIN_PATH": "/login", "PROTECTED_PATH": "", "LOGOUT_PATH": ""},
		},
		{
			"every unknown page is the same page of scripts",
			app{"/": `<a href="/login">Log in</a>`, "/login": "→ auth", "*": `<div id="root"></div>`}, "",
			map[string]string{"LOGIN_PATH": "/login", "PROTECTED_PATH": "", "LOGOUT_PATH": ""},
		},
		{
			"the app is below a path of its host",
			app{"/": `<a href="/shop/in">Sign in</a>`, "/in": "→ auth", "/dashboard": "→ /in"}, "/shop",
			map[string]string{"LOGIN_PATH": "/in", "CALLBACK_PATH": "/done", "PROTECTED_PATH": "/dashboard"},
		},
		{
			"the login needs its query",
			app{"/": `<a href="/go?to=signin">Sign in</a>`, "/go?to=signin": "→ auth", "/go": "Where to?"}, "",
			map[string]string{"LOGIN_PATH": "/go?to=signin"},
		},
		{"nothing leads anywhere", app{"/": "Hello."}, "", map[string]string{"LOGIN_PATH": "", "PROTECTED_PATH": "", "LOGOUT_PATH": ""}},
	} {
		t.Run(one.name, func(t *testing.T) {
			t.Parallel()
			found, _ := look(t, one.pages, one.base)
			for name, want := range one.want {
				assert.Equal(t, want, found.Value("APP_"+name), "APP_%s", name)
			}
		})
	}
}

// No host but the two is asked, whatever pages and redirects say; that people are
// sent to another environment is told.
func TestNoOtherHostIsAsked(t *testing.T) {
	t.Parallel()
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("another host was asked for %s", r.URL)
	}))
	t.Cleanup(other.Close)
	found, notes := look(t, app{
		"/":      `<a href="` + other.URL + `/login">Log in</a> <a href="/away">Away</a> <a href="/login">Sign in</a> <form action="` + other.URL + `/logout"></form>`,
		"/away":  "→ " + other.URL + "/somewhere",
		"/login": "→ " + other.URL + "/oauth/authorize?response_type=code&client_id=skc_2",
	}, "")
	assert.False(t, found.Has("APP_LOGIN_PATH"))
	require.NotEmpty(t, notes)
	assert.Contains(t, notes[0], "which is not SCALEKIT_ENVIRONMENT_URL")

	cfg, err := config.FromMap(map[string]string{
		"SCALEKIT_ENVIRONMENT_URL": "https://auth.test", "SCALEKIT_CLIENT_ID": "skc_1", "SCALEKIT_CLIENT_SECRET": "x", "APP_URL": "https://app.test",
	})
	require.NoError(t, err)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, other.URL, nil)
	require.NoError(t, err)
	answer, err := discover.Within(cfg.Client(), cfg).Do(request)
	if err == nil {
		_ = answer.Body.Close()
	}
	require.ErrorContains(t, err, "neither the app's host nor the auth environment's")
}
