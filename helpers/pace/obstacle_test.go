package pace

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestObstacleIn(t *testing.T) {
	t.Parallel()
	assert.Nil(t, ObstacleIn(http.StatusForbidden, http.Header{"Server": {"cloudflare"}}), "a refusal of the deployment's own")
	assert.Nil(t, ObstacleIn(http.StatusOK, http.Header{"Content-Security-Policy": {"script-src https://challenges.cloudflare.com"}}))
	limit := ObstacleIn(http.StatusTooManyRequests, http.Header{})
	assert.True(t, limit != nil && limit.Limit)
	for field, value := range map[string]string{"Cf-Mitigated": "challenge", "X-Amzn-Waf-Action": "captcha", "X-Vercel-Mitigated": "challenge"} {
		// Vercel and, at times, Cloudflare send theirs with 429.
		puzzle := ObstacleIn(http.StatusTooManyRequests, http.Header{field: {value}})
		assert.True(t, puzzle != nil && !puzzle.Limit, field)
		assert.Contains(t, puzzle.What, field)
	}
}
