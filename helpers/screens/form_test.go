package screens

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var here = &url.URL{Scheme: "https", Host: "auth.test", Path: "/a/page"}

func TestWhereAPageLeadsOnByItself(t *testing.T) {
	t.Parallel()
	for page, want := range map[string]string{
		`<meta http-equiv="refresh" content="0;url=/next?a=1&amp;b=2">`:        "https://auth.test/next?a=1&b=2",
		`<meta http-equiv="Refresh" content="0; URL='https://app.test/back'">`: "https://app.test/back",
		`<meta http-equiv=refresh content="1.5; url=there">`:                   "https://auth.test/a/there",
		`<meta http-equiv="refresh" content="0; https://app.test/short-form">`: "https://app.test/short-form",
		`<meta http-equiv="refresh" content="300;url=/timeout">`:               "", // a session's end, not a redirect
		`<meta http-equiv="refresh" content="2">`:                              "", // the same page again
		`<meta http-equiv="content-type" content="text/html"><p>url=/next</p>`: "",
		`<p>refresh</p>`: "",
	} {
		got := ""
		if u := RefreshAt(page, here); u != nil {
			got = u.String()
		}
		assert.Equal(t, want, got, page)
	}
}

func TestAButtonSendsItsOwnForm(t *testing.T) {
	t.Parallel()
	const page = `<form action="/other"><button>Allow all</button></form>
		<form method="post" action="/consent"><input type="hidden" name="id" value="7">
		<button name="decision" value="allow">Allow</button><button name="decision" value="deny">Deny</button></form>`
	form := FormOfButton(page, here, "Deny")
	require.NotNil(t, form)
	assert.Equal(t, "https://auth.test/consent", form.Action.String())
	assert.Equal(t, url.Values{"id": {"7"}, "decision": {"deny"}}, form.Fields)
	assert.Nil(t, FormOfButton(page, here, "Cancel"))
}

func TestALinkIsReadAgainstItsPage(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "https://auth.test/a/signup?x=1", LinkAt(`<a href="signup?x=1">Sign up</a>`, here, SignupLink).String())
	assert.Nil(t, LinkAt(`<a>Sign up</a><button>signup</button>`, here, SignupLink))
}
