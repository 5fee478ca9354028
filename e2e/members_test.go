package e2e

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
	"github.com/auth-preflight/auth-preflight/helpers/screens"
)

// Quiet returns a browser without a window in which user is signed in. Where
// the hosted pages cannot be used without one, a window helps.
func (c *check) Quiet(user *flows.User) *flows.Agent {
	c.Helper()
	agent := flows.NewQuiet(c, suite.world)
	end := agent.Through(agent.Get(suite.cfg.App(suite.cfg.AppLoginPath)), user)
	if !agent.Landed(end) {
		// Whoever was refused is not tried again: the mails for it would only meet a limit.
		require.False(c, end.Status >= http.StatusBadRequest && end.Shows(screens.Alert),
			"expected %s to be signed in; the page at %s says: %s", user.Email, end.URL.Redacted(), screens.VisibleText(end.Body))
		v := c.Browser()
		v.SignIn(user)
		agent = v.Quiet()
	}
	agent.VerifySignedIn(user)
	return agent
}

// access is all that a person has in hand after signing in: the product's
// session, and tokens of its client.
type access struct {
	*flows.Agent
	user   *flows.User
	tokens *scalekit.TokenAnswer
}

// Access signs user in and returns what that gives.
func (c *check) Access(user *flows.User) *access {
	c.Helper()
	agent := c.Quiet(user)
	tokens, end := agent.Tokens(nil)
	require.NotNil(c, tokens, "tokens by the session of a fresh sign-in; the request ended at %s%s (HTTP %d)", end.URL.Host, end.URL.Path, end.Status)
	return &access{Agent: agent, user: user, tokens: tokens}
}

// refreshDead asserts that the refresh token gives nothing.
func (c *check) refreshDead(a *access) {
	c.Helper()
	c.refused(a.Refresh(a.tokens.RefreshToken))
}

// accessDead asserts that, one life of an access token later, neither the
// product's session nor the token opens anything.
func (c *check) accessDead(all ...*access) {
	c.Helper()
	c.outlast(all...)
	for _, a := range all {
		assert.Empty(c, a.WhoAmI(a.user.Email), "who is signed in at the product, in a browser of %s, one life of an access token later", a.user.Email)
		if suite.cfg.AppAPIPath != "" {
			answer := a.AskAs(a.tokens.AccessToken, http.MethodGet, suite.cfg.AppAPIPath)
			assert.NotEqual(c, http.StatusOK, answer.Status, "HTTP status of the product's API with the access token of before")
		}
	}
}

// outlast lets one life of an access token pass for each of these people.
func (c *check) outlast(all ...*access) {
	c.Helper()
	var aged []*flows.User
	for _, a := range all {
		if !slices.Contains(aged, a.user) && (len(aged) == 0 || suite.cfg.TimeURL != "") {
			aged = append(aged, a.user)
			c.Outlive(a.user, c.TokenLife())
		}
	}
}

// accessAlive asserts that somebody who should notice nothing is still in, also
// one life of an access token later.
func (c *check) accessAlive(a *access) {
	c.Helper()
	require.NotEmpty(c, a.Refresh(a.tokens.RefreshToken).AccessToken, "tokens for %s, who should have noticed nothing, by refresh", a.user.Email)
	a.VerifySignedIn(a.user)
}

// entries are the ways to ask for an organization.
var entries = []url.Values{
	{"prompt": {"select_account"}},
	{},
}

// entered asks for an organization by its id, in every way, and returns the
// tokens that name it; nil where none does.
func (c *check) entered(a *flows.Agent, organizationID string) *scalekit.TokenAnswer {
	c.Helper()
	for _, way := range entries {
		parameters := url.Values{"organization_id": {organizationID}}
		for name, values := range way {
			parameters[name] = values
		}
		if tokens, _ := a.Tokens(parameters); tokens != nil && a.Claims(tokens.AccessToken)["oid"] == organizationID {
			return tokens
		}
	}
	return nil
}

// NewColleague makes another person in user's organization.
func (c *check) NewColleague(user *flows.User, roles ...string) *flows.User {
	c.Helper()
	return c.NewMember(user.OrgID, roles...)
}

// Join makes user a member of one more organization, which is made for it, and
// returns its id.
func (c *check) Join(user *flows.User, roles ...string) (organizationID string) {
	c.Helper()
	err := c.newOrganization(func(ctx context.Context, organization *scalekit.Organization) error {
		organizationID = organization.ID
		_, err := suite.world.API.AddMember(ctx, organization.ID, user.ID, roles...)
		return err
	})
	if err != nil {
		c.Trouble("a user of two organizations cannot be made: %v", err)
	}
	return organizationID
}

// deleteUser deletes a person, as an administrator does. The organization that
// their sign-up made is known by them alone, and has to be remembered before.
func (c *check) deleteUser(user *flows.User) {
	c.Helper()
	if user.OrgID == "" {
		known, _ := c.membership(user.Email, "")
		for _, m := range known.Memberships {
			c.removeLater("organization", m.OrganizationID, func(ctx context.Context) error {
				return suite.world.API.DeleteOrganizationIfEmpty(ctx, m.OrganizationID)
			})
		}
	}
	if err := suite.world.API.DeleteUser(suite.ctx, user.ID); err != nil {
		c.Trouble("the user cannot be deleted: %v", err)
	}
}

// removeMember takes a person out of an organization.
func (c *check) removeMember(organizationID string, user *flows.User) {
	c.Helper()
	if err := suite.world.API.RemoveMember(suite.ctx, organizationID, user.ID); err != nil {
		c.Trouble("the member cannot be removed: %v", err)
	}
}

// membershipOff is the status of a membership that was switched off (spec/api.md 5.2).
const membershipOff = "INACTIVE"

// NeedDeactivation makes a case not verified where nobody has declared that the
// management API switches memberships off.
func (c *check) NeedDeactivation() {
	c.Helper()
	if !suite.cfg.APIDoes("deactivation") {
		c.NotVerified("set PREFLIGHT_API_CAN=deactivation where the management API switches a membership off (see .env.example)")
	}
}

// deactivate switches off the membership of somebody's organization, as
// PREFLIGHT_API_CAN=deactivation says it can be.
func (c *check) deactivate(user *flows.User) {
	c.Helper()
	status, err := suite.world.API.SetMembershipStatus(suite.ctx, user.OrgID, user.ID, membershipOff)
	if err != nil || status != membershipOff {
		c.Trouble("the membership cannot be switched off, although PREFLIGHT_API_CAN says so (status %q, error %v)", status, err)
	}
}

// membership is a person's place in an organization as the management API has
// it; the zero value where there is none.
func (c *check) membership(email, organizationID string) (user scalekit.User, m scalekit.Membership) {
	c.Helper()
	found, err := suite.world.API.FindUser(suite.ctx, email)
	if err != nil {
		c.Trouble("the management API does not answer: %v", err)
	}
	if found == nil {
		return user, m
	}
	for _, one := range found.Memberships {
		if one.OrganizationID == organizationID {
			m = one
		}
	}
	return *found, m
}

func roleNames(m scalekit.Membership) (names []string) {
	for _, role := range m.Roles {
		names = append(names, role.Name)
	}
	return names
}

// words reads a claim that is a list of words.
func words(claim any) (list []string) {
	all, _ := claim.([]any)
	for _, one := range all {
		if word, ok := one.(string); ok {
			list = append(list, word)
		}
	}
	return list
}
