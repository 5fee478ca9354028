package inbox_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/auth-preflight/auth-preflight/helpers/inbox"
)

func TestVerdicts(t *testing.T) {
	t.Parallel()
	m := inbox.Message{Header: map[string][]string{
		"authentication-results": {
			"mx.test; spf=pass (sender is 192.0.2.1; dkim=fail) smtp.mailfrom=a@b.test; dkim=fail header.d=x.test; dkim=pass header.d=b.test;\r\n dmarc=Pass header.from=b.test",
			"forged; spf=fail",
		},
		"X-Spam-Flag": {"YES"},
	}}
	assert.Equal(t, map[string]string{"spf": "pass", "dkim": "pass", "dmarc": "pass"}, m.Verdicts())
	assert.True(t, m.Junk())
	assert.Empty(t, inbox.Message{}.Verdicts())
	assert.False(t, inbox.Message{}.Junk())
}
