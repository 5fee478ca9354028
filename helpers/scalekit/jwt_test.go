package scalekit_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
)

func TestHowLongATokenWasMadeFor(t *testing.T) {
	t.Parallel()
	assert.Equal(t, 5*time.Minute, scalekit.LivesFor(map[string]any{"iat": json.Number("1700000000"), "exp": json.Number("1700000300")}))
	assert.Zero(t, scalekit.LivesFor(map[string]any{"exp": json.Number("1700000300")}))
	assert.Zero(t, scalekit.LivesFor(map[string]any{"iat": "1700000000", "exp": json.Number("1700000300")}))
	assert.Zero(t, scalekit.LivesFor(nil))
}
