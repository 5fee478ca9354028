package e2e

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/screens"
)

// A customer's administrators look after their own people, and the product
// does what they say.
func TestPortalUsers(t *testing.T) {
	item := begin(t, "portal/users")
	administration := advice{
		Why:      "the customer's administrators believe that somebody was let in, promoted or removed, and it is not so",
		Mend:     "try the widget as an administrator of a test organization, and reload: what it says must be what is stored",
		Standard: "spec/hosted-pages.md 14; CHECKLIST portal/users",
	}

	item.Case("an administrator sees the people of the organization, and nobody else's", administration, func(c *check) {
		c.Cast(2)
		admin, stranger := c.NewAdmin(), c.NewBystander()
		colleague := c.NewColleague(admin)
		v := c.asAdmin(admin)
		for _, person := range []*flows.User{admin, colleague} {
			assert.True(c, v.ListsMember(person.Email), "%s is listed", person.Email)
		}
		assert.False(c, v.ListsMember(stranger.Email), "%s, of another organization, is listed", stranger.Email)
		search := searchForm(v)
		if search == nil {
			return // what finds nothing finds no stranger
		}
		echo := c.found(v, search, c.unique()+"@preflight.invalid") // a page may say what was searched for
		if c.found(v, search, colleague.Email) <= echo {
			c.NotVerified("the widget's search finds nobody by their address: whom it would find was not seen")
		}
		assert.LessOrEqual(c, c.found(v, search, stranger.Email), echo, "how often the widget names %s, of another organization, when it is searched for them, and for somebody who does not exist", stranger.Email)
	})

	item.Case("somebody whom an administrator invites comes in", administration, func(c *check) {
		admin, guest := c.NewAdmin(), c.NewPerson()
		v := c.asAdmin(admin)
		reader := flows.NewQuiet(c, suite.world)
		mark := reader.MarkInbox(guest)
		v.InviteMember(guest.Email)
		assert.True(c, v.ListsMember(guest.Email), "who was invited is listed")
		_, link := reader.AwaitLink(guest, mark, "an invitation with a link")
		c.accept(guest, admin.OrgID, link)
		_, m := c.membership(guest.Email, admin.OrgID)
		assert.NotContains(c, roleNames(m), adminRole, "roles of who was invited, for whom no other role was chosen than the one that the widget offers first")
	})

	item.Case("a role that an administrator changes is in the next token", administration, func(c *check) {
		c.Cast(2)
		admin := c.NewAdmin()
		colleague := c.NewColleague(admin)
		before := c.Access(colleague)
		require.NotContains(c, words(before.Claims(before.tokens.AccessToken)["roles"]), adminRole, "roles of a member's token, before")
		v := c.asAdmin(admin)
		v.ChangeRole(colleague.Email, adminRole)
		v.OpenUsers()
		_, m := c.membership(colleague.Email, admin.OrgID)
		assert.Contains(c, roleNames(m), adminRole, "the member's roles, once the widget has said that they are saved")
		after := before.Refresh(before.tokens.RefreshToken)
		require.NotEmpty(c, after.AccessToken, "the answer to a refresh after the change (%s)", after.Error)
		assert.Contains(c, words(before.Claims(after.AccessToken)["roles"]), adminRole, "roles of the member's next token")
	})

	item.Case("somebody whom an administrator removes is out", administration, func(c *check) {
		c.Cast(2)
		admin := c.NewAdmin()
		colleague := c.NewColleague(admin)
		theirs := c.Access(colleague)
		v := c.asAdmin(admin)
		v.RemoveMember(colleague.Email)
		assert.False(c, v.ListsMember(colleague.Email), "who was removed is listed")
		c.notMember(colleague, admin.OrgID, "who was removed")
		c.refreshDead(theirs)
	})

	item.Case("who is no administrator looks after nobody", advice{
		Why:      "any employee makes themselves an administrator, and removes colleagues",
		Mend:     "ask for the permission at each request of the widget, on the server",
		Standard: "OWASP ASVS 8.2.1, 8.3.1; spec/hosted-pages.md 14",
	}, func(c *check) {
		c.Cast(2)
		admin := c.NewAdmin()
		member := c.NewColleague(admin)
		v := c.asAdmin(admin)
		forms := screens.FormsOn(v.HTML(), v.URL())
		own := c.Unseen()
		own.SignIn(member)
		for _, elsewhere := range []string{"", adminRole} {
			if elsewhere != "" { // who can make an organization is an administrator of that one, and of no other
				own.Step("administer another organization")
				c.Join(member, elsewhere)
			}
			// Who may read is left alone: the vendor's own role for members permits it.
			c.sendAll(own, forms, member.ID, map[string]string{})
			_, m := c.membership(member.Email, admin.OrgID)
			assert.NotContains(c, roleNames(m), adminRole, "roles of a member who has sent the administrator's forms")
			assert.Equal(c, "ACTIVE", m.Status, "the membership of a member who has sent the administrator's forms")
		}
	})

	item.Case("an administrator who was demoted looks after nobody any more", advice{
		Why:      "an administrator whom the customer no longer trusts removes the others, or becomes one again, for as long as they stay signed in",
		Mend:     "ask for the role of now at each request of the widget, never for the one of the sign-in",
		Standard: "OWASP ASVS 8.3.1, 8.3.2; DEFECTS.md C-28",
	}, func(c *check) {
		c.Cast(2)
		c.NeedEndOfAccess()
		admin := c.NewAdmin()
		colleague := c.NewColleague(admin)
		v := c.asAdmin(admin)
		forms := screens.FormsOn(v.HTML(), v.URL())
		_, before := c.membership(colleague.Email, admin.OrgID)
		c.setRoles(admin, memberRole)
		c.Outlive(admin, c.TokenLife()) // what a token says may count as long as it lives
		c.sendAll(v, forms, colleague.ID, map[string]string{})
		_, after := c.membership(colleague.Email, admin.OrgID)
		assert.Equal(c, append(roleNames(before), before.Status), append(roleNames(after), after.Status), "roles and membership of a colleague, before and after somebody who was demoted has sent the administrator's forms")
	})

	item.Case("an administrator changes nobody of another organization", advice{
		Why:      "an administrator of one customer promotes or removes the people of another",
		Mend:     "look each person up within the organization of the session",
		Standard: "OWASP ASVS 8.2.2, 8.4.1",
	}, func(c *check) {
		c.Cast(3)
		admin, victim := c.NewAdmin(), c.NewBystander()
		colleague := c.NewColleague(admin)
		other := c.NewColleague(victim)
		v := c.asAdmin(admin)
		c.sendAll(v, screens.FormsOn(v.HTML(), v.URL()), colleague.ID, map[string]string{colleague.ID: other.ID, admin.OrgID: victim.OrgID})
		_, m := c.membership(other.Email, victim.OrgID)
		assert.Equal(c, "ACTIVE", m.Status, "the membership of somebody whose id an administrator of another organization has sent")
		assert.NotContains(c, roleNames(m), adminRole, "roles of somebody whose id an administrator of another organization has sent")
	})
}

// The roles that every environment gives to administrators and to everybody
// else (spec/api.md 5.3).
const (
	adminRole  = "admin"
	memberRole = "member"
)

// NewAdmin is a person with an organization of their own, who administers it.
func (c *check) NewAdmin() *flows.User {
	c.Helper()
	founder := c.NewBystander()
	return c.NewColleague(founder, adminRole)
}

// asAdmin is a browser in which an administrator looks at the users widget.
func (c *check) asAdmin(admin *flows.User) *flows.Visitor {
	c.Helper()
	v := c.Unseen()
	v.SignIn(admin)
	v.OpenUsers()
	if !v.ListsMember(admin.Email) {
		c.Fatalf("expected the users of the organization at %s, where an administrator finds themselves; the page at %s lists nobody of that name (another address: PREFLIGHT_USERS_URL; other words: PREFLIGHT_PORTAL_WORDS)", suite.cfg.UsersURL(), v.URL().Redacted())
	}
	return v
}

// searchForm is the form by which the widget looks for people; nil where it has
// none.
func searchForm(v *flows.Visitor) *screens.Form {
	for _, form := range screens.FormsOn(v.HTML(), v.URL()) {
		if form.Method == http.MethodGet && len(form.Editable) == 1 {
			return form
		}
	}
	return nil
}

// found sends a search for an address and counts how often the answer names it.
func (c *check) found(v *flows.Visitor, search *screens.Form, email string) int {
	c.Helper()
	fields := maps.Clone(search.Fields)
	for name := range search.Editable {
		fields[name] = []string{email}
	}
	address := *search.Action
	address.RawQuery = fields.Encode()
	answer := v.Fetch(http.MethodGet, address.String())
	return strings.Count(strings.ToLower(string(answer.Body)), strings.ToLower(email))
}

// sendAll sends the forms of the widget that name a person, with the role of an
// administrator where they ask for one, those that remove last, and with ids
// exchanged.
func (c *check) sendAll(v *flows.Visitor, forms []*screens.Form, id string, ids map[string]string) {
	c.Helper()
	sent := 0
	for _, form := range forms {
		text := form.Action.String() + "?" + form.Fields.Encode()
		if form.Method != http.MethodPost || !strings.Contains(text, id) {
			continue
		}
		changed := *form
		action := form.Action.String()
		for own, other := range ids {
			action = strings.ReplaceAll(action, own, other)
		}
		changed.Action, _ = url.Parse(action) // was an address before
		changed.Fields = url.Values{}
		for name, values := range form.Fields {
			for _, value := range values {
				for own, other := range ids {
					value = strings.ReplaceAll(value, own, other)
				}
				changed.Fields.Add(name, value)
			}
		}
		if changed.Fields.Has("role") {
			changed.Fields.Set("role", adminRole)
		}
		v.SendForm(&changed, nil)
		sent++
	}
	if sent == 0 {
		c.Trouble("the widget has no forms that name a person: nothing was tried")
	}
}
