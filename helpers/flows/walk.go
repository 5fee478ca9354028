package flows

import (
	"net/http"
	"net/url"

	"github.com/auth-preflight/auth-preflight/helpers/screens"
)

// walk is a quiet agent with this browser's own cookies, and where it stands on
// its way through login and hosted pages: nothing is drawn. Somebody who must be
// signed in before the case begins gets there at a hundredth of the cost. Pages
// that are no plain HTML forms end the walk, and so does anything unexpected: the
// browser does it all again, and shows what is wrong. What a case is about is
// never walked.
type walk struct {
	agent *Agent
	stop  Stop // the zero value where it never began
	sent  bool // a form has been sent
}

// walkTo begins a walk that ends where ends says; nil: where there is a page.
func (v *Visitor) walkTo(address string, ends func(*url.URL) bool) *walk {
	v.T.Helper()
	w := v.newWalk()
	w.agent.ends = ends
	if !v.Proxied() {
		w.stop = w.agent.Get(address)
	}
	return w
}

func (v *Visitor) newWalk() *walk {
	return &walk{agent: &Agent{T: v.T, World: v.World, window: v, roams: true}}
}

// left reports whether the walk was redirected to where it ends.
func (w *walk) left() bool {
	return !w.stop.Followed && w.stop.URL != nil && w.agent.ends != nil && w.agent.ends(w.stop.URL)
}

// landed reports whether the walk ended at a page of the application.
func (w *walk) landed() bool {
	return w != nil && w.stop.URL != nil && w.stop.Status < http.StatusBadRequest && w.agent.Landed(w.stop)
}

// form is the first form of the page that holds selector, or nil.
func (w *walk) form(selector string) *screens.Form {
	if w == nil || !w.stop.Followed || w.stop.Status != http.StatusOK {
		return nil
	}
	return w.stop.Form(selector)
}

// shows reports whether there is such a form.
func (w *walk) shows(selector string) bool { return w.form(selector) != nil }

// send fills in the first form of the page that holds selector, sends it and
// goes where that leads. It reports whether there was such a form, with such
// fields.
func (w *walk) send(selector string, fields map[string]string) bool {
	return w.post(w.form(selector), fields)
}

func (w *walk) post(form *screens.Form, fields map[string]string) bool {
	if form == nil || form.Method != http.MethodPost {
		return false
	}
	for name := range fields {
		if !form.Fields.Has(name) {
			return false
		}
	}
	form.Complete()
	w.stop, w.sent = w.agent.Submit(form, fields), true
	if next := w.form(screens.ProfileInput); next != nil && w.stop.AsksProfile() && next.Action.String() != form.Action.String() {
		return w.post(next, nil) // somebody new says who they are
	}
	return true
}

// open goes where the first link leads that selector finds. It reports whether
// there is one.
func (w *walk) open(selector string) bool {
	if w == nil || !w.stop.Followed || w.stop.Status != http.StatusOK {
		return false
	}
	target := screens.LinkAt(w.stop.Body, w.stop.URL, selector)
	if target != nil {
		w.stop = w.agent.Get(target.String())
	}
	return target != nil
}

// identify shows who user is, and reports whether it got to the end of the walk.
func (w *walk) identify(user *User) bool {
	if w.shows(screens.EmailInput) {
		w.agent.window.Step("sign in by direct requests")
		w.stop = w.agent.Through(w.stop, user)
	}
	return w.left()
}

// askForMail asks for a mail with a code or link, and reports whether it could.
func (w *walk) askForMail(email string) bool {
	return w.send(screens.EmailInput, map[string]string{"email": email}) &&
		(w.shows(screens.PinInput) || w.shows(screens.ResendButton) || w.send(screens.EmailCodeChoice, nil))
}

// tryPassword sends an address and a password, and reports whether both had a form.
func (w *walk) tryPassword(email, password string) bool {
	return w.send(screens.EmailInput, map[string]string{"email": email}) &&
		w.send(screens.PasswordInput, map[string]string{"password": password})
}

// passwordPage walks to the page that asks for the password of an address.
func (v *Visitor) passwordPage(email string) (w *walk, ok bool) {
	v.Step("go to the password page, by direct requests")
	w = v.walkTo(v.LoginURL(""), nil)
	return w, w.send(screens.EmailInput, map[string]string{"email": email}) && w.shows(screens.PasswordInput)
}

// resetPage walks on to "forgot password", which may ask for the address again.
func (v *Visitor) resetPage(email string) (w *walk, ok bool) {
	w, ok = v.passwordPage(email)
	return w, ok && w.open(screens.ResetChoice)
}

// walkToReset asks for a reset mail, and reports whether it got that far.
func (v *Visitor) walkToReset(email string) bool {
	w, ok := v.resetPage(email)
	return ok && (!w.shows(screens.EmailInput) || w.send(screens.EmailInput, map[string]string{"email": email}))
}

// signUpPage walks to the sign-up's form.
func (v *Visitor) signUpPage() (w *walk, ok bool) {
	v.Step("go to the sign-up page, by direct requests")
	w = v.walkTo(v.LoginURL(""), nil)
	return w, w.open(screens.SignupLink) && w.shows(screens.PasswordInput)
}

// walkBehind opens a link from a mail and presses the button that its page
// shows, where it shows nothing else to fill in.
func (v *Visitor) walkBehind(link string) *walk {
	w := v.newWalk()
	if !v.Proxied() {
		w.stop, w.sent = w.agent.redeem(link)
	}
	return w
}

// walkOut uses the application's way out, and reports whether that ended at a
// page of the application.
func (v *Visitor) walkOut() bool {
	v.Step("sign out, by direct requests")
	c := v.World.Config
	w := v.walkTo(v.app(c.AppProtectedPath), nil)
	if control := v.control(c.AppLogoutPath); !w.send(control, nil) && !w.open(control) {
		return false
	}
	v.walk = w
	return w.landed()
}

// walkFrom begins a walk of a visitor who walks; for others there is none.
func (v *Visitor) walkFrom(address string) {
	v.walk = nil
	if v.Walks {
		v.walk = v.walkTo(address, nil)
	}
}

// walkIn identifies user on the way from an address to where ends says, without
// drawing a page. It returns the end, and whether it got there.
func (v *Visitor) walkIn(user *User, address string, ends func(*url.URL) bool) (*url.URL, bool) {
	w := v.walkTo(address, nil)
	w.agent.ends = ends // not earlier: an application may redirect within itself before it asks who it is
	in := w.identify(user)
	return w.stop.URL, in
}

// draw ends a walk that cannot go on: the browser opens the page where it
// stands.
func (v *Visitor) draw() {
	v.T.Helper()
	if w := v.walk; w != nil {
		v.walk = nil
		if w.stop.URL != nil {
			v.Goto(w.stop.URL.String())
		}
	}
}
