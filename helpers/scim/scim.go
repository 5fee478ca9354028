// Package scim speaks to a directory as identity providers do: SCIM 2.0
// (RFC 7643, RFC 7644), in the dialects of Okta and of Microsoft Entra, whose
// requests differ where the standard lets them. It is all its own code: the
// product's idea of SCIM and the suite's must not be one.
package scim

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/auth-preflight/auth-preflight/helpers/pace"
)

// Names of RFC 7643 §8.7 and RFC 7644 §8.2.
const (
	UserSchema       = "urn:ietf:params:scim:schemas:core:2.0:User"
	GroupSchema      = "urn:ietf:params:scim:schemas:core:2.0:Group"
	EnterpriseSchema = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	PatchSchema      = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
	ErrorSchema      = "urn:ietf:params:scim:api:messages:2.0:Error"
)

const maxBody = 4 << 20

// Client talks to one directory with one bearer token. It may be used by many
// goroutines.
type Client struct {
	base, token string
	http        *http.Client
	pace        *pace.Limiter // nil: as fast as the directory lets it
}

// New makes a client of the SCIM endpoint at base. With an empty token requests
// carry none.
func New(base, token string, hc *http.Client) *Client {
	return &Client{base: strings.TrimRight(base, "/"), token: token, http: hc}
}

// With returns a client of the same endpoint with another token.
func (c *Client) With(token string) *Client { return New(c.base, token, c.http).Paced(c.pace) }

// Paced makes the client keep to a limiter, which it may share with others, and
// returns it. Without one it only waits where the directory asks for it, as
// identity providers do.
func (c *Client) Paced(l *pace.Limiter) *Client {
	c.pace = l
	return c
}

// Base is the endpoint's address.
func (c *Client) Base() string { return c.base }

// Answer is what an endpoint said, good or bad.
type Answer struct {
	Method, Path string
	Status       int
	Header       http.Header
	Raw          []byte
	Doc          map[string]any // nil where the body is no JSON object
}

// Do sends a request to a path below the endpoint. body may be nil, []byte,
// which is sent as it is, or anything that can be written as JSON. The error is
// the network's, or the caller's.
func (c *Client) Do(ctx context.Context, method, path string, body any) (*Answer, error) {
	var text []byte
	switch b := body.(type) {
	case nil:
	case []byte:
		text = b
	default:
		var err error
		if text, err = json.Marshal(b); err != nil {
			return nil, fmt.Errorf("%s %s: %w", method, path, err)
		}
	}
	var a *Answer
	err := c.pace.Do(ctx, method, func() (int, http.Header, error) {
		var err error
		if a, err = c.once(ctx, method, path, text); err != nil {
			return 0, nil, err
		}
		return a.Status, a.Header, nil
	})
	if err != nil {
		return nil, fmt.Errorf("%s %s %w", method, path, err)
	}
	return a, nil
}

// once sends one request; without a body where that is nil.
func (c *Client) once(ctx context.Context, method, path string, body []byte) (*Answer, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("cannot be sent: %w", err)
	}
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	request.Header.Set("Accept", "application/scim+json, application/json")
	if body != nil {
		request.Header.Set("Content-Type", "application/scim+json")
	}
	response, err := c.http.Do(request)
	if err != nil {
		var twice *url.Error
		if errors.As(err, &twice) {
			err = twice.Err
		}
		return nil, fmt.Errorf("is not answered: %w", err)
	}
	a := &Answer{Method: method, Path: path, Status: response.StatusCode, Header: response.Header}
	a.Raw, err = io.ReadAll(io.LimitReader(response.Body, maxBody))
	_ = response.Body.Close()
	if err != nil {
		return nil, fmt.Errorf("broke off: %w", err)
	}
	if json.Unmarshal(a.Raw, &a.Doc) != nil {
		a.Doc = nil
	}
	return a, nil
}

// Good reports whether the request was taken.
func (a *Answer) Good() bool { return a.Status/100 == 2 }

// ID is the id of the resource in the answer; "" if there is none.
func (a *Answer) ID() string { return text(a.Doc, "id") }

// ErrorType is scimType of a refusal, such as uniqueness (RFC 7644 §3.12).
func (a *Answer) ErrorType() string { return text(a.Doc, "scimType") }

// BadError says what is wrong with a refusal as RFC 7644 §3.12 wants it: its
// schema, and the HTTP status as a text. "" if nothing is.
func (a *Answer) BadError() string {
	switch {
	case a.Doc == nil:
		return "the body is no JSON object"
	case !contains(a.Doc["schemas"], ErrorSchema):
		return "schemas does not name " + ErrorSchema
	case text(a.Doc, "status") != strconv.Itoa(a.Status):
		return fmt.Sprintf("status is %v; expected the text %q", a.Doc["status"], strconv.Itoa(a.Status))
	}
	return ""
}

// String is one line for people, without the resource itself.
func (a *Answer) String() string {
	line := fmt.Sprintf("%s %s: HTTP %d", a.Method, a.Path, a.Status)
	for _, name := range []string{"scimType", "detail"} {
		if t := text(a.Doc, name); t != "" {
			line += " " + t
		}
	}
	return line
}

// Active is whether a person in an answer is active: true unless it says
// otherwise (RFC 7643 §4.1.1).
func (a *Answer) Active() bool {
	active, said := a.Doc["active"].(bool)
	return active || !said
}

// Text is an attribute of the resource in the answer, such as userName or
// name.givenName, or one of an extension (schema:attribute).
func (a *Answer) Text(path string) string {
	doc := a.Doc
	if extension, name, ok := cutSchema(path); ok {
		doc, _ = doc[extension].(map[string]any)
		return text(doc, name)
	}
	if outer, inner, ok := strings.Cut(path, "."); ok {
		doc, _ = doc[outer].(map[string]any)
		return text(doc, inner)
	}
	return text(doc, path)
}

func cutSchema(path string) (schema, name string, ok bool) {
	at := strings.LastIndexByte(path, ':')
	if at < 0 {
		return "", "", false
	}
	return path[:at], path[at+1:], true
}

// Emails are the values of the addresses of a person.
func (a *Answer) Emails() []string { return Values(a.Doc["emails"]) }

// Members are the ids of the members of a group.
func (a *Answer) Members() []string { return Values(a.Doc["members"]) }

// Values are the values of a list of objects.
func Values(list any) (values []string) {
	elements, _ := list.([]any)
	for _, e := range elements {
		fields, _ := e.(map[string]any)
		values = append(values, text(fields, "value"))
	}
	return values
}

// List is a page of a list (RFC 7644 §3.4.2).
type List struct {
	Total      int `json:"totalResults"`
	StartIndex int `json:"startIndex"`
	PerPage    int `json:"itemsPerPage"`
	Resources  []map[string]any
}

// Page reads the answer as a page.
func (a *Answer) Page() (l List, err error) {
	if !a.Good() {
		return l, fmt.Errorf("%s", a)
	}
	if err = json.Unmarshal(a.Raw, &l); err != nil {
		return l, fmt.Errorf("%s is not a ListResponse: %w", a, err)
	}
	return l, nil
}

// UserNames are the user names on a page.
func (l List) UserNames() (names []string) {
	for _, r := range l.Resources {
		names = append(names, text(r, "userName"))
	}
	return names
}

// IDs are the ids on a page.
func (l List) IDs() (ids []string) {
	for _, r := range l.Resources {
		ids = append(ids, text(r, "id"))
	}
	return ids
}

// Query is a path with parameters.
func Query(path string, parameters ...string) string {
	q := url.Values{}
	for i := 0; i+1 < len(parameters); i += 2 {
		q.Set(parameters[i], parameters[i+1])
	}
	return path + "?" + strings.ReplaceAll(q.Encode(), "+", "%20")
}

// All returns every resource of a list, page by page, whatever size the
// endpoint makes a page. The error says what is wrong with the paging.
func (c *Client) All(ctx context.Context, path string) (all []map[string]any, err error) {
	const most = 200 // pages
	for range most {
		a, err := c.Do(ctx, http.MethodGet, Query(path, "startIndex", strconv.Itoa(len(all)+1)), nil)
		if err != nil {
			return nil, err
		}
		page, err := a.Page()
		if err != nil {
			return nil, err
		}
		all = append(all, page.Resources...)
		if len(all) >= page.Total || len(page.Resources) == 0 {
			return all, nil
		}
	}
	return nil, fmt.Errorf("%s has no end after %d pages", path, most)
}

func text(doc map[string]any, name string) string {
	t, _ := doc[name].(string)
	return t
}

func contains(list any, want string) bool {
	elements, _ := list.([]any)
	for _, e := range elements {
		if e == want {
			return true
		}
	}
	return false
}
