package readiness

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Finish ends the run: it judges, writes result.json, junit.xml and index.html,
// proves that no known secret is in the run's folder, and returns the result.
// It may be called from anywhere, also while cases run (they stand as not
// verified, and the run is INCOMPLETE when the ending says that it was cut off).
// Later calls return the first one's result. The error says that the report
// could not be written; the result is there nevertheless.
func (r *Run) Finish(ending Ending) (*Result, error) {
	r.once.Do(func() {
		defer r.dead()
		r.close(ending)
		r.closingNotes()
		r.record(event{Event: "run_ended", Run: r.id, Text: ending.Reason})
		r.events.close()
		r.dropRaw()
		r.proveClean()
		r.result = r.build(&ending)
		r.result.addHistory(r.before)
		r.err = r.result.write()
		if r.err == nil && r.leakInReport() {
			r.result = r.build(&ending).bare()
			r.err = r.result.write()
		}
		if r.err == nil {
			r.err = r.result.rememberIn(r.opts.Reports)
		}
		if r.err != nil {
			r.err = fmt.Errorf("the report cannot be written below %s: %w", r.opts.Reports, plain(r.err))
			r.result.Run.Errors = append(r.result.Run.Errors, r.err.Error())
			r.result.Verdict, r.result.Reasons = judge(r.result.Run, r.result.Items, r.result.Declared)
		}
	})
	return r.result, r.err
}

// close waits for outcomes that are being written down and accepts no more.
func (r *Run) close(ending Ending) {
	r.Cut(ending)
	r.landing.Lock()
	defer r.landing.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
}

// dropRaw removes what is not redacted. It goes by another name first: a case
// that was cut off may still be writing, and would fill the folder again.
func (r *Run) dropRaw() {
	dying := r.raw + "-over"
	if err := os.Rename(r.raw, dying); err != nil {
		dying = r.raw
	}
	_ = os.RemoveAll(dying)
}

// closingNotes says what the end of a run must not hide.
func (r *Run) closingNotes() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if open := r.ledger.Open(); len(open) > 0 {
		r.notes = append(r.notes, countAre(len(open), "thing")+" still at the deployment that this run created: its ledger.jsonl names them"+r.swept())
	}
	if err := r.ledger.Err(); err != nil {
		r.errors = append(r.errors, err.Error())
	}
}

// swept is what to do about things that are left behind. The embedded deployment
// needs nothing done: it ends with the run.
func (r *Run) swept() string {
	if r.opts.Deployment.Embedded {
		return ""
	}
	return "; make sweep lists them, make sweep YES=1 removes them"
}

// proveClean looks for every known secret in what the run has written so far.
// A file may hold a value that was learned only after the file had landed: it
// is redacted again. What then still holds one is deleted, and the run has
// trouble of its own.
func (r *Run) proveClean() {
	hits, err := r.redactor.Scan(r.dir)
	for _, file := range filesOf(hits) {
		if again := r.redactor.File(filepath.Join(r.dir, file)); again != nil && err == nil {
			err = again
		}
	}
	if len(hits) > 0 && err == nil {
		hits, err = r.redactor.Scan(r.dir)
	}
	r.expose(hits, err)
}

// leakInReport repeats the proof on the report's own files.
func (r *Run) leakInReport() bool {
	hits, err := r.redactor.Scan(r.dir)
	return r.expose(hits, err)
}

// expose deletes the files with hits and makes the run fail for them.
func (r *Run) expose(hits []Hit, err error) (any bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.errors = append(r.errors, "the search for secrets in the report did not work: "+plain(err).Error())
	}
	for _, file := range filesOf(hits) {
		_ = os.Remove(filepath.Join(r.dir, file))
		r.errors = append(r.errors, "a secret was found in "+file+", which was deleted: report this as a fault of the suite")
	}
	return len(hits) > 0 || err != nil
}

func filesOf(hits []Hit) (files []string) {
	for _, h := range hits {
		if !slices.Contains(files, h.File) {
			files = append(files, h.File)
		}
	}
	return files
}

// build makes the result of what is known. A nil ending is a run under way.
func (r *Run) build(ending *Ending) *Result {
	r.mu.Lock()
	defer r.mu.Unlock()
	info := RunInfo{
		ID: r.id, Started: r.started.UTC().Truncate(time.Millisecond), Seconds: seconds(time.Since(r.started)),
		Deployment: r.opts.Deployment, Part: r.opts.Part, Selection: r.redactor.String(r.opts.Selection), Gate: r.opts.Gate,
		Variant: r.opts.Variant, Tool: r.opts.Tool, Notes: r.maskAll(r.notes), Errors: r.maskAll(r.errors),
	}
	if ending != nil {
		info.Finished = true
		cut := *ending
		if r.cut != nil {
			cut = *r.cut
		}
		info.Interrupted, info.TimedOut, info.Ending = cut.Interrupted, cut.TimedOut, r.redactor.String(cut.Reason)
	}
	result := &Result{Schema: Schema, Run: info, dir: r.dir, shown: filepath.Join(r.opts.Reports, r.pointer())}
	catalogue := slices.Clone(r.opts.Items)
	for id := range r.items {
		if !slices.ContainsFunc(catalogue, func(c CatalogueItem) bool { return c.ID == id }) {
			catalogue = append(catalogue, CatalogueItem{ID: id, Section: "unknown", Title: "(not in the checklist)"})
		}
	}
	for _, c := range catalogue {
		result.Items = append(result.Items, r.itemResult(c, info))
	}
	result.Declared = r.opts.Profile.declared(result.Items, r.redactor.String)
	if info.Finished && info.Selection == "" && info.cutOff() == "" {
		for _, d := range r.opts.Profile.unknown(result.Items) {
			result.Run.Errors = append(result.Run.Errors, "the profile names "+d.Name()+" ("+d.Kind.Word()+"), and there is no such case")
		}
		for _, d := range result.Declared {
			if d.Kind == Waived && !d.Used {
				result.Run.Notes = append(result.Run.Notes, "the waiver of "+d.Name()+" covers nothing: take it out of the profile")
			}
		}
	}
	result.Verdict, result.Reasons = judge(result.Run, result.Items, result.Declared)
	return result
}

func (r *Run) maskAll(texts []string) (masked []string) {
	for _, s := range texts {
		masked = append(masked, r.redactor.String(s))
	}
	return masked
}

// itemResult joins a line of the checklist with what was found. The caller
// holds mu.
func (r *Run) itemResult(c CatalogueItem, info RunInfo) ItemResult {
	out := ItemResult{
		ID: c.ID, Section: c.Section, SectionTitle: c.SectionTitle, Title: c.Title, Docs: c.Docs, Cases: []CaseResult{},
		Defects: slices.Clone(c.Defects),
	}
	item := r.items[c.ID]
	if item == nil {
		out.State, out.Reason = r.untouched(c.ID, info)
		out.State, out.Reason = r.opts.Profile.instead(c.ID, out.State, out.Reason, r.started)
		out.Reason = r.redactor.String(out.Reason)
		return out
	}
	states := slices.Clone(item.states)
	for _, rec := range item.cases {
		merged := r.merge(rec, info)
		r.opts.Profile.waive(c.ID, &merged, r.started)
		merged.Reason = r.redactor.String(merged.Reason)
		states = append(states, merged.State)
		out.Cases = append(out.Cases, merged)
		out.Seconds += merged.Seconds
	}
	out.Seconds = seconds(time.Duration(out.Seconds * float64(time.Second)))
	slices.SortFunc(out.Cases, func(a, b CaseResult) int { return cmp.Compare(a.Name, b.Name) })
	out.Tried = len(states) > 0
	out.Test = item.test
	out.forgetStale()
	if len(states) == 0 {
		out.State, out.Reason = r.empty(info)
		return out
	}
	out.State = Worst(states...)
	out.Reason = r.redactor.String(item.reason)
	if len(item.states) == 0 || Worst(item.states...) != out.State {
		out.Reason = ""
		for _, done := range out.Cases {
			if done.State == out.State && out.State != Passed {
				out.Reason = firstOf(done.Reason, firstLine(done.Output), done.Name)
				break
			}
		}
	}
	return out
}

// merge makes one case of its runs: the worst one counts. The caller holds mu.
func (r *Run) merge(rec *record, info RunInfo) CaseResult {
	runs := slices.Clone(rec.runs)
	for range rec.open {
		state, reason := r.unfinished(info)
		runs = append(runs, CaseResult{Name: rec.name, State: state, Reason: reason})
	}
	if len(runs) == 0 {
		return CaseResult{Name: rec.name, State: NotVerified, Reason: notBegun(info)}
	}
	worst, same, total := runs[0], 0, 0.0
	for _, run := range runs {
		if run.State != worst.State && Worst(run.State, worst.State) == run.State {
			worst = run
		}
		total += run.Seconds
	}
	for _, run := range runs {
		if run.State == worst.State {
			same++
		}
	}
	worst.Runs, worst.Seconds = len(runs), seconds(time.Duration(total*float64(time.Second)))
	if same < len(runs) {
		note := fmt.Sprintf("%s in %d of %d runs", worst.State.Word(), same, len(runs))
		worst.Reason = firstOf(worst.Reason, note)
		if worst.Reason != note {
			worst.Reason += " (" + note + ")"
		}
	}
	for _, text := range []*string{&worst.Reason, &worst.Expected, &worst.Seen, &worst.Output} {
		*text = r.redactor.String(*text) // once more: more is known by now
	}
	worst.Evidence = r.present(worst.Evidence)
	return worst
}

// present drops files that were deleted because they held a secret, and
// redacts the texts once more.
func (r *Run) present(evidence []Evidence) (kept []Evidence) {
	for _, e := range evidence {
		if e.File != "" {
			if _, err := os.Stat(filepath.Join(r.dir, e.File)); err != nil {
				e.File, e.Text = "", "(deleted: it held a secret)"
			}
		}
		e.Text, e.Title = r.redactor.String(e.Text), r.redactor.String(e.Title)
		kept = append(kept, e)
	}
	return kept
}

// untouched is the state of an item that no check began.
func (r *Run) untouched(id string, info RunInfo) (State, string) {
	switch {
	case !slices.Contains(r.opts.Checked, id):
		return NotVerified, NoCheckYet
	case info.Selection != "":
		return NotVerified, NotSelected
	default:
		return r.empty(info)
	}
}

// empty is the state of an item with a check but without any case.
func (r *Run) empty(info RunInfo) (State, string) {
	switch {
	case r.blocked != "":
		return Blocked, r.redactor.String(r.blocked)
	case !info.Finished:
		return NotVerified, "the run did not finish"
	case info.TimedOut:
		return NotVerified, NotReached
	case info.Interrupted:
		return NotVerified, "not reached: " + info.cutOff()
	case info.Selection != "":
		return NotVerified, NotSelected
	default:
		return NotVerified, "the check ended before its first case"
	}
}

// notBegun is why a case that was announced did not begin.
func notBegun(info RunInfo) string {
	switch cut := info.cutOff(); {
	case info.TimedOut:
		return NotReached
	case cut != "":
		return "not reached: " + cut
	case !info.Finished:
		return "the run did not finish"
	default:
		return "it was not begun"
	}
}

// unfinished is the state of a case that was begun and never ended.
func (r *Run) unfinished(info RunInfo) (State, string) {
	cut := info.cutOff()
	if cut == "" {
		cut = "the case did not end"
	}
	return NotVerified, "cut off: " + cut
}

// bare takes out of a result all that came from a deployment or a check: the
// last resort when a secret shows in the report in spite of everything.
func (r *Result) bare() *Result {
	r.Run.Notes = nil
	for i := range r.Items {
		r.Items[i].Reason, r.Items[i].Cases = "", []CaseResult{}
	}
	return r
}

// write puts the report into the run's folder, result.json last: as long as it
// is the old one, it says that the run did not finish.
func (r *Result) write() error {
	if err := r.render(r.dir); err != nil {
		return err
	}
	return fillFile(filepath.Join(r.dir, "result.json"), r.JSON)
}

func fillFile(path string, fill func(io.Writer) error) error {
	var buf bytes.Buffer
	if err := fill(&buf); err != nil {
		return err
	}
	return writeAtomically(path, buf.Bytes())
}
