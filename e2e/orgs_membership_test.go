package e2e

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
)

// Access follows membership: at once when it is given, and when it ends.
func TestMembership(t *testing.T) {
	item := begin(t, "orgs/membership")

	item.Case("who is added can enter at once, with the role that was given", advice{
		Why:      "new colleagues cannot begin to work, or can do too much",
		Mend:     "look memberships up when tokens are issued; do not keep them in the session",
		Standard: "OWASP ASVS 8.3.2; spec/oauth.md 7.1",
	}, func(c *check) {
		c.Cast(1)
		user := c.NewUser()
		agent := c.Quiet(user)
		organization := c.Join(user, "admin")
		tokens := c.entered(agent, organization)
		require.NotNil(c, tokens, "tokens that name the organization to which somebody who is signed in was just added")
		assert.Equal(c, []string{"admin"}, words(agent.Claims(tokens.AccessToken)["roles"]), "roles in the access token for it")
		people, err := suite.world.API.Members(suite.ctx, organization)
		if err != nil {
			c.Trouble("the organization's people cannot be listed: %v", err)
		}
		require.Len(c, people, 1, "people of the organization")
		assert.Equal(c, user.ID, people[0].ID, "who is in the organization")
	})

	item.Case("who is removed has no refresh any more", advice{
		Why:      "somebody who left the customer goes on reading its data for weeks",
		Mend:     "end the sessions in that organization, and look at the membership at every refresh",
		Standard: "OWASP ASVS 7.4.2 and 8.3.2",
	}, func(c *check) {
		c.Cast(2)
		user := c.NewUser()
		gone := c.Access(c.NewColleague(user))
		c.removeMember(user.OrgID, gone.user)
		c.refreshDead(gone)
	})

	item.Case("who is removed is out when the access token ends", advice{
		Why:      "somebody who left the customer still reads and changes its data",
		Mend:     "let access tokens live for minutes, and end the product's session when a refresh is refused",
		Standard: "OWASP ASVS 7.4.2; DEFECTS.md C-28",
	}, func(c *check) {
		c.Cast(2)
		c.NeedEndOfAccess()
		user := c.NewUser()
		gone := c.Access(c.NewColleague(user))
		c.removeMember(user.OrgID, gone.user)
		c.accessDead(gone)
	})

	item.Case("who is removed from one organization keeps the others, and cannot come back to the one", advice{
		Why:      "a removal that locks people out of their own company, or that a link undoes",
		Mend:     "compare the organization that is asked for with the memberships of now, at every authorization",
		Standard: "OWASP ASVS 8.4.1",
	}, func(c *check) {
		c.Cast(1)
		user := c.NewUser()
		left := c.Join(user)
		agent := c.Quiet(user)
		require.NotNil(c, c.entered(agent, left), "tokens for the organization while somebody is its member")
		c.removeMember(left, user)
		again := c.Quiet(user) // where a sign-in would lead to the old organization, it leads there now
		for _, browser := range []*access{{Agent: agent}, {Agent: again}} {
			assert.Nil(c, c.entered(browser.Agent, left), "tokens for the organization that somebody was removed from")
		}
		assert.NotNil(c, c.entered(again, user.OrgID), "tokens for the organization that somebody is still in")
	})

	item.Case("removing somebody leaves their colleagues alone", advice{
		Why:      "one departure throws a whole customer out",
		Mend:     "end the sessions of the one membership only",
		Standard: "CHECKLIST orgs/membership",
	}, func(c *check) {
		c.Cast(2)
		c.NeedEndOfAccess()
		user := c.NewUser()
		colleague := c.Access(c.NewColleague(user))
		c.removeMember(user.OrgID, user)
		c.outlast(colleague)
		c.accessAlive(colleague)
	})

	item.Case("who comes back has the role of now, not the one of before", advice{
		Why:      "a former administrator returns as a guest, and administers",
		Mend:     "delete roles with the membership",
		Standard: "OWASP ASVS 8.3.2; CWE-269",
	}, func(c *check) {
		c.Cast(2)
		user := c.NewUser()
		guest := c.NewColleague(user, "admin")
		c.removeMember(user.OrgID, guest)
		c.api("somebody who was removed is added again", func(ctx context.Context) error {
			// The removal may have taken the user along (spec/oauth.md 7).
			if known, err := suite.world.API.FindUser(ctx, guest.Email); err != nil {
				return err
			} else if known == nil {
				_, err = suite.world.API.CreateUser(ctx, user.OrgID, scalekit.NewUser{Email: guest.Email, Roles: []string{"member"}})
				return err
			}
			_, err := suite.world.API.AddMember(ctx, user.OrgID, guest.ID, "member")
			return err
		})
		_, now := c.membership(guest.Email, user.OrgID)
		assert.Equal(c, []string{"member"}, roleNames(now), "roles of the membership")
		agent := c.Quiet(guest)
		tokens := c.entered(agent, user.OrgID)
		require.NotNil(c, tokens, "tokens for the organization")
		assert.NotContains(c, words(agent.Claims(tokens.AccessToken)["roles"]), "admin", "roles in the access token")
	})
}
