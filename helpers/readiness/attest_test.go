package readiness

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAttestations(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	items := []CatalogueItem{{ID: "ops/log-retention"}, {ID: "observe/alerts"}}
	read := func(text string) (*Attestations, error) {
		path := filepath.Join(t.TempDir(), "a.yaml")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return ReadAttestations(path, items, now)
	}
	entry := func(item, when, until string) string {
		return "  - item: " + item + "\n    who: Ada\n    when: " + when + "\n    until: " + until + "\n    evidence: ticket 7\n"
	}
	a, err := read("attestations:\n" + entry("ops/log-retention", "2026-05-01", "2026-06-01") +
		entry("observe/alerts#a case", "2026-01-01", "2026-05-31") + entry("observe/alerts#a typing error", "2026-05-01", "2026-07-01"))
	require.NoError(t, err)
	one, ok := a.For("ops/log-retention", "any case")
	require.True(t, ok)
	assert.False(t, one.Expired(now), "it holds on its last day")
	assert.Equal(t, "Ada vouched for it on 2026-05-01, until 2026-06-01: ticket 7", one.String())
	one, ok = a.For("observe/alerts", "a case")
	assert.True(t, ok)
	assert.True(t, one.Expired(now))
	_, ok = a.For("observe/alerts", "another case")
	assert.False(t, ok)
	a.Ran("ops/log-retention", "any case")
	assert.Empty(t, a.Unknown(), "the item did not run")
	a.Ran("observe/alerts", "a case")
	assert.Equal(t, []string{"observe/alerts#a typing error"}, a.Unknown())
	assert.Len(t, a.Expired(now), 1)

	for text, want := range map[string]string{
		entry("ops/log-retain", "2026-05-01", "2026-06-01"):                                                             "no item of the checklist",
		entry("ops/log-retention", "2026-05-01", "soon"):                                                                "until must be a day",
		entry("ops/log-retention", "2027-05-01", "2027-06-01"):                                                          "in the future",
		entry("ops/log-retention", "2026-05-01", "2028-06-01"):                                                          "longer than a year",
		entry("ops/log-retention", "2026-05-01", "2026-04-01"):                                                          "before it begins",
		"  - item: ops/log-retention\n    who: Ada\n":                                                                   "needs who, when, until and evidence",
		"  - item: ops/log-retention\n    owner: Ada\n":                                                                 "owner",
		entry("ops/log-retention", "2026-05-01", "2026-06-01") + entry("ops/log-retention", "2026-05-01", "2026-06-01"): "twice",
	} {
		_, err := read("attestations:\n" + text)
		assert.ErrorContains(t, err, want)
	}
	_, ok = (*Attestations)(nil).For("x", "y")
	assert.False(t, ok)
	_, err = ReadAttestations(filepath.Join(t.TempDir(), "none"), items, now)
	assert.Error(t, err)
}
