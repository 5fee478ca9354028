package discover

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/auth-preflight/auth-preflight/helpers/config"
	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
	"github.com/auth-preflight/auth-preflight/helpers/screens"
)

// Where apps usually have these pages, the usual ones first.
var (
	usualLogins = []string{
		"/login", "/auth/login", "/signin", "/sign-in", "/auth/signin", "/api/auth/login", "/api/auth/signin", "/api/login", "/auth",
		"/auth/scalekit", "/sso/login", "/oauth/login", "/users/sign_in", "/session/new",
	}
	usualProtected = []string{
		"/dashboard", "/app", "/home", "/account", "/profile", "/settings", "/overview", "/workspace", "/projects", "/me", "/console", "/portal",
	}
	usualLogouts = []string{
		"/logout", "/auth/logout", "/signout", "/sign-out", "/auth/signout", "/api/auth/logout", "/api/auth/signout", "/api/logout", "/log-out",
		"/users/sign_out", "/session/end",
	}
	loginWords  = regexp.MustCompile(`(?i)log.?in|sign.?in|log.?on|anmeld|einlog|connexion|connect|acce[ds]|iniciar|entrar|enter|\bsso\b`)
	logoutWords = regexp.MustCompile(`(?i)log.?out|sign.?out|log.?off|abmeld|auslog|d[eé]conne[xc]|cerrar|salir|\bsair\b|leave|\bexit\b`)
	// leaveWords are those of them that may also end something else, or leave
	// something behind: a way out says nothing beside them.
	leaveWords  = regexp.MustCompile(`(?i)cerrar|salir|sair|leave|exit`)
	leaveAlone  = regexp.MustCompile(`(?i)^(salir|sair|leave|exit|cerrar sesi[oó]n)$`)
	signupWords = regexp.MustCompile(`(?i)sign.?up|regist|create|join`)
)

// App looks for the variables of an app: as a stranger and, where the environment
// has test users, signed in as one of them. Its error is one sentence where the
// app cannot be reached; what is not found is no error. Notes are what a person
// should know, sentence by sentence.
func App(ctx context.Context, w flows.World, e *Environment) (found Findings, notes []string, err error) {
	cfg, c := w.Config, w.Client
	authorize, err := url.Parse(e.Discovery.AuthorizationEndpoint)
	if err != nil {
		return nil, nil, fmt.Errorf("the discovery document's authorization endpoint is no address: %w", err)
	}
	a := &search{scout: newScout(cfg.AppURL, authorize, c), cfg: cfg, env: e}
	if a.home, err = a.get(ctx, "/"); errors.Is(err, errAway) {
		return nil, nil, fmt.Errorf("APP_URL cannot be looked at: %w", err)
	} else if err != nil {
		return nil, nil, fmt.Errorf("APP_URL is not reachable: %w%s", err, certificateHint(err))
	}
	if a.home.status >= http.StatusInternalServerError {
		return nil, nil, fmt.Errorf("APP_URL answers with HTTP %d", a.home.status)
	}
	let := true // into the app
	for _, step := range []func(context.Context) error{a.unknown, a.login, a.protected, a.logout} {
		err := step(ctx)
		if errors.Is(err, errAway) {
			a.note("not all of the app was looked at: %v", err)
			let = false
			break
		}
		if ctx.Err() != nil {
			break
		}
		if err != nil && !errors.Is(err, errEnough) {
			return a.Findings, a.notes, err
		}
	}
	a.registered()
	if let {
		a.behind(ctx, w)
	}
	a.Findings = append(a.Findings, Methods(ctx, cfg, a.asks, e, c)...)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) { // what was found by then is true all the same
		a.note("the time was over before all of the app was looked at: it answers slowly (PREFLIGHT_TIMEOUT_FACTOR=2 takes twice as long)")
		return a.Findings, a.notes, nil
	}
	return a.Findings, a.notes, ctx.Err()
}

// search is what is known so far.
type search struct {
	*scout
	Findings
	cfg   *config.Config
	env   *Environment
	home  stop
	none  stop // how the app answers for a page that it has not
	notes []string
	entry string   // path of the login, once it is found
	asks  *url.URL // the authorization request to which it leads
	tried map[string]bool
}

// told is what somebody has set for a variable; "" where nobody has.
func (a *search) told(variable string) string {
	if origin := a.cfg.Origin(variable); origin == "" || origin == config.FromDefault {
		return ""
	}
	return a.cfg.Value(variable)
}

func (a *search) note(format string, args ...any) {
	a.notes = append(a.notes, fmt.Sprintf(format, args...))
}

// unknown asks for a page that no app has.
func (a *search) unknown(ctx context.Context) (err error) {
	a.none, err = a.get(ctx, "/preflight-"+strings.ToLower(scalekit.NewNonce()[:12]))
	if !ends(ctx, err) {
		return nil // no answer is one as well
	}
	return err
}

// ends reports whether an error ends the search, and not only one attempt of it.
func ends(ctx context.Context, err error) bool {
	return errors.Is(err, errEnough) || errors.Is(err, errAway) || ctx.Err() != nil
}

// login looks for the address that starts a sign-in: by following what pages
// offer, then where it is registered to be, then where it usually is.
func (a *search) login(ctx context.Context) error {
	a.tried = map[string]bool{}
	if told := a.told("APP_LOGIN_PATH"); told != "" {
		if end, err := a.get(ctx, told); ends(ctx, err) {
			return err
		} else if err == nil && a.takeLogin(ctx, end, "it is set, and leads to the environment") {
			return nil
		}
	}
	if a.takeLogin(ctx, a.home, "the home page itself leads there") {
		return nil
	}
	pages := []stop{a.home}
	for depth := 0; depth < 2 && len(pages) > 0; depth++ {
		var next []stop
		for _, page := range pages {
			for _, l := range a.ways(page) {
				end, err := a.once(ctx, l.to.String())
				if ends(ctx, err) {
					return err
				}
				if err == nil && a.takeLogin(ctx, end, fmt.Sprintf("the link %q on %s leads to the environment", l.text, a.path(page.last()))) {
					return nil
				}
				if err == nil && end.leaves == nil && end.status == http.StatusOK && (loginWords.MatchString(l.to.Path) || loginWords.MatchString(l.text)) {
					next = append(next, end)
				}
			}
		}
		pages = next
	}
	if r := a.env.Registered; r != nil && r.InitiateLoginURI != "" {
		if u, err := url.Parse(r.InitiateLoginURI); err == nil && sameOrigin(u, a.app) {
			if end, err := a.once(ctx, u.String()); err == nil && a.takeLogin(ctx, end, "it is registered as initiate-login URL, and leads to the environment") {
				return nil
			}
		}
	}
	for _, path := range usualLogins {
		end, err := a.once(ctx, path)
		if ends(ctx, err) {
			return err
		}
		if err == nil && a.takeLogin(ctx, end, "a usual path, and it leads to the environment") {
			return nil
		}
	}
	return nil
}

// once asks for an address that was not asked for before.
func (a *search) once(ctx context.Context, address string) (stop, error) {
	at, err := url.Parse(address)
	if err != nil {
		return stop{}, err
	}
	if a.tried[a.withQuery(at)] {
		return stop{}, errors.New("it was tried")
	}
	a.tried[a.withQuery(at)] = true
	return a.get(ctx, address)
}

// takeLogin takes the last address of the app before the environment, if that is
// where a request led.
func (a *search) takeLogin(ctx context.Context, end stop, how string) bool {
	if len(end.trail) == 0 || end.leaves == nil {
		return false
	}
	if !a.asksForCode(end.leaves) {
		if q := end.leaves.Query(); q.Get("response_type") == "code" && q.Has("client_id") {
			a.note("%s sends people to %s, which is not SCALEKIT_ENVIRONMENT_URL (%s): one of the two is another environment's", a.path(end.last()), end.leaves.Host, a.authorize.Host)
		}
		return false
	}
	entry := end.last()
	path := a.path(entry)
	if bare, err := a.get(ctx, path); err != nil || !a.asksForCode(bare.leaves) {
		path = a.withQuery(entry) // without its query it leads elsewhere
	}
	a.entry, a.asks = path, end.leaves
	a.add(true, "APP_LOGIN_PATH", path, how)
	a.request(end.leaves.Query())
	return true
}

// request reads the authorization request that the app sends.
func (a *search) request(q url.Values) {
	const how = "of the authorization request that the app sends"
	redirect, err := url.Parse(q.Get("redirect_uri"))
	switch {
	case err != nil || redirect.Host == "":
		a.note("the app's authorization request has no redirect_uri")
	case !sameOrigin(redirect, a.app):
		a.note("the app's redirect URI is at %s, not at APP_URL (%s): set APP_URL to where people end up", redirect.Host, a.app.Host)
	default:
		a.add(true, "APP_CALLBACK_PATH", a.withQuery(redirect), "redirect_uri "+how)
	}
	if id := q.Get("client_id"); id != "" && id != a.cfg.ClientID {
		a.add(true, "APP_CLIENT_ID", id, "client_id "+how)
		a.note("the app is another client (%s) than SCALEKIT_CLIENT_ID: set APP_CLIENT_SECRET to its secret", id)
	}
	a.add(true, "APP_SCOPES", q.Get("scope"), "scope "+how)
	var promises []string
	if q.Get("code_challenge") != "" {
		promises = append(promises, "pkce")
	}
	if q.Get("nonce") != "" {
		promises = append(promises, "nonce")
	}
	a.add(false, "APP_PROMISES", strings.Join(promises, ","), "code_challenge and nonce "+how+"; add audience and token_type where the API looks at them")
}

// protected looks for a page that sends strangers to the login.
func (a *search) protected(ctx context.Context) error {
	if a.entry == "" {
		return nil
	}
	type candidate struct{ address, how string }
	var all []candidate
	for _, l := range a.ways(a.home) {
		all = append(all, candidate{l.to.String(), fmt.Sprintf("the link %q on the home page sends strangers to the login", l.text)})
	}
	if !a.isLogin(a.none) { // else every page would do
		for _, path := range usualProtected {
			all = append(all, candidate{path, "a usual path, and it sends strangers to the login"})
		}
	}
	for _, c := range all {
		end, err := a.get(ctx, c.address)
		if ends(ctx, err) {
			return err
		}
		if err != nil || len(end.trail) == 0 || !a.isLogin(end) || a.path(end.trail[0]) == a.loginPath() || logoutWords.MatchString(c.address) {
			continue
		}
		a.add(false, "APP_PROTECTED_PATH", a.path(end.trail[0]), c.how)
		a.returnsTo(end)
		return nil
	}
	return nil
}

// returnsTo reads, from the way on which a page sent a stranger to the login, what
// names the page to return to.
func (a *search) returnsTo(end stop) {
	page := a.path(end.trail[0])
	for _, hop := range end.trail[1:] {
		for name, values := range hop.Query() {
			if u, err := url.Parse(values[0]); err == nil && u.Path != "" && a.path(u) == page {
				a.add(true, "APP_RETURN_TO_PARAM", name, "it names the page to return to when "+page+" sends strangers to the login")
			}
		}
	}
}

func (a *search) loginPath() string {
	path, _, _ := strings.Cut(a.entry, "?")
	return path
}

// isLogin reports whether a request ended at the login, or at the environment.
func (a *search) isLogin(end stop) bool {
	if a.asksForCode(end.leaves) {
		return true
	}
	return len(end.trail) > 1 && end.leaves == nil && a.path(end.last()) == a.loginPath()
}

// logout looks for the way out: in what the home page offers, then where it
// usually is.
func (a *search) logout(ctx context.Context) error {
	for _, form := range screens.FormsOn(a.home.body, a.home.last()) {
		if l := (link{to: form.Action, text: form.Text}); sameOrigin(form.Action, a.app) && l.leadsOut() {
			a.add(false, "APP_LOGOUT_PATH", a.path(form.Action), "a form on the home page leads there")
		}
	}
	var all []string
	for _, l := range a.links(a.home) {
		if l.leadsOut() {
			all = append(all, a.path(l.to))
		}
	}
	for _, path := range append(all, usualLogouts...) {
		if a.Has("APP_LOGOUT_PATH") {
			return nil
		}
		end, err := a.get(ctx, path)
		switch {
		case ends(ctx, err):
			return err
		case err != nil || end.status == http.StatusNotFound || end.status >= http.StatusInternalServerError || a.isLogin(end) || a.like(end, a.none):
			continue
		}
		how := "a usual path, and the app answers there"
		if slices.Contains(all, path) {
			how = "a link on the home page leads there"
		}
		a.add(false, "APP_LOGOUT_PATH", path, how)
		if back := a.afterwards(end); back != "" {
			a.add(false, "APP_POST_LOGOUT_PATH", back, path+" leads there")
		}
	}
	return nil
}

// like reports whether two requests were answered alike, but for the address.
func (a *search) like(one, other stop) bool {
	return one.status == other.status && len(one.trail) == len(other.trail) && (one.leaves == nil) == (other.leaves == nil) &&
		(len(one.trail) < 2 || a.path(one.last()) == a.path(other.last()))
}

// afterwards is the path of the app where a sign-out ends.
func (a *search) afterwards(end stop) string {
	if end.leaves == nil {
		if len(end.trail) > 1 {
			return a.path(end.last())
		}
		return ""
	}
	back, err := url.Parse(end.leaves.Query().Get("post_logout_redirect_uri"))
	if err != nil || !sameOrigin(back, a.app) {
		return ""
	}
	return a.path(back)
}

// registered reads what the environment has registered of the app. It comes last
// but for the addresses that nothing else shows for sure.
func (a *search) registered() {
	r := a.env.Registered
	if r == nil {
		return
	}
	const how = "of the app's client, as the environment has it"
	a.register("APP_CALLBACK_PATH", r.PostLoginURIs, "redirect URI "+how)
	a.register("APP_INITIATE_LOGIN_PATH", []string{r.InitiateLoginURI}, "initiate-login URL "+how)
	a.register("APP_BACKCHANNEL_LOGOUT_PATH", r.BackChannelLogoutURIs, "back-channel logout URI "+how)
	a.replace(true, "APP_POST_LOGOUT_PATH", a.first(r.PostLogoutURIs), "post-logout URI "+how) // better than a guess
	for _, uri := range r.PostLoginURIs {
		if u, err := url.Parse(uri); err == nil && sameOrigin(u, a.app) && a.withQuery(u) != a.Value("APP_CALLBACK_PATH") && !strings.Contains(uri, "*") {
			a.add(true, "APP_SECOND_REDIRECT_URI", uri, "another redirect URI "+how)
		}
	}
	if r.AccessTokenExpiry > 0 {
		a.add(true, "APP_ACCESS_TOKEN_LIFETIME", seconds(time.Duration(r.AccessTokenExpiry)*time.Second), "access_token_expiry "+how)
	}
}

func (a *search) register(variable string, uris []string, how string) {
	a.add(true, variable, a.first(uris), how)
}

// first is the path of the first of some addresses that is at the app.
func (a *search) first(uris []string) string {
	for _, uri := range uris {
		if u, err := url.Parse(uri); err == nil && sameOrigin(u, a.app) && !strings.Contains(uri, "*") {
			return a.withQuery(u)
		}
	}
	return ""
}

// ways are the links of a page that are followed: not all of hundreds, and none
// that may do something, unless it speaks of a way in.
func (a *search) ways(page stop) []link {
	links := slices.DeleteFunc(byPromise(a.links(page)), func(l link) bool {
		return l.deed() && !loginWords.MatchString(l.words()) && !signupWords.MatchString(l.words())
	})
	return links[:min(len(links), mostLinks)]
}

// byPromise puts the links first that speak of a sign-in, those without a query
// before others, and last those that would make an account.
func byPromise(links []link) []link {
	rank := func(l link) int {
		switch words := l.to.Path + " " + l.text; {
		case logoutWords.MatchString(words):
			return 4
		case signupWords.MatchString(words) || signupWords.MatchString(l.to.RawQuery):
			return 3
		case loginWords.MatchString(words) && l.to.RawQuery == "":
			return 0
		case loginWords.MatchString(words):
			return 1
		}
		return 2
	}
	slices.SortStableFunc(links, func(a, b link) int { return rank(a) - rank(b) })
	return links
}
