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

func TestTheElementThatShowsAnAddress(t *testing.T) {
	t.Parallel()
	for html, want := range map[string]string{
		`<p>For <b id="owner"> Ada@acme.test </b></p>`:                                            "#owner",
		`<p id="line">For <b>ada@acme.test</b></p>`:                                               "",
		`<b id=":r1:" data-testid="user-mail">ada@acme.test</b>`:                                  "[data-testid=user-mail]",
		`<b id="owner">eve@acme.test</b><b data-cy="me">ada@acme.test</b>`:                        "[data-cy=me]",
		`<div id="box"><span>ada@acme.test</span></div>`:                                          "#box",
		`<ul><li data-test="row-4711">ada@acme.test</li><li>bob@acme.test</li></ul>`:              "",
		`<ul><li data-test="mail">bob@acme.test</li><li data-test="mail">ada@acme.test</li></ul>`: "",
	} {
		assert.Equal(t, want, screens.SelectorOf(html, "ada@acme.test"), html)
	}
}
