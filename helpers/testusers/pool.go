// Package testusers lends the test users of an environment: people who exist
// there already, to whom no mail goes and whose one-time code is fixed. There are
// five at most (spec/hosted-pages.md 5.1), and many cases. So each is lent to one
// case at a time, whoever finds none waits in line, and whoever is given back is
// as before: without sessions, with the same memberships, roles and names. They
// are somebody's: they are never made, deleted or named anew.
package testusers

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
)

// Environment is what the pool asks of the management API; *scalekit.Client has
// all of it.
type Environment interface {
	FindUser(ctx context.Context, email string) (*scalekit.User, error)
	GetUser(ctx context.Context, id string) (*scalekit.User, error)
	RevokeUserSessions(ctx context.Context, userID string) error
	AddMember(ctx context.Context, organizationID, userID string, roleNames ...string) (*scalekit.User, error)
	RemoveMember(ctx context.Context, organizationID, userID string) error
	SetRoles(ctx context.Context, organizationID, userID string, names ...string) error
	SetMembershipStatus(ctx context.Context, organizationID, userID, status string) (now string, err error)
	UpdateUser(ctx context.Context, id string, profile scalekit.Profile) (*scalekit.User, error)
}

// ErrTooFew is wrapped by the error of a Lend that can never succeed: so many
// people are not there, or are no longer fit to be lent. The error says why.
var ErrTooFew = errors.New("there are too few test users")

// Pool lends people. All its methods are safe for concurrent use.
type Pool struct {
	env Environment

	mu     sync.Mutex
	idle   []string // addresses, the longest at rest first
	fit    int      // those who are idle or lent
	unfit  []string // why the others are not lent any more
	line   []*waiter
	loans  map[*Loan]bool
	closed bool
}

// waiter is one who waits for n people.
type waiter struct {
	n     int
	given []string
	ready chan struct{} // closed when given is there, or never will be
}

// Loan is people who are lent to one case.
type Loan struct {
	People []Person

	pool *Pool
	also []func(context.Context) error // guarded by pool.mu
	once sync.Once
	err  error
}

// Person is a test user as they were when they were lent.
type Person struct {
	scalekit.User
	OrganizationID string // the one that they belong to
}

// New returns a pool of the people with these addresses.
func New(env Environment, addresses []string) *Pool {
	return &Pool{env: env, idle: append([]string(nil), addresses...), fit: len(addresses), loans: map[*Loan]bool{}}
}

// Lend waits until n people are there, all at once, first come, first served: who
// would take one after another could wait for somebody who waits for them.
// waiting, if not nil, is called once before there is anything to wait for. The
// error is ctx's, wraps ErrTooFew, or is the environment's.
func (p *Pool) Lend(ctx context.Context, n int, waiting func()) (*Loan, error) {
	for {
		addresses, err := p.take(ctx, n, waiting)
		if err != nil {
			return nil, err
		}
		loan, err := p.prepare(ctx, addresses)
		if loan != nil || err != nil {
			return loan, err
		}
		// Somebody was found unfit; perhaps there are others.
	}
}

// take waits for n addresses.
func (p *Pool) take(ctx context.Context, n int, waiting func()) ([]string, error) {
	p.mu.Lock()
	if err := p.lacks(n); err != nil {
		p.mu.Unlock()
		return nil, err
	}
	w := &waiter{n: n, ready: make(chan struct{})}
	p.line = append(p.line, w)
	p.serve()
	p.mu.Unlock()

	select {
	case <-w.ready:
	default:
		if waiting != nil {
			waiting()
		}
		select {
		case <-w.ready:
		case <-ctx.Done():
			return nil, p.giveUp(ctx, w)
		}
	}
	if w.given == nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		return nil, p.lacks(n)
	}
	return w.given, nil
}

// giveUp leaves the line. What was given in the same moment goes back.
func (p *Pool) giveUp(ctx context.Context, w *waiter) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, other := range p.line {
		if other == w {
			p.line = append(p.line[:i], p.line[i+1:]...)
			break
		}
	}
	p.idle = append(p.idle, w.given...)
	p.serve()
	return ctx.Err()
}

// lacks is why n people can never be lent. The caller holds mu.
func (p *Pool) lacks(n int) error {
	switch {
	case p.closed:
		return fmt.Errorf("%w: the run is over", ErrTooFew)
	case p.fit < n:
		why := ""
		if len(p.unfit) > 0 {
			why = " (" + strings.Join(p.unfit, "; ") + ")"
		}
		return fmt.Errorf("%w: %d of the %d that are needed%s", ErrTooFew, p.fit, n, why)
	}
	return nil
}

// serve gives people to those in line, in its order. The caller holds mu.
func (p *Pool) serve() {
	for len(p.line) > 0 {
		w := p.line[0]
		if p.lacks(w.n) == nil {
			if len(p.idle) < w.n {
				return
			}
			w.given = p.idle[:w.n:w.n]
			p.idle = p.idle[w.n:]
		}
		p.line = p.line[1:]
		close(w.ready)
	}
}

// release puts an address back, or takes it out where why says that its person is
// not fit to be lent again.
func (p *Pool) release(address, why string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if why == "" {
		p.idle = append(p.idle, address)
	} else {
		p.fit--
		p.unfit = append(p.unfit, address+" "+why)
	}
	p.serve()
}

// Close gives back all that is lent, within ctx, and lends nothing more: for a
// run that is cut off. The errors say who could not be left as they were.
func (p *Pool) Close(ctx context.Context) error {
	p.mu.Lock()
	p.closed = true
	loans := make([]*Loan, 0, len(p.loans))
	for loan := range p.loans {
		loans = append(loans, loan)
	}
	p.serve()
	p.mu.Unlock()
	failed := make([]error, len(loans))
	var all sync.WaitGroup
	for i, loan := range loans {
		all.Go(func() { failed[i] = loan.Return(ctx) })
	}
	all.Wait()
	return errors.Join(failed...)
}
