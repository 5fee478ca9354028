package e2e

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/auth-preflight/auth-preflight/fixtures/checklist"
	"github.com/auth-preflight/auth-preflight/helpers/readiness"
)

// item is one item of the checklist under test.
type item struct {
	t       *testing.T
	id      string
	results *readiness.Item
	cases   int // declared so far
}

// shortCases is how many cases of each item -short runs: the first ones, which
// are what people do; what attackers try comes after.
const shortCases = 2

// advice goes with a case: what a person needs when it is red.
type advice struct {
	Why      string // what a user or the business would suffer
	Mend     string // what to change, and where
	Standard string // the document that asks for it
	// Harmless: the case only reads what every stranger may, or the suite's own
	// variables and files: it makes nobody, sends no form, guesses nothing. Only
	// such cases run in production.
	Harmless bool
	// Limits: the case is about limits of requests, and HTTP 429 is an answer to
	// it like another. Elsewhere it is an obstacle.
	Limits bool
}

// begin opens an item. It runs in parallel with all others and waits for the
// shared preflight, whose failure blocks the item.
func begin(t *testing.T, id string) *item {
	t.Helper()
	t.Parallel()
	if _, ok := checklist.ByID(id); !ok {
		t.Fatalf("%q is not an item of fixtures/checklist", id)
	}
	defeatTestCache(suite.stamp)
	skipWhenOver(t)
	if n := slices.Index(checkedItems(), id); !suite.part.Takes(n) {
		t.Skipf("%s: it belongs to another part of the run than %s", readiness.NotVerified, suite.part)
	}
	i := &item{t: t, id: id, results: suite.results.Item(id)}
	i.results.Test(t.Name())
	if err := suite.ready(); err != nil {
		skipWhenOver(t)
		suite.results.Block(err.Error())
		t.Fatal("blocked: see the verdict below") // which says the sentence once, not for each item
	}
	return i
}

// Case is one observable behaviour, as a sentence. It runs in parallel with
// all others, in a browser context of its own.
func (i *item) Case(name string, a advice, f func(c *check)) {
	i.cases++
	leftOut := testing.Short() && i.cases > shortCases
	i.t.Run(name, func(t *testing.T) {
		i.results.Expect(name)
		t.Parallel()
		held := &lease{}
		held.share()
		t.Cleanup(held.release) // after every other clean-up function
		skipWhenOver(t)
		c := newCheck(t, i, name, a)
		c.lease = held
		defer c.guard()
		if !suite.plan.deadline.IsZero() && time.Now().After(suite.plan.last) {
			suite.late.Store(true)
			c.stop(readiness.NotVerified, readiness.NotReached)
		}
		if word, ok := suite.profile.For(readiness.NotApplicable, i.id, name); ok {
			c.NotApplicable(word.String())
		}
		if why := suite.cfg.Production(); why != "" && !a.Harmless {
			c.NotVerified(why + inProduction)
		}
		if leftOut {
			c.stop(readiness.NotVerified, "left out by -short")
		}
		f(c)
	})
}

// lease is a case's share of the deployment: with others, or alone.
type lease struct{ alone bool }

func (l *lease) share() { suite.alone.RLock() }

// exclusive waits until no other case runs, and keeps every other from
// beginning until release.
func (l *lease) exclusive() {
	if l.alone {
		return
	}
	suite.alone.RUnlock() // two who wait for each other would wait for ever
	suite.alone.Lock()
	l.alone = true
}

func (l *lease) release() {
	if l.alone {
		suite.alone.Unlock()
	} else {
		suite.alone.RUnlock()
	}
}

// skipWhenOver keeps what was not begun from being begun while the run ends.
func skipWhenOver(t *testing.T) {
	t.Helper()
	if suite.ctx.Err() != nil {
		// The report is being closed: it counts what was not begun as not reached.
		t.Skipf("%s: the run was cut off", readiness.NotVerified)
	}
}

// defeatTestCache keeps cmd/go from answering a later run from its cache: a
// file that is newer than the run, opened by a test, makes the result
// uncacheable (research/ecosystem.md B2). The deployment is not an input that
// cmd/go could see.
func defeatTestCache(stamp string) {
	if err := os.WriteFile(stamp, nil, 0o600); err != nil {
		return // an unwritable folder has been reported by readiness.Start
	}
	tomorrow := time.Now().Add(24 * time.Hour)
	_ = os.Chtimes(stamp, tomorrow, tomorrow)
	if f, err := os.Open(stamp); err == nil {
		_ = f.Close()
	}
}

// String is what a failing case says besides what was seen.
func (a advice) String() string {
	var b strings.Builder
	for _, part := range []struct{ label, text string }{
		{"why it matters", a.Why}, {"how to mend it", a.Mend}, {"standard", a.Standard},
	} {
		if part.text != "" {
			fmt.Fprintf(&b, "\n  %s: %s", part.label, part.text)
		}
	}
	return b.String()
}
