package discover

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/flows"
)

func TestTheMemberThatHoldsAnAddress(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"email":"Ada@acme.test"}`:                                                           "email",
		`{"id":7,"user":{"profile":{"mail":"ada@acme.test"}}}`:                                "user.profile.mail",
		`{"contact":"x@acme.test","user":{"mail":"ada@acme.test"}}`:                           "user.mail",
		`{"createdBy":"ada@acme.test","email":"ada@acme.test"}`:                               "email",
		`{"billing":{"email":"ada@acme.test"},"user":{"contact":{},"email":"ada@acme.test"}}`: "user.email",
		`{"members":["ada@acme.test"],"text":"from ada@acme.test."}`:                          "",
		`["ada@acme.test"]`: "",
		`no JSON`:           "",
	} {
		assert.Equal(t, want, memberOf(body, "ada@acme.test"), body)
	}
}

// What would end a test ends the attempt, and nothing more; a programming error
// is still one.
func TestWhatFlowsSayEndsAnAttempt(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	require.NoError(t, attempt(ctx, func(tb flows.TB) { tb.Answered("/", http.StatusOK, nil) }))
	require.EqualError(t, attempt(ctx, func(tb flows.TB) { tb.Fatalf("no %s", "way") }), "no way")
	require.EqualError(t, attempt(ctx, func(tb flows.TB) { tb.Trouble("no %s", "net") }), "no net")
	require.Panics(t, func() { _ = attempt(ctx, func(flows.TB) { panic(errors.New("a mistake")) }) })
	cancel()
	require.ErrorIs(t, attempt(ctx, func(tb flows.TB) { tb.Answered("/", http.StatusOK, nil) }), context.Canceled)
}
