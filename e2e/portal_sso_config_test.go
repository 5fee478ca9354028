package e2e

import (
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/browser"
	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/idp"
	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
	"github.com/auth-preflight/auth-preflight/helpers/scim"
	"github.com/auth-preflight/auth-preflight/helpers/screens"
)

// A customer's IT people set up single sign-on by themselves, and it works.
func TestPortalSSOConfig(t *testing.T) {
	item := begin(t, "portal/sso-config")
	selfService := advice{
		Why:      "every new customer needs a call with your support until its people can sign in",
		Mend:     "go through the portal with an identity provider of your own, and compare what each side shows with what the other one wants",
		Standard: "spec/hosted-pages.md 13",
	}

	item.Case("a SAML connection that was set up by its metadata file signs employees in", selfService, func(c *check) {
		o := c.NewCustomer()
		person := o.Employee()
		provider := o.IdP(person)
		v := o.Enter()
		v.AddConnection(screens.WordSAML)
		v.UploadMetadata(provider.Metadata())
		v.Serve(provider.Origin(), provider.Handler())
		require.True(c, v.TestConnection(), "the portal's own test of the connection succeeds")
		v.EnableConnection()
		c.comesIn(o, provider, person)
	})

	item.Case("a SAML connection that was set up by its metadata URL signs employees in", selfService, func(c *check) {
		address := suite.cfg.IDPMetadataURL
		o := c.NewCustomer()
		person := o.Employee()
		provider := o.IdP(person)
		if address == "" {
			c.near("set PREFLIGHT_IDP_METADATA_URL")
			address = c.publish("application/samlmetadata+xml", provider.Metadata())
		} else {
			provider = suite.world.SuiteIdP(c)
			provider.SignInAs(person)
		}
		v := o.Enter()
		v.AddConnection(screens.WordSAML)
		v.NameMetadata(address)
		v.EnableConnection()
		c.comesIn(o, provider, person)
	})

	item.Case("an OpenID Connect connection that was set up by hand signs employees in", selfService, func(c *check) {
		c.NeedMethod("oidc")
		c.Need("PREFLIGHT_IDP_KEY_FILE")
		c.near("an OpenID provider has to answer it; sso/initiated tries the one of PREFLIGHT_OIDC_EMAIL")
		o := c.NewCustomer()
		person := o.Employee()
		provider := c.openID(person)
		v := o.Enter()
		v.AddConnection(screens.WordOIDC)
		provider.Register(v.RedirectURI())
		v.NameIssuer(provider.ClientID, provider.ClientSecret, provider.Issuer)
		require.True(c, v.TestConnection(), "the portal's own test of the connection succeeds")
		v.EnableConnection()
		employee := c.Browser()
		employee.OpenLogin("")
		screens.SubmitEmail(employee.Page, person.Email)
		employee.AwaitLanding()
		employee.VerifySignedIn(&flows.User{Email: person.Email})
	})

	item.Case("what a customer takes away in the portal is gone: a disabled connection lets nobody in, a deleted domain routes nobody", advice{
		Why:      "a customer whose identity provider was broken into, or who gave a domain up, has closed nothing",
		Mend:     "look at the connection at every sign-in and at every answer of its provider, and route by the domains of now",
		Standard: "spec/hosted-pages.md 13; CVE-2025-64717",
	}, func(c *check) {
		o := c.NewCustomer()
		person := o.Employee()
		provider := o.IdP(person)
		v := o.Enter()
		v.AddConnection(screens.WordSAML)
		v.UploadMetadata(provider.Metadata())
		v.EnableConnection()
		w := &way{organization: organization{c: c, OrgID: o.ID, Domain: o.Domain}, ID: c.settings(o).ID, IdP: provider}
		w.signIn(person).mustBe(person)
		answer := w.onTheWay() // the provider has the question already
		v.DisableConnection()
		answer().mustBeRefused()

		v.EnableConnection()
		require.True(c, w.routed(person.Email), "an address of the customer's domain leads to the customer's identity provider, before the domain is deleted")
		v.DropDomain()
		assert.False(c, w.routed(person.Email), "an address of a domain that was deleted in the portal leads to the customer's identity provider")
	})

	item.Case("a test of a connection fails where a sign-in would", advice{
		Why:      "the customer's IT people switch on what locks everybody out",
		Mend:     "run the test through the same checks as a sign-in, and show their reason",
		Standard: "spec/hosted-pages.md 13",
	}, func(c *check) {
		c.Need("PREFLIGHT_IDP_OTHER_KEY_FILE", "PREFLIGHT_IDP_OTHER_CERT_FILE")
		o := c.NewCustomer()
		person := o.Employee()
		provider := o.IdP(person)
		v := o.Enter()
		v.AddConnection(screens.WordSAML)
		v.UploadMetadata(provider.Metadata())
		impostor := suite.world.Impostor(c, provider)
		impostor.SignInAs(person)
		v.Serve(provider.Origin(), impostor.Handler())
		assert.False(c, v.TestConnection(), "the portal's test of a connection succeeds, whose provider signs with another key than its metadata names")
	})

	item.Case("a key that a customer's provider has replaced opens nothing any more", advice{
		Why:      "a customer whose key was stolen replaces it, and the thief goes on coming in as anybody of that company",
		Mend:     "take the signing keys of the newest metadata in place of those of before; a provider that changes keys slowly names both",
		Standard: "saml-metadata §2.4.1.1; spec/hosted-pages.md 13",
	}, func(c *check) {
		c.Need("PREFLIGHT_IDP_OTHER_KEY_FILE", "PREFLIGHT_IDP_OTHER_CERT_FILE")
		o := c.NewCustomer()
		person := o.Employee()
		before := o.IdP(person)
		now := suite.world.Impostor(c, before) // the same provider, with another key
		now.SignInAs(person)
		v := o.Enter()
		v.AddConnection(screens.WordSAML)
		v.UploadMetadata(before.Metadata())
		v.UploadMetadata(now.Metadata())
		v.Serve(now.Origin(), now.Handler())
		require.True(c, v.TestConnection(), "the portal's test of a connection succeeds, whose provider signs with the key of its newest metadata")
		v.Serve(before.Origin(), before.Handler())
		assert.False(c, v.TestConnection(), "the portal's test of a connection succeeds, whose provider signs with the key of its metadata of before")
	})

	item.Case("a domain counts when its DNS says so, and not before", advice{
		Why:      "who claims a domain that is somebody else's gets that company's people sent to their own identity provider",
		Mend:     "look up the TXT record, compare all of it, and route nobody by a domain that is not verified",
		Standard: "spec/hosted-pages.md 13; OWASP ASVS 6.8.1",
	}, func(c *check) {
		o := c.NewCustomer()
		domain := c.domain()
		v := o.Enter()
		record := v.ClaimDomain(domain)
		v.VerifyDomain()
		require.False(c, c.owns(o, domain), "a domain without the TXT record counts as the organization's")
		// Else whoever claims it later needs no DNS: the record of before is still there.
		theirs := c.NewCustomer().Enter().TryClaim(domain)
		assert.NotEqual(c, record, theirs, "the TXT record that another organization is asked for")
		if suite.cfg.DNSURL == "" {
			return // nobody here can change the DNS; what matters most was seen
		}
		name, token, _ := strings.Cut(record, "=")
		c.control("PREFLIGHT_DNS_URL", map[string]any{"name": domain, "value": name + "=" + strings.Repeat("0", len(token))})
		v.VerifyDomain()
		require.False(c, c.owns(o, domain), "a domain with a TXT record of another token counts as the organization's")
		c.control("PREFLIGHT_DNS_URL", map[string]any{"name": domain, "value": record})
		v.VerifyDomain()
		assert.True(c, c.owns(o, domain), "a domain with the TXT record that the portal asked for counts as the organization's")
	})

	item.Case("a directory that was set up in the portal takes people", selfService, func(c *check) {
		o := c.NewCustomer()
		person := o.Employee()
		endpoint, token := o.Enter().AddDirectory()
		directory := scim.New(endpoint, token, suite.client).Paced(suite.pace)
		made := c.hire(directory, person)
		require.True(c, made.Good(), "the directory's answer to a new person, with the endpoint and the token that the portal has shown: %s", made)
		_, m := c.membership(person.Email, o.ID)
		assert.Equal(c, "ACTIVE", m.Status, "the membership of who was sent to the directory")
		assert.False(c, c.hire(directory.With(token+"x"), o.Employee()).Good(), "another token opens the directory")
	})

	item.Case("a visit to one organization's portal changes nothing of another", advice{
		Why:      "one customer points another's sign-in at an identity provider of their own, and comes in as anybody there",
		Mend:     "look each connection, domain and directory up within the organization of the portal's session",
		Standard: "OWASP ASVS 8.2.2, 8.4.1",
	}, func(c *check) {
		o, victim := c.NewCustomer(), c.NewCustomer()
		theirs := victim.IdP(victim.Employee())
		v := victim.Enter()
		v.AddConnection(screens.WordSAML)
		v.UploadMetadata(theirs.Metadata())
		v.EnableConnection()
		before := c.settings(victim)

		attacker := o.Enter()
		attacker.AddConnection(screens.WordSAML)
		attacker.UploadMetadata(o.IdP(o.Employee()).Metadata())
		own := c.settings(o)
		ids := map[string]string{o.ID: victim.ID, own.ID: before.ID}
		for address, answer := range c.swapped(attacker, ids) {
			assert.NotContains(c, string(answer.Body), theirs.EntityID(), "the other organization's identity provider in the answer of %s", address)
		}
		c.sendSwapped(attacker, ids)
		assert.Equal(c, before, c.settings(victim), "the other organization's connection, after each form of the portal was sent with its ids")

		endpoint, token := v.AddDirectory()
		directory := scim.New(endpoint, token, suite.client).Paced(suite.pace)
		require.True(c, c.hire(directory, victim.Employee()).Good(), "the other organization's token opens its directory, before the portal's forms are sent with its ids")
		v.OpenDirectories()
		theirDirectory := c.idOn(v, directoryID)
		record := v.ClaimDomain(c.domain())
		domains := c.domains(victim)
		ownEndpoint, _ := attacker.AddDirectory()
		attacker.OpenDirectories()
		ids[c.idOn(attacker, directoryID)] = theirDirectory
		ownRecord := attacker.ClaimDomain(c.domain())
		ids[domainID.FindString(ownRecord)] = domainID.FindString(record)
		delete(ids, "") // of a record that does not tell
		if own := c.domains(o); len(own) == 1 && len(domains) == 1 {
			ids[own[0].ID] = domains[0].ID
		}

		answers := c.sendSwapped(attacker, ids)
		attacker.OpenDirectories()
		maps.Copy(answers, c.sendSwapped(attacker, ids))
		for address, answer := range answers {
			shown := endpoint != ownEndpoint && strings.Contains(string(answer.Body), endpoint)
			assert.False(c, shown, "the other organization's directory in the answer of %s", address) // which may hold a token: it is not to be written down
		}
		assert.True(c, c.hire(directory, victim.Employee()).Good(), "the other organization's token opens its directory, after each form of the portal was sent with its ids")
		assert.Equal(c, domains, c.domains(victim), "the other organization's domains, after each form of the portal was sent with its ids")
		v.OpenDomains()
		assert.Contains(c, v.Text(), record, "the TXT record that the other organization's portal waits for, after each form of the portal was sent with its ids")
	})
}

// The ids that the portal's pages name, by Scalekit's prefixes (spec/oauth.md 1).
var (
	directoryID = regexp.MustCompile(`\bdir_[0-9A-Za-z]+`)
	domainID    = regexp.MustCompile(`\bdom_[0-9A-Za-z]+`)
)

// idOn is the first id of a kind on the page at hand.
func (c *check) idOn(v *flows.Visitor, kind *regexp.Regexp) string {
	c.Helper()
	id := kind.FindString(v.HTML())
	if id == "" {
		c.Trouble("the portal's page at %s names no %s: there is nothing to exchange for another's", v.URL().Redacted(), kind)
	}
	return id
}

// hire sends a new person to a directory, as an identity provider does.
func (c *check) hire(with *scim.Client, who idp.Person) *scim.Answer {
	c.Helper()
	body := scim.Okta{}.Create(scim.Person{UserName: who.Email, Email: who.Email, GivenName: who.GivenName, FamilyName: who.FamilyName})
	answer, err := with.Do(suite.ctx, http.MethodPost, "/Users", body)
	if err != nil {
		c.Trouble("the directory at %s does not answer: %v", with.Base(), err)
	}
	return answer
}

// comesIn asserts that a person whom a provider vouches for comes in by
// address alone.
func (c *check) comesIn(o *customer, provider *idp.IdP, person idp.Person) {
	c.Helper()
	v := c.Browser()
	v.Serve(provider.Origin(), provider.Handler())
	v.OpenLogin("")
	screens.SubmitEmail(v.Page, person.Email)
	v.AwaitLanding()
	v.VerifySignedIn(&flows.User{Email: person.Email})
	_, m := c.membership(person.Email, o.ID)
	assert.Equal(c, "ACTIVE", m.Status, "the membership of who came in by the connection")
}

// openID is an OpenID provider on this machine at which person is signed in.
func (c *check) openID(person idp.Person) *idp.OpenID {
	c.Helper()
	key, err := idp.LoadKey(suite.cfg.IDPKeyFile)
	if err != nil {
		c.Trouble("the suite's identity provider cannot be opened: %v", err)
	}
	provider, stop := idp.ServeOpenID(key, person)
	c.Cleanup(stop)
	suite.learn(provider.ClientSecret)
	return provider
}

// owns reports whether a domain counts as the customer's.
func (c *check) owns(o *customer, domain string) bool {
	c.Helper()
	for _, d := range c.domains(o) {
		if strings.EqualFold(d.Domain, domain) && d.Verified() {
			return true
		}
	}
	return false
}

// domains are the customer's, as the management API has them.
func (c *check) domains(o *customer) []scalekit.Domain {
	c.Helper()
	all, err := suite.world.API.Domains(suite.ctx, o.ID)
	if err != nil {
		c.Trouble("the organization's domains cannot be read: %v", err)
	}
	return all
}

// settings is the customer's one connection, as the management API has it.
func (c *check) settings(o *customer) scalekit.Connection {
	c.Helper()
	all, err := suite.world.API.ListConnections(suite.ctx, o.ID)
	if err != nil {
		c.Trouble("the organization's connections cannot be read: %v", err)
	}
	if len(all) == 0 {
		return scalekit.Connection{}
	}
	full, err := suite.world.API.GetConnection(suite.ctx, o.ID, all[0].ID)
	if err != nil {
		c.Trouble("the organization's connection cannot be read: %v", err)
	}
	return *full
}

// sendSwapped sends every form of the page at hand with some ids exchanged for
// others, those that delete last, and returns the answers by address.
func (c *check) sendSwapped(v *flows.Visitor, ids map[string]string) map[string]*browser.Answer {
	c.Helper()
	answers := map[string]*browser.Answer{}
	for _, last := range []bool{false, true} {
		for _, form := range screens.FormsOn(v.HTML(), v.URL()) {
			if strings.Contains(form.Action.Path, "delete") != last || form.Method != http.MethodPost {
				continue
			}
			actions := map[string]bool{}
			c.exchangeIn(form.Action.String(), ids, actions)
			for action := range actions {
				changed := *form
				changed.Action, _ = url.Parse(action) // was an address before
				changed.Fields = url.Values{}
				for name, values := range form.Fields {
					for _, value := range values {
						for own, other := range ids {
							value = strings.ReplaceAll(value, own, other)
						}
						changed.Fields.Add(name, value)
					}
				}
				answers[action] = v.SendForm(&changed, nil)
			}
		}
	}
	if len(answers) == 0 {
		c.Trouble("the portal's page at %s has no forms that name the organization or the connection: nothing was tried", v.URL().Redacted())
	}
	return answers
}
