package e2e

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
	"github.com/auth-preflight/auth-preflight/helpers/scim"
)

// Whom the customer's directory lets go is out, wherever they are signed in.
func TestSCIMDeprovision(t *testing.T) {
	item := begin(t, "scim/deprovision")
	out := advice{
		Why:      "people who were dismissed read and write the customer's data, tonight and next month",
		Mend:     "a person who is inactive in the directory, or gone, is no active member: end their sessions, refuse refresh tokens and sign-ins, and let the app act on organization.directory.user_updated and user_deleted or on back-channel logout",
		Standard: "RFC 7643 §4.1.1; OWASP ASVS 7.4.2; DEFECTS.md C-28",
	}

	for _, speak := range scim.Dialects() {
		item.Case("whom "+speak.Name()+" deactivates is out at once, and in again when activated", out, func(c *check) {
			c.NeedTime(suite.cfg.AppRevocationDelay)
			e := c.Employer(speak).hire()
			agent := e.signIn()
			tokens := e.tokens(agent)
			e.patch(speak.Switch(false))
			assert.False(c, e.read().Active(), "the directory shows a person as active who was deactivated as %s does it", speak.Name())
			e.verifyOut(agent, tokens, "having been deactivated by "+speak.Name())
			e.patch(speak.Switch(true))
			e.signIn()
		})
	}

	item.Case("whom a PUT writes as inactive is out at once", out, func(c *check) {
		c.NeedTime(suite.cfg.AppRevocationDelay)
		e := c.Employer(scim.Okta{}).hire()
		agent := e.signIn()
		tokens := e.tokens(agent)
		inactive := e.speak.Create(e.Person)
		inactive["active"] = false
		e.do(http.MethodPut, e.path(), inactive)
		e.verifyOut(agent, tokens, "having been written as inactive by a PUT")
	})

	item.Case("whom the directory deletes is out at once", out, func(c *check) {
		c.NeedTime(suite.cfg.AppRevocationDelay)
		e := c.Employer(scim.Entra{}).hire()
		agent := e.signIn()
		tokens := e.tokens(agent)
		e.do(http.MethodDelete, e.path(), nil)
		if answer := e.send(http.MethodGet, e.path(), nil); answer.Good() { // deleted softly
			assert.False(c, answer.Active(), "the directory still shows a person as active who was deleted")
		}
		e.verifyOut(agent, tokens, "having been deleted")
	})

	item.Case("a deactivation leaves alone what the person has in other organizations", advice{
		Why:      "one customer's administrator locks a contractor out of another customer's data",
		Mend:     "a directory changes memberships of its own organization only",
		Standard: "OWASP ASVS 8.4.1; CHECKLIST scim/deprovision",
	}, func(c *check) {
		e := c.Employer(scim.Okta{}).hire()
		user, elsewhere := e.user(), ""
		require.NotNil(c, user, "the person whom the directory has made, at the environment")
		err := c.newOrganization(func(ctx context.Context, organization *scalekit.Organization) error {
			elsewhere = organization.ID
			_, err := suite.world.API.AddMember(ctx, elsewhere, user.ID)
			return err
		})
		if err != nil {
			c.Trouble("the person cannot be made a member of another organization: %v", err)
		}
		e.patch(e.speak.Switch(false))
		user = e.user()
		require.NotNil(c, user, "the person after the deactivation: deactivating is not deleting")
		assert.NotEqual(c, "ACTIVE", membershipIn(user, e.orgID).Status, "membership of the organization whose directory has deactivated the person")
		assert.Equal(c, "ACTIVE", membershipIn(user, elsewhere).Status, "membership of another organization")
	})
}

// verifyOut fails the case unless somebody who was signed in is out: their
// refresh token at once, their session at the app as soon as it is declared,
// and no sign-in lets them in again.
func (e *employee) verifyOut(agent *flows.Agent, tokens *scalekit.TokenAnswer, why string) {
	e.c.Helper()
	refreshed := e.refresh(tokens.RefreshToken)
	assert.Empty(e.c, refreshed.AccessToken, "an access token for the refresh token of somebody who is out, %s (HTTP %d)", why, refreshed.Status)
	e.verifyNoEntry(why)
	e.awaitOut(agent, why)
	if user := e.user(); user != nil {
		sessions, err := suite.world.API.UserSessions(suite.ctx, user.ID)
		if err != nil {
			e.c.Trouble("the person's sessions cannot be listed: %v", err)
		}
		for _, s := range sessions {
			assert.False(e.c, strings.EqualFold(s.Status, "active") && s.OrganizationID == e.orgID, "the environment has a live session of %s, %s", e.Email, why)
		}
	}
}
