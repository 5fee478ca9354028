// Package pace keeps requests to the rate that a server bears: one of our own, and
// the waits that it asks for.
package pace

import (
	"net/http"
	"strconv"
	"time"
)

// Most is the longest that is waited for because a server asks for it.
const Most = 30 * time.Second

// RetryAfter reads the field of that name (RFC 9110 §10.2.3), seconds or a date,
// and caps it at Most. It reports whether there is one.
func RetryAfter(header http.Header) (wait time.Duration, asked bool) {
	text := header.Get("Retry-After")
	if seconds, err := strconv.Atoi(text); err == nil && seconds >= 0 {
		return min(time.Duration(seconds)*time.Second, Most), true
	}
	if at, err := http.ParseTime(text); err == nil {
		return min(max(time.Until(at), 0), Most), true
	}
	return 0, false
}
