package scim

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Named returns the ids of the resources of a list ("/Users", "/Groups") that
// have a text as an attribute, upper and lower case alike. An endpoint that
// ignores filters answers others, too: they are none of them.
func (c *Client) Named(ctx context.Context, path, attribute, wanted string) (ids []string, err error) {
	found, err := c.Do(ctx, http.MethodGet, Query(path, "filter", Equals(attribute, wanted)), nil)
	if err != nil {
		return nil, err
	}
	page, err := found.Page()
	if err != nil {
		return nil, err
	}
	for _, resource := range page.Resources {
		if id := text(resource, "id"); id != "" && strings.EqualFold(text(resource, attribute), wanted) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// Forget deletes what Named returns. It is no error where there is nothing.
func (c *Client) Forget(ctx context.Context, path, attribute, wanted string) error {
	ids, err := c.Named(ctx, path, attribute, wanted)
	if err != nil {
		return err
	}
	for _, id := range ids {
		answer, err := c.Do(ctx, http.MethodDelete, path+"/"+url.PathEscape(id), nil)
		if err != nil {
			return err
		}
		if !answer.Good() && answer.Status != http.StatusNotFound {
			return fmt.Errorf("%s", answer)
		}
	}
	return nil
}
