package e2e

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/auth-preflight/auth-preflight/helpers/browser"
	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/idp"
	"github.com/auth-preflight/auth-preflight/helpers/readiness"
	"github.com/auth-preflight/auth-preflight/helpers/testusers"
)

// check is one running case. It is a testing.TB that remembers what was said,
// so that the report can say it too.
type check struct {
	*testing.T
	item    *item
	name    string
	advice  advice
	results *readiness.Case
	started time.Time
	windows int
	people  []string // addresses whose mails belong to this case
	// providers are the suite's identity providers in this case.
	providers []*idp.IdP
	lease     *lease
	life      time.Duration   // of access tokens in this case; zero: as declared
	asked     bool            // for people who can sign in
	parts     int             // so many of them are cast
	played    int             // so many of these were made
	loan      *testusers.Loan // of this case, where they are test users
	ageing    map[string]bool // those of them whom the case has made older
	waived    bool            // the profile accepts its failure: it is told, and go test goes on

	mu     sync.Mutex
	failed bool // while waived
	said   []string
	at     [][]string      // where it failed: of each failure the lines of the suite
	state  readiness.State // set by NotVerified, NotApplicable and Trouble
	reason string
	// obstacle is who turned the suite away, and how; "": nobody did.
	obstacle string
}

func newCheck(t *testing.T, i *item, name string, a advice) *check {
	t.Helper()
	c := &check{T: t, item: i, name: name, advice: a, results: i.results.Case(name), started: time.Now()}
	t.Cleanup(c.finish)
	if word, ok := suite.profile.For(readiness.Waived, i.id, name); ok && !word.Expired(c.started) {
		c.waived = true
	}
	return c
}

// Browser opens a browser of its own: a fresh context, no cookies, nobody
// signed in.
func (c *check) Browser() *flows.Visitor {
	c.Helper()
	b, err := suite.window()
	if err != nil {
		c.Trouble("no browser: %v", err)
	}
	return c.open(b, browser.WindowOptions{})
}

// Unseen is a browser of its own for somebody who is not what the case is about:
// where the hosted pages are plain forms, flows go through them without drawing
// them.
func (c *check) Unseen() *flows.Visitor {
	c.Helper()
	v := c.Browser()
	v.Walks = true
	return v
}

// BrowserVia opens a browser of its own that reaches everything by an HTTP proxy.
func (c *check) BrowserVia(proxy string) *flows.Visitor {
	c.Helper()
	b, err := suite.window()
	if err != nil {
		c.Trouble("no browser: %v", err)
	}
	return c.open(b, browser.WindowOptions{Proxy: proxy})
}

// open opens a window of this case.
func (c *check) open(b *browser.Browser, o browser.WindowOptions) *flows.Visitor {
	c.Helper()
	c.windows++
	o.ArtifactDir = filepath.Join(c.results.Dir(), fmt.Sprintf("browser-%d", c.windows))
	o.Client = suite.world.Client
	o.Timeout, o.OnSecret, o.OnAnswer = c.patience(), suite.results.Learn, c.Answered
	return &flows.Visitor{Page: b.Open(c, o), T: c, World: suite.world}
}

// patience is how long one step may take.
func (c *check) patience() time.Duration {
	return time.Duration(float64(15*time.Second) * suite.cfg.TimeoutFactor)
}

// Need makes a case not verified unless all these variables are set, and not
// applicable where the deployment declares, with a reason, that the app does
// without one of them.
func (c *check) Need(variables ...string) {
	c.Helper()
	for _, name := range variables {
		if reason := suite.cfg.Declined(name); reason != "" {
			c.NotApplicable(name + " is declared as none: " + reason)
		}
	}
	if missing := suite.cfg.Missing(variables...); len(missing) > 0 {
		c.NotVerified("set " + strings.Join(missing, " and ") + " (see .env.example)")
	}
}

// NeedMethod makes a case not applicable where the deployment declares that it
// does not offer a method, and not verified where it declares nothing.
func (c *check) NeedMethod(methods ...string) {
	c.Helper()
	c.Need("PREFLIGHT_METHODS")
	for _, method := range methods {
		if !suite.cfg.Has(method) {
			c.stop(readiness.NotApplicable, "PREFLIGHT_METHODS does not list "+method)
		}
	}
}

// Alone waits until no other case runs, and keeps every other from beginning
// until this one has cleaned up: for what changes a whole deployment, or counts
// all of it.
func (c *check) Alone() {
	c.Helper()
	if c.asked {
		c.Trouble("the case asks to be alone after it has asked for somebody who can sign in: others who wait for a test user would wait for ever")
	}
	c.lease.exclusive()
	skipWhenOver(c.T)
}

// NotVerified ends the case without a verdict. reason names the variable or
// the capability that would make it one. Where somebody vouches for the case,
// that stands in its place; a word that is over is worse than none.
func (c *check) NotVerified(reason string) {
	c.Helper()
	if word, ok := suite.profile.For(readiness.Attested, c.item.id, c.name); ok {
		if word.Expired(time.Now()) {
			c.Fatalf("%s; and the attestation in its place is over: %s. Look again, and renew it in the profile (PREFLIGHT_PROFILE)", reason, word)
		}
		c.stop(readiness.Attested, word.String())
	}
	c.stop(readiness.NotVerified, reason)
}

// NotApplicable ends the case because the deployment declares that it does
// without what the case is about.
func (c *check) NotApplicable(reason string) {
	c.Helper()
	c.stop(readiness.NotApplicable, reason)
}

// Trouble ends the case as an error of the suite or the network: nothing is
// said about the item, unless the case had failed before.
func (c *check) Trouble(format string, args ...any) {
	c.Helper()
	if c.cutOff() {
		c.leave()
	}
	if c.Failed() {
		c.say("then the suite or the network was in trouble: " + fmt.Sprintf(format, args...))
	} else {
		c.remember(readiness.Error, fmt.Sprintf(format, args...))
	}
	c.T.Fatalf("the suite or the network is in trouble: "+format, args...)
}

func (c *check) stop(state readiness.State, reason string) {
	c.Helper()
	c.remember(state, reason)
	c.T.Skipf("%s: %s", state, reason)
}

func (c *check) remember(state readiness.State, reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state, c.reason = state, reason
}

// Errorf and Fatalf say it to the test and remember it for the report.
func (c *check) Errorf(format string, args ...any) {
	c.Helper()
	if c.cutOff() {
		return
	}
	c.inconclusive(fmt.Sprintf(format, args...))
	c.say(fmt.Sprintf(format, args...))
	c.sayWhere()
	c.T.Logf(format, args...)
	c.Fail()
}

func (c *check) Fatalf(format string, args ...any) {
	c.Helper()
	c.Errorf(format, args...)
	c.FailNow()
}

// Logf tells the test something that the report has no use for.
func (c *check) Logf(format string, args ...any) {
	c.Helper()
	if !c.cutOff() {
		c.T.Logf(format, args...)
	}
}

// Fail marks the case as failed. Where the profile waives its failure, go test
// is told of a skip instead: the gate judges it, by the report.
func (c *check) Fail() {
	if !c.waived {
		c.T.Fail()
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failed = true
}

// FailNow is Fail, and the end of the case.
func (c *check) FailNow() {
	if c.cutOff() {
		c.leave()
	}
	c.Fail()
	if c.waived {
		c.T.Skipf("%s: it failed, and the profile waives that", readiness.Waived)
	}
	c.T.FailNow()
}

// cutOff reports whether the run was cut off under the case. What breaks then is
// the cutting's doing: it fails nothing, and is not said.
func (c *check) cutOff() bool { return suite.results.IsCut() }

// leave ends a case under which the run was cut off. The first one says so to go
// test, which would end in PASS otherwise.
func (c *check) leave() {
	suite.cutSaid.Do(func() { c.T.Error("the run was cut off: what was under way is not verified") })
	c.stop(readiness.NotVerified, "the run was cut off")
}

// Failed reports whether the case failed, waived or not.
func (c *check) Failed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failed || c.T.Failed()
}

func (c *check) say(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.said = append(c.said, strings.TrimSpace(text))
}

// guard turns a panic of the check into an error of the suite, so that one
// broken check does not take the run with it.
func (c *check) guard() {
	if p := recover(); p != nil && !c.cutOff() {
		c.remember(readiness.Error, fmt.Sprintf("the check panicked: %v", p))
		c.T.Errorf("the check panicked: %v\n%s", p, debug.Stack())
	}
}

// finish writes the outcome down. It is the case's first clean-up function and
// so runs as the last: after the pictures of a failure and the removal of users.
func (c *check) finish() {
	failed := c.Failed()
	c.mu.Lock()
	defer c.mu.Unlock()
	state, reason := c.state, c.reason
	switch {
	case failed && state != readiness.Error:
		// What failed before the case was ended early stays failed: a skip
		// must not hide it.
		state, reason = readiness.Failed, ""
	case state == "" && c.Skipped():
		state, reason = readiness.Error, "the case was skipped without a state: it must say what it could not verify, or why it does not apply"
	case state == "":
		state = readiness.Passed
	}
	if failed && !c.cutOff() {
		c.Logf("%s\n  to see it happen: %s", strings.TrimPrefix(c.advice.String(), "\n"), c.results.Repro())
		c.showMails()
		c.showResponses()
	}
	c.results.Finish(readiness.Outcome{
		State: state, Reason: reason, Duration: time.Since(c.started),
		Output: strings.Join(c.said, "\n"), At: c.at,
		Why: c.advice.Why, Mend: c.advice.Mend, Standard: c.advice.Standard,
		Test: c.T.Name(),
	})
}

// showMails adds the mails that this case's people received to the evidence.
func (c *check) showMails() {
	if suite.world.Inbox == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(suite.ctx), cleanUpBudget)
	defer cancel()
	for _, address := range c.people {
		messages, err := suite.world.Inbox.All(ctx, address)
		if err != nil {
			c.results.Evidence(readiness.Evidence{Kind: "mail", Title: "the inbox of " + address, Text: "could not be read: " + err.Error()})
			continue
		}
		for _, message := range messages {
			suite.learn(message.Codes...)
			c.results.Evidence(readiness.Evidence{
				Kind: "mail", Title: message.Subject + " (to " + address + ", " + message.Received.Format(time.TimeOnly) + ")", Text: message.Text,
			})
		}
	}
}
