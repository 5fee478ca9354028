package readiness

import (
	"archive/zip"
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// stepsFile is where a red case tells what happened, in a case's folder.
const stepsFile = "steps.txt"

// step is one thing that a browser did, or that went over the wire.
type step struct {
	at   time.Time
	who  string
	text string
}

// writeSteps tells in one text, in the order of time, what the browsers of a
// case did and what they sent, from the traces and lists of requests in its
// folder. The artefacts are redacted already, and so is what is made of them. A
// case without a browser has no such text.
func writeSteps(dir string) error {
	var steps []step
	folders, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		return err
	}
	for _, folder := range folders {
		who := strings.ReplaceAll(filepath.Base(folder), "-", " ")
		steps = append(steps, requestSteps(who, filepath.Join(folder, "requests.txt"))...)
		steps = append(steps, traceSteps(who, filepath.Join(folder, "trace.zip"))...)
	}
	if len(steps) == 0 {
		return nil
	}
	slices.SortStableFunc(steps, func(a, b step) int { return a.at.Compare(b.at) })
	var b bytes.Buffer
	for _, s := range steps {
		fmt.Fprintf(&b, "%7.2f s  %s  %s\n", s.at.Sub(steps[0].at).Seconds(), s.who, s.text)
	}
	return os.WriteFile(filepath.Join(dir, stepsFile), b.Bytes(), 0o600)
}

// exchange is the first line of a request in requests.txt.
var exchange = regexp.MustCompile(`^(\d{4}-\d\d-\d\dT\S+) ([A-Z]+) (\S+) \(([a-z]*)\)$`)

// requestSteps are the requests that a person would call a step: pages, forms
// and calls, not pictures, styles and scripts.
func requestSteps(who, path string) (steps []step) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	var last *step
	for row := range strings.Lines(string(text)) {
		row = strings.TrimRight(row, "\n")
		if m := exchange.FindStringSubmatch(row); m != nil {
			at, err := time.Parse(time.RFC3339Nano, m[1])
			last = nil
			if err != nil || m[2] == "GET" && slices.Contains([]string{"image", "stylesheet", "script", "font", "media", "manifest"}, m[4]) {
				continue
			}
			steps = append(steps, step{at, who, "→ " + m[2] + " " + m[3]})
			last = &steps[len(steps)-1]
			continue
		}
		answer, ok := strings.CutPrefix(row, "  < ")
		switch {
		case !ok || last == nil:
		case !strings.Contains(answer, ": "):
			last.text += " ← " + answer
		case strings.HasPrefix(strings.ToLower(answer), "location: "):
			last.text += ", to " + answer[len("location: "):]
		}
	}
	return steps
}

// verbs are the actions of a trace that a person would do.
var verbs = map[string]string{
	"goto": "opens", "click": "clicks", "dblclick": "clicks twice", "tap": "taps", "fill": "types into", "type": "types into",
	"press": "presses a key in", "keyboardPress": "presses", "check": "ticks", "uncheck": "unticks", "selectOption": "chooses in",
	"setInputFiles": "gives a file to", "reload": "loads the page anew", "goBack": "goes back", "goForward": "goes forward",
	"newPage": "opens a window", "close": "closes a window", "setOffline": "goes off or on line", "clearCookies": "forgets cookies",
}

// traceSteps are the actions in a Playwright trace.
func traceSteps(who, path string) (steps []step) {
	archive, err := zip.OpenReader(path)
	if err != nil {
		return nil
	}
	defer archive.Close()
	for _, member := range archive.File {
		if filepath.Ext(member.Name) != ".trace" {
			continue
		}
		text, err := readMember(member)
		if err != nil {
			continue
		}
		steps = append(steps, actions(who, text)...)
	}
	return steps
}

func actions(who string, text []byte) (steps []step) {
	var wall, zero float64 // milliseconds
	open := map[string]int{}
	for row := range bytes.Lines(text) {
		var e struct {
			Type, CallID, Method    string
			WallTime, MonotonicTime float64
			StartTime               float64
			Params                  struct{ URL, Selector, Value, Key string }
			Error                   struct{ Message string }
		}
		if json.Unmarshal(row, &e) != nil {
			continue
		}
		switch e.Type {
		case "context-options":
			wall, zero = e.WallTime, e.MonotonicTime
		case "before":
			verb, known := verbs[e.Method]
			if !known {
				continue
			}
			text := strings.TrimSpace(verb + " " + cmp.Or(e.Params.URL, e.Params.Selector, e.Params.Key))
			text = strings.TrimSuffix(strings.ReplaceAll(text, " >> visible=true", ""), " >> nth=0")
			if e.Params.Value != "" {
				text += fmt.Sprintf(": %q", e.Params.Value)
			}
			open[e.CallID] = len(steps)
			steps = append(steps, step{time.UnixMicro(int64((wall + e.StartTime - zero) * 1000)).UTC(), who, text})
		case "after":
			if i, ok := open[e.CallID]; ok && e.Error.Message != "" {
				steps[i].text += " ✗ " + firstLine(e.Error.Message)
			}
		}
	}
	return steps
}
