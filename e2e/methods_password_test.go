package e2e

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/browser"
	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/screens"
	"github.com/auth-preflight/auth-preflight/helpers/timing"
)

// E-mail and password: sign-up, sign-in, reset, for the right person only.
func TestPassword(t *testing.T) {
	item := begin(t, "methods/password")

	item.Case("a new person signs up, proves the address and is signed in", advice{
		Why:      "nobody new can come in",
		Mend:     "follow the mail's link: it must lead back to the application with a code",
		Standard: "CHECKLIST methods/password",
	}, func(c *check) {
		c.NeedMethod("password")
		user := c.NewPerson()
		user.Password = newPassword()
		v := c.Browser()
		v.SignUpByPassword(user)
		v.VerifySignedIn(user)
	})

	item.Case("somebody who signed up signs in with the password", advice{
		Why:      "people cannot come back",
		Mend:     "look at the error on the hosted page",
		Standard: "CHECKLIST methods/password",
	}, func(c *check) {
		user := c.NewPasswordUser()
		v := c.Browser()
		v.SignInByPassword(user)
		v.VerifySignedIn(user)
	})

	item.Case("nobody is signed in before the address is proven", advice{
		Why:      "somebody signs up with another person's address and waits for them to join (pre-hijacking)",
		Mend:     "open no session and release no verified address before the mail's link or code has come back",
		Standard: "OWASP ASVS 6.3.4; Sudhodanan and Paverd 2022",
	}, func(c *check) {
		c.NeedMethod("password")
		user := c.NewPerson()
		user.Password = newPassword()
		v := c.Unseen()
		v.BeginSignUp(user)
		v.VerifyNoWayIn()
		other := c.Unseen()
		other.TryPassword(user.Email, user.Password)
		other.VerifyNoWayIn()
	})

	item.Case("a wrong password is refused", advice{
		Why:      "anybody is anybody",
		Mend:     "compare the password's hash",
		Standard: "OWASP ASVS 6.2",
	}, func(c *check) {
		user := c.NewPasswordUser()
		v := c.Browser()
		v.TryPassword(user.Email, newPassword())
		v.VerifyNoWayIn()
	})

	item.Case("the whole password counts", advice{
		Why:      "passwords are much weaker than people believe: a part of one, or another case, is enough",
		Mend:     "hash the whole password (bcrypt cuts at 72 bytes: hash it before) and compare without folding case",
		Standard: "OWASP ASVS 6.2.8",
	}, func(c *check) {
		c.NeedMethod("password")
		user := c.NewPerson()
		user.Password = "Aa1!" + strings.Repeat(newPassword(), 3)[:76] // longer than bcrypt's 72 bytes
		v := c.Unseen()
		v.SignUpByPassword(user)
		other := c.Unseen()
		form := other.PasswordForm(user.Email)
		for what, wrong := range map[string]string{
			"the first 8 characters": user.Password[:8], "the first 72 bytes": user.Password[:72],
			"another tail": alter(user.Password), "upper case": strings.ToUpper(user.Password), "lower case": strings.ToLower(user.Password),
		} {
			answer := other.SendPassword(form, wrong)
			require.False(c, signsIn(answer.Status, answer.Header), "%s of the password opened the door (HTTP %d)", what, answer.Status)
		}
		answer := other.SendPassword(form, user.Password)
		require.True(c, signsIn(answer.Status, answer.Header), "the right password by the same request (HTTP %d)", answer.Status)
	})

	item.Case("a stranger cannot find out who has an account", advice{
		Why:      "lists of customers are made by trying addresses",
		Mend:     "answer an unknown address and a wrong password with the same words, status and headers",
		Standard: "OWASP ASVS 6.3.8; WSTG-IDNT-04",
	}, func(c *check) {
		known, unknown := c.NewPasswordUser(), c.NewPerson()
		v := c.Unseen()
		wrong := newPassword()
		seen := v.SendPassword(v.PasswordForm(known.Email), wrong)
		fresh := c.Unseen()
		unseen := fresh.SendPassword(fresh.PasswordForm(unknown.Email), wrong)
		assert.Equal(c, unseen.Status, seen.Status, "HTTP status for a known address against an unknown one")
		assert.Equal(c, flows.AnswerText(unseen, unknown.Email), flows.AnswerText(seen, known.Email), "words for a known address against an unknown one")
	})

	item.Case("guessing is stopped", advice{
		Why:      "a list of common passwords opens accounts by patience alone",
		Mend:     "slow down or lock an address after a few wrong passwords, and tell its owner",
		Standard: "OWASP ASVS 6.3.1",
		Limits:   true,
	}, func(c *check) {
		user := c.NewPasswordUser()
		v := c.Unseen()
		form := v.PasswordForm(user.Email)
		for range suite.cfg.PasswordAttempts + 1 {
			if answer := v.SendPassword(form, newPassword()); answer.Status == http.StatusTooManyRequests {
				return
			}
		}
		answer := v.SendPassword(form, user.Password)
		require.False(c, signsIn(answer.Status, answer.Header),
			"the right password was taken after %d wrong ones, without any delay", suite.cfg.PasswordAttempts+1)
	})

	item.Case("who has signed in is forgiven the errors of before", advice{
		Why:      "who mistypes now and then is locked out one day, although each time they got in",
		Mend:     "forget the wrong passwords of an address when the right one comes",
		Standard: "OWASP ASVS 6.3.1; NIST SP 800-63B 3.2.2",
		Limits:   true,
	}, func(c *check) {
		user := c.NewPasswordUser()
		v := c.Unseen()
		wrong := suite.cfg.PasswordAttempts/2 + 1
		for range 2 {
			form := v.PasswordForm(user.Email)
			for range wrong {
				v.SendPassword(form, newPassword())
			}
			answer := v.SendPassword(form, user.Password)
			require.True(c, signsIn(answer.Status, answer.Header), "the right password after %d wrong ones (HTTP %d)", wrong, answer.Status)
			v.ClearCookies(func(browser.Cookie) bool { return true })
		}
	})

	item.Case("a password counts as it was typed", advice{
		Why:      "a password with a space at its end, or letters of another alphabet, is taken at the sign-up and never again",
		Mend:     "hash what was typed, in one Unicode normal form, and trim or translate nothing, at the sign-up, the reset and the sign-in alike",
		Standard: "OWASP ASVS 6.2.8; NIST SP 800-63B 3.1.1.2",
	}, func(c *check) {
		c.NeedMethod("password")
		user := c.NewPerson()
		user.Password = "Größe 密码 " + newPassword() + " + 100% "
		suite.learn(user.Password)
		c.Unseen().SignUpByPassword(user)
		v := c.Unseen()
		answer := v.SendPassword(v.PasswordForm(user.Email), user.Password)
		require.True(c, signsIn(answer.Status, answer.Header), "the very password of the sign-up (HTTP %d)", answer.Status)
	})

	item.Case("an address that begins with a capital is the same person", advice{
		Why:      "telephones write the first letter as a capital; people are told that they do not exist, or become a second person",
		Mend:     "fold the case of an address before it is judged or looked up",
		Standard: "RFC 5321 §2.4; spec/api.md 5.2",
	}, func(c *check) {
		user := c.NewPasswordUser()
		v := c.Unseen()
		letter := strings.IndexFunc(user.Email, unicode.IsLower)
		v.SignInByPassword(&flows.User{Email: user.Email[:letter] + strings.ToUpper(user.Email[letter:letter+1]) + user.Email[letter+1:], Password: user.Password})
		v.VerifySignedIn(user)
	})

	item.Case("a weak password is not accepted", advice{
		Why:      "accounts fall to the first hundred guesses",
		Mend:     "demand eight characters at least and refuse common passwords",
		Standard: "OWASP ASVS 6.2.1 and 6.2.4",
	}, func(c *check) {
		c.NeedMethod("password")
		for _, weak := range []string{"short1!", "password1", "12345678"} {
			user := c.NewPerson()
			v := c.Unseen()
			answer := v.SendSignUp(user.Email, weak)
			require.NotNil(c, screens.FormAt(string(answer.Body), suite.cfg.EnvironmentURL, screens.PasswordInput),
				"%q was accepted (HTTP %d): expected the form again, with a reason", weak, answer.Status)
		}
	})

	item.Case("a sign-up does not change an account that exists", advice{
		Why:      "a stranger signs up with the victim's address and has the account",
		Mend:     "at a sign-up for a known address change nothing and tell the inbox",
		Standard: "OWASP ASVS 6.3.4; CWE-287",
	}, func(c *check) {
		user := c.NewPasswordUser()
		intruder := *user
		intruder.Password = newPassword()
		c.Unseen().SendSignUp(intruder.Email, intruder.Password)
		probe := c.Unseen()
		probe.TryPassword(intruder.Email, intruder.Password)
		probe.VerifyNoWayIn()
	})

	item.Case("a sign-up does not tell who has an account", advice{
		Why:      "lists of customers are made by trying addresses",
		Mend:     "answer the same for known and unknown addresses, and tell the inbox",
		Standard: "OWASP ASVS 6.3.8; WSTG-IDNT-04",
	}, func(c *check) {
		known, unknown := c.NewPasswordUser(), c.NewPerson()
		password := newPassword()
		seen, unseen := c.Unseen().SendSignUp(known.Email, password), c.Unseen().SendSignUp(unknown.Email, password)
		assert.Equal(c, unseen.Status, seen.Status, "HTTP status for a known address against an unknown one")
		assert.Equal(c, flows.AnswerText(unseen, unknown.Email), flows.AnswerText(seen, known.Email), "words for a known address against an unknown one")
	})

	item.Case("a stop to guessing holds in every browser", advice{
		Why:      "a guesser opens a fresh window, or writes the address with other capitals, after every few tries",
		Mend:     "count wrong passwords by the address in one spelling, not by browser",
		Standard: "OWASP ASVS 6.3.1",
		Limits:   true,
	}, func(c *check) {
		user := c.NewPasswordUser()
		c.guess(user.Email, suite.cfg.PasswordAttempts+1)
		answer := c.guesser(user.Email)(user.Password)
		require.False(c, signsIn(answer.Status, answer.Header),
			"the right password was taken in a fresh browser after %d wrong ones", suite.cfg.PasswordAttempts+1)
		// Of the domain nobody may say that another case is another address.
		local, domain, _ := strings.Cut(user.Email, "@")
		answer = c.guesser(local + "@" + strings.ToUpper(domain))(user.Password)
		require.False(c, signsIn(answer.Status, answer.Header),
			"the right password was taken for the same address with its domain in capitals, after %d wrong ones", suite.cfg.PasswordAttempts+1)
	})

	item.Case("guesses sent at the same moment are counted like those one after the other", advice{
		Why:      "a guesser sends a list of passwords in one moment, and the lock comes when all of them were judged",
		Mend:     "give each guess its place in the count before it is compared, in one step, and give the place back when it was right",
		Standard: "OWASP ASVS 6.3.1; CWE-307; CWE-362",
		Limits:   true,
	}, func(c *check) {
		const atOnce = 5
		user := c.NewPasswordUser()
		guessers := make([]func(password string) *browser.Answer, atOnce)
		for i := range guessers {
			guessers[i] = c.guesser(user.Email)
		}
		// All but one of the tries that are allowed come one after the other, so
		// that a handful of requests is enough for the rest.
		before := max(suite.cfg.PasswordAttempts-1, 1)
		judged := guessers[0](newPassword())
		for range before - 1 {
			guessers[0](newPassword())
		}
		answers := make([]*browser.Answer, atOnce)
		var wait sync.WaitGroup
		for i, guess := range guessers {
			wrong := newPassword()
			wait.Go(func() { answers[i] = guess(wrong) })
		}
		wait.Wait()
		if slices.Contains(answers, nil) {
			return // a request has ended the case
		}
		answer := c.guesser(user.Email)(user.Password)
		require.False(c, signsIn(answer.Status, answer.Header),
			"the right password was taken after %d wrong ones, %d of them at the same moment", before+atOnce, atOnce)
		// What was judged and what was refused unseen is told apart by the answer.
		like := func(a, b *browser.Answer) bool {
			return a.Status == b.Status && flows.AnswerText(a, user.Email) == flows.AnswerText(b, user.Email)
		}
		if like(guessers[0](newPassword()), judged) {
			c.NotVerified("an address that is locked is answered like one that is not, so that nobody can see which of the guesses were judged")
		}
		more := 0
		for _, answer := range answers {
			if like(answer, judged) {
				more++
			}
		}
		assert.LessOrEqual(c, before+more, suite.cfg.PasswordAttempts+1, "wrong passwords that were judged, %d of them sent at the same moment", atOnce)
	})

	item.Case("asking for a reset gives no more guesses", advice{
		Why:      "a guesser presses \"forgot password\" after every few tries, and never runs out of them",
		Mend:     "forget the wrong passwords of an address when a new password was set by the mail's link, and not when the mail was asked for",
		Standard: "OWASP ASVS 6.3.1; CWE-307",
		Limits:   true,
	}, func(c *check) {
		user := c.NewPasswordUser()
		c.guess(user.Email, suite.cfg.PasswordAttempts-1)
		c.Unseen().RequestReset(user)
		c.guess(user.Email, 2)
		answer := c.guesser(user.Email)(user.Password)
		require.False(c, signsIn(answer.Status, answer.Header),
			"the right password was taken after %d wrong ones, because a reset mail was asked for between them", suite.cfg.PasswordAttempts+1)
	})

	item.Case("a lock does not tell who has an account", advice{
		Why:      "lists of customers are made by wrong passwords: what is locked after some of them exists",
		Mend:     "count wrong passwords by the address that was typed, whether or not there is an account",
		Standard: "OWASP ASVS 6.3.8; WSTG-IDNT-04",
		Limits:   true,
	}, func(c *check) {
		known, unknown := c.NewPasswordUser(), c.NewPerson()
		atKnown, atUnknown := c.guesser(known.Email), c.guesser(unknown.Email)
		var seen, unseen *browser.Answer
		for range suite.cfg.PasswordAttempts + 1 { // in turns, so that no limit of the sender's meets one of them alone
			seen, unseen = atKnown(newPassword()), atUnknown(newPassword())
		}
		if c.guesser(c.NewPerson().Email)(newPassword()).Status == http.StatusTooManyRequests {
			c.NotVerified("an address at which nobody has guessed is turned away (HTTP 429): the limit is the sender's, and hides that of an address")
		}
		assert.Equal(c, unseen.Status, seen.Status, "HTTP status for a known address against an unknown one, after %d wrong passwords for each", suite.cfg.PasswordAttempts+1)
		assert.Equal(c, withoutNumbers(flows.AnswerText(unseen, unknown.Email)), withoutNumbers(flows.AnswerText(seen, known.Email)),
			"words for a known address against an unknown one, after %d wrong passwords for each", suite.cfg.PasswordAttempts+1)
	})

	item.Case("a reset link dies with a newer one", advice{
		Why:      "every reset mail that was ever asked for stays a key",
		Mend:     "void all reset links of a user when one of them is used",
		Standard: "OWASP ASVS 6.4.3",
	}, func(c *check) {
		user := c.NewPasswordUser()
		v := c.Unseen()
		older := v.LinkIn(v.RequestReset(user))
		newer := v.LinkIn(v.RequestReset(user))
		user.Password = newPassword()
		v.SetNewPassword(newer, user.Password)
		intruder := *user
		intruder.Password = newPassword()
		c.Unseen().SetNewPassword(older, intruder.Password)
		probe := c.Unseen()
		probe.TryPassword(intruder.Email, intruder.Password)
		probe.VerifyNoWayIn()
	})

	uniform := advice{
		Why:      "lists of customers are made by trying addresses",
		Mend:     "answer known and unknown addresses with the same words and status, and send the mail behind the answer",
		Standard: "OWASP ASVS 6.3.8; WSTG-IDNT-04",
	}
	item.Case("asking for a reset does not tell who has an account", uniform, func(c *check) {
		c.NeedMethod("password")
		known, unknown := c.NewUser(), c.NewPerson()
		v := c.Unseen()
		form := v.ResetForm(unknown.Email)
		seen, unseen := v.SendForm(form, map[string]string{"email": known.Email}), v.SendForm(form, map[string]string{"email": unknown.Email})
		assert.Equal(c, unseen.Status, seen.Status, "HTTP status for a known address against an unknown one")
		assert.Equal(c, flows.AnswerText(unseen, unknown.Email), flows.AnswerText(seen, known.Email), "words for a known address against an unknown one")
	})

	item.Case("the time of an answer to a reset does not tell who has an account", uniform, func(c *check) {
		c.NeedMethod("password")
		v := c.Unseen()
		form := v.ResetForm(c.NewPerson().Email)
		c.sameTime("an answer to \"forgot password\"", func() (known, unknown func()) {
			there, nowhere := c.NewUser(), c.NewPerson()
			ask := func(user *flows.User) func() {
				return func() { v.SendForm(form, map[string]string{"email": user.Email}) }
			}
			return ask(there), ask(nowhere)
		})
	})

	item.Case("the time of an answer to a password does not tell who has an account", advice{
		Why:      "lists of customers are made by trying addresses, with a stop-watch",
		Mend:     "hash the password that was typed, whether or not there is an account to compare it with",
		Standard: "OWASP ASVS 6.3.8; WSTG-IDNT-04",
	}, func(c *check) {
		c.NeedMethod("password")
		c.sameTime("an answer to a wrong password", func() (known, unknown func()) {
			there, nowhere := c.NewPasswordUser(), c.NewPerson()
			try := func(user *flows.User) func() {
				v := c.Unseen()
				form := v.PasswordForm(user.Email)
				return func() { v.SendPassword(form, newPassword()) }
			}
			return try(there), try(nowhere)
		})
	})

	item.Case("asking for another mail does not tell who has an account", uniform, func(c *check) {
		c.NeedMethod("email_code")
		known, unknown := c.NewUser(), c.NewPerson()
		send := func(user *flows.User) *browser.Answer {
			v := c.Browser()
			v.OpenLogin("")
			screens.SubmitEmail(v.Page, user.Email)
			screens.ChooseEmailCode(v.Page)
			v.Await(screens.ResendButton)
			return v.SendForm(screens.FormAt(v.HTML(), v.URL(), screens.ResendButton), nil)
		}
		seen, unseen := send(known), send(unknown)
		assert.Equal(c, unseen.Status, seen.Status, "HTTP status for a known address against an unknown one")
		assert.Equal(c, flows.AnswerText(unseen, unknown.Email), flows.AnswerText(seen, known.Email), "words for a known address against an unknown one")
	})

	item.Case("a sign-up that is confirmed in another browser leaves no password of a stranger", advice{
		Why:      "somebody signs up with the victim's address and a password of his own; the victim confirms the mail, and both are in",
		Mend:     "when the link comes back in another browser forget the password that was chosen at the sign-up, and let the person choose one",
		Standard: "Sudhodanan and Paverd 2022 (pre-hijacking); OWASP ASVS 6.3.4",
	}, func(c *check) {
		c.NeedMethod("password")
		attacker, victim := c.Unseen(), c.Unseen()
		user := c.NewPerson()
		user.Password = newPassword()
		victim.Redeem(victim.LinkIn(attacker.BeginSignUp(user)))
		probe := c.Unseen()
		probe.TryPassword(user.Email, user.Password)
		probe.VerifyNoWayIn()
		if suite.cfg.Has("email_code") {
			owner := c.Unseen()
			owner.SignIn(byMail(user)) // the owner of the inbox comes in
			owner.VerifySignedIn(user)
		}
	})

	item.Case("asking for another reset link voids the earlier one", advice{
		Why:      "every reset mail that was ever asked for stays a key",
		Mend:     "void the earlier links of a user when a newer one goes out",
		Standard: "OWASP ASVS 6.4.3",
	}, func(c *check) {
		user := c.NewPasswordUser()
		v := c.Unseen()
		older := v.LinkIn(v.RequestReset(user))
		newer := v.LinkIn(v.RequestReset(user))
		intruder := *user
		intruder.Password = newPassword()
		c.Unseen().SetNewPassword(older, intruder.Password)
		probe := c.Unseen()
		probe.TryPassword(intruder.Email, intruder.Password)
		probe.VerifyNoWayIn()
		user.Password = newPassword()
		v.SetNewPassword(newer, user.Password)
		fresh := c.Unseen()
		fresh.SignInByPassword(user)
		fresh.VerifySignedIn(user)
	})

	item.Case("a mail scanner that opens a reset link first does no harm", advice{
		Why:      "in companies whose mail gateway follows links nobody can reset a password",
		Mend:     "let GET show the form and use the link up with its POST",
		Standard: "DEFECTS.md C-33; RFC 9110 §9.2.1",
	}, func(c *check) {
		c.NeedMethod("password")
		user := c.NewUser()
		v := c.Unseen()
		link := v.LinkIn(v.RequestReset(user))
		c.fetchAsScanner(http.MethodHead, link)
		c.fetchAsScanner(http.MethodGet, link)
		user.Password = newPassword()
		v.SetNewPassword(link, user.Password)
		fresh := c.Unseen()
		fresh.SignInByPassword(user)
		fresh.VerifySignedIn(user)
	})

	item.Case("a mail scanner that opens a sign-up link proves nothing", advice{
		Why:      "a gateway that follows links proves an address for whoever typed it, and uses the link up for its owner",
		Mend:     "outside the browser that signed up let GET show a button, and prove the address with its POST",
		Standard: "DEFECTS.md C-33; OWASP ASVS 6.3.4",
	}, func(c *check) {
		c.NeedMethod("password")
		user := c.NewPerson()
		user.Password = newPassword()
		v := c.Unseen()
		link := v.LinkIn(v.BeginSignUp(user))
		c.fetchAsScanner(http.MethodHead, link)
		c.fetchAsScanner(http.MethodGet, link)
		found, err := suite.world.API.FindUser(suite.ctx, user.Email)
		if err != nil {
			c.Trouble("the user cannot be looked up: %v", err)
		}
		assert.Nil(c, found, "the user of %s after a scanner's visit", user.Email)
		v.Redeem(link)
		v.AwaitLanding()
		v.VerifySignedIn(user)
	})

	item.Case("the address of a reset link is told to no other host", linkStaysHere, func(c *check) {
		user := c.NewPasswordUser()
		v := c.Browser()
		c.toldToNobody(v, v.LinkIn(v.RequestReset(user)))
	})

	item.Case("no other site can show the page behind a reset link in a frame", keptOutOfFrames, func(c *check) {
		user := c.NewPasswordUser()
		v := c.Unseen()
		v.Goto(v.LinkIn(v.RequestReset(user)))
		v.Await(screens.NewPasswordInput)
		c.unframableHere("the page behind a reset link", v)
	})

	item.Case("the address of a sign-up link is told to no other host", linkStaysHere, func(c *check) {
		c.NeedMethod("password")
		user := c.NewPerson()
		user.Password = newPassword()
		v := c.Unseen()
		// In another browser there is a page to look at: that of the sign-up goes on to the product.
		c.toldToNobody(c.Browser(), v.LinkIn(v.BeginSignUp(user)))
	})

	item.Case("a lock ends by itself", advice{
		Why:      "anybody locks anybody out for ever, and support opens doors by hand all day",
		Mend:     "lock for minutes, not for good (PREFLIGHT_LOCKOUT)",
		Standard: "OWASP ASVS 6.3.1; CWE-645",
		Limits:   true,
	}, func(c *check) {
		c.Need("PREFLIGHT_LOCKOUT")
		c.NeedTime(suite.cfg.Lockout)
		user := c.locked()
		c.Outlive(user, suite.cfg.Lockout)
		v := c.Unseen()
		v.SignInByPassword(user)
		v.VerifySignedIn(user)
	})

	item.Case("a reset by mail opens a lock", advice{
		Why:      "who was locked out by somebody else's guesses has no way in",
		Mend:     "forget the wrong passwords when the owner of the inbox has set a new one",
		Standard: "OWASP ASVS 6.3.1; CWE-645",
		Limits:   true,
	}, func(c *check) {
		user := c.locked()
		v := c.Unseen()
		user.Password = newPassword()
		v.SetNewPassword(v.LinkIn(v.RequestReset(user)), user.Password)
		fresh := c.Unseen()
		fresh.SignInByPassword(user)
		fresh.VerifySignedIn(user)
	})

	item.Case("a reset takes no weak password either", advice{
		Why:      "the rule of the sign-up is walked around",
		Mend:     "apply one rule wherever a password is set",
		Standard: "OWASP ASVS 6.2.1 and 6.2.4",
	}, func(c *check) {
		user := c.NewPasswordUser()
		v := c.Unseen()
		v.SetNewPassword(v.LinkIn(v.RequestReset(user)), "password1")
		probe := c.Unseen()
		probe.TryPassword(user.Email, "password1")
		probe.VerifyNoWayIn()
	})

	item.Case("a forgotten password is replaced by mail", advice{
		Why:      "who forgets the password is locked out for ever",
		Mend:     "follow the reset mail: its link must lead to a form, and the new password must work",
		Standard: "CHECKLIST methods/password",
	}, func(c *check) {
		user := c.NewPasswordUser()
		old := user.Password
		v := c.Browser()
		user.Password = newPassword()
		v.SetNewPassword(v.LinkIn(v.RequestReset(user)), user.Password)
		fresh := c.Browser()
		fresh.SignInByPassword(user)
		fresh.VerifySignedIn(user)
		stale := c.Browser()
		stale.TryPassword(user.Email, old)
		stale.VerifyNoWayIn()
	})

	item.Case("a reset link works once", advice{
		Why:      "whoever reads the mail later, in a shared mailbox or a backup, takes the account over",
		Mend:     "mark the token used in the same transaction that sets the password",
		Standard: "OWASP ASVS 6.4.3; CVE-2026-28268",
	}, func(c *check) {
		user := c.NewPasswordUser()
		v := c.Unseen()
		link := v.LinkIn(v.RequestReset(user))
		user.Password = newPassword()
		v.SetNewPassword(link, user.Password)
		second := c.Unseen()
		intruder := *user
		intruder.Password = newPassword()
		second.SetNewPassword(link, intruder.Password)
		probe := c.Unseen()
		probe.TryPassword(intruder.Email, intruder.Password)
		probe.VerifyNoWayIn()
	})

	item.Case("a reset link ends", advice{
		Why:      "an old mail is a key to the account",
		Mend:     "let reset links live for an hour at the most (PREFLIGHT_RESET_LIFETIME)",
		Standard: "OWASP ASVS 6.4.1",
	}, func(c *check) {
		c.NeedTime(suite.cfg.ResetLifetime)
		user := c.NewPasswordUser()
		v := c.Unseen()
		link := v.LinkIn(v.RequestReset(user))
		c.OutliveBy(user, suite.cfg.ResetLifetime, 10*time.Minute)
		late := *user
		late.Password = newPassword()
		v.SetNewPassword(link, late.Password)
		probe := c.Unseen()
		probe.TryPassword(late.Email, late.Password)
		probe.VerifyNoWayIn()
	})

	item.Case("opening a reset link does not begin its time anew", advice{
		Why:      "who visits a link now and then keeps a key to the account for as long as they like",
		Mend:     "count the lifetime of a reset link from its mail (PREFLIGHT_RESET_LIFETIME)",
		Standard: "OWASP ASVS 6.4.1 and 6.5.5",
	}, func(c *check) {
		c.NeedMethod("password")
		c.NeedTime(suite.cfg.ResetLifetime * 5 / 4)
		user := c.NewPasswordUser()
		v := c.Unseen()
		link := v.LinkIn(v.RequestReset(user))
		c.NearlyOutlive(user, suite.cfg.ResetLifetime)
		v.Goto(link)
		v.Await(screens.NewPasswordInput)
		c.Pass(user, suite.cfg.ResetLifetime*3/4) // over by the mail's time, and far from it by the page's
		late := *user
		late.Password = newPassword()
		v.SetNewPassword(link, late.Password)
		probe := c.Unseen()
		probe.TryPassword(late.Email, late.Password)
		probe.VerifyNoWayIn()
	})

	item.Case("a reset link that is nearly over still works", advice{
		Why:      "mails take their time; a link that ends before its mail says so locks people out for good",
		Mend:     "let reset links live for as long as the mail promises (PREFLIGHT_RESET_LIFETIME)",
		Standard: "OWASP ASVS 6.4.1",
	}, func(c *check) {
		c.NeedMethod("password")
		c.NeedTime(suite.cfg.ResetLifetime)
		user := c.NewPasswordUser()
		v := c.Unseen()
		link := v.LinkIn(v.RequestReset(user))
		c.NearlyOutlive(user, suite.cfg.ResetLifetime)
		user.Password = newPassword()
		v.SetNewPassword(link, user.Password)
		fresh := c.Unseen()
		fresh.SignInByPassword(user)
		fresh.VerifySignedIn(user)
	})

	item.Case("a reset ends the sessions that were open", advice{
		Why:      "people reset because somebody else is in; he stays in",
		Mend:     "end all sessions and refresh tokens of the user when the password changes",
		Standard: "OWASP ASVS 7.4.3",
	}, func(c *check) {
		c.NeedEndOfAccess()
		user := c.NewPasswordUser()
		intruder := c.Unseen()
		intruder.SignInByPassword(user)
		v := c.Unseen()
		user.Password = newPassword()
		v.SetNewPassword(v.LinkIn(v.RequestReset(user)), user.Password)
		c.Outlive(user, c.TokenLife())
		intruder.VerifyNoWayIn()
	})
}

// locked is a person whose password was guessed at until it was locked.
func (c *check) locked() *flows.User {
	c.Helper()
	user := c.NewPasswordUser()
	c.guess(user.Email, suite.cfg.PasswordAttempts+1)
	return user
}

// guesser sends passwords for an address, one after the other, from a browser
// that nobody knows.
func (c *check) guesser(email string) (send func(password string) *browser.Answer) {
	c.Helper()
	v := c.Unseen()
	form := v.PasswordForm(email)
	return func(password string) *browser.Answer { return v.SendPassword(form, password) }
}

// guess sends so many wrong passwords for an address.
func (c *check) guess(email string, n int) {
	c.Helper()
	send := c.guesser(email)
	for range n {
		send(newPassword())
	}
}

// withoutNumbers is a text without its digits: an answer may say for how many
// seconds more an address is locked.
func withoutNumbers(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsDigit(r) {
			return -1
		}
		return r
	}, text)
}

// samplesOfEach is how often each kind of request is timed: below the attempts
// that lock a password.
const samplesOfEach = 8

// sameTime fails the case if a stranger could tell two kinds of request apart
// by the time that they take. ask makes a fresh pair: one for somebody who is
// known, one for somebody who is not. One round that shows a difference is
// chance, or the machine; the next one, with other people, must show it too.
func (c *check) sameTime(what string, ask func() (known, unknown func())) {
	c.Helper()
	var verdict timing.Verdict
	for range 2 {
		known, unknown := ask()
		var a, b []time.Duration
		for i := range min(samplesOfEach, suite.cfg.PasswordAttempts-2) {
			first, second := known, unknown
			if i%2 == 1 {
				first, second = unknown, known
			}
			one, other := took(first), took(second)
			if i%2 == 1 {
				one, other = other, one
			}
			a, b = append(a, one), append(b, other)
		}
		if verdict = timing.Compare(a, b); !verdict.Differ {
			return
		}
	}
	c.Errorf("expected %s to take the same time for a known address as for an unknown one; twice it did not: %s", what, verdict)
}

func took(f func()) time.Duration {
	begun := time.Now()
	f()
	return time.Since(begun)
}

// signsIn reports whether the answer to a password is the way in: a redirect
// onward, not a page and not a redirect back to a sign-in page.
func signsIn(status int, header http.Header) bool {
	location := header.Get("Location")
	return status >= 300 && status < 400 && (strings.Contains(location, "code=") || !strings.Contains(location, "/a/auth/"))
}
