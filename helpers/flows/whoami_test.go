package flows

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/auth-preflight/auth-preflight/helpers/config"
)

func TestWhoAnAnswerNames(t *testing.T) {
	t.Parallel()
	for _, one := range []struct {
		field, body string
		status      int
		want        string
	}{
		{"email", `{"email":"ada@acme.test"}`, http.StatusOK, "ada@acme.test"},
		{"user.email", `{"email":"x@acme.test","user":{"email":"ada@acme.test"}}`, http.StatusOK, "ada@acme.test"},
		{"user.email", `{"user":null}`, http.StatusOK, ""},
		{"user", `{"user":{"email":"ada@acme.test"}}`, http.StatusOK, ""},
		{"email", `{"email":"ada@acme.test"}`, http.StatusUnauthorized, ""},
		{"email", `<title>ada@acme.test</title>`, http.StatusOK, ""},
		{"email", `null`, http.StatusOK, ""},
	} {
		c := &config.Config{AppWhoamiPath: "/api/me", AppWhoamiEmailField: one.field}
		assert.Equal(t, one.want, whoIn(c, one.status, []byte(one.body), ""), one.body)
	}
	c := &config.Config{}
	assert.Equal(t, "ada@acme.test", whoIn(c, http.StatusOK, []byte(`<b>ada@acme.test</b>`), ""))
	assert.Empty(t, whoIn(c, http.StatusSeeOther, []byte(`<b>ada@acme.test</b>`), ""))
}
