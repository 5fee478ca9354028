package e2e

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/observe"
)

// watchTick is how often a log or a counter is looked at.
const watchTick = 200 * time.Millisecond

// watchWithin is how late what a deployment tells about itself may be.
func watchWithin() time.Duration {
	return time.Duration(float64(suite.cfg.WatchWithin) * suite.cfg.TimeoutFactor)
}

// Read returns what the source named by a variable tells about a subject.
func (c *check) Read(variable, subject string) string {
	c.Helper()
	c.Need(variable)
	text, err := observe.Source{Address: suite.cfg.Value(variable), Token: suite.cfg.WatchToken, Client: suite.client}.Read(suite.ctx, subject)
	if errors.Is(err, observe.ErrRefused) && suite.cfg.WatchToken == "" {
		c.NotVerified("set PREFLIGHT_WATCH_TOKEN: without it " + variable + " cannot be read (" + err.Error() + ")")
	}
	if err != nil {
		c.Trouble("%s cannot be read: %v", variable, err)
	}
	return text
}

// AwaitEntry waits until the source named by a variable has an entry in which
// subject and all words stand, and returns such entries.
func (c *check) AwaitEntry(variable, subject, what string, words ...string) (entries []string) {
	c.Helper()
	var all []string
	c.Eventually(func() bool {
		all = observe.Mentioning(observe.Entries(c.Read(variable, subject)), subject)
		entries = observe.Mentioning(all, words...)
		return len(entries) > 0
	}, watchWithin(), "expected %s in %s, within PREFLIGHT_WATCH_WITHIN (%s); seen about %s: %s",
		what, variable, suite.cfg.WatchWithin, subject, lazily(func() string { return strings.Join(all, "\n") }))
	return entries
}

// Eventually looks until a condition holds, and fails the case where it does
// not within a time. It looks from the case's own goroutine, where a case can
// be ended.
func (c *check) Eventually(holds func() bool, within time.Duration, format string, args ...any) {
	c.Helper()
	for end := time.Now().Add(within); !holds(); {
		if time.Now().After(end) {
			c.Fatalf(format, args...)
		}
		select {
		case <-time.After(watchTick):
		case <-suite.ctx.Done():
			c.Trouble("the run was cut off")
		}
	}
}

// lazily is a text that is made when it is printed.
type lazily func() string

func (l lazily) String() string { return l() }

// meter reads the counters that variables name, for one person.
type meter struct {
	c      *check
	series map[string]observe.Series
	alone  bool
	before map[string]float64
}

// Meter begins to count. Where the variables' series carry no label of this
// person the case has the deployment to itself from now on.
func (c *check) Meter(user *flows.User, variables ...string) *meter {
	c.Helper()
	c.Need(append([]string{"PREFLIGHT_METRICS_URL"}, variables...)...)
	m := &meter{c: c, series: map[string]observe.Series{}, before: map[string]float64{}}
	for _, variable := range variables {
		pattern := suite.cfg.Value(variable)
		text := strings.NewReplacer("{organization}", user.OrgID, "{email}", user.Email).Replace(pattern)
		m.alone = m.alone || text == pattern
		series, err := observe.ParseSeries(text)
		if err != nil {
			c.Trouble("%s names no series as Prometheus writes them (were quotes lost?): %v", variable, err)
		}
		m.series[variable] = series
	}
	if m.alone {
		c.Alone()
		m.settle()
	}
	for variable := range m.series {
		m.before[variable] = m.value(variable)
	}
	return m
}

// settle waits until the counters stand still: what ended before is counted.
func (m *meter) settle() {
	m.c.Helper()
	const still = 1500 * time.Millisecond
	last, since := "", time.Now()
	m.c.Eventually(func() bool {
		now := ""
		for variable := range m.series {
			now += variable + time.Duration(m.value(variable)*float64(time.Second)).String() + " "
		}
		if now = sorted(now); now != last {
			last, since = now, time.Now()
		}
		return time.Since(since) >= still
	}, watchWithin()+still, "expected the counters to stand still while nobody does anything; set {organization} in a label of theirs")
}

func (m *meter) value(variable string) float64 {
	m.c.Helper()
	sum, _, err := observe.Sum(m.c.Read("PREFLIGHT_METRICS_URL", ""), m.series[variable])
	require.NoError(m.c, err, "PREFLIGHT_METRICS_URL")
	return sum
}

// Moved is by how much a counter has moved.
func (m *meter) Moved(variable string) float64 { return m.value(variable) - m.before[variable] }

// VerifyMoved waits until a counter has moved by least, and demands that it
// then has not moved by more than most.
func (m *meter) VerifyMoved(variable string, least, most float64, why string) {
	m.c.Helper()
	moved := 0.0
	m.c.Eventually(func() bool { moved = m.Moved(variable); return moved >= least }, watchWithin(),
		"expected %s (%s) to move by at least %v since %s; it moved by %v", variable, suite.cfg.Value(variable), least, why,
		lazily(func() string { return trimmed(moved) }))
	m.VerifyBelow(variable, most, why)
}

// VerifyBelow demands that a counter has not moved by more than most.
func (m *meter) VerifyBelow(variable string, most float64, why string) {
	m.c.Helper()
	moved := m.Moved(variable)
	assert.LessOrEqual(m.c, moved, most, "%s (%s) moved by %s; expected at most %s, since %s", variable, suite.cfg.Value(variable), trimmed(moved), trimmed(most), why)
}

func trimmed(x float64) string {
	text, _ := json.Marshal(x) // a number
	return string(text)
}

// sorted puts words into one order.
func sorted(text string) string {
	words := strings.Fields(text)
	for i := range words {
		for j := i + 1; j < len(words); j++ {
			if words[j] < words[i] {
				words[i], words[j] = words[j], words[i]
			}
		}
	}
	return strings.Join(words, " ")
}

// FailToSignIn tries to sign in as user, n times, with what is not right:
// passwords where there are any, else codes. It returns what was tried.
func (c *check) FailToSignIn(v *flows.Visitor, user *flows.User, n int) (tried []string) {
	c.Helper()
	if suite.cfg.Has("password") {
		form := v.PasswordForm(user.Email)
		for range n {
			tried = append(tried, newPassword())
			v.SendPassword(form, tried[len(tried)-1])
		}
		return tried
	}
	for i := range n {
		if i%3 == 0 { // before the code is void
			v.OpenLogin("")
			v.RequestSignInMail(user)
		}
		tried = append(tried, "000000")
		v.SendForm(v.CodeForm(), map[string]string{"code": "000000"})
	}
	return tried
}

// provokeError ends a sign-in of v with an error in which label stands.
func (c *check) provokeError(v *flows.Visitor, label string) {
	c.Helper()
	state := v.StartLogin("").Get("state")
	v.Fetch(http.MethodGet, suite.cfg.App(suite.cfg.AppCallbackPath)+"?"+url.Values{
		"error": {"server_error"}, "error_description": {label}, "state": {state},
	}.Encode())
}
