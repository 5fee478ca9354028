package readiness

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Schema names the form of the result file. The number grows when a reader of
// the old form would be misled.
const Schema = "auth-preflight/result@1"

// Result is one run, complete: all that the report is rendered from.
type Result struct {
	Schema  string   `json:"schema"`
	Run     RunInfo  `json:"run"`
	Verdict Verdict  `json:"verdict"`
	Reasons []string `json:"reasons"`
	// Items are all items of the checklist, in its order.
	Items []ItemResult `json:"items"`
	// Declared is what people say in the profile.
	Declared []Declaration `json:"declared,omitempty"`
	// Since is what changed since the last whole run on the same deployment;
	// nil: there was none.
	Since *Since `json:"since,omitempty"`

	dir   string // the run's folder: where evidence is looked for
	shown string // the folder named to people
}

// RunInfo is the run itself: when, on what, and how it ended.
type RunInfo struct {
	ID          string            `json:"id"`
	Started     time.Time         `json:"started"`
	Seconds     float64           `json:"seconds"`
	Deployment  Deployment        `json:"deployment"`
	Selection   string            `json:"selection"`      // what was chosen; empty: the whole suite
	Part        *Part             `json:"part,omitempty"` // nil: not one of several
	Gate        string            `json:"gate"`
	Finished    bool              `json:"finished"` // false: still running, killed or crashed
	Interrupted bool              `json:"interrupted"`
	TimedOut    bool              `json:"timed_out"`
	Ending      string            `json:"ending,omitempty"`  // why it was cut off
	Variant     map[string]string `json:"variant,omitempty"` // of the embedded deployment
	Tool        map[string]string `json:"tool,omitempty"`
	Notes       []string          `json:"notes,omitempty"`
	Errors      []string          `json:"errors,omitempty"` // trouble of the run itself; keeps every gate shut
}

// cutOff says in a sentence why a run did not end by itself, or nothing.
func (r RunInfo) cutOff() string {
	switch {
	case !r.Finished:
		return "the run did not finish: it was killed, it crashed, or it is still running"
	case r.Ending != "" && (r.Interrupted || r.TimedOut):
		return r.Ending
	case r.Interrupted:
		return "the run was interrupted"
	case r.TimedOut:
		return "the deadline came first: run with -timeout 60m"
	}
	return ""
}

// Deployment is what was tested.
type Deployment struct {
	Name           string `json:"name"`
	AppURL         string `json:"app_url"`
	EnvironmentURL string `json:"environment_url"`
	Embedded       bool   `json:"embedded"` // the deployment of this repository: a pass proves the suite
	Target         string `json:"target"`   // staging or production
}

// ItemResult is one item of the checklist.
type ItemResult struct {
	ID           string       `json:"id"`
	Section      string       `json:"section"`
	SectionTitle string       `json:"section_title,omitempty"`
	Title        string       `json:"title"`
	Docs         string       `json:"docs,omitempty"`
	State        State        `json:"state"`
	Reason       string       `json:"reason,omitempty"`
	Seconds      float64      `json:"seconds"`        // the sum over its cases
	Tried        bool         `json:"tried"`          // a case was begun, or the check itself gave a state
	Test         string       `json:"test,omitempty"` // the test function; empty: it did not run
	Cases        []CaseResult `json:"cases"`          // by name
	Defects      []Defect     `json:"defects,omitempty"`
	History      *History     `json:"history,omitempty"`
}

// Defect is a known mistake that an item's check is held against: with it
// switched on in the embedded deployment, the item must turn red.
type Defect struct {
	ID       string `json:"id"` // as PREFLIGHT_STAGING_DEFECT takes it
	Title    string `json:"title"`
	Standard string `json:"standard,omitempty"`
	// NoticedBy is the case that turned red when this was measured and recorded;
	// empty: it is declared, and no record says that it was seen.
	NoticedBy string `json:"noticed_by,omitempty"`
}

// forgetStale takes back what was recorded of cases that the item no longer has.
func (i *ItemResult) forgetStale() {
	if len(i.Cases) == 0 {
		return
	}
	for n, d := range i.Defects {
		if !slices.ContainsFunc(i.Cases, func(c CaseResult) bool { return c.Name == d.NoticedBy }) {
			i.Defects[n].NoticedBy = ""
		}
	}
}

// CaseResult is one case of an item. A case that ran several times (-count)
// shows its worst run.
type CaseResult struct {
	Name     string     `json:"name"`
	State    State      `json:"state"`
	Measured State      `json:"measured,omitempty"` // what a waiver covers
	Seconds  float64    `json:"seconds"`            // the sum over its runs
	Reason   string     `json:"reason,omitempty"`
	Expected string     `json:"expected,omitempty"`
	Seen     string     `json:"seen,omitempty"`
	Output   string     `json:"output,omitempty"` // what the check said
	At       [][]string `json:"at,omitempty"`     // of each failure the lines of the suite, as folder/file:line, from the assertion to the case
	Why      string     `json:"why,omitempty"`
	Mend     string     `json:"mend,omitempty"`
	Standard string     `json:"standard,omitempty"`
	Test     string     `json:"test,omitempty"`   // the test's full name
	Repro    string     `json:"repro,omitempty"`  // of a red case: the line that runs it again
	Folder   string     `json:"folder,omitempty"` // where its artefacts are, relative to the run's
	Evidence []Evidence `json:"evidence,omitempty"`
	Runs     int        `json:"runs"`
}

// Evidence is something that a person can look at.
type Evidence struct {
	// Kind is what it is: picture, trace, page, console, requests, mail, text.
	Kind  string `json:"kind"`
	Title string `json:"title,omitempty"`
	// File is a file in Case.Dir; in the result it is relative to the run's folder.
	File string `json:"file,omitempty"`
	Text string `json:"text,omitempty"`
}

// Load reads a result file. The error says whether it is missing, broken or of
// a form that this version does not know.
func Load(path string) (*Result, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("there is no result to read: %w", err)
	}
	r := &Result{}
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("%s is no result file: %w", path, err)
	}
	if r.Schema != Schema {
		return nil, fmt.Errorf("%s has the form %q, this version reads %q", path, r.Schema, Schema)
	}
	r.dir = filepath.Dir(path)
	r.shown = r.dir
	return r, nil
}

// JSON writes the result file.
func (r *Result) JSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}

// writeAtomically leaves at path either the old content or the new one, never
// half of it, even when the process is killed.
func writeAtomically(path string, data []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) // gone already when all went well
	_, err = tmp.Write(data)
	if closeErr := tmp.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}
