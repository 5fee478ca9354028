package e2e

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
)

// Who signs up gets an organization of their own, and can run it.
func TestOrganizationCreation(t *testing.T) {
	item := begin(t, "orgs/create")

	item.Case("who signs up gets an organization, and the role of who creates one", advice{
		Why:      "a new customer cannot invite anybody, pay or set anything up",
		Mend:     "make one role the default for creators (Roles in the dashboard), and look for it in the token",
		Standard: "spec/oauth.md 7.2; spec/api.md 5.3",
	}, func(c *check) {
		roles, err := suite.world.API.Roles(suite.ctx, "")
		if err != nil {
			c.Trouble("the roles cannot be listed: %v", err)
		}
		creator := ""
		for _, role := range roles {
			if role.DefaultCreator {
				creator = role.Name
			}
		}
		require.NotEmpty(c, creator, "a role that is the default for who creates an organization")
		founder, agent := c.signedUp()
		require.Len(c, founder.Memberships, 1, "memberships of somebody who has just signed up")
		m := founder.Memberships[0]
		assert.Equal(c, "ACTIVE", m.Status, "the membership")
		assert.Contains(c, roleNames(m), creator, "roles of the membership")
		if _, err := suite.world.API.GetOrganization(suite.ctx, m.OrganizationID); err != nil {
			c.Errorf("the management API knows the organization; it says: %v", err)
		}
		tokens, _ := agent.Tokens(nil)
		require.NotNil(c, tokens, "tokens of somebody who has just signed up")
		claims := agent.Claims(tokens.AccessToken)
		assert.Equal(c, m.OrganizationID, claims["oid"], "oid of the access token")
		assert.Contains(c, words(claims["roles"]), creator, "roles of the access token")
	})

	item.Case("two people who sign up share nothing, even with one domain", advice{
		Why:      "strangers with addresses at the same provider see each other's data",
		Mend:     "let nobody into an organization by the domain of their address alone; that takes a domain that was proven",
		Standard: "OWASP ASVS 8.4.1; CHECKLIST orgs/create",
	}, func(c *check) {
		one, _ := c.signedUp()
		other, agent := c.signedUp()
		require.NotEmpty(c, one.Memberships, "memberships of the first")
		first := one.Memberships[0].OrganizationID
		for _, m := range other.Memberships {
			assert.NotEqual(c, first, m.OrganizationID, "the organization of the second")
		}
		assert.Nil(c, c.entered(agent, first), "tokens of the second for the organization of the first")
	})

	item.Case("an organization is as it was made, and its external id is its own", advice{
		Why:      "two customers become one in whatever looks them up by the external id",
		Mend:     "refuse an external id that another organization has, and values that are no names",
		Standard: "spec/api.md 5.1 and 6",
	}, func(c *check) {
		user := c.NewUser()
		made, err := suite.world.API.GetOrganization(suite.ctx, user.OrgID)
		if err != nil {
			c.Trouble("the organization cannot be read: %v", err)
		}
		for what, bad := range map[string]scalekit.NewOrganization{
			"the external id of another organization": {DisplayName: "Preflight", ExternalID: made.ExternalID},
			"an empty name":                {ExternalID: c.unique()},
			"a name of 201 letters":        {DisplayName: strings.Repeat("x", 201), ExternalID: c.unique()},
			"metadata of eleven members":   {DisplayName: "Preflight", ExternalID: c.unique(), Metadata: manyPairs(11)},
			"a key of metadata that is 26": {DisplayName: "Preflight", ExternalID: c.unique(), Metadata: map[string]string{strings.Repeat("k", 26): "v"}},
		} {
			var wrong *scalekit.Organization
			err := suite.create(func(ctx context.Context) (err error) {
				wrong, err = suite.world.API.CreateOrganization(ctx, bad)
				return err
			})
			if wrong != nil {
				c.deleteOrganization(wrong.ID)
			}
			assert.Error(c, err, "an organization with %s", what)
		}
		again, err := suite.world.API.GetOrganization(suite.ctx, user.OrgID)
		require.NoError(c, err, "the first organization, after all this")
		assert.Equal(c, made, again, "the first organization, after all this")
	})

	item.Case("a name with markup in it is only a name", advice{
		Why:      "a customer's name runs as a script in the browsers of everybody who sees it",
		Mend:     "let the template escape names, in the product, on the hosted pages and in mails",
		Standard: "OWASP ASVS 1.2.1; CWE-79",
	}, func(c *check) {
		const mark = `img[src="preflight-x"]`
		user := c.NewUser()
		own := user.OrgID
		err := c.newOrganizationCalled(`<img src="preflight-x" onerror="alert(1)"> & Söhne `, func(ctx context.Context, organization *scalekit.Organization) error {
			user.OrgID = organization.ID // where they enter
			_, err := suite.world.API.AddMember(ctx, organization.ID, user.ID)
			return err
		})
		if err != nil {
			c.Trouble("an organization with markup in its name cannot be made: %v", err)
		}
		agent := c.Quiet(user)
		for _, path := range []string{suite.cfg.AppProtectedPath, suite.cfg.AppProfilePath} {
			if path != "" {
				assert.False(c, agent.Get(suite.cfg.App(path)).Shows(mark), "%s has an element that the organization's name brought along", path)
			}
		}
		stranger := flows.NewAgent(c, suite.world)
		_, login := stranger.Authorize(map[string][]string{"organization_id": {user.OrgID}})
		assert.False(c, login.Shows(mark), "the hosted sign-in page has an element that the organization's name brought along")
		_, picker := agent.Tokens(map[string][]string{"prompt": {"select_account"}})
		assert.True(c, !picker.Asks() || picker.Offers(own), "the page that asks for an organization offers the other one, too")
		assert.False(c, picker.Shows(mark), "the page that asks for an organization has an element that its name brought along")
		mail, _ := c.Invite(user.OrgID, c.NewPerson())
		page := flows.Stop{Body: mail.HTML}
		assert.False(c, page.Shows(mark), "the invitation has an element that the organization's name brought along")
	})
}

// signedUp signs somebody new up, without a window where the pages allow it,
// and returns what the management API knows of them.
func (c *check) signedUp() (scalekit.User, *flows.Agent) {
	c.Helper()
	c.NeedMethod("email_code")
	person := c.NewPerson()
	agent := c.Quiet(person)
	known, _ := c.membership(person.Email, "")
	require.NotEmpty(c, known.ID, "the management API's user of somebody who has just signed up")
	return known, agent
}

func manyPairs(n int) map[string]string {
	pairs := map[string]string{}
	for i := range n {
		pairs["key"+strings.Repeat("k", i)] = "value"
	}
	return pairs
}
