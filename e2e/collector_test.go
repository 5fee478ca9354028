package e2e

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
)

// collector is a server on loopback that notes who asks it for anything: the
// proof that a document made somebody fetch what it names.
type collector struct {
	URL string

	mu    sync.Mutex
	asked []string
}

func newCollector(c *check) *collector {
	c.Helper()
	collector := &collector{}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		collector.mu.Lock()
		defer collector.mu.Unlock()
		collector.asked = append(collector.asked, r.URL.Path)
	}))
	c.Cleanup(server.Close)
	collector.URL = server.URL
	return collector
}

// Asked returns the paths that were asked for so far.
func (c *collector) Asked() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.asked)
}
