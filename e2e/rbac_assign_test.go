package e2e

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/rbac"
	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
)

// A role that is given or taken counts from the next refresh on, in its
// organization and in no other.
func TestRoleAssignment(t *testing.T) {
	item := begin(t, "rbac/assign")

	item.Case("a refresh brings the roles and permissions of now", advice{
		Why:      "who was promoted cannot work; who was demoted goes on as before, for as long as they stay signed in",
		Mend:     "the environment looks roles up anew at each refresh: see that nothing between caches them, and that the role was given in the organization of the session",
		Standard: "OWASP ASVS 8.3.2; spec/oauth.md 3.3",
	}, func(c *check) {
		c.Cast(1)
		high, low := c.levels()
		user := c.NewUser()
		c.setRoles(user, low)
		a := c.Access(user)
		assert.Equal(c, []string{low}, c.rolesIn(a, a.tokens), "roles of the access token at the sign-in")
		c.setRoles(user, high)
		promoted := a.Refresh(a.tokens.RefreshToken)
		assert.Equal(c, []string{high}, c.rolesIn(a, promoted), "roles of the access token after a refresh, when the role %s was given and %s taken", high, low)
		c.setRoles(user, low)
		demoted := a.Refresh(promoted.RefreshToken)
		assert.Equal(c, []string{low}, c.rolesIn(a, demoted), "roles of the access token after a refresh, when the role %s was taken again", high)
		before, after := permissionsIn(a, promoted), permissionsIn(a, demoted)
		if len(before) > 0 {
			assert.NotEqual(c, before, after, "permissions of the access token after a refresh, when the role %s was taken", high)
		}
	})

	item.Case("the application follows within one refresh: who was demoted is refused, who was promoted is not", advice{
		Why:      "somebody who left the team keeps its rights until they sign out, which they will not do",
		Mend:     "take roles and permissions from each fresh access token, in place of those in the session",
		Standard: "OWASP ASVS 8.3.2; spec/app-contract.md A8",
	}, func(c *check) {
		c.Cast(2)
		c.AccessMatrix()
		c.NeedEndOfAccess()
		s := c.Stage()
		high, low := s.matrix.Roles[0], s.matrix.Lowest()
		who := s.enter(low)
		actions := s.deniedBySession(low)
		c.setRoles(who.user, high)
		c.Outlive(who.user, c.TokenLife())
		who.who, who.role = "somebody who was promoted to "+high+" one access token's life ago", high
		c.report(together(actions, func(a *rbac.Action) []string {
			got, err := s.try(who, a)
			if err != nil {
				return []string{err.Error()}
			}
			return s.judge(who, a, got)
		}))
		c.setRoles(who.user, low)
		c.Outlive(who.user, c.TokenLife())
		who.who = "somebody who was demoted from " + high + " to " + low + " one access token's life ago"
		c.report(s.refusedAll(who, actions))
	})

	item.Case("a permission that was taken from a role is over at the next refresh", advice{
		Why:      "a team narrows a role after an incident, and everybody who is signed in keeps what it had",
		Mend:     "replace the permissions in the session by those of the fresh token, never add to them",
		Standard: "OWASP ASVS 8.3.2",
	}, func(c *check) {
		c.Cast(2)
		m := c.AccessMatrix()
		c.NeedEndOfAccess()
		s := c.Stage()
		var actions []*rbac.Action
		for _, a := range m.Actions {
			if a.Permission != "" {
				byCookie := *a
				byCookie.With = rbac.WithSession
				actions = append(actions, &byCookie)
			}
		}
		if actions = s.taken(actions, s.first); len(actions) == 0 {
			c.NotVerified("declare in APP_ACCESS which permission an action needs (permission), for one that the application takes with its session")
		}
		a := actions[0]
		role := c.ownRole(s.orgID, a.Permission)
		who := s.enter(role)
		got, err := s.try(who, a)
		require.NoError(c, err)
		require.True(c, got.happened, "somebody whose role permits %s can %s (%s); seen: %s", a.Permission, a.Name, a.Do, got.seen())
		if err := suite.world.API.RevokePermission(suite.ctx, s.orgID, role, a.Permission); err != nil {
			c.Trouble("the permission cannot be taken from the role: %v", err)
		}
		c.Outlive(who.user, c.TokenLife())
		who.who = "somebody whose role no longer permits " + a.Permission
		c.report(s.refusedAll(who, []*rbac.Action{a}))
	})

	item.Case("a permission that was deleted is in no fresh token", advice{
		Why:      "what was withdrawn from everybody stays with those who had it, and no screen shows it any more",
		Mend:     "take a permission that is deleted out of every role, of the organizations' own ones too, before the next token is made",
		Standard: "OWASP ASVS 8.3.2; spec/api.md 5.3; spec/oauth.md 3.3",
	}, func(c *check) {
		c.Cast(1)
		name := c.ownPermission() // before the organization, which is so removed before it, with the role
		user := c.NewUser()
		c.setRoles(user, c.ownRole(user.OrgID, name))
		a := c.Access(user)
		if !slices.Contains(permissionsIn(a, a.tokens), name) {
			c.NotVerified("the access token does not carry what a role of the organization's own permits: rbac/define may say why")
		}
		err := suite.world.API.DeletePermission(suite.ctx, name)
		if scalekit.IsRefusal(err) {
			c.NotApplicable("the environment deletes no permission that a role has")
		}
		c.mayBeAbsent("delete a permission", err)
		fresh := a.Refresh(a.tokens.RefreshToken)
		c.rolesIn(a, fresh)
		assert.NotContains(c, permissionsIn(a, fresh), name, "permissions of the access token after a refresh, when one was deleted")
	})

	item.Case("a role in one organization is none in another", advice{
		Why:      "an administrator of a one-person organization, which anybody can make, is one everywhere",
		Mend:     "take the roles from a token of this organization (oid); look a person's roles up by person and organization",
		Standard: "OWASP ASVS 8.4.1; spec/oauth.md 4.2",
	}, func(c *check) {
		c.Cast(1)
		high, low := c.levels()
		user := c.NewUser()
		c.setRoles(user, high)
		elsewhere := c.Join(user, low)
		a := c.Access(user)
		for _, at := range []struct{ org, role string }{{elsewhere, low}, {user.OrgID, high}} {
			tokens := c.entered(a.Agent, at.org)
			require.NotNil(c, tokens, "tokens for the organization %s, of which they are a member", at.org)
			assert.Equal(c, []string{at.role}, c.rolesIn(a, tokens), "roles of the access token for an organization in which they are %s", at.role)
		}
	})

	item.Case("an administrator of one organization is none in another that is open in a second browser", advice{
		Why:      "whoever makes an organization of their own, which anybody can, administers the customer that they are a guest of: it takes a second window",
		Mend:     "keep roles and permissions in the session, beside the organization that they are for, not with the person",
		Standard: "OWASP ASVS 8.2.1, 8.4.1",
	}, func(c *check) {
		c.Cast(2)
		c.AccessMatrix()
		s := c.Stage()
		high, low := s.matrix.Roles[0], s.matrix.Lowest()
		actions := s.deniedBySession(low)
		guest := s.enter(low)
		there := *guest.user
		there.OrgID = c.Join(guest.user, high)
		second := c.Access(&there)
		if second.Claims(second.tokens.AccessToken)["oid"] != there.OrgID {
			c.NotVerified("the second browser did not come into the other organization: orgs/switch may say why")
		}
		guest.who = "somebody with the role " + low + ", who is " + high + " of another organization in a second browser,"
		c.report(s.refusedAll(guest, actions))
	})

	item.Case("the environment knows which roles a member has, and gives none that do not exist", advice{
		Why:      "a screen says that somebody was demoted, and they were not; a misspelt role is given and permits what nobody meant",
		Mend:     "read a member's roles back after changing them, and show what the API answered",
		Standard: "spec/api.md 5.2",
	}, func(c *check) {
		c.Cast(1)
		high, low := c.levels()
		user := c.NewUser()
		for _, roles := range [][]string{{high}, {low, high}, {low}} {
			c.setRoles(user, roles...)
			had, err := suite.world.API.MemberRoles(suite.ctx, user.OrgID, user.ID)
			if err != nil {
				c.Trouble("the roles of a member cannot be read: %v", err)
			}
			assert.ElementsMatch(c, roles, had, "roles of a member, read back after they were set")
		}
		err := suite.world.API.SetRoles(suite.ctx, user.OrgID, user.ID, "preflight_nobody_has_made_this")
		had, _ := suite.world.API.MemberRoles(suite.ctx, user.OrgID, user.ID)
		assert.NotContains(c, had, "preflight_nobody_has_made_this", "roles of a member after one that does not exist was asked for (answer: %v)", err)
	})
}

// levels are two roles of the environment: the highest and the lowest that
// APP_ACCESS declares, else the defaults of creators and members.
func (c *check) levels() (high, low string) {
	c.Helper()
	if suite.cfg.AppAccess != "" && suite.cfg.Declined("APP_ACCESS") == "" {
		m := c.AccessMatrix()
		return m.Roles[0], m.Lowest()
	}
	high, low = c.defaults()
	if high == "" || low == "" || high == low {
		c.NotVerified("set APP_ACCESS: the environment's default roles are not two")
	}
	return high, low
}

// defaults are the environment's default roles of creators and of members.
func (c *check) defaults() (creator, member string) {
	c.Helper()
	roles, err := suite.world.API.Roles(suite.ctx, "")
	if err != nil {
		c.Trouble("the environment's roles cannot be read: %v", err)
	}
	for _, role := range roles {
		if role.DefaultCreator {
			creator = role.Name
		}
		if role.DefaultMember {
			member = role.Name
		}
	}
	return creator, member
}

// setRoles gives somebody these roles in their organization, and no others.
func (c *check) setRoles(user *flows.User, names ...string) {
	c.Helper()
	err := suite.world.API.SetRoles(suite.ctx, user.OrgID, user.ID, names...)
	if scalekit.IsNotFound(err) {
		c.Fatalf("expected the environment to know the roles %s: %v (see rbac/define)", strings.Join(names, " and "), err)
	}
	if err != nil {
		c.Trouble("the roles of a member cannot be set: %v", err)
	}
}

// ownRole makes a role of an organization's own with these permissions. It goes
// with the organization.
func (c *check) ownRole(orgID string, permissions ...string) (name string) {
	c.Helper()
	name = "preflight_" + strings.ReplaceAll(c.unique(), "-", "_")
	var err error
	c.api("a role of an organization's own is made", func(ctx context.Context) error {
		_, err = suite.world.API.CreateRole(ctx, orgID, scalekit.NewRole{Name: name, DisplayName: "Preflight", Permissions: permissions})
		if scalekit.IsNotFound(err) {
			return nil
		}
		return err
	})
	if err != nil {
		c.Fatalf("expected the environment to know the permissions %s: %v (see rbac/define)", strings.Join(permissions, ", "), err)
	}
	return name
}

// ownPermissions is how the names of those begin that a case makes for itself.
// Other cases see them as well, and must leave them alone.
const ownPermissions = "preflight_"

// ownPermission makes a permission of the environment, which no role has yet.
func (c *check) ownPermission() string {
	c.Helper()
	name, refused := ownPermissions+strings.ReplaceAll(c.unique(), "-", "_"), false
	c.removeLater("permission", name, func(ctx context.Context) error {
		if refused {
			return nil
		}
		return suite.world.API.DeletePermission(ctx, name)
	})
	err := suite.create(func(ctx context.Context) error {
		return suite.world.API.CreatePermission(ctx, name, "made by Auth Preflight, for one case")
	})
	refused = scalekit.IsAbsent(err)
	c.mayBeAbsent("make a permission", err)
	return name
}

// deniedBySession are the actions that a role may not do, as what the application
// remembers decides them, and not what a token says.
func (s *stage) deniedBySession(role string) (actions []*rbac.Action) {
	s.c.Helper()
	for _, a := range s.matrix.Denied(role) {
		byCookie := *a
		byCookie.With = rbac.WithSession
		actions = append(actions, &byCookie)
	}
	if actions = s.taken(actions, s.first); len(actions) == 0 {
		s.c.NotVerified("declare in APP_ACCESS an action that the lowest role may not do, and that the application takes with its session")
	}
	return actions
}

// taken are the actions that somebody who may do them can do.
func (s *stage) taken(actions []*rbac.Action, who *caller) (works []*rbac.Action) {
	for _, a := range actions {
		if got, err := s.try(who, a); err == nil && got.happened {
			works = append(works, a)
		}
	}
	return works
}

// rolesIn are the roles in an access token, sorted.
func (c *check) rolesIn(a *access, tokens *scalekit.TokenAnswer) []string {
	c.Helper()
	require.NotEmpty(c, tokens.AccessToken, "an access token (HTTP %d %s)", tokens.Status, tokens.Error)
	list := words(a.Claims(tokens.AccessToken)["roles"])
	slices.Sort(list)
	return list
}

func permissionsIn(a *access, tokens *scalekit.TokenAnswer) []string {
	list := words(a.Claims(tokens.AccessToken)["permissions"])
	slices.Sort(list)
	return list
}
