package flows

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/auth-preflight/auth-preflight/helpers/screens"
)

// OpenLogin goes to the application's login and waits for the hosted page.
// next, if not empty, is the path to come back to.
func (v *Visitor) OpenLogin(next string) {
	v.T.Helper()
	v.Step("open the login page from the application")
	if v.walkFrom(v.LoginURL(next)); !v.walk.shows(screens.EmailInput) {
		v.openLogin(next)
	}
}

// drawLogin is OpenLogin for a visitor who goes on in the browser, also one who
// walks: a page that is no plain form has ended the walk, and begins anew.
func (v *Visitor) drawLogin() {
	v.T.Helper()
	v.Step("open the login page from the application")
	v.openLogin("")
}

// openLogin is OpenLogin in the browser.
func (v *Visitor) openLogin(next string) {
	v.T.Helper()
	v.walk = nil
	v.Goto(v.LoginURL(next))
	if v.AwaitSight(func() bool { return v.Has(screens.EmailInput) }) {
		return
	}
	seen := errors.New("none came")
	if who := v.WhoAmI(""); who != "" {
		seen = fmt.Errorf("nobody was asked, and the application's server says that %s is signed in: "+
			"a session of theirs, at the application or at the auth environment, was not ended", who)
	}
	v.Fail("wait for the login page", "a page that asks who wants to sign in", seen)
}

// LoginURL is where a person starts to sign in at the application.
func (v *Visitor) LoginURL(next string) string {
	c := v.World.Config
	if next != "" && c.AppReturnToParam != "" {
		return c.AppWith(c.AppLoginPath, url.Values{c.AppReturnToParam: {next}})
	}
	return v.app(c.AppLoginPath)
}

// SignIn gets user signed in by whatever is quickest: with the password, where
// they have one, else a code by mail; and without drawing a page, where the
// pages are plain forms. The browser need not be at a page of the application
// afterwards. A case about what a browser makes of signing in uses SignInOnPages.
func (v *Visitor) SignIn(user *User) {
	v.T.Helper()
	v.walk = nil
	if _, in := v.walkIn(user, v.LoginURL(""), v.Landed); in {
		return
	}
	v.SignInOnPages(user)
}

// SignInOnPages signs in as a person would, with every page drawn: the browser
// itself takes the cookies, judges them and ends at the landing page.
func (v *Visitor) SignInOnPages(user *User) {
	v.T.Helper()
	v.OpenLogin("")
	v.Identify(user)
	v.AwaitLanding()
}

// Identify goes through the hosted pages from the first one to the way back to
// the client.
func (v *Visitor) Identify(user *User) {
	v.T.Helper()
	if user.Password != "" {
		v.Step("sign in with e-mail and password")
		screens.SubmitEmail(v.Page, user.Email)
		screens.SubmitPassword(v.Page, user.Password)
		return
	}
	v.EnterCode(v.RequestCode(user))
}

// SignInByPassword signs in with e-mail and password, and waits for the landing.
func (v *Visitor) SignInByPassword(user *User) {
	v.T.Helper()
	if v.walkFrom(v.LoginURL("")); v.walk.tryPassword(user.Email, user.Password) && v.walk.landed() {
		return
	}
	v.drawPassword(user.Email, user.Password)
	v.AwaitLanding()
}

// TryPassword submits an address and a password and leaves the browser where
// that led.
func (v *Visitor) TryPassword(email, password string) {
	v.T.Helper()
	if v.walkFrom(v.LoginURL("")); v.walk.tryPassword(email, password) {
		return
	}
	v.drawPassword(email, password)
}

func (v *Visitor) drawPassword(email, password string) {
	v.T.Helper()
	v.openLogin("")
	v.Step("try e-mail and password")
	screens.SubmitEmail(v.Page, email)
	screens.SubmitPassword(v.Page, password)
}

// SignOut uses the application's own way out on its protected page, and waits
// until the browser is back at the application.
func (v *Visitor) SignOut() {
	v.T.Helper()
	if v.Walks && v.walkOut() {
		return
	}
	v.PressSignOut()
	v.AwaitLanding()
}

// PressSignOut is SignOut without the way back: where the browser ends is the
// caller's matter.
func (v *Visitor) PressSignOut() {
	v.T.Helper()
	v.Step("sign out")
	v.walk = nil
	c := v.World.Config
	v.Goto(v.app(c.AppProtectedPath))
	v.Submit(v.control(c.AppLogoutPath))
}

// control finds what a person clicks to get to a path of the application: a
// link, or the button of a form. A button without a type sends its form (HTML,
// 4.10.6).
func (v *Visitor) control(path string) string {
	var all []string
	for _, at := range []string{path, v.app(path)} {
		form := `form[action^="` + at + `"] `
		all = append(all, `a[href^="`+at+`"]`, form+`[type="submit"]`, form+`button:not([type])`)
	}
	return strings.Join(all, ", ")
}

// StartLogin begins a sign-in at the application and returns the parameters of
// the authorization request, as the browser sent it.
func (v *Visitor) StartLogin(next string) url.Values {
	v.T.Helper()
	return v.StartLoginAt(v.LoginURL(next))
}

// StartLoginAt is StartLogin from another address of the application.
func (v *Visitor) StartLoginAt(address string) url.Values {
	v.T.Helper()
	v.Step("begin a sign-in at " + address)
	request := v.HoldAuthorize()
	v.Goto(address)
	sent := request.Await()
	request.Release()
	return sent.URL.Query()
}

// SignOutEverywhere uses the application's way out of all sessions.
func (v *Visitor) SignOutEverywhere() {
	v.T.Helper()
	v.Step("sign out everywhere")
	c := v.World.Config
	v.Goto(v.app(c.AppProtectedPath))
	control := v.control(c.AppLogoutAllPath)
	if !v.Has(control) {
		v.Goto(v.app(c.AppProfilePath))
	}
	v.Submit(control)
	v.AwaitLanding()
}

// ChooseOrganization enters an organization on the page that asks for one.
func (v *Visitor) ChooseOrganization(organizationID string) {
	v.T.Helper()
	v.Step("choose the organization")
	v.draw()
	v.introduce()
	v.Submit(`[data-organization-id="` + organizationID + `"]`)
}
