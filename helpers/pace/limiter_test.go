package pace

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// server answers with these statuses, one after the other, and then with 200.
type server struct {
	mu       sync.Mutex
	statuses []int
	header   http.Header
	came     []time.Duration
	begun    time.Time
}

func (s *server) send() (int, http.Header, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.came = append(s.came, time.Since(s.begun))
	if len(s.statuses) == 0 {
		return http.StatusOK, nil, nil
	}
	status := s.statuses[0]
	s.statuses = s.statuses[1:]
	return status, s.header, nil
}

func seconds(n ...float64) (all []time.Duration) {
	for _, s := range n {
		all = append(all, time.Duration(s*float64(time.Second)))
	}
	return all
}

func TestRequestsKeepTheRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, s := NewLimiter(2, nil), &server{begun: time.Now()}
		var all sync.WaitGroup
		for range 6 { // of several clients, at once
			all.Go(func() { assert.NoError(t, l.Do(t.Context(), http.MethodPost, s.send)) })
		}
		all.Wait()
		assert.Equal(t, seconds(0, 0, .5, 1, 1.5, 2), s.came)
		assert.Equal(t, Sum{Paced: 5 * time.Second}, l.Sum())
	})
}

func TestWhereOneIsToldToWaitAllWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var told []Wait
		l := NewLimiter(0, func(w Wait) { told = append(told, w) })
		s := &server{begun: time.Now(), statuses: []int{http.StatusTooManyRequests}, header: http.Header{"Retry-After": {"7"}}}
		require.NoError(t, l.Do(t.Context(), http.MethodPost, s.send))
		assert.Equal(t, seconds(0, 7), s.came)

		s.statuses = []int{http.StatusTooManyRequests}
		var all sync.WaitGroup
		all.Go(func() { assert.NoError(t, l.Do(t.Context(), http.MethodPost, s.send)) })
		synctest.Wait()
		all.Go(func() { assert.NoError(t, l.Do(t.Context(), http.MethodGet, s.send)) })
		all.Wait()
		assert.Equal(t, seconds(0, 7, 7, 14, 14), s.came, "the other one has not even asked")
		assert.Equal(t, Sum{Asked: 14 * time.Second, Answers: 2}, l.Sum())
		assert.Equal(t, []Wait{{429, 7 * time.Second}, {429, 7 * time.Second}}, told)

		s.statuses = []int{http.StatusServiceUnavailable}
		all.Go(func() { assert.NoError(t, l.Do(t.Context(), http.MethodGet, s.send)) })
		synctest.Wait()
		require.NoError(t, l.Do(t.Context(), http.MethodPost, s.send))
		all.Wait()
		assert.Equal(t, seconds(14, 14, 21), s.came[5:], "what is down for one may be up for another")
		assert.Equal(t, Wait{503, 7 * time.Second}, told[2])
	})
}

func TestWhatIsSentAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			method string
			status int
			want   int // requests
		}{
			{http.MethodGet, 503, 4},
			{http.MethodDelete, 503, 4},
			{http.MethodPost, 503, 1}, // it may have done its work
			{http.MethodPatch, 503, 1},
			{http.MethodGet, 500, 1},
			{http.MethodGet, 502, 1},
			{http.MethodGet, 404, 1},
		} {
			var none *Limiter
			s := &server{begun: time.Now(), statuses: []int{c.status, c.status, c.status, c.status, c.status}}
			require.NoError(t, none.Do(t.Context(), c.method, s.send), "the last answer counts")
			assert.Len(t, s.came, c.want, "%s answered %d", c.method, c.status)
			if c.want > 1 {
				assert.LessOrEqual(t, s.came[3], 7*time.Second)
				assert.GreaterOrEqual(t, s.came[3], 3500*time.Millisecond)
			}
		}
		broken := errors.New("no network")
		assert.ErrorIs(t, (&Limiter{}).Do(t.Context(), http.MethodGet, func() (int, http.Header, error) { return 0, nil, broken }), broken)
	})
}

// Four refusals in a row are chance where many share a limit, and a removal that
// is given up leaves somebody behind.
func TestALimitIsBornePatiently(t *testing.T) {
	t.Parallel()
	refuse := func(times int, header http.Header) *server {
		statuses := make([]int, times)
		for i := range statuses {
			statuses[i] = http.StatusTooManyRequests
		}
		return &server{begun: time.Now(), statuses: statuses, header: header}
	}
	for after, tries := range map[string]int{"": 6, "0": 6, "1": 6, "7": 6, "20": 4} {
		synctest.Test(t, func(t *testing.T) {
			header := http.Header{"Retry-After": {after}}
			if after == "" {
				header = nil
			}
			s := refuse(tries-1, header)
			require.NoError(t, (&Limiter{}).Do(t.Context(), http.MethodPost, s.send))
			assert.Len(t, s.came, tries, "Retry-After %s: taken in the end", after)

			s = refuse(100, header)
			require.NoError(t, (&Limiter{}).Do(t.Context(), http.MethodPost, s.send), "the last answer counts")
			last := s.came[len(s.came)-1]
			assert.Less(t, last, 2*time.Minute, "Retry-After %s: given up at some time", after)
			assert.GreaterOrEqual(t, last, patience)
			assert.Less(t, len(s.came), 15)
		})
	}
}

func TestWaitingDoesNotUseUpABudget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(0, nil)
		s := &server{begun: time.Now(), statuses: []int{429, 429}, header: http.Header{"Retry-After": {"25"}}}
		ctx, cancel := Budget(t.Context(), 10*time.Second)
		defer cancel()
		require.NoError(t, l.Do(ctx, http.MethodPost, s.send))
		assert.Equal(t, seconds(0, 25, 50), s.came)
		<-ctx.Done()
		assert.Equal(t, time.Minute, time.Since(s.begun), "the budget itself is still 10 s")
		assert.ErrorIs(t, ctx.Err(), context.DeadlineExceeded)

		// Others who wait meanwhile stop the same clock.
		begun := time.Now()
		ctx, cancel = Budget(t.Context(), 10*time.Second)
		defer cancel()
		first, second := Pause(ctx), Pause(ctx)
		<-time.After(20 * time.Second)
		first()
		<-time.After(20 * time.Second)
		require.NoError(t, ctx.Err())
		second()
		<-ctx.Done()
		assert.Equal(t, 50*time.Second, time.Since(begun))

		// A deadline is a deadline.
		hard, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		s.statuses = []int{429}
		assert.ErrorContains(t, l.Do(hard, http.MethodPost, s.send), "is rate limited (HTTP 429): context deadline exceeded")
		cancelled, cancel := Budget(t.Context(), time.Hour)
		cancel()
		assert.ErrorIs(t, cancelled.Err(), context.Canceled)
		assert.ErrorIs(t, NewLimiter(1, nil).Do(cancelled, http.MethodGet, s.send), context.Canceled)
	})
}
