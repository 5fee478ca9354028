package e2e

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
	"github.com/auth-preflight/auth-preflight/helpers/scim"
)

// Whom a customer's directory names, and nobody else, can come in.
func TestSCIMProvision(t *testing.T) {
	item := begin(t, "scim/provision")

	for _, speak := range scim.Dialects() {
		item.Case("whom "+speak.Name()+" creates can sign in, as a plain member", advice{
			Why:      "the customer's new people stand before a closed door, or come in with rights that nobody gave them",
			Mend:     "enable the directory, register the organization's e-mail domain, and look at the directory's users and events in the dashboard",
			Standard: "RFC 7644 §3.3; CHECKLIST scim/provision",
		}, func(c *check) {
			o := c.Employer(speak)
			e := o.someone()
			require.Zero(c, o.find("/Users", "userName", e.UserName).Total, "people of a user name that is new")
			answer := e.create()
			assert.Equal(c, http.StatusCreated, answer.Status, "HTTP status of a creation")
			assert.Equal(c, []string{e.id}, o.find("/Users", "userName", strings.ToUpper(e.UserName)).IDs(), "who is found by the user name, in capitals")
			seen := e.read()
			assert.True(c, strings.EqualFold(e.UserName, seen.Text("userName")) && seen.Active(), "the directory shows the person, and as active: %s", seen.Raw)
			member := e.membership()
			assert.Equal(c, "ACTIVE", member.Status, "membership of %s in the directory's organization, by API", e.Email)
			assert.False(c, suite.cfg.SCIMRole != "" && has(member, suite.cfg.SCIMRole), "a new person has the role %s, which only a group gives", suite.cfg.SCIMRole)
			e.signIn()
		})
	}

	item.Case("who is created as inactive stays out", advice{
		Why:      "people whose first day is next month, or who were suspended before, come in today",
		Mend:     "take \"active\" from the creation, too",
		Standard: "RFC 7643 §4.1.1",
	}, func(c *check) {
		e := c.Employer(scim.Okta{}).someone()
		body := e.speak.Create(e.Person)
		body["active"] = false
		e.id = e.do(http.MethodPost, "/Users", body).ID()
		require.False(c, e.read().Active(), "the directory shows a person as active who was created as inactive")
		e.verifyNoEntry("having been created as inactive")
	})

	item.Case("who has an account already is taken in as they are", advice{
		Why:      "people who tried the product before their company bought it, or who work for two, cannot be provisioned, and their administrator reads \"conflict\"",
		Mend:     "look for a person of the address first, and make a membership for whom there is; 409 is for people of this directory",
		Standard: "RFC 7644 §3.3; spec/webhooks-scim.md 7.4",
	}, func(c *check) {
		o := c.NewEmployer(scim.Okta{})
		for _, who := range []struct {
			is   string
			lone bool
		}{{"a member of another organization", false}, {"a member of no organization", true}} {
			e := o.someone()
			user, elsewhere := e.registered(who.lone)
			answer := e.send(http.MethodPost, "/Users", e.speak.Create(e.Person))
			if !answer.Good() {
				c.Errorf("expected the directory to take in %s, who is %s; it answered %s", e.Email, who.is, answer)
				continue
			}
			after, err := suite.world.API.GetUser(suite.ctx, user.ID)
			if err != nil {
				c.Trouble("the environment cannot be asked for the person: %v", err)
			}
			assert.Equal(c, "ACTIVE", membershipIn(after, o.orgID).Status, "membership in the directory's organization of somebody who was %s before", who.is)
			if !who.lone {
				assert.Equal(c, "ACTIVE", membershipIn(after, elsewhere).Status, "the person's membership of before")
			}
		}
	})

	item.Case("a directory speaks for its own organization's people only", advice{
		Why:      "one customer's administrator takes over, renames or locks out the people of another",
		Mend:     "process only addresses of domains that are registered for the directory's organization",
		Standard: "OWASP ASVS 8.4.1; spec/webhooks-scim.md 7.4",
	}, func(c *check) {
		o := c.Employer(scim.Okta{})
		victim := c.NewBystander()
		mallory := o.somebody(scim.Person{UserName: victim.Email, Email: victim.Email, GivenName: "Mallory", FamilyName: "Intruder", ExternalID: "pf-" + c.unique()})
		// A refusal is as good as no effect (DEFECTS.md C-16).
		if answer := o.send(http.MethodPost, "/Users", o.speak.Create(mallory.Person)); answer.Good() {
			mallory.id = answer.ID()
			o.send(http.MethodPatch, mallory.path(), o.speak.Switch(false))
		}
		user, err := suite.world.API.GetUser(suite.ctx, victim.ID)
		if err != nil {
			c.Trouble("the environment cannot be asked for the person: %v", err)
		}
		assert.Empty(c, membershipIn(user, o.orgID).Status, "membership of a person of another domain in the organization whose directory named them")
		assert.Equal(c, victim.GivenName, user.Profile.GivenName, "given name of a person of another domain")
		assert.Equal(c, "ACTIVE", membershipIn(user, victim.OrgID).Status, "the person's membership of before")
	})

	item.Case("a provider finds everybody, page by page", advice{
		Why:      "a provider that misses people at the end of a page creates them again, or never removes them",
		Mend:     "count startIndex from 1, answer totalResults of the whole list, and let filters filter",
		Standard: "RFC 7644 §3.4.2.2, §3.4.2.4",
	}, func(c *check) {
		o := c.NewEmployer(scim.Entra{})
		var want []string
		for range 4 {
			want = append(want, o.hire().id)
		}
		all, err := o.All(suite.ctx, "/Users")
		require.NoError(c, err)
		assert.ElementsMatch(c, want, scim.List{Resources: all}.IDs(), "ids of all people, in the endpoint's own pages")
		var paged []string
		for _, start := range []int{1, 3} {
			page, err := o.do(http.MethodGet, scim.Query("/Users", "startIndex", strconv.Itoa(start), "count", "2"), nil).Page()
			require.NoError(c, err)
			assert.Equal(c, len(want), page.Total, "totalResults of the page from %d", start)
			paged = append(paged, page.IDs()...)
		}
		assert.ElementsMatch(c, want, paged, "ids of all people, in two pages of two")
		assert.Zero(c, o.find("/Users", "userName", "nobody@"+o.domain).Total, "people of a user name that nobody has")
	})
}

// registered gives the employee, whom the directory does not know yet, an
// account by API, in an organization of its own; a lone one leaves that again.
func (e *employee) registered(lone bool) (user *scalekit.User, elsewhere string) {
	e.c.Helper()
	err := e.c.newOrganization(func(ctx context.Context, organization *scalekit.Organization) (err error) {
		elsewhere = organization.ID
		user, err = suite.world.API.CreateUser(ctx, elsewhere, scalekit.NewUser{Email: e.Email, GivenName: e.GivenName, FamilyName: e.FamilyName})
		if err == nil && lone {
			err = suite.world.API.RemoveMember(ctx, elsewhere, user.ID)
		}
		return err
	})
	if err != nil {
		e.c.Trouble("nobody can be given an account before the directory names them: %v", err)
	}
	return user, elsewhere
}
