package inbox

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// mailpit speaks Mailpit's HTTP API (research/ecosystem.md C2).
type mailpit struct{ api }

// mailpitSummary is an entry of Mailpit's lists.
type mailpitSummary struct {
	ID      string
	From    mailpitPerson
	To      []mailpitPerson
	Cc      []mailpitPerson
	Bcc     []mailpitPerson
	Subject string
	Created time.Time
}

type mailpitPerson struct{ Name, Address string }

func (p mailpitPerson) address() string { return p.Address }

func (m *mailpit) pace() (first, last time.Duration) { return quick() }

// list: addressed: finds hidden recipients (Bcc) too.
func (m *mailpit) list(ctx context.Context, to string) ([]entry, error) {
	query := url.Values{"query": {`addressed:"` + strings.ReplaceAll(to, `"`, "") + `"`}, "limit": {pageLimit}}
	return m.entries(ctx, "/api/v1/search?"+query.Encode())
}

func (m *mailpit) newest(ctx context.Context, limit int) ([]entry, error) {
	return m.entries(ctx, "/api/v1/messages?limit="+strconv.Itoa(limit))
}

func (m *mailpit) entries(ctx context.Context, path string) ([]entry, error) {
	var list struct {
		Messages []mailpitSummary `json:"messages"`
	}
	if err := m.get(ctx, path, &list); err != nil {
		return nil, err
	}
	var all []entry
	for _, s := range list.Messages {
		all = append(all, entry{
			id: s.ID, subject: s.Subject, received: s.Created,
			to:   addresses(slices.Concat(s.To, s.Cc, s.Bcc)),
			read: func(ctx context.Context) (Message, error) { return m.read(ctx, s) },
		})
	}
	return all, nil
}

// read fetches one mail in full.
func (m *mailpit) read(ctx context.Context, s mailpitSummary) (Message, error) {
	var full struct {
		MessageID  string
		ReturnPath string
		Text, HTML string
	}
	path := "/api/v1/message/" + url.PathEscape(s.ID)
	if err := m.get(ctx, path, &full); err != nil {
		return Message{}, err
	}
	message := Message{
		ID: s.ID, MessageID: full.MessageID, From: s.From.Address, To: addresses(s.To),
		ReturnPath: strings.Trim(full.ReturnPath, "<>"),
		EnvelopeTo: addresses(slices.Concat(s.To, s.Cc, s.Bcc)),
		Subject:    s.Subject, Received: s.Created, Text: full.Text, HTML: full.HTML,
	}
	if err := m.get(ctx, path+"/headers", &message.Header); err != nil {
		return Message{}, err
	}
	message.Links, message.Codes = extract(full.HTML, full.Text)
	return message, nil
}

func (m *mailpit) raw(ctx context.Context, id string) ([]byte, error) {
	source, _, err := m.send(ctx, http.MethodGet, "/api/v1/message/"+url.PathEscape(id)+"/raw", nil)
	return source, err
}

func (m *mailpit) remove(ctx context.Context, ids []string) error {
	body, err := json.Marshal(map[string][]string{"IDs": ids})
	if err != nil {
		return err
	}
	_, _, err = m.send(ctx, http.MethodDelete, "/api/v1/messages", body)
	return err
}
