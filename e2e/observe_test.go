package e2e

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/inbox"
	"github.com/auth-preflight/auth-preflight/helpers/pace"
	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
)

// Whoever looks for an attack, or into a complaint, finds what happened.
func TestAuthLogs(t *testing.T) {
	item := begin(t, "observe/auth-logs")

	item.Case("a sign-in stands in the log, with who, when and by which client", advice{
		Why:      "nobody can say who was in when something went wrong",
		Mend:     "look at Dashboard > Auth Logs for the address; the API client needs the right to read them",
		Standard: "OWASP ASVS 16.3.1 and 16.2.1; spec/api.md 5.12",
	}, func(c *check) {
		user := c.NewUser()
		v := c.Browser()
		begun := time.Now()
		v.SignIn(user)
		entry := c.awaitLog(user.Email, "SUCCESS")
		assert.Equal(c, suite.cfg.AppClientID, entry.ClientID, "the client in the log")
		assert.WithinDuration(c, begun, entry.Timestamp, skew, "the time in the log")
	})

	item.Case("a sign-in that failed stands in the log", advice{
		Why:      "an attack by guessing is seen by nobody",
		Mend:     "log failures as well as successes, with the address that was tried",
		Standard: "OWASP ASVS 16.3.1",
	}, func(c *check) {
		user := c.NewUser()
		c.FailToSignIn(c.Browser(), user, 3)
		c.awaitLog(user.Email, "FAILED")
	})

	item.Case("no password, code, link or token stands in the log", advice{
		Why:      "whoever may read the log, or steals it, can sign in as anybody in it",
		Mend:     "log that something was wrong, never what was typed or issued",
		Standard: "OWASP ASVS 16.2.5; CWE-532",
	}, func(c *check) {
		user := c.NewUser()
		v := c.Browser()
		secrets := c.FailToSignIn(c.Browser(), user, 1)
		grant := v.ObtainCode(user, nil)
		tokens := v.Tokens(v.TokenRequest(grant))
		secrets = append(secrets, grant.Code, tokens.AccessToken, tokens.RefreshToken, tokens.IDToken)
		messages, err := suite.world.Inbox.All(suite.ctx, user.Email)
		if err != nil {
			c.Trouble("the inbox does not answer: %v", err)
		}
		for _, message := range messages {
			secrets = append(secrets, message.Codes...)
			for _, link := range message.Links {
				if u, err := url.Parse(link); err == nil && u.Query().Get("token") != "" {
					secrets = append(secrets, u.Query().Get("token"))
				}
			}
		}
		suite.learn(secrets...)
		c.awaitLog(user.Email, "SUCCESS")
		text, err := suite.world.API.AuthLogText(suite.ctx, user.Email)
		if err != nil {
			c.Trouble("the auth log does not answer: %v", err)
		}
		for i, secret := range secrets {
			assert.False(c, secret != "" && strings.Contains(text, secret), "the auth log of %s holds secret %d of %d that this case typed or was given", user.Email, i+1, len(secrets))
		}
	})

	item.Case("no link of a reset, a sign-up or an invitation stands in the log", advice{
		Why:      "whoever may read the log asks for a reset of anybody's password, and opens the link before its owner does",
		Mend:     "log that a mail was sent, and never what is in it",
		Standard: "OWASP ASVS 16.2.5; CWE-532",
	}, func(c *check) {
		host, user, newcomer, guest := c.NewUser(), c.NewUser(), c.NewPerson(), c.NewPerson()
		newcomer.Password = newPassword()
		v := c.Unseen()
		asked := map[string]*flows.User{}
		if suite.cfg.Has("password") && v.TryReset(user) {
			asked["a reset"] = user
		}
		if suite.cfg.Has("password") && v.TrySignUp(newcomer) {
			asked["a sign-up"] = newcomer
		}
		err := suite.create(func(ctx context.Context) error {
			_, err := suite.world.API.CreateUser(ctx, host.OrgID, scalekit.NewUser{
				Email: guest.Email, GivenName: guest.GivenName, FamilyName: guest.FamilyName, Invite: true,
			})
			return err
		})
		if err == nil {
			asked["an invitation"] = guest
		}
		tokens := map[string]string{}
		for what, who := range asked {
			if token := c.mailedToken(v, who); token != "" {
				tokens[what] = token
			}
		}
		if len(tokens) == 0 {
			c.NotVerified("no mail came whose link has a token: methods/password and users/invitation say why")
		}
		c.Quiet(host)
		c.awaitLog(host.Email, "SUCCESS") // what happened before it is in the log by now
		for what, token := range tokens {
			text, err := suite.world.API.AuthLogText(suite.ctx, asked[what].Email)
			if err != nil {
				c.Trouble("the auth log does not answer: %v", err)
			}
			assert.NotContains(c, text, token, "the auth log, which is to hold no token of the link of %s", what)
		}
	})
}

// mailedToken is the token in the link of the first mail to somebody; "" where
// none comes: other items are about mails.
func (c *check) mailedToken(v *flows.Visitor, to *flows.User) string {
	c.Helper()
	ctx, cancel := context.WithTimeout(suite.ctx, c.patience())
	defer cancel()
	mail, err := suite.world.Inbox.Wait(ctx, inbox.Match{To: to.Email, Wanted: v.HasLink})
	if err != nil {
		return ""
	}
	link, err := url.Parse(v.LinkIn(mail))
	if err != nil {
		return ""
	}
	token := link.Query().Get("token")
	suite.learn(token)
	return token
}

// awaitLog waits until the auth log has an entry with a status for an address.
func (c *check) awaitLog(email, status string) (entry scalekit.AuthLog) {
	c.Helper()
	var seen []string
	c.Eventually(func() bool {
		ctx, cancel := pace.Budget(suite.ctx, c.patience())
		defer cancel()
		entries, err := suite.world.API.AuthLogs(ctx, email)
		if err != nil {
			c.Trouble("the auth log does not answer: %v", err)
		}
		seen = nil
		for _, e := range entries {
			seen = append(seen, e.Status)
		}
		at := slices.IndexFunc(entries, func(e scalekit.AuthLog) bool { return e.Status == status && strings.EqualFold(e.Email, email) })
		if at >= 0 {
			entry = entries[at]
		}
		return at >= 0
	}, watchWithin(), "expected an entry %s of %s in the auth log; seen: %v", status, email, lazily(func() string { return strings.Join(seen, ", ") }))
	return entry
}

// Somebody is woken up.
func TestAlerts(t *testing.T) {
	item := begin(t, "observe/alerts")

	item.Case("many failed sign-ins of one address raise an alert", advice{
		Why:      "an attack by guessing goes on for weeks",
		Mend:     "raise an alert at so many failures of one address (PREFLIGHT_ALERT_AFTER), and name the address in it",
		Standard: "OWASP ASVS 6.3.5; CHECKLIST observe/alerts",
	}, func(c *check) {
		c.Need("PREFLIGHT_ALERT_LOG")
		user := c.NewUser()
		c.FailToSignIn(c.Browser(), user, suite.cfg.AlertAfter+1)
		c.AwaitEntry("PREFLIGHT_ALERT_LOG", user.Email, "an alert about the failed sign-ins")
	})

	item.Case("a sign-in from another country raises an alert", advice{
		Why:      "a stolen password is used from abroad, and nobody notices",
		Mend:     "compare the place of a sign-in with the places before it",
		Standard: "OWASP ASVS 6.3.5; CHECKLIST observe/alerts",
	}, func(c *check) {
		c.Need("PREFLIGHT_ALERT_LOG", "PREFLIGHT_SECOND_LOCATION_PROXY")
		user := c.NewUser()
		here := c.Browser()
		here.SignIn(user)
		there := c.BrowserVia(suite.cfg.SecondLocationProxy)
		there.SignIn(user)
		c.AwaitEntry("PREFLIGHT_ALERT_LOG", user.Email, "an alert about the sign-in from elsewhere")
	})
}

// What was sent to the app, and what came of it, can be looked up.
func TestWebhookLog(t *testing.T) {
	item := begin(t, "observe/webhook-log")

	item.Case("a delivery of this run stands in the log", advice{
		Why:      "a customer says that nothing arrived, and nobody can tell",
		Mend:     "log each webhook with its type and organization; forward the environment's deliveries to your own log",
		Standard: "CHECKLIST observe/webhook-log; OWASP ASVS 16.2.1",
	}, func(c *check) {
		c.Need("PREFLIGHT_WEBHOOK_LOG")
		user := c.NewBystander()
		c.AwaitEntry("PREFLIGHT_WEBHOOK_LOG", user.OrgID, "the delivery of organization.created")
	})

	item.Case("a delivery that failed stands there as failed", advice{
		Why:      "webhooks are lost for days before anybody asks",
		Mend:     "log the endpoint's answer, and every attempt",
		Standard: "CHECKLIST observe/webhook-log",
	}, func(c *check) {
		c.Need("PREFLIGHT_WEBHOOK_LOG", "APP_WEBHOOK_PATH", "PREFLIGHT_FAULT_URL")
		user := c.NewBystander()
		name := c.unique()
		c.BreakFor(fault{Subject: name, Status: http.StatusServiceUnavailable}.atWebhooks())
		c.rename(user.OrgID, name)
		c.AwaitEntry("PREFLIGHT_WEBHOOK_LOG", user.OrgID, "the failed delivery of organization.updated (503)", "503")
	})
}

// atWebhooks aims the fault at the app's webhook receiver.
func (f fault) atWebhooks() fault {
	f.Host, f.Path, f.Method = suite.cfg.AppURL.Hostname(), suite.cfg.AppWebhookPath, http.MethodPost
	return f
}

// rename gives an organization a name, which the environment then tells the app.
func (c *check) rename(organization, name string) {
	c.Helper()
	if err := suite.world.API.RenameOrganization(suite.ctx, organization, name); err != nil {
		c.Trouble("the organization cannot be renamed: %v", err)
	}
}

// People who cannot get in are noticed before they call.
func TestErrorTracking(t *testing.T) {
	item := begin(t, "observe/error-tracking")

	item.Case("an error at the callback is tracked", advice{
		Why:      "a broken sign-in is noticed by customers first",
		Mend:     "report errors of the callback to the tracker, with error and error_description",
		Standard: "OWASP ASVS 16.5.3 and 16.3.4; CHECKLIST observe/error-tracking",
	}, func(c *check) {
		c.Need("PREFLIGHT_ERROR_LOG")
		label := "preflight " + c.unique()
		c.provokeError(c.Browser(), label)
		c.AwaitEntry("PREFLIGHT_ERROR_LOG", label, "the error of the callback")
	})

	item.Case("no authorization code stands in what is tracked", advice{
		Why:      "the tracker is read by many, and often by another company",
		Mend:     "cut query and body off before an error is sent, or filter code, state and tokens",
		Standard: "OWASP ASVS 16.2.5; CWE-532",
	}, func(c *check) {
		c.Need("PREFLIGHT_ERROR_LOG")
		code := scalekit.NewNonce()
		suite.learn(code)
		v := c.Browser()
		state := v.StartLogin("").Get("state")
		v.Fetch(http.MethodGet, suite.cfg.AppWith(suite.cfg.AppCallbackPath, url.Values{"code": {code}, "state": {state}}))
		label := "preflight " + c.unique() // the sign that the tracker has come this far
		c.provokeError(v, label)
		c.AwaitEntry("PREFLIGHT_ERROR_LOG", label, "the error after it")
		assert.NotContains(c, c.Read("PREFLIGHT_ERROR_LOG", code), code, "the tracker holds the authorization code that this case sent")
	})
}
