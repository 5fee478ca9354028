package screens

import (
	"strings"

	"github.com/auth-preflight/auth-preflight/helpers/browser"
)

// Credentials are what a person has for a provider's pages.
type Credentials struct {
	Email, Password string
	// Code returns what the person's authenticator shows now; nil: there is none.
	Code func() string
	// Deny refuses the provider's consent instead of giving it.
	Deny bool
}

// providerPage is one page that a provider may show: how to know it, and what
// a person does on it.
type providerPage struct {
	provider string // whose page it is
	name     string // what it asks
	sign     string // visible on this page only
	// act fills in what is asked, and returns what to press then.
	act func(p *browser.Page, c Credentials) (button string)
}

// press is a page on which nothing is typed.
func press(selector string) func(*browser.Page, Credentials) string {
	return func(*browser.Page, Credentials) string { return selector }
}

// typed fills one field.
func typed(field, button string, value func(Credentials) string) func(*browser.Page, Credentials) string {
	return func(p *browser.Page, c Credentials) string { p.Fill(field, value(c)); return within(p, button) }
}

// secret is typed for what must not be seen in a report.
func secret(field, button string, value func(Credentials) string) func(*browser.Page, Credentials) string {
	return func(p *browser.Page, c Credentials) string { p.FillSecret(field, value(c)); return within(p, button) }
}

// within is the button itself where a name stands on what is around it, as on
// Google's pages.
func within(p *browser.Page, button string) string {
	if inner := button + " button"; p.Has(inner) {
		return inner
	}
	return button
}

// decide gives the consent, or refuses it.
func decide(yes, no string) func(*browser.Page, Credentials) string {
	return func(_ *browser.Page, c Credentials) string {
		if c.Deny {
			return no
		}
		return yes
	}
}

func email(c Credentials) string    { return c.Email }
func password(c Credentials) string { return c.Password }
func code(c Credentials) string     { return c.Code() }

// What a page asks that only an authenticator knows.
const asksCode = "the code of an authenticator"

const (
	oktaSubmit   = `[type="submit"]`
	oktaPasscode = `input[name="credentials.passcode"]`
	// The button of the authenticator in a list of factors: within what has its
	// name in the widget's second generation, around it in the third.
	oktaAuthenticator = `[data-se="google_otp"] [data-se="button"], [data-se="authenticator-button"]:has([data-se="google_otp"])`
)

// providerPages are the login pages of the known providers, as several public
// suites drive them (research/ecosystem.md D1). They are states, not a script:
// "stay signed in", consent and account pickers come and go.
var providerPages = []providerPage{
	// Microsoft and Entra: one button id serves three pages, so the fields and
	// the page's own id tell them apart.
	{"microsoft", "the address", `input[name="loginfmt"]:not([type="hidden"])`, typed(`input[name="loginfmt"]`, `#idSIButton9`, email)},
	{"microsoft", "the password", `input[name="passwd"]`, secret(`input[name="passwd"]`, `#idSIButton9`, password)},
	{"microsoft", asksCode, `input[name="otc"]`, secret(`input[name="otc"]`, `#idSubmit_SAOTCC_Continue`, code)},
	{"microsoft", "a second factor: which", `[data-value="PhoneAppOTP"]`, press(`[data-value="PhoneAppOTP"]`)},
	{"microsoft", "a second factor that no machine has", `#signInAnotherWay`, press(`#signInAnotherWay`)},
	{"microsoft", "whether to stay signed in", `#KmsiCheckboxField, #idBtn_Back`, press(`#idBtn_Back`)},
	{"microsoft", "the consent", `#idBtn_Accept`, decide(`#idBtn_Accept`, `#idBtn_Cancel`)},
	{"microsoft", "which account", `#otherTile`, func(p *browser.Page, c Credentials) string {
		return tile(p, `[data-test-id="`+c.Email+`" i]`, `#otherTile`)
	}},
	// Google.
	{"google", "the address", `#identifierId`, typed(`#identifierId`, `#identifierNext`, email)},
	{"google", "the password", `input[name="Passwd"]`, secret(`input[name="Passwd"]`, `#passwordNext`, password)},
	{"google", asksCode, `#totpPin, input[name="totpPin"]`, secret(`input[name="totpPin"]`, `#totpNext`, code)},
	{"google", "the consent", `#submit_approve_access`, decide(`#submit_approve_access`, `#submit_deny_access`)},
	{"google", "which account", `[data-identifier]`, func(p *browser.Page, c Credentials) string {
		return tile(p, `[data-identifier="`+c.Email+`" i]`, `[data-identifier]`)
	}},
	// GitHub.
	{"github", "address and password", `#login_field`, func(p *browser.Page, c Credentials) string {
		p.Fill(`#login_field`, c.Email)
		p.FillSecret(`#password`, c.Password)
		return `input[name="commit"]`
	}},
	{"github", "the consent", `#js-oauth-authorize-btn`, decide(`#js-oauth-authorize-btn`, `button[name="authorize"][value="0"]`)},
	// Okta, whose widget is one document that draws itself anew. The password and
	// every code share a name: only the password's field is one for passwords, and
	// an authenticator's page names the authenticator, a brand in every language.
	{"okta", "the address", `input[name="identifier"]:not(#identifierId)`, func(p *browser.Page, c Credentials) string {
		p.Fill(`input[name="identifier"]`, c.Email)
		if p.Has(oktaPasscode) {
			p.FillSecret(oktaPasscode, c.Password)
		}
		return oktaSubmit
	}},
	{"okta", "the password", oktaPasscode + `[type="password"]`, secret(oktaPasscode, oktaSubmit, password)},
	{"okta", asksCode, `input[name="credentials.totp"], form:has(:is(h1, h2):has-text("Authenticator")) ` + oktaPasscode,
		secret(oktaPasscode+`, input[name="credentials.totp"]`, oktaSubmit, code)},
	{"okta", "a second factor: which", oktaAuthenticator, press(oktaAuthenticator)},
	{"okta", "a second factor that no machine has", `[data-se="switchAuthenticator"]`, press(`[data-se="switchAuthenticator"]`)},
	{"okta", asksCode, oktaPasscode, secret(oktaPasscode, oktaSubmit, code)},
	{"okta", "whether to stay signed in", `[data-se="do-not-stay-signed-in-btn"]`, press(`[data-se="do-not-stay-signed-in-btn"]`)},
	// Anybody's: name and password in one form. The last, for many have that.
	{"", "name and password", nameAndPassword, func(p *browser.Page, c Credentials) string {
		p.Fill(nameBesidePassword, c.Email)
		p.FillSecret(anyPassword, c.Password)
		return nameAndPassword + ` :is(button, input)[type="submit"]`
	}},
}

const (
	anyPassword        = `input[type="password"]`
	nameAndPassword    = `form:has(` + anyPassword + `):has(input:is([type="email"], [type="text"], :not([type])))`
	nameBesidePassword = nameAndPassword + ` input:is([type="email"], [type="text"], :not([type]))`
)

// tile is the tile of an account, or else of another one.
func tile(p *browser.Page, own, other string) string {
	if p.Has(own) {
		return own
	}
	return other
}

// AwaitProviderPage waits until a page that a provider may show is at hand, or
// over holds: pages that a script draws come later than their document. It
// reports whether either came. A page that no script can change is not waited for.
func AwaitProviderPage(p *browser.Page, over func() bool) (came bool) {
	p.AwaitSight(func() bool {
		came = over() || p.Has(anyProviderPage)
		return came || isStill(p)
	})
	return came
}

// anyProviderPage is visible on every page that is known.
var anyProviderPage = func() string {
	var signs []string
	for _, page := range providerPages {
		signs = append(signs, page.sign)
	}
	return strings.Join(signs, ", ")
}()

// isStill reports whether the document will stay as it is: it has loaded, and
// has no script.
func isStill(p *browser.Page) bool {
	return p.Glance(`document.readyState === "complete" && document.scripts.length === 0 ? "still" : ""`) != ""
}

// ProviderStep is what came of a provider's page.
type ProviderStep struct {
	Asked   string // what the page asked; "" for one that is not known
	Lacking bool   // the person does not have what was asked
	Stayed  bool   // the page did not lead on
	Problem string // what it says is wrong with what was typed
}

// ActAtProvider does on the provider's page at hand what a person would, and
// waits until the page has led on: to another document, or to another page of
// the same one.
func ActAtProvider(p *browser.Page, c Credentials) ProviderStep {
	for _, page := range providerPages {
		if !p.Has(page.sign) {
			continue
		}
		step := ProviderStep{Asked: strings.TrimSpace(page.provider + " asks " + page.name)}
		if page.name == asksCode && c.Code == nil {
			step.Lacking = true
			return step
		}
		before := faceOf(p)
		button := page.act(p, c)
		step.Stayed = !p.Proceed(button, func() string {
			now := faceOf(p)
			if now.page == before.page && (now.alert == "" || now.alert == before.alert) {
				return ""
			}
			return now.page + now.alert
		})
		if after := faceOf(p); after.page == before.page && after.alert != before.alert {
			step.Problem = after.alert
		}
		return step
	}
	return ProviderStep{}
}

// face is what tells one page of a provider from another: where it is, what it
// is called and what it asks; and what it says is wrong.
type face struct{ page, alert string }

func faceOf(p *browser.Page) face {
	page, alert, _ := strings.Cut(p.Glance(`(() => {
		const seen = selector => [...document.querySelectorAll(selector)].filter(e => e.checkVisibility({visibilityProperty: true}));
		const text = e => e.innerText.trim().replace(/\s+/g, " ");
		const page = [location.host + location.pathname, ...seen("h1, h2, [role=heading]").map(text),
			...seen("input, button[data-se], a[data-se]").map(e => [e.name, e.type, e.dataset.se].join(" "))];
		const alerts = new Set(seen('[role="alert"], [aria-live="assertive"]').map(text).filter(t => t));
		return page.join("\n") + "\0" + [...alerts].join(" ");
	})()`), "\x00")
	return face{page, alert}
}

// ProviderAt names whose login page is at hand: google, microsoft (Entra too),
// github or okta; "" for a page that is not known.
func ProviderAt(p *browser.Page) string {
	for _, page := range providerPages {
		if p.Has(page.sign) {
			return page.provider
		}
	}
	return ""
}

// ProviderRefusal is what the provider's page at hand says about an application
// that it does not let people sign in to; "" where it says no such thing. The
// application's registration is at fault then, not the page.
func ProviderRefusal(p *browser.Page) string {
	const entra = `meta[name="PageID"][content="ConvergedError"]`
	if p.Count(entra) == 0 {
		return ""
	}
	text, _ := p.Eval("() => document.body.innerText", nil).(string)
	return strings.Join(strings.Fields(text), " ")
}
