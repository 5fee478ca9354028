package a11y

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A tour begins anywhere and goes around; it may step back once.
func TestInOrder(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		orders []int
		right  bool
	}{
		{nil, true},
		{[]int{3}, true},
		{[]int{1, 4, 9}, true},
		{[]int{7, 9, 1, 4}, true},
		{[]int{7, 9, 1, 8}, false},
		{[]int{4, 1, 9}, false},
	} {
		stops := make([]Stop, len(c.orders))
		for i, order := range c.orders {
			stops[i].Order = order
		}
		assert.Equal(t, c.right, InOrder(stops), c.orders)
	}
}

func TestRulesThatAreNotThereSayWhatToDo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, err := Load(dir)
	require.ErrorContains(t, err, "PREFLIGHT_AXE_DIR")
	require.ErrorContains(t, err, "make setup")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "package"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "package", File), []byte("axe"), 0o600))
	_, err = Load(dir)
	assert.NoError(t, err)
}
