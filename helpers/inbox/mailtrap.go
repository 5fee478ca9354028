package inbox

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	mailtrapPage  = 30 // mails on a page of Mailtrap's lists
	mailtrapPages = 7  // looked through at most: as many mails as of any inbox
)

// mailtrap speaks the HTTP API of Mailtrap's sandbox (research/ecosystem.md C2).
type mailtrap struct {
	api
	path string // of this inbox's messages
}

// mailtrapItem is an entry of Mailtrap's lists.
type mailtrapItem struct {
	ID      json.Number `json:"id"`
	Subject string      `json:"subject"`
	To      string      `json:"to_email"` // several: with commas between
	Sent    time.Time   `json:"sent_at"`
	Created time.Time   `json:"created_at"`
	SMTP    struct {
		Data struct {
			From string `json:"mail_from_addr"`
		} `json:"data"`
	} `json:"smtp_information"`
}

func (i mailtrapItem) received() time.Time {
	if !i.Created.IsZero() {
		return i.Created
	}
	return i.Sent
}

func (i mailtrapItem) to() []string {
	var all []string
	for address := range strings.SplitSeq(i.To, ",") {
		if address = strings.Trim(strings.TrimSpace(address), "<>"); address != "" {
			all = append(all, address)
		}
	}
	return all
}

// pace: the vendor counts 150 requests in ten seconds for everybody who has the
// token.
func (m *mailtrap) pace() (first, last time.Duration) { return time.Second, 3 * time.Second }

func (m *mailtrap) list(ctx context.Context, to string) ([]entry, error) {
	var all []entry
	for page := 1; page <= mailtrapPages; page++ {
		found, err := m.entries(ctx, url.Values{"search": {to}, "page": {strconv.Itoa(page)}})
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
		if len(found) < mailtrapPage {
			break
		}
	}
	return all, nil
}

func (m *mailtrap) newest(ctx context.Context, limit int) ([]entry, error) {
	all, err := m.entries(ctx, nil)
	return all[:min(limit, len(all))], err
}

func (m *mailtrap) entries(ctx context.Context, query url.Values) ([]entry, error) {
	var items []mailtrapItem
	if err := m.get(ctx, m.path+"?"+query.Encode(), &items); err != nil {
		return nil, err
	}
	var all []entry
	for _, item := range items {
		all = append(all, entry{
			id: item.ID.String(), subject: item.Subject, received: item.received(), to: item.to(),
			read: func(ctx context.Context) (Message, error) { return m.read(ctx, item) },
		})
	}
	return all, nil
}

func (m *mailtrap) read(ctx context.Context, item mailtrapItem) (Message, error) {
	message, err := fromSource(ctx, m, item.ID.String(), item.received())
	if err != nil {
		return Message{}, err
	}
	message.EnvelopeTo = unique(append(item.to(), message.EnvelopeTo...))
	if from := strings.Trim(item.SMTP.Data.From, "<>"); from != "" {
		message.ReturnPath = from
	}
	return message, nil
}

func (m *mailtrap) raw(ctx context.Context, id string) ([]byte, error) {
	source, _, err := m.send(ctx, http.MethodGet, m.path+"/"+url.PathEscape(id)+"/body.raw", nil)
	return source, err
}

func (m *mailtrap) remove(ctx context.Context, ids []string) error {
	return each(ids, func(id string) error {
		_, _, err := m.send(ctx, http.MethodDelete, m.path+"/"+url.PathEscape(id), nil)
		return err
	})
}
