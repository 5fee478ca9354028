package e2e

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/auth-preflight/auth-preflight/helpers/readiness"
)

// Mails arrive where people look. Only an inbox that judges senders can tell: a
// catcher takes everything, and so proves nothing.
func TestDeliverability(t *testing.T) {
	item := begin(t, "custom/deliverability")

	item.Case("a mail arrives soon, and not in the junk folder", advice{
		Why:      "people wait for a mail that they never see, and go",
		Mend:     "look at the spam filter's reasons in the mail's header, at the sender's reputation and at the provider's log",
		Standard: "CHECKLIST custom/deliverability",
	}, func(c *check) {
		c.needFinalInbox()
		asked := time.Now()
		mail, _ := c.signInMail()
		took := time.Since(asked)
		assert.LessOrEqual(c, took, suite.cfg.MailWithin, "how long the mail took (PREFLIGHT_MAIL_WITHIN)")
		assert.False(c, mail.Junk(), "the mail is in the junk folder (%s)", mail.Score())
		c.results.Evidence(readiness.Evidence{Kind: "text", Title: "Delivery", Text: fmt.Sprintf("Arrived within %s. Spam score: %s", took.Round(time.Second), orNothing(mail.Score()))})
	})

	item.Case("SPF, DKIM and DMARC hold", advice{
		Why:      "large mail providers refuse or hide mail of senders who do not prove themselves",
		Mend:     "publish the provider's SPF, DKIM and DMARC records for the domain of PREFLIGHT_MAIL_FROM, and compare the selector and key with what the provider shows",
		Standard: "RFC 7208; RFC 6376; RFC 7489; RFC 8601",
	}, func(c *check) {
		c.needFinalInbox()
		mail, _ := c.signInMail()
		verdicts := mail.Verdicts()
		if len(verdicts) == 0 {
			c.NotVerified("the inbox of PREFLIGHT_INBOX_URL adds no Authentication-Results: use one whose mail server judges senders, or attest it")
		}
		c.results.Evidence(readiness.Evidence{Kind: "text", Title: "Authentication-Results", Text: fmt.Sprint(verdicts)})
		for _, method := range []string{"spf", "dkim", "dmarc"} {
			if verdict, told := verdicts[method]; told {
				assert.False(c, slices.Contains([]string{"fail", "softfail", "permerror", "policy"}, verdict), "the receiving server's verdict on %s is %s", method, verdict)
			}
		}
		assert.True(c, verdicts["dmarc"] == "pass" || verdicts["dmarc"] == "" && verdicts["dkim"] == "pass", "DMARC passes, or where it is not told DKIM does; the receiving server says %v", verdicts)
	})
}

// needFinalInbox makes a case not verified where mails end in a catcher.
func (c *check) needFinalInbox() {
	c.Helper()
	c.needInbox()
	if !suite.cfg.InboxFinal {
		c.NotVerified("PREFLIGHT_INBOX_FINAL is not true: the inbox is a catcher, which takes anything and proves no deliverability. Use a mailbox whose server judges senders, or attest the item")
	}
}

func orNothing(text string) string {
	if text == "" {
		return "not told"
	}
	return text
}
