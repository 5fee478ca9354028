// Package readiness turns what the checks find into an answer: events as they
// happen, one result file, a verdict, an exit code, and a report that a person
// can read. It knows nothing of browsers, of deployments or of the checks.
//
// A run's folder, <reports>/runs/<id>/, holds
//
//	result.json   the result; INCOMPLETE from the first moment, replaced at the end
//	index.html    the report; junit.xml, ctrf.json and summary.md for CI servers
//	events.jsonl  what happened, one JSON object a line, as it happened
//	ledger.jsonl  what the run created at the deployment, and what is gone again
//	alive         there as long as the run's process is, and locked by it
//	evidence/     pictures, traces and texts of the cases, redacted
//
// <reports>/history.jsonl has a line for each whole run that ended by itself.
// <reports>/latest points to the last whole run, <reports>/selection to the
// last run of a part of the suite.
package readiness

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// CatalogueItem is one item of the checklist, as far as a report needs it.
type CatalogueItem struct {
	ID           string
	Section      string // the section's id
	SectionTitle string // optional: the id serves instead
	Title        string
	Docs         string // optional: a page on the subject
	NoWaiver     bool   // a fault here is too grave to be accepted
	Always       bool   // every sign-in has it: it is never "not applicable"
	// Defects are the known mistakes that the item's check is held against.
	Defects []Defect
}

// Options describe a run.
type Options struct {
	// Reports is the root folder of all reports. It is made when missing.
	Reports string
	// RunID names the run, [a-z0-9-]; empty: one is made that sorts by time.
	RunID string
	// Items is the whole checklist, in its order.
	Items []CatalogueItem
	// Checked are the ids of the items that have a check. All others stand as
	// "no check yet".
	Checked []string
	// Deployment is what is tested.
	Deployment Deployment
	// Profile is what people declare; nil: nothing.
	Profile *Profile
	// Gate is GateReady (also when empty) or GateFailures.
	Gate string
	// Selection says what was chosen of the suite; empty: all of it.
	Selection string
	// Part is the share of the suite that this run is; nil: all of it.
	Part *Part
	// Deadline is when the run is cut off; zero: never.
	Deadline time.Time
	// Variant holds the variables that make the embedded deployment another than
	// usual; running a case again needs them.
	Variant map[string]string
	// Tool names versions of what took part: suite, browser, go.
	Tool map[string]string
	// Secrets are values that must never land in a report. More can be learned.
	Secrets []string
	// Progress is told on the way how far the run is; nil: nobody is.
	Progress io.Writer
}

// Run is a run under way. All its methods are safe for concurrent use.
type Run struct {
	opts     Options
	id       string
	dir      string // in the reports
	raw      string // where artefacts lie until they are redacted
	started  time.Time
	before   []past // the runs before this one, on the same deployment
	redactor *Redactor
	ledger   *Ledger
	dead     func() // nobody takes this run for living any more
	events   *journal
	progress *progress

	// landing is held for reading while a case writes its outcome down, and for
	// writing when the run closes: no outcome is half in the result.
	landing sync.RWMutex

	mu      sync.Mutex
	items   map[string]*Item
	notes   []string
	errors  []string
	blocked string
	cut     *Ending
	closed  bool

	once   sync.Once
	result *Result
	err    error
}

// Ending says how a run ended that did not end by itself.
type Ending struct {
	Interrupted bool
	TimedOut    bool
	Reason      string // one sentence; empty: one is made
}

func (e Ending) cutOff() bool { return e.Interrupted || e.TimedOut }

// Start opens a run: its folder, its events, and a result that says INCOMPLETE
// until Finish replaces it, so that a run that is killed leaves the truth
// behind. The error is one sentence about a folder that cannot be written or an
// option that makes no sense.
func Start(opts Options) (*Run, error) {
	r := &Run{
		opts: opts, id: opts.RunID, started: time.Now(), items: map[string]*Item{},
		redactor: NewRedactor(opts.Secrets...),
	}
	switch opts.Gate {
	case "":
		r.opts.Gate = GateReady
	case GateReady, GateFailures:
	default:
		return nil, fmt.Errorf("the gate %q is unknown: use %s or %s", opts.Gate, GateReady, GateFailures)
	}
	if r.id == "" {
		r.id = NewRunID(r.started)
	}
	if !validRunID(r.id) {
		return nil, fmt.Errorf("the run id %q is not made of small letters, digits and dashes, at most 64", r.id)
	}
	if r.opts.Part != nil {
		r.opts.Selection = strings.TrimPrefix(r.opts.Selection+", "+r.opts.Part.String(), ", ")
	}
	if err := r.open(); err != nil {
		return nil, fmt.Errorf("no report can be written below %s (%w): make room there, or name a folder you may write to with PREFLIGHT_REPORTS", opts.Reports, plain(err))
	}
	r.progress = newProgress(opts.Progress, r.started)
	for _, d := range opts.Profile.Expired(r.started) {
		r.Fail("the profile's entry for " + d.Name() + " is over (" + string(d.Kind) + "): " + d.String())
	}
	return r, nil
}

// open makes the run's folders and writes all that must be there from the start.
func (r *Run) open() (err error) {
	runs := filepath.Join(r.opts.Reports, "runs")
	if err = os.MkdirAll(runs, 0o755); err != nil {
		return err
	}
	r.dir = filepath.Join(runs, r.id)
	if err = os.Mkdir(r.dir, 0o700); err != nil {
		return err
	}
	r.dead = stayAlive(r.dir)
	defer func() {
		if err != nil { // nothing of a run that never began stays
			r.dead()
			_ = os.RemoveAll(r.dir)
			_ = os.RemoveAll(r.raw)
		}
	}()
	sweepRaw(os.TempDir(), r.started)
	if r.raw, err = os.MkdirTemp("", rawPrefix+"*"); err != nil {
		return err
	}
	if r.events, err = openJournal(filepath.Join(r.dir, eventsFile)); err != nil {
		return err
	}
	if r.before, err = lookBack(r.opts.Reports, r.opts.Deployment.place()); err != nil {
		r.notes = append(r.notes, "the history of earlier runs cannot be read: "+plain(err).Error())
	}
	r.ledger = newLedger(filepath.Join(r.dir, "ledger.jsonl"))
	if err = r.build(nil).write(); err != nil {
		return err
	}
	if err = pointTo(r.opts.Reports, r.pointer(), r.id); err != nil {
		return err
	}
	return r.events.write(event{Event: "run_began", Run: r.id, Text: r.opts.Selection})
}

// pointer names the link that people follow to this run.
func (r *Run) pointer() string {
	if r.opts.Selection == "" {
		return "latest"
	}
	return "selection"
}

// ID returns the run's id.
func (r *Run) ID() string { return r.id }

// Dir returns the run's folder.
func (r *Run) Dir() string { return r.dir }

// Report returns the page to open.
func (r *Run) Report() string { return filepath.Join(r.opts.Reports, r.pointer(), "index.html") }

// Ledger returns the list of what the run creates.
func (r *Run) Ledger() *Ledger { return r.ledger }

// Redactor returns the run's redactor.
func (r *Run) Redactor() *Redactor { return r.redactor }

// Learn tells the run of a secret, the moment it is seen.
func (r *Run) Learn(secret string) { r.redactor.Learn(secret) }

// Begun reports whether a check was begun.
func (r *Run) Begun() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.items) > 0
}

// Note adds a sentence to the report that changes no state.
func (r *Run) Note(text string) {
	text = r.redactor.String(text)
	r.mu.Lock()
	if !r.closed {
		r.notes = append(r.notes, text)
	}
	r.mu.Unlock()
	r.record(event{Event: "note", Text: text})
}

// Waited records that the deployment made the run wait, and why.
func (r *Run) Waited(why string, d time.Duration) {
	r.record(event{Event: "waited", Text: r.redactor.String(why), Seconds: d.Seconds()})
}

// Fail records trouble of the run itself, which keeps every gate shut.
func (r *Run) Fail(text string) {
	text = r.redactor.String(text)
	r.mu.Lock()
	r.errors = append(r.errors, text)
	r.mu.Unlock()
	r.record(event{Event: "run_error", Text: text})
}

// Block says that the preconditions of the whole run failed: every item without
// a measured case is blocked. The first reason stays.
func (r *Run) Block(reason string) {
	reason = r.redactor.String(reason)
	r.mu.Lock()
	first := r.blocked == ""
	if first {
		r.blocked = reason
	}
	r.mu.Unlock()
	if first {
		r.record(event{Event: "blocked", Text: reason})
	}
}

// Cut says that the run is being cut off. From now on nothing that a case
// reports counts, since it may be the cutting's own doing; cases under way stand
// as not verified. Call it before closing a browser that cases still use, then
// Finish. Only the first call counts.
func (r *Run) Cut(ending Ending) {
	r.progress.stop()
	r.landing.Lock()
	defer r.landing.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cut == nil && ending.cutOff() {
		r.cut = &ending
	}
}

// IsCut reports whether the run was cut off: see Cut.
func (r *Run) IsCut() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.cut != nil
}

// over reports whether outcomes still count. The caller holds mu.
func (r *Run) over() bool { return r.closed || r.cut != nil }

// record writes an event. A failure is trouble of the run, said once.
func (r *Run) record(e event) {
	r.progress.note(e)
	if err := r.events.write(e); err != nil {
		r.mu.Lock()
		r.errors = append(r.errors, "the events cannot be written: "+plain(err).Error())
		r.mu.Unlock()
	}
}

// plain takes the machine's paths out of an error of the file system.
func plain(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	var link *os.LinkError
	if errors.As(err, &link) {
		return link.Err
	}
	return err
}
