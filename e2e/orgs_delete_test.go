package e2e

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
	"github.com/auth-preflight/auth-preflight/helpers/scim"
)

// An organization that was deleted is gone, with all access to it, and alone.
func TestOrganizationDeletion(t *testing.T) {
	item := begin(t, "orgs/delete")

	item.Case("the members of a deleted organization have no refresh any more", advice{
		Why:      "a customer who left, or was cut off, goes on using the product",
		Mend:     "delete the memberships with the organization and end the sessions in it",
		Standard: "OWASP ASVS 7.4.2; spec/oauth.md 7",
	}, func(c *check) {
		c.Cast(2)
		user := c.NewUser()
		one, other := c.Access(user), c.Access(c.NewColleague(user))
		c.deleteOrganization(user.OrgID)
		c.refreshDead(one)
		c.refreshDead(other)
	})

	item.Case("the members of a deleted organization are out when the access token ends", advice{
		Why:      "a customer who left, or was cut off, goes on using the product",
		Mend:     "let access tokens live for minutes, and end the product's session when a refresh is refused or organization.deleted arrives",
		Standard: "OWASP ASVS 7.4.2; DEFECTS.md C-28",
	}, func(c *check) {
		c.Cast(1)
		c.NeedEndOfAccess()
		user := c.NewUser()
		one := c.Access(user)
		c.deleteOrganization(user.OrgID)
		c.accessDead(one)
	})

	item.Case("nobody enters a deleted organization, and the API knows nothing of it", advice{
		Why:      "data of a customer who left is still there for who kept a link",
		Mend:     "compare the organization that is asked for with those that exist, at every authorization",
		Standard: "OWASP ASVS 8.4.1",
	}, func(c *check) {
		c.Cast(1)
		user := c.NewUser()
		gone := c.Join(user)
		agent := c.Quiet(user)
		require.NotNil(c, c.entered(agent, gone), "tokens for the organization while it exists")
		c.deleteOrganization(gone)
		assert.Nil(c, c.entered(agent, gone), "tokens for a deleted organization, by a session of before")
		assert.Nil(c, c.entered(c.Quiet(user), gone), "tokens for a deleted organization, by a new sign-in")
		_, err := suite.world.API.GetOrganization(suite.ctx, gone)
		assert.True(c, scalekit.IsNotFound(err), "the management API's answer about a deleted organization is not found; it is %v", err)
		_, left := c.membership(user.Email, gone)
		assert.Empty(c, left.Status, "the membership in a deleted organization")
	})

	item.Case("the directory of a deleted organization is closed", advice{
		Why:      "the identity provider of a customer who left goes on writing people into it, and whoever has the token reads them",
		Mend:     "delete an organization's directories, with their tokens, along with it",
		Standard: "OWASP ASVS 8.4.1; CHECKLIST orgs/delete",
	}, func(c *check) {
		o := c.NewEmployer(scim.Okta{})
		require.True(c, o.send(http.MethodGet, "/Users", nil).Good(), "the directory answers its token while the organization exists")
		c.deleteOrganization(o.orgID)
		assert.False(c, o.send(http.MethodGet, "/Users", nil).Good(), "the directory answers its token after the organization was deleted")
	})

	item.Case("people who belong to another organization too stay there, and notice nothing", advice{
		Why:      "consultants and group companies lose their accounts when one customer leaves",
		Mend:     "remove the memberships, and only those users who are left without any",
		Standard: "CHECKLIST orgs/delete; spec/oauth.md 7",
	}, func(c *check) {
		c.Cast(1)
		c.NeedEndOfAccess()
		user := c.NewUser()
		gone := c.Join(user)
		stays := c.Access(user) // in user.OrgID
		c.deleteOrganization(gone)
		after, kept := c.membership(user.Email, user.OrgID)
		require.Equal(c, user.ID, after.ID, "the account of somebody of two organizations, one of which was deleted")
		assert.Equal(c, "ACTIVE", kept.Status, "the membership in the other organization")
		c.outlast(stays)
		c.accessAlive(stays)
	})

	item.Case("the external id is free again, for an organization that has nothing of the old one", advice{
		Why:      "a customer who returns cannot be set up, or finds the people and data of before",
		Mend:     "delete what hangs on the organization, and key it by the organization's own id",
		Standard: "spec/api.md 5.1; CWE-212",
	}, func(c *check) {
		user := c.NewBystander()
		before, err := suite.world.API.GetOrganization(suite.ctx, user.OrgID)
		if err != nil {
			c.Trouble("the organization cannot be read: %v", err)
		}
		c.deleteOrganization(user.OrgID)
		var again *scalekit.Organization
		err = suite.create(func(ctx context.Context) (err error) { // the clean-up of the first finds it by the external id
			again, err = suite.world.API.CreateOrganization(ctx, scalekit.NewOrganization{DisplayName: before.DisplayName, ExternalID: before.ExternalID})
			return err
		})
		require.NoError(c, err, "an organization with the external id of a deleted one")
		assert.NotEqual(c, before.ID, again.ID, "the id of the new organization")
		people, err := suite.world.API.Members(suite.ctx, again.ID)
		if err != nil {
			c.Trouble("the organization's people cannot be listed: %v", err)
		}
		assert.Empty(c, people, "people of the new organization")
	})
}

// deleteOrganization deletes an organization that this case has made.
func (c *check) deleteOrganization(id string) {
	c.Helper()
	if err := suite.world.API.DeleteOrganization(suite.ctx, id); err != nil {
		c.Trouble("the organization cannot be deleted: %v", err)
	}
}
