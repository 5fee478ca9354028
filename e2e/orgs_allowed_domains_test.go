package e2e

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/config"
	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
)

// An organization is open to whom its allow-list names, and to nobody whose
// address only looks like it.
func TestAllowedDomains(t *testing.T) {
	item := begin(t, "orgs/allowed-domains")

	item.Case("somebody with an address of an allowed domain joins with one click, as a plain member", advice{
		Why:      "colleagues make organizations of their own, one after the other, or become administrators by arriving",
		Mend:     "put the customer's domain on the organization's allow-list (ALLOWED_EMAIL_DOMAIN), and compare without regard to case",
		Standard: "spec/hosted-pages.md 9; RFC 1035 §2.3.3; CWE-269",
	}, func(c *check) {
		c.NeedMethod("email_code")
		domain := c.ownDomain()
		organization := c.organizationAllowing(strings.ToUpper(domain.name))
		colleague := c.personIn(domain.id)
		v := c.Browser()
		v.OpenLogin("")
		v.EnterCode(v.RequestCode(colleague))
		v.ChooseOrganization(organization)
		v.AwaitLanding()
		v.VerifySignedIn(colleague)
		_, m := c.membership(colleague.Email, organization)
		assert.Equal(c, "ACTIVE", m.Status, "the membership of who has joined")
		assert.Equal(c, c.rolesByDefault(), roleNames(m), "the roles of who has joined by the domain of their address")
		assert.Equal(c, organization, v.Claims(v.ObtainTokens(nil).AccessToken)["oid"], "oid of the access token")
	})

	item.Case("nobody else is offered the organization, or can join it by its id", advice{
		Why:      "strangers read a customer's data after one click",
		Mend:     "compare the domain of the proven address with the list when the organization is chosen, not only when it is offered",
		Standard: "OWASP ASVS 8.4.1; spec/hosted-pages.md 9",
	}, func(c *check) {
		organization := c.organizationAllowing(c.ownDomain().name)
		stranger := c.NewUser()
		c.Join(stranger) // so that there is something to choose
		agent := flows.NewAgent(c, suite.world)
		grant, first := agent.Authorize(nil)
		end := agent.Through(first, &flows.User{Email: stranger.Email, OrgID: organization}) // sends the id, offered or not
		c.notThere(agent, grant, end, organization, "by its id on the page that asks for an organization")
		own := c.Quiet(stranger)
		_, picker := own.Tokens(url.Values{"prompt": {"select_account"}})
		assert.False(c, picker.Offers(organization), "the page that asks for an organization offers one whose allow-list is another domain's")
		assert.Nil(c, c.entered(own, organization), "tokens for the organization")
		c.notMember(stranger, organization, "somebody of another domain who has asked for the organization")
	})

	item.Case("somebody who was deactivated cannot join again by the domain of their address", advice{
		Why:      "who was let go brings themselves back with one click, for as long as their mailbox is open",
		Mend:     "let the allow-list make members of who has no membership at all, and leave one that was switched off as it is",
		Standard: "OWASP ASVS 7.4.2, 8.4.1",
	}, func(c *check) {
		c.NeedMethod("email_code")
		c.NeedDeactivation()
		domain := c.ownDomain()
		organization := c.organizationAllowing(domain.name)
		person := c.personIn(domain.id)
		person.OrgID = organization
		c.Quiet(person)
		known, joined := c.membership(person.Email, organization)
		require.Equal(c, "ACTIVE", joined.Status, "the membership of who has joined")
		person.ID = known.ID
		c.Join(person) // so that there is something to choose
		c.deactivate(person)
		agent := flows.NewAgent(c, suite.world)
		grant, first := agent.Authorize(nil)
		end := agent.Through(first, person) // sends the id, offered or not
		c.notThere(agent, grant, end, organization, "after they were deactivated")
		_, m := c.membership(person.Email, organization)
		assert.Equal(c, membershipOff, m.Status, "the membership of who was deactivated and has asked for the organization again")
	})

	item.Case("a domain that only looks like an allowed one opens nothing", advice{
		Why:      "an attacker registers a domain that ends alike, and is a colleague",
		Mend:     "compare whole domains, letter by letter: no prefix, no suffix, no sub-domain, no letters of other scripts",
		Standard: "OWASP ASVS 8.4.1; UTS #39; RFC 5890",
	}, func(c *check) {
		c.NeedMethod("email_code")
		domain := c.ownDomain()
		organization := c.organizationAllowing(domain.name)
		for what, id := range map[string]string{
			"a sub-domain":                      "sub." + domain.id,
			"one that ends alike":               "x" + domain.id,
			"one that begins alike":             domain.id + "x",
			"one with a letter of another kind": strings.Replace(domain.id, "-", "--", 1),
			"its punycode twin":                 "xn--" + domain.id + "-9za",
		} {
			person := c.personIn(id)
			person.OrgID = organization
			agent := flows.NewAgent(c, suite.world)
			grant, first := agent.Authorize(nil)
			end := agent.Through(first, person)
			c.notThere(agent, grant, end, organization, "with "+what)
			_, m := c.membership(person.Email, organization)
			assert.Empty(c, m.Status, "the membership of somebody with an address in %s of the allowed domain", what)
		}
	})

	item.Case("a domain that was taken off the list opens nothing, and who has joined stays", advice{
		Why:      "an organization cannot close its door, or loses its people when it does",
		Mend:     "look at the list when somebody joins, and at the membership afterwards",
		Standard: "CHECKLIST orgs/allowed-domains",
	}, func(c *check) {
		c.NeedMethod("email_code")
		domain := c.ownDomain()
		organization, rule := c.allowing(domain.name)
		early, late := c.personIn(domain.id), c.somebodyAt("late."+c.unique()+"@"+domain.name)
		early.OrgID, late.OrgID = organization, organization
		member := c.Quiet(early)
		if err := suite.world.API.DeleteDomain(suite.ctx, organization, rule); err != nil {
			c.Trouble("the domain cannot be taken off the list: %v", err)
		}
		agent := flows.NewAgent(c, suite.world)
		grant, first := agent.Authorize(nil)
		c.notThere(agent, grant, agent.Through(first, late), organization, "after the domain was taken off the list")
		c.notMember(late, organization, "somebody who came after the domain was taken off the list")
		assert.NotNil(c, c.entered(member, organization), "tokens for who joined before")
	})

	item.Case("a domain that is everybody's cannot be allowed", advice{
		Why:      "one click, and everybody with a free mailbox is a colleague",
		Mend:     "refuse public and disposable domains on allow-lists, in whatever spelling",
		Standard: "spec/hosted-pages.md 9; spec/api.md 5.6",
	}, func(c *check) {
		c.Need("PREFLIGHT_BLOCKED_DOMAINS")
		user := c.NewUser()
		for _, domain := range suite.cfg.BlockedDomains {
			for _, spelt := range []string{domain, strings.ToUpper(domain), " " + domain + " ", "mail." + domain} {
				_, err := suite.world.API.AllowDomain(suite.ctx, user.OrgID, spelt)
				assert.Error(c, err, "the management API takes %q for an allow-list", spelt)
			}
		}
	})

	item.Case("nobody signs up, or is invited, with an address of a blocked domain", advice{
		Why:      "throw-away accounts take what is free, and customers' data goes to private mailboxes",
		Mend:     "switch on \"block disposable domains\" and \"block public domains\"; compare in lower case, sub-domains too",
		Standard: "spec/hosted-pages.md 4 (e-mail domain rules)",
	}, func(c *check) {
		c.Need("PREFLIGHT_BLOCKED_DOMAINS")
		host := c.NewUser()
		for _, domain := range suite.cfg.BlockedDomains {
			for _, spelt := range []string{domain, strings.ToUpper(domain), "mail." + domain} {
				person := c.somebodyAt("preflight-" + c.unique() + "@" + spelt)
				end, sent := flows.NewAgent(c, suite.world).SendSignUp(person.Email, newPassword())
				if !sent {
					c.NotVerified("the sign-up page has no form that takes an address: try one of " + domain + " by hand, and attest it (PREFLIGHT_ATTESTATIONS)")
				}
				assert.False(c, end.AsksForCode() || !end.Followed, "the sign-up with an address of %s goes on (HTTP %d)", spelt, end.Status)
				err := suite.create(func(ctx context.Context) error {
					_, err := suite.world.API.CreateUser(ctx, host.OrgID, scalekit.NewUser{Email: person.Email, Invite: true})
					return err
				})
				assert.Error(c, err, "an invitation to an address of %s", spelt)
				known, _ := c.membership(person.Email, host.OrgID)
				assert.Empty(c, known.ID, "the user of an address of %s", spelt)
			}
		}
	})
}

// domain is one of this case's own, whose mails arrive in the inbox.
type domain struct{ id, name string }

func (c *check) ownDomain() domain {
	c.Helper()
	c.Need("PREFLIGHT_DOMAIN_ADDRESS")
	id := c.unique()
	return domain{id, domainOf(config.Address(suite.cfg.DomainAddress, id))}
}

// personIn invents somebody with an address in a domain of the suite's own.
func (c *check) personIn(domainID string) *flows.User {
	c.Helper()
	c.needInbox()
	return c.somebodyAt(config.Address(suite.cfg.DomainAddress, domainID))
}

// organizationAllowing makes an organization that people of a domain may join.
func (c *check) organizationAllowing(name string) (organizationID string) {
	c.Helper()
	organizationID, _ = c.allowing(name)
	return organizationID
}

func (c *check) allowing(name string) (organizationID, rule string) {
	c.Helper()
	err := c.newOrganization(func(ctx context.Context, o *scalekit.Organization) (err error) {
		organizationID = o.ID
		rule, err = suite.world.API.AllowDomain(ctx, o.ID, name)
		return err
	})
	require.NoError(c, err, "a domain of the suite's own on an organization's allow-list")
	return organizationID, rule
}

// rolesByDefault are the roles of who joins and is given none.
func (c *check) rolesByDefault() (names []string) {
	c.Helper()
	roles, err := suite.world.API.Roles(suite.ctx, "")
	if err != nil {
		c.Trouble("the roles cannot be listed: %v", err)
	}
	for _, role := range roles {
		if role.DefaultMember {
			names = append(names, role.Name)
		}
	}
	return names
}
