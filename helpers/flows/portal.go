package flows

import (
	"net/http"
	"net/url"

	"github.com/auth-preflight/auth-preflight/helpers/screens"
)

// portal is the admin portal in the words of the deployment.
func (v *Visitor) portal() screens.Portal { return screens.Portal{Word: v.World.Config.PortalWord} }

// OpenPortal opens a link to the admin portal and reports whether the portal
// came up: it offers to set up single sign-on.
func (v *Visitor) OpenPortal(link string) (open bool) {
	v.T.Helper()
	v.Step("open a link to the admin portal")
	v.Goto(link)
	v.AwaitRest()
	return v.PortalOpen()
}

// PortalOpen reports whether the page at hand is the admin portal, and lets
// somebody in.
func (v *Visitor) PortalOpen() bool {
	v.T.Helper()
	return v.Has(v.portal().Button(screens.WordSetup))
}

// AddConnection begins a connection with a provider of the customer's own.
// protocol is screens.WordSAML or screens.WordOIDC.
func (v *Visitor) AddConnection(protocol string) {
	v.T.Helper()
	p := v.portal()
	v.Step("add a " + protocol + " connection in the admin portal")
	v.Submit(p.Button(screens.WordSetup))
	if choice := p.Choice(protocol); v.Has(choice) {
		v.Click(choice)
	}
	v.Submit(p.Button(screens.WordCustom))
	v.Await(p.Button(screens.WordUpdate))
}

// UploadMetadata hands the portal the file that describes an identity provider.
func (v *Visitor) UploadMetadata(metadata []byte) {
	v.T.Helper()
	v.Step("upload the identity provider's metadata")
	v.Upload(screens.FileInput, "metadata.xml", "text/xml", metadata)
	v.Submit(v.portal().Button(screens.WordUpdate))
}

// NameMetadata hands the portal the address of that file.
func (v *Visitor) NameMetadata(address string) {
	v.T.Helper()
	v.Step("enter the identity provider's metadata URL")
	v.Fill(v.portal().Field(screens.WordMetadataURL), address)
	v.Submit(v.portal().Button(screens.WordUpdate))
}

// NameIssuer hands the portal what an OpenID provider has given the product.
func (v *Visitor) NameIssuer(clientID, secret, issuer string) {
	v.T.Helper()
	p := v.portal()
	v.Step("enter client and issuer")
	v.Fill(p.Field(screens.WordClientID), clientID)
	v.FillSecret(screens.SecretInput, secret)
	v.Fill(p.Field(screens.WordIssuer), issuer)
	v.Submit(p.Button(screens.WordUpdate))
}

// RedirectURI reads the address that the identity provider has to know.
func (v *Visitor) RedirectURI() string {
	v.T.Helper()
	return v.Value(v.portal().Field(screens.WordRedirectURI))
}

// TestConnection tries the connection at hand, at the identity provider and
// back, and reports whether the portal says that it works.
func (v *Visitor) TestConnection() (works bool) {
	v.T.Helper()
	v.Step("test the connection")
	here := v.URL().String()
	v.Submit(v.portal().Button(screens.WordTest))
	v.AwaitURL("the auth environment, with a result", func(u *url.URL) bool { return v.atAuth(u) && u.String() != here })
	v.AwaitRest()
	works = v.Has(`text=` + v.World.Config.PortalWord(screens.WordSuccess))
	v.Goto(here)
	return works
}

// EnableConnection switches the connection at hand on.
func (v *Visitor) EnableConnection() {
	v.T.Helper()
	v.Step("enable the connection")
	v.Submit(v.portal().Button(screens.WordEnable))
}

// DisableConnection switches the connection at hand off.
func (v *Visitor) DisableConnection() {
	v.T.Helper()
	v.Step("disable the connection")
	v.Submit(v.portal().Button(screens.WordDisable))
}

// DropDomain deletes the one domain that the organization has.
func (v *Visitor) DropDomain() {
	v.T.Helper()
	v.OpenDomains()
	v.Step("delete the domain")
	v.Submit(v.portal().Button(screens.WordDropDomain))
}

// ClaimDomain enters a domain and returns the TXT record that is to prove it.
func (v *Visitor) ClaimDomain(domain string) (record string) {
	v.T.Helper()
	if record = v.TryClaim(domain); record == "" {
		v.T.Fatalf("expected a TXT record (…-verify-…=…) that proves %s on %s; the page shows none", domain, v.URL())
	}
	return record
}

// TryClaim is ClaimDomain where a portal may refuse; the record is then "".
func (v *Visitor) TryClaim(domain string) (record string) {
	v.T.Helper()
	v.OpenDomains()
	p := v.portal()
	v.Step("claim the domain " + domain)
	v.Fill(p.Field(screens.WordDomain), domain)
	v.Submit(p.Button(screens.WordAddDomain))
	return screens.Record(v.Text())
}

// DomainForm goes to the page of the domains and reads the form in which one is
// claimed.
func (v *Visitor) DomainForm() *screens.Form {
	v.T.Helper()
	v.OpenDomains()
	for _, form := range screens.FormsOn(v.HTML(), v.URL()) {
		if form.Method == http.MethodPost && len(form.Editable) > 0 {
			return form
		}
	}
	v.T.Fatalf("expected a form in which a domain is claimed on %s; found none", v.URL())
	return nil
}

// VerifyDomain lets the portal look at the DNS.
func (v *Visitor) VerifyDomain() {
	v.T.Helper()
	v.Step("let the portal verify the domain")
	v.Submit(v.portal().Button(screens.WordVerify))
}

// AddDirectory sets up provisioning and returns what an identity provider is
// given for it.
func (v *Visitor) AddDirectory() (endpoint, token string) {
	v.T.Helper()
	v.OpenDirectories()
	p := v.portal()
	v.Step("set up a directory")
	v.Submit(p.Button(screens.WordCustom))
	endpoint, token = v.Value(p.Field(screens.WordEndpoint)), v.Value(p.Field(screens.WordToken))
	v.World.Learn(token)
	return endpoint, token
}

// OpenDirectories goes to the portal's page of the directories, as it is to who
// comes later: a token is shown once.
func (v *Visitor) OpenDirectories() {
	v.T.Helper()
	v.Step("go to the portal's directories")
	v.Submit(v.portal().Button(screens.WordSCIM))
}

// OpenDomains goes to the portal's page of the domains.
func (v *Visitor) OpenDomains() {
	v.T.Helper()
	v.Step("go to the portal's domains")
	v.Submit(v.portal().Button(screens.WordDomains))
}

// OpenUsers opens the widget in which administrators look after the people of
// their organization.
func (v *Visitor) OpenUsers() {
	v.T.Helper()
	v.Step("open the users of the organization")
	v.Goto(v.World.Config.UsersURL())
	v.AwaitRest()
}

// ListsMember reports whether the widget shows a person.
func (v *Visitor) ListsMember(email string) bool {
	v.T.Helper()
	return v.Has(v.portal().Member(email))
}

// MemberText is what the widget says about a person.
func (v *Visitor) MemberText(email string) string {
	v.T.Helper()
	text, _ := v.Eval(`email => [...document.querySelectorAll("li, tr")].filter(e => e.innerText.includes(email)).map(e => e.innerText).join(" ")`, email).(string)
	return text
}

// InviteMember invites a person by the widget.
func (v *Visitor) InviteMember(email string) {
	v.T.Helper()
	p := v.portal()
	v.Step("invite " + email)
	v.Fill(p.Field(screens.WordEmail), email)
	v.Submit(p.Button(screens.WordInvite))
}

// ChangeRole gives a person another role by the widget.
func (v *Visitor) ChangeRole(email, role string) {
	v.T.Helper()
	p := v.portal()
	v.Step("give " + email + " the role " + role)
	v.Choose(p.MemberRole(email), role)
	v.Submit(p.MemberButton(email, screens.WordChangeRole))
}

// RemoveMember takes a person out of the organization by the widget.
func (v *Visitor) RemoveMember(email string) {
	v.T.Helper()
	v.Step("remove " + email)
	v.Submit(v.portal().MemberButton(email, screens.WordRemove))
}
