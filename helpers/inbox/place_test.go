package inbox_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/inbox"
)

func TestOpenRecognisesEveryKind(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ url, is string }{
		{"mailpit+https://u:hush@mail.test/", "Mailpit at https://mail.test"},
		{"mailpit+http://mail.test:8025/mailpit/", "Mailpit at http://mail.test:8025/mailpit"},
		{"mailhog+https://mail.test", "MailHog at https://mail.test"},
		{"MailDev+http://127.0.0.1:1080", "MailDev at http://127.0.0.1:1080"},
		{"mailosaur://abcd1234", "Mailosaur at https://mailosaur.com, server abcd1234"},
		{"mailosaur+https://mailosaur.proxy.test/abcd1234", "Mailosaur at https://mailosaur.proxy.test, server abcd1234"},
		{"mailtrap://12/34", "Mailtrap at https://mailtrap.io"},
		{"mailtrap+http://127.0.0.1:8080/12/34", "Mailtrap at http://127.0.0.1:8080"},
		{"imaps://quality%40gmail.com@imap.gmail.com", "IMAP, INBOX of qu…y@gmail.com at imap.gmail.com:993"},
		{"imaps://quality@gmail.com:hush@imap.gmail.com:1993/inbox", "IMAP, INBOX of qu…y@gmail.com at imap.gmail.com:1993"},
		{"imap://quality@localhost/Tests/Mails", "IMAP, Tests/Mails of qu…y@ at localhost:143"},
	} {
		box, err := inbox.Open(inbox.Settings{URL: tt.url, Address: "qa+{id}@x.test", Password: "hush", Client: http.DefaultClient})
		if assert.NoError(t, err, tt.url) {
			assert.Equal(t, tt.is, box.String())
			assert.Equal(t, "qa+7@x.test", box.Address("7"))
		}
	}
}

func TestOpenRefusesWhatItCannotRead(t *testing.T) {
	t.Parallel()
	const every = "must begin with the kind of inbox: mailpit+https://, mailhog+https://, maildev+https:// (or with http), mailosaur://, mailtrap:// or imaps://"
	for _, tt := range []struct{ url, address, password, want string }{
		{"https://mail.test", "{id}@x.test", "", every},
		{"mailslurp://hushhush@x", "{id}@x.test", "", every},
		{"pop3://u:hushhush@mail.test", "{id}@x.test", "", every},
		{"", "{id}@x.test", "", every},
		{"mailpit+:", "{id}@x.test", "", "mailpit+https://"},
		{"mailpit+https://", "{id}@x.test", "", "is not an address"},
		{"mailpit+ftp://u:hushhush@mail.test", "{id}@x.test", "", "begins with mailpit+https://"},
		{"mailpit+https://u:hushhush@:1/", "{id}@x.test", "", "is not an address"},
		{"mailhog+https://mail.test:99999", "{id}@x.test", "", "99999"},
		{"mailpit+https://mail.test", "qa@x.test", "", "PREFLIGHT_INBOX_ADDRESS"},
		{"mailosaur://", "{id}@x.test", "hushhush", "the server's id"},
		{"mailosaur://abcd/efgh", "{id}@x.test", "hushhush", "the server's id"},
		{"mailosaur+http://api.test/abcd", "{id}@x.test", "hushhush", "mailosaur+https://"},
		{"mailosaur://abcd1234", "{id}@x.test", "", "PREFLIGHT_INBOX_PASSWORD is not set: it takes an API key"},
		{"mailtrap://12", "{id}@x.test", "hushhush", "mailtrap://12345/67890"},
		{"mailtrap://mine/34", "{id}@x.test", "hushhush", "mailtrap://12345/67890"},
		{"mailtrap://12/34", "{id}@x.test", "", "PREFLIGHT_INBOX_PASSWORD is not set: it takes an API token"},
		{"imaps://imap.test", "{id}@x.test", "hushhush", "with a user and a host"},
		{"imaps+https://u@imap.test", "{id}@x.test", "hushhush", "imaps://user@host/INBOX"},
		{"imap://u:hushhush@imap.test", "{id}@x.test", "", "must begin with imaps://"},
		{"imaps://u@imap.test", "{id}@x.test", "", "PREFLIGHT_INBOX_PASSWORD is not set: it takes the password of the mailbox, at Gmail an app password"},
	} {
		_, err := inbox.Open(inbox.Settings{URL: tt.url, Address: tt.address, Password: tt.password, Client: http.DefaultClient})
		require.ErrorContains(t, err, tt.want, tt.url)
		assert.Contains(t, err.Error(), "PREFLIGHT_INBOX_")
		assert.NotContains(t, err.Error(), "hush", tt.url)
		assert.NotContains(t, err.Error(), "\n", "one fault, one sentence")
	}
}
