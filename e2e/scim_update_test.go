package e2e

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/rbac"
	"github.com/auth-preflight/auth-preflight/helpers/scim"
)

// What a customer writes about a person is what the product shows.
func TestSCIMUpdate(t *testing.T) {
	item := begin(t, "scim/update")

	for _, speak := range scim.Dialects() {
		item.Case("what "+speak.Name()+" changes of a person is in their tokens and in the app", advice{
			Why:      "people who married, or whose name was misspelt, are called by the old one everywhere",
			Mend:     "take names from every update, whichever way the provider writes it, and let the app take them from organization.directory.user_updated or from fresh tokens",
			Standard: "RFC 7644 §3.5.1, §3.5.2; CHECKLIST scim/update",
		}, func(c *check) {
			e := c.Employer(speak).hire()
			agent := e.signIn()
			tokens := e.tokens(agent)
			shown := e.shownAt(agent, e.GivenName)
			e.GivenName = "Augusta" + strings.TrimPrefix(e.GivenName, "Ada")
			e.patch(speak.Rename(e.GivenName, "Lovelace"))
			e.patch(speak.Tag("Engines " + e.GivenName))
			read := e.read()
			assert.Equal(c, e.GivenName, read.Text("name.givenName"), "name.givenName in the directory after an update as %s sends it", speak.Name())
			assert.Equal(c, "Engines "+e.GivenName, read.Text(scim.EnterpriseSchema+":department"), "department in the directory after an update as %s sends it", speak.Name())
			e.verifyKnownAs(tokens.AccessToken, e.GivenName, "Lovelace")
			if len(shown) == 0 {
				return // the app shows no names
			}
			e.awaitShown(agent, shown)
		})
	}

	item.Case("a person who is written anew, as PUT does it, is the new one", advice{
		Why:      "providers that replace instead of changing (Okta among them) change nothing",
		Mend:     "replace the whole resource, and take the profile from it",
		Standard: "RFC 7644 §3.5.1",
	}, func(c *check) {
		e := c.Employer(scim.Okta{}).hire()
		tokens := e.tokens(e.signIn())
		e.FamilyName = "Byron" + c.unique()
		e.do(http.MethodPut, e.path(), e.speak.Create(e.Person))
		assert.Equal(c, e.FamilyName, e.read().Text("name.familyName"), "name.familyName in the directory after a PUT")
		e.verifyKnownAs(tokens.AccessToken, e.GivenName, e.FamilyName)
	})

	item.Case("what a PUT empties is empty", advice{
		Why:      "who has changed posts keeps the old title and number for ever: the provider sends them empty, and believes that they are gone",
		Mend:     "take null for one value, and an empty list for several, as the end of what was there",
		Standard: "RFC 7644 §3.5.1",
	}, func(c *check) {
		e := c.NewEmployer(scim.Okta{}).someone()
		body, title, number := e.speak.Create(e.Person), "Engineer "+c.unique(), "+1 202 555 0123"
		body["title"], body["phoneNumbers"] = title, []any{map[string]any{"type": "work", "value": number}}
		if e.id = e.do(http.MethodPost, "/Users", body).ID(); e.id == "" {
			c.Fatalf("expected the answer to a creation to name the id")
		}
		kept := e.read()
		if kept.Text("title") != title && len(scim.Values(kept.Doc["phoneNumbers"])) == 0 {
			c.NotApplicable("the directory keeps neither the title nor the number of a person")
		}
		// What a PUT leaves out may stay: RFC 7644 §3.5.1 has that as a MAY. What
		// it says is empty may not.
		body["title"], body["phoneNumbers"] = nil, []any{}
		e.do(http.MethodPut, e.path(), body)
		after := e.read()
		assert.Empty(c, after.Text("title"), "title after a PUT with null as the title")
		assert.Empty(c, scim.Values(after.Doc["phoneNumbers"]), "phoneNumbers after a PUT with an empty list of them")
		assert.Equal(c, e.GivenName, after.Text("name.givenName"), "name.givenName, which the PUT has said again")
	})

	item.Case("a role that the directory gives works in the app, and no more when it is taken back", advice{
		Why:      "who is made an administrator by the company cannot work as one, or goes on being one",
		Mend:     "decide by roles and permissions of the token at hand, or of organization.directory.user_updated, and never by those of the first sign-in",
		Standard: "OWASP ASVS 8.3.2; CHECKLIST scim/update",
	}, func(c *check) {
		c.Need("PREFLIGHT_SCIM_GROUP", "PREFLIGHT_SCIM_ROLE")
		s := &stage{c: c, matrix: c.AccessMatrix()}
		o := c.Employer(scim.Entra{})
		s.orgID = o.orgID
		e, boss := o.hire(), o.hire()
		plain, group := s.newcomer(e), o.group(suite.cfg.SCIMGroup)
		at := slices.IndexFunc(s.matrix.Actions, func(a *rbac.Action) bool { return a.May(suite.cfg.SCIMRole) && !a.May(plain) })
		if at < 0 {
			c.NotApplicable("APP_ACCESS names nothing that " + suite.cfg.SCIMRole + " may do and " + plain + " may not")
		}
		action := s.matrix.Actions[at]
		if err := suite.world.API.SetRoles(suite.ctx, o.orgID, boss.user().ID, s.matrix.Roles[0]); err != nil {
			c.Trouble("nobody can be made %s, who prepares what the others try: %v", s.matrix.Roles[0], err)
		}
		s.first = boss.caller("somebody with the role " + s.matrix.Roles[0])
		try := func() outcome {
			c.Helper()
			got, err := s.try(e.caller("the employee"), action)
			require.NoError(c, err)
			return got
		}
		if got := try(); got.happened {
			c.NotVerified("somebody with the role " + plain + " could " + action.Name + ", too: nothing is seen of roles before rbac/app-checks is green")
		}
		o.do(http.MethodPatch, group, o.speak.Join(e.id))
		got := try()
		assert.True(c, got.happened, "somebody to whom a group gave the role %s could %s (%s): %s", suite.cfg.SCIMRole, action.Name, action.Do, got.seen())
		o.do(http.MethodPatch, group, o.speak.Leave(e.id))
		got = try()
		assert.False(c, got.happened, "somebody who has left the group could still %s (%s): %s", action.Name, action.Do, got.seen())
	})

	item.Case("an address is changed everywhere or nowhere", advice{
		Why:      "the directory and the sign-in speak of two people: deactivating one leaves the other in",
		Mend:     "refuse a change of the address, or carry it out for the person who signs in",
		Standard: "spec/webhooks-scim.md 7.4; RFC 7644 §3.12 (mutability)",
	}, func(c *check) {
		e := c.Employer(scim.Entra{}).hire()
		before := e.user()
		require.NotNil(c, before, "the person whom the directory has made, at the environment")
		other := e.someone() // is removed in the end, if it comes into being
		answer := e.send(http.MethodPatch, e.path(), scim.Patch(scim.Operation{"op": "Replace", "path": `emails[type eq "work"].value`, "value": other.Email}))
		assert.NotEqual(c, 5, answer.Status/100, "a change of the address is answered %s", answer)
		listed := e.read().Emails()
		require.NotEmpty(c, listed, "addresses of the person in the directory")
		after, err := suite.world.API.GetUser(suite.ctx, before.ID)
		if err != nil {
			c.Trouble("the environment cannot be asked for the person: %v", err)
		}
		assert.True(c, slices.ContainsFunc(listed, func(a string) bool { return strings.EqualFold(a, after.Email) }),
			"the directory has %v, and the person signs in as %s; the change was answered %s", listed, after.Email, answer)
	})
}

// verifyKnownAs fails the case unless the environment knows the employee by
// these names: where scripts ask for them with an access token, and by API.
func (e *employee) verifyKnownAs(accessToken, given, family string) {
	e.c.Helper()
	status, claims, err := suite.world.API.UserInfo(suite.ctx, accessToken)
	if err != nil {
		e.c.Trouble("userinfo does not answer: %v", err)
	}
	require.Equal(e.c, http.StatusOK, status, "HTTP status of userinfo")
	assert.Equal(e.c, []any{given, family}, []any{claims["given_name"], claims["family_name"]}, "given_name and family_name at userinfo, after the directory has changed them")
	if user := e.user(); assert.NotNil(e.c, user, "%s at the environment, by API", e.Email) {
		assert.Equal(e.c, []string{given, family}, []string{user.Profile.GivenName, user.Profile.FamilyName}, "names of the person by API, after the directory has changed them")
	}
}

// shownAt are the places of the app that show a text to an agent.
func (e *employee) shownAt(agent *flows.Agent, text string) (places []string) {
	e.c.Helper()
	for _, path := range []string{suite.cfg.AppWhoamiPath, suite.cfg.AppProfilePath, suite.cfg.AppProtectedPath} {
		if path != "" && strings.Contains(agent.Look(path).Body, text) {
			places = append(places, path)
		}
	}
	return places
}

// awaitShown waits until the app shows the employee's name in one of the places
// where it showed the one of before; a new sign-in may be what it takes.
func (e *employee) awaitShown(agent *flows.Agent, places []string) {
	e.c.Helper()
	fresh := e.signIn()
	e.c.Eventually(func() bool {
		return len(e.shownAt(agent, e.GivenName)) > 0 || len(e.shownAt(fresh, e.GivenName)) > 0
	}, soon, "expected the app to show the name %s, after the directory has changed it and after a new sign-in; it showed the one of before at %v", e.GivenName, places)
}

// newcomer is the role that an employee has who is in no group.
func (s *stage) newcomer(e *employee) string {
	s.c.Helper()
	if s.matrix.Newcomer != "" {
		return s.matrix.Newcomer
	}
	roles := e.membership().Roles
	require.Len(s.c, roles, 1, "roles of somebody whom the directory has just made")
	return roles[0].Name
}

// caller is the employee after a fresh sign-in, as somebody who sends requests
// to the app.
func (e *employee) caller(who string) *caller {
	e.c.Helper()
	agent := e.signIn()
	tokens := e.tokens(agent)
	return &caller{who: who, user: &flows.User{Email: e.Email, OrgID: e.orgID}, agent: agent, token: tokens.AccessToken, refresh: tokens.RefreshToken}
}
