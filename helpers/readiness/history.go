package readiness

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// historyFile, in the folder of all reports, has one line for each whole run.
// It stays when the folders of old runs are thrown away.
const historyFile = "history.jsonl"

// remembered is how many earlier runs a result looks back on.
const remembered = 20

// embeddedName stands for the deployment of this repository in the history:
// its port is another in each run.
const embeddedName = "embedded"

// past is one line of the history: a whole run that ended by itself.
type past struct {
	Run        string                `json:"run"`
	Started    time.Time             `json:"started"`
	Deployment string                `json:"deployment"`
	Verdict    Verdict               `json:"verdict"`
	Items      map[string]pastResult `json:"items"`
	// Red are the cases that kept the gate shut, by item.
	Red map[string]map[string]State `json:"red,omitempty"`
}

// pastResult is an item in one line of the history.
type pastResult struct {
	State   State   `json:"state"`
	Seconds float64 `json:"seconds,omitempty"`
}

// Point is how an item was in an earlier run.
type Point struct {
	Run     string    `json:"run"`
	Started time.Time `json:"started"`
	State   State     `json:"state"`
}

// History is an item in the whole runs before this one, on the same deployment.
type History struct {
	Points []Point `json:"points"` // the oldest first
	// P50 and P95 are percentiles (nearest rank) of the seconds that its cases
	// took together, this run included where it was tried.
	P50 float64 `json:"p50_seconds"`
	P95 float64 `json:"p95_seconds"`
}

// Turns counts how often the item went from right to wrong or back: a
// deployment that changes turns once, a flaky check turns and turns.
func (h *History) Turns() (n int) {
	if h == nil {
		return 0
	}
	var last State
	for _, p := range h.Points {
		if p.State != Passed && !p.State.gates() {
			continue
		}
		if last != "" && last.gates() != p.State.gates() {
			n++
		}
		last = p.State
	}
	return n
}

// place names a deployment in the history.
func (d Deployment) place() string {
	if d.Embedded {
		return embeddedName
	}
	return d.AppURL + " " + d.EnvironmentURL
}

// lookBack reads the history of a deployment, the oldest run first. A line that
// cannot be read is passed over: a history is a help, not a measurement.
func lookBack(reports, place string) (runs []past, err error) {
	data, err := os.ReadFile(filepath.Join(reports, historyFile))
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return nil, err
	}
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, 1<<22)
	for lines.Scan() {
		var p past
		if json.Unmarshal(lines.Bytes(), &p) == nil && p.Deployment == place {
			runs = append(runs, p)
		}
	}
	slices.SortStableFunc(runs, func(a, b past) int { return a.Started.Compare(b.Started) })
	return runs[max(0, len(runs)-remembered):], lines.Err()
}

// rememberIn adds a whole run that ended by itself to the history.
func (r *Result) rememberIn(reports string) error {
	if r.Run.Selection != "" || r.Run.Part != nil || r.Run.cutOff() != "" {
		return nil
	}
	p := past{
		Run: r.Run.ID, Started: r.Run.Started, Deployment: r.Run.Deployment.place(), Verdict: r.Verdict,
		Items: map[string]pastResult{}, Red: map[string]map[string]State{},
	}
	for _, item := range r.Items {
		p.Items[item.ID] = pastResult{item.State, item.Seconds}
		for _, c := range item.Cases {
			if c.State.gates() {
				if p.Red[item.ID] == nil {
					p.Red[item.ID] = map[string]State{}
				}
				p.Red[item.ID][c.Name] = c.State
			}
		}
	}
	line, err := json.Marshal(p)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(filepath.Join(reports, historyFile), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(append(line, '\n')) // one call: runs side by side do not mix
	return errors.Join(err, file.Close())
}

// addHistory puts what was before beside what is: for each item its states and
// times, for the run what changed since the last one.
func (r *Result) addHistory(runs []past) {
	if len(runs) == 0 {
		return
	}
	for i := range r.Items {
		item := &r.Items[i]
		h := &History{}
		var times []float64
		for _, p := range runs {
			if was, ok := p.Items[item.ID]; ok {
				h.Points = append(h.Points, Point{p.Run, p.Started, was.State})
				if was.Seconds > 0 {
					times = append(times, was.Seconds)
				}
			}
		}
		if item.Seconds > 0 {
			times = append(times, item.Seconds)
		}
		h.P50, h.P95 = percentile(times, 50), percentile(times, 95)
		if len(h.Points) > 0 {
			item.History = h
		}
	}
	last := runs[len(runs)-1]
	changes := compare(last.states(), r.states())
	r.Since = &Since{Run: last.Run, Started: last.Started, Verdict: last.Verdict, Changes: changes}
}

// percentile is the nearest-rank percentile; 0 of nothing.
func percentile(values []float64, p float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Clone(values)
	slices.SortFunc(sorted, cmp.Compare)
	return sorted[max(0, int(math.Ceil(p/100*float64(len(sorted))))-1)]
}
