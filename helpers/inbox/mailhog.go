package inbox

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// mailhog speaks MailHog's HTTP API: the lists of version 2, single mails of
// version 1 (research/ecosystem.md C2; MailHog-Server, api/v1.go and v2.go).
type mailhog struct{ api }

// mailhogItem is a mail. Raw is what came over SMTP; the parsed rest is left
// alone, but for the header's recipients.
type mailhogItem struct {
	ID      string
	Created time.Time
	Raw     *struct {
		From string
		To   []string
		Data string
	}
}

func (m *mailhog) pace() (first, last time.Duration) { return quick() }

func (m *mailhog) list(ctx context.Context, to string) ([]entry, error) {
	query := url.Values{"kind": {"to"}, "query": {to}, "limit": {pageLimit}}
	return m.entries(ctx, "/api/v2/search?"+query.Encode())
}

func (m *mailhog) newest(ctx context.Context, limit int) ([]entry, error) {
	return m.entries(ctx, "/api/v2/messages?limit="+strconv.Itoa(limit))
}

func (m *mailhog) entries(ctx context.Context, path string) ([]entry, error) {
	var list struct {
		Items []mailhogItem `json:"items"`
	}
	if err := m.get(ctx, path, &list); err != nil {
		return nil, err
	}
	var all []entry
	for _, item := range list.Items {
		if item.Raw == nil {
			continue
		}
		message, err := read([]byte(item.Raw.Data))
		if err != nil {
			message = Message{Text: item.Raw.Data} // a mail nobody can read is still one
		}
		message.ID, message.Received = item.ID, item.Created
		message.EnvelopeTo = trimmed(item.Raw.To)
		message.ReturnPath = strings.Trim(item.Raw.From, "<>")
		all = append(all, entry{
			id: item.ID, subject: message.Subject, received: item.Created,
			to:   unique(slices.Concat(message.EnvelopeTo, message.To)),
			read: func(context.Context) (Message, error) { return message, nil },
		})
	}
	return all, nil
}

func trimmed(addresses []string) []string {
	var all []string
	for _, address := range addresses {
		all = append(all, strings.Trim(address, "<>"))
	}
	return all
}

// raw: MailHog's own download has the header in a random order, which would
// break signatures.
func (m *mailhog) raw(ctx context.Context, id string) ([]byte, error) {
	path := "/api/v1/messages/" + url.PathEscape(id)
	var item *mailhogItem // null: not there
	if err := m.get(ctx, path, &item); err != nil {
		return nil, err
	}
	if item == nil || item.Raw == nil || item.ID != id {
		return nil, &goneError{answerError{fmt.Sprintf("the inbox has no mail any more at %s%s", m.base, path)}}
	}
	return []byte(item.Raw.Data), nil
}

// remove looks before it deletes: MailHog's memory deletes another mail where
// the one with this id is gone.
func (m *mailhog) remove(ctx context.Context, ids []string) error {
	return each(ids, func(id string) error {
		if _, err := m.raw(ctx, id); err != nil {
			return err
		}
		_, _, err := m.send(ctx, http.MethodDelete, "/api/v1/messages/"+url.PathEscape(id), nil)
		return err
	})
}
