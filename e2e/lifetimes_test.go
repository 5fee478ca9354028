package e2e

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/auth-preflight/auth-preflight/helpers/readiness"
	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
)

const (
	// shortLife is how long access tokens live while cases wait for their end:
	// applications that refresh a little early still use them for a while.
	shortLife = time.Minute
	// shortestLife is what one request from the environment to the application
	// may take.
	shortestLife = 5 * time.Second
)

// NeedEndOfAccess makes a case not verified unless the life of an access token
// can be seen to end: by the time capability, by a wait that is not too long or,
// where the deployment lets the suite do that (PREFLIGHT_API_CAN), by tokens that
// live shorter while such cases run. Call it before somebody signs in; TokenLife
// then says how long it is.
func (c *check) NeedEndOfAccess() {
	c.Helper()
	declared := suite.cfg.AppAccessTokenLifetime
	short := min(shortLife, suite.cfg.LongestWait-suite.cfg.ClockSkew)
	switch {
	case c.CanPass(declared):
		c.NeedTime(declared)
	case !suite.cfg.APIDoes("lifetimes"):
		c.NotVerified(fmt.Sprintf("set PREFLIGHT_TIME_URL; or PREFLIGHT_API_CAN=lifetimes where the suite may shorten the life of access tokens for a while; or PREFLIGHT_LONGEST_WAIT to at least %s",
			declared+suite.cfg.ClockSkew))
	case short < shortestLife:
		c.NotVerified(fmt.Sprintf("set PREFLIGHT_LONGEST_WAIT to %s (a minute, and PREFLIGHT_CLOCK_SKEW), or PREFLIGHT_TIME_URL", shortLife+suite.cfg.ClockSkew))
	default:
		c.NeedTime(short)
		if err := suite.lifetimes.shorten(suite, short); err != nil {
			c.NotVerified("set PREFLIGHT_TIME_URL: the life of access tokens cannot be shortened by API (" + err.Error() + ")")
		}
		c.Cleanup(func() { suite.lifetimes.release(suite) })
		c.life = short
	}
}

// TokenLife is how long access tokens live that are issued in this case.
func (c *check) TokenLife() time.Duration {
	if c.life > 0 {
		return c.life
	}
	return suite.cfg.AppAccessTokenLifetime
}

// AsDeclared waits until lifetimes are as they are declared, and keeps them so
// until the case is over.
func (c *check) AsDeclared() {
	c.Helper()
	l := &suite.lifetimes
	l.mu.Lock()
	for l.cases > 0 {
		l.restored().Wait()
	}
	c.Cleanup(l.mu.Unlock)
}

// lifetimes are what the run has shortened at the application's client, for as
// long as a case needs it.
type lifetimes struct {
	mu    sync.Mutex
	idle  *sync.Cond // of mu: no case needs it any more
	cases int
	entry *readiness.Entry
}

func (l *lifetimes) restored() *sync.Cond {
	if l.idle == nil {
		l.idle = sync.NewCond(&l.mu)
	}
	return l.idle
}

// shorten makes access tokens of the application's client live so long until
// each case has called release. The error says why they do not.
func (l *lifetimes) shorten(r *run, life time.Duration) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cases == 0 {
		if err := l.change(r, life); err != nil {
			return err
		}
	}
	l.cases++
	return nil
}

// change writes into the ledger what was, and then changes it. What is not as it
// is declared was perhaps shortened by another run, which will restore it.
func (l *lifetimes) change(r *run, life time.Duration) error {
	var client *scalekit.RegisteredClient
	err := r.create(func(ctx context.Context) (err error) {
		client, err = r.world.API.GetClient(ctx, r.cfg.AppClientID)
		return err
	})
	if err != nil {
		return err
	}
	if was := time.Duration(client.AccessTokenExpiry) * time.Second; was != 0 && was != r.cfg.AppAccessTokenLifetime {
		return fmt.Errorf("they live %s, and APP_ACCESS_TOKEN_LIFETIME says %s: is another run under way, or was one killed? Then make sweep restores it", was, r.cfg.AppAccessTokenLifetime)
	}
	changed := scalekit.Lifetime{ClientID: client.ID, Was: int(client.AccessTokenExpiry), Is: int(life.Seconds())}
	l.entry = r.results.Ledger().Will(scalekit.LifetimeKind, changed.String())
	l.entry.Made(client.ID)
	r.keep(l.entry, func(ctx context.Context) error { return r.world.API.RestoreLifetime(ctx, changed) })
	if err := r.create(func(ctx context.Context) error { return r.world.API.SetLifetime(ctx, client.ID, life) }); err != nil {
		r.remove(l.entry)
		return err
	}
	return nil
}

// release restores what was when the last case calls it.
func (l *lifetimes) release(r *run) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cases--; l.cases == 0 {
		r.remove(l.entry)
		l.restored().Broadcast()
	}
}
