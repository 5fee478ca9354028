// Package mcp is a client of MCP servers that starts from nothing but a
// server's address. Each step of the authorization is a request of its own and
// its answer is kept whole, so that the client cannot hide a fault
// (spec/mcp.md; Model Context Protocol, authorization).
package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

const maxBody = 1 << 20

// Answer is what a server answered over HTTP, good or bad.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// send sends one request. Only a network failure is an error.
func send(ctx context.Context, hc *http.Client, method, address string, body []byte, header http.Header) (*Answer, error) {
	request, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%s cannot be asked: %w", address, err)
	}
	for name, values := range header {
		request.Header[name] = values
	}
	if host := header.Get("Host"); host != "" {
		request.Host = host
	}
	response, err := hc.Do(request)
	if err != nil {
		return nil, fmt.Errorf("%s is not answered: %w", address, err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := read(response)
	if err != nil {
		return nil, fmt.Errorf("the answer of %s breaks off: %w", address, err)
	}
	return &Answer{Status: response.StatusCode, Header: response.Header, Body: text}, nil
}

// Challenge is a WWW-Authenticate header with the scheme Bearer (RFC 6750 §3,
// RFC 9728 §5.1).
type Challenge struct{ ResourceMetadata, Error, Scope string }

// Challenge reads the answer's Bearer challenge; ok is false if it has none.
func (a *Answer) Challenge() (c Challenge, ok bool) {
	for _, value := range a.Header.Values("WWW-Authenticate") {
		scheme, rest, _ := strings.Cut(strings.TrimSpace(value), " ")
		if !strings.EqualFold(scheme, "Bearer") {
			continue
		}
		// Parameters have the grammar of a media type's (RFC 9110, 11.2), but
		// for the comma between them.
		p := parameters(rest)
		return Challenge{p["resource_metadata"], p["error"], p["scope"]}, true
	}
	return c, false
}

// parameters reads auth-params: name=token or name="quoted", between commas.
func parameters(text string) map[string]string {
	all := map[string]string{}
	for text != "" {
		name, rest, ok := strings.Cut(text, "=")
		if !ok {
			return all
		}
		name, rest = strings.ToLower(strings.Trim(name, " ,\t")), strings.TrimLeft(rest, " ")
		var value strings.Builder
		quoted, i := strings.HasPrefix(rest, `"`), 0
		if quoted {
			i = 1
		}
		for ; i < len(rest); i++ {
			switch {
			case quoted && rest[i] == '\\' && i+1 < len(rest):
				i++
			case quoted && rest[i] == '"', !quoted && rest[i] == ',':
				text = rest[i+1:]
				goto done
			}
			value.WriteByte(rest[i])
		}
		text = ""
	done:
		all[name] = strings.TrimSpace(value.String())
	}
	return all
}

// Resource is protected-resource metadata (RFC 9728 §2).
type Resource struct {
	Resource string   `json:"resource"`
	Servers  []string `json:"authorization_servers"`
	Scopes   []string `json:"scopes_supported"`
	Methods  []string `json:"bearer_methods_supported"`
	// At is the address at which it was found.
	At string `json:"-"`
}

// For reports whether the metadata is about the server at an address (RFC 9728
// §3.3): named letter by letter but for a slash at the end, or by the origin or
// path above it, as MCP clients take it.
func (r *Resource) For(server string) bool {
	want, err1 := url.Parse(server)
	got, err2 := url.Parse(r.Resource)
	if err1 != nil || err2 != nil || !strings.EqualFold(want.Scheme, got.Scheme) || !strings.EqualFold(want.Host, got.Host) {
		return false
	}
	above := strings.TrimSuffix(got.Path, "/")
	path := strings.TrimSuffix(want.Path, "/")
	return got.RawQuery == "" && got.Fragment == "" && (path == above || strings.HasPrefix(path, above+"/"))
}

// Server is authorization-server metadata (RFC 8414 §2).
type Server struct {
	Issuer           string   `json:"issuer"`
	Authorization    string   `json:"authorization_endpoint"`
	Token            string   `json:"token_endpoint"`
	Registration     string   `json:"registration_endpoint"`
	Keys             string   `json:"jwks_uri"`
	ByDocument       bool     `json:"client_id_metadata_document_supported"`
	ChallengeMethods []string `json:"code_challenge_methods_supported"`
	ResponseTypes    []string `json:"response_types_supported"`
	Scopes           []string `json:"scopes_supported"`
	// At is the address at which it was found.
	At string `json:"-"`
}

// UsesS256 reports whether the server says that it knows PKCE with S256.
// Clients that follow the MCP specification go no further without.
func (s *Server) UsesS256() bool { return slices.Contains(s.ChallengeMethods, "S256") }

// Discovery is all that a client finds out before it says who it is.
type Discovery struct {
	URL          string // of the MCP server
	Unauthorized *Answer
	Resource     Resource
	Server       Server
}

// Discover walks from a server's address to its authorization server. The
// error is a sentence about the step that went wrong; what was found until
// then is returned with it.
func Discover(ctx context.Context, hc *http.Client, server string) (*Discovery, error) {
	d := &Discovery{URL: server}
	var err error
	if d.Unauthorized, err = (&Connection{HTTP: hc, URL: server, Revision: Stateless}).Send(ctx, "server/discover", nil); err != nil {
		return d, err
	}
	if d.Unauthorized.Status != http.StatusUnauthorized {
		return d, fmt.Errorf("expected %s to answer 401 to a request without a token; it answered %d", server, d.Unauthorized.Status)
	}
	var tried []string
	for _, address := range d.resourceAddresses() {
		if err := document(ctx, hc, address, &d.Resource); err != nil {
			tried = append(tried, err.Error())
			continue
		}
		d.Resource.At = address
		break
	}
	if d.Resource.At == "" {
		return d, errors.New("no protected-resource metadata was found: " + strings.Join(tried, "; "))
	}
	if len(d.Resource.Servers) == 0 {
		return d, fmt.Errorf("%s names no authorization server", d.Resource.At)
	}
	tried = nil
	for _, address := range serverAddresses(d.Resource.Servers[0]) {
		if err := document(ctx, hc, address, &d.Server); err != nil {
			tried = append(tried, err.Error())
			continue
		}
		d.Server.At = address
		return d, nil
	}
	return d, errors.New("no authorization-server metadata was found: " + strings.Join(tried, "; "))
}

// resourceAddresses are where the metadata of the server may be: where the
// challenge points to, else at the well-known places (RFC 9728 §3.1).
func (d *Discovery) resourceAddresses() []string {
	if c, ok := d.Unauthorized.Challenge(); ok && c.ResourceMetadata != "" {
		return []string{c.ResourceMetadata}
	}
	return wellKnown(d.URL, "oauth-protected-resource")
}

// serverAddresses are the well-known places of an issuer (RFC 8414 §3.1,
// OpenID Connect Discovery 1.0 §4), in the order in which MCP clients try them.
func serverAddresses(issuer string) []string {
	u, err := url.Parse(issuer)
	if err != nil {
		return nil
	}
	path := strings.TrimSuffix(u.Path, "/")
	origin := u.Scheme + "://" + u.Host
	all := []string{origin + "/.well-known/oauth-authorization-server" + path, origin + "/.well-known/openid-configuration" + path}
	if path != "" {
		all = append(all, origin+path+"/.well-known/openid-configuration", origin+path+"/.well-known/oauth-authorization-server")
	}
	return all
}

func wellKnown(address, name string) []string {
	u, err := url.Parse(address)
	if err != nil {
		return nil
	}
	origin, path := u.Scheme+"://"+u.Host, strings.TrimSuffix(u.Path, "/")
	if path == "" {
		return []string{origin + "/.well-known/" + name}
	}
	return []string{origin + "/.well-known/" + name + path, origin + "/.well-known/" + name}
}

// document fetches a JSON document without any credentials.
func document(ctx context.Context, hc *http.Client, address string, out any) error {
	a, err := send(ctx, hc, http.MethodGet, address, nil, http.Header{"Accept": {"application/json"}})
	if err != nil {
		return err
	}
	kind, _, _ := mime.ParseMediaType(a.Header.Get("Content-Type"))
	switch {
	case a.Status != http.StatusOK:
		return fmt.Errorf("%s answered HTTP %d", address, a.Status)
	case kind != "application/json":
		return fmt.Errorf("%s is %q, not application/json", address, kind)
	}
	if err := json.Unmarshal(a.Body, out); err != nil {
		return fmt.Errorf("%s is no such JSON: %w", address, err)
	}
	return nil
}

func read(response *http.Response) ([]byte, error) {
	kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if kind != "text/event-stream" {
		return io.ReadAll(io.LimitReader(response.Body, maxBody))
	}
	return firstAnswer(response.Body)
}
