package e2e

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/a11y"
	"github.com/auth-preflight/auth-preflight/helpers/browser"
	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/passkey"
	"github.com/auth-preflight/auth-preflight/helpers/readiness"
	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
	"github.com/auth-preflight/auth-preflight/helpers/screens"
)

// Everybody finds their way in: on a phone and on a desktop, by mouse, keyboard
// or screen reader, and people of an organization at its own provider.
func TestSelection(t *testing.T) {
	item := begin(t, "methods/selection")

	item.Case("every method that is on is offered, and no other", advice{
		Why:      "people do not find the way in which they signed up, or meet one that does not work",
		Mend:     "compare Authentication in the dashboard with PREFLIGHT_METHODS, and look at the login page",
		Standard: "CHECKLIST methods/selection",
	}, func(c *check) {
		c.offersWhatIsDeclared()
	})

	item.Case("the keyboard alone is enough to sign in", advice{
		Why:      "people who cannot use a mouse are shut out, and power users curse",
		Mend:     "use real buttons, links and fields, in the order of reading, and leave the focus ring visible",
		Standard: "WCAG 2.2, 2.1.1, 2.4.3 and 2.4.7",
	}, func(c *check) {
		c.NeedMethod("email_code")
		user := c.AnyUser()
		v := c.Browser()
		v.OpenLogin("")
		c.tabTo(v, screens.EmailInput)
		v.Type(screens.EmailInput, user.Email)
		mark := v.MarkInbox(user)
		v.PressAndLand("Enter")
		if v.Await(screens.PinInput, screens.EmailCodeChoice, screens.ResendButton) == 1 {
			c.tabTo(v, screens.EmailCodeChoice)
			v.PressAndLand("Enter")
		}
		code := v.AwaitCode(user, mark)
		c.tabTo(v, screens.PinInput)
		v.TypeCode(code)
		v.AwaitLanding()
		v.VerifySignedIn(user)
	})

	item.Case("every method can be chosen by keyboard", advice{
		Why:      "people who cannot use a mouse cannot use the method that they signed up with",
		Mend:     "make each choice a link or a button that Tab reaches, in the order of reading, with a visible focus",
		Standard: "WCAG 2.2, 2.1.1, 2.4.3 and 2.4.7",
	}, func(c *check) {
		c.Need("PREFLIGHT_METHODS")
		v := c.Browser()
		v.OpenLogin("")
		stops := c.judged(a11y.Tour(v.Page))
		assert.True(c, a11y.InOrder(stops), "Tab follows the order of the page; it went %s", names(stops))
		for _, provider := range screens.Providers {
			if !suite.cfg.Has(provider) {
				continue
			}
			v.OpenLogin("")
			asked := v.HoldProviderRequest()
			c.tabTo(v, screens.Provider(provider))
			v.PressAndLand("Enter")
			asked.Await()
		}
		if suite.cfg.Has("passkey") {
			device := passkey.New(v.Page, passkey.Options{ResidentKey: true, UserVerified: true})
			device.Cancel(true)
			v.OpenLogin("")
			c.tabTo(v, screens.PasskeyButton)
			v.Press("Enter")
			v.AwaitPasskeyEnd() // it was asked for, and has ended
		}
	})

	for _, page := range []struct {
		name    string
		methods []string
		open    func(c *check, v *flows.Visitor)
	}{
		{"the login page", nil, func(_ *check, v *flows.Visitor) { v.OpenLogin("") }},
		{"the sign-up page", nil, func(c *check, v *flows.Visitor) {
			v.OpenLogin("")
			if !v.Has(screens.SignupLink) {
				c.NotApplicable("the login page offers no sign-up")
			}
			v.Submit(screens.SignupLink)
			v.Await(screens.EmailInput)
		}},
		{"the password page", []string{"password"}, func(c *check, v *flows.Visitor) { v.GoToPassword(c.AnyUser().Email) }},
		{"the page that waits for a code", []string{"email_code"}, func(c *check, v *flows.Visitor) {
			v.OpenLogin("")
			screens.SubmitEmail(v.Page, c.AnyUser().Email)
			screens.ChooseEmailCode(v.Page)
			v.Await(screens.PinInput)
		}},
		{"the page that asks for a reset", []string{"password"}, func(c *check, v *flows.Visitor) {
			v.GoToPassword(c.AnyUser().Email)
			v.Submit(screens.ResetChoice)
		}},
		{"the page for a new password", []string{"password"}, func(c *check, v *flows.Visitor) {
			user := c.NewUser()
			v.Goto(v.LinkIn(v.RequestReset(user)))
			v.Await(screens.NewPasswordInput)
		}},
		{"the choice of an organization", nil, func(c *check, v *flows.Visitor) {
			user := c.AnyUser()
			c.joinAnother(user)
			v.OpenLogin("")
			v.Identify(user)
			if v.AwaitLandingOr(screens.Organization) {
				c.NotApplicable("somebody of two organizations is asked for none")
			}
		}},
	} {
		item.Case(page.name+" can be used by everybody, on a phone and on a desktop", advice{
			Why:      "people who do not see well, or hold a phone, cannot get past this page",
			Mend:     "name every field and button, keep contrast at 4.5 to 1, let the page fit 360 pixels, and mend what the console says",
			Standard: "WCAG 2.2 A and AA (by axe-core), 1.4.10; EN 301 549",
		}, func(c *check) {
			if page.methods != nil {
				c.NeedMethod(page.methods...)
			}
			rules, err := a11y.Load(suite.cfg.AxeDir)
			if err != nil {
				c.NotVerified(err.Error())
			}
			v := c.Browser()
			page.open(c, v)
			for _, size := range []browser.Size{{Width: 1280, Height: 720}, {Width: 360, Height: 740}} {
				v.Resize(size)
				c.keepPicture(v, page.name, size)
				problems, err := a11y.Layout(v.Page)
				require.NoError(c, err)
				assert.Empty(c, problems, "what does not fit on %s at %d pixels", page.name, size.Width)
			}
			hindered, err := a11y.Fields(v.Page)
			if err != nil {
				c.Trouble("%v", err)
			}
			assert.Empty(c, hindered, "what hinders who fills in %s, by hand or by a password manager", page.name)
			violations, err := rules.Violations(v.Page)
			if err != nil {
				c.Trouble("%v", err)
			}
			assert.Empty(c, violations, "serious and critical violations on %s (axe-core %s)", page.name, a11y.Version)
			assert.Empty(c, complaints(v.Console()), "what the console says")
		})
	}

	item.Case("people of an organization are sent to its own provider", advice{
		Why:      "people type their company's password into another company's page, or into ours",
		Mend:     "compare the organization's registered domains: the whole domain counts, whatever its case",
		Standard: "OWASP ASVS 6.8.1; spec/hosted-pages.md 3",
	}, func(c *check) {
		c.Need("PREFLIGHT_IDP_DOMAIN", "PREFLIGHT_IDP_SSO_URL")
		own, err := url.Parse(suite.cfg.IDPSSOURL)
		require.NoError(c, err, "PREFLIGHT_IDP_SSO_URL")
		assert.Equal(c, own.Host, c.routed(suite.cfg.IDPDomain), "where an address of PREFLIGHT_IDP_DOMAIN is sent")
		assert.Equal(c, own.Host, c.routed(strings.ToUpper(suite.cfg.IDPDomain)), "where it is sent in capitals")
		for variable, address := range map[string]string{
			"PREFLIGHT_IDP_OTHER_DOMAIN": suite.cfg.IDPOtherDomain, "PREFLIGHT_SAML_EMAIL": domainOf(suite.cfg.SAMLEmail), "PREFLIGHT_OIDC_EMAIL": domainOf(suite.cfg.OIDCEmail),
		} {
			if address != "" {
				host := c.routed(address)
				assert.NotEmpty(c, host, "an address of %s is sent to its provider", variable)
				assert.NotEqual(c, own.Host, host, "an address of %s is sent to the provider of PREFLIGHT_IDP_DOMAIN", variable)
			}
		}
	})

	item.Case("a domain that only looks like an organization's is nobody's", advice{
		Why:      "a stranger's address is treated as an employee's",
		Mend:     "compare the whole domain: no prefix, no suffix, no sub-domain",
		Standard: "OWASP ASVS 6.8.1; spec/hosted-pages.md 3",
	}, func(c *check) {
		c.Need("PREFLIGHT_IDP_DOMAIN")
		domain := suite.cfg.IDPDomain
		for _, alike := range []string{"x" + domain, "sub." + domain, domain + ".example"} {
			assert.Empty(c, c.routed(alike), "where an address of %s is sent", alike)
		}
	})
}

// tabTo goes on by Tab to an element, and demands that the focus can be seen at
// every stop.
func (c *check) tabTo(v *flows.Visitor, selector string) {
	c.Helper()
	stops, found, err := a11y.TabTo(v.Page, selector)
	require.True(c, found, "Tab reaches %s; it went %s", selector, names(stops))
	c.judged(stops, err)
}

// judged demands that the focus can be seen at each stop.
func (c *check) judged(stops []a11y.Stop, err error) []a11y.Stop {
	c.Helper()
	if err != nil {
		c.Trouble("%v", err)
	}
	for _, stop := range stops {
		assert.True(c, stop.Visible, "a person can see that %s has the focus", stop.Name)
	}
	return stops
}

func names(stops []a11y.Stop) string {
	all := make([]string, len(stops))
	for i, stop := range stops {
		all[i] = stop.Name
	}
	return strings.Join(all, " → ")
}

// keepPicture keeps a picture of the page as evidence, whatever becomes of the case.
func (c *check) keepPicture(v *flows.Visitor, what string, size browser.Size) {
	c.Helper()
	title := fmt.Sprintf("%s, %d pixels wide", what, size.Width)
	if file := v.Picture(fmt.Sprintf("page-%d", size.Width)); file != "" {
		c.results.Evidence(readiness.Evidence{Kind: "picture", Title: title, File: file})
	}
}

// complaints are the lines of a console that say that something went wrong.
func complaints(console []string) (bad []string) {
	for _, line := range console {
		for _, kind := range []string{"error:", "assert:", "uncaught:"} {
			if strings.HasPrefix(line, kind) {
				bad = append(bad, line)
			}
		}
	}
	return bad
}

// joinAnother makes user a member of a second organization.
func (c *check) joinAnother(user *flows.User) {
	c.Helper()
	err := c.newOrganization(func(ctx context.Context, organization *scalekit.Organization) error {
		_, err := suite.world.API.AddMember(ctx, organization.ID, user.ID)
		return err
	})
	if err != nil {
		c.Trouble("a user of two organizations cannot be made: %v", err)
	}
}

// routed types an address of a domain into the login page and returns the host
// of the provider to which that leads; "" where it leads to none.
func (c *check) routed(domain string) (host string) {
	c.Helper()
	v := c.Browser()
	v.OpenLogin("")
	asked := v.HoldProviderRequest()
	screens.SubmitEmail(v.Page, c.unique()+"@"+domain)
	if asked.Came() {
		return asked.Await().URL.Host
	}
	return ""
}

func domainOf(address string) string {
	_, domain, _ := strings.Cut(address, "@")
	return domain
}
