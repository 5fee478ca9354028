// Package inbox reads the mails that a deployment sends, from whatever kind of
// inbox receives them. Mail is found by recipient and by what was there
// before, never by subject, and nothing is deleted but what was asked for by
// its id.
package inbox

import (
	"context"
	"time"
)

// Inbox is an inbox that many addresses lead to.
type Inbox interface {
	// Address returns an address of this inbox that carries tag.
	Address(tag string) string
	// Mark remembers the mails to an address that are there now. Take it
	// before what causes the next one: no two clocks are compared.
	Mark(ctx context.Context, to string) (Mark, error)
	// Wait returns the first mail that m matches. It waits until ctx ends, a
	// minute at most where ctx has no deadline; the error then says what did
	// arrive.
	Wait(ctx context.Context, m Match) (Message, error)
	// All returns every mail to an address, the oldest first.
	All(ctx context.Context, to string) ([]Message, error)
	// Raw returns a mail as it came over SMTP.
	Raw(ctx context.Context, id string) ([]byte, error)
	// Delete deletes the mails with these ids; without ids, nothing. A mail that
	// is gone already is no error.
	Delete(ctx context.Context, ids ...string) error
	// String names the kind of inbox and its address, without credentials.
	String() string
}

// Match says which mail is waited for.
type Match struct {
	To     string             // address of the recipient, in full
	Since  Mark               // mails that are too old; zero: none is
	Wanted func(Message) bool // nil: any
}

// Mark is the mails to one address at one moment.
type Mark struct{ seen map[string]bool }

// Message is one mail.
type Message struct {
	ID         string // the inbox's
	MessageID  string // the mail's own (RFC 5322, 3.6.4)
	From       string
	To         []string // addresses of the To field
	EnvelopeTo []string // all addresses it was delivered to, as far as the inbox knows
	ReturnPath string   // the envelope's sender; "" where the inbox does not know
	Subject    string
	Received   time.Time
	Text, HTML string // the decoded bodies
	Header     map[string][]string
	Links      []string // http and https links, in the order of the HTML, then those only in the text
	Codes      []string // words of six digits that a reader sees, in order

	junk bool // the mailbox is one for unwanted mail
}
