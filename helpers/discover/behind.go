package discover

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/screens"
)

const (
	mostPages  = 12 // that a signed-in person looks at
	mostVisits = 24 // that they try, for many lead nowhere
)

var (
	everywhereWords = regexp.MustCompile(`(?i)every.?where|[-_/ ]all\b|all.?(devices|sessions)|überall|\balle\b|partout|todos`)
	profileWords    = regexp.MustCompile(`(?i)profil|account|settings|preferences|einstellung|konto|compte|réglages|perfil|cuenta|ajustes`)
	switchWords     = regexp.MustCompile(`(?i)(switch|change|choose).{0,12}(organi[sz]ation|workspace|team|company|tenant)|^/switch`)
	// otherEnds are those of a membership or an account, not of a session.
	otherEnds = regexp.MustCompile(`(?i)organi[sz]ation|team|workspace|project|member|delete|remove|close|cancel`)
	// deeds are words of links that may do something when they are opened. Too many
	// cost a page that is not seen, too few cost somebody's data.
	deeds = regexp.MustCompile(`(?i)delet|remov|destroy|trash|clear|purge|cancel|revok|disable|enable|activat|unlink|disconnect|unsubscrib|subscrib|` +
		`impersonat|reset|rotat|generat|accept|approv|declin|reject|confirm|verif|download|export|import|archiv|publish|send\b|sending|\bpay|checkout|` +
		`purchas|\bbuy|upgrad|downgrad|transfer|duplicat|clone|restor|undo|stop\b|start\b|\brun\b|trigger|toggle|lock\b|\bban\b|vote|dismiss|\bjoin|sync|retry|` +
		`switch|\bnew\b|creat|\badd\b|\bmark|` +
		`lösch|entfern|kündig|widerruf|zurücksetz|annehm|ablehn|bestätig|herunterlad|\bsenden|veröffentlich|erstell|hinzufüg|kauf|` +
		`supprim|annul|révoqu|retirer|désactiv|réinitialis|refus|envoy|publi|créer|ajout|télécharg|achet|` +
		`elimin|borrar|quitar|restablec|acept|rechaz|enviar|crear|criar|añadir|adicion|descarg|baixar|excluir|apagar|compra`)
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
	a.asked = 0 // how strangers fare where somebody was let in is another question
	in, out := asGuest(ctx, w, func(agent *flows.Agent, user *flows.User, landing flows.Stop) {
		g := &guest{search: a, ctx: ctx, agent: agent, user: user}
		g.walk(landing)
		g.home()
		g.data()
		g.controls()
		g.try(g.leave)
	})
	if in != nil && ctx.Err() == nil {
		a.note("what only a signed-in person sees was not looked for: %s", withoutQueries(in))
	}
	if out != nil {
		a.note("look after the sessions of %v", out)
	}
}

var query = regexp.MustCompile(`(https?://[^\s?"]+)\?[^\s"]*`)

// withoutQueries says an error without the queries of addresses: they may hold a
// code with which somebody signs in.
func withoutQueries(err error) string { return query.ReplaceAllString(err.Error(), "$1?…") }

// guest is a signed-in person who looks around.
type guest struct {
	*search
	ctx   context.Context
	agent *flows.Agent
	user  *flows.User
	tries int
	life  time.Duration // of an access token; 0: not known
	views []view        // the page that shows best who somebody is comes first, once home has chosen it
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
	if known := cmp.Or(g.told("APP_PROTECTED_PATH"), g.Value("APP_PROTECTED_PATH")); known != "" {
		g.visit(known, "")
	}
	first := standing(landing)
	g.keep(first, "")
	for _, l := range byUse(g.links(first)) {
		if words := l.words(); !logoutWords.MatchString(words) && !l.deed() && !everywhereWords.MatchString(words) {
			g.visit(g.withQuery(l.to), l.text)
		}
	}
}

// byUse puts the links first by which people come to what is theirs.
func byUse(links []link) []link {
	slices.SortStableFunc(links, func(a, b link) int {
		switch mine := profileWords.MatchString(a.words()); {
		case mine == profileWords.MatchString(b.words()):
			return 0
		case mine:
			return -1
		}
		return 1
	})
	return links
}

func standing(s flows.Stop) stop {
	end := stop{status: s.Status, body: s.Body}
	end.trail = append(end.trail, s.URL)
	return end
}

// visit opens a page. One that hangs or goes round in circles is left out.
func (g *guest) visit(path, name string) {
	if g.tries++; g.tries > mostVisits || len(g.views) >= mostPages {
		return
	}
	g.try(func() {
		if page := g.agent.Look(path); page.Followed && page.Status == http.StatusOK {
			g.keep(standing(page), name)
		}
	})
}

// try does something that may fail by itself. What ends all of the looking around
// ends it here, too.
func (g *guest) try(do func()) {
	err := attempt(g.ctx, func(flows.TB) { do() })
	if errors.Is(err, errAway) || g.ctx.Err() != nil {
		panic(gaveUp{err})
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

// shows is how well a page tells who is signed in: 2 if it does, 1 if other
// addresses beside it leave that open, 0 if it does not.
func (g *guest) shows(page stop) int {
	switch {
	case !g.names(page):
		return 0
	case screens.SelectorOf(page.body, g.user.Email) != "", screens.OnlyAddress(page.body):
		return 2
	}
	return 1
}

// fits is how well a page serves as the protected one: it names somebody, the way
// out is there, where checks look for it, and it names nobody else.
func (g *guest) fits(page stop) (points int) {
	shows := g.shows(page)
	if shows > 0 {
		points += 4
	}
	if slices.ContainsFunc(g.offers(page), link.leadsOut) {
		points += 2
	}
	if shows > 1 {
		points++
	}
	return points
}

// home chooses the page by which the server says who is signed in: one that
// strangers do not see, best one that shows the address.
func (g *guest) home() {
	hows := []string{
		"behind the login, and strangers do not see it", "it shows who is signed in, beside other addresses, and strangers do not see it",
		"it shows who is signed in, and strangers do not see it",
	}
	best, most, told := -1, -1, g.told("APP_PROTECTED_PATH")
	for i, v := range g.views {
		fits := g.fits(v.stop)
		if g.path(v.last()) == told { // the selector is asked for there
			fits, told = math.MaxInt, ""
		}
		if v.private() && fits > most {
			best, most = i, fits
		}
	}
	if best < 0 {
		return
	}
	chosen := g.views[best]
	g.views[0], g.views[best] = chosen, g.views[0]
	shows := g.shows(chosen.stop)
	g.replace(shows == len(hows)-1, "APP_PROTECTED_PATH", g.path(chosen.last()), hows[shows])
	g.returnsTo(chosen.away)
	if selector := screens.SelectorOf(chosen.body, g.user.Email); selector != "" && told == "" {
		g.add(true, "APP_PERSON_SELECTOR", selector, "signed in as "+g.user.Email+", the element shows that address")
	}
}

// controls reads, on the pages that were seen, where their links and buttons lead.
func (g *guest) controls() {
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
			if !l.leadsOut() {
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
			all = append(all, link{to: form.Action, text: form.Text})
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
				where := "the login"
				if v.name != "" {
					where = fmt.Sprintf("%q", v.name)
				}
				g.add(false, "APP_PROFILE_PATH", g.path(v.last()), "behind "+where+", a form with a text to change")
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
