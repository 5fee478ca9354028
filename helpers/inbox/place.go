package inbox

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/auth-preflight/auth-preflight/helpers/loopback"
)

// Settings say where an inbox is and how it is reached.
type Settings struct {
	URL      string         // PREFLIGHT_INBOX_URL, see Check
	Address  string         // PREFLIGHT_INBOX_ADDRESS: the pattern of its addresses, with {id}
	Password string         // PREFLIGHT_INBOX_PASSWORD: a password, API key or token; "" where the URL has one or none is asked
	Client   *http.Client   // for those that speak HTTP
	Roots    *x509.CertPool // trusted for IMAP; nil: the system's
}

// kinds is what PREFLIGHT_INBOX_URL may begin with, for people.
const kinds = "mailpit+https://, mailhog+https://, maildev+https:// (or with http), mailosaur://, mailtrap:// or imaps://"

// place is an address of an inbox, taken apart.
type place struct {
	kind string // mailpit, mailhog, maildev, mailosaur, mailtrap, imaps, imap
	base string // of its HTTP API, without user and trailing slash; "" for IMAP
	user *url.Userinfo

	server         string // Mailosaur's
	account, inbox string // Mailtrap's

	host    string // IMAP's, with port
	mailbox string // IMAP's
}

// hosted are the vendors whose API is at one address for everybody.
var hosted = map[string]string{"mailosaur": "https://mailosaur.com", "mailtrap": "https://mailtrap.io"}

// Check says what is wrong with an address of an inbox; nil: nothing. The error
// completes the sentence "PREFLIGHT_INBOX_URL …" and quotes nothing, for the
// address may hold a password.
//
//	mailpit+https://user:password@host   also mailhog+ and maildev+, and http
//	mailosaur://SERVER                   mailosaur+https://host/SERVER for another API host
//	mailtrap://ACCOUNT/INBOX             mailtrap+https://host/ACCOUNT/INBOX likewise
//	imaps://user@host/MAILBOX            imap:// to loopback only; MAILBOX: INBOX where left out
func Check(rawURL string) error {
	_, err := parsePlace(rawURL)
	return err
}

// UsualAddress is the pattern of the addresses that an inbox at rawURL has by
// itself: every one at Mailosaur's domain for the server, plus addresses at
// Gmail. "" where it cannot be known.
func UsualAddress(rawURL string) string {
	p, err := parsePlace(rawURL)
	if err != nil {
		return ""
	}
	if p.server != "" {
		return "{id}@" + p.server + ".mailosaur.net"
	}
	if local, domain, ok := strings.Cut(p.user.Username(), "@"); ok && strings.HasPrefix(p.host, "imap.gmail.com:") {
		return local + "+{id}@" + domain
	}
	return ""
}

func parsePlace(rawURL string) (place, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return place{}, errors.New("is not an address such as mailpit+https://mail.example")
	}
	kind, transport, both := strings.Cut(strings.ToLower(u.Scheme), "+")
	p := place{kind: kind, user: u.User}
	if err := checkPort(u); err != nil {
		return place{}, err
	}
	var rest []string
	switch kind {
	case "imap", "imaps":
		if both {
			return place{}, errors.New("is not of a kind that is known here: IMAP is imaps://user@host/INBOX")
		}
		return p.imap(u)
	case "mailpit", "mailhog", "maildev":
		if transport != "https" && transport != "http" {
			return place{}, fmt.Errorf("must be a whole address that begins with %s+https:// (or %s+http://)", kind, kind)
		}
		if u.Hostname() == "" {
			return place{}, fmt.Errorf("is not an address such as %s+https://mail.example", kind)
		}
		p.base = transport + "://" + u.Host + strings.TrimRight(u.EscapedPath(), "/")
		return p, nil
	case "mailosaur", "mailtrap":
		switch {
		case !both:
			p.base = hosted[kind]
			rest = append([]string{u.Host}, parts(u.Path)...)
		case transport == "https" || transport == "http" && isLoopback(u.Hostname()):
			p.base = transport + "://" + u.Host
			rest = parts(u.Path)
		default:
			return place{}, fmt.Errorf("must begin with %s:// or %s+https://, since a key goes there", kind, kind)
		}
	default:
		return place{}, errors.New("must begin with the kind of inbox: " + kinds)
	}
	switch {
	case kind == "mailosaur" && len(rest) == 1 && rest[0] != "":
		p.server = rest[0]
	case kind == "mailosaur":
		return place{}, errors.New("must be mailosaur:// and the server's id, such as mailosaur://abcd1234")
	case len(rest) == 2 && isNumber(rest[0]) && isNumber(rest[1]):
		p.account, p.inbox = rest[0], rest[1]
	default:
		return place{}, errors.New("must be mailtrap:// and the ids of the account and of its sandbox inbox, such as mailtrap://12345/67890")
	}
	return p, nil
}

func (p place) imap(u *url.URL) (place, error) {
	switch {
	case u.Hostname() == "" || u.User.Username() == "":
		return place{}, errors.New("must be imaps:// with a user and a host, such as imaps://qa%40acme.example@imap.acme.example/INBOX")
	case p.kind == "imap" && !isLoopback(u.Hostname()):
		return place{}, errors.New("must begin with imaps://, for the password would cross a network in the clear")
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"imap": "143", "imaps": "993"}[p.kind]
	}
	p.host = net.JoinHostPort(u.Hostname(), port)
	p.mailbox = strings.Trim(u.Path, "/")
	if p.mailbox == "" || strings.EqualFold(p.mailbox, "INBOX") { // its case does not matter (RFC 9051, 5.1)
		p.mailbox = "INBOX"
	}
	return p, nil
}

func parts(path string) []string {
	if path = strings.Trim(path, "/"); path == "" {
		return nil
	}
	return strings.Split(path, "/")
}

func isNumber(text string) bool {
	_, err := strconv.ParseUint(text, 10, 64)
	return err == nil
}

func checkPort(u *url.URL) error {
	if port := u.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return fmt.Errorf("has the port %s, but ports are 1 to 65535", port)
		}
	}
	return nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return loopback.IsLoopbackName(host) || ip != nil && ip.IsLoopback()
}

// Open opens the inbox that the settings describe. The error is one sentence
// and names the variable. Nothing is sent yet.
func Open(s Settings) (Inbox, error) {
	p, err := parsePlace(s.URL)
	if err != nil {
		return nil, fmt.Errorf("PREFLIGHT_INBOX_URL %w", err)
	}
	if !strings.Contains(s.Address, "{id}") {
		return nil, fmt.Errorf("PREFLIGHT_INBOX_ADDRESS is %q, but must hold {id}, which becomes a unique id", s.Address)
	}
	password := s.Password
	if inURL, ok := p.user.Password(); ok && password == "" {
		password = inURL
	}
	if password == "" && needsPassword[p.kind] != "" {
		return nil, fmt.Errorf("PREFLIGHT_INBOX_PASSWORD is not set: it takes %s", needsPassword[p.kind])
	}
	a := api{base: p.base, client: s.Client, mend: "PREFLIGHT_INBOX_URL needs the user and PREFLIGHT_INBOX_PASSWORD the password of the inbox"}
	if p.user != nil {
		a.authorize = basic(p.user.Username(), password)
	}
	box := &box{address: s.Address}
	switch p.kind {
	case "mailpit":
		a.kind = "Mailpit"
		box.store = &mailpit{api: a}
	case "mailhog":
		a.kind = "MailHog"
		box.store = &mailhog{api: a}
	case "maildev":
		a.kind = "MailDev"
		box.store = &maildev{api: a}
	case "mailosaur":
		a.kind, a.authorize = "Mailosaur", basic(password, "")
		a.mend = "PREFLIGHT_INBOX_PASSWORD must be an API key that may read this server"
		box.store = &mailosaur{api: a, server: p.server}
	case "mailtrap":
		a.kind, a.authorize = "Mailtrap", func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+password) }
		a.mend = "PREFLIGHT_INBOX_PASSWORD must be an API token that may read this sandbox inbox"
		box.store = &mailtrap{api: a, path: "/api/accounts/" + p.account + "/inboxes/" + p.inbox + "/messages"}
	default:
		box.store = newIMAP(p, password, s.Roots)
	}
	return box, nil
}

// needsPassword is what PREFLIGHT_INBOX_PASSWORD is where nothing goes without.
var needsPassword = map[string]string{
	"mailosaur": "an API key of Mailosaur",
	"mailtrap":  "an API token of Mailtrap",
	"imaps":     "the password of the mailbox, at Gmail an app password",
	"imap":      "the password of the mailbox",
}
