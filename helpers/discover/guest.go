package discover

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/pace"
	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
	"github.com/auth-preflight/auth-preflight/helpers/screens"
	"github.com/auth-preflight/auth-preflight/helpers/testusers"
)

// asGuest signs in as a test user, lets see look around and gives the person back
// as they were. in says, in one sentence, why nobody came in, or why the looking
// around ended early; out, why the person is not as before.
func asGuest(ctx context.Context, w flows.World, see func(a *flows.Agent, user *flows.User, landing flows.Stop)) (in, out error) {
	loan, err := testusers.New(w.API, w.Config.TestUsers).Lend(ctx, 1, nil)
	if err != nil {
		return err, nil
	}
	defer func() {
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Duration(float64(farewell)*w.Config.TimeoutFactor))
		defer cancel()
		out = loan.Return(late)
	}()
	person := loan.People[0]
	w.Client = bound(ctx, w.Client)
	w.API = scalekit.New(w.Config.EnvironmentURL.String(), w.Config.ClientID, w.Config.ClientSecret, w.Client)
	user := &flows.User{Email: person.Email, Code: w.Config.TestUserCode, ID: person.ID, OrgID: person.OrganizationID}
	in = attempt(ctx, func(tb flows.TB) {
		agent := flows.NewQuiet(tb, w)
		end := agent.Through(agent.Get(w.Config.App(w.Config.AppLoginPath)), user)
		if !agent.Landed(end) {
			why := ""
			if end.AsksForCode() && screens.HasAlert(end.Body) {
				why = ", where the environment does not take SCALEKIT_TEST_USER_CODE"
			}
			tb.Fatalf("%s was not signed in: by plain forms that came as far as %s (HTTP %d)%s", user.Email, end.URL.Redacted(), end.Status, why)
		}
		if end.Status != http.StatusOK {
			tb.Fatalf("%s was signed in, and the app then answered HTTP %d at %s", user.Email, end.Status, end.URL.Redacted())
		}
		see(agent, user, end)
	})
	return in, nil
}

// farewell is how long the ending of sessions may take, also after Ctrl-C.
const farewell = 30 * time.Second

// bound returns a client like c whose requests end with ctx: flows have limits of
// their own, and do not hear of Ctrl-C.
func bound(ctx context.Context, c *http.Client) *http.Client {
	client := *c
	client.Transport = ending{ctx, c.Transport}
	return &client
}

type ending struct {
	ctx  context.Context
	next http.RoundTripper
}

func (e ending) RoundTrip(r *http.Request) (*http.Response, error) {
	next := e.next
	if next == nil {
		next = http.DefaultTransport
	}
	ctx, cancel := context.WithCancel(r.Context())
	release := context.AfterFunc(e.ctx, cancel)
	response, err := next.RoundTrip(r.WithContext(ctx))
	if err != nil {
		release()
		cancel()
		return nil, err
	}
	response.Body = endingBody{response.Body, func() { release(); cancel() }}
	return response, nil
}

// endingBody frees what its request has bound once it was read.
type endingBody struct {
	io.ReadCloser
	free func()
}

func (b endingBody) Close() error {
	defer b.free()
	return b.ReadCloser.Close()
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

// Answered ends the attempt between two requests where ctx is over, or where the
// deployment keeps automated clients out.
func (t attemptTB) Answered(address string, status int, header http.Header) {
	if err := t.ctx.Err(); err != nil {
		panic(gaveUp{err})
	}
	if why := pace.TurnedAway(status, header); why != "" {
		panic(gaveUp{away(address, why)})
	}
}
