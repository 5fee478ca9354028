package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/auth-preflight/auth-preflight/helpers/config"
	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/pace"
	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
	"github.com/auth-preflight/auth-preflight/helpers/testusers"
)

// borrowWithin is how long a case waits in line for a test user.
const borrowWithin = 10 * time.Minute

// AnyUser is somebody who can sign in, for a case that needs no more of them and
// leaves them and their organization as they were: a new person with an
// organization of their own where there is an inbox, else one of the
// environment's test users, who is this case's alone until it is over.
func (c *check) AnyUser() *flows.User {
	c.Helper()
	return c.AnyUsers(1)[0]
}

// AnyUsers is AnyUser for several. A case asks once, for all at once, and after it
// has asked to be alone: who holds one and waits for another could wait for ever.
// helpers/needs reads n: it is a number in the source.
func (c *check) AnyUsers(n int) (users []*flows.User) {
	c.Helper()
	c.askOnce(n)
	if suite.testUsers == nil {
		for range n {
			users = append(users, c.NewUser())
		}
		return users
	}
	c.loan = c.borrow(n)
	for _, person := range c.loan.People {
		users = append(users, asUser(person))
	}
	return users
}

func asUser(person testusers.Person) *flows.User {
	return &flows.User{
		Email: person.Email, Code: suite.cfg.TestUserCode, ID: person.ID, OrgID: person.OrganizationID,
		GivenName: person.Profile.GivenName, FamilyName: person.Profile.FamilyName,
	}
}

// askOnce makes sure that a case asks once for people who can sign in, and that so
// many can.
func (c *check) askOnce(n int) {
	c.Helper()
	if c.asked {
		c.Trouble("the case asks a second time for somebody who can sign in: it must ask once, for all at once")
	}
	c.asked = true
	c.needPeople(n)
}

// Cast says that a case makes n people, by NewUser and NewMember, who sign in where
// nothing is drawn, and whom it does not delete. Without an inbox test users play
// them, as members of the organizations that the case makes; they keep their own
// one, and so choose at each sign-in. As AnyUsers, it is said once and first.
func (c *check) Cast(n int) {
	c.Helper()
	c.askOnce(n)
	c.parts = n
	if suite.testUsers != nil {
		c.loan = c.borrow(n)
	}
}

// player is the next of those who were cast; nil where somebody new is made.
func (c *check) player() *flows.User {
	c.Helper()
	if c.parts == 0 {
		return nil
	}
	if c.played++; c.played > c.parts {
		c.Trouble("the case makes %d people who sign in, and has said that they are %d", c.played, c.parts)
	}
	if c.loan == nil {
		return nil
	}
	return asUser(c.loan.People[c.played-1])
}

// NewBystander is a person with an organization of their own who neither signs in
// by mail nor is sent any. So no inbox is needed: without one the address is one
// more of a test user's mailbox, or one of a domain that takes no mail (RFC 7505).
func (c *check) NewBystander() *flows.User {
	c.Helper()
	user := c.NewUnmailed()
	c.withOrganization(user)
	return user
}

// NewUnmailed invents somebody whom the deployment does not know yet, and whom no
// mail has to reach. A case that waits for one to them is in trouble, with an inbox
// as without.
func (c *check) NewUnmailed() *flows.User {
	c.Helper()
	address := c.unique() + "@example.com"
	switch {
	case suite.world.Inbox != nil:
		address = suite.world.Inbox.Address(c.unique())
	case len(suite.cfg.TestUsers) > 0:
		address = strings.Replace(suite.cfg.TestUsers[0], "+sktest", "+"+c.unique(), 1)
	}
	user := c.somebodyAt(address)
	user.Unmailed = true
	return user
}

// needPeople makes a case not verified where so many people cannot sign in: there
// is no inbox, and there are too few test users.
func (c *check) needPeople(n int) {
	c.Helper()
	missing := suite.cfg.MissingPeople(n)
	switch {
	case len(missing) == 0:
	case suite.cfg.HasTestUsers():
		c.NotVerified(fmt.Sprintf("set %s to at least %d test users, or PREFLIGHT_INBOX_URL (see .env.example)", strings.Join(missing, " and "), n))
	default:
		c.NotVerified("set " + strings.Join(missing, " and ") + ", or SCALEKIT_TEST_USER_EMAIL and SCALEKIT_TEST_USER_CODE (see .env.example)")
	}
}

// borrow takes test users until the case is over.
func (c *check) borrow(n int) *testusers.Loan {
	c.Helper()
	within := time.Duration(float64(borrowWithin) * suite.cfg.TimeoutFactor)
	ctx, cancel := context.WithTimeout(suite.ctx, within)
	defer cancel()
	loan, err := suite.testUsers.Lend(ctx, n, func() { c.results.Waits("waits for a test user: all are lent") })
	switch {
	case err == nil:
	case suite.ctx.Err() != nil:
		skipWhenOver(c.T)
	case errors.Is(err, testusers.ErrTooFew):
		c.NotVerified("set SCALEKIT_TEST_USER_EMAIL to other people, or PREFLIGHT_INBOX_URL: " + err.Error())
	case ctx.Err() != nil:
		c.NotVerified(fmt.Sprintf("set SCALEKIT_TEST_USER_EMAIL to more people, or PREFLIGHT_INBOX_URL: no test user was free within %s", within))
	default:
		c.Trouble("%v", err)
	}
	c.Cleanup(func() { suite.takeBack(loan) })
	return loan
}

// takeBack gives test users back to the pool as they were. Who is not is told of in
// the report, and lent to nobody else.
func (r *run) takeBack(loan *testusers.Loan) {
	ctx, cancel := pace.Budget(context.WithoutCancel(r.ctx), cleanUpBudget)
	defer cancel()
	if err := loan.Return(ctx); err != nil {
		r.results.Note("not left as it was: " + err.Error())
	}
}

// lendTestUsers opens the pool where there is no inbox and there are test users.
// Each part of a run has its own of them: two machines must not share a person.
func (r *run) lendTestUsers() {
	if len(r.cfg.Missing(config.Inbox...)) == 0 || !r.cfg.HasTestUsers() {
		return
	}
	var own []string
	for i, address := range r.cfg.TestUsers {
		if r.part.Takes(i) {
			own = append(own, address)
		}
	}
	r.testUsers = testusers.New(r.world.API, own)
}

// mayAge makes a case not verified where a test user could not be made as old
// again as they are: they are lent to others afterwards.
func (c *check) mayAge(user *flows.User) {
	c.Helper()
	if user.Code == "" || c.ageing[user.Email] {
		return
	}
	forget := func(ctx context.Context) error {
		_, err := askFor(ctx, http.MethodPost, suite.cfg.TimeURL, suite.cfg.ControlToken, map[string]any{"subject": user.Email, "forget": true})
		return err
	}
	if err := forget(suite.ctx); err != nil {
		c.NotVerified(`set PREFLIGHT_INBOX_URL: what is at PREFLIGHT_TIME_URL does not take {"forget":true} (` + err.Error() + `), and a test user must not stay aged`)
	}
	c.loan.Also(forget)
	if c.ageing == nil {
		c.ageing = map[string]bool{}
	}
	c.ageing[user.Email] = true
}

// mayHavePasskeys makes a case not verified where passkeys could not be taken from a
// test user again, or where there are some that are not the case's own.
func (c *check) mayHavePasskeys(user *flows.User) {
	c.Helper()
	if user.Code == "" {
		return
	}
	switch had, err := suite.world.API.Passkeys(suite.ctx, user.ID); {
	case scalekit.IsAbsent(err):
		c.NotVerified("set PREFLIGHT_INBOX_URL: the environment does not let SCALEKIT_CLIENT_ID see passkeys (" + err.Error() + "), and a test user must not keep one")
	case err != nil:
		c.Trouble("the passkeys of %s cannot be seen: %v", user.Email, err)
	case len(had) > 0:
		c.NotVerified(fmt.Sprintf("set SCALEKIT_TEST_USER_EMAIL to people without passkeys, or PREFLIGHT_INBOX_URL: %s has %d", user.Email, len(had)))
	}
	c.loan.Also(func(ctx context.Context) error {
		made, err := suite.world.API.Passkeys(ctx, user.ID)
		for _, one := range made {
			err = errors.Join(err, suite.world.API.DeletePasskey(ctx, one.ID))
		}
		return err
	})
}

// takeAllBack gives back everybody who is still lent when the run ends.
func (r *run) takeAllBack() {
	if r.testUsers == nil {
		return
	}
	ctx, cancel := pace.Budget(context.WithoutCancel(r.ctx), cleanUpBudget)
	defer cancel()
	if err := r.testUsers.Close(ctx); err != nil {
		r.results.Note("not left as it was: " + err.Error())
	}
}
