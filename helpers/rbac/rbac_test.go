package rbac_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/rbac"
)

const small = `
roles: [admin, editor, member]
newcomer: member
permissions:
  editor: [projects:create]
things:
  project: {make: POST /api/projects, body: {name: "{text}"}, remove: "DELETE /api/projects/{project}"}
actions:
  - name: read a project
    do: GET /api/projects/{project}
    roles: [admin, editor, member]
  - name: add a project
    do: POST /api/projects
    body: {name: "{text}", done: 3}
    look: /api/projects
    roles: [admin, editor]
    permission: projects:create
    page: /dashboard
    control: button
  - name: post a notice
    do: POST /notice
    form: {text: "{text}"}
    look: /api/notice
    with: session
    roles: [admin]
`

func TestWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	m, err := rbac.Parse([]byte(small))
	require.NoError(t, err)
	assert.Equal(t, "member", m.Lowest())
	assert.Equal(t, []string{"projects:create"}, m.PermissionNames())
	require.Len(t, m.Denied("member"), 2)
	require.Len(t, m.Denied("editor"), 1)
	assert.Empty(t, m.Denied("admin"))

	read, add, post := m.Actions[0], m.Actions[1], m.Actions[2]
	assert.Equal(t, "project", read.Thing())
	assert.False(t, read.Changes())
	assert.False(t, read.Texts())
	assert.True(t, add.Changes())
	assert.True(t, add.Texts())
	assert.True(t, post.Texts())
	assert.Empty(t, add.Thing())
	assert.Equal(t, "id", m.Things["project"].ID)

	words := map[string]string{"text": "kelp", "project": "prj_1"}
	ready := add.Prepare(add.Do, words)
	assert.Equal(t, "POST", ready.Method)
	assert.Equal(t, "application/json", ready.Kind)
	assert.JSONEq(t, `{"name": "kelp", "done": 3}`, ready.Body)
	assert.Equal(t, "text=kelp", post.Prepare(post.Do, words).Body)
	assert.Equal(t, "/api/projects/prj_1", read.Prepare(read.Do, words).Path)
	assert.Equal(t, "prj_7", rbac.Member([]byte(`{"data": {"id": "prj_7"}}`), "data.id"))
	assert.Equal(t, "17", rbac.Member([]byte(`{"id": 17}`), "id"))
	assert.Empty(t, rbac.Member([]byte(`[]`), "id"))
}

// Whoever writes the file is told what is wrong with it, all at once.
func TestWhatMakesNoSenseIsSaid(t *testing.T) {
	t.Parallel()
	_, err := rbac.Parse([]byte(`
roles: [admin, member]
creator: owner
permissions: {boss: [x]}
things: {project: {}}
actions:
  - {name: one, do: DELETE /a, roles: [admin]}
  - {name: two, do: delete /a, roles: [admin]}
  - {name: three, do: "GET /a/{thing}", roles: [member], with: luck}
  - {name: three, do: GET /a, roles: [admin, boss], control: a}
`))
	for _, part := range []string{
		`the role "owner"`, `the role "boss"`, "project needs make", "one) needs look", "two): do must be", `with is "luck"`,
		"about {thing}", "has the name of another one", "has a control, but no page",
	} {
		assert.ErrorContains(t, err, part)
	}
	_, err = rbac.Parse([]byte("roles: [admin, member]\nactoins: []"))
	assert.ErrorContains(t, err, "actoins")
	_, err = rbac.Read(filepath.Join(t.TempDir(), "none.yaml"))
	assert.ErrorContains(t, err, "APP_ACCESS")
}

func TestTheExamplesOfTheHouseCanBeRead(t *testing.T) {
	t.Parallel()
	_, err := rbac.Read(filepath.Join("..", "..", "fixtures", "staging", "access.yaml"))
	require.NoError(t, err)
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	require.NoError(t, err)
	m, err := rbac.Parse(fenced(string(readme), "```yaml\nroles:"))
	require.NoError(t, err, "the example in README.md")
	assert.Len(t, m.Actions, 2)
}

// A stranger sees what was declared, what was seen, and what differs.
func TestThePictureSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	m, err := rbac.Parse([]byte(small))
	require.NoError(t, err)
	p := rbac.NewPicture(m)
	add := m.Actions[1]
	p.Offered(add, "editor", true)
	p.Request(add, "editor", false)
	p.Offered(add, "member", true)
	p.Request(add, "member", false)
	text := p.Text()
	assert.Contains(t, text, "add a project (POST /api/projects)")
	assert.Contains(t, text, "editor       may      page: offered; request: refused – wrong")
	assert.Contains(t, text, "member       may not  page: offered – wrong; request: refused")
	assert.Contains(t, text, "admin        may      page: not seen; request: not seen")
	assert.Contains(t, text, "2 of 9 cells are not as declared")
	page := string(p.HTML("app.test <b>"))
	assert.Contains(t, page, "app.test &lt;b&gt;")
	assert.Contains(t, page, `class="wrong"`)
	assert.Contains(t, page, "cells are not as declared")
}

// fenced is the inside of the fenced block that begins with start.
func fenced(text, start string) []byte {
	_, rest, _ := strings.Cut(text, start)
	inside, _, _ := strings.Cut(rest, "\n```")
	return []byte(strings.TrimPrefix(start, "```yaml\n") + inside)
}
