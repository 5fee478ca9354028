package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/joho/godotenv"
)

// entry is a variable to write down, and what the line above it says.
type entry struct{ name, value, comment string }

// complete adds entries to a .env, which need not exist, and keeps all that is in
// it: a name that stands there without a value gets it in its place, others come
// at the end, under heading. A value that is set is never touched. Only the owner
// may read the file afterwards: it holds secrets.
func complete(path, heading string, entries []entry) error {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target // a link stays one
	}
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s is no file that variables could be written to: name another in PREFLIGHT_ENV_FILE", path)
	}
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s cannot be read: %w", path, err)
	}
	text, err := completed(string(old), heading, entries)
	if err != nil {
		return err
	}
	draft, err := os.CreateTemp(filepath.Dir(path), ".env-*") // mode 0600; renamed when whole
	if err != nil {
		return fmt.Errorf("%s cannot be written: %w", path, err)
	}
	defer func() { _ = os.Remove(draft.Name()) }()
	_, err = draft.WriteString(text)
	if err := errors.Join(err, draft.Sync(), draft.Close()); err != nil {
		return fmt.Errorf("%s cannot be written: %w", path, err)
	}
	if err := os.Rename(draft.Name(), path); err != nil {
		return fmt.Errorf("%s cannot be written: %w", path, err)
	}
	return nil
}

// completed is the text of a .env with entries added. The error names a value
// that such a file cannot hold, without quoting it.
func completed(text, heading string, entries []entry) (string, error) {
	set, err := godotenv.Unmarshal(text)
	if err != nil {
		return "", errors.New("the file there is not of lines NAME=value: mend it first (make doctor names the line)")
	}
	var end strings.Builder
	wanted := map[string]string{}
	for _, e := range entries {
		if set[e.name] != "" {
			continue
		}
		line, err := assignment(e.name, e.value)
		if err != nil {
			return "", err
		}
		wanted[e.name] = e.value
		empty := regexp.MustCompile(`(?m)^[ \t]*(export[ \t]+)?` + e.name + `[ \t]*=[ \t]*(""|'')?[ \t]*\r?$`)
		if empty.MatchString(text) {
			// Where it stands already, somebody has a comment above it.
			text = empty.ReplaceAllLiteralString(text, line)
			continue
		}
		fmt.Fprintf(&end, "# %s\n%s\n", strings.Join(strings.Fields(e.comment), " "), line)
	}
	if end.Len() > 0 {
		if text != "" {
			text = strings.TrimRight(text, "\n") + "\n\n"
		}
		text += "## " + heading + "\n" + end.String()
	}
	got, err := godotenv.Unmarshal(text)
	if err != nil {
		return "", errors.New("the completed file could not be read again: nothing was written")
	}
	for name, value := range wanted {
		if got[name] != value {
			return "", fmt.Errorf("the value of %s cannot stand in a .env: set it in the environment", name)
		}
	}
	return text, nil
}

// assignment writes NAME=value so that godotenv and a shell read the same.
func assignment(name, value string) (string, error) {
	switch {
	case strings.ContainsAny(value, "\n\r\x00"):
		return "", fmt.Errorf("the value of %s has a line break, which a .env cannot hold", name)
	case regexp.MustCompile(`^[A-Za-z0-9_./:@,+-]*$`).MatchString(value):
		return name + "=" + value, nil
	case !strings.Contains(value, "'"):
		return name + "='" + value + "'", nil
	}
	return name + `="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`, "`", "\\`").Replace(value) + `"`, nil
}
