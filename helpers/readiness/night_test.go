package readiness

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// One issue: opened when the gate is shut, updated when the verdict or the red
// items change, silent while nothing does, closed on green.
func TestANightTellsWhatChanges(t *testing.T) {
	t.Parallel()
	o := options(t)
	o.Gate = GateFailures
	night := func(red ...string) *Result {
		cases := map[[2]string]State{}
		for _, id := range o.Checked {
			cases[[2]string{id, "it works"}] = Passed
		}
		for _, id := range red {
			cases[[2]string{id, "it works"}] = Failed
		}
		return runOf(t, o, cases)
	}
	const where = "https://ci.test/runs/7"
	assert.Equal(t, Move{}, Night(night(), nil, where), "green, and no issue")

	first := Night(night("core/state"), nil, where)
	assert.Equal(t, Open, first.Kind)
	assert.Equal(t, "Nightly readiness: NOT READY", first.Title)
	for _, part := range []string{"1 item failed: core/state", where, "Newly red", "`core/state`"} {
		assert.Contains(t, first.Body, part)
	}
	assert.True(t, IsTicket(first.Body))
	open := &Ticket{Number: 3, Body: first.Body}
	assert.Equal(t, Move{}, Night(night("core/state"), open, where), "as the night before")

	other := Night(night("core/logout"), open, where)
	assert.Equal(t, Update, other.Kind)
	assert.Contains(t, other.Comment, "Newly red: `core/logout`. No longer red: `core/state`.")
	assert.Equal(t, Update, Night(nil, open, where).Kind)
	assert.Contains(t, Night(nil, open, where).Body, "left no result")
	assert.Equal(t, Move{}, Night(nil, &Ticket{Body: Night(nil, open, where).Body}, where))

	closing := Night(night(), open, where)
	assert.Equal(t, Close, closing.Kind)
	assert.Contains(t, closing.Comment, "Green again")
	edited := Night(night("core/state"), &Ticket{Body: "<!-- preflight-nightly {broken} -->"}, "")
	assert.Equal(t, Update, edited.Kind, "a mark that nobody can read differs from everything")
	assert.Contains(t, edited.Comment, "NOT READY, was unknown")
}

// What a deployment says stays text in an issue, too.
func TestAnIssueIsNobodysStage(t *testing.T) {
	t.Parallel()
	run := start(t, options(t))
	run.Fail(hostile + strings.Repeat(" and more", 20000))
	move := Night(finish(t, run, Ending{}), nil, "")
	assert.NotContains(t, move.Body, "<script>")
	assert.NotContains(t, move.Body, "@everyone")
	assert.Less(t, len(move.Body), 65536)
	assert.Contains(t, move.Body, "… cut")
}

func TestTheLastNightlyIsTooOld(t *testing.T) {
	t.Parallel()
	o := options(t)
	last, err := LastWhole(o.Reports)
	require.NoError(t, err)
	assert.True(t, last.IsZero())
	now := time.Now()
	assert.Equal(t, Open, Stale(last, now, 36*time.Hour, nil).Kind, "no nightly at all")

	finish(t, start(t, o), Ending{})
	last, err = LastWhole(o.Reports)
	require.NoError(t, err)
	assert.WithinDuration(t, now, last, time.Minute)
	assert.Equal(t, Move{}, Stale(last, now, 36*time.Hour, nil))
	assert.Empty(t, Age(last, now, 36*time.Hour))
	later := now.Add(50 * time.Hour)
	move := Stale(last, later, 36*time.Hour, nil)
	assert.Equal(t, Open, move.Kind)
	assert.Contains(t, move.Body, "50 hours ago: more than 36")
	assert.Equal(t, Move{}, Stale(last, later, 36*time.Hour, &Ticket{Body: move.Body}), "said already")
	assert.Equal(t, Update, Stale(last, later, 36*time.Hour, &Ticket{Body: told{Verdict: NotReady}.mark()}).Kind)

	green := runOf(t, o, map[[2]string]State{{"core/state", "a"}: Passed})
	assert.Equal(t, Close, Night(green, &Ticket{Body: move.Body}, "").Kind, "the next green night closes it")
}
