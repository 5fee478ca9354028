package e2e

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/idp"
)

// entrance is a connection, whatever it speaks.
type entrance interface {
	employee(name string) idp.Person
	signIn(person idp.Person) *arrival
	// onTheWay begins a sign-in of the person whom the provider knows, and leaves
	// it to the returned function to bring the provider's answer.
	onTheWay() (answer func() *arrival)
	// ids are those of the organization and of the connection.
	ids() (orgID, connectionID string)
	// mustNotJoin fails the case if an address is a member of the organization.
	mustNotJoin(address string)
}

// protocols are the two ways that identity providers speak, and how this case
// gets a connection of either.
var protocols = []struct {
	name string
	open func(c *check, s connectionSettings) entrance
}{
	{"SAML", func(c *check, s connectionSettings) entrance { return c.company(s) }},
	{"OIDC", func(c *check, s connectionSettings) entrance { return c.openIDCompany(s) }},
}

// What a company's provider says about its people arrives at the product, each
// thing under its name.
func TestSSOAttributes(t *testing.T) {
	item := begin(t, "sso/attributes")

	const mapping = "spec/oauth.md 4.1, 11"

	for _, protocol := range protocols {
		item.Case("what the company's "+protocol.name+" provider asserts arrives whole, each thing under its own name", advice{
			Why:      "people are greeted by the wrong name, and rules that look at groups or departments let the wrong people in",
			Mend:     "map each of the provider's attributes to ours in the connection (email, given_name, family_name, groups, custom ones), and keep all values and all letters",
			Standard: mapping,
		}, func(c *check) {
			w := protocol.open(c, connectionSettings{})
			person := w.employee("zoe")
			person.GivenName, person.FamilyName = "Zoë", "Łukasiewicz-王"
			person.Groups = []string{"engineers", "Büro Zürich", "on call"}
			a := w.signIn(person).mustBe(person)
			for name, want := range map[string]string{"given_name": person.GivenName, "family_name": person.FamilyName} {
				assert.Equal(c, want, textOf(a.ID, name), "%s in the ID token", name)
			}
			_, info, err := suite.world.API.UserInfo(suite.ctx, a.Tokens.AccessToken)
			require.NoError(c, err, "the userinfo endpoint")
			assert.True(c, strings.EqualFold(person.Email, textOf(info, "email")), "email at the userinfo endpoint: expected %s, saw %q", person.Email, textOf(info, "email"))
			assert.Equal(c, person.GivenName, textOf(info, "given_name"), "given_name at the userinfo endpoint")
			profile := c.mustKnow(person.Email).Profile
			assert.Equal(c, []string{person.GivenName, person.FamilyName}, []string{profile.GivenName, profile.FamilyName}, "given and family name in the management API")
			assert.ElementsMatch(c, person.Groups, profile.Groups, "the groups in the management API")
		})

		item.Case("a custom attribute of the company's "+protocol.name+" provider arrives under the name that the connection maps it to", advice{
			Why:      "what the product was to do by department or cost centre it does for nobody",
			Mend:     "register the attribute in the dashboard, and map it in the connection",
			Standard: mapping,
		}, func(c *check) {
			c.needConnections()
			names := usualMapping()
			names["department"] = "urn:corp:dept"
			w := protocol.open(c, connectionSettings{Mapping: names})
			person := w.employee("ada")
			person.Attributes = map[string][]string{"urn:corp:dept": {"Analytical Engines"}}
			w.signIn(person).mustBe(person)
			assert.Equal(c, "Analytical Engines", c.mustKnow(person.Email).Profile.Attributes["department"], "the custom attribute department in the management API")
		})

		item.Case("a company's "+protocol.name+" provider that says nothing but the address is enough", advice{
			Why:      "people whose directory has no family name, or no groups, cannot sign in, or get somebody else's",
			Mend:     "treat everything but the address as optional, and leave out what was not said",
			Standard: mapping,
		}, func(c *check) {
			w := protocol.open(c, connectionSettings{})
			person := w.employee("mononym")
			person.GivenName, person.FamilyName, person.Groups = "", "", nil
			a := w.signIn(person).mustBe(person)
			assert.Empty(c, textOf(a.ID, "family_name"), "family_name in the ID token of somebody without one")
		})

		item.Case("a company's "+protocol.name+" provider that does not say the address is told so", advice{
			Why:      "people get an account without an address, which nobody can reach or find, or a page that says nothing",
			Mend:     "refuse, and name the attribute that is missing: the administrator of the provider has to send it",
			Standard: "spec/oauth.md 2.5 (mandatory_attribute_missing)",
		}, func(c *check) {
			w := protocol.open(c, connectionSettings{})
			person := w.employee("nobody")
			person.NameID, person.NameIDFormat, person.HideEmail = "G-"+c.unique(), idp.NameIDPersistent, true
			w.signIn(person).mustBeRefused()
		})
	}

	item.Case("a provider that calls everything by names of its own is understood by the mapping", advice{
		Why:      "Active Directory, LDAP and Google each use other names; without a mapping their people have none",
		Mend:     "map the provider's names in the connection",
		Standard: mapping,
	}, func(c *check) {
		c.needConnections()
		const schema = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
		w := c.company(connectionSettings{Mapping: map[string]string{
			"email": schema + "emailaddress", "given_name": schema + "givenname", "family_name": schema + "surname",
			"groups": "http://schemas.microsoft.com/ws/2008/06/identity/claims/groups",
		}})
		person := w.employee("grace")
		sent := idp.Person{
			Email: person.Email, HideEmail: true, NameID: "S-1-5-21-" + c.unique(), NameIDFormat: idp.NameIDUnspecified,
			Attributes: map[string][]string{
				schema + "emailaddress": {person.Email}, schema + "givenname": {"Grace"}, schema + "surname": {"Hopper"},
				"http://schemas.microsoft.com/ws/2008/06/identity/claims/groups": {"navy", "compilers"},
			},
		}
		a := w.signIn(sent).mustBe(person)
		assert.Equal(c, "Grace Hopper", textOf(a.ID, "given_name")+" "+textOf(a.ID, "family_name"), "the names in the ID token")
		assert.ElementsMatch(c, []string{"navy", "compilers"}, c.mustKnow(person.Email).Profile.Groups, "the groups in the management API")
	})
}
