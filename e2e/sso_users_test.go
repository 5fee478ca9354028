package e2e

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/idp"
	"github.com/auth-preflight/auth-preflight/helpers/passkey"
	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
	"github.com/auth-preflight/auth-preflight/helpers/screens"
)

// Single sign-on makes an account for who has none, finds the one of who has,
// and opens nothing to whom the company has let go.
func TestSSOUsers(t *testing.T) {
	item := begin(t, "sso/users")

	const account = "spec/oauth.md 2.2; spec/webhooks-scim.md 8"

	item.Case("somebody new has an account after the first sign-in, and the same one after the second", advice{
		Why:      "an employee of a paying customer gets nowhere, or finds an empty account the next morning",
		Mend:     "make the account at the first sign-in, and find it again by the address and the identity of the connection",
		Standard: account,
	}, func(c *check) {
		w := c.company(connectionSettings{})
		ada := w.employee("ada")
		first := w.signIn(ada).mustBe(ada)
		user := c.mustKnow(ada.Email)
		assert.Equal(c, user.ID, first.sub(), "who the ID token speaks of, beside the account that the environment shows")
		assert.Equal(c, "ACTIVE", user.StatusIn(w.OrgID), "the membership in the company's organization")
		assert.Equal(c, w.OrgID, textOf(first.ID, "oid"), "the organization that the ID token names")
		again := w.signIn(ada).mustBe(ada)
		assert.Equal(c, first.sub(), again.sub(), "the id of the person at the second sign-in")
	})

	item.Case("somebody who has an account already keeps it when single sign-on comes", advice{
		Why:      "people lose what they had made, and the customer pays for two seats",
		Mend:     "look for the address before you make an account; the company has proven that the domain is its own",
		Standard: "spec/oauth.md 2.2; spec/api.md 5.2",
	}, func(c *check) {
		w := c.company(connectionSettings{})
		ada := w.employee("ada")
		var known *scalekit.User
		c.api("a person is made before single sign-on", func(ctx context.Context) (err error) {
			known, err = suite.world.API.CreateUser(ctx, w.OrgID, scalekit.NewUser{Email: ada.Email, GivenName: "Ada", FamilyName: "Before"})
			return err
		})
		assert.Equal(c, known.ID, w.signIn(ada).mustBe(ada).sub(), "the id of the person who had an account")
		assert.True(c, w.routed(ada.Email), "whoever types the address is sent to the company's identity provider; expected that, saw another way")
	})

	item.Case("somebody who signed up with a password is the same person by single sign-on, once the address is proven", advice{
		Why:      "people lose their account when their company takes up single sign-on, or somebody else's provider takes it over",
		Mend:     "link the identity to the account of that address: at once where the company owns the domain, else after a mail has proven it",
		Standard: "spec/oauth.md 2.2; ASVS 6.8.1",
	}, func(c *check) {
		c.NeedMethod("password")
		w := c.company(connectionSettings{})
		user := c.NewPerson()
		user.Password = newPassword()
		v := c.Browser()
		v.SignUpByPassword(user)
		known := c.mustKnow(user.Email)
		c.api("the person is made a member of the company", func(ctx context.Context) error {
			_, err := suite.world.API.AddMember(ctx, w.OrgID, known.ID)
			return err
		})
		c.comeByTile(w, v, user)
		v.VerifySignedIn(user)
		after := c.mustKnow(user.Email)
		assert.Equal(c, known.ID, after.ID, "the account of the address, before and after")
		assert.Equal(c, "ACTIVE", after.StatusIn(w.OrgID), "the membership in the company's organization")
	})

	item.Case("somebody who comes with a social account of the company's domain still goes by the company's provider", advice{
		Why:      "an employee who was let go, or whoever has a social account of that address, is in without the company's own sign-in and its second factor",
		Mend:     "look for the organization of the address after a social sign-in, and send the person on to its identity provider",
		Standard: "spec/oauth.md 2.2 (home-realm discovery)",
	}, func(c *check) {
		provider := c.someProvider()
		w := c.company(connectionSettings{})
		ada := w.employee("ada")
		v := w.visitor(ada)
		c.makeAccount(provider, flows.Account{Email: ada.Email, Password: newPassword()}, map[string]any{"email_verified": true}, func(account flows.Account) {
			v.SignInWith(provider.method, account)
			v.AwaitLanding()
			v.VerifySignedIn(&flows.User{Email: ada.Email})
		})
		w.mustHaveAnswered(1)
	})

	item.Case("somebody with a passkey still goes by the company's provider", advice{
		Why:      "an employee who was let go comes in by a passkey, and the company's own sign-in is never asked",
		Mend:     "look for the organization of the address after a sign-in by passkey, and send the person on to its identity provider",
		Standard: "spec/oauth.md 2.2 (home-realm discovery)",
	}, func(c *check) {
		c.NeedMethod("passkey")
		w := c.company(connectionSettings{})
		ada := w.employee("ada")
		v := w.visitor(ada)
		device := passkey.New(v.Page, passkey.Options{ResidentKey: true, UserVerified: true})
		v.OpenLogin("")
		screens.SubmitEmail(v.Page, ada.Email)
		v.AwaitLanding()
		v.AddPasskey(device)
		v.SignOut()
		v.SignInByPasskey(device)
		v.VerifySignedIn(&flows.User{Email: ada.Email})
		w.mustHaveAnswered(2)
	})

	for _, protocol := range protocols {
		item.Case("somebody who was deactivated is refused at the sign-in over "+protocol.name+", and their refresh tokens are worth nothing", advice{
			Why:      "who was let go still reads the customer's data",
			Mend:     "look at the membership at every sign-in, whatever the provider speaks, and at every refresh, and end the sessions when it is switched off",
			Standard: "ASVS 7.4.2; CVE-2025-53942",
		}, func(c *check) {
			c.NeedDeactivation()
			w := protocol.open(c, connectionSettings{})
			orgID, _ := w.ids()
			eve := w.employee("eve")
			before := w.signIn(eve).mustBe(eve)
			user := c.mustKnow(eve.Email)
			c.api("the membership is switched off", func(ctx context.Context) error {
				status, err := suite.world.API.SetMembershipStatus(ctx, orgID, user.ID, "INACTIVE")
				if err == nil {
					require.Equal(c, "INACTIVE", status, "the membership, as PREFLIGHT_API_CAN=deactivation says it can be switched")
				}
				return err
			})
			w.signIn(eve).mustBeRefused()
			assert.Equal(c, "INACTIVE", c.mustKnow(eve.Email).StatusIn(orgID), "the membership after the attempt to sign in")
			if before.Tokens.RefreshToken != "" {
				answer := before.agent.Refresh(before.Tokens.RefreshToken)
				assert.NotEqual(c, http.StatusOK, answer.Status, "the answer to a refresh token of before the deactivation")
				assert.Empty(c, answer.AccessToken, "the access token for it")
			}
		})
	}

	item.Case("an address in capitals is the same person", advice{
		Why:      "half of the people of a company have two accounts, since their directory writes addresses in another way",
		Mend:     "compare addresses without regard to case, and store one form",
		Standard: "RFC 5321 §2.4; spec/api.md 5.2",
	}, func(c *check) {
		w := c.company(connectionSettings{})
		ada := w.employee("ada")
		first := w.signIn(ada).mustBe(ada)
		assert.Equal(c, first.sub(), w.signIn(capitals(ada)).mustBe(ada).sub(), "the id of the person whose address is now in capitals")
		assert.Equal(c, first.sub(), w.signIn(ada).mustBe(ada).sub(), "the id of the person whose address is in small letters again")
	})

	item.Case("an address with a tag behind a plus sign is somebody else", advice{
		Why:      "whoever can get an account with a tagged address, where tags are nothing special, opens the account of another person",
		Mend:     "compare the whole address; what + means is known to the receiving mail server alone",
		Standard: "RFC 5233 §1; ASVS 6.8.1",
	}, func(c *check) {
		w := c.company(connectionSettings{})
		name := "ada-" + c.unique()
		ada, tagged := c.personAt(name+"@"+w.Domain), c.personAt(name+"+boss@"+w.Domain)
		first := w.signIn(ada).mustBe(ada)
		other := w.signIn(tagged)
		assert.NotEqual(c, first.sub(), other.sub(), "the id of the person with the tagged address, beside that of the person without")
	})

	for _, by := range []struct {
		provider, protocol string
		companies          func(c *check) (attacker, victims entrance)
	}{
		{"a provider", "SAML", func(c *check) (attacker, victims entrance) {
			return c.company(connectionSettings{}), c.otherCompany()
		}},
		{"an OIDC provider", "OIDC", func(c *check) (attacker, victims entrance) {
			return c.openIDCompany(connectionSettings{}), c.openIDCompany(connectionSettings{})
		}},
	} {
		item.Case(by.provider+" does not speak for the people of another company", advice{
			Why:      "whoever administers one customer's identity provider opens the accounts of every other customer",
			Mend:     "believe a connection only about the domains of its own organization, whatever the provider speaks",
			Standard: "ASVS 6.8.1; DEFECTS.md sso-domain-unverified-login",
		}, func(c *check) {
			attacker, victims := by.companies(c)
			bob := victims.employee("bob")
			genuine := victims.signIn(bob).mustBe(bob)
			stolen := attacker.signIn(bob)
			assert.NotEqual(c, genuine.sub(), stolen.sub(), "who is signed in when another company's provider names %s", bob.Email)
			stolen.mustBeRefusedOrAsked()
			attacker.mustNotJoin(bob.Email)
		})

		item.Case("the same id at the "+by.protocol+" providers of two companies is two people", advice{
			Why:      "whoever administers one customer's identity provider writes the id of another customer's employee into it, and is in their account",
			Mend:     "key identities by connection and id together: an id means something at its own provider only",
			Standard: "OpenID Connect Core §5.7; saml-core §8.3.7; ASVS 6.8.1",
		}, func(c *check) {
			attacker, victims := by.companies(c)
			bob, eve := victims.employee("bob"), attacker.employee("eve")
			bob.NameID, bob.NameIDFormat = "4711-"+c.unique(), idp.NameIDPersistent
			eve.NameID, eve.NameIDFormat = bob.NameID, bob.NameIDFormat
			genuine := victims.signIn(bob).mustBe(bob)
			other := attacker.signIn(eve)
			assert.NotEqual(c, genuine.sub(), other.sub(), "who is signed in when another company's provider gives %s the id of %s", eve.Email, bob.Email)
			attacker.mustNotJoin(bob.Email)
			other.mustBe(eve)
		})
	}
}

// otherCompany is a second organization, as far from the first as two customers
// are.
func (c *check) otherCompany() *way {
	c.Helper()
	if suite.cfg.APIDoes("connections") {
		return c.company(connectionSettings{})
	}
	c.Need("PREFLIGHT_IDP_OTHER_KEY_FILE", "PREFLIGHT_IDP_OTHER_CERT_FILE", "PREFLIGHT_IDP_OTHER_ENTITY_ID",
		"PREFLIGHT_IDP_OTHER_CONNECTION_ID", "PREFLIGHT_IDP_OTHER_DOMAIN")
	w := &way{organization: organization{c: c, Domain: suite.cfg.IDPOtherDomain}, ID: suite.cfg.IDPOtherConnectionID, IdP: suite.world.OtherIdP(c)}
	c.providers = append(c.providers, w.IdP)
	return w
}

// mustHaveAnswered ends the case unless the company's provider was asked as
// often as people signed in.
func (w *way) mustHaveAnswered(times int) {
	w.c.Helper()
	asked := len(w.IdP.Sent())
	require.Equal(w.c, times, asked, "how often the company's identity provider was asked, in %d sign-ins", times)
}

// mustBeRefusedOrAsked ends the case if anybody was signed in: asking for more
// proof, such as a code by mail, is right, too.
func (a *arrival) mustBeRefusedOrAsked() {
	a.c.Helper()
	require.Empty(a.c, a.email(), "who is signed in; expected nobody; the environment said: %s", a.end.Explanation())
	a.mustBeUnknown("after that")
}

// comeByTile brings a browser in by the tile at the suite's provider, and proves
// the address by mail where the environment asks for that.
func (c *check) comeByTile(w *way, v *flows.Visitor, user *flows.User) {
	c.Helper()
	w.IdP.SignInAs(idp.Person{Email: user.Email, GivenName: user.GivenName, FamilyName: user.FamilyName})
	_, request := flows.NewAgent(c, suite.world).SAMLRequest(w.ID)
	v.Serve(w.IdP.Origin(), w.IdP.Handler())
	mark := v.MarkInbox(user)
	v.Step("come by the tile at the company's provider")
	v.Goto(w.IdP.Launch(request.SP, ""))
	if landed := v.AwaitLandingOr(screens.PinInput); landed {
		return
	}
	v.EnterCode(v.CodeIn(v.AwaitMail(user, mark, "a mail with a code", v.HasCode)))
	v.AwaitLanding()
}

// capitals is a person whose directory writes the address in capitals.
func capitals(person idp.Person) idp.Person {
	person.Email = strings.ToUpper(person.Email)
	return person
}
