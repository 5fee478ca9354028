package config_test

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/config"
)

// Paths of an app count from its base, and may carry a query.
func TestPathsOfAnAppBelowAPath(t *testing.T) {
	t.Parallel()
	base, err := url.Parse("https://acme.test/shop")
	require.NoError(t, err)
	c := &config.Config{AppURL: base}
	assert.Equal(t, "https://acme.test/shop/done", c.App("/done"))
	next := url.Values{"next": {"/a?b"}}
	assert.Equal(t, "https://acme.test/shop/in?next=%2Fa%3Fb", c.AppWith("/in", next))
	assert.Equal(t, "https://acme.test/shop/go?to=signin&next=%2Fa%3Fb", c.AppWith("/go?to=signin", next))
	for address, want := range map[string]bool{
		"https://acme.test/shop/done?code=x": true, "https://acme.test/done": false, "https://acme.test/shop/done/more": false,
	} {
		u, err := url.Parse(address)
		require.NoError(t, err)
		assert.Equal(t, want, c.IsAt(u, "/done"), address)
		assert.Equal(t, want, c.IsAt(u, "/done?to=here"), address)
	}
}
