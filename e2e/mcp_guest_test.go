package e2e

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/config"
	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/mcp"
	"github.com/auth-preflight/auth-preflight/helpers/readiness"
	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
)

// suiteRedirect is where the suite's MCP clients get their codes. Nothing
// listens there: the browser is stopped on its way.
const suiteRedirect = "http://127.0.0.1/preflight/mcp/callback"

// guest is a person with an assistant that wants in at an MCP server.
type guest struct {
	c      *check
	v      *flows.Visitor
	user   *flows.User
	at     *mcp.Discovery
	client *mcp.Client
	// watched guests go through sign-in and consent on the pages themselves.
	watched bool
}

// NeedMCP makes a case not applicable where the app declares that it has no
// MCP server, and not verified where it declares nothing.
func (c *check) NeedMCP(variables ...string) {
	c.Helper()
	c.Need("APP_MCP_URL")
	if suite.cfg.AppMCPURL == config.None {
		c.NotApplicable("APP_MCP_URL says that the app has no MCP server")
	}
	c.Need(variables...)
}

// Discover walks from the address of an MCP server to its authorization server.
func (c *check) Discover(server string) *mcp.Discovery {
	c.Helper()
	found, err := mcp.Discover(suite.ctx, suite.client, server)
	if err != nil {
		c.Fatalf("a client that knows only %s finds no way in: %v", server, err)
	}
	return found
}

// SomeClient is a client that the authorization server takes: by its metadata
// document, else by registration.
func (c *check) SomeClient(at *mcp.Discovery) *mcp.Client {
	c.Helper()
	if at.Server.ByDocument && suite.cfg.MCPClientIDURL != "" {
		return c.PublishedClient()
	}
	if at.Server.Registration == "" {
		c.Need("PREFLIGHT_MCP_CLIENT_ID_URL")
		c.Fatalf("expected %s to take clients by metadata document or by registration; it offers neither", at.Server.At)
	}
	return c.NewClient(at, "Preflight "+c.unique())
}

// PublishedClient is the client whose metadata document is published.
func (c *check) PublishedClient() *mcp.Client {
	c.Helper()
	client, err := mcp.Published(suite.ctx, suite.client, suite.cfg.MCPClientIDURL)
	if err != nil {
		c.Trouble("PREFLIGHT_MCP_CLIENT_ID_URL cannot be used: %v", err)
	}
	return client
}

// NewClient registers a client, which is removed when the case is over.
func (c *check) NewClient(at *mcp.Discovery, name string) *mcp.Client {
	c.Helper()
	client, answer := c.register(at, name, suiteRedirect)
	if client == nil {
		c.Fatalf("expected the registration at %s to be taken (RFC 7591 §3); it was answered %s", at.Server.Registration, answer)
	}
	return client
}

// register asks for a registration; what it makes is removed in the end. The name
// carries a unique id: it is found by that if the answer never comes.
func (c *check) register(at *mcp.Discovery, name string, redirectURIs ...string) (client *mcp.Client, answer *mcp.Answer) {
	c.Helper()
	if at.Server.Registration == "" {
		c.NotApplicable("the authorization server offers no registration (registration_endpoint)")
	}
	id := ""
	c.removeLater("MCP client", name, func(ctx context.Context) error {
		if id == "" {
			return nil // it was refused
		}
		return suite.world.API.DeleteMCPClient(ctx, at.ResourceID(), id)
	})
	err := suite.create(func(ctx context.Context) (err error) {
		client, answer, err = at.Server.Register(ctx, suite.client, name, redirectURIs...)
		if client != nil {
			id = client.ID
		}
		return err
	})
	if err != nil {
		c.Trouble("the registration endpoint cannot be used: %v", err)
	}
	return client, answer
}

// Guest is somebody new with a browser and an assistant, at the app's MCP server.
func (c *check) Guest() *guest {
	c.Helper()
	at := c.Discover(suite.cfg.AppMCPURL)
	return &guest{c: c, at: at, client: c.SomeClient(at), user: c.NewUser(), v: c.Browser()}
}

// Ask sends an authorization request for scopes by the person's browser, which
// stops at the consent page or on its way back.
func (g *guest) Ask(scopes ...string) (*mcp.Request, *flows.Access) {
	g.c.Helper()
	request := g.at.NewRequest(g.client, scopes...)
	return request, g.v.AskForAccess(g.user, request.URL(&g.at.Server), g.client.Redirect())
}

// Code obtains a code for scopes; the person says yes if asked.
func (g *guest) Code(scopes ...string) (*mcp.Request, string) {
	g.c.Helper()
	request := g.at.NewRequest(g.client, scopes...)
	answer := g.v.CodeAt(request.URL(&g.at.Server), g.client.Redirect()) // asked and allowed before
	if answer == nil {
		if g.watched {
			answer = g.v.AskForAccess(g.user, request.URL(&g.at.Server), g.client.Redirect()).Allow()
		} else {
			answer = g.v.AllowAccess(g.user, request.URL(&g.at.Server), g.client.Redirect())
		}
	}
	if answer.Get("code") == "" {
		g.c.Fatalf("expected a code for the MCP client; saw error=%s %s", answer.Get("error"), answer.Get("error_description"))
	}
	require.Equal(g.c, request.Parameters.Get("state"), answer.Get("state"), "state in the authorization response")
	return request, answer.Get("code")
}

// Tokens obtains tokens for scopes.
func (g *guest) Tokens(scopes ...string) *scalekit.TokenAnswer {
	g.c.Helper()
	request, code := g.Code(scopes...)
	tokens := g.Redeem(request.Redemption(code))
	if tokens.AccessToken == "" {
		g.c.Fatalf("expected tokens for a fresh code at %s; saw HTTP %d %s: %s", g.at.Server.Token, tokens.Status, tokens.Error, tokens.ErrorDescription)
	}
	return tokens
}

// Redeem sends a token request to the server's authorization server.
func (g *guest) Redeem(form url.Values) *scalekit.TokenAnswer {
	g.c.Helper()
	tokens, err := suite.world.API.ExchangeAt(suite.ctx, g.at.Server.Token, form)
	if err != nil {
		g.c.Trouble("the token endpoint %s cannot be used: %v", g.at.Server.Token, err)
	}
	suite.learn(tokens.AccessToken, tokens.RefreshToken, tokens.IDToken)
	return tokens
}

// Elsewhere is the same person with a client for another MCP server.
func (g *guest) Elsewhere(server string) *guest {
	g.c.Helper()
	other := *g
	other.at = g.c.Discover(server)
	other.client = g.c.SomeClient(other.at)
	return &other
}

// WithNewClient is the same person with another client, which has registered.
func (g *guest) WithNewClient(name string) *guest {
	g.c.Helper()
	other := *g
	other.client = g.c.NewClient(g.at, name)
	return &other
}

// Connect opens a connection in a revision; nil where the server does not
// speak it.
func (c *check) Connect(revision, token string) *mcp.Connection {
	c.Helper()
	connection := c.connection(revision, token)
	first, err := connection.Open(suite.ctx)
	if err != nil {
		c.Trouble("the MCP server cannot be reached: %v", err)
	}
	if first.Status == http.StatusUnauthorized || first.Status == http.StatusForbidden {
		c.Fatalf("expected the MCP server to take a fresh token for it (%s); it answered %s", revision, first)
	}
	if !connection.Speaks(first) {
		return nil
	}
	return connection
}

func (c *check) connection(revision, token string) *mcp.Connection {
	return &mcp.Connection{HTTP: suite.client, URL: suite.cfg.AppMCPURL, Revision: revision, Token: token}
}

// Connections opens one connection for each current revision that the server
// speaks; there must be one.
func (c *check) Connections(token string) (all []*mcp.Connection) {
	c.Helper()
	for _, revision := range []string{mcp.Stateless, mcp.Sessions} {
		if connection := c.Connect(revision, token); connection != nil {
			all = append(all, connection)
		}
	}
	if len(all) == 0 {
		c.Fatalf("expected %s to speak MCP %s or %s; it speaks neither", suite.cfg.AppMCPURL, mcp.Stateless, mcp.Sessions)
	}
	return all
}

// Call calls the tool that a variable describes.
func (c *check) Call(connection *mcp.Connection, variable, text string) *mcp.Answer {
	c.Helper()
	call := mcp.ParseCall(suite.cfg.Value(variable))
	answer, err := connection.Call(suite.ctx, call.Tool, call.With(text))
	if err != nil {
		c.Trouble("the MCP server cannot be reached: %v", err)
	}
	return answer
}

// Write writes a text of its own with the write call and returns it.
func (c *check) Write(connection *mcp.Connection) string {
	c.Helper()
	text := "preflight-" + c.unique()
	if answer := c.Call(connection, "APP_MCP_WRITE_CALL", text); !answer.Good() {
		c.Fatalf("expected the tool of APP_MCP_WRITE_CALL to run (MCP %s); it answered %s", connection.Revision, answer)
	}
	return text
}

// Shows fails the case unless the read call shows a text.
func (c *check) Shows(connection *mcp.Connection, text string) {
	c.Helper()
	if answer := c.Call(connection, "APP_MCP_READ_CALL", ""); !answer.Good() || !strings.Contains(answer.Text(), text) {
		c.Fatalf("expected the tool of APP_MCP_READ_CALL to show %q (MCP %s); it answered %s", text, connection.Revision, answer)
	}
}

// Unauthorized fails the case unless an answer refuses the token, with
// nothing done.
func (c *check) Unauthorized(answer *mcp.Answer, what string) {
	c.Helper()
	if answer.Good() {
		c.Errorf("the MCP server answered %s; expected 401", what)
	} else if answer.Status != http.StatusUnauthorized && answer.Status != http.StatusForbidden && answer.Status != http.StatusBadRequest {
		c.Errorf("the MCP server answered %s with HTTP %d; expected 401", what, answer.Status)
	}
}

// callScopes are the scopes of both calls that variables describe.
func callScopes(more ...string) []string {
	scopes := []string{readScope(), mcp.ParseCall(suite.cfg.AppMCPWriteCall).Scope}
	slices.Sort(scopes)
	return append(slices.Compact(scopes), more...)
}

func readScope() string { return mcp.ParseCall(suite.cfg.AppMCPReadCall).Scope }

// keepDiscovery adds what a client found to the evidence.
func (c *check) keepDiscovery(d *mcp.Discovery) {
	c.results.Evidence(readiness.Evidence{Kind: "text", Title: "What a client finds", Text: strings.Join([]string{
		"server: " + d.URL, "its metadata: " + d.Resource.At, "resource: " + d.Resource.Resource,
		"authorization server: " + strings.Join(d.Resource.Servers, " "), "its metadata: " + d.Server.At,
		"authorization: " + d.Server.Authorization, "token: " + d.Server.Token, "registration: " + d.Server.Registration,
	}, "\n")})
}
