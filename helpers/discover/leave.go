package discover

import (
	"fmt"
	"net/http"
	"time"

	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/screens"
)

// leave signs out by the way that was found on the protected page, and sees what
// that is worth: in this browser, and to whoever has a copy of its cookies.
func (g *guest) leave() {
	out, page := g.Value("APP_LOGOUT_PATH"), g.Value("APP_PROTECTED_PATH")
	if out == "" || len(g.views) == 0 || !g.views[0].private() || g.path(g.views[0].last()) != page || !g.in(g.agent, page) {
		return
	}
	copied := g.agent.Twin(page)
	end, pressed := g.press(g.views[0].stop, out)
	if !pressed {
		return
	}
	if g.in(g.agent, page) {
		g.note("what leads to %s on %s was used, and the person was signed in still: is it the way out?", out, page)
		return
	}
	g.replace(true, "APP_LOGOUT_PATH", out, "what leads there on "+page+" signed the test user out")
	if g.agent.Landed(end) {
		g.add(false, "APP_POST_LOGOUT_PATH", g.path(end.URL), "the sign-out ended there")
	}
	if g.in(copied, page) && g.life > 0 {
		g.add(false, "APP_REVOCATION_DELAY", seconds(g.life), "after the sign-out a copy of the cookies still opened "+page+
			"; so it is, until the access token ends, where a session is all in its cookies. Where sessions are kept on a server it is a fault: leave this out, and a run says so")
	}
}

// in reports whether somebody sees the page that strangers do not.
func (g *guest) in(a *flows.Agent, page string) bool {
	end := a.Look(page)
	return end.Followed && end.Status == http.StatusOK && g.path(end.URL) == page
}

// press uses what leads to a path on a page, and says yes where it is asked again.
func (g *guest) press(page stop, path string) (end flows.Stop, pressed bool) {
	if form := g.formTo(page, path); form != nil {
		return g.agent.Submit(form, nil), true
	}
	for _, l := range g.links(page) {
		if g.path(l.to) != path {
			continue
		}
		end = g.agent.Get(l.to.String())
		if form := g.formTo(standing(end), path); end.Followed && form != nil {
			end = g.agent.Submit(form, nil)
		}
		return end, true
	}
	return end, false
}

func (g *guest) formTo(page stop, path string) *screens.Form {
	for _, form := range screens.FormsOn(page.body, page.last()) {
		if form.Method == http.MethodPost && sameOrigin(form.Action, g.app) && g.path(form.Action) == path {
			return form
		}
	}
	return nil
}

// seconds is a lifetime as variables have it.
func seconds(d time.Duration) string { return fmt.Sprintf("%ds", int(d.Seconds())) }
