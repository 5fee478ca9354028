package inbox

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// maildev speaks the HTTP API of MailDev 3, and of 2, which has it without
// /api (research/ecosystem.md C2).
type maildev struct {
	api
	mu     sync.Mutex
	prefix *string // nil: not known yet
}

// maildevItem is an entry of MailDev's lists.
type maildevItem struct {
	ID       string
	Time     time.Time
	Subject  string
	To       []maildevPerson
	Cc       []maildevPerson
	Envelope struct {
		From maildevSender
		To   []maildevPerson
	}
}

type maildevPerson struct{ Address string }

func (p maildevPerson) address() string { return p.Address }

// maildevSender is false where the envelope has none.
type maildevSender string

func (s *maildevSender) UnmarshalJSON(text []byte) error {
	var person maildevPerson
	if !bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) {
		return nil
	}
	if err := json.Unmarshal(text, &person); err != nil {
		return err
	}
	*s = maildevSender(person.Address)
	return nil
}

func (m *maildev) pace() (first, last time.Duration) { return quick() }

// at puts what comes before every path of this version's API in front.
func (m *maildev) at(ctx context.Context, path string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.prefix == nil {
		prefix := "/api"
		_, _, err := m.send(ctx, http.MethodGet, "/api/healthz", nil)
		if isGone(err) {
			prefix = ""
		} else if err != nil {
			return "", err
		}
		m.prefix = &prefix
	}
	return *m.prefix + path, nil
}

// list: the filter of MailDev 2 compares letter by letter, and both have domains
// in letters that SMTP had in ASCII.
func (m *maildev) list(ctx context.Context, to string) ([]entry, error) {
	return m.entries(ctx, "/email?"+url.Values{"envelope.to.address": {inLetters(strings.ToLower(to))}}.Encode())
}

// newest: MailDev 2 knows neither order nor limit, and takes them for filters.
func (m *maildev) newest(ctx context.Context, limit int) ([]entry, error) {
	path, err := m.at(ctx, "/email")
	if err != nil {
		return nil, err
	}
	query := ""
	if strings.HasPrefix(path, "/api/") {
		query = "?sort=desc&limit=" + strconv.Itoa(limit)
	}
	all, err := m.entries(ctx, "/email"+query)
	return all[max(0, len(all)-limit):], err
}

func (m *maildev) entries(ctx context.Context, path string) ([]entry, error) {
	path, err := m.at(ctx, path)
	if err != nil {
		return nil, err
	}
	var items []maildevItem
	if err := m.get(ctx, path, &items); err != nil {
		return nil, err
	}
	var all []entry
	for _, item := range items {
		all = append(all, entry{
			id: item.ID, subject: item.Subject, received: item.Time,
			to:   unique(addresses(slices.Concat(item.Envelope.To, item.To, item.Cc))),
			read: func(ctx context.Context) (Message, error) { return m.read(ctx, item) },
		})
	}
	return all, nil
}

// read takes the source: to ask for the mail itself would mark it as read.
func (m *maildev) read(ctx context.Context, item maildevItem) (Message, error) {
	message, err := fromSource(ctx, m, item.ID, item.Time)
	if err != nil {
		return Message{}, err
	}
	message.ReturnPath = string(item.Envelope.From)
	message.EnvelopeTo = addresses(item.Envelope.To)
	return message, nil
}

func (m *maildev) raw(ctx context.Context, id string) ([]byte, error) {
	path, err := m.at(ctx, "/email/"+url.PathEscape(id)+"/source")
	if err != nil {
		return nil, err
	}
	source, _, err := m.send(ctx, http.MethodGet, path, nil)
	return source, err
}

func (m *maildev) remove(ctx context.Context, ids []string) error {
	return each(ids, func(id string) error {
		if id == "all" { // a path of MailDev's, and no id
			return nil
		}
		path, err := m.at(ctx, "/email/"+url.PathEscape(id))
		if err != nil {
			return err
		}
		_, _, err = m.send(ctx, http.MethodDelete, path, nil)
		if err == nil {
			return nil
		}
		if _, gone := m.raw(ctx, id); isGone(gone) {
			return nil // MailDev 2 calls that a fault of its own
		}
		return err
	})
}
