package screens_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/auth-preflight/auth-preflight/helpers/screens"
)

func TestWhoAPageIsFor(t *testing.T) {
	t.Parallel()
	const page = `<html><head><title>x@title.test</title></head><body><a href="mailto:help@acme.test">help@acme.test</a>
		<p>Hello, <b id="me">Ada.Preflight+1@Inbox.test</b>!</p></body></html>`
	assert.Equal(t, "Ada.Preflight+1@Inbox.test", screens.PersonOn(page, "#me", ""))
	assert.Equal(t, "Ada.Preflight+1@Inbox.test", screens.PersonOn(page, "#me", "help@acme.test"), "outside the element nothing counts")
	assert.Equal(t, "help@acme.test", screens.PersonOn(page, "", ""), "the first")
	assert.Equal(t, "Ada.Preflight+1@Inbox.test", screens.PersonOn(page, "", "ada.preflight+1@inbox.test"))
	const glued = `<p><strong>Ada Preflight</strong><br><span>ada@inbox.test</span></p>`
	assert.Equal(t, "ada@inbox.test", screens.PersonOn(glued, "", ""), "a name and an address are two words")
	assert.Equal(t, "ada@inbox.test", screens.PersonOn(glued, "p", "ada@inbox.test"))
	assert.Equal(t, "ada@inbox.test", screens.PersonOn(`<p><b>ada</b>@inbox.test</p>`, "", ""), "an address in two parts")
	assert.Equal(t, screens.Somebody, screens.PersonOn(`<p>Hello, Ada</p>`, "", "ada@inbox.test"))
	assert.Equal(t, screens.Somebody, screens.PersonOn(page, ".none", "ada@inbox.test"))
}
