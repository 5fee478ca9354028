package inbox

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/idna"
)

// store is what there is to know about one kind of inbox. What all have in
// common, such as waiting, is done by box.
type store interface {
	// list returns the mails to an address, and perhaps some to others, in any
	// order. Nothing is marked as read that is not this address's.
	list(ctx context.Context, to string) ([]entry, error)
	// newest returns the newest mails of the whole inbox, as far as that is
	// cheap.
	newest(ctx context.Context, limit int) ([]entry, error)
	raw(ctx context.Context, id string) ([]byte, error)
	// remove deletes mails; that one is gone already is no error.
	remove(ctx context.Context, ids []string) error
	// pace is how long to pause between two looks: at first, and at most.
	pace() (first, last time.Duration)
	String() string
}

// entry is a mail in a list.
type entry struct {
	id       string
	subject  string
	to       []string // everybody it went to, as far as the inbox knows
	received time.Time
	read     func(context.Context) (Message, error)
}

// box is an inbox of any kind.
type box struct {
	store
	address string
}

func (b *box) Address(tag string) string { return strings.ReplaceAll(b.address, "{id}", tag) }

func (b *box) Mark(ctx context.Context, to string) (Mark, error) {
	found, err := b.search(ctx, to)
	if err != nil {
		return Mark{}, err
	}
	seen := map[string]bool{}
	for _, e := range found {
		seen[e.id] = true
	}
	return Mark{seen}, nil
}

func (b *box) All(ctx context.Context, to string) ([]Message, error) {
	found, err := b.search(ctx, to)
	if err != nil {
		return nil, err
	}
	var all []Message
	for _, e := range found {
		message, err := e.read(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, message)
	}
	return all, nil
}

// search lists the mails to an address, the oldest first. Inboxes look for a
// part of an address, some in other fields too, so recipients are compared here.
func (b *box) search(ctx context.Context, to string) ([]entry, error) {
	found, err := b.list(ctx, to)
	if err != nil {
		return nil, err
	}
	found = slices.DeleteFunc(found, func(e entry) bool {
		return !slices.ContainsFunc(e.to, func(address string) bool { return same(address, to) })
	})
	slices.SortStableFunc(found, func(a, b entry) int { return a.received.Compare(b.received) })
	return found, nil
}

// same reports whether two addresses are one. Domains are written in ASCII or
// in their own letters (RFC 5890, 2.3.2.1): some servers change them.
func same(a, b string) bool { return strings.EqualFold(inASCII(a), inASCII(b)) }

func inASCII(address string) string { return withDomain(address, idna.Punycode.ToASCII) }

func inLetters(address string) string { return withDomain(address, idna.Punycode.ToUnicode) }

func withDomain(address string, write func(string) (string, error)) string {
	at := strings.LastIndex(address, "@")
	if at < 0 {
		return address
	}
	domain, err := write(strings.ToLower(address[at+1:]))
	if err != nil {
		return address
	}
	return address[:at+1] + domain
}

func (b *box) Raw(ctx context.Context, id string) ([]byte, error) { return b.raw(ctx, id) }

func (b *box) Delete(ctx context.Context, ids ...string) error {
	ids = slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return id == "" })
	if len(ids) == 0 {
		return nil // most inboxes take "none" for "all"
	}
	return b.remove(ctx, ids)
}

// each deletes mails one by one. One that is gone already is no error.
func each(ids []string, remove func(id string) error) error {
	var all []error
	for _, id := range ids {
		if err := remove(id); err != nil && !isGone(err) {
			all = append(all, err)
		}
	}
	return errors.Join(all...)
}

func isGone(err error) bool {
	var gone *goneError
	return errors.As(err, &gone)
}

// quick is the pace of an inbox of one's own.
func quick() (first, last time.Duration) { return 100 * time.Millisecond, time.Second }
