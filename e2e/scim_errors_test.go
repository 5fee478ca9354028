package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/scim"
)

// Providers send the same twice, and sometimes nonsense; neither leaves a mark.
func TestSCIMErrors(t *testing.T) {
	item := begin(t, "scim/errors")

	item.Case("a person who is there already is not made again", advice{
		Why:      "there are two of one person, and a deactivation reaches one of them",
		Mend:     "compare userName without regard to case; answer 409 with scimType uniqueness",
		Standard: "RFC 7643 §4.1.1; RFC 7644 §3.3, §3.12",
	}, func(c *check) {
		e := c.Employer(scim.Okta{}).hire()
		user := e.user()
		require.NotNil(c, user, "the person whom the directory has made, at the environment")
		for _, again := range []string{e.UserName, strings.ToUpper(e.UserName)} {
			twin := e.Person
			twin.UserName, twin.Email, twin.GivenName = again, again, "Twin"
			answer := e.send(http.MethodPost, "/Users", e.speak.Create(twin))
			e.verifyRefusal(answer, http.StatusConflict, "the creation of a person whose userName is there already")
			assert.Equal(c, "uniqueness", answer.ErrorType(), "scimType of %s", answer)
		}
		assert.Equal(c, 1, e.find("/Users", "userName", e.UserName).Total, "people of that userName, in whatever case")
		assert.Equal(c, e.GivenName, e.read().Text("name.givenName"), "name of the person who was there first")
		if after := e.user(); assert.NotNil(c, after, "the person at the environment") {
			assert.Equal(c, user.ID, after.ID, "id of the person at the environment")
		}
	})

	item.Case("what cannot be read is refused in SCIM's words, and nothing comes of it", advice{
		Why:      "the provider repeats a request that can never succeed, and its administrator sees \"internal error\"",
		Mend:     "answer 400 (404 for an unknown id) with the error schema, the status as a text, and a detail that says what is wrong",
		Standard: "RFC 7644 §3.12",
	}, func(c *check) {
		o := c.Employer(scim.Entra{})
		e, never := o.hire(), o.someone()
		whole := string(e.read().Raw)
		creation := func(fields string) []byte {
			return fmt.Appendf(nil, `{"schemas":[%q],%s}`, scim.UserSchema, fields)
		}
		operation := func(o string) []byte {
			return fmt.Appendf(nil, `{"schemas":[%q],"Operations":[%s]}`, scim.PatchSchema, o)
		}
		named := fmt.Sprintf(`"userName":%q`, never.UserName)
		for _, bad := range []struct {
			what, method, path string
			body               any
			status             int
		}{
			{"a creation that is not JSON", http.MethodPost, "/Users", []byte(`{"userName": `), http.StatusBadRequest},
			{"a creation that is a list", http.MethodPost, "/Users", []byte(`[]`), http.StatusBadRequest},
			{"a creation without userName", http.MethodPost, "/Users", creation(`"active":true`), http.StatusBadRequest},
			{"a creation with a number as userName", http.MethodPost, "/Users", creation(`"userName":7`), http.StatusBadRequest},
			{"a creation whose active is no boolean", http.MethodPost, "/Users", creation(named + `,"active":"perhaps"`), http.StatusBadRequest},
			{"a creation whose emails are no list", http.MethodPost, "/Users", creation(named + `,"emails":"x"`), http.StatusBadRequest},
			{"a filter without an operator", http.MethodGet, scim.Query("/Users", "filter", "userName"), nil, http.StatusBadRequest},
			{"a filter with an unknown operator", http.MethodGet, scim.Query("/Users", "filter", `userName is "a"`), nil, http.StatusBadRequest},
			{"a filter whose text does not end", http.MethodGet, scim.Query("/Users", "filter", `userName eq "a`), nil, http.StatusBadRequest},
			{"a PATCH without operations", http.MethodPatch, e.path(), operation(""), http.StatusBadRequest},
			{"a PATCH with an unknown operation", http.MethodPatch, e.path(), operation(`{"op":"jump","path":"active","value":false}`), http.StatusBadRequest},
			{"a PATCH with a path that cannot be read", http.MethodPatch, e.path(), operation(`{"op":"replace","path":"emails[type eq","value":"x"}`), http.StatusBadRequest},
			{"a PATCH that removes nothing in particular", http.MethodPatch, e.path(), operation(`{"op":"remove"}`), http.StatusBadRequest},
			{"a PATCH of nobody", http.MethodPatch, "/Users/preflight-nobody", e.speak.Switch(false), http.StatusNotFound},
			{"a read of nobody", http.MethodGet, "/Users/preflight-nobody", nil, http.StatusNotFound},
			{"a group without a name", http.MethodPost, "/Groups", []byte(`{"schemas":["` + scim.GroupSchema + `"]}`), http.StatusBadRequest},
		} {
			o.verifyRefusal(o.send(bad.method, bad.path, bad.body), bad.status, bad.what)
		}
		assert.Zero(c, o.find("/Users", "userName", never.UserName).Total, "people who came of creations that were refused")
		assert.Nil(c, never.user(), "a person at the environment who came of creations that were refused")
		assert.JSONEq(c, whole, string(e.read().Raw), "the person whom the refused operations were about, before and after")
	})

	item.Case("a PATCH is carried out whole or not at all", advice{
		Why:      "a person is left in a state that neither the provider nor anybody else has asked for",
		Mend:     "apply the operations to a copy, and keep it only if all of them went well",
		Standard: "RFC 7644 §3.5.2",
	}, func(c *check) {
		e := c.Employer(scim.Okta{}).hire()
		answer := e.send(http.MethodPatch, e.path(), scim.Patch(
			scim.Operation{"op": "replace", "path": "name.givenName", "value": "Half"},
			scim.Operation{"op": "replace", "path": "active", "value": false},
			scim.Operation{"op": "jump", "path": "title", "value": "x"},
		))
		e.verifyRefusal(answer, http.StatusBadRequest, "a PATCH whose last operation does not exist")
		seen := e.read()
		assert.Equal(c, e.GivenName, seen.Text("name.givenName"), "name.givenName after a PATCH that failed")
		assert.True(c, seen.Active(), "active after a PATCH that failed")
		assert.Equal(c, "ACTIVE", e.membership().Status, "membership after a PATCH that failed")
	})

	item.Case("the same request once more changes nothing", advice{
		Why:      "providers repeat what they got no answer to: people become two, members double, deletions fail for ever",
		Mend:     "make every request say what is to be, not what is to change; a deletion of what is gone may be 404",
		Standard: "RFC 7644 §3.5.1, §3.6; CHECKLIST scim/errors",
	}, func(c *check) {
		o := c.NewEmployer(scim.Okta{})
		e := o.hire()
		group := "/Groups/" + o.newGroup()
		for range 2 {
			o.do(http.MethodPatch, group, o.speak.Join(e.id))
			e.patch(o.speak.Switch(false))
			assert.Equal(c, []string{e.id}, o.do(http.MethodGet, group, nil).Members(), "members of the group after joining it")
			assert.False(c, e.read().Active(), "active after a deactivation")
			assert.NotEqual(c, "ACTIVE", e.membership().Status, "membership after a deactivation")
		}
		for range 2 {
			e.patch(o.speak.Switch(true))
			e.do(http.MethodPut, e.path(), e.speak.Create(e.Person))
			assert.Equal(c, "ACTIVE", e.membership().Status, "membership after an activation")
		}
		o.do(http.MethodDelete, e.path(), nil)
		again := o.send(http.MethodDelete, e.path(), nil)
		assert.True(c, again.Good() || again.Status == http.StatusNotFound, "a second deletion: %s", again)
		assert.NotEqual(c, "ACTIVE", e.membership().Status, "membership after the deletion")
	})

	item.Case("who was deleted and comes back is one person", advice{
		Why:      "somebody who is hired again is two people, or can never come back",
		Mend:     "find the person of before by address, and make them active again; or refuse with 409 until somebody decides",
		Standard: "RFC 7644 §3.6; DEFECTS.md C-29",
	}, func(c *check) {
		e := c.Employer(scim.Okta{}).hire()
		before := e.user()
		require.NotNil(c, before, "the person whom the directory has made, at the environment")
		e.do(http.MethodDelete, e.path(), nil)
		answer := e.send(http.MethodPost, "/Users", e.speak.Create(e.Person))
		if answer.Status == http.StatusConflict {
			assert.NotEqual(c, "ACTIVE", e.membership().Status, "membership of somebody whose return was refused")
			return
		}
		require.True(c, answer.Good(), "the return of somebody who was deleted: %s", answer)
		assert.Equal(c, 1, e.find("/Users", "userName", e.UserName).Total, "people of that userName after the return")
		if after := e.user(); assert.NotNil(c, after, "the person at the environment after the return") {
			assert.Equal(c, "ACTIVE", membershipIn(after, e.orgID).Status, "membership after the return")
		}
	})
}

// verifyRefusal fails the case unless an answer refuses with a status, in
// SCIM's words.
func (o *employer) verifyRefusal(answer *scim.Answer, status int, what string) {
	o.c.Helper()
	if !assert.Equal(o.c, status, answer.Status, "HTTP status of the answer to %s (%s)", what, answer) {
		return
	}
	assert.Empty(o.c, answer.BadError(), "what is wrong with the refusal of %s (RFC 7644 §3.12): %s", what, answer.Raw)
}
