package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/inbox"
	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
	"github.com/auth-preflight/auth-preflight/helpers/screens"
)

// An invitation brings the one who was meant to where they were meant to be,
// once, for a while, and as what was offered.
func TestInvitation(t *testing.T) {
	item := begin(t, "users/invitation")

	item.Case("somebody who is invited ends in the organization, with the role that was offered", advice{
		Why:      "the customer's colleagues land on an error, in an empty organization of their own, or without rights",
		Mend:     "register an initiate-login address that passes on what it is given, and invite with the role by name (spec/api.md 7: the Node SDK drops it)",
		Standard: "spec/hosted-pages.md 10; spec/app-contract.md A6, A7",
	}, func(c *check) {
		host := c.NewUser()
		guest := c.NewPerson()
		v := c.Browser()
		mail, link := c.Invite(host.OrgID, guest, "admin")
		organization, err := suite.world.API.GetOrganization(suite.ctx, host.OrgID)
		if err != nil {
			c.Trouble("the organization cannot be read: %v", err)
		}
		assert.Contains(c, mail.Subject+mail.Text+screens.VisibleText(mail.HTML), organization.DisplayName, "the invitation names the organization")
		v.Redeem(link)
		if !v.AwaitLandingOr(screens.EmailInput) {
			v.EnterCode(v.RequestCode(guest)) // who is asked to sign in ends in the same place
			v.AwaitLanding()
		}
		v.VerifySignedIn(guest)
		user, m := c.membership(guest.Email, host.OrgID)
		assert.Equal(c, "ACTIVE", m.Status, "the membership of who has accepted")
		assert.Equal(c, []string{"admin"}, roleNames(m), "the roles of who was invited as admin")
		assert.Len(c, user.Memberships, 1, "memberships of somebody new who was invited to one organization")
		claims := v.Claims(v.ObtainTokens(nil).AccessToken)
		assert.Equal(c, host.OrgID, claims["oid"], "oid of the access token")
		assert.Contains(c, words(claims["roles"]), "admin", "roles of the access token")
	})

	item.Case("an invitation works once", advice{
		Why:      "who finds the mail later gets in, and who was removed comes back by the old mail",
		Mend:     "mark the invitation accepted in the same transaction that makes the membership active",
		Standard: "OWASP ASVS 6.5.1",
	}, func(c *check) {
		host, guest := c.NewUser(), c.NewPerson()
		_, link := c.Invite(host.OrgID, guest)
		c.accept(guest, host.OrgID, link)
		again := flows.NewQuiet(c, suite.world)
		again.Redeem(link)
		again.VerifyNoWayIn()
		c.removeMember(host.OrgID, c.known(guest))
		later := flows.NewQuiet(c, suite.world)
		later.Redeem(link)
		later.VerifyNoWayIn()
		c.notMember(guest, host.OrgID, "somebody who was removed and has opened the invitation of before")
	})

	item.Case("the way from an invitation to the product signs in once", advice{
		Why:      "who signs out at a shared machine leaves an address in its history that signs in as them",
		Mend:     "let what is added to the initiate-login address open one session, and use it up with it",
		Standard: "OWASP ASVS 6.5.1; spec/hosted-pages.md 10",
	}, func(c *check) {
		host, guest := c.NewUser(), c.NewPerson()
		_, link := c.Invite(host.OrgID, guest)
		agent := flows.NewQuiet(c, suite.world)
		way := agent.RedeemUpToApp(link)
		before := agent.Snapshot()
		known := before.Snapshot()
		known.Get(suite.cfg.App(suite.cfg.AppLoginPath))
		if way.Followed || known.WhoAmI("") != "" {
			c.NotApplicable("the link of the invitation asks who it is, or has begun the session itself: the address at the product brings nothing")
		}
		if !agent.GoOn(agent.Get(way.URL.String()), &flows.User{Email: guest.Email, OrgID: host.OrgID}) || agent.WhoAmI(guest.Email) == "" {
			c.NotVerified("the address at the product let nobody in the first time: the first case of this item says why")
		}
		for where, again := range map[string]*flows.Agent{"the browser that has used it and is signed out": before, "another browser": flows.NewQuiet(c, suite.world)} {
			again.Get(way.URL.String())
			assert.Empty(c, again.WhoAmI(guest.Email), "who is signed in after the address to which an accepted invitation led was opened again, in %s", where)
		}
	})

	item.Case("an invitation ends", advice{
		Why:      "a mail from last year still opens the customer's data",
		Mend:     "refuse an invitation after its lifetime (PREFLIGHT_INVITATION_LIFETIME), by the link and at sign-in alike",
		Standard: "spec/hosted-pages.md 10; OWASP ASVS 6.5.5",
	}, func(c *check) {
		c.NeedTime(suite.cfg.InvitationLifetime)
		host, guest := c.NewUser(), c.NewPerson()
		_, link := c.Invite(host.OrgID, guest)
		c.OutliveBy(guest, suite.cfg.InvitationLifetime, time.Hour)
		agent := flows.NewQuiet(c, suite.world)
		agent.Redeem(link)
		agent.VerifyNoWayIn()
		c.notMember(guest, host.OrgID, "somebody who has opened an invitation after its end")
		if suite.cfg.Has("email_code") {
			own := c.Quiet(guest)
			assert.Nil(c, c.entered(own, host.OrgID), "tokens for the organization, by a sign-in after the invitation's end")
		}
	})

	item.Case("an invitation that is nearly over still works", advice{
		Why:      "who comes back from a holiday finds a mail that promises more days than it has",
		Mend:     "let invitations live for as long as the mail promises (PREFLIGHT_INVITATION_LIFETIME)",
		Standard: "spec/hosted-pages.md 10",
	}, func(c *check) {
		host, guest := c.NewUser(), c.NewPerson()
		_, link := c.Invite(host.OrgID, guest)
		c.NearlyOutlive(guest, suite.cfg.InvitationLifetime)
		c.accept(guest, host.OrgID, link)
	})

	item.Case("an invitation that is opened by somebody else makes them no member", advice{
		Why:      "a forwarded mail makes a stranger an administrator, under a name that nobody invited",
		Mend:     "tie the invitation to its address: who is signed in as somebody else has to sign out first",
		Standard: "CWE-863; spec/hosted-pages.md 10",
	}, func(c *check) {
		host, guest, stranger := c.NewUser(), c.NewPerson(), c.NewUser()
		agent := c.Quiet(stranger)
		_, link := c.Invite(host.OrgID, guest, "admin")
		agent.Redeem(link)
		c.notMember(stranger, host.OrgID, "somebody signed in who has opened another's invitation")
		tokens := c.entered(agent, host.OrgID)
		if tokens != nil { // the browser may now be the guest's: holding the mail proves the address
			assert.NotEqual(c, stranger.ID, agent.Claims(tokens.AccessToken)["sub"], "whose the tokens for the organization are")
		}
	})

	item.Case("an invitation that was taken back opens nothing", advice{
		Why:      "a mail to the wrong address cannot be undone",
		Mend:     "look for the pending membership when the link is opened",
		Standard: "OWASP ASVS 8.4.1",
	}, func(c *check) {
		host, guest := c.NewUser(), c.NewPerson()
		_, link := c.Invite(host.OrgID, guest)
		c.removeMember(host.OrgID, c.known(guest))
		agent := flows.NewQuiet(c, suite.world)
		agent.Redeem(link)
		agent.VerifyNoWayIn()
		c.notMember(guest, host.OrgID, "somebody who has opened an invitation that was taken back")
	})

	item.Case("an invitation of somebody who was deactivated before they came opens nothing", advice{
		Why:      "who was let go before the first day comes in by the mail of before",
		Mend:     "let the link make a membership active that waits for it (PENDING_INVITE), and no other",
		Standard: "OWASP ASVS 7.4.2, 8.4.1",
	}, func(c *check) {
		c.NeedDeactivation()
		host, guest := c.NewUser(), c.NewPerson()
		_, link := c.Invite(host.OrgID, guest)
		status, err := suite.world.API.SetMembershipStatus(suite.ctx, host.OrgID, c.known(guest).ID, membershipOff)
		if err != nil || status != membershipOff {
			c.NotVerified(fmt.Sprintf("the management API does not switch off the membership of who has not come yet (status %q, error %v)", status, err))
		}
		agent := flows.NewQuiet(c, suite.world)
		agent.Redeem(link)
		c.notMember(guest, host.OrgID, "somebody who was deactivated and has opened the invitation of before")
		assert.Nil(c, c.entered(agent, host.OrgID), "tokens for the organization, by the invitation of somebody who was deactivated since")
	})

	item.Case("a reminder brings a link that works, and then neither works again", advice{
		Why:      "people who lost the first mail cannot join, or two mails let two people in",
		Mend:     "let the newest link of an invitation work, and void all of them when one was used",
		Standard: "spec/hosted-pages.md 10; OWASP ASVS 6.5.1",
	}, func(c *check) {
		host, guest, other := c.NewUser(), c.NewPerson(), c.NewPerson()
		_, theirs := c.Invite(host.OrgID, other)
		_, first := c.Invite(host.OrgID, guest)
		reader := flows.NewQuiet(c, suite.world)
		mark := reader.MarkInbox(guest)
		if err := suite.world.API.ResendInvite(suite.ctx, host.OrgID, c.known(guest).ID); err != nil {
			c.Trouble("the invitation cannot be sent again: %v", err)
		}
		_, second := reader.AwaitLink(guest, mark, "a reminder of the invitation, with a link")
		c.accept(guest, host.OrgID, second)
		for _, used := range []string{first, second} {
			agent := flows.NewQuiet(c, suite.world)
			agent.Redeem(used)
			agent.VerifyNoWayIn()
		}
		assert.Subset(c, []string{theirs}, c.linksTo(other), "links in the mails to somebody else who was invited, and of whom nobody was reminded")
	})

	item.Case("an invitation to an address that has an account adds to it", advice{
		Why:      "people end with two accounts, and with the data of neither",
		Mend:     "find the user of the address, whatever its case, before making one; add the membership to what is there",
		Standard: "spec/api.md 5.2 (one user per address)",
	}, func(c *check) {
		host, guest := c.NewUser(), c.NewUser()
		own := guest.OrgID
		_, link := c.InviteAs(host.OrgID, guest, strings.ToUpper(guest.Email))
		agent := c.Quiet(&flows.User{Email: guest.Email, OrgID: own})
		agent.GoOn(agent.Redeem(link), &flows.User{Email: guest.Email, OrgID: host.OrgID})
		people, err := suite.world.API.Members(suite.ctx, host.OrgID)
		if err != nil {
			c.Trouble("the organization's people cannot be listed: %v", err)
		}
		ids := map[string]string{}
		for _, one := range people {
			ids[strings.ToLower(one.Email)] = one.ID
		}
		assert.Equal(c, guest.ID, ids[strings.ToLower(guest.Email)], "the account of the invited address in the organization")
		user, joined := c.membership(guest.Email, host.OrgID)
		assert.Equal(c, "ACTIVE", joined.Status, "the membership in the organization of the invitation")
		assert.Len(c, user.Memberships, 2, "memberships of somebody who had one and accepted an invitation")
		assert.NotNil(c, c.entered(agent, own), "tokens for the organization of before")
	})

	item.Case("the address of a link is told to no other host", linkStaysHere, func(c *check) {
		host, guest := c.NewUser(), c.NewPerson()
		_, link := c.Invite(host.OrgID, guest)
		c.toldToNobody(c.Browser(), link)
	})

	item.Case("no other site can show the invitation in a frame", keptOutOfFrames, func(c *check) {
		host, guest := c.NewUser(), c.NewPerson()
		_, link := c.Invite(host.OrgID, guest)
		v := c.Browser()
		v.Goto(link)
		v.AwaitLandingOr("form")
		c.unframableHere("the page behind an invitation", v)
	})

	item.Case("a link that was altered is refused", advice{
		Why:      "links can be guessed, or made for another organization",
		Mend:     "make the link's token from 128 random bits and look it up as a whole",
		Standard: "OWASP ASVS 6.5.3",
	}, func(c *check) {
		host, guest := c.NewUser(), c.NewPerson()
		_, link := c.Invite(host.OrgID, guest)
		agent := flows.NewQuiet(c, suite.world)
		agent.Redeem(alter(link))
		agent.VerifyNoWayIn()
		c.notMember(guest, host.OrgID, "somebody whose invitation was opened with one character changed")
		c.accept(guest, host.OrgID, link) // and the right one has not been used up
	})
}

// Invite invites a person by mail and returns the mail and its link.
func (c *check) Invite(organizationID string, guest *flows.User, roles ...string) (mail inbox.Message, link string) {
	c.Helper()
	return c.InviteAs(organizationID, guest, guest.Email, roles...)
}

// InviteAs is Invite, with the address as somebody may write it.
func (c *check) InviteAs(organizationID string, guest *flows.User, email string, roles ...string) (mail inbox.Message, link string) {
	c.Helper()
	reader := flows.NewQuiet(c, suite.world)
	mark := reader.MarkInbox(guest)
	c.api("somebody is invited", func(ctx context.Context) error {
		_, err := suite.world.API.CreateUser(ctx, organizationID, scalekit.NewUser{
			Email: email, GivenName: guest.GivenName, FamilyName: guest.FamilyName, Roles: roles, Invite: true,
		})
		return err
	})
	return reader.AwaitLink(guest, mark, "an invitation with a link")
}

// linksTo are the links to the auth environment that somebody was mailed so far.
func (c *check) linksTo(user *flows.User) (links []string) {
	c.Helper()
	mails, err := suite.world.Inbox.All(suite.ctx, user.Email)
	if err != nil {
		c.Trouble("the inbox does not answer: %v", err)
	}
	reader := &flows.Visitor{T: c, World: suite.world}
	for _, mail := range mails {
		if reader.HasLink(mail) {
			links = append(links, reader.LinkIn(mail))
		}
	}
	return links
}

// accept takes an invitation up in a browser that nobody knows, and asserts
// that this makes its owner a member.
func (c *check) accept(guest *flows.User, organizationID, link string) {
	c.Helper()
	agent := flows.NewQuiet(c, suite.world)
	agent.GoOn(agent.Redeem(link), &flows.User{Email: guest.Email, OrgID: organizationID})
	_, m := c.membership(guest.Email, organizationID)
	require.Equal(c, "ACTIVE", m.Status, "the membership of who has opened their invitation")
}

// notMember asserts that somebody is no member who could enter.
func (c *check) notMember(user *flows.User, organizationID, who string) {
	c.Helper()
	_, m := c.membership(user.Email, organizationID)
	assert.NotEqual(c, "ACTIVE", m.Status, "the membership of %s", who)
}

// known is a person with the id by which the management API knows them.
func (c *check) known(user *flows.User) *flows.User {
	c.Helper()
	found, _ := c.membership(user.Email, "")
	require.NotEmpty(c, found.ID, "the management API's user of %s", user.Email)
	with := *user
	with.ID = found.ID
	return &with
}
