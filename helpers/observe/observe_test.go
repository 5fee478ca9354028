package observe_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/observe"
)

func TestASourceIsAnAddressOrAFile(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer key" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = w.Write([]byte(r.URL.Query().Get("q")))
	}))
	t.Cleanup(server.Close)
	s := observe.Source{Address: server.URL + "/?q={subject}", Token: "key", Client: server.Client()}
	text, err := s.Read(t.Context(), "a+b@x.test")
	require.NoError(t, err)
	assert.Equal(t, "a+b@x.test", text)
	s.Token = "wrong"
	_, err = s.Read(t.Context(), "")
	assert.ErrorContains(t, err, "HTTP 401")
	assert.NotContains(t, err.Error(), "?q=")

	path := filepath.Join(t.TempDir(), "log")
	require.NoError(t, os.WriteFile(path, []byte("one\ntwo\n"), 0o600))
	text, err = observe.Source{Address: path}.Read(t.Context(), "")
	require.NoError(t, err)
	assert.Equal(t, []string{"one", "two"}, observe.Entries(text))
}

func TestEntries(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"a list":        {`[{"a":1},{"a":2}]`, []string{`{"a":1}`, `{"a":2}`}},
		"a list within": {`{"total":2,"data":{"items":[{"a":"<b>"}]}}`, []string{`{"a":"<b>"}`}},
		"an empty list": {`{"items":[]}`, nil},
		"no list":       {`{"a":1}`, []string{`{"a":1}`}},
		"JSON lines":    {"{\"a\":1}\n{\"a\":2}\n", []string{`{"a":1}`, `{"a":2}`}},
		"lines":         {"x\n\n y \n", []string{"x", "y"}},
	} {
		assert.Equal(t, c.want, observe.Entries(c.text), name)
	}
	assert.Equal(t, []string{"b ORG_1 x"}, observe.Mentioning([]string{"a", "b ORG_1 x"}, "org_1", "X"))
}

const exposition = `# HELP logins_total Sign-ins.
# TYPE logins_total counter
logins_total{outcome="success",org="org_1"} 3
logins_total{outcome="success",org="o\"rg\\_2",} 4 1700000000.000 # {trace_id="x}"} 1
logins_total{outcome="failure",org="org_1"} 1e1
logins_total_created{outcome="success"} 99
up 1
broken{a="b" 1
# EOF
`

func TestSum(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]float64{
		`logins_total`:                                    17,
		`logins_total{outcome="success"}`:                 7,
		`logins_total{ outcome = "success", org="org_1"}`: 3,
		`logins_total{org="o\"rg\\_2"}`:                   4,
		`up`:                                              1,
	} {
		series, err := observe.ParseSeries(text)
		require.NoError(t, err, text)
		sum, found, err := observe.Sum(exposition, series)
		require.NoError(t, err, text)
		assert.True(t, found, text)
		assert.InDelta(t, want, sum, 0.001, text)
	}
	_, found, err := observe.Sum(exposition, observe.Series{Name: "missing"})
	assert.NoError(t, err)
	assert.False(t, found)
	_, _, err = observe.Sum(exposition, observe.Series{Name: "broken"})
	assert.Error(t, err)
	_, err = observe.ParseSeries(`a{b=c}`)
	assert.Error(t, err)
}

func TestRunbook(t *testing.T) {
	t.Parallel()
	words := []string{"contact|on.call", "roll.?back|revert", "escalat", "review|updated"}
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	const whole = "Created 2020-01-01\nLast reviewed: 2026-05-01\nOn call: oncall@acme.test\nHow to roll back: switch the flag\nEscalation: +49 30 555 01 42\n"
	lacks := func(text string) []string {
		return observe.Runbook{Text: text, Words: words}.Missing(now, 100*24*time.Hour)
	}
	assert.Empty(t, lacks(whole))
	assert.Empty(t, lacks("Reviewed on 1 May 2026\nContacts\n#sign-in-incidents\nRevert the release\nEscalate to the CTO"))
	for text, want := range map[string]string{
		"":                    "does not say when",
		whole + "TBD":         "not finished",
		"Reviewed 2025-01-01": "days ago",
		"Reviewed 2099-01-01": "does not say when",
		"On call: TBD":        "can be reached",
	} {
		assert.Contains(t, joined(lacks(text)), want, text)
	}
	assert.Contains(t, joined(observe.Runbook{Text: whole, Words: []string{"("}}.Missing(now, time.Hour)), "no pattern")
}

func joined(texts []string) (all string) {
	for _, text := range texts {
		all += text + "\n"
	}
	return all
}
