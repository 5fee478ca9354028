// Package screens knows the hosted pages: which element is which, and nothing
// else. Elements are found by the hooks that Scalekit documents
// (spec/hosted-pages.md 2), then by type, autocomplete and form structure, and
// never by words, since pages come in many languages.
package screens

import "github.com/auth-preflight/auth-preflight/helpers/browser"

// The elements of the hosted pages.
const (
	EmailInput       = `input[name="email"]`
	PasswordInput    = `input[type="password"]`
	NewPasswordInput = `input[type="password"][autocomplete="new-password"]`
	PinInput         = `[data-scope="pin-input"][data-part="input"]`
	EmailCodeChoice  = `[data-method="email-code"]`
	ResetChoice      = `[data-method="reset"]`
	ResendButton     = `[data-method="resend"]`
	PasskeyButton    = `[data-method="passkey"]`
	SignupLink       = `a[href*="signup"]`
	Alert            = `[role="alert"]`
	Organization     = `[data-organization-id]`
	// What people are asked for when they sign up (spec/hosted-pages.md 4).
	ProfileInput  = `input[name="first_name"], input[name="last_name"], input[name="full_name"], input[name="phone_number"], input[name="organization_name"]`
	AddPasskey    = `[data-action="add-passkey"]`
	PasskeyRow    = `[data-passkey-id]`
	RenamePasskey = `[data-action="rename-passkey"]`
	DeletePasskey = `[data-action="delete-passkey"]`
)

// SubmitOf is the button that sends the form which holds selector.
func SubmitOf(selector string) string {
	return `form:has(` + selector + `) button[type="submit"]:not([data-method])`
}

// Provider is the button of a social provider: google, microsoft, github, …
func Provider(name string) string { return `[data-provider="` + name + `"]` }

// SubmitEmail types an address into the page at hand and sends it.
func SubmitEmail(p *browser.Page, email string) {
	p.Await(EmailInput)
	p.Fill(EmailInput, email)
	p.Submit(SubmitOf(EmailInput))
}

// SubmitPassword types a password into the page at hand and sends it.
func SubmitPassword(p *browser.Page, password string) {
	p.Await(PasswordInput)
	p.FillSecret(PasswordInput, password)
	p.Submit(SubmitOf(PasswordInput))
}

// ChooseEmailCode asks for a mail with a code or link, where the page at hand
// offers the choice; where the mail has gone out already, it does nothing.
func ChooseEmailCode(p *browser.Page) {
	if p.Await(PinInput, EmailCodeChoice, ResendButton) == 1 {
		p.Submit(EmailCodeChoice)
	}
}

// SubmitCode types a code as a person would, digit by digit, and sends it,
// unless the page sends it by itself at the last digit.
func SubmitCode(p *browser.Page, code string) {
	p.Await(PinInput)
	p.Focus(PinInput) // the first of the boxes; focus moves on by itself
	p.TypeAndSend(code, func() { p.Submit(SubmitOf(PinInput)) })
}

// Providers are the social providers that an environment can have
// (spec/hosted-pages.md 6).
var Providers = []string{"google", "microsoft", "github", "gitlab", "linkedin", "salesforce"}

// ConsentButton is the button of the consent page that carries a word. Pages
// name it by a value, or by what it says; in which words is for a variable to
// say (PREFLIGHT_CONSENT_BUTTONS).
func ConsentButton(word string) string {
	return `button:text-is("` + word + `"), [type="submit"][value="` + word + `" i]`
}

// OwnEmailInput is the field for an address on a login page of the customer's
// own, which has no documented hooks.
const OwnEmailInput = `input[type="email"], input[autocomplete~="username"]`

// SignInAtOwn signs in on a login page of the customer's own.
func SignInAtOwn(p *browser.Page, email, password string) {
	p.Await(OwnEmailInput)
	p.Fill(OwnEmailInput, email)
	p.FillSecret(PasswordInput, password)
	p.Submit(`form:has(` + PasswordInput + `) [type="submit"]`)
}

// ProfileField is the field for one of the things that people are asked for when
// they sign up.
func ProfileField(name string) string { return `input[name="` + name + `"]` }
