// Package faults ends what the capability of PREFLIGHT_FAULT_URL has broken, and
// says what is broken now.
package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Capability is where faults are made: POST makes one and answers {"id"}, DELETE
// below it with an id ends one, and GET, where it is offered, lists them.
type Capability struct {
	URL   string
	Token string // bearer; empty: none
	HTTP  *http.Client
}

// Fault is something that fails for one subject.
type Fault struct {
	ID      string `json:"id"`
	Subject string `json:"subject"`
}

// End ends a fault. One that is over is no error.
func (c Capability) End(ctx context.Context, id string) error {
	response, err := c.send(ctx, http.MethodDelete, strings.TrimRight(c.URL, "/")+"/"+url.PathEscape(id))
	if err != nil {
		return err
	}
	_ = response.Body.Close()
	if response.StatusCode/100 != 2 && response.StatusCode != http.StatusNotFound {
		return fmt.Errorf("the capability of PREFLIGHT_FAULT_URL ends no fault: it answered HTTP %d", response.StatusCode)
	}
	return nil
}

// InForce lists the faults that are not over. told is false where the capability
// does not list them.
func (c Capability) InForce(ctx context.Context) (faults []Fault, told bool, err error) {
	response, err := c.send(ctx, http.MethodGet, c.URL)
	if err != nil {
		return nil, false, err
	}
	defer func() { _ = response.Body.Close() }()
	if slices.Contains([]int{http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented}, response.StatusCode) {
		return nil, false, nil
	}
	var list struct {
		Faults []Fault `json:"faults"`
	}
	if response.StatusCode != http.StatusOK {
		return nil, false, fmt.Errorf("the capability of PREFLIGHT_FAULT_URL lists no faults: it answered HTTP %d", response.StatusCode)
	}
	if err := json.NewDecoder(response.Body).Decode(&list); err != nil {
		return nil, false, fmt.Errorf("the list of faults at PREFLIGHT_FAULT_URL: %w", err)
	}
	return list.Faults, true, nil
}

func (c Capability) send(ctx context.Context, method, address string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil {
		return nil, err
	}
	if c.Token != "" {
		request.Header.Set("Authorization", "Bearer "+c.Token)
	}
	return c.HTTP.Do(request)
}
