package e2e

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/idp"
	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
)

const jitRules = "spec/webhooks-scim.md 8; spec/oauth.md 2.2"

// Just-in-time provisioning makes accounts for the domains of a company, and
// for nobody else.
func TestJITDomains(t *testing.T) {
	item := begin(t, "jit/domains")

	item.Case("whoever has an address of a registered domain is sent to the company's provider and gets in", advice{
		Why:      "an employee gets an account that is nobody's, outside of the company that pays",
		Mend:     "register every domain of the organization, and enable the connection",
		Standard: jitRules,
	}, func(c *check) {
		w := c.company(connectionSettings{})
		ada := w.employee("ada")
		assert.True(c, w.routed(ada.Email), "whoever types an address of %s is sent to the company's identity provider; expected that, saw another way", w.Domain)
		w.signIn(ada).mustBe(ada)
		assert.Equal(c, "ACTIVE", c.mustKnow(ada.Email).StatusIn(w.OrgID), "the membership after the first sign-in")
	})

	// Each of them was once taken for the domain that it looks like.
	for _, foreign := range []struct {
		name   string
		domain func(own string) string
	}{
		{"of another domain", func(own string) string { return strings.Replace(own, ".", ".stranger.", 1) }},
		{"of a domain that ends like the company's", func(own string) string { return "not" + own }},
		{"of a domain that begins like the company's", func(own string) string { return own + ".evil.test" }},
		{"of a sub-domain", func(own string) string { return "mail." + own }},
	} {
		item.Case("an address "+foreign.name+" is not sent to the company's provider, and is not let in by it", advice{
			Why:      "strangers become members of a customer's organization, and the customer's provider speaks for people of others",
			Mend:     "compare the whole domain, letter by letter, with those that are registered",
			Standard: jitRules + "; ASVS 8.4.1",
		}, func(c *check) {
			w := c.company(connectionSettings{})
			domain := foreign.domain(w.Domain)
			eve := c.personAt("eve-" + c.unique() + "@" + domain)
			assert.False(c, w.routed(eve.Email), "whoever types an address of %s is sent to the provider of %s; expected that nobody is", domain, w.Domain)
			w.signIn(eve).mustBeRefusedOrAsked()
			w.mustNotJoin(eve.Email)
		})
	}

	item.Case("a domain that one organization has registered is not another's as well", advice{
		Why:      "whoever administers one customer's organization names another customer's domain, and their own provider signs in as that customer's people",
		Mend:     "let a domain be registered once, in whatever letters; or believe the second organization only when DNS says that the domain is its own",
		Standard: "spec/api.md 5.6; ASVS 6.8.1, 8.4.1",
	}, func(c *check) {
		c.needConnections()
		first := c.company(connectionSettings{})
		ada := first.employee("ada")
		first.signIn(ada).mustBe(ada)
		second, taken := organization{c: c, Domain: first.Domain}, false
		err := c.newOrganization(func(ctx context.Context, made *scalekit.Organization) error {
			second.OrgID = made.ID
			for _, written := range []string{first.Domain, strings.ToUpper(first.Domain)} {
				err := suite.world.API.RegisterDomain(ctx, made.ID, written)
				if err != nil && !scalekit.IsRefusal(err) {
					return err
				}
				taken = taken || err == nil
			}
			return nil
		})
		if err != nil {
			c.Trouble("a second organization cannot be made: %v", err)
		}
		if taken { // it is on the list; is it believed?
			second.connect(connectionSettings{}).signIn(ada).mustBeRefusedOrAsked()
			second.mustNotJoin(ada.Email)
		}
		assert.True(c, first.routed(ada.Email), "whoever types an address of %s is sent to the provider of the organization that registered it first; expected that, saw another way", first.Domain)
	})

	for _, protocol := range protocols {
		item.Case("with provisioning off nobody new gets in over "+protocol.name+", and members do", advice{
			Why:      "a company that adds its people by hand gets members whom it never chose, and pays for them",
			Mend:     "refuse unknown people where the connection's provisioning is off, whatever the provider speaks",
			Standard: jitRules + "; CWE-863",
		}, func(c *check) {
			w := protocol.open(c, connectionSettings{NoJIT: true})
			orgID, _ := w.ids()
			eve, ada := w.employee("eve"), w.employee("ada")
			w.signIn(eve).mustBeRefused()
			w.mustNotJoin(eve.Email)
			c.api("a person is made by hand", func(ctx context.Context) error {
				_, err := suite.world.API.CreateUser(ctx, orgID, scalekit.NewUser{Email: ada.Email})
				return err
			})
			w.signIn(ada).mustBe(ada)
		})
	}

	item.Case("with provisioning off an invitation that is over is not taken up at the company's provider", advice{
		Why:      "what was offered a year ago still opens the customer's data, to whoever the provider knows by now",
		Mend:     "look at how old the invitation is before a sign-in by the provider makes its membership active",
		Standard: "spec/hosted-pages.md 10; " + jitRules,
	}, func(c *check) {
		c.NeedMethod("saml")
		c.NeedTime(suite.cfg.InvitationLifetime)
		w := c.company(connectionSettings{NoJIT: true})
		eve := w.employee("eve")
		c.api("a person is invited", func(ctx context.Context) error {
			_, err := suite.world.API.CreateUser(ctx, w.OrgID, scalekit.NewUser{Email: eve.Email, Invite: true})
			return err
		})
		c.OutliveBy(&flows.User{Email: eve.Email}, suite.cfg.InvitationLifetime, time.Hour)
		w.signIn(eve).mustBeRefused()
		assert.NotEqual(c, "ACTIVE", c.mustKnow(eve.Email).StatusIn(w.OrgID), "the membership of who came by the provider after the invitation's end")
	})
}

// One person is one user, whichever connection they come by.
func TestJITIdentifiers(t *testing.T) {
	item := begin(t, "jit/identifiers")

	one := advice{
		Why:      "the same employee has two accounts, each with half of the data; who is deactivated in one comes in by the other",
		Mend:     "map the same attribute (e-mail) to the address at every connection, and know people by it, whatever the subject of the provider is called",
		Standard: "checklist: email or userPrincipalName, consistently; spec/oauth.md 11",
	}

	item.Case("two connections of one organization lead to one account", one, func(c *check) {
		c.needConnections()
		first := c.company(connectionSettings{})
		second := first.connect(connectionSettings{})
		ada := first.employee("ada")
		by := first.signIn(ada).mustBe(ada)
		assert.Equal(c, by.sub(), second.signIn(ada).mustBe(ada).sub(), "the id of the person who comes by the second connection")
		assert.Equal(c, by.sub(), first.signIn(ada).mustBe(ada).sub(), "the id of the person who comes by the first one again")
	})

	item.Case("a provider that names people by another address than their mail leads to the same account", one, func(c *check) {
		c.needConnections()
		byMail := c.company(connectionSettings{})
		byUPN := byMail.connect(connectionSettings{})
		ada := byMail.employee("ada")
		upn := ada
		upn.NameID, upn.NameIDFormat = "upn-"+c.unique()+"@"+byMail.Domain, idp.NameIDUnspecified
		c.personAt(upn.NameID) // who must not come into being
		by := byMail.signIn(ada).mustBe(ada)
		assert.Equal(c, by.sub(), byUPN.signIn(upn).mustBe(ada).sub(), "the id of the person whom the second provider calls %s", upn.NameID)
		assert.Nil(c, c.find(upn.NameID), "an account under the name that the provider uses: expected none")
	})

	item.Case("a provider that knows people by a number leads to the account of their mail", one, func(c *check) {
		c.needConnections()
		byMail := c.company(connectionSettings{})
		byNumber := byMail.connect(connectionSettings{Mapping: map[string]string{
			"email": "urn:oid:0.9.2342.19200300.100.1.3", "given_name": "given_name", "family_name": "family_name",
		}})
		ada := byMail.employee("ada")
		numbered := ada
		numbered.NameID, numbered.NameIDFormat, numbered.HideEmail = "G-"+c.unique(), idp.NameIDPersistent, true
		numbered.Attributes = map[string][]string{"urn:oid:0.9.2342.19200300.100.1.3": {ada.Email}}
		by := byMail.signIn(ada).mustBe(ada)
		assert.Equal(c, by.sub(), byNumber.signIn(numbered).mustBe(ada).sub(), "the id of the person whom the second provider knows by a number")
	})
}

// Who comes for the first time may do what members may, and no more.
func TestJITDefaultRoles(t *testing.T) {
	item := begin(t, "jit/default-roles")

	item.Case("people have the default role of members from the first sign-in on", advice{
		Why:      "every employee administers the organization, or nobody can do anything before an administrator has looked at each",
		Mend:     "set the default member role, and give it to everybody whom provisioning makes; the creator's role is for who creates an organization",
		Standard: "spec/api.md 5.3; CWE-266; ASVS 8.2.1",
	}, func(c *check) {
		w := c.company(connectionSettings{})
		want := c.defaultRole(w.OrgID)
		for _, name := range []string{"first", "second"} {
			person := w.employee(name)
			a := w.signIn(person).mustBe(person)
			claims := a.agent.Claims(a.Tokens.AccessToken)
			assert.Equal(c, []string{want}, textsOf(claims, "roles"), "the roles in the access token of the %s person of the organization", name)
			assert.Equal(c, []string{want}, c.mustKnow(person.Email).RolesIn(w.OrgID), "the roles of the membership")
		}
	})

	item.Case("a role that somebody was given outlives the next sign-in", advice{
		Why:      "an administrator is a plain member again after every sign-in",
		Mend:     "give the default role when the membership is made, not at every sign-in",
		Standard: "spec/api.md 5.3",
	}, func(c *check) {
		w := c.company(connectionSettings{Sync: suite.cfg.APIDoes("connections")})
		ada := w.employee("ada")
		c.api("an administrator is made by hand", func(ctx context.Context) error {
			_, err := suite.world.API.CreateUser(ctx, w.OrgID, scalekit.NewUser{Email: ada.Email, Roles: []string{"admin"}})
			return err
		})
		a := w.signIn(ada).mustBe(ada)
		assert.Equal(c, []string{"admin"}, textsOf(a.agent.Claims(a.Tokens.AccessToken), "roles"), "the roles in the access token of somebody who was made an administrator")
	})
}

// What the provider says about a person is as new as the last sign-in, where
// the connection is to keep it so.
func TestJITSync(t *testing.T) {
	item := begin(t, "jit/sync")

	changes := func(c *check, w *way) (ada idp.Person, again *arrival) {
		ada = w.employee("ada")
		ada.Groups = []string{"employees", "interns"}
		w.signIn(ada).mustBe(ada)
		ada.FamilyName, ada.Groups = "Byron-Preflight", []string{"employees", "engineers"}
		return ada, w.signIn(ada).mustBe(ada)
	}

	item.Case("with sync on, a change at the provider shows after the next sign-in", advice{
		Why:      "people who married, moved or changed teams stay who they were; access by group follows the old groups",
		Mend:     `switch on "Sync user attributes during login" of the connection`,
		Standard: jitRules,
	}, func(c *check) {
		ada, again := changes(c, c.company(connectionSettings{Sync: true}))
		assert.Equal(c, ada.FamilyName, textOf(again.ID, "family_name"), "family_name in the ID token after the change")
		user := c.mustKnow(ada.Email)
		assert.Equal(c, ada.FamilyName, user.Profile.FamilyName, "the family name that the environment shows")
		assert.ElementsMatch(c, ada.Groups, user.Profile.Groups, "the groups that the environment shows")
	})

	item.Case("with sync off, a profile stays as it was made", advice{
		Why:      "what another system keeps (SCIM, the product's own profile page) is overwritten at every sign-in",
		Mend:     "copy the provider's attributes after the first sign-in only where the connection says so",
		Standard: jitRules,
	}, func(c *check) {
		c.needConnections()
		ada, again := changes(c, c.company(connectionSettings{}))
		assert.Equal(c, "Preflight", textOf(again.ID, "family_name"), "family_name in the ID token after a change that is not to show")
		assert.Equal(c, "Preflight", c.mustKnow(ada.Email).Profile.FamilyName, "the family name that the environment shows")
	})
}

// People from outside get in by an invitation, and by nothing else.
func TestJITContractors(t *testing.T) {
	item := begin(t, "jit/contractors")

	item.Case("an outsider who was invited gets in by the company's provider, once the address is proven by mail", advice{
		Why:      "contractors cannot work: they have no address of the company",
		Mend:     "invite them by hand; ask for the address's proof once, since the provider does not speak for its domain",
		Standard: jitRules,
	}, func(c *check) {
		w := c.company(connectionSettings{})
		user := c.NewPerson()
		c.api("an outsider is invited", func(ctx context.Context) error {
			_, err := suite.world.API.CreateUser(ctx, w.OrgID, scalekit.NewUser{Email: user.Email, Invite: true})
			return err
		})
		v := c.Browser()
		c.comeByTile(w, v, user)
		v.VerifySignedIn(user)
		assert.Equal(c, "ACTIVE", c.mustKnow(user.Email).StatusIn(w.OrgID), "the membership of the invited person")
		outsider := c.personAt(user.Email)
		a := w.signIn(outsider).mustBe(outsider)
		assert.Equal(c, w.OrgID, textOf(a.ID, "oid"), "the organization at the next sign-in, which asks for no mail")
	})

	item.Case("the link of an outsider's invitation makes them a member", advice{
		Why:      "the invitation that the customer sent ends on an error page",
		Mend:     "do not hold the domain of an invited person against the company's domains",
		Standard: "spec/hosted-pages.md 10; " + jitRules,
	}, func(c *check) {
		w := c.company(connectionSettings{})
		user := c.NewPerson()
		v := c.Browser()
		mark := v.MarkInbox(user)
		c.api("an outsider is invited", func(ctx context.Context) error {
			_, err := suite.world.API.CreateUser(ctx, w.OrgID, scalekit.NewUser{Email: user.Email, Invite: true})
			return err
		})
		w.IdP.SignInAs(idp.Person{Email: user.Email})
		v.Serve(w.IdP.Origin(), w.IdP.Handler()) // where the organization is entered by it alone
		_, link := flows.NewAgent(c, suite.world).AwaitLink(user, mark, "the invitation")
		v.Redeem(link)
		assert.Equal(c, "ACTIVE", c.mustKnow(user.Email).StatusIn(w.OrgID), "the membership after the invitation's link was followed")
	})

	item.Case("an outsider whom nobody invited does not get in", advice{
		Why:      "whoever can make an account at the company's provider brings in whom they like",
		Mend:     "refuse addresses of foreign domains without a membership or an invitation",
		Standard: jitRules + "; ASVS 8.4.1",
	}, func(c *check) {
		w := c.company(connectionSettings{})
		eve := c.personAt("eve-" + c.unique() + "@contractor." + w.Domain + ".test")
		w.signIn(eve).mustBeRefusedOrAsked()
		w.mustNotJoin(eve.Email)
	})

	item.Case("an outsider with an account of their own does not get in uninvited", advice{
		Why:      "everybody who has an account anywhere in the product is a member of every customer that wishes it",
		Mend:     "an account is no membership: ask for an invitation to this very organization",
		Standard: jitRules + "; ASVS 8.4.1",
	}, func(c *check) {
		w := c.company(connectionSettings{})
		user := c.NewUser()
		outsider := c.personAt(user.Email)
		w.signIn(outsider).mustBeRefusedOrAsked()
		require.Empty(c, c.mustKnow(user.Email).StatusIn(w.OrgID), "the membership of somebody who was not invited")
	})
}
