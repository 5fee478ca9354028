package discover

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/screens"
)

// mostPages is how many pages a signed-in person looks at.
const mostPages = 12

var (
	everywhereWords = regexp.MustCompile(`(?i)every.?where|[-_/ ]all\b|all.?(devices|sessions)|überall|\balle\b|partout|todos`)
	profileWords    = regexp.MustCompile(`(?i)profil|account|settings|preferences|einstellung|konto|compte|réglages|perfil|cuenta|ajustes`)
	switchWords     = regexp.MustCompile(`(?i)(switch|change|choose).{0,12}(organi[sz]ation|workspace|team|company|tenant)|^/switch`)
	// otherEnds are those of a membership or an account, not of a session.
	otherEnds = regexp.MustCompile(`(?i)organi[sz]ation|team|workspace|project|member|delete|remove|close|cancel`)
	// deeds are words of links that may do something when they are opened.
	deeds = regexp.MustCompile(`(?i)delete|remove|cancel|revoke|disable|unlink|unsubscribe|impersonat|reset|accept|approve|download|export`)
)

// behind signs in as a test user and looks for what only a signed-in person sees.
func (a *search) behind(ctx context.Context, w flows.World) {
	cfg := *w.Config
	if a.entry == "" || !cfg.HasTestUsers() {
		return
	}
	if cfg.Production() != "" {
		a.note("nobody signs in on a production deployment for this: what only a signed-in person sees was not looked for")
		return
	}
	cfg.AppLoginPath = a.entry
	if callback := a.Value("APP_CALLBACK_PATH"); callback != "" {
		cfg.AppCallbackPath = callback
	}
	w.Config = &cfg
	err := asGuest(ctx, w, func(agent *flows.Agent, user *flows.User, landing flows.Stop) {
		g := &guest{search: a, ctx: ctx, agent: agent, user: user}
		g.walk(landing)
		g.home()
		g.data()
		g.ways()
	})
	if err != nil && ctx.Err() == nil {
		a.note("what only a signed-in person sees was not looked for: %v", err)
	}
}

// guest is a signed-in person who looks around.
type guest struct {
	*search
	ctx   context.Context
	agent *flows.Agent
	user  *flows.User
	views []view // the page that shows best who somebody is comes first, once home has chosen it
}

// view is a page as a signed-in person sees it.
type view struct {
	stop
	name string // of the link that leads there
	away stop   // how a stranger is sent away; the zero value where they are not
}

func (v view) private() bool { return len(v.away.trail) > 0 }

// walk opens the page that strangers were sent away from, the one behind the
// login, and those to which that leads.
func (g *guest) walk(landing flows.Stop) {
	if known := g.Value("APP_PROTECTED_PATH"); known != "" {
		g.visit(known, "")
	}
	first := standing(landing)
	g.keep(first, "")
	for _, l := range g.links(first) {
		words := l.to.Path + " " + l.text
		if len(g.views) < mostPages && !logoutWords.MatchString(words) && !deeds.MatchString(words) && !everywhereWords.MatchString(words) {
			g.visit(g.withQuery(l.to), l.text)
		}
	}
}

func standing(s flows.Stop) stop {
	end := stop{status: s.Status, body: s.Body}
	end.trail = append(end.trail, s.URL)
	return end
}

func (g *guest) visit(path, name string) {
	if page := g.agent.Look(path); page.Followed && page.Status == http.StatusOK {
		g.keep(standing(page), name)
	}
}

// keep remembers a page, once, and how a stranger fares there.
func (g *guest) keep(page stop, name string) {
	for _, v := range g.views {
		if g.path(v.last()) == g.path(page.last()) {
			return
		}
	}
	v := view{stop: page, name: name}
	away, err := g.get(g.ctx, g.path(page.last()))
	if err == nil && (g.isLogin(away) || away.status == http.StatusUnauthorized || away.status == http.StatusForbidden) {
		v.away = away
	}
	g.views = append(g.views, v)
}

// names reports whether a page shows the address of who is signed in.
func (g *guest) names(page stop) bool {
	return strings.EqualFold(screens.PersonOn(page.body, "", g.user.Email), g.user.Email)
}

// home chooses the page by which the server says who is signed in: one that
// strangers do not see, best one that shows the address.
func (g *guest) home() {
	best, how := -1, "behind the login, and strangers do not see it"
	for i, v := range g.views {
		if v.private() && g.names(v.stop) {
			best, how = i, "it shows who is signed in, and strangers do not see it"
			break
		}
		if v.private() && best < 0 {
			best = i
		}
	}
	if best < 0 {
		return
	}
	chosen := g.views[best]
	g.views[0], g.views[best] = chosen, g.views[0]
	g.replace(g.names(chosen.stop), "APP_PROTECTED_PATH", g.path(chosen.last()), how)
	g.returnsTo(chosen.away)
	if selector := screens.SelectorOf(chosen.body, g.user.Email); selector != "" {
		g.add(true, "APP_PERSON_SELECTOR", selector, "signed in as "+g.user.Email+", the element shows that address")
	}
}

// ways reads, on the pages that were seen, where their links and buttons lead.
func (g *guest) ways() {
	g.out()
	for _, v := range g.views {
		for _, l := range g.offers(v.stop) {
			if switchWords.MatchString(l.to.Path) || switchWords.MatchString(l.text) {
				g.add(false, "APP_SWITCH_PATH", g.path(l.to), fmt.Sprintf("%q on %s leads there", l.text, g.path(v.last())))
			}
		}
	}
	g.profile()
}

// out looks for the ways out. Those of the first page come before others, for
// there a check looks for them; the strangers' guess is worth less.
func (g *guest) out() {
	here, all := false, false
	for _, v := range g.views {
		for _, l := range g.offers(v.stop) {
			words := l.to.Path + " " + l.text
			if !logoutWords.MatchString(words) || otherEnds.MatchString(words) {
				continue
			}
			how := fmt.Sprintf("signed in, %q on %s leads there", l.text, g.path(v.last()))
			switch {
			case everywhereWords.MatchString(words) && !all:
				g.add(false, "APP_LOGOUT_ALL_PATH", g.path(l.to), how)
				all = true
			case !everywhereWords.MatchString(words) && !here:
				g.replace(false, "APP_LOGOUT_PATH", g.path(l.to), how)
				here = true
			}
		}
	}
}

// offers are the links of a page and the buttons of its forms, those first.
func (g *guest) offers(page stop) (all []link) {
	for _, form := range screens.FormsOn(page.body, page.last()) {
		if form.Method == http.MethodPost && sameOrigin(form.Action, g.app) && len(form.Editable) == 0 {
			all = append(all, link{form.Action, form.Text})
		}
	}
	return append(all, g.links(page)...)
}

// profile looks for a page on which somebody changes something of themselves: one
// that is called so, else one that shows their address.
func (g *guest) profile() {
	for _, fits := range []func(view) bool{
		func(v view) bool { return profileWords.MatchString(g.path(v.last()) + " " + v.name) },
		func(v view) bool { return v.name != "" && g.names(v.stop) },
	} {
		for _, v := range g.views {
			if v.private() && fits(v) && g.edits(v.stop) {
				g.add(false, "APP_PROFILE_PATH", g.path(v.last()), fmt.Sprintf("behind %q, a form with a text to change", v.name))
			}
		}
	}
}

// edits reports whether a page has a form of the app with a text in it.
func (g *guest) edits(page stop) bool {
	for _, form := range screens.FormsOn(page.body, page.last()) {
		if form.Method == http.MethodPost && sameOrigin(form.Action, g.app) && len(form.Editable) > 0 {
			return true
		}
	}
	return false
}
