package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/observe"
	"github.com/auth-preflight/auth-preflight/helpers/screens"
)

// What happened is known for as long as it may be asked for.
func TestLogRetention(t *testing.T) {
	item := begin(t, "ops/log-retention")

	item.Case("the auth log holds what is nearly as old as it is kept", advice{
		Why:      "a theft is noticed after weeks, and the log of that day is gone",
		Mend:     "set the retention where the log is kept, or forward it to where it is",
		Standard: "OWASP ASVS 16.1.1; CHECKLIST ops/log-retention",
	}, func(c *check) {
		c.Need("PREFLIGHT_LOG_RETENTION", "PREFLIGHT_TIME_URL")
		user := c.NewUser()
		c.FailToSignIn(c.Browser(), user, 1)
		c.awaitLog(user.Email, "FAILED")
		c.Age(user, suite.cfg.LogRetention-suite.cfg.LogRetention/20)
		c.awaitLog(user.Email, "FAILED")
	})

	item.Case("logs are kept as long as the policy says", advice{
		Why:      "what is kept too short cannot be asked for, what is kept too long is a liability",
		Mend:     "write down how long each log is kept and why, set it there, and let somebody vouch for it in the profile, PREFLIGHT_PROFILE (ops/log-retention#logs are kept as long as the policy says)",
		Standard: "OWASP ASVS 16.1.1; CHECKLIST ops/log-retention",
	}, func(c *check) {
		c.NotVerified("no machine sees this: let somebody vouch for it in the file of PREFLIGHT_PROFILE")
	})
}

// What the app missed while it was down reaches it afterwards, once.
func TestWebhookRetry(t *testing.T) {
	item := begin(t, "ops/webhook-retry")

	item.Case("a delivery that fails comes again until it is taken, and has one effect", advice{
		Why:      "ten minutes of downtime, and removed people keep their access for ever",
		Mend:     "switch retries on for the endpoint, and answer 5xx, not 2xx, while it cannot do its work",
		Standard: "Standard Webhooks; spec/webhooks-scim.md 2",
	}, func(c *check) {
		r := c.retried()
		name := c.unique()
		c.BreakFor(fault{Subject: name, Status: http.StatusServiceUnavailable, Times: 2}.atWebhooks())
		c.rename(r.user.OrgID, name)
		r.awaitRetry(name)
		r.verifyOnce(name)
	})

	item.Case("a delivery whose answer was lost has one effect", advice{
		Why:      "an answer that is too late is a retry: what was done is done again",
		Mend:     "remember webhook-id, and answer 2xx to what was done already; the sender keeps the id",
		Standard: "Standard Webhooks (idempotency)",
	}, func(c *check) {
		r := c.retried()
		name := c.unique()
		broken := fault{Subject: name, Status: http.StatusServiceUnavailable, Times: 2, After: true}.atWebhooks()
		c.BreakFor(broken)
		c.rename(r.user.OrgID, name)
		c.Eventually(func() bool {
			r.later()
			return c.left(name) == 0
		}, r.patience(), "expected two more attempts at the delivery whose answers were lost")
		r.verifyOnce(name)
	})

	item.Case("it waits before it comes again", advice{
		Why:      "all deliveries of an outage at once keep the app from coming back",
		Mend:     "let the sender pause, longer each time",
		Standard: "Standard Webhooks; spec/webhooks-scim.md 2",
	}, func(c *check) {
		r := c.retried()
		name := c.unique()
		const failures = 3
		c.BreakFor(fault{Subject: name, Status: http.StatusServiceUnavailable, Times: failures}.atWebhooks())
		c.rename(r.user.OrgID, name)
		c.Eventually(func() bool { return c.left(name) < failures }, r.patience(), "expected a first attempt at the delivery")
		for range 5 { // later events that arrive are the sign that time has passed
			other := c.unique()
			c.rename(r.user.OrgID, other)
			r.awaitEffect(other, "an event after it")
		}
		assert.Positive(c, c.left(name), "how many of %d failures are left while no time has passed for the organization: the sender must not try again at once", failures)
	})
}

// retries are the deliveries that the environment itself sends, as the person
// of their organization sees them.
type retries struct {
	*receiver
}

func (c *check) retried() retries {
	c.Helper()
	c.Need("APP_WEBHOOK_PATH", "APP_WEBHOOK_EFFECT_PATH", "PREFLIGHT_FAULT_URL", "PREFLIGHT_TIME_URL")
	return retries{c.receiver()}
}

func (r retries) patience() time.Duration { return 2 * r.c.patience() }

// later lets the longest pause between two attempts pass for the organization.
func (r retries) later() {
	r.c.Helper()
	r.c.control("PREFLIGHT_TIME_URL", map[string]any{"subject": r.user.OrgID, "seconds": int(suite.cfg.WebhookRetryAfter.Seconds()) + 1})
}

// awaitRetry lets time pass until the app shows a name.
func (r retries) awaitRetry(name string) {
	r.c.Helper()
	r.c.Eventually(func() bool {
		r.later()
		return r.shown(name) > 0
	}, r.patience(), "expected the app to show the effect of the delivery that failed at first: it did not come again, or did nothing")
}

// verifyOnce demands one effect, also after everything that was on its way has
// arrived.
func (r retries) verifyOnce(name string) {
	r.c.Helper()
	r.awaitEffect(name, "the delivery")
	last := r.c.unique()
	r.c.rename(r.user.OrgID, last)
	r.awaitEffect(last, "an event after it")
	assert.LessOrEqual(r.c, r.shown(name), 1, "how often the app shows the effect of one delivery")
}

// left is how often a fault with a subject will still be met.
func (c *check) left(subject string) int {
	c.Helper()
	var answer struct{ Faults []fault }
	body := c.ask(http.MethodGet, "PREFLIGHT_FAULT_URL", suite.cfg.ControlToken, nil)
	if err := json.Unmarshal(body, &answer); err != nil {
		c.Trouble("PREFLIGHT_FAULT_URL does not list the faults in force: %v", err)
	}
	for _, f := range answer.Faults {
		if f.Subject == subject {
			return f.Times
		}
	}
	return 0
}

// ask sends a request to the address of a variable, with a bearer token, and
// returns the answer.
func (c *check) ask(method, variable, token string, body any) []byte {
	c.Helper()
	answer, err := askFor(suite.ctx, method, suite.cfg.Value(variable), token, body)
	if err != nil {
		c.Trouble("%s cannot be used: %v", variable, err)
	}
	return answer
}

func askFor(ctx context.Context, method, address, token string, body any) ([]byte, error) {
	encoded, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(encoded))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", "application/json")
	response, err := suite.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode/100 != 2 {
		return nil, fmt.Errorf("HTTP %d", response.StatusCode)
	}
	return io.ReadAll(io.LimitReader(response.Body, 1<<20))
}

// At three in the morning it says whom to call and what to do.
func TestRunbook(t *testing.T) {
	item := begin(t, "ops/runbook")

	item.Case("the runbook names contacts, the way back and the escalation, and was reviewed lately", advice{
		Why:      "nobody can sign in, it is night, and the one who knows is on holiday",
		Mend:     "write it: who is reached how, how the sign-in is rolled back, who is next; review it, and write the day down",
		Standard: "CHECKLIST ops/runbook",
		Harmless: true,
	}, func(c *check) {
		c.Need("PREFLIGHT_RUNBOOK")
		text := c.Read("PREFLIGHT_RUNBOOK", "")
		lacks := observe.Runbook{Text: observe.Words(text), Words: suite.cfg.RunbookWords}.Missing(time.Now(), suite.cfg.RunbookMaxAge)
		assert.Empty(c, lacks, "what the runbook lacks")
	})
}

// When the new sign-in fails there is a way back.
func TestRollback(t *testing.T) {
	item := begin(t, "ops/rollback")

	item.Case("the flag brings the sign-in of before back, and the new one again", advice{
		Why:      "a release that lets nobody in cannot be undone before the next one is built",
		Mend:     "put the new sign-in behind a flag that works at once, keep the old one working, and try both before the release",
		Standard: "CHECKLIST ops/rollback",
	}, func(c *check) {
		c.Need("PREFLIGHT_ROLLBACK_URL", "PREFLIGHT_ROLLBACK_EMAIL", "PREFLIGHT_ROLLBACK_PASSWORD")
		c.Alone()
		user := c.AnyUser()
		inside, old := c.Browser(), c.Browser()
		inside.SignIn(user)
		back := c.rollBack()

		old.Step("sign in as before")
		old.Goto(old.LoginURL(""))
		require.True(c, old.AtApp(old.URL()), "with the flag off the sign-in leads to %s; expected the application's own", old.URL().Host)
		old.Fill(`input[type="email"], input[autocomplete="username"]`, suite.cfg.RollbackEmail)
		screens.SubmitPassword(old.Page, suite.cfg.RollbackPassword)
		old.AwaitLanding()
		old.VerifySignedIn(&flows.User{Email: suite.cfg.RollbackEmail})

		answer := inside.Fetch(http.MethodGet, suite.cfg.App(suite.cfg.AppProtectedPath))
		assert.Less(c, answer.Status, 500, "HTTP status of the protected page for somebody who was signed in before the flag was switched off")

		back()
		again := c.Browser()
		again.OpenLogin("") // fails where this is not the hosted page
	})
}

// rollBack switches the new sign-in off until back is called, or whatever
// happens: the flag stands in the ledger.
func (c *check) rollBack() (back func()) {
	c.Helper()
	set := func(ctx context.Context, on bool) error {
		_, err := askFor(ctx, http.MethodPut, suite.cfg.RollbackURL, suite.cfg.RollbackToken, map[string]bool{"enabled": on})
		return err
	}
	c.removeLater("flag", "the new sign-in, switched off at PREFLIGHT_ROLLBACK_URL", func(ctx context.Context) error { return set(ctx, true) })
	if err := suite.create(func(ctx context.Context) error { return set(ctx, false) }); err != nil {
		c.Trouble("the flag at PREFLIGHT_ROLLBACK_URL cannot be switched off: %v", err)
	}
	return func() {
		c.Helper()
		if err := set(suite.ctx, true); err != nil {
			c.Fatalf("the flag at PREFLIGHT_ROLLBACK_URL cannot be switched on again: %v", err)
		}
	}
}
