package e2e

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/config"
	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
	"github.com/auth-preflight/auth-preflight/helpers/screens"
)

// socialProvider is a provider and the variables that describe an account at it.
type socialProvider struct {
	method, name                string
	emailVariable, passwordName string
}

var socialProviders = []socialProvider{
	{"google", "Google", "PREFLIGHT_GOOGLE_EMAIL", "PREFLIGHT_GOOGLE_PASSWORD"},
	{"microsoft", "Microsoft", "PREFLIGHT_MICROSOFT_EMAIL", "PREFLIGHT_MICROSOFT_PASSWORD"},
	{"github", "GitHub", "PREFLIGHT_GITHUB_EMAIL", "PREFLIGHT_GITHUB_PASSWORD"},
}

// Accounts that people have elsewhere let them in, and nobody else.
func TestSocial(t *testing.T) {
	item := begin(t, "methods/social")

	for _, provider := range socialProviders {
		item.Case("somebody comes in with "+provider.name+", and is the same person the next time", advice{
			Why:      "people who come by " + provider.name + " cannot sign in, or find an empty account the second time",
			Mend:     "check the connection's client id, secret and redirect URI in the dashboard, and that its button leads to " + provider.name,
			Standard: "spec/hosted-pages.md 6",
		}, func(c *check) {
			account := c.socialAccount(provider)
			first, second := c.Browser(), c.Browser()
			first.SignInWith(provider.method, account)
			first.AwaitLanding()
			first.VerifySignedIn(&flows.User{Email: account.Email})
			before := c.userID(account.Email)
			second.SignInWith(provider.method, account)
			second.AwaitLanding()
			second.VerifySignedIn(&flows.User{Email: account.Email})
			assert.Equal(c, before, c.userID(account.Email), "the user's id at the second sign-in")
		})

		item.Case("somebody who cancels at "+provider.name+" is told so and can go on", advice{
			Why:      "people who change their mind meet a blank page or a raw error, and leave",
			Mend:     "handle error=access_denied: say what happened and offer the other methods",
			Standard: "OpenID Connect Core §3.1.2.6; RFC 6749 §4.1.2.1",
		}, func(c *check) {
			account := c.socialAccount(provider)
			account.Deny = true
			v := c.Browser()
			v.SignInWith(provider.method, account)
			v.VerifySignedOut()
			require.NotEmpty(c, v.Text(), "the page after cancelling at %s is blank", provider.name)
			v.VerifyWayOn()
		})
	}

	for _, provider := range screens.Providers[len(socialProviders):] {
		item.Case("the button of "+provider+" leads to its own page, and back", advice{
			Why:      "people who come by " + provider + " end at another provider or on an error page",
			Mend:     "check the connection's client id and redirect URI in the dashboard, and at " + provider,
			Standard: "RFC 6749 §4.1.1; CHECKLIST methods/social",
		}, func(c *check) {
			c.NeedMethod(provider)
			v := c.Browser()
			v.OpenLogin("")
			request := v.HoldProviderRequest()
			v.Submit(screens.Provider(provider))
			asked := request.Await().URL
			assert.Contains(c, asked.Hostname(), provider, "the host behind the button of %s", provider)
			for _, parameter := range []string{"client_id", "redirect_uri", "state"} {
				assert.NotEmpty(c, asked.Query().Get(parameter), "%s in the request to %s", parameter, provider)
			}
			v.Step("open the page of " + provider)
			answer := v.Goto(asked.String())
			assert.Less(c, answer.Status, 400, "HTTP status of the page of %s: does it know the application?", provider)
			assert.False(c, v.AtApp(v.URL()), "the page is the provider's own")
			v.Step("come back from " + provider + " without having signed in")
			v.Goto(refusal(c, asked, "access_denied"))
			v.VerifySignedOut()
			c.explained(v)
		})
	}

	item.Case("a sign-in that was begun at a provider in one browser cannot be ended in another", advice{
		Why:      loginCSRF,
		Mend:     "bind the state that goes to the provider to the browser, and compare it when the provider answers",
		Standard: "RFC 9700 §4.7",
	}, func(c *check) {
		provider := c.enabledProvider()
		account := c.socialAccount(provider)
		attacker, victim := c.Browser(), c.Browser()
		answer := attacker.HoldProviderAnswer()
		attacker.SignInWith(provider.method, account)
		victim.OpenLogin("") // a victim with a sign-in of their own under way
		victim.Goto(answer.Await().URL.String())
		victim.VerifyNoWayIn()
	})

	item.Case("a provider's ID token with another nonce is refused", advice{
		Why:      "an ID token that was stolen or made for another login can be played into this one",
		Mend:     "compare the ID token's nonce with the one that was sent to the provider",
		Standard: "OpenID Connect Core §3.1.3.7 (11)",
	}, func(c *check) {
		provider := c.enabledProvider()
		account := c.socialAccount(provider)
		v := c.Browser()
		v.OpenLogin("")
		request := v.HoldProviderRequest()
		v.Submit(screens.Provider(provider.method))
		asked := request.Await().URL
		if asked.Query().Get("nonce") == "" {
			c.NotApplicable("no nonce goes to " + provider.name + ": it gives no ID token, or state and PKCE stand in its place")
		}
		v.Goto(flows.With(asked, map[string]string{"nonce": scalekit.NewNonce()}))
		v.SignInAtProvider(account)
		v.VerifyNoWayIn()
	})

	for _, foreign := range []struct {
		name   string
		advice advice
		claim  string
		value  any
	}{
		{"that was made for another client", advice{
			Why:      "whoever runs another product with the same provider's button signs in as each of its users",
			Mend:     "compare aud of the ID token with the client id at that provider",
			Standard: "OpenID Connect Core §3.1.3.7 (3); OWASP ASVS 10.5.4",
		}, "aud", "another-client"},
		{"of another issuer", advice{
			Why:      "whoever has any provider's token, or can mix two providers up, signs in as a customer",
			Mend:     "compare iss of the ID token with the issuer of that provider, letter by letter",
			Standard: "OpenID Connect Core §3.1.3.7 (2); RFC 9207 §1",
		}, "iss", "https://issuer.preflight.invalid"},
		{"that is over", advice{
			Why:      "an ID token that was caught once signs in for ever",
			Mend:     "compare exp of the ID token with the clock",
			Standard: "OpenID Connect Core §3.1.3.7 (9)",
		}, "exp", time.Now().Add(-time.Hour).Unix()},
	} {
		item.Case("a provider's ID token "+foreign.name+" is refused", foreign.advice, func(c *check) {
			provider := c.openIDProvider()
			account, victim := c.NewUnmailed(), c.NewBystander()
			claims := map[string]any{foreign.claim: foreign.value, "email": victim.Email, "email_verified": true}
			c.makeAccount(provider, flows.Account{Email: account.Email, Password: newPassword()}, map[string]any{"claims": claims}, func(mallory flows.Account) {
				v := c.Browser()
				v.SignInWith(provider.method, mallory)
				if v.WhoAmI(mallory.Email) == mallory.Email {
					c.NotVerified("what stands behind PREFLIGHT_PROVIDER_ACCOUNTS_URL must let \"claims\" overrule its ID token: it signed the account in as if there were none")
				}
				v.VerifyNoWayIn()
			})
		})
	}

	item.Case("an address that the provider has not verified opens nobody's account", advice{
		Why:      "anybody registers the victim's address at a provider that does not check it, and takes the account over",
		Mend:     "link accounts only when the provider says that the address is verified",
		Standard: "OpenID Connect Core §5.7; CVE-2026-35511",
	}, func(c *check) {
		for _, provider := range c.providersThatTakeAccounts(1) {
			victim := c.NewBystander()
			c.makeAccount(provider, flows.Account{Email: victim.Email, Password: newPassword()}, map[string]any{"email_verified": false}, func(account flows.Account) {
				v := c.Browser()
				v.SignInWith(provider.method, account)
				v.VerifyNotSignedInAs(victim)
			})
		}
	})

	item.Case("a verified address belongs to one person, however they come in", advice{
		Why:      "people have two accounts without knowing, and their data in one of them",
		Mend:     "link a provider's account to the user of the same verified address",
		Standard: "spec/hosted-pages.md 6; DEFECTS.md C-19",
	}, func(c *check) {
		provider := c.someProvider()
		user := c.NewBystander()
		c.makeAccount(provider, flows.Account{Email: user.Email, Password: newPassword()}, map[string]any{"email_verified": true}, func(account flows.Account) {
			v := c.Browser()
			v.SignInWith(provider.method, account)
			v.AwaitLanding()
			v.VerifySignedIn(user)
			assert.Equal(c, user.ID, c.userID(user.Email), "the user's id after coming in with %s", provider.name)
		})
	})

	item.Case("the same id at two providers is two people", advice{
		Why:      "an account at one provider opens a stranger's account that came by another",
		Mend:     "key identities by provider and id together",
		Standard: "OWASP ASVS 6.8.1; CVE-2026-42560",
	}, func(c *check) {
		providers := c.twoProviders()
		sub := "10" + c.digits()
		victim, attacker := c.NewUnmailed(), c.NewUnmailed()
		extra := map[string]any{"email_verified": true, "sub": sub}
		c.makeAccount(providers[0], flows.Account{Email: victim.Email, Password: newPassword()}, extra, func(account flows.Account) {
			v := c.Browser()
			v.SignInWith(providers[0].method, account)
			v.AwaitLanding()
			v.VerifySignedIn(victim)
		})
		c.makeAccount(providers[1], flows.Account{Email: attacker.Email, Password: newPassword()}, extra, func(account flows.Account) {
			v := c.Browser()
			v.SignInWith(providers[1].method, account)
			v.VerifyNotSignedInAs(victim)
		})
	})
}

// socialAccount is an account at a provider, of this case alone where the
// variable holds a pattern.
func (c *check) socialAccount(provider socialProvider) flows.Account {
	c.Helper()
	c.NeedMethod(provider.method)
	c.Need(provider.emailVariable, provider.passwordName)
	account := flows.Account{
		Email:    config.Address(suite.cfg.Value(provider.emailVariable), c.unique()),
		Password: suite.cfg.Value(provider.passwordName),
	}
	if account.Email != suite.cfg.Value(provider.emailVariable) {
		c.removeLater("user", account.Email, func(ctx context.Context) error { return c.removePerson(ctx, account.Email) })
	}
	return account
}

// enabledProvider is the first provider that is on.
func (c *check) enabledProvider() socialProvider {
	c.Helper()
	c.Need("PREFLIGHT_METHODS")
	for _, provider := range socialProviders {
		if suite.cfg.Has(provider.method) {
			return provider
		}
	}
	c.NotApplicable("PREFLIGHT_METHODS lists no social provider")
	return socialProvider{}
}

// someProvider is a provider that is on and takes accounts of our making.
func (c *check) someProvider() socialProvider { return c.providersThatTakeAccounts(1)[0] }

// openIDProvider is a provider that is on, takes accounts of our making and
// gives ID tokens: GitHub gives none.
func (c *check) openIDProvider() socialProvider {
	c.Helper()
	for _, provider := range c.providersThatTakeAccounts(1) {
		if provider.method != "github" {
			return provider
		}
	}
	c.NotApplicable("PREFLIGHT_METHODS lists no social provider that gives ID tokens")
	return socialProvider{}
}

func (c *check) twoProviders() []socialProvider { return c.providersThatTakeAccounts(2) }

func (c *check) providersThatTakeAccounts(n int) (on []socialProvider) {
	c.Helper()
	c.Need("PREFLIGHT_METHODS", "PREFLIGHT_PROVIDER_ACCOUNTS_URL")
	for _, provider := range socialProviders {
		if suite.cfg.Has(provider.method) {
			on = append(on, provider)
		}
	}
	if len(on) < n {
		c.NotApplicable("PREFLIGHT_METHODS lists too few social providers")
	}
	return on
}

// makeAccount makes an account at a provider's stand-in and uses it.
func (c *check) makeAccount(provider socialProvider, account flows.Account, extra map[string]any, use func(flows.Account)) {
	c.Helper()
	body := map[string]any{"provider": provider.method, "email": account.Email, "password": account.Password, "given_name": "Ada", "family_name": "Preflight"}
	for name, value := range extra {
		body[name] = value
	}
	c.control("PREFLIGHT_PROVIDER_ACCOUNTS_URL", body)
	use(account)
}

// userID asks the management API for the id of an address's user.
func (c *check) userID(email string) string {
	c.Helper()
	user, err := suite.world.API.FindUser(suite.ctx, email)
	if err != nil {
		c.Trouble("the user cannot be looked up: %v", err)
	}
	if user == nil {
		c.Fatalf("expected a user of %s at the auth environment; there is none", email)
	}
	return user.ID
}

func (c *check) digits() string {
	digits := ""
	for _, r := range scalekit.NewNonce() {
		digits += string('0' + r%10)
	}
	return digits[:16]
}
