package flows

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/auth-preflight/auth-preflight/helpers/browser"
	"github.com/auth-preflight/auth-preflight/helpers/inbox"
	"github.com/auth-preflight/auth-preflight/helpers/screens"
)

// SignUpByPassword signs a new person up with e-mail and password, proves the
// address by the mail's link and ends signed in.
func (v *Visitor) SignUpByPassword(user *User) {
	v.T.Helper()
	v.Redeem(v.LinkIn(v.BeginSignUp(user)))
	v.AwaitLanding()
}

// BeginSignUp fills in the sign-up pages and returns the mail that proves the
// address. The browser stays on the page that waits for it.
func (v *Visitor) BeginSignUp(user *User) inbox.Message {
	v.T.Helper()
	mark := v.MarkInbox(user)
	if ended := v.signUp(user.Email, user.Password); v.Landed(ended) {
		v.T.Fatalf("the sign-up ended at %s before any mail had proven the address", ended)
	}
	return v.AwaitMail(user, mark, "a mail that proves the address", v.signsIn)
}

// signUp sends the sign-up and returns where that led.
func (v *Visitor) signUp(email, password string) *url.URL {
	v.T.Helper()
	if v.Walks {
		if w, ok := v.signUpPage(); ok && w.send(screens.PasswordInput, map[string]string{"email": email, "password": password}) {
			return w.stop.URL
		}
	}
	v.SubmitSignUp(email, password)
	return v.URL()
}

// TrySignUp sends a sign-up without drawing a page, and reports whether the
// pages let it.
func (v *Visitor) TrySignUp(user *User) bool {
	v.T.Helper()
	w, ok := v.signUpPage()
	return ok && w.send(screens.PasswordInput, map[string]string{"email": user.Email, "password": user.Password})
}

// SubmitSignUp fills in the sign-up page and sends it.
func (v *Visitor) SubmitSignUp(email, password string) {
	v.T.Helper()
	v.drawLogin()
	v.Step("sign up with e-mail and password")
	v.Submit(screens.SignupLink)
	v.Await(screens.EmailInput)
	v.Fill(screens.EmailInput, email)
	v.FillSecret(screens.PasswordInput, password)
	if v.Has(screens.ProfileInput) {
		v.FillProfile()
	}
	v.Submit(screens.SubmitOf(screens.PasswordInput))
}

// SendSignUp sends the sign-up form by a direct request, past whatever the
// page's own script or markup would have held back.
func (v *Visitor) SendSignUp(email, password string) *browser.Answer {
	v.T.Helper()
	fields := map[string]string{"email": email, "password": password}
	if w, ok := v.signUpPage(); ok {
		form := w.form(screens.PasswordInput)
		form.Complete()
		return v.SendForm(form, fields)
	}
	v.drawLogin()
	v.Submit(screens.SignupLink)
	v.Await(screens.PasswordInput)
	form := screens.FormAt(v.HTML(), v.URL(), screens.PasswordInput)
	if form == nil {
		v.T.Fatalf("expected the password field inside a form on %s", v.URL())
	}
	form.Complete()
	return v.SendForm(form, fields)
}

// RequestReset asks for a link to set a new password and returns the mail.
func (v *Visitor) RequestReset(user *User) inbox.Message {
	v.T.Helper()
	mark := v.MarkInbox(user)
	if !v.Walks || !v.walkToReset(user.Email) {
		v.AskForReset(user.Email)
	}
	return v.AwaitMail(user, mark, "a mail with a link to set a new password", v.HasLink)
}

// TryReset asks for a link to set a new password without drawing a page, and
// reports whether the pages let it.
func (v *Visitor) TryReset(user *User) bool {
	v.T.Helper()
	return v.walkToReset(user.Email)
}

// AskForReset goes through "forgot password" for an address.
func (v *Visitor) AskForReset(email string) {
	v.T.Helper()
	v.drawLogin()
	v.Step("ask for a password reset")
	screens.SubmitEmail(v.Page, email)
	v.Await(screens.ResetChoice)
	v.Submit(screens.ResetChoice)
	if v.Has(screens.EmailInput) {
		screens.SubmitEmail(v.Page, email)
	}
}

// ResetForm returns the form of "forgot password", to be sent by direct requests with the field "email".
func (v *Visitor) ResetForm(email string) *screens.Form {
	v.T.Helper()
	if w, ok := v.resetPage(email); ok && w.shows(screens.EmailInput) {
		return w.form(screens.EmailInput)
	}
	v.GoToPassword(email)
	v.Submit(screens.ResetChoice)
	form := screens.FormAt(v.HTML(), v.URL(), screens.EmailInput)
	if form == nil {
		v.T.Trouble("the page behind \"forgot password\" asks for no address: its request cannot be sent for another one")
	}
	return form
}

// SetNewPassword opens a reset link, sets a password and leaves the browser
// where that led.
func (v *Visitor) SetNewPassword(link, password string) {
	v.T.Helper()
	v.Step("open the link to set a new password")
	if v.Walks && v.walkTo(link, nil).send(screens.NewPasswordInput, map[string]string{"password": password}) {
		return
	}
	v.Goto(link)
	if !v.Has(screens.NewPasswordInput) {
		return // refused: the caller asks the server what that meant
	}
	v.Step("set a new password")
	screens.SubmitPassword(v.Page, password)
}

// GoToPassword brings the browser to the password page of an address.
func (v *Visitor) GoToPassword(email string) {
	v.T.Helper()
	v.drawLogin()
	screens.SubmitEmail(v.Page, email)
	v.Await(screens.PasswordInput)
}

// PasswordForm returns the form of the password page of an address, to be sent
// by direct requests.
func (v *Visitor) PasswordForm(email string) *screens.Form {
	v.T.Helper()
	if w, ok := v.passwordPage(email); ok {
		return w.form(screens.PasswordInput)
	}
	v.GoToPassword(email)
	form := screens.FormAt(v.HTML(), v.URL(), screens.PasswordInput)
	if form == nil {
		v.T.Fatalf("expected the password field inside a form on %s", v.URL())
	}
	return form
}

// SendPassword sends a password form as the browser would, without drawing a page.
func (v *Visitor) SendPassword(form *screens.Form, password string) *browser.Answer {
	v.T.Helper()
	return v.SendForm(form, map[string]string{"password": password})
}

// SendForm sends a form with some fields set, as the browser would, without
// drawing a page. It follows no redirect.
func (v *Visitor) SendForm(form *screens.Form, fields map[string]string) *browser.Answer {
	v.T.Helper()
	values := url.Values{}
	for name, value := range form.Fields {
		values[name] = value
	}
	for name, value := range fields {
		values.Set(name, value)
	}
	origin := form.Action.Scheme + "://" + form.Action.Host
	return v.Fetch(http.MethodPost, form.Action.String(), browser.WithForm(values),
		browser.WithHeader("Origin", origin), browser.WithHeader("Sec-Fetch-Site", "same-origin"))
}

// AnswerText is what a person would read of an answer: the same for two
// answers that tell a stranger nothing, once the address is taken out.
func AnswerText(answer *browser.Answer, email string) string {
	text := screens.VisibleText(string(answer.Body))
	return strings.ReplaceAll(strings.ToLower(text), strings.ToLower(email), "(the address)")
}

// HasLink accepts mails with a link to the auth environment.
func (v *Visitor) HasLink(message inbox.Message) bool {
	return v.authLink(message) != ""
}
