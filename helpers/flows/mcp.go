package flows

import (
	"net/url"
	"strings"

	"github.com/auth-preflight/auth-preflight/helpers/browser"
	"github.com/auth-preflight/auth-preflight/helpers/screens"
)

// Access is an authorization request of an MCP client's in a person's browser.
type Access struct {
	v    *Visitor
	held *browser.Held
}

// AskForAccess goes to an MCP client's authorization request, signs user in
// where that is asked, and stops at the consent page, before the callback, or
// at whatever page refuses the request.
func (v *Visitor) AskForAccess(user *User, address, redirectURI string) *Access {
	v.T.Helper()
	a := v.BeginAccess(address, redirectURI)
	if !a.settled() && v.Has(screens.EmailInput) {
		v.Identify(user)
		v.until("the consent page or the way back to the client", func() bool { return a.settled() || v.Has(screens.Alert) })
	}
	return a
}

// BeginAccess is AskForAccess up to the first page.
func (v *Visitor) BeginAccess(address, redirectURI string) *Access {
	v.T.Helper()
	v.Step("ask for access, as an MCP client does")
	a := &Access{v: v, held: v.HoldCallback(redirectURI)}
	v.Goto(address)
	v.until("a sign-in, the consent page, the way back to the client, or a refusal", func() bool {
		return a.settled() || v.Has(screens.EmailInput) || v.Has(screens.OwnEmailInput) || v.Has(screens.Alert)
	})
	return a
}

func (a *Access) settled() bool { return a.Answered() || a.Asked() }

// Answered reports whether the browser is on its way back to the client.
func (a *Access) Answered() bool { return a.held.Came() }

// Asked reports whether the person is being asked for consent.
func (a *Access) Asked() bool { return !a.Answered() && a.v.Has(a.button(0)) }

// button is the selector of the consent page's buttons: 0 allows, 1 denies.
func (a *Access) button(which int) string {
	words := append(strings.Split(a.v.World.Config.ConsentButtons, ","), "", "")
	return screens.ConsentButton(strings.TrimSpace(words[which]))
}

// VerifyAsked fails the test unless the person is being asked.
func (a *Access) VerifyAsked(why string) {
	a.v.T.Helper()
	if a.Asked() {
		return
	}
	if a.Answered() {
		a.v.T.Fatalf("expected the consent page (%s); the browser went back to the client, with %s", why, what(a.held.Await().URL.Query()))
	}
	a.v.T.Fatalf("expected the consent page (%s), with the buttons of PREFLIGHT_CONSENT_BUTTONS; the browser is at %s and shows %q", why, a.v.URL(), firstWords(a.v.Text()))
}

func what(answer url.Values) string {
	if answer.Get("code") != "" {
		return "a code"
	}
	return "error=" + answer.Get("error")
}

// Allow says yes, where the person is asked, and returns what the client gets.
func (a *Access) Allow() url.Values {
	a.v.T.Helper()
	if a.Asked() {
		a.v.Step("allow the client's access")
		a.v.Submit(a.button(0))
	}
	return a.answer()
}

// Deny says no and returns what the client gets.
func (a *Access) Deny() url.Values {
	a.v.T.Helper()
	a.v.Step("deny the client's access")
	a.v.Submit(a.button(1))
	return a.answer()
}

func (a *Access) answer() url.Values {
	a.v.T.Helper()
	answer := a.held.Await().URL.Query()
	a.held.Release()
	a.v.World.Learn(answer.Get("code"))
	return answer
}

// ConsentLink is the address with which a link or an image would say yes: that
// of the consent page's form, with its fields in the query. It is "" where the
// page has no form.
func (a *Access) ConsentLink() string {
	for _, selector := range []string{`button[value]`, `[type="submit"]`} {
		form := screens.FormAt(a.v.HTML(), a.v.URL(), selector)
		if form == nil {
			continue
		}
		fields := url.Values{}
		for name, values := range form.Fields {
			fields[name] = values
		}
		if name, value := a.v.Attr(a.button(0), "name"), a.v.Attr(a.button(0), "value"); name != "" {
			fields.Set(name, value)
		}
		for name, values := range form.Action.Query() {
			fields[name] = values
		}
		form.Action.RawQuery = fields.Encode()
		return form.Action.String()
	}
	return ""
}

// CodeAt asks for an address with this browser's cookies, without drawing a
// page, and follows redirects until one leads to the redirect URI. It returns that one's query; nil if none does.
func (v *Visitor) CodeAt(address, redirectURI string) url.Values {
	v.T.Helper()
	w := v.walkTo(address, atRedirectURI(redirectURI))
	if !w.left() {
		return nil
	}
	v.World.Learn(w.stop.URL.Query().Get("code"))
	return w.stop.URL.Query()
}

// AllowAccess is AskForAccess and Allow for a person who is not what the case
// is about: the pages are walked where they are plain forms.
func (v *Visitor) AllowAccess(user *User, address, redirectURI string) url.Values {
	v.T.Helper()
	w := v.walkTo(address, atRedirectURI(redirectURI))
	if !w.left() && !w.identify(user) && w.stop.Followed {
		allow, _, _ := strings.Cut(v.World.Config.ConsentButtons, ",")
		w.post(screens.FormOfButton(w.stop.Body, w.stop.URL, strings.TrimSpace(allow)), nil)
	}
	if w.left() {
		v.World.Learn(w.stop.URL.Query().Get("code"))
		return w.stop.URL.Query()
	}
	return v.AskForAccess(user, address, redirectURI).Allow()
}

// SignInAtOwnPages signs in at the customer's own pages, where the auth
// environment has sent the browser, and waits until it has left them.
func (v *Visitor) SignInAtOwnPages(email, password string) {
	v.T.Helper()
	v.Step("sign in at the app's own pages")
	host := v.URL().Host
	screens.SignInAtOwn(v.Page, email, password)
	v.until("the app's own pages to send the browser on", func() bool { return v.URL().Host != host })
}

// HandOver is what the auth environment gives to the customer's own pages
// (spec/mcp.md 7).
type HandOver struct{ LoginRequestID, State string }

// HandedOver returns the hand-over that the page at hand was opened with.
func (v *Visitor) HandedOver() HandOver {
	v.T.Helper()
	q := v.URL().Query()
	h := HandOver{q.Get("login_request_id"), q.Get("state")}
	if h.LoginRequestID == "" || h.State == "" || v.atAuth(v.URL()) {
		v.T.Fatalf("expected the app's own sign-in page, with login_request_id and state; the browser is at %s", v.URL().Redacted())
	}
	return h
}

// ReturnFromOwnPages brings the browser back to the auth environment as the
// customer's own pages do, and waits for what comes of it.
func (v *Visitor) ReturnFromOwnPages(a *Access, connectionID string, h HandOver) {
	v.T.Helper()
	v.Step("come back from the app's own pages")
	v.Goto(v.World.Config.Env("/sso/v1/connections/"+url.PathEscape(connectionID)+"/partner:callback") + "?" + url.Values{"state": {h.State}}.Encode())
	v.until("the consent page, the way back to the client, the application, or a refusal", func() bool {
		return a.settled() || v.Landed(v.URL()) || v.Has(screens.Alert) || v.Has(screens.EmailInput) || v.Has(screens.OwnEmailInput)
	})
}

// BeginAccessAt waits for a way back to a client, without having asked for
// anything: what a browser does that was sent into another one's request.
func (v *Visitor) BeginAccessAt(redirectURI string) *Access {
	v.T.Helper()
	return &Access{v: v, held: v.HoldCallback(redirectURI)}
}
