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
	"time"
)

// Part says which share of the suite a run was: one of several that together
// are a whole run, on several machines.
type Part struct {
	Number int `json:"number"` // from 1
	Of     int `json:"of"`
}

// ParsePart reads "2/3". Empty is no part at all.
func ParsePart(text string) (*Part, error) {
	if text == "" {
		return nil, nil
	}
	var p Part
	if n, err := fmt.Sscanf(text, "%d/%d", &p.Number, &p.Of); n != 2 || err != nil || p.Number < 1 || p.Number > p.Of || fmt.Sprintf("%d/%d", p.Number, p.Of) != text {
		return nil, fmt.Errorf("PREFLIGHT_PART is %q: use 2/3 for the second of three parts", text)
	}
	return &p, nil
}

// Takes reports whether the n-th item with a check (from 0) belongs to the part.
func (p *Part) Takes(n int) bool { return p == nil || n%p.Of == p.Number-1 }

// String is the part for people.
func (p *Part) String() string { return fmt.Sprintf("part %d of %d", p.Number, p.Of) }

// Merge joins the parts of one run, given by their folders, into a whole run
// below reports: its result, report, events and evidence. A part that is missing makes
// it INCOMPLETE. The error says which folder is no part of this run.
func Merge(reports string, folders ...string) (*Result, error) {
	var parts []*Result
	for _, folder := range folders {
		part, err := Load(filepath.Join(folder, "result.json"))
		if err != nil {
			return nil, err
		}
		if err := fits(parts, part); err != nil {
			return nil, fmt.Errorf("%s: %w", folder, err)
		}
		parts = append(parts, part)
	}
	if len(parts) == 0 {
		return nil, fmt.Errorf("no part was given")
	}
	slices.SortFunc(parts, func(a, b *Result) int { return a.Run.Part.Number - b.Run.Part.Number })
	whole := join(parts)
	whole.dir, whole.shown = filepath.Join(reports, "runs", whole.Run.ID), filepath.Join(reports, "latest")
	if err := os.MkdirAll(whole.dir, 0o700); err != nil {
		return nil, err
	}
	if err := joinEvents(filepath.Join(whole.dir, eventsFile), parts); err != nil {
		return nil, err
	}
	for _, part := range parts {
		evidence := os.DirFS(filepath.Join(part.dir, "evidence"))
		if _, err := os.Stat(filepath.Join(part.dir, "evidence")); err != nil {
			continue
		}
		if err := os.CopyFS(filepath.Join(whole.dir, "evidence"), evidence); err != nil {
			return nil, err
		}
	}
	if err := whole.finishIn(reports); err != nil {
		return nil, err
	}
	return whole, pointTo(reports, "latest", whole.Run.ID)
}

// joinEvents writes the events of the parts, one part after the other. A part
// that was killed may end in the middle of a line.
func joinEvents(path string, parts []*Result) error {
	var all []byte
	for _, part := range parts {
		events, err := os.ReadFile(filepath.Join(part.dir, eventsFile))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		all = append(all, events...)
		if len(all) > 0 && all[len(all)-1] != '\n' {
			all = append(all, '\n')
		}
	}
	return os.WriteFile(path, all, 0o600)
}

// fits refuses what is no part of the run that the others are parts of.
func fits(others []*Result, part *Result) error {
	if part.Run.Part == nil {
		return fmt.Errorf("run %s is no part of a run (PREFLIGHT_PART was not set)", part.Run.ID)
	}
	for _, other := range others {
		switch {
		case other.Run.Part.Of != part.Run.Part.Of:
			return fmt.Errorf("it is %s, and another is %s", part.Run.Part, other.Run.Part)
		case other.Run.Part.Number == part.Run.Part.Number:
			return fmt.Errorf("%s is there twice", part.Run.Part)
		case other.Run.Deployment.place() != part.Run.Deployment.place():
			return fmt.Errorf("it ran on %s, and another part on %s", part.Run.Deployment.AppURL, other.Run.Deployment.AppURL)
		}
	}
	return nil
}

// join makes one result of the parts, which are in their order.
func join(parts []*Result) *Result {
	first := parts[0]
	run := first.Run
	run.Part, run.Selection, run.Notes, run.Errors = nil, "", nil, nil
	run.Tool = nil
	run.ID = NewRunID(first.Run.Started)
	end := time.Time{}
	for _, part := range parts {
		p := part.Run
		run.Finished = run.Finished && p.Finished
		run.Interrupted = run.Interrupted || p.Interrupted
		run.TimedOut = run.TimedOut || p.TimedOut
		run.Ending = firstOf(run.Ending, p.Ending)
		if p.Started.Before(run.Started) {
			run.Started = p.Started
		}
		if over := p.Started.Add(time.Duration(p.Seconds * float64(time.Second))); over.After(end) {
			end = over
		}
		label := p.Part.String() + " (" + p.ID + "): "
		for _, note := range p.Notes {
			run.Notes = append(run.Notes, label+note)
		}
		for _, trouble := range p.Errors {
			run.Errors = append(run.Errors, label+trouble)
		}
		for tool, version := range p.Tool {
			if run.Tool == nil {
				run.Tool = map[string]string{}
			}
			run.Tool[tool] = version
		}
	}
	run.Seconds = seconds(end.Sub(run.Started))
	var lost []string
	for n := 1; n <= first.Run.Part.Of; n++ {
		if !slices.ContainsFunc(parts, func(p *Result) bool { return p.Run.Part.Number == n }) {
			lost = append(lost, fmt.Sprint(n))
		}
	}
	if len(lost) > 0 {
		run.Errors = append(run.Errors, fmt.Sprintf("of %d parts of this run there is no part %s", first.Run.Part.Of, strings.Join(lost, ", ")))
	}

	whole := &Result{Schema: Schema, Run: run, Declared: slices.Clone(first.Declared)}
	for _, part := range parts[1:] {
		for _, d := range part.Declared {
			i := slices.IndexFunc(whole.Declared, func(o Declaration) bool { return o.Kind == d.Kind && o.Name() == d.Name() })
			switch {
			case i < 0:
				whole.Declared = append(whole.Declared, d)
			case d.Used:
				whole.Declared[i].Used = true
			}
		}
	}
	for i, item := range first.Items {
		best := item
		for _, part := range parts[1:] {
			if i < len(part.Items) && part.Items[i].ID == item.ID && best.Reason == NotSelected && part.Items[i].Reason != NotSelected {
				best = part.Items[i]
			}
		}
		if best.Reason == NotSelected {
			best.Reason = "the part of the run that has it is missing"
		}
		whole.Items = append(whole.Items, best)
	}
	whole.Verdict, whole.Reasons = judge(run, whole.Items, whole.Declared)
	return whole
}

// finishIn looks back, writes the report and adds the run to the history.
func (r *Result) finishIn(reports string) error {
	before, err := lookBack(reports, r.Run.Deployment.place())
	if err != nil {
		r.Run.Notes = append(r.Run.Notes, "the history of earlier runs cannot be read: "+plain(err).Error())
	}
	r.addHistory(before)
	if err := r.write(); err != nil {
		return err
	}
	return r.rememberIn(reports)
}

// Render writes the report of a result anew into its own folder.
func (r *Result) Render() error { return r.render(r.dir) }

// render fills a folder with everything that is made of the result alone.
func (r *Result) render(dir string) error {
	for _, file := range []struct {
		name string
		fill func(io.Writer) error
	}{{"junit.xml", r.JUnit}, {"ctrf.json", r.CTRF}, {"summary.md", r.Markdown}, {"index.html", r.HTML}} {
		if err := fillFile(filepath.Join(dir, file.name), file.fill); err != nil {
			return err
		}
	}
	return r.writeFolders(dir)
}
