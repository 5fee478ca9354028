package inbox_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/config"
	"github.com/auth-preflight/auth-preflight/helpers/inbox"
)

const (
	sender   = "no-reply@auth.test"
	envelope = "bounce@auth.test"
	password = "hush&hush 7"
)

// letter is a mail on its way. to is the envelope's recipient.
type letter struct {
	to, subject, text, html, messageID string
	date                               time.Time
}

// written numbers the letters: those of a second cannot be put in order by
// their dates.
var written atomic.Int64

func write(to, subject, text, messageID string) letter {
	return letter{
		to: to, subject: subject, text: text, messageID: messageID,
		date: time.Now().Add(time.Duration(written.Add(1)) * time.Second),
	}
}

// source is the letter as it goes over SMTP.
func (l letter) source() string {
	var b strings.Builder
	fmt.Fprintf(&b, "From: \"The app\" <%s>\r\nTo: %s\r\nSubject: %s\r\nMessage-ID: <%s>\r\nDate: %s\r\nMIME-Version: 1.0\r\n", sender, l.to, l.subject, l.messageID, l.date.Format(time.RFC1123Z))
	if l.html == "" {
		fmt.Fprintf(&b, "Content-Type: text/plain; charset=utf-8\r\n\r\n%s\r\n", l.text)
		return b.String()
	}
	b.WriteString("Content-Type: multipart/alternative; boundary=b\r\n\r\n")
	fmt.Fprintf(&b, "--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n%s\r\n", l.text)
	fmt.Fprintf(&b, "--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n%s\r\n--b--\r\n", l.html)
	return b.String()
}

// rig is an inbox of one kind to try the contract on.
type rig struct {
	url     string // PREFLIGHT_INBOX_URL
	client  *http.Client
	deliver func(*testing.T, letter)
}

func (r rig) open(t *testing.T, password string) inbox.Inbox {
	t.Helper()
	client := r.client
	if client == nil {
		client = http.DefaultClient
	}
	box, err := inbox.Open(inbox.Settings{URL: r.url, Address: "{id}@inbox.test", Password: password, Client: client})
	require.NoError(t, err)
	return box
}

// enough is how long anything may take that must succeed.
func enough(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func TestEveryInboxKeepsTheContract(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(*testing.T) rig{
		"Mailpit (fake)":   fakeMailpit,
		"MailHog (fake)":   fakeMailHog,
		"MailDev 2 (fake)": fakeMailDev,
		"MailDev":          realMailDev,
		"Mailosaur (fake)": fakeMailosaur,
		"Mailtrap (fake)":  fakeMailtrap,
		"IMAP (memory)":    memoryIMAP,
		"IMAP (Dovecot)":   dovecot,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			contract(t, start(t))
		})
	}
}

// contract is what every inbox does alike. The cases have addresses of their
// own and share one inbox, as those of a run do.
func contract(t *testing.T, r rig) {
	box := r.open(t, password)

	t.Run("waits for the first new mail to the whole address", func(t *testing.T) {
		ctx := enough(t)
		to := box.Address("ada")
		r.deliver(t, write(to, "old", "code 111111", "old@auth.test"))
		mark, err := box.Mark(ctx, strings.ToUpper(to[:1])+to[1:])
		require.NoError(t, err)
		r.deliver(t, write("x"+to, "an address that contains this one", "code 222222", "near@auth.test"))
		r.deliver(t, write(to, "news", "nothing", "news@auth.test"))
		late := make(chan struct{})
		go func() {
			defer close(late)
			r.deliver(t, write(to, "Sign in", "code 333333", "code@auth.test"))
		}()
		m, err := box.Wait(ctx, inbox.Match{To: to, Since: mark, Wanted: hasCode})
		<-late
		require.NoError(t, err)
		assert.Equal(t, "code@auth.test", m.MessageID)
	})

	t.Run("reads a mail in full", func(t *testing.T) {
		ctx := enough(t)
		to := box.Address("grace")
		sent := write(to, "=?utf-8?q?Anmelden_bei_M=C3=BCller?=", "Open https://auth.test/a?x=1&y=2", "full@auth.test")
		sent.html = `<p>Open <a href="https://auth.test/a?x=1&amp;y=2">this link</a> or type <b>654321</b></p>`
		r.deliver(t, sent)
		m, err := box.Wait(ctx, inbox.Match{To: to})
		require.NoError(t, err)
		assert.Equal(t, "full@auth.test", m.MessageID)
		assert.Equal(t, "Anmelden bei Müller", m.Subject)
		assert.Equal(t, sender, m.From)
		assert.Equal(t, []string{to}, m.To)
		assert.Equal(t, []string{to}, m.EnvelopeTo)
		assert.Equal(t, envelope, m.ReturnPath)
		assert.Equal(t, []string{"https://auth.test/a?x=1&y=2"}, m.Links)
		assert.Equal(t, []string{"654321"}, m.Codes)
		assert.Equal(t, sent.text, strings.TrimSpace(m.Text))
		assert.Equal(t, sent.html, strings.TrimSpace(m.HTML))
		assert.Equal(t, []string{"<full@auth.test>"}, m.Header["Message-Id"])
		assert.False(t, m.Received.IsZero())
		assert.False(t, m.Junk())

		raw, err := box.Raw(ctx, m.ID)
		require.NoError(t, err)
		assert.Contains(t, lines(string(raw)), lines(sent.source()), "the source, byte for byte but for what a server puts in front")
	})

	t.Run("lists what came to an address, the oldest first", func(t *testing.T) {
		ctx := enough(t)
		to := box.Address("mary")
		for _, id := range []string{"1", "2", "3"} {
			r.deliver(t, write(to, "mail "+id, "hello", id+"@mary.test"))
		}
		all, err := box.All(ctx, to)
		require.NoError(t, err)
		var got []string
		for _, m := range all {
			got = append(got, m.MessageID)
		}
		assert.Equal(t, []string{"1@mary.test", "2@mary.test", "3@mary.test"}, got)

		const foreign = "mary@xn--mnchen-3ya.test" // some servers write münchen.test
		r.deliver(t, write(foreign, "abroad", "hello", "4@mary.test"))
		abroad, err := box.All(ctx, foreign)
		require.NoError(t, err)
		assert.Len(t, abroad, 1, "mails to a domain with letters beyond ASCII")

		none, err := box.All(ctx, box.Address("nobody"))
		require.NoError(t, err)
		assert.Empty(t, none)
	})

	t.Run("deletes what it was asked for, and nothing else", func(t *testing.T) {
		ctx := enough(t)
		mine, others := box.Address("joan"), box.Address("others")
		for _, id := range []string{"a", "b"} {
			r.deliver(t, write(mine, id, "hello", id+"@joan.test"))
		}
		r.deliver(t, write(others, "somebody else's", "hello", "c@others.test"))
		all, err := box.All(ctx, mine)
		require.NoError(t, err)
		require.Len(t, all, 2)
		before := count(t, box)

		require.NoError(t, box.Delete(ctx), "no ids")
		require.NoError(t, box.Delete(ctx, ""), "an empty id")
		assert.Equal(t, before, count(t, box))

		require.NoError(t, box.Delete(ctx, all[0].ID))
		require.NoError(t, box.Delete(ctx, all[0].ID), "one that is gone already")
		left, err := box.All(ctx, mine)
		require.NoError(t, err)
		require.Len(t, left, 1)
		assert.Equal(t, "b@joan.test", left[0].MessageID)
		_, err = box.Raw(ctx, all[0].ID)
		assert.Error(t, err, "the source of a mail that is gone")
		assert.Equal(t, before-1, count(t, box))
	})

	t.Run("says what did arrive", func(t *testing.T) {
		ctx := enough(t)
		to := box.Address("hedy")
		r.deliver(t, write(to, "Welcome", "hello", "w@hedy.test"))
		r.deliver(t, write(box.Address("grace-hopper"), "Your code is 987654", "hello", "g@hedy.test"))
		asked := make(chan struct{})
		ctx, cancel := context.WithCancel(ctx)
		var once sync.Once
		go func() { // ends the wait when it has seen the mail
			<-asked
			cancel()
		}()
		_, err := box.Wait(ctx, inbox.Match{To: to, Wanted: func(inbox.Message) bool {
			once.Do(func() { close(asked) })
			return false
		}})
		require.ErrorIs(t, err, context.Canceled)
		assert.Contains(t, err.Error(), `to that address came only "Welcome"`)
		assert.Contains(t, err.Error(), `"Your code is …" to gr…r@inbox.test`)
		assert.NotContains(t, err.Error(), "987654")
	})

	t.Run("names the variable when the password is wrong", func(t *testing.T) {
		_, err := r.open(t, "wrong-"+password).Wait(enough(t), inbox.Match{To: box.Address("ada")})
		require.ErrorContains(t, err, "PREFLIGHT_INBOX_PASSWORD")
		assert.NotContains(t, err.Error(), password)
		assert.NotContains(t, err.Error(), "\n")
	})
}

// count is how many mails the addresses of the contract have in all.
func count(t *testing.T, box inbox.Inbox) (n int) {
	t.Helper()
	for _, tag := range []string{"ada", "xada", "grace", "mary", "joan", "others"} {
		all, err := box.All(enough(t), box.Address(tag))
		require.NoError(t, err)
		n += len(all)
	}
	return n
}

// lines lets servers store either kind of line end.
func lines(text string) string { return strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n")) }

func TestMailosaurAndGmailHaveAddressesByThemselves(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ url, set, want string }{
		{"mailosaur://abcd1234", "", "{id}@abcd1234.mailosaur.net"},
		{"mailosaur://abcd1234", "{id}@mail.acme.test", "{id}@mail.acme.test"},
		{"imaps://qa%40acme.test@imap.gmail.com", "", "qa+{id}@acme.test"},
		{"imaps://qa%40acme.test@imap.acme.test", "", ""},
		{"mailpit+https://mail.acme.test", "", ""},
		{"", "", ""},
	} {
		c, err := config.FromMap(map[string]string{
			"SCALEKIT_ENVIRONMENT_URL": "https://auth.test", "SCALEKIT_CLIENT_ID": "skc_1", "SCALEKIT_CLIENT_SECRET": "test_s", "APP_URL": "https://app.test",
			"PREFLIGHT_INBOX_URL": tt.url, "PREFLIGHT_INBOX_ADDRESS": tt.set,
		})
		require.NoError(t, err)
		assert.Equal(t, tt.want, c.InboxAddress, tt.url)
		assert.Equal(t, tt.want == "", len(c.Missing("PREFLIGHT_INBOX_ADDRESS")) == 1, tt.url)
	}
}

func TestThePasswordOfTheInboxIsASecret(t *testing.T) {
	t.Parallel()
	c, err := config.FromMap(map[string]string{
		"SCALEKIT_ENVIRONMENT_URL": "https://auth.test", "SCALEKIT_CLIENT_ID": "skc_1", "SCALEKIT_CLIENT_SECRET": "test_s", "APP_URL": "https://app.test",
		"PREFLIGHT_INBOX_URL": "imaps://qa%40acme.test@imap.acme.test", "PREFLIGHT_INBOX_ADDRESS": "qa+{id}@acme.test", "PREFLIGHT_INBOX_PASSWORD": password,
	})
	require.NoError(t, err)
	assert.Contains(t, c.Secrets(), password)
	box, err := c.OpenInbox(c.Client())
	require.NoError(t, err)
	assert.NotContains(t, box.String(), password)
}

// serve starts a fake; basic auth is asked for if there is a user.
func serve(t *testing.T, kind string, handler http.Handler) rig {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return rig{url: kind + "+" + server.URL, client: server.Client()}
}
