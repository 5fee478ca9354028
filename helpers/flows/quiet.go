package flows

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/PuerkitoBio/goquery"

	"github.com/auth-preflight/auth-preflight/helpers/inbox"
	"github.com/auth-preflight/auth-preflight/helpers/pace"
	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
	"github.com/auth-preflight/auth-preflight/helpers/screens"
)

// quietSteps is how many pages a sign-in may have.
const quietSteps = 8

// NewQuiet returns an agent that goes through the application as well: a
// person's browser without a window, for what a window would show no better.
func NewQuiet(t TB, w World) *Agent {
	a := NewAgent(t, w)
	a.roams = true
	return a
}

// Quiet is a quiet agent with all of this browser's cookies: the same person,
// asking without a window.
func (v *Visitor) Quiet() *Agent {
	v.T.Helper()
	a := NewQuiet(v.T, v.World)
	for _, cookie := range v.Cookies() {
		kept := &http.Cookie{Name: cookie.Name, Value: cookie.Value, Path: cookie.Path, Secure: cookie.Secure} //nolint:gosec // kept in a jar, never sent to a browser
		for base, of := range map[*url.URL]bool{v.World.Config.EnvironmentURL: v.OfAuth(cookie), v.World.Config.AppURL: v.OfApp(cookie)} {
			if of {
				a.jar.SetCookies(base, []*http.Cookie{kept})
			}
		}
	}
	return a
}

// SignIn signs user in at the application, by password where they have one,
// else by a code or link from the mail; where they are asked for an
// organization they enter user.OrgID. It reports false where a hosted page is
// no plain form, so that only a window can go on.
func (a *Agent) SignIn(user *User) (done bool) {
	a.T.Helper()
	return a.GoOn(a.Get(a.World.Config.App(a.World.Config.AppLoginPath)), user)
}

// GoOn does on each hosted page what a person would, from the page at hand to
// the application. It reports false where it cannot.
func (a *Agent) GoOn(stop Stop, user *User) (done bool) {
	a.T.Helper()
	return a.Landed(a.Through(stop, user))
}

// Through is GoOn for an agent that may end elsewhere, and returns where.
func (a *Agent) Through(stop Stop, user *User) Stop {
	a.T.Helper()
	mark, asked := a.mails().MarkInbox(user), false
	for range quietSteps {
		wants, fields := "", map[string]string{}
		switch {
		case !stop.Followed || !stop.atAuth(a) || stop.has(screens.Alert):
			return stop
		case user.Code != "" && stop.has(screens.PinInput):
			wants, fields["code"] = screens.PinInput, a.mails().AwaitCode(user, mark)
		case stop.has(screens.PinInput), asked && stop.has(screens.ResendButton):
			mail := a.mails().AwaitMail(user, mark, signInMail, a.mails().signsIn)
			if !stop.has(screens.PinInput) || len(mail.Codes) == 0 {
				stop = a.Redeem(a.mails().LinkIn(mail))
				continue
			}
			wants, fields["code"] = screens.PinInput, a.mails().CodeIn(mail)
		case stop.has(screens.Organization):
			stop = a.Pick(stop, user.OrgID)
			continue
		case stop.AsksProfile() && a.halts:
			return stop
		case stop.AsksProfile():
			wants = screens.ProfileInput
		case user.Password != "" && stop.has(screens.PasswordInput):
			wants, fields[stop.NameOf(screens.PasswordInput)] = screens.PasswordInput, user.Password
		case stop.has(screens.EmailCodeChoice):
			wants, asked = screens.EmailCodeChoice, true
		case stop.has(screens.EmailInput):
			wants, asked = screens.EmailInput, true
			fields[stop.NameOf(screens.EmailInput)] = user.Email
		default:
			return stop
		}
		form := stop.Form(wants)
		if form == nil {
			return stop
		}
		form.Complete()
		stop = a.Submit(form, fields)
	}
	return stop
}

// SwitchTo chooses another organization at the application (APP_SWITCH_PATH) or,
// where it has no way of its own, by the initiate-login address, which passes on
// what it is given. It reports whether that ended at the application.
func (a *Agent) SwitchTo(organizationID string) (done bool) {
	a.T.Helper()
	stop := a.Get(a.World.Config.Switch())
	if stop.Asks() {
		stop = a.Pick(stop, organizationID)
	}
	return a.Landed(stop)
}

// Landed reports whether a request ended on a page of the application, behind
// the callback.
func (a *Agent) Landed(stop Stop) bool {
	return stop.Followed && sameOrigin(stop.URL, a.World.Config.AppURL) && !a.World.Config.IsAt(stop.URL, a.World.Config.AppCallbackPath)
}

// Submit sends a form of a page with some fields set.
func (a *Agent) Submit(form *screens.Form, fields map[string]string) Stop {
	a.T.Helper()
	if form == nil {
		a.T.Fatalf("expected a form on the page at hand; the page has none")
	}
	values := url.Values{}
	for name, all := range form.Fields {
		values[name] = all
	}
	for name, value := range fields {
		values.Set(name, value)
	}
	return a.Post(form.Action.String(), values, form.Action.Scheme+"://"+form.Action.Host)
}

// Redeem opens a link from a mail and presses the button of its page, where
// there is one.
func (a *Agent) Redeem(link string) Stop {
	a.T.Helper()
	stop, _ := a.redeem(link)
	return stop
}

// RedeemUpToApp is Redeem that stops before the application: where the auth
// environment sends the browser there, the stop is that address, and not followed.
func (a *Agent) RedeemUpToApp(link string) Stop {
	a.T.Helper()
	halted := *a
	halted.roams = false
	return halted.Redeem(link)
}

func (a *Agent) redeem(link string) (stop Stop, pressed bool) {
	a.T.Helper()
	const button = `button[type="submit"]`
	stop = a.Get(link)
	if form := stop.Form(button); form != nil && stop.atAuth(a) && !stop.has(screens.Alert) && !stop.has(`form input:not([type="hidden"])`) {
		return a.Submit(form, nil), true
	}
	return stop, false
}

// Pick enters an organization on the page that asks for one, whether or not it
// is offered there: who knows its id sends it.
func (a *Agent) Pick(stop Stop, organizationID string) Stop {
	a.T.Helper()
	form := stop.Form(screens.Organization)
	name := stop.NameOf(screens.Organization)
	if form == nil || name == "" {
		a.T.Trouble("the page that asks for an organization has no button in a form: without a window it cannot be used")
	}
	return a.Submit(form, map[string]string{name: organizationID})
}

// Shows reports whether the page at hand has an element that matches.
func (s Stop) Shows(selector string) bool { return s.has(selector) }

// Offers reports whether the page that asks for an organization offers one.
func (s Stop) Offers(organizationID string) bool {
	return s.has(`[data-organization-id="` + organizationID + `"]`)
}

// Asks reports whether the page at hand asks for an organization.
func (s Stop) Asks() bool { return s.has(screens.Organization) }

// AsksForCode reports whether the page at hand waits for what a mail brings.
func (s Stop) AsksForCode() bool { return s.has(screens.PinInput) || s.has(screens.ResendButton) }

func (s Stop) document() *goquery.Document {
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(s.Body))
	if err != nil {
		return nil
	}
	return doc
}

func (s Stop) has(selector string) bool {
	doc := s.document()
	return doc != nil && doc.Find(selector).Length() > 0
}

// NameOf is the name under which the first such field or button is sent.
func (s Stop) NameOf(selector string) string {
	doc := s.document()
	if doc == nil {
		return ""
	}
	return doc.Find(selector).First().AttrOr("name", "")
}

func (s Stop) atAuth(a *Agent) bool { return sameOrigin(s.URL, a.World.Config.EnvironmentURL) }

// mails reads the inbox; nothing of it needs a window.
func (a *Agent) mails() *Visitor { return &Visitor{T: a.T, World: a.World} }

// MarkInbox remembers which mails user has already.
func (a *Agent) MarkInbox(user *User) inbox.Mark {
	a.T.Helper()
	return a.mails().MarkInbox(user)
}

// AwaitMail waits for a mail as Visitor.AwaitMail does.
func (a *Agent) AwaitMail(user *User, since inbox.Mark, what string, wanted func(inbox.Message) bool) inbox.Message {
	a.T.Helper()
	return a.mails().AwaitMail(user, since, what, wanted)
}

// AwaitLink waits for a mail to user with a link to the auth environment, newer
// than the mark, and returns the mail and the link.
func (a *Agent) AwaitLink(user *User, since inbox.Mark, what string) (inbox.Message, string) {
	a.T.Helper()
	mail := a.mails().AwaitMail(user, since, what, a.mails().HasLink)
	return mail, a.mails().LinkIn(mail)
}

// AskJSON asks the application for data with this person's cookies.
func (a *Agent) AskJSON(path string) Stop {
	a.T.Helper()
	return a.request(http.MethodGet, a.World.Config.App(path), http.Header{"Accept": {"application/json"}})
}

// AskAs calls the application with an access token, and without any cookie.
func (a *Agent) AskAs(token, method, path string) Stop {
	a.T.Helper()
	bare := *NewAgent(a.T, a.World)
	return bare.request(method, a.World.Config.App(path), http.Header{"Authorization": {"Bearer " + token}, "Accept": {"application/json"}})
}

// WhoAmI asks the application's server who is signed in, as Visitor.WhoAmI does.
func (a *Agent) WhoAmI(hint string) string {
	a.T.Helper()
	c := a.World.Config
	path := c.AppWhoamiPath
	if path == "" {
		path = c.AppProtectedPath
	}
	header := http.Header{}
	if c.AppWhoamiPath != "" {
		header.Set("Accept", "application/json")
	}
	answer := a.atApp(path, header)
	return whoIn(c, answer.Status, []byte(answer.Body), hint)
}

// Look opens a page of the application, or its data, with this person's
// cookies. Redirects inside the application are followed, but for those to its
// sign-in.
func (a *Agent) Look(path string) Stop {
	a.T.Helper()
	return a.atApp(path, http.Header{})
}

func (a *Agent) atApp(path string, header http.Header) Stop {
	a.T.Helper()
	c := a.World.Config
	address := c.App(path)
	for range agentRedirects {
		answer := a.request(http.MethodGet, address, header)
		if !answer.redirects() || !sameOrigin(answer.URL, c.AppURL) || c.IsAt(answer.URL, c.AppLoginPath) {
			return answer
		}
		address = answer.URL.String()
	}
	a.T.Fatalf("%s still redirects inside the application after %d redirects: expected an answer, saw a loop", path, agentRedirects)
	return Stop{}
}

// VerifySignedIn fails the test unless the server says that user is signed in.
func (a *Agent) VerifySignedIn(user *User) {
	a.T.Helper()
	if got := a.WhoAmI(user.Email); !strings.EqualFold(got, user.Email) {
		a.T.Fatalf("expected the application's server to say that %s is signed in; it said %s", user.Email, orNobody(got))
	}
}

// VerifySignedOut fails the test if the server says that anybody is signed in.
func (a *Agent) VerifySignedOut() {
	a.T.Helper()
	if got := a.WhoAmI(""); got != "" {
		a.T.Fatalf("expected the application's server to say that nobody is signed in; it said %s", got)
	}
}

// VerifyNoWayIn fails the test if this browser is signed in at the application,
// or gets in without being asked who it is.
func (a *Agent) VerifyNoWayIn() {
	a.T.Helper()
	a.VerifySignedOut()
	a.Get(a.World.Config.App(a.World.Config.AppLoginPath))
	if got := a.WhoAmI(""); got != "" {
		a.T.Fatalf(unasked, got)
	}
}

// Tokens asks for tokens of the application's client by the session that this
// browser has at the auth environment, with parameters added to the request.
// Where none are given, the answer is nil, and end says where the request ended.
func (a *Agent) Tokens(parameters url.Values) (tokens *scalekit.TokenAnswer, end Stop) {
	a.T.Helper()
	bound := *a
	bound.roams = false // the code is ours, not the application's
	grant, end := bound.Authorize(parameters)
	return bound.RedeemCode(grant, end), end
}

// RedeemCode trades the code with which a sign-in ended for tokens; nil where it
// ended without one, or the code is refused.
func (a *Agent) RedeemCode(grant Grant, end Stop) *scalekit.TokenAnswer {
	a.T.Helper()
	code := end.URL.Query().Get("code")
	if end.Followed || code == "" || !strings.HasPrefix(end.URL.String(), grant.RedirectURI) {
		return nil
	}
	c := a.World.Config
	a.World.Learn(code)
	answer := a.exchange(url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {grant.RedirectURI},
		"code_verifier": {grant.PKCE.Verifier}, "client_id": {c.AppClientID}, "client_secret": {c.AppClientSecret},
	})
	if answer.AccessToken == "" {
		return nil
	}
	return answer
}

// Refresh uses a refresh token as the application would.
func (a *Agent) Refresh(refreshToken string) *scalekit.TokenAnswer {
	a.T.Helper()
	return a.exchange(a.mails().RefreshRequest(refreshToken))
}

// RefreshFor is Refresh with a scope of the caller's own (RFC 6749 §6).
func (a *Agent) RefreshFor(refreshToken, scope string) *scalekit.TokenAnswer {
	a.T.Helper()
	form := a.mails().RefreshRequest(refreshToken)
	form.Set("scope", scope)
	return a.exchange(form)
}

// Claims verifies a token with the environment's keys and returns its claims.
func (a *Agent) Claims(token string) map[string]any {
	a.T.Helper()
	return a.mails().Claims(token)
}

func (a *Agent) exchange(form url.Values) *scalekit.TokenAnswer {
	a.T.Helper()
	ctx, cancel := pace.Budget(context.Background(), agentPatience)
	defer cancel()
	answer, err := a.World.API.Exchange(ctx, form)
	if err != nil {
		a.T.Trouble("the token endpoint does not answer: %v", err)
	}
	a.World.Learn(answer.AccessToken, answer.RefreshToken, answer.IDToken)
	return answer
}

// SendSignUp fills in the sign-up page, past whatever the page's own script
// would have held back, and returns where that led. It reports false where the
// page cannot be used without a window.
func (a *Agent) SendSignUp(email, password string) (end Stop, sent bool) {
	a.T.Helper()
	_, first := a.Authorize(nil)
	link := screens.LinkAt(first.Body, first.URL, screens.SignupLink)
	if link == nil {
		return first, false
	}
	page := a.Get(link.String())
	form := page.Form(screens.EmailInput)
	if form == nil {
		return page, false
	}
	form.Complete()
	fields := map[string]string{page.NameOf(screens.EmailInput): email}
	if name := page.NameOf(screens.PasswordInput); name != "" {
		fields[name] = password
	}
	return a.Submit(form, fields), true
}

// UpToProfile signs user in by mail, for the suite's own authorization request,
// up to the page that asks somebody new who they are.
func (a *Agent) UpToProfile(user *User) (grant Grant, page Stop) {
	a.T.Helper()
	grant, first := a.Authorize(nil)
	halting := *a
	halting.halts = true
	return grant, halting.Through(first, user)
}

// AsksProfile reports whether the page at hand asks somebody new who they are.
func (s Stop) AsksProfile() bool {
	return s.has(screens.ProfileInput) && !s.has(screens.EmailInput)
}
