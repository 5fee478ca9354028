package e2e

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/screens"
)

// A sign-in link or code works once, soon, and only for the person who asked.
func TestMagicLink(t *testing.T) {
	item := begin(t, "methods/magic-link")

	item.Case("a link from the mail signs in", advice{
		Why:      "people who have no password cannot come in",
		Mend:     "follow the mail's link: it must lead back to the application with a code",
		Standard: "spec/hosted-pages.md 5",
	}, func(c *check) {
		c.NeedMethod("magic_link")
		user := c.NewUser()
		v := c.Browser()
		v.Redeem(v.RequestMagicLink(user))
		v.AwaitLanding()
		v.VerifySignedIn(user)
	})

	item.Case("a code from the mail signs in", advice{
		Why:      "people who have no password cannot come in",
		Mend:     "look at the error on the hosted page",
		Standard: "spec/hosted-pages.md 5",
	}, func(c *check) {
		c.NeedMethod("email_code")
		user := c.NewUser()
		v := c.Browser()
		v.SignInByCode(user)
		v.VerifySignedIn(user)
	})

	item.Case("somebody new comes in by mail alone", advice{
		Why:      "sign-up without a password is the first thing a new customer sees",
		Mend:     "let an unknown address prove itself by code or link, then make the account",
		Standard: "spec/hosted-pages.md 3 and 4",
	}, func(c *check) {
		c.NeedMethod("email_code")
		user := c.NewPerson()
		v := c.Browser()
		v.SignInByCode(user)
		v.VerifySignedIn(user)
	})

	item.Case("a link that was used is refused", advice{
		Why:      "whoever reads the mail or the proxy's log later gets in",
		Mend:     "mark the link used in the same transaction that opens the session",
		Standard: "OWASP ASVS 6.5.1",
	}, func(c *check) {
		c.NeedMethod("magic_link")
		user := c.NewUser()
		v := c.Unseen()
		link := v.RequestMagicLink(user)
		v.Redeem(link)
		v.AwaitLanding()
		v.VerifySignedIn(user)
		v.SignOut()
		v.Redeem(link)
		v.VerifyNoWayIn()
	})

	item.Case("a code that was used is refused", advice{
		Why:      "a code read over a shoulder or in a log opens the account again",
		Mend:     "delete a code when it has been used",
		Standard: "OWASP ASVS 6.5.1",
	}, func(c *check) {
		c.NeedMethod("email_code")
		user := c.NewUser()
		v := c.Unseen()
		v.OpenLogin("")
		code := v.RequestCode(user)
		form := v.CodeForm()
		v.EnterCode(code)
		v.AwaitLanding()
		v.SignOut()
		v.SendForm(form, map[string]string{"code": code})
		v.VerifyNoWayIn()
	})

	item.Case("a link ends", advice{
		Why:      "an old mail is a key to the account",
		Mend:     "let links and codes live for minutes (PREFLIGHT_PASSWORDLESS_LIFETIME)",
		Standard: "OWASP ASVS 6.5.5",
	}, func(c *check) {
		c.NeedMethod("magic_link")
		c.NeedTime(suite.cfg.PasswordlessLifetime)
		user := c.NewUser()
		v := c.Unseen()
		link := v.RequestMagicLink(user)
		c.OutliveBy(user, suite.cfg.PasswordlessLifetime, 10*time.Minute)
		v.Redeem(link)
		v.VerifyNoWayIn()
	})

	item.Case("a link that is nearly over still signs in", advice{
		Why:      "mails take their time; a link that ends before its mail says so sends people round in circles",
		Mend:     "let links live for as long as the mail promises (PREFLIGHT_PASSWORDLESS_LIFETIME)",
		Standard: "OWASP ASVS 6.5.5; spec/hosted-pages.md 5",
	}, func(c *check) {
		c.NeedMethod("magic_link")
		user := c.NewUser()
		v := c.Unseen()
		link := v.RequestMagicLink(user)
		c.NearlyOutlive(user, suite.cfg.PasswordlessLifetime)
		v.Redeem(link)
		v.AwaitLanding()
		v.VerifySignedIn(user)
	})

	item.Case("the address of a link is told to no other host", linkStaysHere, func(c *check) {
		c.NeedMethod("magic_link")
		user := c.NewUser()
		v := c.Browser()
		c.toldToNobody(v, v.RequestMagicLink(user))
	})

	item.Case("an address with an apostrophe is an address", advice{
		Why:      "o'hara@… cannot sign in, although the mail would arrive",
		Mend:     "take every address that RFC 5322 calls a dot-atom; whether it exists the mail shows",
		Standard: "RFC 5322 §3.2.3; RFC 5321 §4.1.2",
	}, func(c *check) {
		c.NeedMethod("email_code")
		user := c.newPersonAt("o'hara-" + c.unique())
		v := c.Unseen()
		form := v.FormOn(v.LoginURL(""), screens.EmailInput)
		answer := v.SendForm(form, map[string]string{"email": user.Email})
		asked := screens.FormAt(string(answer.Body), form.Action, screens.EmailInput) // no mail goes out yet: not every inbox takes it
		assert.Nil(c, asked, "the page asks for the address again (HTTP %d): %.200s", answer.Status, flows.AnswerText(answer, user.Email))
		assert.Less(c, answer.Status, 400, "HTTP status of the answer to such an address")
	})

	item.Case("a code ends", advice{
		Why:      "a code in an old mail or message stays a key",
		Mend:     "let links and codes live for minutes (PREFLIGHT_PASSWORDLESS_LIFETIME)",
		Standard: "OWASP ASVS 6.5.5",
	}, func(c *check) {
		c.NeedMethod("email_code")
		c.NeedTime(suite.cfg.PasswordlessLifetime)
		user := c.NewUser()
		v := c.Unseen()
		v.OpenLogin("")
		code := v.RequestCode(user)
		c.OutliveBy(user, suite.cfg.PasswordlessLifetime, 10*time.Minute)
		v.EnterCode(code)
		v.VerifyNoWayIn()
	})

	item.Case("asking again makes the earlier link worthless", advice{
		Why:      "every mail that was ever asked for stays a key",
		Mend:     "void the earlier link and code when a new mail goes out",
		Standard: "spec/hosted-pages.md 5 (regenerate on resend)",
	}, func(c *check) {
		c.NeedMethod("magic_link")
		user := c.NewUser()
		v := c.Unseen()
		earlier := v.RequestMagicLink(user)
		later := v.LinkIn(v.ResendSignInMail(user))
		require.NotEqual(c, earlier, later, "the second mail holds the same link")
		v.Redeem(earlier)
		v.VerifySignedOut()
		v.Redeem(later)
		v.AwaitLanding()
		v.VerifySignedIn(user)
	})

	item.Case("a link that was altered is refused", advice{
		Why:      "links can be guessed or made for somebody else",
		Mend:     "make the link's token from 128 random bits and look it up as a whole",
		Standard: "OWASP ASVS 6.5.3",
	}, func(c *check) {
		c.NeedMethod("magic_link")
		user := c.NewUser()
		v := c.Unseen()
		v.Redeem(alter(v.RequestMagicLink(user)))
		v.VerifyNoWayIn()
	})

	item.Case("a link opened in another browser is refused, and not used up", advice{
		Why:      "a forwarded mail, or a sign-in that an attacker began for the victim, opens the account elsewhere",
		Mend:     "keep \"enforce same browser origin\" on, and do not spend the link when it is refused",
		Standard: "OWASP ASVS 6.6.2; spec/hosted-pages.md 5",
	}, func(c *check) {
		c.NeedMethod("magic_link")
		c.Need("PREFLIGHT_SAME_BROWSER")
		if !suite.cfg.SameBrowser {
			c.NotApplicable("PREFLIGHT_SAME_BROWSER says that links work in any browser")
		}
		user := c.NewUser()
		v, elsewhere := c.Browser(), c.Browser()
		link := v.RequestMagicLink(user)
		elsewhere.Redeem(link)
		elsewhere.VerifyNoWayIn()
		v.Redeem(link)
		v.AwaitLanding()
		v.VerifySignedIn(user)
	})

	item.Case("a mail scanner that opens the link first does no harm", advice{
		Why:      "in companies whose mail gateway follows links nobody can sign in, or the scanner does",
		Mend:     "let GET show a button and redeem on its POST",
		Standard: "spec: DEFECTS.md C-33; supabase/auth#1214",
	}, func(c *check) {
		c.NeedMethod("magic_link")
		user := c.NewUser()
		v := c.Browser()
		link := v.RequestMagicLink(user)
		c.fetchAsScanner(http.MethodHead, link)
		c.fetchAsScanner(http.MethodGet, link)
		v.Redeem(link)
		v.AwaitLanding()
		v.VerifySignedIn(user)
	})

	item.Case("codes cannot be guessed", advice{
		Why:      "six digits are guessed in minutes when nobody counts",
		Mend:     "void the code after five wrong ones (PREFLIGHT_CODE_ATTEMPTS)",
		Standard: "OWASP ASVS 6.6.3",
		Limits:   true,
	}, func(c *check) {
		c.NeedMethod("email_code")
		user := c.NewUser()
		v := c.Unseen()
		v.OpenLogin("")
		code := v.RequestCode(user)
		form := v.CodeForm()
		for guess := range suite.cfg.CodeAttempts + 1 {
			v.SendForm(form, map[string]string{"code": otherCode(code, guess)})
		}
		v.SendForm(form, map[string]string{"code": code})
		v.VerifyNoWayIn()
	})

	item.Case("asking for another mail gives no more guesses", advice{
		Why:      "a guesser asks again after every few tries, and never runs out of them",
		Mend:     "count wrong codes for the whole sign-in, over all its mails",
		Standard: "OWASP ASVS 6.6.3; spec/hosted-pages.md 5",
		Limits:   true,
	}, func(c *check) {
		c.NeedMethod("email_code")
		user := c.NewUser()
		v := c.Unseen()
		v.OpenLogin("")
		first := v.RequestCode(user)
		form := v.CodeForm()
		for guess := range suite.cfg.CodeAttempts - 1 {
			v.SendForm(form, map[string]string{"code": otherCode(first, guess)})
		}
		second := v.CodeIn(v.ResendSignInMail(user))
		form = v.CodeForm()
		for guess := range suite.cfg.CodeAttempts - 1 {
			v.SendForm(form, map[string]string{"code": otherCode(second, guess)})
		}
		v.SendForm(form, map[string]string{"code": second})
		v.VerifyNoWayIn()
	})

	item.Case("a mail's link is worth nothing once its code was used", advice{
		Why:      "one mail opens the account twice",
		Mend:     "treat code and link of a mail as one credential",
		Standard: "OWASP ASVS 6.5.1",
	}, func(c *check) {
		c.NeedMethod("email_code", "magic_link")
		user := c.NewUser()
		v := c.Unseen()
		v.OpenLogin("")
		message := v.RequestSignInMail(user)
		v.EnterCode(v.CodeIn(message))
		v.AwaitLanding()
		v.SignOut()
		v.Redeem(v.LinkIn(message))
		v.VerifyNoWayIn()
	})

	item.Case("links cannot be guessed", advice{
		Why:      "who can count or guess to a link is signed in as somebody else",
		Mend:     "make the link's token from at least 128 random bits",
		Standard: "OWASP ASVS 6.5.3",
	}, func(c *check) {
		c.NeedMethod("magic_link")
		const bits = 128
		links := map[string]bool{}
		for range 2 {
			link, err := url.Parse(c.Unseen().RequestMagicLink(c.NewUser()))
			require.NoError(c, err, "the mail's link")
			longest := longestPart(link)
			require.GreaterOrEqual(c, len(longest)*6, bits, "the longest part of the link has room for fewer than %d bits", bits)
			links[longest] = true
		}
		require.Len(c, links, 2, "two people were sent the same link")
	})

	item.Case("codes cannot be foretold", advice{
		Why:      "who has seen one code of somebody, or knows how codes are computed, signs in as them",
		Mend:     "take each code from a cryptographic random generator, never from the address or the time",
		Standard: "OWASP ASVS 6.5.3, 11.5.1; CWE-330",
	}, func(c *check) {
		c.NeedMethod("email_code")
		// One pair in a million is the same by chance; all of them are not.
		const people = 2
		again := 0
		for range people {
			user := c.NewUser()
			codes := [2]string{}
			for i := range codes {
				v := c.Unseen()
				v.OpenLogin("")
				codes[i] = v.RequestCode(user)
			}
			if codes[0] == codes[1] {
				again++
			}
		}
		assert.Less(c, again, people, "people of %d who were mailed the same code in a second sign-in as in the first", people)
	})

	item.Case("a code opens only the sign-in that it was mailed for", advice{
		Why:      "an attacker's own code signs him in as anybody",
		Mend:     "keep the code with its authorization request and address, and compare both",
		Standard: "OWASP ASVS 6.6.2",
	}, func(c *check) {
		c.NeedMethod("email_code")
		attacker, victim := c.NewUser(), c.NewUser()
		his, hers := c.Unseen(), c.Unseen()
		his.OpenLogin("")
		code := his.RequestCode(attacker)
		hers.OpenLogin("")
		hers.RequestCode(victim)
		hers.EnterCode(code)
		hers.VerifyNoWayIn()
	})

	item.Case("a code does not open another address that is typed in the same sign-in", advice{
		Why:      "an attacker asks for a code to his own inbox, goes back, types somebody else's address and is them",
		Mend:     "keep the code with its address, and void it when the address of the sign-in is changed",
		Standard: "OWASP ASVS 6.6.2",
	}, func(c *check) {
		c.NeedMethod("email_code")
		attacker, victim := c.NewUser(), c.NewUser()
		v := c.Browser()
		v.OpenLogin("")
		first := v.URL().String()
		code := v.RequestCode(attacker)
		v.Goto(first)
		if !v.AwaitSight(func() bool { return v.Has(screens.EmailInput) }) {
			c.NotApplicable("a sign-in that has mailed a code lets nobody change its address")
		}
		v.RequestCode(victim)
		form := v.CodeForm()
		v.GoOnFrom(form, v.SendForm(form, map[string]string{"code": code}))
		// Its own address the code may open: that is who the attacker is.
		v.VerifyNotSignedInAs(victim)
		v.TryToComeBackSilently()
		v.VerifyNotSignedInAs(victim)
	})

	item.Case("no answer tells the code or the link", advice{
		Why:      "whoever asks for a mail to somebody else's address reads it in the answer",
		Mend:     "send code and link by mail only",
		Standard: "CVE-2026-39912; CWE-200",
	}, func(c *check) {
		c.NeedMethod("email_code")
		user := c.NewUser()
		v := c.Browser()
		v.OpenLogin("")
		message := v.RequestSignInMail(user)
		again := v.ResendSignInMail(user)
		for _, exchange := range v.Log() {
			for _, code := range append(message.Codes, again.Codes...) {
				for name, values := range exchange.ResponseHeader {
					for _, value := range values {
						assert.NotContains(c, value, code, "header %s of %s", name, exchange.URL)
					}
				}
			}
		}
		for _, code := range append(message.Codes, again.Codes...) {
			assert.NotContains(c, v.HTML(), code, "the page that waits for the code")
		}
	})
}

// linkStaysHere is the advice for every page behind a link of a mail.
var linkStaysHere = advice{
	Why:      "whoever runs the fonts, pictures or statistics of the page can open the account before its owner does",
	Mend:     "send Referrer-Policy: no-referrer or same-origin with every page whose address holds a token",
	Standard: "RFC 9700 §4.2.4; OWASP ASVS 14.2.1; CWE-598",
}

// toldToNobody opens a link of a mail, and asserts that no request to another
// host said where it came from.
func (c *check) toldToNobody(v *flows.Visitor, link string) {
	c.Helper()
	at, err := url.Parse(link)
	require.NoError(c, err, "the mail's link")
	v.Goto(link)
	for _, exchange := range v.Log() {
		u, err := url.Parse(exchange.URL)
		if err != nil || strings.EqualFold(u.Host, at.Host) {
			continue
		}
		assert.NotContains(c, exchange.RequestHeader.Get("Referer"), longestPart(at), "what %s is told of the page", u.Host)
	}
}

// longestPart is the part of a link that nobody can guess: its longest.
func longestPart(link *url.URL) (longest string) {
	for _, part := range append(strings.Split(link.Path, "/"), slices.Concat(slices.Collect(maps.Values(link.Query()))...)...) {
		if len(part) > len(longest) {
			longest = part
		}
	}
	return longest
}

// fetchAsScanner opens a link as a mail gateway does: without the person's
// browser, cookies or scripts.
func (c *check) fetchAsScanner(method, link string) {
	c.Helper()
	request, err := http.NewRequestWithContext(suite.ctx, method, link, nil)
	if err != nil {
		c.Fatalf("the mail's link %q is no address: %v", link, err)
	}
	request.Header.Set("User-Agent", "MailScanner/1.0")
	response, err := suite.client.Do(request)
	if err != nil {
		c.Trouble("the link does not answer: %v", err)
	}
	_ = response.Body.Close()
}

// otherCode returns the n-th six-digit code that is not code.
func otherCode(code string, n int) string {
	digits := []byte(code)
	digits[n%len(digits)] = '0' + (digits[n%len(digits)]-'0'+1)%10
	return string(digits)
}
