package e2e

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
	"github.com/auth-preflight/auth-preflight/helpers/screens"
)

// What people are asked when they sign up is asked of everybody, insisted on
// where it must be, and kept as it was said.
func TestProfileFields(t *testing.T) {
	item := begin(t, "users/profile-fields")

	item.Case("what is declared is asked at sign-up, and arrives as it was typed", advice{
		Why:      "mails and invoices go to nobody, or to the wrong name",
		Mend:     "switch the fields on in the environment's sign-up settings, and name them in PREFLIGHT_PROFILE_FIELDS",
		Standard: "spec/hosted-pages.md 4; CHECKLIST users/profile-fields",
	}, func(c *check) {
		fields := c.profileFields()
		c.NeedMethod("email_code")
		person := c.NewPerson()
		v := c.Browser()
		v.OpenLogin("")
		v.EnterCode(v.RequestCode(person))
		v.AwaitLandingOr(screens.ProfileInput)
		said := map[string]string{}
		for _, field := range fields {
			said[field] = answers[field]
			require.True(c, v.Has(screens.ProfileField(field)), "the sign-up asks for %s (browser at %s)", field, v.URL().Path)
			v.Fill(screens.ProfileField(field), answers[field])
		}
		v.Submit(screens.SubmitOf(screens.ProfileInput))
		v.AwaitLanding()
		v.VerifySignedIn(person)
		known, _ := c.membership(person.Email, "")
		for _, m := range known.Memberships { // it may have a name, so that nothing tells it from a customer's
			c.removeLater("organization", m.OrganizationID, func(ctx context.Context) error {
				return suite.world.API.DeleteOrganization(ctx, m.OrganizationID)
			})
		}
		for _, field := range fields {
			if kept, told := c.kept(known, field); told {
				assert.Equal(c, said[field], kept, "%s, as the management API has it", field)
			}
		}
		claims := v.Claims(v.ObtainTokens(nil).IDToken)
		if slices.Contains(fields, "first_name") {
			assert.Equal(c, said["first_name"], claims["given_name"], "given_name of the ID token")
		}
		v.Goto(suite.cfg.App(suite.cfg.AppProtectedPath))
		assert.Zero(c, v.Count(`i[data-preflight]`), "elements of the application's page that the name brought along")
	})

	item.Case("what is insisted on cannot be left out, whatever the page would let through", advice{
		Why:      "half of the customers have no name, since a script or a blank got round the page",
		Mend:     "check required fields on the server, without the blanks around them",
		Standard: "OWASP ASVS 2.2.2; CWE-602",
	}, func(c *check) {
		required := c.requiredFields()
		c.NeedMethod("email_code")
		for _, blank := range []string{"", " \t "} {
			for _, field := range required {
				person := c.NewPerson()
				agent := flows.NewAgent(c, suite.world)
				grant, page := agent.UpToProfile(person)
				require.True(c, page.AsksProfile(), "a page that asks somebody new who they are; the sign-up ended at %s", page.URL.Path)
				form := page.Form(screens.ProfileInput)
				form.Complete()
				end := agent.Submit(form, map[string]string{page.NameOf(screens.ProfileField(field)): blank})
				assert.Nil(c, agent.RedeemCode(grant, end), "tokens for who left %s out (%q)", field, blank)
				known, _ := c.membership(person.Email, "")
				assert.Empty(c, known.Memberships, "memberships of who left %s out", field)
			}
		}
	})

	item.Case("what is insisted on is asked of who signs up with a password, too", advice{
		Why:      "one of the ways in forgets to ask",
		Mend:     "let every way of signing up end at the same form",
		Standard: "CHECKLIST users/profile-fields",
	}, func(c *check) {
		required := c.requiredFields()
		c.NeedMethod("password")
		user := c.NewPasswordUser()
		known, _ := c.membership(user.Email, "")
		for _, field := range required {
			if kept, told := c.kept(known, field); told {
				assert.NotEmpty(c, kept, "%s of who signed up with a password", field)
			}
		}
	})

	item.Case("a sign-up says nothing that was not asked", advice{
		Why:      "somebody who signs up puts themselves into a customer's organization, or makes themselves an administrator",
		Mend:     "read the declared fields of the form, and no others",
		Standard: "CWE-915; OWASP ASVS 15.3.3",
	}, func(c *check) {
		c.profileFields()
		c.NeedMethod("email_code")
		host, person := c.NewUser(), c.NewPerson()
		agent := flows.NewAgent(c, suite.world)
		grant, page := agent.UpToProfile(person)
		require.True(c, page.AsksProfile(), "a page that asks somebody new who they are; the sign-up ended at %s", page.URL.Path)
		form := page.Form(screens.ProfileInput)
		form.Complete()
		end := agent.Submit(form, map[string]string{
			"organization_id": host.OrgID, "org_id": host.OrgID, "oid": host.OrgID, "role": "admin", "roles": "admin", "email": host.Email, "user_id": host.ID,
		})
		known, m := c.membership(person.Email, host.OrgID)
		assert.Empty(c, m.Status, "the membership in an organization that the sign-up named by itself")
		if tokens := agent.RedeemCode(grant, end); tokens != nil {
			claims := agent.Claims(tokens.AccessToken)
			assert.NotEqual(c, host.OrgID, claims["oid"], "oid of the access token")
			assert.Equal(c, known.ID, claims["sub"], "whose the tokens are")
		}
	})
}

// answers are what a person says of themselves; the last name is one that has to
// be kept letter by letter, and escaped.
var answers = map[string]string{
	"first_name": "Zoë-Ægir", "last_name": `O'Ñandú <i data-preflight>`, "full_name": `Zoë-Ægir O'Ñandú`,
	"phone_number": "+493012345678", "organization_name": "Preflight",
}

// profileFields are the declared fields.
func (c *check) profileFields() []string {
	c.Helper()
	c.Need("PREFLIGHT_PROFILE_FIELDS")
	if slices.Contains(suite.cfg.ProfileFields, "none") {
		c.NotApplicable("PREFLIGHT_PROFILE_FIELDS says that people are asked nothing when they sign up")
	}
	return suite.cfg.ProfileFields
}

func (c *check) requiredFields() []string {
	c.Helper()
	c.profileFields()
	c.Need("PREFLIGHT_PROFILE_REQUIRED")
	return suite.cfg.ProfileRequired
}

// kept is what the management API has of a field; told is false for what it
// does not tell.
func (c *check) kept(user scalekit.User, field string) (text string, told bool) {
	c.Helper()
	switch field {
	case "first_name":
		return user.Profile.GivenName, true
	case "last_name":
		return user.Profile.FamilyName, true
	case "full_name":
		return user.Profile.Name, true
	case "phone_number":
		return user.Profile.PhoneNumber, true
	}
	return "", false
}
