package needs

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/fixtures/checklist"
	"github.com/auth-preflight/auth-preflight/helpers/config"
	"github.com/auth-preflight/auth-preflight/helpers/readiness"
)

const source = `package e2e

type provider struct{ name, account string }

var providers = []provider{{"one", "PREFLIGHT_ONE"}, {name: "two", account: "PREFLIGHT_TWO"}}

var both = []string{"PREFLIGHT_KEY", "PREFLIGHT_CERT"}

func TestIt(t *testing.T) {
	item := begin(t, "core/it")
	item.Case("plain", advice{}, func(c *check) { c.NewUser(); c.Age(1) })
	for _, p := range providers {
		item.Case("with "+p.name, advice{}, func(c *check) {
			c.NeedMethod(p.name)
			c.Need(p.account)
		})
	}
	item.Case("shared", advice{}, shared("APP_MORE"))
	declare(item)
	item.Case("by somebody", advice{}, func(c *check) { c.AnyUser() })
	item.Case("by two", advice{}, func(c *check) { c.AnyUsers(2); c.AnyUser() })
}

func (c *check) AnyUser() { c.AnyUsers(1) }

func (c *check) AnyUsers(n int) {
	c.needPeople(n)
	for range n {
		c.NewUser()
	}
}

func declare(item *item) {
	item.Case("declared elsewhere", advice{}, elsewhere)
}

func elsewhere(c *check) { c.Need(both...) }

func shared(more ...string) func(*check) {
	return func(c *check) { c.Need(append([]string{"APP_FIRST"}, more...)...) }
}

func (c *check) NewUser() { c.Need("PREFLIGHT_INBOX") ; c.NewUser() }

func (c *check) Age(n int) {
	if n > 0 {
		c.NotVerified(fmt.Sprintf("set PREFLIGHT_TIME, or wait %d", n))
	}
	if c == nil {
		c.Need("PREFLIGHT_SELDOM")
	}
}
`

func TestNeedsAreReadFromSources(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "it_test.go"), []byte(source), 0o600))
	cases, err := Read(folder)
	require.NoError(t, err)
	const item = "core/it"
	assert.Equal(t, []Case{
		{Item: item, Name: "plain", Variables: []string{"PREFLIGHT_INBOX"}, Perhaps: []string{"PREFLIGHT_TIME", "PREFLIGHT_SELDOM"}},
		{Item: item, Name: "with one", Methods: []string{"one"}, Variables: []string{"PREFLIGHT_ONE"}},
		{Item: item, Name: "with two", Methods: []string{"two"}, Variables: []string{"PREFLIGHT_TWO"}},
		{Item: item, Name: "shared", Variables: []string{"APP_FIRST", "APP_MORE"}},
		{Item: item, Name: "declared elsewhere", Variables: []string{"PREFLIGHT_KEY", "PREFLIGHT_CERT"}},
		{Item: item, Name: "by somebody", People: 1},
		{Item: item, Name: "by two", People: 2},
	}, cases)
}

// Every check of the suite is understood, and what it names are variables.
func TestTheSuiteIsUnderstood(t *testing.T) {
	t.Parallel()
	cases, err := Read(filepath.Join("..", "..", "e2e"))
	require.NoError(t, err)
	known := map[string]bool{}
	for _, v := range config.Variables() {
		known[v.Name] = true
	}
	seen, inbox, people := map[string]bool{}, 0, 0
	for _, c := range cases {
		seen[c.Item] = true
		for _, name := range append(c.Variables, c.Perhaps...) {
			assert.True(t, known[name], "%s: %s: %s is no variable", c.Item, c.Name, name)
			if name == "PREFLIGHT_INBOX_URL" {
				inbox++
			}
		}
		if c.People > 0 {
			people++
		}
	}
	for _, item := range checklist.All() {
		assert.True(t, seen[item.ID], "no case of %s was found", item.ID)
	}
	assert.Greater(t, inbox+people, len(cases)/2, "most cases make a person of their own, who has an inbox, or borrow one")
	assert.Greater(t, people, len(cases)/8, "many cases need no more than somebody who can sign in")
}

func TestWhatWillBecomeOfACase(t *testing.T) {
	t.Parallel()
	vars := map[string]string{
		"SCALEKIT_ENVIRONMENT_URL": "https://auth.test", "SCALEKIT_CLIENT_ID": "skc_1", "SCALEKIT_CLIENT_SECRET": "x", "APP_URL": "https://app.test",
		"APP_LOGOUT_ALL_PATH": "none: sessions are not kept", "PREFLIGHT_METHODS": "password",
	}
	cfg, err := config.FromMap(vars)
	require.NoError(t, err)
	assert.Equal(t, Outlook{Perhaps: []string{"PREFLIGHT_TIME_URL"}}, Case{Variables: []string{"APP_URL"}, Perhaps: []string{"PREFLIGHT_TIME_URL"}}.Outlook(cfg))
	assert.Equal(t, Outlook{State: readiness.NotVerified, Missing: []string{"APP_API_PATH"}}, Case{Variables: []string{"APP_URL", "APP_API_PATH"}}.Outlook(cfg))
	assert.Equal(t, readiness.NotApplicable, Case{Variables: []string{"APP_LOGOUT_ALL_PATH"}}.Outlook(cfg).State)
	assert.Equal(t, readiness.NotApplicable, Case{Methods: []string{"passkey"}}.Outlook(cfg).State)
	// Without an inbox, people who have to sign in may be borrowed.
	inbox := []string{"PREFLIGHT_INBOX_URL", "PREFLIGHT_INBOX_ADDRESS"}
	assert.Equal(t, inbox, Case{People: 1}.Outlook(cfg).Missing)
	vars["SCALEKIT_TEST_USER_EMAIL"], vars["SCALEKIT_TEST_USER_CODE"] = "qa+sktest@acme.test", "424242"
	cfg, err = config.FromMap(vars)
	require.NoError(t, err)
	assert.Equal(t, inbox, Case{People: 1}.Outlook(cfg).Missing, "test users have a code, and PREFLIGHT_METHODS lists none")
	vars["PREFLIGHT_METHODS"] = "password,email_code"
	cfg, err = config.FromMap(vars)
	require.NoError(t, err)
	assert.Equal(t, Outlook{}, Case{People: 1}.Outlook(cfg))
	assert.Equal(t, []string{"SCALEKIT_TEST_USER_EMAIL"}, Case{People: 2}.Outlook(cfg).Missing, "one is too few")
	assert.Equal(t, inbox, Case{People: 1, Variables: inbox}.Outlook(cfg).Missing)
	delete(vars, "PREFLIGHT_METHODS")
	cfg, err = config.FromMap(vars)
	require.NoError(t, err)
	assert.Equal(t, []string{"PREFLIGHT_METHODS"}, Case{Methods: []string{"passkey"}}.Outlook(cfg).Missing)
}
