package readiness

import (
	"encoding/json"
	"os"
	"sync"
	"time"
)

// eventsFile is what happened in a run, in its folder, an event a line.
const eventsFile = "events.jsonl"

// event is one line of eventsFile.
type event struct {
	At      time.Time `json:"at"`
	Event   string    `json:"event"`
	Run     string    `json:"run,omitempty"`
	Item    string    `json:"item,omitempty"`
	Case    string    `json:"case,omitempty"`
	State   State     `json:"state,omitempty"`
	Seconds float64   `json:"seconds,omitempty"`
	Text    string    `json:"text,omitempty"`
	File    string    `json:"file,omitempty"`
}

// journal appends events to a file, each with one write call, so that a killed
// process leaves whole lines.
type journal struct {
	mu     sync.Mutex
	file   *os.File // nil: closed
	broken bool
}

func openJournal(path string) (*journal, error) {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	return &journal{file: f}, err
}

// write appends one event. It reports the first failure only: the others would
// say the same. After close it does nothing.
func (j *journal) write(e event) error {
	e.At = time.Now().UTC()
	data, err := json.Marshal(e)
	if err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.file == nil || j.broken {
		return nil
	}
	_, err = j.file.Write(append(data, '\n'))
	j.broken = err != nil
	return err
}

func (j *journal) close() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.file != nil {
		_ = j.file.Close()
		j.file = nil
	}
}
