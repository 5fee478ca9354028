package readiness

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Dir returns the case's folder for artefacts, and makes it. It lies outside
// the reports: what a case leaves there is redacted before it lands in them. It
// is empty when no folder can be made; the run then has trouble of its own.
func (c *Case) Dir() string {
	c.run.mu.Lock()
	defer c.run.mu.Unlock()
	if c.raw != "" {
		return c.raw
	}
	dir, err := os.MkdirTemp(c.run.raw, slug(c.rec.name)+"-*")
	if err != nil {
		if !c.run.over() {
			c.run.errors = append(c.run.errors, "no folder for artefacts: "+plain(err).Error())
		}
		return filepath.Join(c.run.raw, slug(c.rec.name))
	}
	c.raw = dir
	return dir
}

// rawPrefix begins the name of every folder of artefacts that are not redacted yet.
const rawPrefix = "preflight-raw-"

// sweepRaw removes what runs that were killed left in the temporary folder: it
// may hold secrets. A day is longer than any run that is still under way.
func sweepRaw(tmp string, now time.Time) {
	old, _ := filepath.Glob(filepath.Join(tmp, rawPrefix+"*"))
	for _, dir := range old {
		if info, err := os.Lstat(dir); err == nil && info.IsDir() && now.Sub(info.ModTime()) > 24*time.Hour {
			_ = os.RemoveAll(dir)
		}
	}
}

// land redacts what the case left in its folder, moves it into the report, and
// returns the evidence with paths relative to the run's folder, and the folder. What
// cannot be redacted is thrown away. A red case gets a folder in any case.
func (c *Case) land(red bool) (landed []Evidence, folder string) {
	if red {
		c.Dir() // a red case has a folder, whatever it left there
	}
	c.run.mu.Lock()
	raw, evidence := c.raw, slices.Clone(c.evidence)
	c.run.mu.Unlock()
	for i := range evidence {
		evidence[i].Title = c.run.redactor.String(evidence[i].Title)
		evidence[i].Text = clip(c.run.redactor.String(evidence[i].Text))
		if filepath.IsAbs(evidence[i].File) {
			evidence[i].File, _ = filepath.Rel(raw, evidence[i].File)
		}
	}
	if raw == "" {
		return evidence, ""
	}
	defer os.RemoveAll(raw)

	files, lost := redactAll(c.run.redactor, raw)
	for _, text := range lost {
		c.run.Note(c.item.id + ", " + c.rec.name + ": " + text)
	}
	if red {
		if err := writeSteps(raw); err != nil {
			c.run.Note(c.item.id + ", " + c.rec.name + ": no " + stepsFile + ": " + plain(err).Error())
		} else if _, err := os.Stat(filepath.Join(raw, stepsFile)); err == nil {
			files = append(files, stepsFile)
			evidence = append(evidence, Evidence{Kind: "text", Title: "what happened, step by step", File: stepsFile})
		}
	}
	if len(files) == 0 && !red {
		return withoutFiles(evidence, nil), ""
	}
	where, err := c.move(raw)
	if err != nil {
		c.run.Fail("artefacts cannot be written: " + plain(err).Error())
		return withoutFiles(evidence, nil), ""
	}
	evidence = withoutFiles(evidence, files)
	for _, name := range files {
		landed := filepath.ToSlash(filepath.Join(where, harmless(name)))
		i := slices.IndexFunc(evidence, func(e Evidence) bool { return filepath.Clean(e.File) == name })
		if i < 0 {
			evidence = append(evidence, Evidence{Kind: kindOf(name), Title: name})
			i = len(evidence) - 1
		}
		evidence[i].File = landed
	}
	return evidence, filepath.ToSlash(where)
}

// redactAll redacts the files below dir. It returns those that may land,
// relative to dir, and a sentence for each that was thrown away.
func redactAll(r *Redactor, dir string) (files, lost []string) {
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		if !d.Type().IsRegular() {
			return os.Remove(path) // a link could lead anywhere
		}
		if err := r.File(path); err != nil {
			lost = append(lost, fmt.Sprintf("%s is withheld, it cannot be redacted: %v", name, plain(err)))
			return os.Remove(path)
		}
		if base := filepath.Base(path); r.String(base) != base {
			lost = append(lost, "a file is withheld, a secret is in its name")
			return os.Remove(path)
		}
		if safe := harmless(path); safe != path {
			if err := os.Rename(path, safe); err != nil {
				return err
			}
		}
		files = append(files, name)
		return nil
	})
	if err != nil {
		lost = append(lost, "artefacts are withheld: "+plain(err).Error())
		return nil, lost
	}
	return files, lost
}

// move brings a redacted folder into the report; where is relative to the run's.
func (c *Case) move(raw string) (where string, err error) {
	parent := filepath.Join("evidence", slug(c.item.id))
	if err := os.MkdirAll(filepath.Join(c.run.dir, parent), 0o700); err != nil {
		return "", err
	}
	for n := 1; ; n++ {
		where = filepath.Join(parent, slug(c.rec.name))
		if n > 1 {
			where += fmt.Sprintf("-%d", n)
		}
		err := os.Mkdir(filepath.Join(c.run.dir, where), 0o700)
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrExist) {
			return "", err
		}
	}
	entries, err := os.ReadDir(raw)
	if err != nil {
		return "", err
	}
	for _, e := range entries {
		from, to := filepath.Join(raw, e.Name()), filepath.Join(c.run.dir, where, e.Name())
		err := os.Rename(from, to)
		if errors.Is(err, syscall.EXDEV) { // the temporary folder is often another file system
			err = copyTree(from, to)
		}
		if err != nil {
			return "", err
		}
	}
	return where, nil
}

func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(from, path)
		target := filepath.Join(to, rel)
		if d.IsDir() {
			return os.MkdirAll(target, 0o700)
		}
		in, err := os.Open(path)
		if err != nil {
			return err
		}
		defer in.Close()
		out, err := os.OpenFile(target, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		_, err = io.Copy(out, in)
		if closeErr := out.Close(); err == nil {
			err = closeErr
		}
		return err
	})
}

// withoutFiles drops the file of each piece of evidence whose file did not
// land, and the piece itself when nothing else is left of it.
func withoutFiles(evidence []Evidence, landed []string) (kept []Evidence) {
	for _, e := range evidence {
		if e.File != "" && !slices.Contains(landed, filepath.Clean(e.File)) {
			e.File = ""
			if e.Text == "" {
				continue
			}
		}
		kept = append(kept, e)
	}
	return kept
}

// harmless is the name under which an artefact lands. A page saved from a
// deployment must not run when somebody clicks on it in the report.
func harmless(name string) string {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".html", ".htm", ".xhtml", ".xht", ".svg", ".xml", ".mht", ".mhtml", ".js", ".mjs", ".pdf":
		return name + ".txt"
	}
	return name
}

// kindOf guesses what an artefact is, by its name.
func kindOf(name string) string {
	base := filepath.Base(name)
	switch ext := strings.ToLower(filepath.Ext(base)); {
	case ext == ".png" || ext == ".jpg" || ext == ".jpeg" || ext == ".webp":
		return "picture"
	case ext == ".zip":
		return "trace"
	case ext == ".html":
		return "page"
	case strings.HasPrefix(base, "console"):
		return "console"
	case strings.HasPrefix(base, "requests"):
		return "requests"
	case ext == ".eml" || strings.HasPrefix(base, "mail"):
		return "mail"
	}
	return "text"
}
