package mcp

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// The two current revisions of the protocol.
const (
	Stateless = "2026-07-28" // each request stands for itself
	Sessions  = "2025-11-25" // a session is begun first
)

// Connection is how a client talks to a server: in one revision of the
// protocol, with one token.
type Connection struct {
	HTTP     *http.Client
	URL      string
	Revision string
	Token    string // empty: none is sent
	// SessionID is that of a session that was begun; empty in Stateless, and
	// where a server has no sessions.
	SessionID string
	// Extra are header fields added to each request.
	Extra http.Header
}

// With returns the same connection with another token: what a thief of a
// session id has.
func (c *Connection) With(token string) *Connection {
	copied := *c
	copied.Token = token
	return &copied
}

// Send sends one JSON-RPC request and returns the answer, good or bad. Only a
// network failure is an error.
func (c *Connection) Send(ctx context.Context, method string, params map[string]any) (*Answer, error) {
	return c.post(ctx, method, map[string]any{"jsonrpc": "2.0", "id": 1, "method": method, "params": c.params(params)}, params)
}

// Batch sends a request inside a JSON array.
func (c *Connection) Batch(ctx context.Context, method string, params map[string]any) (*Answer, error) {
	return c.post(ctx, method, []any{map[string]any{"jsonrpc": "2.0", "id": 1, "method": method, "params": c.params(params)}}, params)
}

func (c *Connection) post(ctx context.Context, method string, message any, params map[string]any) (*Answer, error) {
	body, err := json.Marshal(message)
	if err != nil {
		return nil, err
	}
	header := c.header()
	if c.Revision == Stateless {
		header.Set("Mcp-Method", method)
		if name, ok := params["name"].(string); ok {
			header.Set("Mcp-Name", name)
		}
	}
	return send(ctx, c.HTTP, http.MethodPost, c.URL, body, header)
}

// params adds what each request says in a revision without sessions.
func (c *Connection) params(params map[string]any) map[string]any {
	all := map[string]any{}
	for name, value := range params {
		all[name] = value
	}
	if c.Revision == Stateless {
		all["_meta"] = map[string]any{
			"io.modelcontextprotocol/protocolVersion":    c.Revision,
			"io.modelcontextprotocol/clientInfo":         clientInfo(),
			"io.modelcontextprotocol/clientCapabilities": map[string]any{},
		}
	}
	return all
}

func clientInfo() map[string]any { return map[string]any{"name": "auth-preflight", "version": "1.0.0"} }

func (c *Connection) header() http.Header {
	header := http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json, text/event-stream"}}
	if c.Revision == Stateless || c.SessionID != "" {
		header.Set("Mcp-Protocol-Version", c.Revision)
	}
	if c.SessionID != "" {
		header.Set("Mcp-Session-Id", c.SessionID)
	}
	if c.Token != "" {
		header.Set("Authorization", "Bearer "+c.Token)
	}
	for name, values := range c.Extra {
		header[name] = values
	}
	return header
}

// Open begins: server/discover in a revision without sessions, else initialize
// and the notification that ends it. It returns the first answer; the session
// id, if there is one, is kept.
func (c *Connection) Open(ctx context.Context) (*Answer, error) {
	if c.Revision == Stateless {
		return c.Send(ctx, "server/discover", nil)
	}
	c.SessionID = ""
	first, err := c.Send(ctx, "initialize", map[string]any{"protocolVersion": c.Revision, "capabilities": map[string]any{}, "clientInfo": clientInfo()})
	if err != nil || !first.Good() {
		return first, err
	}
	c.SessionID = first.Header.Get("Mcp-Session-Id")
	_, err = c.post(ctx, "notifications/initialized", map[string]any{"jsonrpc": "2.0", "method": "notifications/initialized"}, nil)
	return first, err
}

// Speaks reports whether the answer of Open says that the server speaks the
// revision.
func (c *Connection) Speaks(first *Answer) bool {
	var result struct {
		Protocol  string   `json:"protocolVersion"`
		Supported []string `json:"supportedVersions"`
	}
	if !first.Good() || json.Unmarshal(first.result(), &result) != nil {
		return false
	}
	if c.Revision == Stateless {
		return strings.Contains(strings.Join(result.Supported, " "), c.Revision)
	}
	return result.Protocol == c.Revision
}

// Call calls a tool.
func (c *Connection) Call(ctx context.Context, tool string, arguments any) (*Answer, error) {
	return c.Send(ctx, "tools/call", map[string]any{"name": tool, "arguments": arguments})
}

// Stream asks for the session's stream of events (2025-11-25, transports) and
// returns the status of the answer; what comes on the stream is not waited for.
func (c *Connection) Stream(ctx context.Context) (status int, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL, nil)
	if err != nil {
		return 0, err
	}
	request.Header = c.header()
	request.Header.Set("Accept", "text/event-stream")
	request.Header.Del("Content-Type")
	response, err := c.HTTP.Do(request)
	if err != nil {
		return 0, fmt.Errorf("%s is not answered: %w", c.URL, err)
	}
	_ = response.Body.Close()
	return response.StatusCode, nil
}

// End ends the session.
func (c *Connection) End(ctx context.Context) (*Answer, error) {
	return send(ctx, c.HTTP, http.MethodDelete, c.URL, nil, c.header())
}

// rpc is a JSON-RPC answer.
type rpc struct {
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

// Good reports whether the answer is a result: HTTP 2xx, no JSON-RPC error, and
// no tool that says it has failed.
func (a *Answer) Good() bool {
	var r rpc
	if a.Status/100 != 2 || json.Unmarshal(a.Body, &r) != nil || r.Error != nil || len(r.Result) == 0 {
		return false
	}
	var tool struct {
		IsError bool `json:"isError"`
	}
	return json.Unmarshal(r.Result, &tool) != nil || !tool.IsError
}

func (a *Answer) result() json.RawMessage {
	var r rpc
	_ = json.Unmarshal(a.Body, &r) // no result in what is no answer
	return r.Result
}

// Text is the text of a tool's result.
func (a *Answer) Text() string {
	var result struct {
		Content []struct {
			Text string `json:"text"`
		} `json:"content"`
	}
	_ = json.Unmarshal(a.result(), &result) // no text in what is no result
	var all []string
	for _, part := range result.Content {
		all = append(all, part.Text)
	}
	return strings.Join(all, "\n")
}

// String says what an answer is, for people.
func (a *Answer) String() string {
	text := strings.Join(strings.Fields(string(a.Body)), " ")
	if len(text) > 200 {
		text = text[:200] + "…"
	}
	return fmt.Sprintf("HTTP %d %s", a.Status, text)
}

// firstAnswer reads a stream of events (HTML, 9.2) up to the first JSON-RPC
// answer, and returns that.
func firstAnswer(stream io.Reader) ([]byte, error) {
	lines := bufio.NewScanner(io.LimitReader(stream, maxBody))
	lines.Buffer(nil, maxBody)
	var data []string
	for lines.Scan() {
		line := lines.Text()
		if value, ok := strings.CutPrefix(line, "data:"); ok {
			data = append(data, strings.TrimPrefix(value, " "))
			continue
		}
		if line != "" || len(data) == 0 {
			continue
		}
		text := strings.Join(data, "\n")
		data = nil
		var r rpc
		if json.Unmarshal([]byte(text), &r) == nil && (r.Error != nil || len(r.Result) > 0) {
			return []byte(text), nil
		}
	}
	return []byte(strings.Join(data, "\n")), lines.Err()
}
