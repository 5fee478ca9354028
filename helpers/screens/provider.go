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
	act      func(p *browser.Page, c Credentials)
}

// press is a page on which nothing is typed.
func press(selector string) func(*browser.Page, Credentials) {
	return func(p *browser.Page, _ Credentials) { p.Submit(selector) }
}

// typed fills one field and sends it.
func typed(field, button string, value func(Credentials) string) func(*browser.Page, Credentials) {
	return func(p *browser.Page, c Credentials) { p.Fill(field, value(c)); p.Submit(within(p, button)) }
}

// secret is typed for what must not be seen in a report.
func secret(field, button string, value func(Credentials) string) func(*browser.Page, Credentials) {
	return func(p *browser.Page, c Credentials) { p.FillSecret(field, value(c)); p.Submit(within(p, button)) }
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
func decide(yes, no string) func(*browser.Page, Credentials) {
	return func(p *browser.Page, c Credentials) {
		if c.Deny {
			p.Submit(no)
			return
		}
		p.Submit(yes)
	}
}

func email(c Credentials) string    { return c.Email }
func password(c Credentials) string { return c.Password }
func code(c Credentials) string     { return c.Code() }

// What a page asks that only an authenticator knows.
const asksCode = "the code of an authenticator"

const oktaSubmit = `[type="submit"]`

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
	{"microsoft", "which account", `#otherTile`, func(p *browser.Page, c Credentials) {
		p.Submit(tile(p, `[data-test-id="`+c.Email+`" i]`, `#otherTile`))
	}},
	// Google.
	{"google", "the address", `#identifierId`, typed(`#identifierId`, `#identifierNext`, email)},
	{"google", "the password", `input[name="Passwd"]`, secret(`input[name="Passwd"]`, `#passwordNext`, password)},
	{"google", asksCode, `#totpPin, input[name="totpPin"]`, secret(`input[name="totpPin"]`, `#totpNext`, code)},
	{"google", "the consent", `#submit_approve_access`, decide(`#submit_approve_access`, `#submit_deny_access`)},
	{"google", "which account", `[data-identifier]`, func(p *browser.Page, c Credentials) {
		p.Submit(tile(p, `[data-identifier="`+c.Email+`" i]`, `[data-identifier]`))
	}},
	// GitHub.
	{"github", "address and password", `#login_field`, func(p *browser.Page, c Credentials) {
		p.Fill(`#login_field`, c.Email)
		p.FillSecret(`#password`, c.Password)
		p.Submit(`input[name="commit"]`)
	}},
	{"github", "the consent", `#js-oauth-authorize-btn`, decide(`#js-oauth-authorize-btn`, `button[name="authorize"][value="0"]`)},
	// Okta: the password and a code share a name; only the password's field is
	// one for passwords.
	{"okta", "the address", `input[name="identifier"]:not(#identifierId)`, func(p *browser.Page, c Credentials) {
		p.Fill(`input[name="identifier"]`, c.Email)
		if p.Has(`input[name="credentials.passcode"]`) {
			p.FillSecret(`input[name="credentials.passcode"]`, c.Password)
		}
		p.Submit(oktaSubmit)
	}},
	{"okta", "the password", `input[name="credentials.passcode"][type="password"]`,
		secret(`input[name="credentials.passcode"]`, oktaSubmit, password)},
	{"okta", asksCode, `input[name="credentials.passcode"], input[name="credentials.totp"]`,
		secret(`input[name="credentials.passcode"], input[name="credentials.totp"]`, oktaSubmit, code)},
	{"okta", "a second factor: which", `[data-se="google_otp"] [data-se="authenticator-button"], [data-se="google_otp"][data-se="authenticator-button"]`,
		press(`[data-se="google_otp"] [data-se="authenticator-button"], [data-se="google_otp"]`)},
	{"okta", "a second factor that no machine has", `[data-se="switchAuthenticator"]`, press(`[data-se="switchAuthenticator"]`)},
	{"okta", "whether to stay signed in", `[data-se="do-not-stay-signed-in-btn"]`, press(`[data-se="do-not-stay-signed-in-btn"]`)},
	// Anybody's: name and password in one form. The last, for many have that.
	{"", "name and password", nameAndPassword, func(p *browser.Page, c Credentials) {
		p.Fill(nameBesidePassword, c.Email)
		p.FillSecret(anyPassword, c.Password)
		p.Submit(nameAndPassword + ` :is(button, input)[type="submit"]`)
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

// ActAtProvider does on the provider's page at hand what a person would. It
// returns what the page asked; "" for a page that is not known, or that asks
// for what the person does not have.
func ActAtProvider(p *browser.Page, c Credentials) (asked string) {
	for _, page := range providerPages {
		if !p.Has(page.sign) {
			continue
		}
		if page.name == asksCode && c.Code == nil {
			return ""
		}
		page.act(p, c)
		return strings.TrimSpace(page.provider + " asks " + page.name)
	}
	return ""
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
