package pace

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // whose clock stands at a whole second
		in := func(d time.Duration) string { return time.Now().Add(d).UTC().Format(http.TimeFormat) }
		for text, want := range map[string]time.Duration{
			"7": 7 * time.Second, "0": 0, "3600": Most, in(5 * time.Second): 5 * time.Second, in(-time.Minute): 0, in(time.Hour): Most,
		} {
			wait, asked := RetryAfter(http.Header{"Retry-After": {text}})
			assert.True(t, asked, text)
			assert.Equal(t, want, wait, text)
		}
		for _, text := range []string{"", "soon", "-1", "1.5"} {
			_, asked := RetryAfter(http.Header{"Retry-After": {text}})
			assert.False(t, asked, text)
		}
	})
}
