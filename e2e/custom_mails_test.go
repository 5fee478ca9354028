package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/browser"
	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/inbox"
	"github.com/auth-preflight/auth-preflight/helpers/readiness"
	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
	"github.com/auth-preflight/auth-preflight/helpers/screens"
)

// The mails that people get look like ours, say what they should, and lead
// where they should.
func TestEmails(t *testing.T) {
	item := begin(t, "custom/emails")
	whole := advice{
		Why:      "people take a mail with a strange sender, a raw placeholder or no brand for phishing; a dead link locks them out",
		Mend:     "look at the template under Customization > Emails in the dashboard, and send yourself a test",
		Standard: "CHECKLIST custom/emails; RFC 2046 §5.1.4",
	}

	item.Case("the sign-up mail is ours, whole, and its link works", whole, func(c *check) {
		c.NeedMethod("password")
		user := c.NewPerson()
		user.Password = newPassword()
		v := c.Browser()
		mail := v.BeginSignUp(user)
		c.verifyMail(mail)
		v.Redeem(v.LinkIn(mail))
		v.AwaitLanding()
		v.VerifySignedIn(user)
	})

	item.Case("the password-reset mail is ours, whole, and its link works", whole, func(c *check) {
		c.NeedMethod("password")
		v := c.Browser()
		mail := v.RequestReset(c.NewUser())
		c.verifyMail(mail)
		v.Goto(v.LinkIn(mail))
		v.Await(screens.NewPasswordInput)
	})

	item.Case("the invitation mail is ours, whole, and its link works", whole, func(c *check) {
		user := c.NewUser() // whose organization invites somebody
		guest := c.NewPerson()
		v := c.Browser()
		mark := v.MarkInbox(guest)
		err := suite.create(func(ctx context.Context) error {
			_, err := suite.world.API.CreateUser(ctx, user.OrgID, scalekit.NewUser{Email: guest.Email, GivenName: guest.GivenName, FamilyName: guest.FamilyName, Invite: true})
			return err
		})
		if err != nil {
			c.Trouble("nobody can be invited: %v", err)
		}
		mail := v.AwaitMail(guest, mark, "an invitation with a link", v.HasLink)
		c.verifyMail(mail)
		answer := v.Goto(v.LinkIn(mail))
		assert.Less(c, answer.Status, 400, "the page behind the invitation's link")
		assert.False(c, v.Has(screens.Alert), "the page behind the invitation's link warns of something: %s", v.Text())
	})

	item.Case("a mail's link does not lead where the request says", advice{
		Why:      "who asks for somebody's reset with a host of their own gets the token when the victim clicks",
		Mend:     "take the host of links from configuration, never from Host or X-Forwarded-Host",
		Standard: "OWASP ASVS 4.1.3; CWE-640; CVE-2025-64101",
	}, func(c *check) {
		c.NeedMethod("password")
		const evil = "evil.preflight.invalid"
		user := c.NewUser()
		v := c.Browser()
		form := v.ResetForm(user.Email)
		form.Fields.Set("email", user.Email)
		mark := v.MarkInbox(user)
		v.Fetch(http.MethodPost, form.Action.String(), browser.WithForm(form.Fields),
			browser.WithHeader("Origin", form.Action.Scheme+"://"+form.Action.Host), browser.WithHeader("Sec-Fetch-Site", "same-origin"),
			browser.WithHeader("X-Forwarded-Host", evil), browser.WithHeader("Forwarded", "host="+evil), browser.WithHeader("X-Host", evil))
		mail := v.AwaitMail(user, mark, "a mail with a link to set a new password", v.HasLink)
		for _, link := range mail.Links {
			assert.NotContains(c, link, evil, "a link of the mail")
		}
	})

	item.Case("nor does the link of a mail that signs in", advice{
		Why:      "who asks for somebody's sign-in mail with a host of their own gets the account when the victim clicks",
		Mend:     "take the host of links from configuration, never from Host, X-Forwarded-Host or Forwarded",
		Standard: "OWASP ASVS 4.1.3; CWE-640; RFC 7239 §8.1",
	}, func(c *check) {
		c.NeedMethod("magic_link")
		const evil = "evil.preflight.invalid"
		user := c.NewUser()
		agent := flows.NewAgent(c, suite.world)
		_, page := agent.Authorize(nil)
		mark := agent.MarkInbox(user)
		liar := agent.Saying(http.Header{"X-Forwarded-Host": {evil}, "Forwarded": {"host=" + evil}, "X-Host": {evil}})
		form := page.Form(screens.EmailInput)
		require.NotNil(c, form, "a form that asks for an address, at %s", page.URL.Redacted())
		page = liar.Submit(form, map[string]string{page.NameOf(screens.EmailInput): user.Email})
		if choice := page.Form(screens.EmailCodeChoice); choice != nil {
			liar.Submit(choice, nil)
		}
		mail := agent.AwaitMail(user, mark, "a mail with a link that signs in", func(m inbox.Message) bool { return len(m.Links) > 0 })
		for _, link := range mail.Links {
			assert.NotContains(c, link, evil, "a link of the mail")
		}
	})
}

// placeholders are what template engines leave behind when nobody fills them.
var placeholders = regexp.MustCompile(`\{\{[^{}]*\}\}|\{%[^{}]*%\}|<%.*?%>|\$\{[\w.]+\}|%%\w+%%|\[object Object\]|<no value>|&lt;no value&gt;`)

// verifyMail takes a mail apart and judges it: each part that is there, for
// either may be missing (DEFECTS.md C-10).
func (c *check) verifyMail(m inbox.Message) {
	c.Helper()
	c.Need("PREFLIGHT_BRAND_NAME")
	raw, err := suite.world.Inbox.Raw(suite.ctx, m.ID)
	if err != nil {
		c.Trouble("the inbox does not give the mail's source: %v", err)
	}
	text, html, err := inbox.Parts(raw)
	require.NoError(c, err, "the mail %q is not MIME", m.Subject)
	assert.NotEmpty(c, strings.TrimSpace(text+html), "the mail %q has something to read", m.Subject)
	if strings.TrimSpace(text) == "" {
		c.results.Evidence(readiness.Evidence{Kind: "text", Title: m.Subject, Text: "The mail has no text part: legal, but filters and screen readers like one."})
	}
	for where, content := range map[string]string{"the subject": m.Subject, "the text part": text, "the HTML part": html} {
		assert.Empty(c, placeholders.FindAllString(content, -1), "placeholders in %s of %q", where, m.Subject)
	}
	for where, content := range map[string]string{"the text part": text, "the HTML part": html} {
		if strings.TrimSpace(content) != "" {
			assert.Contains(c, content, suite.cfg.BrandName, "the brand is in %s of %q", where, m.Subject)
		}
	}
	if suite.cfg.MailFrom != "" {
		assert.True(c, strings.EqualFold(suite.cfg.MailFrom, m.From), "the sender of %q is PREFLIGHT_MAIL_FROM (%s); it is %s", m.Subject, suite.cfg.MailFrom, m.From)
	}
	if assert.NotEmpty(c, m.Links, "the mail %q has a link", m.Subject) {
		host := c.leadsTo(m.Links[0])
		assert.Contains(c, []string{suite.cfg.EnvironmentURL.Host, suite.cfg.AppURL.Host}, host, "where the first link of %q leads in the end", m.Subject)
	}
	c.verifyMarkup(m, html)
}

// verifyMarkup looks at what a mail program would do with the HTML.
func (c *check) verifyMarkup(m inbox.Message, html string) {
	c.Helper()
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(html))
	require.NoError(c, err)
	doc.Find("a").Each(func(_ int, a *goquery.Selection) {
		href := strings.TrimSpace(a.AttrOr("href", ""))
		assert.NotContains(c, []string{"", "#", "http://", "https://"}, href, "the link %q of %q", strings.TrimSpace(a.Text()), m.Subject)
	})
	if suite.cfg.BrandLogo == "" {
		return
	}
	logo, branded, pictures := c.picture(suite.cfg.BrandLogo), false, 0
	doc.Find("img[src^=http]").Each(func(_ int, img *goquery.Selection) {
		pictures++
		source := img.AttrOr("src", "")
		shown := c.picture(source)
		assert.NotEmpty(c, shown, "the picture %s of %q loads", source, m.Subject)
		branded = branded || len(shown) > 0 && string(shown) == string(logo)
	})
	if pictures > 0 {
		assert.True(c, branded, "one of the %d pictures of %q is the logo of PREFLIGHT_BRAND_LOGO", pictures, m.Subject)
	}
}

// picture fetches an address and returns what it answers; nil for an error.
func (c *check) picture(address string) []byte {
	c.Helper()
	request, err := http.NewRequestWithContext(suite.ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil
	}
	response, err := suite.client.Do(request)
	if err != nil {
		return nil
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, 4<<20))
	if err != nil || response.StatusCode != http.StatusOK {
		return nil
	}
	return body
}

// leadsTo follows a link through redirectors (DEFECTS.md C-11) and returns the
// host where it ends. It does not touch the deployment itself: the link is
// used once.
func (c *check) leadsTo(link string) (host string) {
	c.Helper()
	const most = 8
	for range most {
		u, err := url.Parse(link)
		if err != nil {
			return fmt.Sprintf("no address: %q", link)
		}
		if u.Host == suite.cfg.EnvironmentURL.Host || u.Host == suite.cfg.AppURL.Host {
			return u.Host
		}
		request, err := http.NewRequestWithContext(suite.ctx, http.MethodGet, link, nil)
		if err != nil {
			return u.Host
		}
		response, err := suite.client.Do(request)
		if err != nil {
			return u.Host
		}
		_ = response.Body.Close()
		next, err := response.Location()
		if err != nil {
			return u.Host
		}
		link = next.String()
	}
	return "a loop of redirects"
}

// The mails leave by the provider that was set, as the sender that was set.
func TestEmailProvider(t *testing.T) {
	item := begin(t, "custom/email-provider")

	item.Case("From and envelope are the declared sender", advice{
		Why:      "with the vendor's shared sender, the mail of strangers decides whether ours arrives, and people do not know who writes",
		Mend:     "set your own provider and sender under Customization > Emails in the dashboard",
		Standard: "CHECKLIST custom/email-provider; RFC 5321 §4.4",
	}, func(c *check) {
		c.Need("PREFLIGHT_MAIL_FROM")
		mail, _ := c.signInMail()
		assert.True(c, strings.EqualFold(suite.cfg.MailFrom, mail.From), "the From of the mail is PREFLIGHT_MAIL_FROM (%s); it is %s", suite.cfg.MailFrom, mail.From)
		if mail.ReturnPath == "" {
			c.NotVerified("the inbox does not tell the envelope's sender (Return-Path)")
		}
		want := suite.cfg.MailEnvelopeDomain
		if want == "" {
			want = domainOf(suite.cfg.MailFrom)
		}
		got := strings.ToLower(domainOf(mail.ReturnPath))
		want = strings.ToLower(want)
		assert.True(c, got == want || strings.HasSuffix(got, "."+want), "the envelope's sender is at %s, or below it (PREFLIGHT_MAIL_ENVELOPE_DOMAIN says otherwise); it is at %s", want, got)
	})

	item.Case("one address is never two", advice{
		Why:      "a mail with a victim's code or link goes to an attacker as well",
		Mend:     "take exactly one plain address, and give the mail library a list of one, not a line to be parsed",
		Standard: "CVE-2022-35924; CVE-2025-13033; CWE-20",
	}, func(c *check) {
		c.NeedMethod("password")
		victim, attacker, after := c.NewPerson(), c.NewPerson(), c.NewPerson()
		after.Password = newPassword()
		v := c.Browser()
		v.OpenLogin("")
		v.Submit(screens.SignupLink)
		v.Await(screens.PasswordInput)
		form := screens.FormAt(v.HTML(), v.URL(), screens.PasswordInput)
		require.NotNil(c, form, "the password field of the sign-up page is in a form")
		form.Complete()
		for _, both := range []string{
			victim.Email + "," + attacker.Email, victim.Email + ";" + attacker.Email, victim.Email + " " + attacker.Email,
			`"` + attacker.Email + ` x"@` + domainOf(victim.Email), victim.Email + "\r\nBcc: " + attacker.Email,
		} {
			v.SendForm(form, map[string]string{"email": both, "password": newPassword()})
		}
		c.Browser().BeginSignUp(after) // whose mail came after all of them
		mails, err := suite.world.Inbox.All(suite.ctx, attacker.Email)
		if err != nil {
			c.Trouble("the inbox does not answer: %v", err)
		}
		assert.Empty(c, mails, "mails to the attacker, whose address was only a part of what was typed")
	})
}

// signInMail asks for a sign-in mail and returns it.
func (c *check) signInMail() (inbox.Message, *flows.User) {
	c.Helper()
	user := c.NewUser()
	v := c.Browser()
	v.OpenLogin("")
	return v.RequestSignInMail(user), user
}
