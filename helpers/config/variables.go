package config

import (
	"fmt"
	"reflect"
	"strings"
)

// Variable is one variable as Config's struct tags define it.
type Variable struct {
	Name     string
	Alias    string // another name that is read too; empty: none
	Group    string
	Doc      string
	Default  string // $NAME: the value of that variable
	Secret   bool
	Required bool // for every deployment but the embedded one

	kind       string
	words      []string
	secretFile bool
	field      int
}

// groupApp holds the variables of the app under test.
const groupApp = "The app"

// groupRun holds the variables that say how to run, not what is there.
const groupRun = "How to run"

// Variables lists every variable in the order of Config, which is that of
// .env.example.
func Variables() []Variable {
	t := reflect.TypeFor[Config]()
	var all []Variable
	group := ""
	for i := range t.NumField() {
		tag := t.Field(i).Tag
		name, ok := tag.Lookup("env")
		if !ok {
			continue
		}
		if g, ok := tag.Lookup("group"); ok {
			group = g
		}
		all = append(all, Variable{
			Name: name, Alias: tag.Get("alias"), Group: group, Doc: tag.Get("doc"), Default: tag.Get("default"),
			Secret: tag.Get("secret") == "true", Required: tag.Get("required") == "true",
			kind: tag.Get("kind"), words: strings.Fields(tag.Get("words")), secretFile: tag.Get("secret") == "file", field: i,
		})
	}
	return all
}

// Example renders .env.example from the struct tags: every variable, in
// groups, with its purpose and default. The required ones are ready to be
// filled in, the others are commented out with their default.
func Example() string {
	var b strings.Builder
	b.WriteString(`# Describes a deployment to Auth Preflight. Copy to .env and fill in; without a
# .env the suite runs on the deployment embedded in this repository.
# The environment wins over this file; an empty value counts as unset. Where the
# app does without something, write APP_…=none: and the reason.
# Durations read like 90s, 5m or 1h. Written by: go run ./helpers/cmd/preflight variables
`)
	group := ""
	for _, v := range Variables() {
		if v.Group != group {
			group = v.Group
			fmt.Fprintf(&b, "\n## %s\n", group)
		}
		b.WriteString("\n")
		doc := v.Doc
		if v.Required {
			doc += " Required."
		}
		if v.Secret {
			doc += " Secret."
		}
		if v.Alias != "" {
			doc += " Also read as " + v.Alias + "."
		}
		for _, line := range wrap(doc, 78) {
			b.WriteString("# " + line + "\n")
		}
		text := v.Default
		if strings.HasPrefix(text, "$") {
			fmt.Fprintf(&b, "# Default: the value of %s.\n", text[1:])
			text = ""
		}
		if strings.Contains(text, " ") {
			text = `"` + text + `"`
		}
		if !v.Required {
			b.WriteString("#")
		}
		b.WriteString(v.Name + "=" + text + "\n")
	}
	return b.String()
}

func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}
