package screens

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestInsides(t *testing.T) {
	t.Parallel()
	for _, told := range []string{
		"<pre>goroutine 12 [running]:\nmain.main()\n\t/usr/src/app/main.go:12</pre>",
		"TypeError: x is undefined\n    at Object.<anonymous> (/srv/app/login.js:3:9)",
		"Traceback (most recent call last):", "dial tcp 10.0.3.7:5432: connect: connection refused",
		`pq: syntax error at or near "'"`, "invalid character '<' looking for beginning of value",
		`{"error":"getaddrinfo ENOTFOUND auth.internal"}`,
	} {
		assert.NotEmpty(t, Insides(told), told)
	}
	for _, fit := range []string{
		"", "Signing in does not work right now. Please try again in a moment.",
		`<a href="/app/settings/profile">Back</a> Reference 7f3a:12`,
		`{"error":"invalid_request","error_description":"The code is missing."}`,
		"<script>at(foo.js:12:1)</script><p>Something went wrong</p>",
		"Open at 10:30, version 1.2.3.4, see https://app.localhost:8443/login",
	} {
		assert.Empty(t, Insides(fit), fit)
	}
}
