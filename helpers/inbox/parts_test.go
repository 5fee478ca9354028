package inbox_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/inbox"
)

func TestParts(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ raw, text, html string }{
		"no type": {"Subject: x\r\n\r\nhello\r\n", "hello\r\n", ""},
		"HTML only": {
			"Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<a href=3D\"https://a.test/?x=3D1&amp;=\r\ny=3D2\">\r\n",
			"", "<a href=\"https://a.test/?x=1&amp;y=2\">\r\n",
		},
		"both": {
			"Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nT\r\n--b\r\nContent-Type: text/html\r\n\r\nH\r\n--b--\r\n",
			"T", "H",
		},
	} {
		text, html, err := inbox.Parts([]byte(tt.raw))
		require.NoError(t, err, name)
		assert.Equal(t, tt.text, text, name)
		assert.Equal(t, tt.html, html, name)
	}
}
