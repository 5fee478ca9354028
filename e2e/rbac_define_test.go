package e2e

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
)

// What the application's code asks for by name, the environment has.
func TestRolesAreDefined(t *testing.T) {
	item := begin(t, "rbac/define")

	item.Case("every role and permission that the application relies on exists, with what belongs to it", advice{
		Why:      "a role that was made in the development environment only lets nobody in after the release, or falls back to another one",
		Mend:     "make it under Authorization > Roles in this environment, or correct APP_ACCESS; the names are compared letter by letter",
		Standard: "CHECKLIST rbac/define; spec/api.md 5.3",
	}, func(c *check) {
		m := c.AccessMatrix()
		roles, err := suite.world.API.Roles(suite.ctx, "")
		if err != nil {
			c.Trouble("the environment's roles cannot be read: %v", err)
		}
		permissions, err := suite.world.API.Permissions(suite.ctx)
		if err != nil {
			c.Trouble("the environment's permissions cannot be read: %v", err)
		}
		var known, defined []string
		for _, role := range roles {
			known = append(known, role.Name)
		}
		for _, permission := range permissions {
			defined = append(defined, permission.Name)
		}
		for _, role := range m.Roles {
			assert.Contains(c, known, role, "roles of the environment")
		}
		for _, permission := range m.PermissionNames() {
			assert.Contains(c, defined, permission, "permissions of the environment")
		}
		for _, role := range m.Roles {
			want, declared := m.Permissions[role]
			if !declared || !slices.Contains(known, role) {
				continue
			}
			has, err := suite.world.API.RolePermissions(suite.ctx, role)
			if err != nil {
				c.Trouble("what a role permits cannot be read: %v", err)
			}
			has = slices.DeleteFunc(has, func(name string) bool { return strings.HasPrefix(name, "sk_") }) // Scalekit's own
			assert.ElementsMatch(c, want, has, "what the role %s permits, with what it inherits", role)
		}
	})

	item.Case("a role that an organization makes permits what it was given, and exists nowhere else", advice{
		Why:      "customers who make roles of their own see each other's, or find that theirs permit nothing",
		Mend:     "make such roles under the organization; look at what they extend",
		Standard: "spec/api.md 5.3; OWASP ASVS 8.4.1",
	}, func(c *check) {
		c.Cast(1)
		_, base := c.levels()
		user := c.NewUser()
		elsewhere := c.NewBystander()
		permissions, err := suite.world.API.Permissions(suite.ctx)
		if err != nil {
			c.Trouble("the environment's permissions cannot be read: %v", err)
		}
		inherited, err := suite.world.API.RolePermissions(suite.ctx, base)
		if err != nil {
			c.Trouble("what a role permits cannot be read: %v", err)
		}
		own := ""
		for _, permission := range permissions {
			if !slices.Contains(inherited, permission.Name) && !strings.HasPrefix(permission.Name, ownPermissions) {
				own = permission.Name
			}
		}
		if own == "" {
			c.NotVerified("the environment has no permission beside those of the role " + base + ": define one")
		}
		name := "preflight_" + strings.ReplaceAll(c.unique(), "-", "_")
		c.removeLater("role", name, func(ctx context.Context) error { return suite.world.API.DeleteRole(ctx, user.OrgID, name, base) })
		if _, err := suite.world.API.CreateRole(suite.ctx, user.OrgID, scalekit.NewRole{Name: name, DisplayName: "Preflight", Extends: base, Permissions: []string{own}}); err != nil {
			c.Trouble("a role of an organization's own cannot be made: %v", err)
		}
		c.setRoles(user, name)
		a := c.Access(user)
		assert.Equal(c, []string{name}, c.rolesIn(a, a.tokens), "roles of the access token")
		has := permissionsIn(a, a.tokens)
		assert.Contains(c, has, own, "permissions of the access token: what the role was given")
		for _, permission := range inherited {
			assert.Contains(c, has, permission, "permissions of the access token: what the role inherits from %s", base)
		}

		others, err := suite.world.API.Roles(suite.ctx, elsewhere.OrgID)
		if err != nil {
			c.Trouble("an organization's roles cannot be read: %v", err)
		}
		for _, role := range others {
			assert.NotEqual(c, name, role.Name, "a role of another organization, whose own it is")
		}
		refusal := suite.world.API.SetRoles(suite.ctx, elsewhere.OrgID, elsewhere.ID, name)
		theirs, err := suite.world.API.MemberRoles(suite.ctx, elsewhere.OrgID, elsewhere.ID)
		if err != nil {
			c.Trouble("the roles of a member cannot be read: %v", err)
		}
		assert.NotContains(c, theirs, name, "roles of a member of another organization, to whom it was given (answer: %v)", refusal)

		require.NoError(c, suite.world.API.DeleteRole(suite.ctx, user.OrgID, name, base), "deleting the role, with another one for its members")
		left, err := suite.world.API.MemberRoles(suite.ctx, user.OrgID, user.ID)
		if err != nil {
			c.Trouble("the roles of a member cannot be read: %v", err)
		}
		assert.Equal(c, []string{base}, left, "roles of a member whose role was deleted, and who was to get %s", base)
	})
}

// Whoever comes in new has the role that new people are to have.
func TestDefaultRoles(t *testing.T) {
	item := begin(t, "rbac/default-roles")

	item.Case("who joins an organization and is given no role has the default one, and no more", advice{
		Why:      "new people are shut out, or are administrators",
		Mend:     "set the default member role under Authorization > Roles",
		Standard: "CHECKLIST rbac/default-roles; CWE-266; spec/api.md 5.2",
	}, func(c *check) {
		c.Cast(1)
		want := c.newcomer()
		founder := c.NewBystander()
		user := c.NewMember(founder.OrgID)
		theirs, err := suite.world.API.MemberRoles(suite.ctx, user.OrgID, user.ID)
		if err != nil {
			c.Trouble("the roles of a member cannot be read: %v", err)
		}
		assert.Equal(c, []string{want}, theirs, "roles of somebody who was added without one")
		a := c.Access(user)
		assert.Equal(c, []string{want}, c.rolesIn(a, a.tokens), "roles of the access token of somebody who was added without one")
	})

	item.Case("who signs up, and so makes an organization, has the creator's role", advice{
		Why:      "a customer signs up and cannot invite anybody",
		Mend:     "set the default creator role under Authorization > Roles",
		Standard: "CHECKLIST rbac/default-roles; spec/oauth.md 4.2",
	}, func(c *check) {
		want, _ := c.defaults()
		if suite.cfg.AppAccess != "" {
			if declared := c.AccessMatrix().Creator; declared != "" {
				want = declared
			}
		}
		if want == "" {
			c.NotVerified("set creator in APP_ACCESS: the environment names no default role for creators")
		}
		a := c.Access(c.NewPasswordUser())
		assert.Equal(c, []string{want}, c.rolesIn(a, a.tokens), "roles of the access token of somebody who signed up")
	})
}

// newcomer is the role that APP_ACCESS declares for new people, else the
// environment's default one.
func (c *check) newcomer() string {
	c.Helper()
	_, want := c.defaults()
	if suite.cfg.AppAccess != "" {
		if declared := c.AccessMatrix().Newcomer; declared != "" {
			want = declared
		}
	}
	if want == "" {
		c.NotVerified("set newcomer in APP_ACCESS: the environment names no default role for members")
	}
	return want
}
