package e2e

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/passkey"
	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
)

// Who was deleted is out, everywhere, and leaves nothing behind but the others.
func TestUserDeletion(t *testing.T) {
	item := begin(t, "users/deletion")

	item.Case("the refresh tokens of somebody who was deleted are dead at once", advice{
		Why:      "a dismissed employee goes on for as long as the session was meant to live",
		Mend:     "end all sessions of a user who is deleted, and look at the user at every refresh",
		Standard: "OWASP ASVS 7.4.2",
	}, func(c *check) {
		user := c.NewUser()
		here, there := c.Access(user), c.Access(user)
		c.deleteUser(user)
		c.refreshDead(here)
		c.refreshDead(there)
		tokens, _ := there.Tokens(nil)
		assert.Nil(c, tokens, "tokens by the session that another browser had at the auth environment")
	})

	item.Case("the refresh tokens of somebody who was deleted by the product's own id of them are dead, too", advice{
		Why:      "the product deletes people by the id that it knows, and a dismissed employee goes on",
		Mend:     "let every way to delete a user end their sessions, and look at the user at every refresh",
		Standard: "OWASP ASVS 7.4.2; spec/api.md 5.2",
	}, func(c *check) {
		user := c.NewUser()
		before, theirs := c.Access(user), c.unique()
		known, err := suite.world.API.SetExternalID(suite.ctx, user.ID, theirs)
		if err != nil || known.ExternalID != theirs {
			c.NotVerified(fmt.Sprintf("the management API gives a person no external id (error: %v)", err))
		}
		if err := suite.world.API.DeleteUserByExternalID(suite.ctx, theirs); err != nil {
			c.NotVerified(fmt.Sprintf("the management API does not delete a person by their external id: %v", err))
		}
		c.refreshDead(before)
		tokens, _ := before.Tokens(nil)
		assert.Nil(c, tokens, "tokens by the session of somebody who was deleted by their external id")
	})

	item.Case("somebody who was deleted is out in every browser when the access token ends", advice{
		Why:      "the laptop that was left open still shows the company's data, and the API answers",
		Mend:     "let access tokens live for minutes, and end the product's session when a refresh is refused or user.deleted arrives",
		Standard: "OWASP ASVS 7.4.2; DEFECTS.md C-28",
	}, func(c *check) {
		c.NeedEndOfAccess()
		user := c.NewUser()
		here, there := c.Access(user), c.Access(user)
		c.deleteUser(user)
		c.accessDead(here, there)
	})

	item.Case("the address is free again, for an account that has nothing of the old one", advice{
		Why:      "who gets a dismissed person's address gets their account, or cannot sign up at all",
		Mend:     "delete memberships, roles, names, credentials and links with the user; key everything by the user's id, not by the address",
		Standard: "OWASP ASVS 7.4.2; CWE-212",
	}, func(c *check) {
		c.NeedMethod("email_code")
		user := c.NewUser()
		colleague := c.NewColleague(user, "admin") // so that the organization goes on
		c.deleteUser(user)
		before, _ := c.membership(user.Email, user.OrgID)
		require.Empty(c, before.ID, "the management API still finds somebody with the address of a deleted user")

		next := &flows.User{Email: user.Email, GivenName: "Grace", FamilyName: "Other"}
		c.Quiet(next)
		after, kept := c.membership(user.Email, user.OrgID)
		require.NotEmpty(c, after.ID, "somebody new signs up with the address; the management API knows nobody")
		assert.NotEqual(c, user.ID, after.ID, "the id of the new account")
		assert.Empty(c, kept.Status, "the new account's membership in the old one's organization")
		assert.NotEqual(c, user.GivenName, after.Profile.GivenName, "the new account's given name")
		_, still := c.membership(colleague.Email, user.OrgID)
		assert.Equal(c, "ACTIVE", still.Status, "the membership of a colleague")
	})

	item.Case("a password of before opens nothing", advice{
		Why:      "an account that seems gone is still there for who knows its password",
		Mend:     "delete the credentials with the user",
		Standard: "OWASP ASVS 7.4.2",
	}, func(c *check) {
		user := c.NewPasswordUser()
		known, _ := c.membership(user.Email, "")
		user.ID = known.ID
		c.deleteUser(user)
		agent := flows.NewQuiet(c, suite.world)
		agent.SignIn(user)
		agent.VerifyNoWayIn()
	})

	item.Case("a reset link of before changes nothing", advice{
		Why:      "an old mail sets the password of whoever has the address now",
		Mend:     "delete the reset links with the user, and let a link name an account, not an address",
		Standard: "OWASP ASVS 7.4.2",
	}, func(c *check) {
		user := c.NewPasswordUser()
		v := c.Unseen()
		link := v.LinkIn(v.RequestReset(user))
		known, _ := c.membership(user.Email, "")
		user.ID = known.ID
		c.deleteUser(user)
		next := &flows.User{Email: user.Email, Password: newPassword()}
		c.Unseen().SignUpByPassword(next)
		v.SetNewPassword(link, newPassword())
		fresh := c.Unseen()
		answer := fresh.SendPassword(fresh.PasswordForm(next.Email), next.Password)
		require.True(c, signsIn(answer.Status, answer.Header),
			"the new account's own password, after somebody had set another one by the old account's link (HTTP %d)", answer.Status)
	})

	item.Case("a passkey of before opens nothing, whoever has the address now", advice{
		Why:      "who was dismissed comes in by the passkey of before, to the account of who has their address now",
		Mend:     "delete the passkeys with the user, and keep them by the user's id, not by the address",
		Standard: "OWASP ASVS 7.4.2; WebAuthn Level 3 §7.2",
	}, func(c *check) {
		c.NeedMethod("passkey")
		user := c.NewUser()
		v := c.Browser()
		device := passkey.New(v.Page, passkey.Options{ResidentKey: true, UserVerified: true})
		v.SignIn(user)
		v.AddPasskey(device)
		v.ClearCookies(nil) // what the sessions of before are worth is another question
		c.deleteUser(user)
		c.api("somebody new gets the address", func(ctx context.Context) error {
			_, err := suite.world.API.CreateUser(ctx, user.OrgID, scalekit.NewUser{Email: user.Email})
			return err
		})
		v.ChoosePasskey()
		v.AwaitPasskeyEnd()
		v.VerifyNoWayIn()
	})

	item.Case("a social account of before brings nothing back", advice{
		Why:      "who was dismissed presses the provider's button, and has the account, the companies and the rights of before",
		Mend:     "delete the links to providers with the user, and look for nobody among those who are deleted",
		Standard: "OWASP ASVS 7.4.2; CWE-212",
	}, func(c *check) {
		provider := c.someProvider()
		user := c.NewUnmailed()
		c.makeAccount(provider, flows.Account{Email: user.Email, Password: newPassword()}, map[string]any{"email_verified": true}, func(account flows.Account) {
			v := c.Browser()
			v.SignInWith(provider.method, account)
			v.AwaitLanding()
			known := c.find(user.Email)
			if known == nil {
				c.NotVerified("nobody has the address of who came with " + provider.name + ": methods/social looks at that")
			}
			user.ID = known.ID
			joined := c.Join(user)
			c.deleteUser(user)
			c.Browser().SignInWith(provider.method, account) // as somebody new, or not at all
			after, kept := c.membership(user.Email, joined)
			assert.NotEqual(c, user.ID, after.ID, "the id of the account after another sign-in with %s", provider.name)
			assert.Empty(c, kept.Status, "the membership of before, after another sign-in with %s", provider.name)
		})
	})

	item.Case("deleting somebody leaves the others of the organization alone", advice{
		Why:      "one departure throws a whole customer out",
		Mend:     "delete what hangs on the user's id, and nothing that hangs on the organization's",
		Standard: "CHECKLIST users/deletion",
	}, func(c *check) {
		c.NeedEndOfAccess()
		user := c.NewUser()
		colleague := c.Access(c.NewColleague(user))
		c.deleteUser(user)
		if _, err := suite.world.API.GetOrganization(suite.ctx, user.OrgID); err != nil {
			assert.False(c, scalekit.IsNotFound(err), "the organization is gone with one of its two people: %v", err)
		}
		c.outlast(colleague)
		c.accessAlive(colleague)
	})
}
