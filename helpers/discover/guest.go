package discover

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/testusers"
)

// asGuest signs in as a test user, lets see look around and gives the person back
// as they were. The error says, in one sentence, why nobody came in, or why the
// looking around ended early.
func asGuest(ctx context.Context, w flows.World, see func(a *flows.Agent, user *flows.User, landing flows.Stop)) (err error) {
	loan, err := testusers.New(w.API, w.Config.TestUsers).Lend(ctx, 1, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, loan.Return(context.WithoutCancel(ctx))) }()
	person := loan.People[0]
	user := &flows.User{Email: person.Email, Code: w.Config.TestUserCode, ID: person.ID, OrgID: person.OrganizationID}
	return attempt(ctx, func(tb flows.TB) {
		agent := flows.NewQuiet(tb, w)
		end := agent.Through(agent.Get(w.Config.App(w.Config.AppLoginPath)), user)
		if !agent.Landed(end) {
			tb.Fatalf("%s was not signed in: by plain forms that came as far as %s (HTTP %d)", user.Email, end.URL.Redacted(), end.Status)
		}
		see(agent, user, end)
	})
}

// attempt runs what flows do where there is no test. What would end the test, or
// ctx, is the error.
func attempt(ctx context.Context, do func(flows.TB)) (err error) {
	defer func() {
		switch end := recover().(type) {
		case nil:
		case gaveUp:
			err = end.error
		default:
			panic(end)
		}
	}()
	do(attemptTB{ctx})
	return nil
}

// gaveUp is with what an attempt ends.
type gaveUp struct{ error }

type attemptTB struct{ ctx context.Context }

func (attemptTB) Helper()             {}
func (attemptTB) Logf(string, ...any) {}

func (attemptTB) Fatalf(format string, args ...any)  { panic(gaveUp{fmt.Errorf(format, args...)}) }
func (attemptTB) Trouble(format string, args ...any) { panic(gaveUp{fmt.Errorf(format, args...)}) }

// Answered ends the attempt between two requests where ctx is over.
func (t attemptTB) Answered(string, int, http.Header) {
	if err := t.ctx.Err(); err != nil {
		panic(gaveUp{err})
	}
}
