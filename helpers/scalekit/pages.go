package scalekit

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
)

// pages reads a list page by page. A page token may come although nothing
// follows (spec/api.md 4), so the list also ends with a page that holds
// nothing new; id tells the entries apart. However long it is, all of it is read:
// what is looked for must not be missed for standing far down.
func pages[T any](ctx context.Context, c *Client, path string, query url.Values, member string, id func(T) string) ([]T, error) {
	query.Set("page_size", "30")
	var all []T
	seen := map[string]bool{}
	for {
		var out map[string]json.RawMessage
		if err := c.call(ctx, http.MethodGet, path, query, nil, &out); err != nil {
			return nil, err
		}
		var page []T
		if raw, ok := out[member]; ok {
			if err := json.Unmarshal(raw, &page); err != nil {
				return nil, fmt.Errorf("GET %s%s: %s is not as in spec/api.md: %w", c.base, path, member, err)
			}
		}
		fresh := 0
		for _, entry := range page {
			if !seen[id(entry)] {
				seen[id(entry)] = true
				all = append(all, entry)
				fresh++
			}
		}
		var next string
		_ = json.Unmarshal(out["next_page_token"], &next)
		if next == "" || fresh == 0 {
			return all, nil
		}
		query.Set("page_token", next)
	}
}
