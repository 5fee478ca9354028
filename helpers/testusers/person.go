package testusers

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
)

// prepare finds the people of these addresses and ends what sessions they still
// have. It returns nil and no error where one of them is not fit to be lent: the
// others are back in the pool then.
func (p *Pool) prepare(ctx context.Context, addresses []string) (*Loan, error) {
	loan := &Loan{pool: p}
	for i, address := range addresses {
		person, why, err := p.find(ctx, address)
		if why == "" && err == nil {
			loan.People = append(loan.People, *person)
			continue
		}
		p.release(address, why)
		for _, other := range slices.Concat(addresses[:i], addresses[i+1:]) {
			p.release(other, "")
		}
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.loans[loan] = true // also of a pool that was just closed: it is given back as any other
	return loan, nil
}

// Check looks at somebody as Lend would, and changes nothing. The error is one
// sentence about why they cannot be lent.
func Check(ctx context.Context, env Environment, address string) error {
	_, why, err := look(ctx, env, address)
	if err == nil && why != "" {
		err = errors.New(address + " " + why)
	}
	return err
}

// find looks one person up, and ends what sessions they still have. why says, as
// the rest of a sentence that begins with the address, that somebody cannot be
// lent.
func (p *Pool) find(ctx context.Context, address string) (person *Person, why string, err error) {
	user, why, err := look(ctx, p.env, address)
	if why != "" || err != nil {
		return nil, why, err
	}
	if err := p.env.RevokeUserSessions(ctx, user.ID); err != nil && !scalekit.IsNotFound(err) {
		return nil, "", fmt.Errorf("the sessions of the test user %s cannot be ended: %w", address, err)
	}
	return &Person{User: *user, OrganizationID: user.Memberships[0].OrganizationID}, "", nil
}

func look(ctx context.Context, env Environment, address string) (user *scalekit.User, why string, err error) {
	user, err = env.FindUser(ctx, address)
	if err == nil && user != nil {
		user, err = env.GetUser(ctx, user.ID)
	}
	switch {
	case scalekit.IsNotFound(err), err == nil && user == nil:
		return nil, "is no user of the environment: create it there, without an invitation", nil
	case err != nil:
		return nil, "", fmt.Errorf("the test user %s cannot be looked up: %w", address, err)
	case len(user.Memberships) != 1:
		// Of several one would have to be chosen at each sign-in, and with none a
		// sign-in would make one.
		return nil, fmt.Sprintf("belongs to %d organizations: let it belong to one", len(user.Memberships)), nil
	case user.Memberships[0].Status != "" && user.Memberships[0].Status != "ACTIVE":
		return nil, "is no active member of its organization (" + user.Memberships[0].Status + ")", nil
	}
	return user, "", nil
}

// Also adds something to mend when the people are given back, after their sessions
// have ended: what the case has changed by other means than the management API.
func (l *Loan) Also(mend func(context.Context) error) {
	l.pool.mu.Lock()
	defer l.pool.mu.Unlock()
	l.also = append(l.also, mend)
}

// Return gives the people back as they were: it ends their sessions and mends
// what the case has changed about them. Only the first call does anything, and
// every other waits for it. Who cannot be mended is not lent again; the error says so.
func (l *Loan) Return(ctx context.Context) error {
	l.once.Do(func() {
		var failed []error
		unfit := map[string]string{}
		for _, person := range l.People {
			if err := l.pool.restore(ctx, &person.User); err != nil {
				unfit[person.Email] = "could not be left as it was"
				failed = append(failed, fmt.Errorf("the test user %s: %w", person.Email, err))
			}
		}
		l.pool.mu.Lock()
		also := l.also
		l.pool.mu.Unlock()
		for _, mend := range also {
			if err := mend(ctx); err != nil { // whoever it was about
				for _, person := range l.People {
					unfit[person.Email] = "could not be left as it was"
				}
				failed = append(failed, err)
			}
		}
		for _, person := range l.People {
			l.pool.release(person.Email, unfit[person.Email])
		}
		l.pool.mu.Lock()
		delete(l.pool.loans, l)
		l.pool.mu.Unlock()
		l.err = errors.Join(failed...)
	})
	return l.err
}

// restore makes somebody what they were before.
func (p *Pool) restore(ctx context.Context, before *scalekit.User) error {
	if err := p.env.RevokeUserSessions(ctx, before.ID); err != nil && !scalekit.IsNotFound(err) {
		return fmt.Errorf("the sessions cannot be ended: %w", err)
	}
	now, err := p.env.GetUser(ctx, before.ID)
	if err != nil {
		return fmt.Errorf("what became of them cannot be seen: %w", err)
	}
	for _, m := range before.Memberships {
		if err := p.restoreMembership(ctx, before, now, m); err != nil {
			return fmt.Errorf("the membership in %s cannot be mended: %w", m.OrganizationID, err)
		}
	}
	for _, m := range now.Memberships {
		if before.StatusIn(m.OrganizationID) == "" {
			if err := p.env.RemoveMember(ctx, m.OrganizationID, before.ID); err != nil {
				return fmt.Errorf("the membership in %s, which is new, cannot be ended: %w", m.OrganizationID, err)
			}
		}
	}
	if was, is := before.Profile, now.Profile; was.GivenName != is.GivenName || was.FamilyName != is.FamilyName || was.PhoneNumber != is.PhoneNumber {
		if _, err := p.env.UpdateUser(ctx, before.ID, was); err != nil {
			return fmt.Errorf("the name cannot be set back: %w", err)
		}
	}
	return nil
}

func (p *Pool) restoreMembership(ctx context.Context, before, now *scalekit.User, m scalekit.Membership) error {
	had := before.RolesIn(m.OrganizationID)
	status := now.StatusIn(m.OrganizationID)
	if status == "" {
		_, err := p.env.AddMember(ctx, m.OrganizationID, before.ID, had...)
		return err
	}
	if status != m.Status {
		if _, err := p.env.SetMembershipStatus(ctx, m.OrganizationID, before.ID, m.Status); err != nil {
			return err
		}
	}
	has := now.RolesIn(m.OrganizationID)
	slices.Sort(had)
	slices.Sort(has)
	if slices.Equal(had, has) {
		return nil
	}
	return p.env.SetRoles(ctx, m.OrganizationID, before.ID, had...)
}
