package timing

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// noisy is a request on a busy machine: a floor, and now and then a long wait.
func noisy(r *rand.Rand, floor time.Duration) time.Duration {
	d := floor + time.Duration(r.ExpFloat64()*float64(10*time.Millisecond))
	if r.IntN(5) == 0 {
		d += time.Duration(r.IntN(200)) * time.Millisecond
	}
	return d
}

func series(r *rand.Rand, floor time.Duration) (all []time.Duration) {
	for range 8 {
		all = append(all, noisy(r, floor))
	}
	return all
}

// Two rounds in a row must differ before a check says so.
func TestTheSameTimeIsNeverTwiceTakenForTwo(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // a simulation
	twice := 0
	for range 20000 {
		first := Compare(series(r, 60*time.Millisecond), series(r, 60*time.Millisecond))
		second := Compare(series(r, 60*time.Millisecond), series(r, 60*time.Millisecond))
		if first.Differ && second.Differ {
			twice++
		}
	}
	assert.Zero(t, twice)
}

func TestALargeDifferenceIsSeen(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4)) //nolint:gosec // a simulation
	seen := 0
	for range 1000 {
		if Compare(series(r, 5*time.Millisecond), series(r, 300*time.Millisecond)).Differ {
			seen++
		}
	}
	assert.Greater(t, seen, 990)
	assert.False(t, Compare(nil, nil).Differ)
}
