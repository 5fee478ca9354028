package screens

import "github.com/auth-preflight/auth-preflight/helpers/browser"

// providerPage is one page that a provider may show: how to know it, and what
// a person does on it.
type providerPage struct {
	provider string // whose page it is
	sign     string // visible on this page only
	act      func(p *browser.Page, email, password string, deny bool)
}

// providerPages are the login pages of the known providers, as several public
// suites drive them (research/ecosystem.md D1). They are states, not a script:
// "stay signed in", consent and account pickers come and go.
var providerPages = []providerPage{
	// Microsoft and Entra: one button id serves three pages, so the fields and
	// the page's own id tell them apart.
	{"microsoft", `input[name="loginfmt"]:not([type="hidden"])`, func(p *browser.Page, email, _ string, _ bool) {
		p.Fill(`input[name="loginfmt"]`, email)
		p.Submit(`#idSIButton9`)
	}},
	{"microsoft", `input[name="passwd"]`, func(p *browser.Page, _, password string, _ bool) {
		p.FillSecret(`input[name="passwd"]`, password)
		p.Submit(`#idSIButton9`)
	}},
	{"microsoft", `#KmsiCheckboxField, #idBtn_Back`, func(p *browser.Page, _, _ string, _ bool) { p.Submit(`#idBtn_Back`) }},
	{"microsoft", `#idBtn_Accept`, func(p *browser.Page, _, _ string, deny bool) {
		p.Submit(choose(deny, `#idBtn_Cancel`, `#idBtn_Accept`))
	}},
	// Google.
	{"google", `#identifierId`, func(p *browser.Page, email, _ string, _ bool) {
		p.Fill(`#identifierId`, email)
		p.Submit(`#identifierNext`)
	}},
	{"google", `input[name="Passwd"]`, func(p *browser.Page, _, password string, _ bool) {
		p.FillSecret(`input[name="Passwd"]`, password)
		p.Submit(`#passwordNext`)
	}},
	{"google", `#submit_approve_access`, func(p *browser.Page, _, _ string, deny bool) {
		p.Submit(choose(deny, `#submit_deny_access`, `#submit_approve_access`))
	}},
	// GitHub.
	{"github", `#login_field`, func(p *browser.Page, email, password string, _ bool) {
		p.Fill(`#login_field`, email)
		p.FillSecret(`#password`, password)
		p.Submit(`input[name="commit"]`)
	}},
	{"github", `#js-oauth-authorize-btn`, func(p *browser.Page, _, _ string, deny bool) {
		p.Submit(choose(deny, `button[name="authorize"][value="0"]`, `#js-oauth-authorize-btn`))
	}},
	// Okta: the password and a code share a name, so a page is one state.
	{"okta", `input[name="identifier"]`, func(p *browser.Page, email, password string, _ bool) {
		p.Fill(`input[name="identifier"]`, email)
		if p.Has(`input[name="credentials.passcode"]`) {
			p.FillSecret(`input[name="credentials.passcode"]`, password)
		}
		p.Submit(`[type="submit"]`)
	}},
	{"okta", `input[name="credentials.passcode"]`, func(p *browser.Page, _, password string, _ bool) {
		p.FillSecret(`input[name="credentials.passcode"]`, password)
		p.Submit(`[type="submit"]`)
	}},
}

// ActAtProvider does on the provider's page at hand what a person would, and
// reports whether the page is a known one.
func ActAtProvider(p *browser.Page, email, password string, deny bool) (known bool) {
	for _, page := range providerPages {
		if p.Has(page.sign) {
			page.act(p, email, password, deny)
			return true
		}
	}
	return false
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

func choose(deny bool, no, yes string) string {
	if deny {
		return no
	}
	return yes
}
