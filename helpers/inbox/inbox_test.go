package inbox_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/inbox"
)

// catcher is as much of Mailpit as the adapter uses.
type catcher struct {
	mu      sync.Mutex
	mails   []mail
	deleted []string
	auth    string // user:password, where asked for
	status  int    // answers everything with this, if set
	body    string
	asked   func(n int) // called with each request, by number
	n       int
}

type mail struct{ id, to, subject, text, html string }

func (c *catcher) deliver(m mail) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mails = append(c.mails, m)
}

func (c *catcher) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n++; c.asked != nil {
		c.asked(c.n)
	}
	if user, password, _ := r.BasicAuth(); c.auth != "" && user+":"+password != c.auth {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if c.status != 0 {
		w.WriteHeader(c.status)
		return
	}
	if c.body != "" {
		_, _ = w.Write([]byte(c.body))
		return
	}
	path := strings.TrimPrefix(r.URL.Path, "/api/v1/")
	switch {
	case r.Method == http.MethodDelete && path == "messages":
		var body struct{ IDs []string }
		_ = json.NewDecoder(r.Body).Decode(&body)
		c.deleted = append(c.deleted, body.IDs...)
	case path == "search", path == "messages":
		wanted := strings.Trim(strings.TrimPrefix(r.URL.Query().Get("query"), "addressed:"), `"`)
		list := []any{}
		for i := range c.mails {
			// Newest first, and "contains", as Mailpit does.
			m, age := c.mails[len(c.mails)-1-i], time.Duration(i)*time.Second
			if strings.Contains(m.to, strings.ToLower(wanted)) {
				list = append(list, map[string]any{
					"ID": m.id, "Subject": m.subject, "Created": time.Now().Add(-age),
					"From": map[string]string{"Address": "no-reply@auth.test"}, "To": []any{map[string]string{"Address": m.to}},
				})
			}
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"messages": list})
	default:
		id, part, _ := strings.Cut(strings.TrimPrefix(path, "message/"), "/")
		for _, m := range c.mails {
			switch {
			case m.id != id:
			case part == "headers":
				_ = json.NewEncoder(w).Encode(map[string][]string{"Subject": {m.subject}})
			case part == "raw":
				_, _ = w.Write([]byte("Subject: " + m.subject + "\r\n\r\n" + m.text))
			default:
				_ = json.NewEncoder(w).Encode(map[string]any{"ID": m.id, "MessageID": m.id + "@auth.test", "Text": m.text, "HTML": m.html})
			}
		}
	}
}

func open(t *testing.T, c *catcher) inbox.Inbox {
	t.Helper()
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	box, err := inbox.Open(inbox.Settings{URL: "mailpit+" + strings.Replace(server.URL, "://", "://u:p%40ss@", 1) + "/", Address: "{id}@inbox.test", Client: server.Client()})
	require.NoError(t, err)
	return box
}

func soon(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func TestWaitReturnsTheFirstNewMailToTheWholeAddress(t *testing.T) {
	t.Parallel()
	c := &catcher{auth: "u:p@ss"}
	box := open(t, c)
	to := box.Address("ada")
	require.Equal(t, "ada@inbox.test", to)
	c.deliver(mail{id: "old", to: to, subject: "old", text: "code 111111"})
	mark, err := box.Mark(t.Context(), to)
	require.NoError(t, err)
	c.deliver(mail{id: "near", to: "x" + to, subject: "an address that contains this one", text: "code 222222"})
	go func() {
		c.deliver(mail{id: "news", to: to, subject: "news"})
		c.deliver(mail{id: "code", to: to, subject: "Sign in", text: "code 333333"})
		c.deliver(mail{id: "later", to: to, subject: "Sign in again", text: "code 444444"})
	}()

	m, err := box.Wait(soon(t, 20*time.Second), inbox.Match{To: to, Since: mark, Wanted: hasCode})
	require.NoError(t, err)
	assert.Equal(t, "code", m.ID)
}

func hasCode(m inbox.Message) bool { return len(m.Codes) > 0 }

func TestWaitSaysWhatDidArrive(t *testing.T) {
	t.Parallel()
	c := &catcher{}
	box := open(t, c)
	c.deliver(mail{id: "1", to: "ada@inbox.test", subject: "Welcome"})
	c.deliver(mail{id: "2", to: "grace-hopper@inbox.test", subject: "Your code is 987654"})

	ctx, cancel := context.WithCancel(enough(t))
	_, err := box.Wait(ctx, inbox.Match{To: "ada@inbox.test", Wanted: func(m inbox.Message) bool {
		cancel()
		return hasCode(m)
	}})
	require.ErrorContains(t, err, `to that address came only "Welcome"`)
	assert.Contains(t, err.Error(), `"Your code is …" to gr…r@inbox.test`)
	assert.NotContains(t, err.Error(), "987654")
}

func TestWaitSaysThatTheInboxIsEmpty(t *testing.T) {
	t.Parallel()
	box := open(t, &catcher{})
	_, err := box.Wait(soon(t, 20*time.Millisecond), inbox.Match{To: "ada@inbox.test"})
	assert.ErrorContains(t, err, "the inbox is empty")
}

func TestTroubleOfTheInboxIsNamed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		box  *catcher
		want string
	}{
		{"password", &catcher{auth: "u:other"}, "PREFLIGHT_INBOX_URL needs the user"},
		{"not Mailpit", &catcher{body: "<html>"}, "not Mailpit's JSON"},
		{"broken", &catcher{status: http.StatusBadGateway}, "HTTP 502"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(enough(t))
			tt.box.asked = func(n int) {
				if n == 3 { // it is asked again where that may help
					cancel()
				}
			}
			box := open(t, tt.box)
			_, err := box.Wait(ctx, inbox.Match{To: "ada@inbox.test"})
			require.ErrorContains(t, err, tt.want)
			assert.NotContains(t, err.Error(), "p@ss")
			assert.NotContains(t, err.Error(), "p%40ss")
		})
	}
}

func TestNoIDsDeleteNothing(t *testing.T) {
	t.Parallel()
	c := &catcher{}
	box := open(t, c)
	// The fake, as Mailpit, would take an empty list for all of them.
	c.status = http.StatusTeapot
	require.NoError(t, box.Delete(t.Context()))
	require.NoError(t, box.Delete(t.Context(), ""))
	c.status = 0
	require.NoError(t, box.Delete(t.Context(), "1", "2"))
	assert.Equal(t, []string{"1", "2"}, c.deleted)
}

func TestMessage(t *testing.T) {
	t.Parallel()
	c := &catcher{}
	box := open(t, c)
	c.deliver(mail{
		id: "1", to: "ada@inbox.test", subject: "Sign in",
		text: "Open https://auth.test/a?x=1&y=2. Or https://auth.test/other",
		html: `<style>.a{color:#123456}</style><p>Open <a href="https://auth.test/a?x=1&amp;y=2">this
			link</a> https://auth.test/777777 <a href="mailto:x@y.test">us</a></p>
			<table><tr><td>654321</td><td>7</td></tr></table><b>111</b><b>222</b> order 1234567`,
	})
	all, err := box.All(t.Context(), "Ada@inbox.test")
	require.NoError(t, err)
	require.Len(t, all, 1)
	m := all[0]
	assert.Equal(t, "1@auth.test", m.MessageID)
	assert.Equal(t, "no-reply@auth.test", m.From)
	assert.Equal(t, []string{"ada@inbox.test"}, m.To)
	assert.Equal(t, []string{"https://auth.test/a?x=1&y=2", "https://auth.test/other"}, m.Links)
	assert.Equal(t, []string{"654321", "111222"}, m.Codes)
	assert.Equal(t, []string{"Sign in"}, m.Header["Subject"])
	raw, err := box.Raw(t.Context(), "1")
	require.NoError(t, err)
	assert.Contains(t, string(raw), "Subject: Sign in")
}
