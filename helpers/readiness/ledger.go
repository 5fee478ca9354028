package readiness

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"time"
)

// Ledger is the write-ahead list of what a run creates at the deployment. A
// line is written before each creation, so that whatever a killed run left
// behind can be found and removed. It is safe for concurrent use.
type Ledger struct {
	path string

	mu      sync.Mutex
	entries []*Entry
	err     error
	whole   int64 // length of the whole lines of a file whose last line was cut short; -1: no line was
}

// Entry is one thing that a run creates.
type Entry struct {
	Kind  string    // user, organization, …
	Label string    // what it is recognised by before it has an id: an address, a name
	ID    string    // the deployment's id; empty while the creation has not answered
	At    time.Time // when the line was written

	ledger  *Ledger
	number  int
	removed bool
}

// line is one line of the file: a step in the life of one entry.
type line struct {
	At     time.Time `json:"at"`
	Number int       `json:"n"`
	Step   string    `json:"step"` // will, made, gone
	Kind   string    `json:"kind,omitempty"`
	Label  string    `json:"label,omitempty"`
	ID     string    `json:"id,omitempty"`
}

func newLedger(path string) *Ledger { return &Ledger{path: path, whole: -1} }

// Will writes down that something is about to be created. Call it before the
// creation. If the line cannot be written, Err says so and the run fails.
func (l *Ledger) Will(kind, label string) *Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := &Entry{Kind: kind, Label: label, At: time.Now().UTC(), ledger: l, number: len(l.entries) + 1}
	l.entries = append(l.entries, e)
	l.append(line{At: e.At, Number: e.number, Step: "will", Kind: kind, Label: label})
	return e
}

// Made adds the id that the deployment gave to the thing.
func (e *Entry) Made(id string) {
	e.ledger.mu.Lock()
	defer e.ledger.mu.Unlock()
	e.ID = id
	e.ledger.append(line{At: time.Now().UTC(), Number: e.number, Step: "made", ID: id})
}

// Gone says that the thing was removed, or was never created.
func (e *Entry) Gone() {
	e.ledger.mu.Lock()
	defer e.ledger.mu.Unlock()
	if e.removed {
		return
	}
	e.removed = true
	for _, own := range e.ledger.entries { // e may be a copy
		own.removed = own.removed || own.number == e.number
	}
	e.ledger.append(line{At: time.Now().UTC(), Number: e.number, Step: "gone"})
}

// IsGone reports whether Gone was called.
func (e *Entry) IsGone() bool {
	e.ledger.mu.Lock()
	defer e.ledger.mu.Unlock()
	return e.removed
}

// Open returns what may still exist, in the order of its creation.
func (l *Ledger) Open() []Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	var open []Entry
	for _, e := range l.entries {
		if !e.removed {
			open = append(open, *e)
		}
	}
	return open
}

// Err is the first failure to write a line, or nil.
func (l *Ledger) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// append opens the file for each line: lines are few, and no file stays open
// after the run, when the last removals are still being written down.
func (l *Ledger) append(step line) {
	data, err := json.Marshal(step)
	if err == nil && l.whole >= 0 {
		err = os.Truncate(l.path, l.whole)
		l.whole = -1
	}
	if err == nil {
		var f *os.File
		if f, err = os.OpenFile(l.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600); err == nil {
			_, err = f.Write(append(data, '\n'))
			if closeErr := f.Close(); err == nil {
				err = closeErr
			}
		}
	}
	if err != nil && l.err == nil {
		l.err = fmt.Errorf("the ledger of created things cannot be written: %w", plain(err))
	}
}

// ReadLedger reads the ledger of an earlier run, in order, the entries that are
// gone included. Their Gone is written to the same file. A last line that a
// crash cut short is no error; any other broken line is.
func ReadLedger(path string) ([]Entry, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	l := newLedger(path)
	byNumber := map[int]*Entry{}
	rows := bytes.Split(data, []byte("\n"))
	for i, row := range rows {
		if len(row) == 0 {
			continue
		}
		var step line
		if err := json.Unmarshal(row, &step); err != nil {
			if i == len(rows)-1 {
				l.whole = int64(len(data) - len(row))
				break
			}
			return nil, fmt.Errorf("%s, line %d: %w", path, i+1, err)
		}
		e := byNumber[step.Number]
		switch {
		case step.Step == "will":
			e = &Entry{Kind: step.Kind, Label: step.Label, At: step.At, ledger: l, number: step.Number}
			byNumber[step.Number] = e
			l.entries = append(l.entries, e)
		case e == nil:
			return nil, fmt.Errorf("%s, line %d: entry %d was never begun", path, i+1, step.Number)
		case step.Step == "made":
			e.ID = step.ID
		case step.Step == "gone":
			e.removed = true
		}
	}
	all := make([]Entry, 0, len(l.entries))
	for _, e := range l.entries {
		all = append(all, *e)
	}
	return all, nil
}
