// Package rbac reads who may do what in an application, as its team writes it
// down (APP_ACCESS), and draws it. It asks nobody anything.
package rbac

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// Matrix is who may do what.
type Matrix struct {
	// Roles are the levels by name, as the environment knows them. The first one
	// may do everything and prepares what the others try.
	Roles []string
	// Creator is the role of who makes an organization, Newcomer that of who
	// joins one and is given none; empty: whatever the environment says.
	Creator, Newcomer string
	// Permissions of each role; a role that is left out is not looked at.
	Permissions map[string][]string
	// Things are what actions are about, by name.
	Things  map[string]*Thing
	Actions []*Action
}

// Thing is a kind of object. Every attempt may have one of its own, made by the
// first role with a name of its own.
type Thing struct {
	// Make is the request that makes one, {text} its name.
	Request `yaml:",inline"`
	Make    string
	// ID is the member of the answer that holds its id; dots lead into objects.
	ID string
	// Remove is the request that removes one; empty: nothing does.
	Remove string
}

// Request is what is sent. {text} stands for a word that nobody has used yet,
// {thing} for the id of a fresh thing of that name.
type Request struct {
	Body map[string]any    // sent as JSON
	Form map[string]string // sent as a form
}

// Action is one thing that people do.
type Action struct {
	Name    string // "rename a project"
	Request `yaml:",inline"`
	Do      string // "PATCH /api/projects/{project}"
	// Look is a path (GET) at which the first role sees whether it has happened:
	// {text} is there, or the answer is another one than before.
	Look string
	// Sees is what an answer holds that lets somebody read; empty: the name of
	// the thing, or any success.
	Sees string
	// Roles may; all others may not.
	Roles []string
	// Permission is what a role needs for it; empty: not declared.
	Permission string
	// Page is the page on which the control is offered, Control its CSS selector.
	Page, Control string
	// With is "session" where the request takes no access token; empty: it does
	// where APP_API_PATH says that the application's API does.
	With string
}

// Read reads the file. Its error says what is wrong with which entry.
func Read(path string) (*Matrix, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("APP_ACCESS cannot be read: %w", err)
	}
	m, err := Parse(text)
	if err != nil {
		return nil, fmt.Errorf("APP_ACCESS cannot be used: %w", err)
	}
	return m, nil
}

// Parse is Read for the text of the file. Its error joins a sentence for each
// entry that makes no sense.
func Parse(text []byte) (*Matrix, error) {
	m := &Matrix{}
	if err := yaml.UnmarshalWithOptions(text, m, yaml.Strict()); err != nil {
		return nil, err
	}
	return m, m.check()
}

func (m *Matrix) check() error {
	var problems []error
	bad := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	known := func(what string, roles ...string) {
		for _, role := range roles {
			if !slices.Contains(m.Roles, role) {
				bad("%s names the role %q, which is none of %s", what, role, strings.Join(m.Roles, ", "))
			}
		}
	}
	if len(m.Roles) < 2 {
		bad("roles lists fewer than two levels")
	}
	if len(m.Actions) == 0 {
		bad("actions is empty")
	}
	for role := range m.Permissions {
		known("permissions", role)
	}
	for _, role := range []string{m.Creator, m.Newcomer} {
		if role != "" {
			known("creator or newcomer", role)
		}
	}
	for name, thing := range m.Things {
		if thing == nil || !isRequest(thing.Make) {
			bad("things: %s needs make, such as POST /api/projects", name)
			continue
		}
		if thing.Remove != "" && !isRequest(thing.Remove) {
			bad("things: %s: remove must be like DELETE /api/projects/{%s}", name, name)
		}
		if thing.ID == "" {
			thing.ID = "id"
		}
	}
	for i, a := range m.Actions {
		what := fmt.Sprintf("action %d (%s)", i+1, a.Name)
		switch {
		case a.Name == "":
			bad("%s has no name", what)
		case !isRequest(a.Do):
			bad("%s: do must be a method and a path, such as POST /api/projects", what)
		case a.Changes() && a.Look == "":
			bad("%s needs look: the path at which the first role sees whether it has happened", what)
		case a.Control != "" && a.Page == "":
			bad("%s has a control, but no page", what)
		case a.With != "" && a.With != WithSession && a.With != WithToken:
			bad("%s: with is %q, but must be %s or %s", what, a.With, WithSession, WithToken)
		case len(a.Roles) == 0 || !slices.Contains(a.Roles, first(m.Roles)):
			bad("%s: roles must hold the first role, %s, who has to be able to do everything", what, first(m.Roles))
		}
		known(what, a.Roles...)
		for _, thing := range a.things() {
			if m.Things[thing] == nil {
				bad("%s is about {%s}, which things does not describe", what, thing)
			}
		}
		if slices.ContainsFunc(m.Actions[:i], func(other *Action) bool { return other.Name == a.Name }) {
			bad("%s has the name of another one", what)
		}
	}
	return errors.Join(problems...)
}

// The ways in which a request says who sends it.
const (
	WithToken   = "token"
	WithSession = "session"
)

func isRequest(text string) bool {
	method, path, ok := strings.Cut(text, " ")
	return ok && method != "" && method == strings.ToUpper(method) && strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "//")
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// May reports whether a role may do it.
func (a *Action) May(role string) bool { return slices.Contains(a.Roles, role) }

// Changes reports whether it is more than reading.
func (a *Action) Changes() bool {
	method, _, _ := strings.Cut(a.Do, " ")
	return method != http.MethodGet && method != http.MethodHead
}

// Thing is the name of the thing that it is about, or "".
func (a *Action) Thing() string { return first(a.things()) }

// Texts reports whether it writes {text}.
func (a *Action) Texts() bool {
	return strings.Contains(a.Do, "{text}") || a.holds("{text}")
}

func (a *Action) holds(word string) bool {
	for _, value := range a.Form {
		if strings.Contains(value, word) {
			return true
		}
	}
	encoded, _ := json.Marshal(a.Body) // came from YAML
	return strings.Contains(string(encoded), word)
}

func (a *Action) things() (names []string) {
	rest := a.Do + " " + a.Page + " " + a.Look
	for {
		_, after, ok := strings.Cut(rest, "{")
		if !ok {
			return slices.Compact(slices.Sorted(slices.Values(names)))
		}
		name, behind, _ := strings.Cut(after, "}")
		if name != "text" {
			names = append(names, name)
		}
		rest = behind
	}
}

// Lowest is the role that may do least; of several, the last one.
func (m *Matrix) Lowest() string {
	lowest, fewest := "", len(m.Actions)+1
	for _, role := range m.Roles {
		n := 0
		for _, a := range m.Actions {
			if a.May(role) {
				n++
			}
		}
		if n <= fewest {
			lowest, fewest = role, n
		}
	}
	return lowest
}

// Denied are the actions that a role may not do.
func (m *Matrix) Denied(role string) (all []*Action) {
	for _, a := range m.Actions {
		if !a.May(role) {
			all = append(all, a)
		}
	}
	return all
}

// PermissionNames are all permissions that the file names.
func (m *Matrix) PermissionNames() []string {
	var all []string
	for _, names := range m.Permissions {
		all = append(all, names...)
	}
	for _, a := range m.Actions {
		if a.Permission != "" {
			all = append(all, a.Permission)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Ready is a request that can be sent.
type Ready struct {
	Method, Path string
	Kind, Body   string // media type and body; empty: none
}

// Prepare fills in what stands in braces. "do" is a method and a path.
func (r Request) Prepare(do string, words map[string]string) Ready {
	method, path, _ := strings.Cut(do, " ")
	ready := Ready{Method: method, Path: Fill(path, words)}
	switch {
	case r.Form != nil:
		form := url.Values{}
		for name, value := range r.Form {
			form.Set(name, Fill(value, words))
		}
		ready.Kind, ready.Body = "application/x-www-form-urlencoded", form.Encode()
	case r.Body != nil:
		encoded, _ := json.Marshal(r.Body) // came from YAML
		ready.Kind, ready.Body = "application/json", Fill(string(encoded), words)
	}
	return ready
}

// Fill replaces each {name} by its word.
func Fill(text string, words map[string]string) string {
	for name, word := range words {
		text = strings.ReplaceAll(text, "{"+name+"}", word)
	}
	return text
}

// Member reads a member of a JSON object, as text; dots lead into objects.
func Member(answer []byte, path string) string {
	var value any
	if json.Unmarshal(answer, &value) != nil {
		return ""
	}
	for name := range strings.SplitSeq(path, ".") {
		object, _ := value.(map[string]any)
		value = object[name]
	}
	switch value := value.(type) {
	case string:
		return value
	case float64:
		return fmt.Sprintf("%.0f", value)
	}
	return ""
}
