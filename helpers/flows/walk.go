package flows

import (
	"net/http"
	"net/url"

	"github.com/auth-preflight/auth-preflight/helpers/browser"
	"github.com/auth-preflight/auth-preflight/helpers/screens"
)

// walk goes through login and hosted pages as a person does, page by page and
// form by form, but by direct requests with this browser's cookies: nothing is
// drawn. Somebody who must be signed in before the case begins gets there at a
// hundredth of the cost. Pages that are no plain HTML forms end the walk, and so
// does anything unexpected: the browser does it all again, and shows what is
// wrong. What a case is about is never walked.
type walk struct {
	v    *Visitor
	at   *url.URL // of the page where it stands, or the address that it did not follow; nil where it never began
	html string   // of that page
	// status is the page's; 0 where the walk left.
	status int
	answer *browser.Answer     // the last one
	ends   func(*url.URL) bool // redirect targets that are not followed
	left   bool                // it was redirected to one
	sent   bool                // a form has been sent
}

// redirectsOfWalk is how many redirects may follow each other.
const redirectsOfWalk = 15

// walkTo begins a walk that ends where ends says.
func (v *Visitor) walkTo(address string, ends func(*url.URL) bool) *walk {
	w := &walk{v: v, ends: ends}
	if at, err := url.Parse(address); err == nil && !v.Proxied() {
		w.at = at
		w.follow(v.Fetch(http.MethodGet, address, asNavigation("none")...))
	}
	return w
}

// asNavigation gives a request the header fields with which Chromium opens a
// page (Fetch Metadata Request Headers, W3C).
func asNavigation(site string) []browser.FetchOption {
	return []browser.FetchOption{
		browser.WithHeader("Accept", "text/html,application/xhtml+xml,*/*;q=0.8"), browser.WithHeader("Sec-Fetch-Site", site),
		browser.WithHeader("Sec-Fetch-Mode", "navigate"), browser.WithHeader("Sec-Fetch-Dest", "document"),
	}
}

func (w *walk) follow(answer *browser.Answer) {
	for range redirectsOfWalk {
		w.answer = answer
		w.html, w.status = "", 0
		var next *url.URL
		if location := answer.Header.Get("Location"); answer.Status >= 300 && answer.Status <= 399 && location != "" {
			var err error
			if next, err = w.at.Parse(location); err != nil {
				return
			}
		} else if next = screens.RefreshAt(string(answer.Body), w.at); next == nil {
			w.html, w.status = string(answer.Body), answer.Status
			return
		}
		site := "cross-site"
		if sameOrigin(w.at, next) {
			site = "same-origin"
		}
		w.at = next
		if w.left = w.ends(next); w.left || (!w.v.AtApp(next) && !w.v.atAuth(next)) {
			return
		}
		answer = w.v.Fetch(http.MethodGet, next.String(), asNavigation(site)...)
	}
}

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
	for name, value := range fields {
		if !form.Fields.Has(name) {
			return false
		}
		form.Fields.Set(name, value)
	}
	form.Complete()
	w.at, w.sent = form.Action, true
	options := append(asNavigation("same-origin"),
		browser.WithForm(form.Fields), browser.WithHeader("Origin", form.Action.Scheme+"://"+form.Action.Host))
	w.follow(w.v.Fetch(http.MethodPost, form.Action.String(), options...))
	if next := w.form(screens.ProfileInput); next != nil && !w.shows(screens.EmailInput) && next.Action.String() != form.Action.String() {
		return w.post(next, nil) // somebody new says who they are
	}
	return true
}

// open goes where the first link leads that selector finds. It reports whether
// there is one.
func (w *walk) open(selector string) bool {
	target := screens.LinkAt(w.html, w.at, selector)
	if w.left || w.status != http.StatusOK || target == nil {
		return false
	}
	w.at = target
	w.follow(w.v.Fetch(http.MethodGet, target.String(), asNavigation("same-origin")...))
	return true
}

// form is the first form of the page that holds selector, or nil.
func (w *walk) form(selector string) *screens.Form {
	if w == nil || w.left || w.status != http.StatusOK {
		return nil
	}
	return screens.FormAt(w.html, w.at, selector)
}

// shows reports whether there is such a form.
func (w *walk) shows(selector string) bool { return w.form(selector) != nil }

// identify is Visitor.Identify. It reports whether it got to the end of the walk.
func (w *walk) identify(user *User) bool { return w.prove(user) && w.left }

// prove shows who user is, and reports whether it got through the hosted pages.
func (w *walk) prove(user *User) bool {
	v := w.v
	if user.Password != "" {
		return w.tryPassword(user.Email, user.Password)
	}
	v.Step("sign in with a code by mail, by direct requests")
	mark := v.MarkInbox(user)
	if !w.askForMail(user.Email) || !w.shows(screens.PinInput) {
		return false
	}
	code := v.CodeIn(v.AwaitMail(user, mark, "a mail with a sign-in code", v.HasCode))
	return w.send(screens.PinInput, map[string]string{"code": code})
}

// askForMail asks for a mail with a code or link, and reports whether it could.
func (w *walk) askForMail(email string) bool {
	return w.send(screens.EmailInput, map[string]string{"email": email}) &&
		(w.shows(screens.PinInput) || w.shows(screens.ResendButton) || w.send(screens.EmailCodeChoice, nil))
}

// tryPassword sends an address and a password, and reports whether both had a form.
func (w *walk) tryPassword(email, password string) bool {
	if w == nil {
		return false
	}
	w.v.Step("try e-mail and password, by direct requests")
	return w.send(screens.EmailInput, map[string]string{"email": email}) &&
		w.send(screens.PasswordInput, map[string]string{"password": password})
}

// landed reports whether the walk ended at a page of the application.
func (w *walk) landed() bool {
	return w != nil && w.status >= http.StatusOK && w.status < http.StatusBadRequest && w.v.Landed(w.at)
}

// nowhere lets a walk follow every redirect.
func nowhere(*url.URL) bool { return false }

// passwordPage walks to the page that asks for the password of an address.
func (v *Visitor) passwordPage(email string) (w *walk, ok bool) {
	v.Step("go to the password page, by direct requests")
	w = v.walkTo(v.LoginURL(""), nowhere)
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

// walkBehind opens a link from a mail and presses the button that its page
// shows, where it shows nothing else to fill in.
func (v *Visitor) walkBehind(link string) *walk {
	w := v.walkTo(link, nowhere)
	if form := w.form(confirmButton); form != nil && v.atAuth(w.at) && len(form.Guessable()) == 0 {
		w.send(confirmButton, nil)
	}
	return w
}

const confirmButton = `[type="submit"]`

// walkOut uses the application's way out, and reports whether that ended at a
// page of the application.
func (v *Visitor) walkOut() bool {
	v.Step("sign out, by direct requests")
	c := v.World.Config
	w := v.walkTo(v.app(c.AppProtectedPath), nowhere)
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
		v.walk = v.walkTo(address, nowhere)
	}
}

// draw ends a walk that cannot go on: the browser opens the page where it
// stands.
func (v *Visitor) draw() {
	v.T.Helper()
	if w := v.walk; w != nil {
		v.walk = nil
		if w.at != nil {
			v.Goto(w.at.String())
		}
	}
}

// signUpPage walks to the sign-up's form.
func (v *Visitor) signUpPage() (w *walk, ok bool) {
	v.Step("go to the sign-up page, by direct requests")
	w = v.walkTo(v.LoginURL(""), nowhere)
	return w, w.open(screens.SignupLink) && w.shows(screens.PasswordInput)
}

// walkIn identifies user on the way from an address to where ends says, without
// drawing a page. It returns the end, and whether it got there.
func (v *Visitor) walkIn(user *User, address string, ends func(*url.URL) bool) (*url.URL, bool) {
	w := v.walkTo(address, nowhere)
	w.ends = ends // not earlier: an application may redirect within itself before it asks who it is
	in := w.identify(user)
	return w.at, in
}
