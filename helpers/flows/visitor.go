// Package flows is what people do, in verbs: sign up, sign in, redeem a link,
// sign out; and what the suite verifies about them. A flow is made of screens;
// a check is made of flows. Whether somebody is signed in is asked of the
// server, never of the page.
package flows

import (
	"maps"
	"net/http"
	"net/url"
	"strings"

	"github.com/auth-preflight/auth-preflight/helpers/browser"
	"github.com/auth-preflight/auth-preflight/helpers/config"
	"github.com/auth-preflight/auth-preflight/helpers/inbox"
	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
	"github.com/auth-preflight/auth-preflight/helpers/screens"
)

// TB is what a flow needs of a test: to stop it with a reason, and to say that
// the suite itself, not the deployment, is in trouble.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
	Logf(format string, args ...any)
	// Trouble ends the case as an error of the suite or the network.
	Trouble(format string, args ...any)
	// Answered hears of each answer that was given to this case.
	Answered(address string, status int, header http.Header)
}

// World is the deployment at hand, as far as a person in front of a browser
// can reach it.
type World struct {
	Config *config.Config
	Client *http.Client
	API    *scalekit.Client
	Inbox  inbox.Inbox // nil where none is configured
	// Learn takes values that must not be in any artefact.
	Learn func(secrets ...string)
}

// User is a person. Password is empty for those who never set one. Code is that of
// a test user of the environment: it never changes, and no mail goes to them.
type User struct {
	Email, Password, Code string
	GivenName, FamilyName string
	ID, OrgID             string // empty until known
	// Unmailed is somebody of whom a case says that no mail of theirs is read, so
	// that it needs no inbox for them. AwaitMail takes it at its word everywhere:
	// else only who has no inbox would learn that it is not true.
	Unmailed bool
}

// Visitor is one person's browser: a window, and the deployment it looks at.
type Visitor struct {
	*browser.Page
	T     TB
	World World
	// Walks lets the hosted pages be gone through without drawing them, where
	// they are plain forms: for people who are not what the case is about.
	Walks bool
	walk  *walk // where such a visitor stands; nil where the browser's page counts
}

// NewTab opens another tab of the same browser.
func (v *Visitor) NewTab() *Visitor {
	tab := *v
	tab.walk = nil
	tab.Page = v.Page.NewTab()
	return &tab
}

// app returns an address of the application.
func (v *Visitor) app(path string) string { return v.World.Config.App(path) }

// AtApp reports whether u belongs to the application.
func (v *Visitor) AtApp(u *url.URL) bool { return sameOrigin(u, v.World.Config.AppURL) }

// AtAuth reports whether u belongs to the auth environment.
func (v *Visitor) AtAuth(u *url.URL) bool { return v.atAuth(u) }

// atAuth reports whether u belongs to the auth environment.
func (v *Visitor) atAuth(u *url.URL) bool { return sameOrigin(u, v.World.Config.EnvironmentURL) }

func sameOrigin(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(a.Host, b.Host)
}

// Landed reports whether u is a page of the application behind the callback.
func (v *Visitor) Landed(u *url.URL) bool {
	return v.AtApp(u) && !v.World.Config.IsAt(u, v.World.Config.AppCallbackPath)
}

// AwaitLanding waits until the browser is back at the application, behind the
// callback: the sign that a sign-in has ended.
func (v *Visitor) AwaitLanding() {
	v.T.Helper()
	if w := v.walk; w != nil && w.landed() {
		return
	}
	v.draw()
	v.introduce()
	v.AwaitURL("a page of the application, behind the callback", v.Landed)
}

// introduce fills in what somebody new is asked for after their address is
// proven, where the page at hand asks for it.
func (v *Visitor) introduce() {
	v.T.Helper()
	if v.Landed(v.URL()) || !v.Has(screens.ProfileInput) || v.Has(screens.EmailInput) {
		return
	}
	v.FillProfile()
	v.Submit(screens.SubmitOf(screens.ProfileInput))
}

// GoOnFrom goes where the answer to a form that was sent by a direct request
// leads, and answers what somebody new is asked there: only then has a sign-in
// ended, one way or the other.
func (v *Visitor) GoOnFrom(form *screens.Form, answer *browser.Answer) {
	v.T.Helper()
	next, err := form.Action.Parse(answer.Header.Get("Location"))
	if answer.Status < 300 || answer.Status > 399 || err != nil {
		return
	}
	v.Goto(next.String())
	v.introduce()
}

// FillProfile writes something into the fields of a sign-up that the page
// insists on.
func (v *Visitor) FillProfile() {
	v.T.Helper()
	form := screens.FormAt(v.HTML(), v.URL(), screens.ProfileInput)
	if form == nil {
		return
	}
	before := maps.Clone(form.Fields)
	form.Complete()
	for name := range form.Fields {
		if form.Fields.Get(name) != before.Get(name) {
			v.Fill(`input[name="`+name+`"]`, form.Fields.Get(name))
		}
	}
}

// AwaitLandingOr waits until the browser is back at the application, behind the
// callback, or an element is to be seen, and reports whether it has landed.
func (v *Visitor) AwaitLandingOr(selector string) (landed bool) {
	v.T.Helper()
	v.until("the application, or "+selector, func() bool { return v.Landed(v.URL()) || v.Has(selector) })
	return v.Landed(v.URL())
}

// AwaitAtAuth waits until the browser is at the auth environment.
func (v *Visitor) AwaitAtAuth() { v.AwaitURL("the auth environment", v.atAuth) }

// follow asks for an address with this browser's cookies and follows redirects
// inside the application. It returns the first answer that is none, or the
// redirect that leaves the application or leads to its sign-in.
func (v *Visitor) follow(address string, options ...browser.FetchOption) *browser.Answer {
	const most = 10
	for range most {
		answer := v.Fetch(http.MethodGet, address, options...)
		if answer.Status < 300 || answer.Status > 399 {
			return answer
		}
		next, err := url.Parse(answer.Header.Get("Location"))
		if err != nil {
			return answer
		}
		base, _ := url.Parse(address)
		next = base.ResolveReference(next)
		if !v.AtApp(next) || v.World.Config.IsAt(next, v.World.Config.AppLoginPath) {
			return answer
		}
		address = next.String()
	}
	v.T.Fatalf("%s still redirects inside the application after %d redirects: expected an answer, saw a loop", address, most)
	return nil
}

// AwaitFact waits until fact holds, which what names; a step's time at most.
func (v *Visitor) AwaitFact(what string, fact func() bool) {
	v.T.Helper()
	v.until(what, fact)
}
