package screens

import (
	"strconv"
	"strings"
)

// Portal knows the admin portal and the users widget. Nothing in them has a
// documented hook: they are found by role and by the words of Scalekit's guides
// (spec/hosted-pages.md 13, 14), which Word may replace by others.
type Portal struct{ Word func(english string) string }

// The words of the portal, as the guides have them.
const (
	WordSetup       = "Setup SSO Connection"
	WordCustom      = "Custom Provider"
	WordSAML        = "SAML"
	WordOIDC        = "OpenID Connect"
	WordMetadataURL = "Metadata URL"
	WordClientID    = "Client ID"
	WordIssuer      = "Issuer URL"
	WordRedirectURI = "Redirect URI"
	WordUpdate      = "Update"
	WordTest        = "Test Connection"
	WordSuccess     = "Success"
	WordEnable      = "Enable Connection"
	WordDisable     = "Disable Connection"
	WordDomains     = "Domain Verification"
	WordDomain      = "Enter your domain"
	WordAddDomain   = "Add domain"
	WordVerify      = "Verify"
	WordDropDomain  = "Delete Domain"
	WordSCIM        = "SCIM Provisioning"
	WordEndpoint    = "Endpoint URL"
	WordToken       = "Bearer Token"
	WordInvite      = "Invite User"
	WordEmail       = "Email"
	WordRole        = "Role"
	WordChangeRole  = "Change role"
	WordRemove      = "Remove"
)

// Button is what is pressed: a button or a link that says word.
func (s Portal) Button(word string) string {
	said := strconv.Quote(s.Word(word))
	return `button:has-text(` + said + `), a:has-text(` + said + `)`
}

// Field is the field that is labelled with word.
func (s Portal) Field(word string) string {
	return `role=textbox[name=` + strconv.Quote(s.Word(word)) + ` i]`
}

// Choice is a radio button that is labelled with word.
func (s Portal) Choice(word string) string {
	return `label:has-text(` + strconv.Quote(s.Word(word)) + `) input[type="radio"]`
}

// The file and secret fields: there is one of each on a page.
const (
	FileInput   = `input[type="file"]`
	SecretInput = `input[type="password"]`
)

// Member is the row of one person in the users widget.
func (s Portal) Member(email string) string {
	said := strconv.Quote(email)
	return `li:has-text(` + said + `), tr:has-text(` + said + `)`
}

// MemberButton is a button in the row of a person.
func (s Portal) MemberButton(email, word string) string {
	said, row := `button:has-text(`+strconv.Quote(s.Word(word))+`)`, strconv.Quote(email)
	return `li:has-text(` + row + `) ` + said + `, tr:has-text(` + row + `) ` + said
}

// MemberRole is the choice of a role in the row of a person.
func (s Portal) MemberRole(email string) string {
	row := strconv.Quote(email)
	return `li:has-text(` + row + `) select, tr:has-text(` + row + `) select`
}

// Record finds the value of a TXT record in the text of a page: the word that
// holds "-verify-" or begins like a record of that kind.
func Record(text string) string {
	for _, word := range strings.Fields(text) {
		if strings.Contains(word, "-verify-") && strings.Contains(word, "=") {
			return word
		}
	}
	return ""
}
