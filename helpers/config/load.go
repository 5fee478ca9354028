package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/joho/godotenv"

	"github.com/auth-preflight/auth-preflight/helpers/inbox"
	"github.com/auth-preflight/auth-preflight/helpers/loopback"
)

// Load reads the variables of a remote run: the environment through lookup
// (os.LookupEnv), then the .env file at path dotenv, which need not exist.
// Relative paths in values start at the module's root. A variable that is
// set but empty counts as unset, and hides the .env's. The error holds a
// sentence for each required variable that is missing and each value that is
// malformed; it never holds a secret.
func Load(lookup func(string) (string, bool), dotenv string) (*Config, error) {
	return LoadWith(lookup, dotenv, nil)
}

// FromMap reads the variables that an embedded deployment announces.
func FromMap(vars map[string]string) (*Config, error) {
	return LoadWith(func(string) (string, bool) { return "", false }, "", vars)
}

// LoadWith is Load with a third layer below the environment and the .env: the
// map of an embedded deployment, so that PREFLIGHT_HEADED and the like work on
// it too. With a nil map it is Load.
func LoadWith(lookup func(string) (string, bool), dotenv string, embedded map[string]string) (*Config, error) {
	return load(Variables(), lookup, dotenv, embedded)
}

// LoadLocal reads only the variables that say how to run, so that a machine
// can be prepared and checked before a deployment is described.
func LoadLocal(lookup func(string) (string, bool), dotenv string) (*Config, error) {
	local := slices.DeleteFunc(Variables(), func(v Variable) bool { return v.Group != groupRun })
	return load(local, lookup, dotenv, nil)
}

func load(variables []Variable, lookup func(string) (string, bool), dotenv string, embedded map[string]string) (*Config, error) {
	file, err := readDotenv(dotenv)
	if err != nil {
		return nil, err
	}
	c := &Config{values: map[string]value{}, declined: map[string]string{}}
	var problems []error
	for _, v := range variables {
		if found, ok := find(v, lookup, file, embedded); ok && found.text != "" {
			switch reason, none := declines(v, found.text); {
			case !none:
				c.values[v.Name] = found
			case reason == "":
				problems = append(problems, fmt.Errorf("%s (from %s) says none without a reason: write none: and why the app does without", v.Name, fromWhere(found.origin, dotenv)))
			default:
				c.declined[v.Name] = reason
			}
		}
	}
	known := names()
	for _, layer := range []map[string]string{file, embedded} {
		for _, name := range slices.Sorted(maps.Keys(layer)) {
			if !slices.Contains(known, name) {
				c.unknown = append(c.unknown, name)
			}
		}
	}

	problems = append(problems, c.missingRequired(variables)...)
	c.fillDefaults(variables)
	target := reflect.ValueOf(c).Elem()
	for _, v := range variables {
		set, ok := c.values[v.Name]
		if !ok {
			continue
		}
		// A fault in a value that another variable lent is that variable's.
		if err := parse(target.Field(v.field), v, set.text); err != nil && set.origin != FromDefault {
			problems = append(problems, fmt.Errorf("%s (from %s) %w", v.Name, fromWhere(set.origin, dotenv), err))
		}
	}
	if c.CAFile != "" && len(problems) == 0 {
		if err := c.readRoots(); err != nil {
			problems = append(problems, err)
		}
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	c.bare = newClient(loopback.Transport(c.roots), c.TimeoutFactor)
	c.client = c.marked(c.bare, "")
	return c, nil
}

// declines reads "none: reason", with which a deployment declares that the app
// does without what a variable describes. Only what is nobody's duty can be
// declared away: optional features of the app, which have no default.
func declines(v Variable, text string) (reason string, none bool) {
	rest, none := strings.CutPrefix(text, "none:")
	if !none || v.Group != groupApp || v.Required || v.Default != "" {
		return "", false
	}
	return strings.TrimSpace(rest), true
}

// IsEmpty reports whether neither the environment nor the .env file says
// anything about a deployment: the sign to run on the embedded one. Variables
// that only say how to run (PREFLIGHT_HEADED, PREFLIGHT_REPORTS, …) do not
// count. An unreadable .env is not empty: Load names its fault.
func IsEmpty(lookup func(string) (string, bool), dotenv string) bool {
	file, err := readDotenv(dotenv)
	if err != nil {
		return false
	}
	for _, v := range Variables() {
		if v.Group == groupRun {
			continue
		}
		if found, ok := find(v, lookup, file, nil); ok && found.text != "" {
			return false
		}
	}
	return true
}

// Describing lists the variables of the environment that say something about a
// deployment, by the names they are set by.
func Describing(lookup func(string) (string, bool)) (set []string) {
	for _, v := range Variables() {
		for _, name := range []string{v.Name, v.Alias} {
			if text, ok := lookup(name); ok && name != "" && text != "" && v.Group != groupRun {
				set = append(set, name)
			}
		}
	}
	return set
}

// find looks a variable up by both its names, layer by layer.
func find(v Variable, lookup func(string) (string, bool), file, embedded map[string]string) (value, bool) {
	layers := []struct {
		origin string
		get    func(string) (string, bool)
	}{
		{FromEnvironment, lookup},
		{FromDotenv, func(n string) (string, bool) { t, ok := file[n]; return t, ok }},
		{FromEmbedded, func(n string) (string, bool) { t, ok := embedded[n]; return t, ok }},
	}
	for _, layer := range layers {
		for _, name := range []string{v.Name, v.Alias} {
			if name == "" {
				continue
			}
			if text, ok := layer.get(name); ok {
				return value{strings.TrimSpace(text), layer.origin}, true
			}
		}
	}
	return value{}, false
}

func (c *Config) missingRequired(variables []Variable) []error {
	var missing []string
	for _, v := range variables {
		if _, ok := c.values[v.Name]; v.Required && !ok {
			missing = append(missing, v.Name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return []error{fmt.Errorf("%s not set: describe the whole deployment in .env (see .env.example), "+
		"or set nothing about one to run on the embedded deployment", list(missing))}
}

// fillDefaults runs after the layers, so that a default may take the value of
// another variable.
func (c *Config) fillDefaults(variables []Variable) {
	for _, v := range variables {
		if _, ok := c.values[v.Name]; ok || v.Default == "" {
			continue
		}
		text := v.Default
		if other, ok := strings.CutPrefix(text, "$"); ok {
			text = c.values[other].text
		}
		if text != "" {
			c.values[v.Name] = value{text, FromDefault}
		}
	}
	const address = "PREFLIGHT_INBOX_ADDRESS"
	if _, ok := c.values[address]; !ok {
		if usual := inbox.UsualAddress(c.values["PREFLIGHT_INBOX_URL"].text); usual != "" {
			c.values[address] = value{usual, FromDefault}
		}
	}
}

// readDotenv leaves the parser's own words out of its error: they quote the
// line, and the line may hold a secret.
func readDotenv(path string) (map[string]string, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", path, err)
	}
	vars, err := godotenv.UnmarshalBytes(text)
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: line %d is not of the form NAME=value (put a value with spaces or # in quotes, and close them)", path, badLine(string(text)))
	}
	return vars, nil
}

// badLine is the number of the line that makes text unreadable: the first one
// by which the text up to there stops parsing and never parses again.
func badLine(text string) int {
	lines := strings.Split(text, "\n")
	good := 0
	for i := range lines {
		if _, err := godotenv.Unmarshal(strings.Join(lines[:i+1], "\n") + "\n"); err == nil {
			good = i + 1
		}
	}
	return good + 1
}

// fromWhere says where a value stands; dotenv is the file that was read as .env.
func fromWhere(origin, dotenv string) string {
	if origin == FromDotenv {
		return filepath.Base(dotenv)
	}
	return "the " + origin
}

// list joins names as a sentence does: "A", "A and B", "A, B and C"; the verb
// that follows is "is" or "are".
func list(names []string) string {
	if len(names) == 1 {
		return names[0] + " is"
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1] + " are"
}
