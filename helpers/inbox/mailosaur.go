package inbox

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/auth-preflight/auth-preflight/helpers/pace"
)

// mailosaur speaks Mailosaur's HTTP API (research/ecosystem.md C2).
type mailosaur struct {
	api
	server string

	mu    sync.Mutex
	delay time.Duration // that the vendor last asked for between two looks
}

// mailosaurItem is a mail, in lists without its metadata.
type mailosaurItem struct {
	ID       string            `json:"id"`
	Subject  string            `json:"subject"`
	Received time.Time         `json:"received"`
	To       []mailosaurPerson `json:"to"`
	Cc       []mailosaurPerson `json:"cc"`
	Bcc      []mailosaurPerson `json:"bcc"`
	Metadata struct {
		MailFrom string            `json:"mailFrom"`
		RcptTo   []mailosaurPerson `json:"rcptTo"`
	} `json:"metadata"`
}

type mailosaurPerson struct {
	Email string `json:"email"`
}

func (p mailosaurPerson) address() string { return p.Email }

func (m *mailosaur) String() string { return m.api.String() + ", server " + m.server }

// pace: the vendor says in each answer how long it likes the pauses.
func (m *mailosaur) pace() (first, last time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	first = min(max(m.delay, time.Second), pace.Most)
	return first, max(first, 5*time.Second)
}

// asked remembers X-Ms-Delay: milliseconds, for the first look and those after.
func (m *mailosaur) asked(header http.Header) {
	text, _, _ := strings.Cut(header.Get("X-Ms-Delay"), ",")
	if ms, err := strconv.Atoi(strings.TrimSpace(text)); err == nil && ms > 0 {
		m.mu.Lock()
		m.delay = time.Duration(ms) * time.Millisecond
		m.mu.Unlock()
	}
}

func (m *mailosaur) list(ctx context.Context, to string) ([]entry, error) {
	query := url.Values{"server": {m.server}, "itemsPerPage": {pageLimit}}
	return m.entries(ctx, http.MethodPost, "/api/messages/search?"+query.Encode(), map[string]string{"sentTo": to, "match": "ALL"})
}

func (m *mailosaur) newest(ctx context.Context, limit int) ([]entry, error) {
	query := url.Values{"server": {m.server}, "itemsPerPage": {strconv.Itoa(limit)}}
	return m.entries(ctx, http.MethodGet, "/api/messages?"+query.Encode(), nil)
}

func (m *mailosaur) entries(ctx context.Context, method, path string, criteria any) ([]entry, error) {
	var list struct {
		Items []mailosaurItem `json:"items"`
	}
	header, err := m.json(ctx, method, path, criteria, &list)
	if err != nil {
		return nil, err
	}
	m.asked(header)
	var all []entry
	for _, item := range list.Items {
		all = append(all, entry{
			id: item.ID, subject: item.Subject, received: item.Received,
			to:   addresses(slices.Concat(item.To, item.Cc, item.Bcc)),
			read: func(ctx context.Context) (Message, error) { return m.read(ctx, item.ID) },
		})
	}
	return all, nil
}

func (m *mailosaur) read(ctx context.Context, id string) (Message, error) {
	var item mailosaurItem
	if err := m.get(ctx, "/api/messages/"+url.PathEscape(id), &item); err != nil {
		return Message{}, err
	}
	message, err := fromSource(ctx, m, id, item.Received)
	if err != nil {
		return Message{}, err
	}
	if from := strings.Trim(item.Metadata.MailFrom, "<>"); from != "" {
		message.ReturnPath = from
	}
	if to := addresses(item.Metadata.RcptTo); len(to) > 0 {
		message.EnvelopeTo = to
	}
	return message, nil
}

func (m *mailosaur) raw(ctx context.Context, id string) ([]byte, error) {
	source, _, err := m.send(ctx, http.MethodGet, "/api/files/email/"+url.PathEscape(id), nil)
	return source, err
}

func (m *mailosaur) remove(ctx context.Context, ids []string) error {
	return each(ids, func(id string) error {
		_, _, err := m.send(ctx, http.MethodDelete, "/api/messages/"+url.PathEscape(id), nil)
		return err
	})
}
