package readiness

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/auth-preflight/auth-preflight/helpers/config"
)

// CaseFile, in the folder of a red case, holds what `make repro` needs of it.
const CaseFile = "case.json"

// CaseInfo is the content of a CaseFile.
type CaseInfo struct {
	Item string `json:"item"`
	Case string `json:"case"`
	// Test is the test's full name, as go test prints it.
	Test string `json:"test"`
	// Variant holds the variables that made the embedded deployment what it was.
	Variant map[string]string `json:"variant,omitempty"`
}

// ReadCase reads the CaseFile of a folder. The error says that it is none.
func ReadCase(folder string) (info CaseInfo, err error) {
	data, err := os.ReadFile(filepath.Join(folder, CaseFile))
	if err == nil {
		err = json.Unmarshal(data, &info)
	}
	if err == nil && info.Test == "" {
		err = fmt.Errorf("its %s names no test", CaseFile)
	}
	if err != nil {
		return info, fmt.Errorf("%s is not the folder of a red case: %w", folder, plain(err))
	}
	return info, nil
}

// TestPattern is the go test -run pattern for one test by its full name.
func TestPattern(test string) string {
	return "^" + strings.ReplaceAll(regexp.QuoteMeta(test), "/", "$/^") + "$"
}

// repro is the line that runs an item, or one case of it, again: slowly, traced,
// and on the embedded deployment as it was.
func repro(variant map[string]string, item, name string) string {
	var names []string
	for name := range variant {
		names = append(names, name)
	}
	slices.Sort(names)
	line := ""
	for _, name := range names {
		line += name + "=" + quoted(variant[name]) + " "
	}
	what := item
	if name != "" {
		what += "#" + name
	}
	return line + "make repro RUN=" + strings.ReplaceAll(quoted(what), "$", "$$") // make would take it for a variable
}

// quoted is a word for a shell.
func quoted(s string) string {
	if regexp.MustCompile(`^[A-Za-z0-9_,./:@-]+$`).MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// red are the cases with a fault or trouble, waived ones included.
func (c CaseResult) red() bool { return c.State.gates() || c.Measured != "" }

// writeFolders puts into the folder of each red case a page that tells all of
// it in plain text, and the file that `make repro` reads.
func (r *Result) writeFolders(dir string) error {
	for _, item := range r.Items {
		for _, c := range item.Cases {
			if c.Folder == "" || !c.red() || !filepath.IsLocal(c.Folder) {
				continue
			}
			folder := filepath.Join(dir, c.Folder)
			if info, err := os.Stat(folder); err != nil || !info.IsDir() {
				continue // an old run whose evidence was thrown away
			}
			if err := fillFile(filepath.Join(folder, "README.md"), func(w io.Writer) error { return r.story(w, item, c) }); err != nil {
				return err
			}
			if c.Test == "" {
				continue
			}
			info := CaseInfo{Item: item.ID, Case: c.Name, Test: c.Test, Variant: r.Run.Variant}
			if err := fillFile(filepath.Join(folder, CaseFile), func(w io.Writer) error {
				enc := json.NewEncoder(w)
				enc.SetEscapeHTML(false)
				enc.SetIndent("", "  ")
				return enc.Encode(info)
			}); err != nil {
				return err
			}
		}
	}
	return nil
}

// traceFile is a trace as make trace takes it: from the root of the clone, so that it
// holds on the machine to which its reports are copied; in full where the reports
// lie outside of it.
func (r *Result) traceFile(e Evidence) string {
	file := filepath.Join(r.dir, filepath.FromSlash(e.File))
	if full, err := filepath.Abs(file); err == nil {
		file = full
	}
	if root, err := config.ModuleRoot(); err == nil {
		if inside, err := filepath.Rel(root, file); err == nil && filepath.IsLocal(inside) {
			file = inside
		}
	}
	return quoted(filepath.ToSlash(file))
}

// story writes all that is known of a red case.
func (r *Result) story(w io.Writer, item ItemResult, c CaseResult) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s in `%s`: %s\n\n", markdown(c.Name), c.stateWord(), item.ID, markdown(item.Title))
	fmt.Fprintf(&b, "Run %s on %s, %s.\n", r.Run.ID, markdown(r.Run.Deployment.AppURL), r.Run.Started.Format("2 January 2006, 15:04 MST"))
	if r.Run.Deployment.Embedded {
		fmt.Fprintf(&b, "\n%s\n", proof)
	}
	part := func(title, text string) {
		if text != "" {
			fmt.Fprintf(&b, "\n## %s\n\n%s\n", title, text)
		}
	}
	code := func(title, text string) {
		if text != "" {
			part(title, fenced(text))
		}
	}
	code("Expected", c.Expected)
	code("Seen", c.Seen)
	part("Said of it", markdown(c.Reason))
	if c.Output != c.Seen {
		code("What the check said", c.Output)
	}
	part("Why it matters", markdown(c.Why))
	part("How to mend it", markdown(c.Mend))
	part("Standard", markdown(c.Standard))
	if item.Docs != "" {
		part("Documentation", item.Docs)
	}
	if c.Repro != "" {
		part("See it happen", "```sh\n"+printable(c.Repro)+"\n```")
	}
	var files strings.Builder
	for _, e := range c.Evidence {
		switch {
		case e.File == "":
			continue
		case path.Base(e.File) == stepsFile:
			if text, err := os.ReadFile(filepath.Join(r.dir, e.File)); err == nil {
				code("What happened, step by step", string(text))
			}
		}
		name := e.File
		if rel, err := filepath.Rel(c.Folder, e.File); err == nil {
			name = filepath.ToSlash(rel)
		}
		if e.Kind == "picture" {
			files.WriteString("- !") // shown, not only named
		} else {
			files.WriteString("- ")
		}
		fmt.Fprintf(&files, "[%s](<./%s>) (%s)\n", markdown(firstOf(e.Title, name)), strings.NewReplacer("<", "%3C", ">", "%3E").Replace(name), e.Kind)
		if e.Kind == "trace" {
			fmt.Fprintf(&files, "  opens with `make trace FILE=%s`\n", r.traceFile(e))
		}
	}
	part("Files", strings.TrimSpace(files.String()))
	for _, e := range c.Evidence {
		if e.Text != "" {
			code(strings.ToUpper(e.Kind[:1])+e.Kind[1:]+": "+markdown(e.Title), e.Text)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
