package e2e

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/scim"
)

// A group in the customer's directory decides what its members may do.
func TestSCIMGroups(t *testing.T) {
	item := begin(t, "scim/groups")

	for _, speak := range scim.Dialects() {
		item.Case("joining a group as "+speak.Name()+" says it gives the group's role, and leaving takes it back", advice{
			Why:      "who is made an administrator cannot work; who is one no longer goes on being one, or everybody loses it with them",
			Mend:     "recompute a person's roles at every change of a group, in each provider's way of writing it; the app takes roles from fresh tokens",
			Standard: "RFC 7644 §3.5.2; spec/webhooks-scim.md 7.5; OWASP ASVS 8.3.2",
		}, func(c *check) {
			c.Need("PREFLIGHT_SCIM_GROUP", "PREFLIGHT_SCIM_ROLE")
			o := c.Employer(speak)
			group := o.group(suite.cfg.SCIMGroup)
			e, stays := o.hire(), o.hire()
			token := e.tokens(e.signIn()).RefreshToken
			before, token := e.roles(token)
			assert.NotContains(c, before, suite.cfg.SCIMRole, "roles in the token of somebody who is in no group")
			o.do(http.MethodPatch, group, speak.Join(e.id, stays.id))
			inside, token := e.roles(token)
			assert.Contains(c, inside, suite.cfg.SCIMRole, "roles in the next token after joining %s", suite.cfg.SCIMGroup)
			o.do(http.MethodPatch, group, speak.Leave(e.id))
			outside, _ := e.roles(token)
			assert.NotContains(c, outside, suite.cfg.SCIMRole, "roles in the next token after leaving %s", suite.cfg.SCIMGroup)
			members := o.do(http.MethodGet, group, nil).Members()
			assert.NotContains(c, members, e.id, "members of the group, of which one has left")
			assert.Contains(c, members, stays.id, "members of the group, of which another has stayed")
			assert.True(c, has(stays.membership(), suite.cfg.SCIMRole), "the one who has stayed has the role %s still, by API", suite.cfg.SCIMRole)
		})
	}

	item.Case("a group that is deleted takes its role along, but not one that another group gives", advice{
		Why:      "a department is dissolved, and its people keep its rights; or they lose those that they have for another reason",
		Mend:     "when a group goes, recompute the roles of everybody who was in it",
		Standard: "spec/webhooks-scim.md 7.5",
	}, func(c *check) {
		o := c.NewEmployer(scim.Okta{})
		one, both := o.hire(), o.hire()
		first, second := o.newGroup(one.id, both.id), o.newGroup(both.id)
		role := o.mapped(first)
		o.mapped(second)
		assert.True(c, has(one.membership(), role) && has(both.membership(), role), "both members of a group that is mapped to %s have that role", role)
		o.do(http.MethodDelete, "/Groups/"+url.PathEscape(first), nil)
		assert.False(c, has(one.membership(), role), "the role %s of somebody whose only group was deleted", role)
		assert.True(c, has(both.membership(), role), "the role %s of somebody who is in another group of that role", role)
		o.do(http.MethodDelete, "/Groups/"+url.PathEscape(second), nil)
		assert.False(c, has(both.membership(), role), "the role %s after the last of its groups was deleted", role)
		assert.Equal(c, "ACTIVE", both.membership().Status, "membership after the groups were deleted: leaving a group is not leaving the company")
	})

	item.Case("who is deactivated and activated again has the roles of their groups", advice{
		Why:      "who comes back from leave can sign in and not work, until somebody takes them out of the group and puts them in again",
		Mend:     "recompute a person's roles when they are activated, too: no provider sends groups again that have not changed",
		Standard: "spec/webhooks-scim.md 7.5; RFC 7644 §3.5.2",
	}, func(c *check) {
		o := c.NewEmployer(scim.Okta{})
		e := o.hire()
		group := o.newGroup(e.id)
		role := o.mapped(group)
		require.True(c, has(e.membership(), role), "a member of a group that is mapped to %s has that role", role)
		e.patch(o.speak.Switch(false))
		e.patch(o.speak.Switch(true))
		member := e.membership()
		assert.Equal(c, "ACTIVE", member.Status, "membership after an activation")
		assert.True(c, has(member, role), "the role %s of somebody who was away, and whose group nobody has changed", role)
	})

	item.Case("who is deactivated stays out, whatever becomes of their groups", advice{
		Why:      "who was let go is in again when the customer tidies its groups up, and nobody has asked for it",
		Mend:     "let a group change roles only; whether somebody is active is said by active, and by nothing else",
		Standard: "RFC 7643 §4.1.1; spec/webhooks-scim.md 7.4, 7.5; OWASP ASVS 7.4.2",
	}, func(c *check) {
		o := c.Employer(scim.Okta{})
		e, stays := o.hire(), o.hire()
		group := o.newGroup()
		path, name := "/Groups/"+url.PathEscape(group), "Preflight renamed "+c.unique()
		e.patch(o.speak.Switch(false))
		if status := e.membership().Status; status != "INACTIVE" {
			c.NotVerified("the membership of somebody whom the directory has deactivated is " + strconv.Quote(status) + ", and not INACTIVE: scim/deprovision looks at that")
		}
		for _, change := range []struct {
			after string
			body  map[string]any
		}{
			{"joining a group", o.speak.Join(e.id, stays.id)},
			{"that group's getting another name", scim.Patch(scim.Operation{"op": "replace", "path": "displayName", "value": name})},
			{"leaving it", o.speak.Leave(e.id)},
		} {
			o.do(http.MethodPatch, path, change.body)
			require.Contains(c, o.do(http.MethodGet, path, nil).Members(), stays.id, "members of the group, of which one has stayed, after %s", change.after)
			assert.NotEqual(c, "ACTIVE", e.membership().Status, "membership of somebody whom the directory has deactivated, after %s", change.after)
		}
		e.verifyNoEntry("having been deactivated, and put into a group since")
	})

	item.Case("a group that is renamed goes on giving its role, and a group that is written anew gives it to whom it names", advice{
		Why:      "the customer tidies up the names of its groups, and nobody gets the role any more; or its provider writes whole groups, and nobody ever loses it",
		Mend:     "tie the mapping to the id of a group, not to its name, and take the members of a PUT in place of those of before",
		Standard: "RFC 7643 §3.1; RFC 7644 §3.5.1; spec/webhooks-scim.md 7.5",
	}, func(c *check) {
		o := c.NewEmployer(scim.Okta{})
		stays, leaves, joins := o.hire(), o.hire(), o.hire()
		group := o.newGroup(stays.id, leaves.id)
		role := o.mapped(group)
		path, name := "/Groups/"+url.PathEscape(group), "Preflight renamed "+c.unique()
		o.do(http.MethodPatch, path, scim.Patch(scim.Operation{"op": "replace", "path": "displayName", "value": name}))
		o.do(http.MethodPatch, path, o.speak.Join(joins.id))
		assert.True(c, has(joins.membership(), role), "the role %s of somebody who has joined the group after it was renamed", role)
		assert.True(c, has(stays.membership(), role), "the role %s of somebody who was in the group before it was renamed", role)
		o.do(http.MethodPut, path, o.speak.Group(name, name, stays.id, joins.id))
		assert.False(c, has(leaves.membership(), role), "the role %s of somebody whom the group names no more since it was written anew", role)
		assert.True(c, has(stays.membership(), role), "the role %s of somebody whom the group still names", role)
	})
}

// mapped ties a group of a directory that a case has made to a role, and
// returns the role.
func (o *employer) mapped(group string) (role string) {
	o.c.Helper()
	if role = suite.cfg.SCIMRole; role == "" {
		role = "admin"
	}
	o.c.mayBeAbsent("map a directory's group to a role", suite.world.API.MapGroup(suite.ctx, o.orgID, o.id, group, role))
	return role
}

// group is the path of a group that is there already.
func (o *employer) group(name string) string {
	o.c.Helper()
	found := o.find("/Groups", "displayName", name)
	at := slices.IndexFunc(found.Resources, func(r map[string]any) bool { return r["displayName"] == name })
	if at < 0 {
		o.c.NotVerified("PREFLIGHT_SCIM_GROUP (" + name + ") is no group of the directory at PREFLIGHT_SCIM_URL: push it once, and map it to PREFLIGHT_SCIM_ROLE")
	}
	return "/Groups/" + url.PathEscape(found.IDs()[at])
}

// newGroup makes a group with members and returns its id.
func (o *employer) newGroup(members ...string) string {
	o.c.Helper()
	name := "Preflight " + o.c.unique()
	o.forgetLater("directory group", "/Groups", "displayName", name)
	id := o.do(http.MethodPost, "/Groups", o.speak.Group(name, name, members...)).ID()
	if id == "" {
		o.c.Fatalf("expected the answer to the creation of a group to name its id")
	}
	return id
}

// roles are those in the token that a refresh brings, and the next refresh token.
func (e *employee) roles(refreshToken string) (roles []any, next string) {
	e.c.Helper()
	answer := e.refresh(refreshToken)
	if answer.AccessToken == "" {
		e.c.Fatalf("expected a refresh to bring a token for somebody whose groups have changed; saw HTTP %d %s", answer.Status, answer.Error)
	}
	claims, err := suite.world.API.VerifyJWT(suite.ctx, answer.AccessToken)
	if err != nil {
		e.c.Fatalf("expected an access token that the environment's keys verify: %v", err)
	}
	roles, _ = claims["roles"].([]any)
	if next = answer.RefreshToken; next == "" {
		next = refreshToken
	}
	return roles, next
}
