package inbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	maxBody   = 16 << 20
	pageLimit = "200"
)

// mailpit speaks Mailpit's HTTP API (research/ecosystem.md C2).
type mailpit struct {
	base    string // without user and trailing slash
	user    *url.Userinfo
	address string
	client  *http.Client
}

// summary is an entry of Mailpit's lists.
type summary struct {
	ID      string
	From    person
	To      []person
	Cc      []person
	Bcc     []person
	Subject string
	Created time.Time
}

type person struct{ Name, Address string }

func (m *mailpit) Address(tag string) string { return strings.ReplaceAll(m.address, "{id}", tag) }

func (m *mailpit) Mark(ctx context.Context, to string) (Mark, error) {
	found, err := m.search(ctx, to)
	if err != nil {
		return Mark{}, err
	}
	seen := map[string]bool{}
	for _, s := range found {
		seen[s.ID] = true
	}
	return Mark{seen}, nil
}

func (m *mailpit) All(ctx context.Context, to string) ([]Message, error) {
	found, err := m.search(ctx, to)
	if err != nil {
		return nil, err
	}
	var all []Message
	for _, s := range found {
		message, err := m.read(ctx, s)
		if err != nil {
			return nil, err
		}
		all = append(all, message)
	}
	return all, nil
}

// search lists the mails to an address, the oldest first. addressed: finds
// hidden recipients (Bcc) too, but also senders and addresses that only contain
// the text, so recipients are compared here.
func (m *mailpit) search(ctx context.Context, to string) ([]summary, error) {
	query := url.Values{"query": {`addressed:"` + strings.ReplaceAll(to, `"`, "") + `"`}, "limit": {pageLimit}}
	var list struct {
		Messages []summary `json:"messages"`
	}
	if err := m.get(ctx, "/api/v1/search?"+query.Encode(), &list); err != nil {
		return nil, err
	}
	found := slices.DeleteFunc(list.Messages, func(s summary) bool {
		return !slices.ContainsFunc(slices.Concat(s.To, s.Cc, s.Bcc), func(p person) bool { return strings.EqualFold(p.Address, to) })
	})
	slices.SortStableFunc(found, func(a, b summary) int { return a.Created.Compare(b.Created) })
	return found, nil
}

// newest lists the newest mails of the whole inbox.
func (m *mailpit) newest(ctx context.Context, limit string) ([]summary, error) {
	var list struct {
		Messages []summary `json:"messages"`
	}
	err := m.get(ctx, "/api/v1/messages?limit="+limit, &list)
	return list.Messages, err
}

// read fetches one mail in full.
func (m *mailpit) read(ctx context.Context, s summary) (Message, error) {
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

func addresses(people []person) []string {
	var list []string
	for _, p := range people {
		list = append(list, p.Address)
	}
	return list
}

func (m *mailpit) Raw(ctx context.Context, id string) ([]byte, error) {
	return m.send(ctx, http.MethodGet, "/api/v1/message/"+url.PathEscape(id)+"/raw", nil)
}

func (m *mailpit) Delete(ctx context.Context, ids ...string) error {
	ids = slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return id == "" })
	if len(ids) == 0 {
		return nil // Mailpit takes an empty list for "all"
	}
	body, err := json.Marshal(map[string][]string{"IDs": ids})
	if err != nil {
		return err
	}
	_, err = m.send(ctx, http.MethodDelete, "/api/v1/messages", body)
	return err
}

func (m *mailpit) get(ctx context.Context, path string, out any) error {
	text, err := m.send(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, out); err != nil {
		return &answerError{fmt.Sprintf("the inbox answers GET %s%s with what is not Mailpit's JSON: is PREFLIGHT_INBOX_URL the address of Mailpit's web page?", m.base, path)}
	}
	return nil
}

func (m *mailpit) send(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	address := m.base + path
	request, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%s %s cannot be sent: %w", method, address, err)
	}
	if m.user != nil {
		password, _ := m.user.Password()
		request.SetBasicAuth(m.user.Username(), password)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := m.client.Do(request)
	if err != nil {
		var twice *url.Error
		if errors.As(err, &twice) {
			err = twice.Err
		}
		return nil, fmt.Errorf("the inbox does not answer %s %s: %w", method, address, err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxBody))
	if err != nil {
		return nil, fmt.Errorf("the inbox broke off %s %s: %w", method, address, err)
	}
	switch {
	case response.StatusCode/100 == 2:
		return text, nil
	case response.StatusCode == http.StatusUnauthorized || response.StatusCode == http.StatusForbidden:
		return nil, &answerError{fmt.Sprintf("the inbox refuses %s %s (HTTP %d): PREFLIGHT_INBOX_URL needs the user and password of the inbox", method, address, response.StatusCode)}
	case response.StatusCode == http.StatusTooManyRequests || response.StatusCode >= 500:
		return nil, fmt.Errorf("the inbox answers %s %s with HTTP %d", method, address, response.StatusCode)
	default:
		return nil, &answerError{fmt.Sprintf("the inbox answers %s %s with HTTP %d", method, address, response.StatusCode)}
	}
}

// answerError is an answer that asking again will not mend.
type answerError struct{ text string }

func (e *answerError) Error() string { return e.text }
