package e2e

import (
	"fmt"
	"time"

	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/readiness"
)

// skew is what clocks may differ by before a lifetime is judged
// (DEFECTS.md C-7). With the time capability it costs nothing; where time
// really passes, PREFLIGHT_CLOCK_SKEW stands for it.
const skew = 2 * time.Minute

// NeedTime makes a case not verified unless a lifetime of d can be seen to
// end: by the time capability, else by a wait that is not too long.
func (c *check) NeedTime(d time.Duration) {
	c.Helper()
	if suite.cfg.TimeURL != "" || d == 0 {
		return
	}
	wait := d + suite.cfg.ClockSkew
	if !c.CanPass(d) {
		c.NotVerified(fmt.Sprintf("set PREFLIGHT_TIME_URL, or shorten the lifetime, or let a case wait for %s (PREFLIGHT_LONGEST_WAIT)", wait))
	}
	if !suite.plan.cut.IsZero() && time.Now().Add(wait).After(suite.plan.cut) {
		suite.late.Store(true)
		c.NotVerified(readiness.NotReached)
	}
}

// CanPass reports whether a lifetime of d can be seen to end.
func (c *check) CanPass(d time.Duration) bool {
	return suite.cfg.TimeURL != "" || d+suite.cfg.ClockSkew <= suite.cfg.LongestWait
}

// Outlive lets so much time pass for user that whatever lives for d is over,
// whichever clock judges it.
func (c *check) Outlive(user *flows.User, d time.Duration) {
	c.Helper()
	c.OutliveBy(user, d, skew)
}

// OutliveBy is Outlive with a margin of its own, for what may rightly be
// forgiven some time. Where time really passes, PREFLIGHT_CLOCK_SKEW stands for
// the margin.
func (c *check) OutliveBy(user *flows.User, d, margin time.Duration) {
	c.Helper()
	if suite.cfg.TimeURL == "" {
		c.NeedTime(d)
		margin = suite.cfg.ClockSkew
	}
	c.Pass(user, d+margin)
}

// NearlyOutlive lets most of a lifetime of d pass for user: what lives for d is
// still alive, and what lives for half of it is not. Where time really passes it
// is half, so that enough is left for a slow machine.
func (c *check) NearlyOutlive(user *flows.User, d time.Duration) {
	c.Helper()
	c.NeedTime(d)
	if suite.cfg.TimeURL == "" {
		c.Pass(user, d/2)
		return
	}
	c.Pass(user, d*3/4)
}

// Pass lets d pass for user: by the time capability or, without it, really.
func (c *check) Pass(user *flows.User, d time.Duration) {
	c.Helper()
	if suite.cfg.TimeURL != "" {
		c.Age(user, d)
		return
	}
	select {
	case <-time.After(d):
	case <-suite.ctx.Done():
		skipWhenOver(c.T)
	}
}

// SessionLimits returns after what times the user's next session ends: unused
// (zero: never), and at all. Without the time capability the user's
// organization gets short ones of its own, by API.
func (c *check) SessionLimits(user *flows.User) (idle, absolute time.Duration) {
	c.Helper()
	if suite.cfg.TimeURL != "" {
		return suite.cfg.AppIdleTimeout, suite.cfg.AppAbsoluteTimeout
	}
	// The environment demands absolute above idle above the access token's life,
	// in whole minutes (spec/oauth.md 7).
	idle = suite.cfg.AppAccessTokenLifetime.Truncate(time.Minute) + time.Minute
	absolute = idle + time.Minute
	c.NeedTime(absolute)
	if user.Code != "" && c.parts == 0 {
		c.NotVerified("set PREFLIGHT_INBOX_URL: a test user's organization must not be given short sessions; somebody new has one of their own")
	}
	if err := suite.world.API.SetSessionLimits(suite.ctx, user.OrgID, absolute, idle); err != nil {
		c.NotVerified("set PREFLIGHT_TIME_URL: the organization cannot be given short sessions by API (" + err.Error() + ")")
	}
	return idle, absolute
}

// noteLimits writes into the report what the app is declared to do less
// strictly than the standards.
func (r *run) noteLimits() {
	for _, limit := range r.cfg.Limits() {
		r.results.Note("declared in APP_LIMITS: " + limit.Word + ": " + limit.Reason)
	}
	if d := r.cfg.AppRevocationDelay; d > 0 {
		r.results.Note("declared in APP_REVOCATION_DELAY: a copy of a session's cookies may work for " + d.String() + " after the session was ended")
	}
}
