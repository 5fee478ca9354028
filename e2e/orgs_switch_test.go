package e2e

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/rbac"
	"github.com/auth-preflight/auth-preflight/helpers/screens"
)

// Who changes the organization changes it whole: token, pages, data and roles.
func TestOrganizationSwitch(t *testing.T) {
	item := begin(t, "orgs/switch")

	item.Case("token and pages change together, in every tab", advice{
		Why:      "people read, and change, one customer's data under another's name",
		Mend:     "make a new session from the tokens of the switch's callback; keep nothing of the organization before, and look at the session on every request",
		Standard: "OWASP ASVS 8.4.1; spec/app-contract.md A4, A5",
	}, func(c *check) {
		c.Cast(3)
		p := c.inTwo("")
		words, views := p.landmarks()
		v := c.Browser()
		v.OpenLogin("")
		v.Identify(p.user)
		v.ChooseOrganization(p.from.orgID)
		v.AwaitLanding()
		p.shown(v, views, words[0], words[1])

		other := v.NewTab()
		other.Goto(suite.cfg.Switch())
		other.ChooseOrganization(p.to.orgID)
		other.AwaitLanding()
		v.Goto(suite.cfg.App(suite.cfg.AppProtectedPath))
		for _, tab := range []*flows.Visitor{other, v} {
			p.shown(tab, views, words[1], words[0])
		}
		claims := v.Claims(v.ObtainTokens(nil).AccessToken)
		assert.Equal(c, p.to.orgID, claims["oid"], "oid of the access token after the switch")
	})

	item.Case("the session's cookies are no less guarded after the switch", advice{
		Why:      "after a switch one injected script, or a link without TLS, takes the session that was out of its reach before",
		Mend:     "set the session's cookies in one place, with the same attributes at a switch as at a sign-in",
		Standard: "OWASP ASVS 3.3.1, 3.3.3 and 3.3.4",
	}, func(c *check) {
		c.Cast(1)
		user := c.NewUser()
		second := c.Join(user)
		v := c.signedInAs(user, (*flows.Visitor).SignIn)
		before := c.sessionCookies(v)
		v.Goto(suite.cfg.Switch())
		v.ChooseOrganization(second)
		v.AwaitLanding()
		c.noLessGuarded(v, before, "the switch")
	})

	item.Case("nothing of the organization before can be reached by its address", advice{
		Why:      "whoever ever belonged to a customer keeps its data in the browser's history",
		Mend:     "compare the organization of each object with the oid of the token, for every method",
		Standard: "OWASP ASVS 8.2.2 and 8.4.1; spec/app-contract.md A3",
	}, func(c *check) {
		c.Cast(3)
		p := c.inTwo("")
		who := p.switched(p.from.matrix.Roles[0])
		byCookie := *who
		byCookie.token = ""
		attempts := 0
		for _, action := range p.from.matrix.Actions {
			if action.Thing() == "" {
				continue
			}
			cookies := *action
			cookies.With = rbac.WithSession
			for caller, tried := range map[*caller]*rbac.Action{who: action, &byCookie: &cookies} {
				before, err := p.from.prepare(tried)
				require.NoError(c, err, "what an administrator of the other organization prepares")
				if said := p.from.forbidden(caller, before, nil); said != "" {
					c.Errorf("in the organization after the switch: %s", said)
				}
				attempts++
			}
		}
		require.NotZero(c, attempts, "actions of APP_ACCESS that are about a thing of an organization")
	})

	item.Case("the role of one organization does not come along to the other", advice{
		Why:      "an administrator of their own small organization administers the customer that they visit",
		Mend:     "read the roles from the token of the organization that somebody is in",
		Standard: "OWASP ASVS 8.2.1 and 8.4.1",
	}, func(c *check) {
		c.Cast(3)
		matrix := c.AccessMatrix()
		last := matrix.Roles[len(matrix.Roles)-1]
		p := c.inTwo(last)
		who := p.switched(last)
		assert.Equal(c, []string{last}, words(who.agent.Claims(who.token)["roles"]), "roles of the access token in the organization where somebody is only %s", last)
		for _, action := range matrix.Actions {
			if action.May(last) {
				continue
			}
			cookies := *action
			cookies.With = rbac.WithSession
			for _, tried := range []*rbac.Action{action, &cookies} {
				before, err := p.to.prepare(tried)
				require.NoError(c, err, "what an administrator of the organization prepares")
				if said := p.to.forbidden(who, before, nil); said != "" {
					c.Errorf("after a switch from an organization where they are %s: %s", matrix.Roles[0], said)
				}
			}
		}
	})

	item.Case("what is written in one organization is shown in no other", advice{
		Why:      "what one customer's administrators write, every other customer's people read",
		Mend:     "ask for the organization of the token in every query, also of what has no id of its own",
		Standard: "OWASP ASVS 8.2.2 and 8.4.1",
	}, func(c *check) {
		c.Cast(2)
		here, there := c.Stage(), c.Stage()
		written := 0
		for _, action := range here.matrix.Actions {
			if !action.Changes() || !action.Texts() || strings.Contains(action.Look, "{") {
				continue // nothing that two organizations see at one address
			}
			p, err := here.prepare(action)
			require.NoError(c, err, "what an administrator of the organization prepares")
			got, err := here.attempt(here.first, p, nil)
			require.NoError(c, err)
			require.True(c, got.happened, "an administrator can %s (%s); seen: %s", action.Name, action.Do, got.seen())
			read, err := there.look(p)
			require.NoError(c, err)
			assert.NotContains(c, read.body, p.text, "%s, as somebody of another organization has it, after %s", action.Look, action.Do)
			written++
		}
		readings := here.readings()
		if written == 0 && len(readings) == 0 {
			c.NotVerified("list in APP_ACCESS an action that writes {text}, with look: the one address at which everybody sees it")
		}
		traces := []string{here.first.user.Email}
		for kind := range here.matrix.Things {
			id, name, err := here.make(kind)
			require.NoError(c, err, "what an administrator makes in their organization")
			traces = append(traces, id, name)
		}
		for _, read := range readings { // logs and counts of what was done, too
			answer, err := there.send(there.first, read.session, rbac.Ready{Method: http.MethodGet, Path: read.path}, nil)
			require.NoError(c, err)
			for _, trace := range traces {
				assert.NotContains(c, answer.body, trace, "%s, as an administrator of another organization reads it", read.path)
			}
		}
	})

	item.Case("an organization to which somebody does not belong cannot be entered", advice{
		Why:      "whoever knows or guesses a customer's id reads its data",
		Mend:     "look the membership up for every organization_id, whoever sends it and wherever",
		Standard: "OWASP ASVS 8.4.1; spec/oauth.md 7.1 and 12",
	}, func(c *check) {
		c.Cast(2)
		user, foreign := c.NewUser(), c.NewUser() // who signs in as well, further down
		second := c.Join(user)
		agent := c.Quiet(user)
		require.NotNil(c, c.entered(agent, second), "tokens for an organization to which somebody belongs")
		assert.Nil(c, c.entered(agent, foreign.OrgID), "tokens for a foreign organization, by a session")

		abroad := *user
		abroad.OrgID = foreign.OrgID
		fresh := flows.NewAgent(c, suite.world)
		grant, first := fresh.Authorize(url.Values{"organization_id": {foreign.OrgID}})
		end := fresh.Through(first, &abroad)
		c.notThere(fresh, grant, end, foreign.OrgID, "by a sign-in for it")

		// The other one: a third mail to one address within the minute would not come.
		c.Join(foreign)
		stranger := *foreign
		stranger.OrgID = second
		chooser := flows.NewAgent(c, suite.world)
		grant, first = chooser.Authorize(nil)
		end = chooser.Through(first, &stranger) // sends the id where the page asks for an organization
		c.notThere(chooser, grant, end, second, "by its id on the page that asks for an organization")
		agent.VerifySignedIn(user)
	})

	item.Case("no other site can show the page that asks for an organization in a frame", keptOutOfFrames, func(c *check) {
		c.Cast(1)
		user := c.NewUser()
		c.Join(user)
		v := c.Browser()
		v.SignIn(user)
		v.Goto(suite.cfg.Switch())
		v.Await(screens.Organization)
		c.unframableHere("the page that asks for an organization", v)
	})

	item.Case("who has switched can go back", advice{
		Why:      "people of two organizations are caught in one of them",
		Mend:     "send prompt=select_account with every switch; organization_id alone does not switch",
		Standard: "spec/oauth.md 7.1; spec/app-contract.md A4",
	}, func(c *check) {
		c.Cast(1)
		user := c.NewUser()
		own := user.OrgID
		second := c.Join(user)
		agent := c.Quiet(user)
		for _, organization := range []string{second, own, second} {
			require.True(c, agent.SwitchTo(organization), "the switch ends at the application")
			agent.VerifySignedIn(user)
			tokens, _ := agent.Tokens(nil)
			require.NotNil(c, tokens, "tokens after a switch")
			require.Equal(c, organization, agent.Claims(tokens.AccessToken)["oid"], "oid of the access token after a switch")
		}
	})
}

// twoPlaces is somebody who belongs to two organizations, with all rights in
// the first.
type twoPlaces struct {
	c        *check
	user     *flows.User
	from, to *stage
}

// inTwo makes one, with a role in the second organization; "" is the first of
// APP_ACCESS.
func (c *check) inTwo(role string) *twoPlaces {
	c.Helper()
	p := &twoPlaces{c: c, from: c.Stage(), to: c.Stage()}
	first := p.from.matrix.Roles[0]
	if role == "" {
		role = first
	}
	p.user = c.NewMember(p.from.orgID, first)
	c.api("a member of two organizations is made", func(ctx context.Context) error {
		_, err := suite.world.API.AddMember(ctx, p.to.orgID, p.user.ID, role)
		return err
	})
	return p
}

// switched signs the person in, in the first organization, and switches to the
// second, without a window.
func (p *twoPlaces) switched(role string) *caller {
	p.c.Helper()
	agent := p.c.Quiet(p.user)
	require.True(p.c, agent.SwitchTo(p.to.orgID), "the switch ends at the application")
	who := &caller{who: "somebody of both, with the role " + role, role: role, user: p.user, agent: agent}
	if suite.cfg.AppAPIPath != "" {
		tokens, _ := agent.Tokens(nil)
		require.NotNil(p.c, tokens, "tokens after the switch")
		require.Equal(p.c, p.to.orgID, agent.Claims(tokens.AccessToken)["oid"], "oid of the access token after the switch")
		who.token = tokens.AccessToken
	}
	return who
}

// landmarks makes a thing in each organization and returns the two names, and
// the addresses of the application that may show them.
func (p *twoPlaces) landmarks() (names [2]string, views []string) {
	p.c.Helper()
	kind := ""
	for name := range p.from.matrix.Things {
		if kind == "" || name < kind {
			kind = name
		}
	}
	if kind == "" {
		p.c.NotVerified("list a thing in APP_ACCESS: without one there is nothing by which organizations can be told apart")
	}
	for i, s := range []*stage{p.from, p.to} {
		_, name, err := s.make(kind)
		require.NoError(p.c, err, "what an administrator makes in their organization")
		names[i] = name
	}
	views = []string{suite.cfg.AppProtectedPath}
	for _, action := range p.from.matrix.Actions {
		if action.Look != "" && !strings.Contains(action.Look, "{") && !slices.Contains(views, action.Look) {
			views = append(views, action.Look)
		}
	}
	return names, views
}

// shown asserts that the application, as a tab has it, shows the one
// organization's thing somewhere, and the other's nowhere.
func (p *twoPlaces) shown(tab *flows.Visitor, views []string, wanted, unwanted string) {
	p.c.Helper()
	seen := 0
	for _, view := range views {
		text := string(tab.Fetch("GET", suite.cfg.App(view)).Body)
		if strings.Contains(text, wanted) {
			seen++
		}
		assert.NotContains(p.c, text, unwanted, "%s, which is to show nothing of the other organization", view)
	}
	assert.NotZero(p.c, seen, "addresses of the application, among %v, that show what is in the organization", views)
	assert.NotContains(p.c, tab.Text(), unwanted, "the page at %s, which is to show nothing of the other organization", tab.URL().Path)
}

// notThere asserts that a sign-in gave no tokens for an organization.
func (c *check) notThere(agent *flows.Agent, grant flows.Grant, end flows.Stop, organizationID, how string) {
	c.Helper()
	if tokens := agent.RedeemCode(grant, end); tokens != nil {
		assert.NotEqual(c, organizationID, agent.Claims(tokens.AccessToken)["oid"], "oid of the tokens that somebody who is no member got, %s", how)
	}
}
