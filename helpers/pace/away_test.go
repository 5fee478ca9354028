package pace

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTurnedAway(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "HTTP 429", TurnedAway(429, nil))
	assert.Equal(t, "HTTP 403, Cf-Mitigated: challenge", TurnedAway(403, http.Header{"Cf-Mitigated": {"challenge"}}))
	assert.Equal(t, "HTTP 405, X-Amzn-Waf-Action: captcha", TurnedAway(405, http.Header{"X-Amzn-Waf-Action": {"captcha"}}))
	for _, status := range []int{200, 302, 401, 403, 404, 503} {
		assert.Empty(t, TurnedAway(status, http.Header{"Server": {"cloudflare"}}), status)
	}
}
