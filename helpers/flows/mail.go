package flows

import (
	"context"
	"net/url"
	"time"

	"github.com/auth-preflight/auth-preflight/helpers/inbox"
	"github.com/auth-preflight/auth-preflight/helpers/screens"
)

// mailPatience is how long a mail may take before the suite gives up.
const mailPatience = 60 * time.Second

// AwaitMail waits for the first mail to user that did not exist when this
// mark was taken and that wanted accepts. Mail is found by recipient and time,
// never by subject.
func (v *Visitor) AwaitMail(user *User, since inbox.Mark, what string, wanted func(inbox.Message) bool) inbox.Message {
	v.T.Helper()
	if v.World.Inbox == nil || user.Code != "" {
		v.T.Trouble("expected %s to %s, and there is no inbox for it", what, user.Email)
	}
	if user.Unmailed {
		v.T.Trouble("the case awaits %s to %s, and has made them as somebody to whom no mail goes: where there is no inbox it could not end", what, user.Email)
	}
	ctx, cancel := context.WithTimeout(context.Background(), mailPatience)
	defer cancel()
	message, err := v.World.Inbox.Wait(ctx, inbox.Match{To: user.Email, Since: since, Wanted: wanted})
	if err != nil {
		v.T.Fatalf("expected %s in the inbox of %s: %v", what, user.Email, err)
	}
	return message
}

// MarkInbox remembers which mails user has already.
func (v *Visitor) MarkInbox(user *User) (none inbox.Mark) {
	v.T.Helper()
	if v.World.Inbox == nil || user.Code != "" {
		return none
	}
	mark, err := v.World.Inbox.Mark(context.Background(), user.Email)
	if err != nil {
		v.T.Trouble("the inbox does not answer: %v", err)
	}
	return mark
}

// RequestCode asks for a sign-in mail from the hosted page at hand and returns
// the code in it, or the fixed code of a test user.
func (v *Visitor) RequestCode(user *User) string {
	v.T.Helper()
	mark := v.askForMail(user)
	if user.Code != "" {
		return v.AwaitCode(user, mark)
	}
	return v.CodeIn(v.AwaitMail(user, mark, signInMail, v.signsIn))
}

// AwaitCode returns the code of a sign-in mail to user that was asked for after
// this mark, or the fixed code of a test user.
func (v *Visitor) AwaitCode(user *User, since inbox.Mark) string {
	v.T.Helper()
	if user.Code != "" {
		v.World.Learn(user.Code)
		return user.Code
	}
	return v.CodeIn(v.AwaitMail(user, since, "a mail with a sign-in code", v.HasCode))
}

const signInMail = "a mail with a sign-in code or link"

// RequestSignInMail asks for a sign-in mail from the first hosted page and
// returns the mail, which holds a code, a link or both.
func (v *Visitor) RequestSignInMail(user *User) inbox.Message {
	v.T.Helper()
	mark := v.askForMail(user)
	return v.AwaitMail(user, mark, signInMail, v.signsIn)
}

func (v *Visitor) askForMail(user *User) inbox.Mark {
	v.T.Helper()
	v.Step("ask for a sign-in mail")
	mark := v.MarkInbox(user)
	if !v.walk.askForMail(user.Email) {
		v.draw()
		screens.SubmitEmail(v.Page, user.Email)
		screens.ChooseEmailCode(v.Page)
	}
	return mark
}

// ResendSignInMail asks for another mail from the page that waits for the first.
func (v *Visitor) ResendSignInMail(user *User) inbox.Message {
	v.T.Helper()
	v.Step("ask for the mail again")
	mark := v.MarkInbox(user)
	if !v.walk.send(screens.ResendButton, nil) {
		v.draw()
		v.Submit(screens.ResendButton)
	}
	return v.AwaitMail(user, mark, "another mail with a sign-in code or link", v.signsIn)
}

// RequestMagicLink starts a sign-in at the application and returns the link
// that was mailed for it.
func (v *Visitor) RequestMagicLink(user *User) string {
	v.T.Helper()
	v.OpenLogin("")
	return v.LinkIn(v.RequestSignInMail(user))
}

// CodeIn returns the one-time code of a mail.
func (v *Visitor) CodeIn(message inbox.Message) string {
	v.T.Helper()
	if len(message.Codes) == 0 {
		v.T.Fatalf("the mail %q to %v holds no code of six digits", message.Subject, message.To)
	}
	v.World.Learn(message.Codes...)
	return message.Codes[0]
}

// LinkIn returns the first link of a mail that leads to the auth environment,
// be it through a host that counts clicks.
func (v *Visitor) LinkIn(message inbox.Message) string {
	v.T.Helper()
	if link := v.authLink(message); link != "" {
		return link
	}
	v.T.Fatalf("the mail %q to %v holds no link to %s; links: %q", message.Subject, message.To, v.World.Config.EnvironmentURL, message.Links)
	return ""
}

// EnterCode types a code into the page that asks for it.
func (v *Visitor) EnterCode(code string) {
	v.T.Helper()
	v.Step("enter the code from the mail")
	if v.walk.send(screens.PinInput, map[string]string{"code": code}) {
		return
	}
	v.draw()
	screens.SubmitCode(v.Page, code)
}

// SignInByCode signs in with a code by mail, and waits for the landing.
func (v *Visitor) SignInByCode(user *User) {
	v.T.Helper()
	v.OpenLogin("")
	v.EnterCode(v.RequestCode(user))
	v.AwaitLanding()
}

// Redeem opens a link from a mail and does what its page asks: some
// deployments show a button first, so that a mail scanner's visit does no harm.
func (v *Visitor) Redeem(link string) {
	v.T.Helper()
	v.Step("open the link from the mail")
	if v.Walks {
		if v.walk = v.walkBehind(link); v.walk.landed() || v.walk.sent {
			return
		}
	}
	v.walk = nil
	v.Goto(link)
	if confirm := `form button[type="submit"]`; v.atAuth(v.URL()) && !v.Has(screens.Alert) &&
		v.Count(`form input:not([type="hidden"])`) == 0 && v.Has(confirm) {
		v.Submit(confirm)
	}
}

// HasCode accepts mails with a one-time code.
func (v *Visitor) HasCode(message inbox.Message) bool { return len(message.Codes) > 0 }

// TypeCode types a code where the focus is, by keyboard alone, and sends it
// with Enter unless the page has sent it at the last digit.
func (v *Visitor) TypeCode(code string) {
	v.T.Helper()
	v.Step("type the code from the mail")
	v.TypeAndSend(code, func() { v.PressAndLand("Enter") })
}

// signsIn accepts mails with a code or a link to the auth environment.
func (v *Visitor) signsIn(message inbox.Message) bool {
	return len(message.Codes) > 0 || v.HasLink(message)
}

// CodeForm reads the form of the page that waits for a code, to be sent by
// direct requests with the field "code".
func (v *Visitor) CodeForm() *screens.Form {
	v.T.Helper()
	if form := v.walk.form(screens.PinInput); form != nil {
		return form
	}
	v.draw()
	v.Await(screens.PinInput)
	form := screens.FormAt(v.HTML(), v.URL(), screens.PinInput)
	if form == nil {
		v.T.Fatalf("expected the code's boxes inside a form on %s", v.URL())
	}
	return form
}

// unasked is what is wrong where a browser has a session that it must not have.
const unasked = "expected that whoever begins a sign-in in this browser is asked who they are; " +
	"it was let in without a question, as %s: the auth environment has opened a session for an attempt that it refused, or has not ended one"

// VerifyNoWayIn fails the test if this browser is signed in at the application,
// or gets in without being asked who it is. Call it after a sign that the flow
// has ended.
func (v *Visitor) VerifyNoWayIn() {
	v.T.Helper()
	v.VerifySignedOut()
	v.TryToComeBackSilently()
	if got := v.WhoAmI(""); got != "" {
		v.T.Fatalf(unasked, got)
	}
}

// TryToComeBackSilently begins a sign-in and waits until it has come back to
// the application or asks who it is: the way to find out what the auth
// environment thinks of this browser.
func (v *Visitor) TryToComeBackSilently() {
	v.T.Helper()
	v.Step("begin a sign-in to see whether the auth environment knows this browser")
	if v.walkFrom(v.LoginURL("")); v.walk.landed() || v.walk.shows(screens.EmailInput) {
		return
	}
	v.walk = nil
	v.Goto(v.LoginURL(""))
	v.AwaitURL("the application or the auth environment", func(u *url.URL) bool { return v.Landed(u) || v.atAuth(u) })
}
