package testusers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
)

// environment is one in memory. The id of a person is their address.
type environment struct {
	mu      sync.Mutex
	people  map[string]*scalekit.User
	revoked map[string]int
	broken  error // of whatever would mend something
}

// town returns an environment with n test users, each in an organization of
// their own, and their addresses.
func town(n int) (*environment, []string) {
	e := &environment{people: map[string]*scalekit.User{}, revoked: map[string]int{}}
	var addresses []string
	for i := range n {
		address := fmt.Sprintf("qa%d+sktest@acme.test", i+1)
		addresses = append(addresses, address)
		e.people[address] = &scalekit.User{
			ID: address, Email: address, Profile: scalekit.Profile{GivenName: "Tess"},
			Memberships: []scalekit.Membership{{OrganizationID: fmt.Sprintf("org_%d", i+1), Status: "ACTIVE", Roles: []scalekit.Role{{Name: "member"}, {Name: "admin"}}}},
		}
	}
	return e, addresses
}

func (e *environment) GetUser(_ context.Context, id string) (*scalekit.User, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	user := e.people[id]
	if user == nil {
		return nil, &scalekit.Error{Status: 404}
	}
	now := *user
	now.Memberships = slices.Clone(user.Memberships)
	return &now, nil
}

func (e *environment) FindUser(ctx context.Context, email string) (*scalekit.User, error) {
	user, err := e.GetUser(ctx, email)
	if scalekit.IsNotFound(err) {
		return nil, nil
	}
	return user, err
}

func (e *environment) RevokeUserSessions(_ context.Context, id string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.revoked[id]++
	return nil
}

// change lets do change a person.
func (e *environment) change(id string, do func(*scalekit.User)) (*scalekit.User, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.broken != nil {
		return nil, e.broken
	}
	do(e.people[id])
	return e.people[id], nil
}

func (e *environment) AddMember(_ context.Context, org, id string, roles ...string) (*scalekit.User, error) {
	return e.change(id, func(u *scalekit.User) {
		m := scalekit.Membership{OrganizationID: org, Status: "ACTIVE"}
		for _, name := range roles {
			m.Roles = append(m.Roles, scalekit.Role{Name: name})
		}
		u.Memberships = append(u.Memberships, m)
	})
}

func (e *environment) RemoveMember(_ context.Context, org, id string) error {
	_, err := e.change(id, func(u *scalekit.User) {
		u.Memberships = slices.DeleteFunc(slices.Clone(u.Memberships), func(m scalekit.Membership) bool { return m.OrganizationID == org })
	})
	return err
}

func (e *environment) membership(org, id string, do func(*scalekit.Membership)) error {
	_, err := e.change(id, func(u *scalekit.User) {
		u.Memberships = slices.Clone(u.Memberships)
		for i := range u.Memberships {
			if u.Memberships[i].OrganizationID == org {
				do(&u.Memberships[i])
			}
		}
	})
	return err
}

func (e *environment) SetRoles(_ context.Context, org, id string, names ...string) error {
	return e.membership(org, id, func(m *scalekit.Membership) {
		m.Roles = nil
		for _, name := range names {
			m.Roles = append(m.Roles, scalekit.Role{Name: name})
		}
	})
}

func (e *environment) SetMembershipStatus(_ context.Context, org, id, status string) (string, error) {
	return status, e.membership(org, id, func(m *scalekit.Membership) { m.Status = status })
}

func (e *environment) UpdateUser(_ context.Context, id string, profile scalekit.Profile) (*scalekit.User, error) {
	return e.change(id, func(u *scalekit.User) { u.Profile = profile })
}

// Many cases, some of which need two people, share five: nobody is lent twice at
// a time, and everybody's turn comes.
func TestFivePeopleAreEnoughForManyCases(t *testing.T) {
	t.Parallel()
	env, addresses := town(5)
	pool := New(env, addresses)
	const cases = 60
	var held sync.Map
	var waited atomic.Int32
	var all sync.WaitGroup
	for i := range cases {
		all.Go(func() {
			loan, err := pool.Lend(t.Context(), 1+i%2, func() { waited.Add(1) })
			if !assert.NoError(t, err) {
				return
			}
			for _, person := range loan.People {
				_, twice := held.LoadOrStore(person.Email, i)
				assert.False(t, twice, "%s is lent twice", person.Email)
			}
			for _, person := range loan.People {
				held.Delete(person.Email)
			}
			assert.NoError(t, loan.Return(t.Context()))
			assert.NoError(t, loan.Return(t.Context()), "a second time")
		})
	}
	all.Wait()
	assert.Len(t, pool.idle, 5, "people at rest in the end")
	for _, address := range addresses {
		assert.Positive(t, env.revoked[address], "how often the sessions of %s were ended", address)
	}
}

// Who finds everybody lent waits, says so once, and is next.
func TestWhoFindsNobodyWaitsInLine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		env, addresses := town(2)
		pool := New(env, addresses)
		first, err := pool.Lend(t.Context(), 1, nil)
		require.NoError(t, err)
		order := make(chan string, 2)
		ask := func(name string, n int) {
			said := 0
			loan, err := pool.Lend(t.Context(), n, func() { said++ })
			assert.NoError(t, err)
			assert.Equal(t, 1, said, "how often %s was told to wait", name)
			order <- name
			assert.NoError(t, loan.Return(t.Context()))
		}
		go ask("two", 2)
		synctest.Wait()
		go ask("one", 1) // one is there, but others came before
		synctest.Wait()
		assert.Empty(t, order, "who was served while one of two is lent")
		require.NoError(t, first.Return(t.Context()))
		assert.Equal(t, "two", <-order)
		assert.Equal(t, "one", <-order)
	})
}

// A case that ends early, whatever ends it, gives its person back by its clean-up.
func TestACaseThatPanicsGivesThePersonBack(t *testing.T) {
	t.Parallel()
	env, addresses := town(1)
	pool := New(env, addresses)
	func() {
		defer func() { assert.NotNil(t, recover()) }()
		loan, err := pool.Lend(t.Context(), 1, nil)
		require.NoError(t, err)
		defer func() { assert.NoError(t, loan.Return(context.WithoutCancel(t.Context()))) }()
		panic("a check broke")
	}()
	_, err := pool.Lend(t.Context(), 1, nil)
	assert.NoError(t, err)
}

func TestWhoWaitsTooLongLeavesTheLine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		env, addresses := town(1)
		pool := New(env, addresses)
		loan, err := pool.Lend(t.Context(), 1, nil)
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err = pool.Lend(ctx, 1, nil)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NoError(t, loan.Return(t.Context()))
		again, err := pool.Lend(t.Context(), 1, nil)
		require.NoError(t, err, "nobody is left in the line")
		assert.NoError(t, again.Return(t.Context()))
	})
}

// Whatever a case changes about somebody is as before for the next.
func TestPeopleAreGivenBackAsTheyWere(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*scalekit.User){
		"nothing":         func(*scalekit.User) {},
		"other roles":     func(u *scalekit.User) { u.Memberships[0].Roles = []scalekit.Role{{Name: "editor"}} },
		"no membership":   func(u *scalekit.User) { u.Memberships = nil },
		"one that is off": func(u *scalekit.User) { u.Memberships[0].Status = "INACTIVE" },
		"another name":    func(u *scalekit.User) { u.Profile.GivenName = "Mallory" },
		"one membership more": func(u *scalekit.User) {
			u.Memberships = append(u.Memberships, scalekit.Membership{OrganizationID: "org_9", Status: "ACTIVE"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env, addresses := town(1)
			before, err := env.GetUser(t.Context(), addresses[0])
			require.NoError(t, err)
			pool := New(env, addresses)
			loan, err := pool.Lend(t.Context(), 1, nil)
			require.NoError(t, err)
			assert.Equal(t, "org_1", loan.People[0].OrganizationID)
			mended := 0
			loan.Also(func(context.Context) error { mended++; return nil })
			env.mu.Lock()
			env.people[addresses[0]].Memberships = slices.Clone(env.people[addresses[0]].Memberships)
			change(env.people[addresses[0]])
			env.mu.Unlock()
			require.NoError(t, loan.Return(t.Context()))
			now, err := env.GetUser(t.Context(), addresses[0])
			require.NoError(t, err)
			assert.Equal(t, before.Profile, now.Profile)
			assert.Equal(t, before.StatusIn("org_1"), now.StatusIn("org_1"))
			assert.ElementsMatch(t, before.RolesIn("org_1"), now.RolesIn("org_1"))
			assert.Len(t, now.Memberships, 1)
			assert.Equal(t, 1, mended)
		})
	}
}

// Who cannot be mended is not lent again: the next case would judge the product by
// what the last one left.
func TestWhoCannotBeMendedIsNotLentAgain(t *testing.T) {
	t.Parallel()
	env, addresses := town(2)
	pool := New(env, addresses)
	loan, err := pool.Lend(t.Context(), 1, nil)
	require.NoError(t, err)
	spoilt := loan.People[0].Email
	require.NoError(t, env.RemoveMember(t.Context(), loan.People[0].OrganizationID, spoilt))
	env.broken = errors.New("HTTP 500")
	require.ErrorContains(t, loan.Return(t.Context()), spoilt)
	for range 3 {
		next, err := pool.Lend(t.Context(), 1, nil)
		require.NoError(t, err)
		assert.NotEqual(t, spoilt, next.People[0].Email)
		require.NoError(t, next.Return(t.Context()))
	}
	_, err = pool.Lend(t.Context(), 2, nil)
	require.ErrorIs(t, err, ErrTooFew)
	assert.ErrorContains(t, err, spoilt+" could not be left as it was")
}

// What has been added to be mended counts as much.
func TestWhatElseIsToBeMendedCounts(t *testing.T) {
	t.Parallel()
	env, addresses := town(1)
	pool := New(env, addresses)
	loan, err := pool.Lend(t.Context(), 1, nil)
	require.NoError(t, err)
	loan.Also(func(context.Context) error { return errors.New("still old") })
	require.ErrorContains(t, loan.Return(t.Context()), "still old")
	_, err = pool.Lend(t.Context(), 1, nil)
	require.ErrorIs(t, err, ErrTooFew)
}

// People who are not fit to be lent are passed over, and the reason is told when
// there is nobody else.
func TestSomePeopleAreNotFitToBeLent(t *testing.T) {
	t.Parallel()
	for why, change := range map[string]func(*environment, string){
		"is no user of the environment": func(e *environment, who string) { delete(e.people, who) },
		"belongs to 0 organizations":    func(e *environment, who string) { e.people[who].Memberships = nil },
		"belongs to 2 organizations": func(e *environment, who string) {
			e.people[who].Memberships = append(e.people[who].Memberships, scalekit.Membership{OrganizationID: "org_9", Status: "ACTIVE"})
		},
		"is no active member of its organization (PENDING_INVITE)": func(e *environment, who string) { e.people[who].Memberships[0].Status = "PENDING_INVITE" },
	} {
		t.Run(why, func(t *testing.T) {
			t.Parallel()
			env, addresses := town(2)
			change(env, addresses[0])
			pool := New(env, addresses)
			loan, err := pool.Lend(t.Context(), 1, nil)
			require.NoError(t, err)
			assert.Equal(t, addresses[1], loan.People[0].Email)
			require.NoError(t, loan.Return(t.Context()))
			_, err = pool.Lend(t.Context(), 2, nil)
			require.ErrorIs(t, err, ErrTooFew)
			assert.ErrorContains(t, err, why)
		})
	}
}

// A run that is cut off gives everybody back, and lets nobody wait.
func TestARunThatIsCutOffGivesEverybodyBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		env, addresses := town(2)
		pool := New(env, addresses)
		loan, err := pool.Lend(t.Context(), 2, nil)
		require.NoError(t, err)
		require.NoError(t, env.SetRoles(t.Context(), "org_1", addresses[0], "editor"))
		waits := make(chan error)
		go func() {
			_, err := pool.Lend(t.Context(), 1, nil)
			waits <- err
		}()
		synctest.Wait()
		require.NoError(t, pool.Close(t.Context()))
		require.ErrorIs(t, <-waits, ErrTooFew)
		now, err := env.GetUser(t.Context(), addresses[0])
		require.NoError(t, err)
		assert.ElementsMatch(t, []string{"member", "admin"}, now.RolesIn("org_1"))
		assert.Equal(t, 2, env.revoked[addresses[0]], "before and after")
		assert.NoError(t, loan.Return(t.Context()), "by the case itself, which ends as well")
	})
}

// The clean-up of a pool that lends to somebody who gives up in the same moment
// loses nobody.
func TestGivingUpLosesNobody(t *testing.T) {
	t.Parallel()
	env, addresses := town(2)
	pool := New(env, addresses)
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			ctx, cancel := context.WithCancel(t.Context())
			if i%3 == 0 {
				go cancel()
			}
			defer cancel()
			if loan, err := pool.Lend(ctx, 1+i%2, nil); err == nil {
				assert.NoError(t, loan.Return(t.Context()))
			}
		})
	}
	all.Wait()
	loan, err := pool.Lend(t.Context(), 2, nil)
	require.NoError(t, err)
	assert.Len(t, loan.People, 2)
}
