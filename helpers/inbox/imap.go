package inbox

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"github.com/auth-preflight/auth-preflight/helpers/loopback"
)

const (
	imapSessions = 4               // connections at once: Gmail allows fifteen, and people read mail too
	imapIdle     = 5 * time.Second // a connection that nobody uses any longer than this is closed
	imapNewest   = 200             // of the mails to one address, those that are looked at
	imapKnown    = 4096            // headers that are remembered
	imapFarewell = 2 * time.Second
)

// mailboxes reads the mail of one account over IMAP (RFC 3501, 9051). Looking
// never marks a mail: mailboxes are opened by EXAMINE and bodies fetched by
// PEEK. Where INBOX is looked through, so is the junk folder.
type mailboxes struct {
	place    place
	password string
	roots    *x509.CertPool
	idle     time.Duration

	slots chan struct{} // one for each connection that may be open

	mu     sync.Mutex
	parked []*session
	known  map[string]entry // by id; without read
}

// session is one connection, logged in.
type session struct {
	client  *imapclient.Client
	folders []string // to look through; the first is the one that was asked for
	timer   *time.Timer
}

func newIMAP(p place, password string, roots *x509.CertPool) *mailboxes {
	return &mailboxes{
		place: p, password: password, roots: roots, idle: imapIdle,
		slots: make(chan struct{}, imapSessions), known: map[string]entry{},
	}
}

func (m *mailboxes) String() string {
	return "IMAP, " + m.place.mailbox + " of " + mask(m.place.user.Username()) + " at " + m.place.host
}

func (m *mailboxes) pace() (first, last time.Duration) {
	return 250 * time.Millisecond, 3 * time.Second
}

// with runs use on a connection: one that is open already, or a new one. The
// connection is closed if use or the context ends badly.
func (m *mailboxes) with(ctx context.Context, use func(*session) error) error {
	select {
	case m.slots <- struct{}{}:
	case <-ctx.Done():
		return m.late(ctx)
	}
	defer func() { <-m.slots }()
	if s := m.unpark(); s != nil {
		err := m.try(ctx, s, use)
		if !isBroken(err) || ctx.Err() != nil {
			return err
		}
		// It may have been closed from there since.
	}
	s, err := m.connect(ctx)
	if err != nil {
		return err
	}
	return m.try(ctx, s, use)
}

func (m *mailboxes) try(ctx context.Context, s *session, use func(*session) error) error {
	stop := context.AfterFunc(ctx, func() { _ = s.client.Close() })
	err := use(s)
	if !stop() {
		return m.late(ctx)
	}
	if isBroken(err) {
		_ = s.client.Close()
		return fmt.Errorf("the inbox at %s broke off: %w", m.place.host, err)
	}
	m.park(s)
	return err
}

func (m *mailboxes) late(ctx context.Context) error {
	return fmt.Errorf("the inbox at %s did not answer in time: %w", m.place.host, ctx.Err())
}

// isBroken reports whether an error is the connection's: not what the server
// said (imap.Error), and not what we made of it.
func isBroken(err error) bool {
	var said *imap.Error
	var final *answerError
	return err != nil && !errors.As(err, &said) && !errors.As(err, &final)
}

// park keeps a connection for the next look, for a little while.
func (m *mailboxes) park(s *session) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.parked = append(m.parked, s)
	s.timer = time.AfterFunc(m.idle, func() {
		m.mu.Lock()
		at := slices.Index(m.parked, s)
		if at >= 0 {
			m.parked = slices.Delete(m.parked, at, at+1)
		}
		m.mu.Unlock()
		if at >= 0 {
			s.leave()
		}
	})
}

func (m *mailboxes) unpark() *session {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.parked) == 0 {
		return nil
	}
	s := m.parked[len(m.parked)-1]
	m.parked = m.parked[:len(m.parked)-1]
	s.timer.Stop()
	return s
}

// leave says good-bye, but does not wait long for an answer.
func (s *session) leave() {
	cut := time.AfterFunc(imapFarewell, func() { _ = s.client.Close() })
	defer cut.Stop()
	_ = s.client.Logout().Wait()
	_ = s.client.Close()
}

func (m *mailboxes) connect(ctx context.Context) (*session, error) {
	conn, err := m.dial(ctx)
	if err != nil {
		var untrusted *tls.CertificateVerificationError
		if errors.As(err, &untrusted) {
			return nil, &answerError{fmt.Sprintf("the certificate of the inbox at %s is not trusted: PREFLIGHT_CA_FILE names the CA, if it is not a public one (%v)", m.place.host, untrusted.Err)}
		}
		return nil, fmt.Errorf("the inbox at %s cannot be reached: %w", m.place.host, err)
	}
	s := &session{client: imapclient.New(conn, nil)}
	stop := context.AfterFunc(ctx, func() { _ = s.client.Close() })
	err = m.login(s)
	if !stop() {
		return nil, m.late(ctx)
	}
	if err != nil {
		_ = s.client.Close()
		return nil, err
	}
	return s, nil
}

func (m *mailboxes) dial(ctx context.Context) (net.Conn, error) {
	conn, err := loopback.DialContext(ctx, "tcp", m.place.host)
	if err != nil || m.place.kind == "imap" {
		return conn, err
	}
	host, _, err := net.SplitHostPort(m.place.host)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	secured := tls.Client(conn, &tls.Config{ServerName: host, RootCAs: m.roots, MinVersion: tls.VersionTLS12, NextProtos: []string{"imap"}})
	if err := secured.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return secured, nil
}

func (m *mailboxes) login(s *session) error {
	if err := s.client.WaitGreeting(); err != nil {
		return fmt.Errorf("what answers at %s does not greet as an IMAP server does: %w", m.place.host, err)
	}
	if err := s.client.Login(m.place.user.Username(), m.password).Wait(); err != nil {
		var said *imap.Error
		if errors.As(err, &said) && said.Code != imap.ResponseCodeUnavailable && said.Code != imap.ResponseCodeLimit && said.Code != imap.ResponseCodeInUse {
			return &answerError{fmt.Sprintf("the inbox at %s refuses the login of %s (%s): PREFLIGHT_INBOX_URL needs the user and PREFLIGHT_INBOX_PASSWORD the password of the mailbox, at Gmail an app password",
				m.place.host, mask(m.place.user.Username()), said.Text)}
		}
		return fmt.Errorf("the inbox at %s does not let us in: %w", m.place.host, err)
	}
	s.folders = []string{m.place.mailbox}
	if m.place.mailbox != "INBOX" || !s.client.Caps().Has(imap.CapSpecialUse) {
		return nil
	}
	list, err := s.client.List("", "*", &imap.ListOptions{ReturnSpecialUse: true}).Collect()
	if err != nil {
		return fmt.Errorf("the inbox at %s does not list its folders: %w", m.place.host, err)
	}
	for _, folder := range list {
		if slices.Contains(folder.Attrs, imap.MailboxAttrJunk) && folder.Mailbox != m.place.mailbox {
			s.folders = append(s.folders, folder.Mailbox)
		}
	}
	return nil
}

// look opens a folder for reading only.
func (m *mailboxes) look(s *session, folder string) (*imap.SelectData, error) {
	opened, err := s.client.Select(folder, &imap.SelectOptions{ReadOnly: true}).Wait()
	return opened, m.opening(folder, err)
}

// opening makes the error of a folder that is not there one to read.
func (m *mailboxes) opening(folder string, err error) error {
	var said *imap.Error
	if errors.As(err, &said) && said.Type == imap.StatusResponseTypeNo {
		return &answerError{fmt.Sprintf("the inbox at %s has no folder %q that opens (%s): PREFLIGHT_INBOX_URL names it after the host", m.place.host, folder, said.Text)}
	}
	return err
}

func (m *mailboxes) list(ctx context.Context, to string) ([]entry, error) {
	return m.through(ctx, func(s *session, folder string, opened *imap.SelectData) ([]entry, error) {
		found, err := s.client.UIDSearch(toAnybody(to), nil).Wait()
		if err != nil {
			return nil, err
		}
		uids := found.AllUIDs()
		slices.Sort(uids)
		uids = uids[max(0, len(uids)-imapNewest):]
		return m.headers(s, folder, opened.UIDValidity, imap.UIDSetNum(uids...), len(uids))
	})
}

// through looks into each folder that has mails.
func (m *mailboxes) through(ctx context.Context, look func(*session, string, *imap.SelectData) ([]entry, error)) (all []entry, err error) {
	err = m.with(ctx, func(s *session) error {
		all = nil
		for _, folder := range s.folders {
			opened, err := m.look(s, folder)
			if err != nil {
				return err
			}
			if opened.NumMessages == 0 {
				continue
			}
			found, err := look(s, folder, opened)
			if err != nil {
				return err
			}
			all = append(all, found...)
		}
		return nil
	})
	return all, err
}

// toAnybody looks for an address in each field that names recipients.
func toAnybody(to string) *imap.SearchCriteria {
	var criteria imap.SearchCriteria
	for i, field := range append([]string{"To", "Cc"}, deliveredTo...) {
		one := imap.SearchCriteria{Header: []imap.SearchCriteriaHeaderField{{Key: field, Value: to}}}
		if i == 0 {
			criteria = one
			continue
		}
		criteria = imap.SearchCriteria{Or: [][2]imap.SearchCriteria{{one, criteria}}}
	}
	return &criteria
}

// headers reads the headers of n mails, as far as they are not known already.
func (m *mailboxes) headers(s *session, folder string, validity uint32, which imap.NumSet, n int) ([]entry, error) {
	if n == 0 {
		return nil, nil
	}
	var all []entry
	uids, isUIDs := which.(imap.UIDSet)
	if isUIDs {
		var missing imap.UIDSet
		nums, _ := uids.Nums()
		m.mu.Lock()
		for _, uid := range nums {
			if e, ok := m.known[mailID(validity, uid, folder)]; ok {
				all = append(all, e)
			} else {
				missing.AddNum(uid)
			}
		}
		m.mu.Unlock()
		if len(missing) == 0 {
			return m.readable(all), nil
		}
		which = missing
	}
	got, err := s.client.Fetch(which, &imap.FetchOptions{
		UID: true, InternalDate: true,
		BodySection: []*imap.FetchItemBodySection{{Specifier: imap.PartSpecifierHeader, Peek: true}},
	}).Collect()
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	if len(m.known) > imapKnown {
		clear(m.known)
	}
	for _, mail := range got {
		if len(mail.BodySection) == 0 {
			continue
		}
		header := headerOf(mail.BodySection[0].Bytes)
		e := entry{id: mailID(validity, mail.UID, folder), subject: decoded(header.Get("Subject")), received: mail.InternalDate, to: recipients(header)}
		m.known[e.id] = e
		all = append(all, e)
	}
	m.mu.Unlock()
	return m.readable(all), nil
}

func (m *mailboxes) readable(entries []entry) []entry {
	for i, e := range entries {
		entries[i].read = func(ctx context.Context) (Message, error) { return m.read(ctx, e) }
	}
	return entries
}

func headerOf(text []byte) textproto.MIMEHeader {
	header, _ := textproto.NewReader(bufio.NewReader(bytes.NewReader(text))).ReadMIMEHeader() // what is there counts
	return header
}

func (m *mailboxes) newest(ctx context.Context, limit int) ([]entry, error) {
	all, err := m.through(ctx, func(s *session, folder string, opened *imap.SelectData) ([]entry, error) {
		var last imap.SeqSet
		n := opened.NumMessages
		last.AddRange(max(n, uint32(limit))-uint32(limit)+1, n)
		return m.headers(s, folder, opened.UIDValidity, last, limit)
	})
	slices.SortFunc(all, func(a, b entry) int { return b.received.Compare(a.received) })
	return all[:min(limit, len(all))], err
}

func (m *mailboxes) read(ctx context.Context, e entry) (Message, error) {
	message, err := fromSource(ctx, m, e.id, e.received)
	if err != nil {
		return Message{}, err
	}
	_, _, folder, err := parseMailID(e.id)
	message.junk = folder != m.place.mailbox // the only other one that is looked through
	return message, err
}

func (m *mailboxes) raw(ctx context.Context, id string) ([]byte, error) {
	validity, uid, folder, err := parseMailID(id)
	if err != nil {
		return nil, err
	}
	var source []byte
	err = m.with(ctx, func(s *session) error {
		opened, err := m.look(s, folder)
		if err != nil {
			return err
		}
		if opened.UIDValidity != validity {
			return m.gone(id)
		}
		got, err := s.client.Fetch(imap.UIDSetNum(uid), &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{{Peek: true}}}).Collect()
		if err != nil {
			return err
		}
		if len(got) == 0 || len(got[0].BodySection) == 0 {
			return m.gone(id)
		}
		source = got[0].BodySection[0].Bytes
		return nil
	})
	return source, err
}

func (m *mailboxes) gone(id string) error {
	return &goneError{answerError{fmt.Sprintf("the inbox at %s has no mail %s any more", m.place.host, id)}}
}

// remove expunges by UID only (UIDPLUS, RFC 4315): a plain EXPUNGE would also
// take what somebody else has marked.
func (m *mailboxes) remove(ctx context.Context, ids []string) error {
	type folderAt struct {
		validity uint32
		folder   string
	}
	sets := map[folderAt]*imap.UIDSet{}
	for _, id := range ids {
		validity, uid, folder, err := parseMailID(id)
		if err != nil {
			return err
		}
		at := folderAt{validity, folder}
		if sets[at] == nil {
			sets[at] = &imap.UIDSet{}
		}
		sets[at].AddNum(uid)
	}
	return m.with(ctx, func(s *session) error {
		if caps := s.client.Caps(); !caps.Has(imap.CapUIDPlus) && !caps.Has(imap.CapIMAP4rev2) {
			return &answerError{fmt.Sprintf("the inbox at %s cannot delete single mails (UIDPLUS): nothing was deleted", m.place.host)}
		}
		for at, uids := range sets {
			opened, err := s.client.Select(at.folder, nil).Wait()
			if err := m.opening(at.folder, err); err != nil {
				return err
			}
			if opened.UIDValidity != at.validity {
				continue // the folder is another one now: they are gone
			}
			marked := s.client.Store(*uids, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagDeleted}}, nil)
			if err := marked.Close(); err != nil {
				return err
			}
			if err := s.client.UIDExpunge(*uids).Close(); err != nil {
				return err
			}
		}
		return nil
	})
}

// mailID names a mail for good: its folder's UIDVALIDITY, its UID, its folder.
func mailID(validity uint32, uid imap.UID, folder string) string {
	return fmt.Sprintf("%d/%d/%s", validity, uid, folder)
}

func parseMailID(id string) (validity uint32, uid imap.UID, folder string, err error) {
	parts := strings.SplitN(id, "/", 3)
	if len(parts) == 3 {
		v, bad := strconv.ParseUint(parts[0], 10, 32)
		u, worse := strconv.ParseUint(parts[1], 10, 32)
		if bad == nil && worse == nil {
			return uint32(v), imap.UID(u), parts[2], nil
		}
	}
	return 0, 0, "", &answerError{fmt.Sprintf("%q is no id of a mail in an IMAP mailbox", id)}
}
