package mcp

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestChallenge(t *testing.T) {
	t.Parallel()
	a := &Answer{Header: http.Header{"Www-Authenticate": {
		`Basic realm="x"`,
		`Bearer realm="OAuth, \"quoted\"", error=insufficient_scope,scope="a b", resource_metadata="https://mcp.test/.well-known/x"`,
	}}}
	c, ok := a.Challenge()
	require.True(t, ok)
	assert.Equal(t, Challenge{"https://mcp.test/.well-known/x", "insufficient_scope", "a b"}, c)

	_, ok = (&Answer{Header: http.Header{"Www-Authenticate": {"Basic realm=x"}}}).Challenge()
	assert.False(t, ok)
	c, ok = (&Answer{Header: http.Header{"Www-Authenticate": {"Bearer"}}}).Challenge()
	assert.True(t, ok)
	assert.Empty(t, c)
}

func TestAResourceIsForAServer(t *testing.T) {
	t.Parallel()
	for resource, want := range map[string]bool{
		"https://mcp.test/mcp":            true,
		"https://MCP.test/mcp/":           true,
		"https://mcp.test":                true, // the origin of all its paths
		"https://mcp.test/":               true,
		"https://mcp.test/mc":             false,
		"https://mcp.test/mcp/other":      false,
		"https://mcp.test.evil.test/mcp":  false,
		"http://mcp.test/mcp":             false,
		"https://mcp.test:444/mcp":        false,
		"https://mcp.test/mcp#fragment":   false,
		"https://auth.test/resources/r_1": false,
	} {
		assert.Equal(t, want, (&Resource{Resource: resource}).For("https://mcp.test/mcp"), resource)
	}
}

func TestWellKnownPlaces(t *testing.T) {
	t.Parallel()
	assert.Equal(t, []string{
		"https://mcp.test/.well-known/oauth-protected-resource/mcp", "https://mcp.test/.well-known/oauth-protected-resource",
	}, wellKnown("https://mcp.test/mcp", "oauth-protected-resource"))
	assert.Equal(t, []string{"https://mcp.test/.well-known/oauth-protected-resource"}, wellKnown("https://mcp.test", "oauth-protected-resource"))
	assert.Equal(t, "https://auth.test/.well-known/oauth-authorization-server/resources/res_1", serverAddresses("https://auth.test/resources/res_1")[0])
}

func TestAnAnswerOnAStream(t *testing.T) {
	t.Parallel()
	stream := ": hello\n\nevent: message\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\"}\n\n" +
		"data: {\"jsonrpc\":\"2.0\",\"id\":1,\ndata: \"result\":{\"content\":[{\"type\":\"text\",\"text\":\"low tide\"}]}}\n\ndata: late\n\n"
	body, err := firstAnswer(strings.NewReader(stream))
	require.NoError(t, err)
	a := &Answer{Status: 200, Body: body}
	assert.True(t, a.Good())
	assert.Equal(t, "low tide", a.Text())
}

func TestWhatIsNoResult(t *testing.T) {
	t.Parallel()
	for _, body := range []string{``, `null`, `{"error":{"code":-32600}}`, `{"result":{"isError":true,"content":[]}}`} {
		assert.False(t, (&Answer{Status: 200, Body: []byte(body)}).Good(), body)
	}
	assert.False(t, (&Answer{Status: 401, Body: []byte(`{"result":{}}`)}).Good())
}

func TestCalls(t *testing.T) {
	t.Parallel()
	call := ParseCall(`todo:write add_todo {"title":"{text}","done":false}`)
	assert.Equal(t, "todo:write", call.Scope)
	assert.Equal(t, "add_todo", call.Tool)
	assert.JSONEq(t, `{"title":"say \"hello\"","done":false}`, string(call.With(`say "hello"`)))
}
