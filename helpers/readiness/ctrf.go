package readiness

import (
	"encoding/json"
	"io"
	"mime"
	"path/filepath"
	"time"
)

// The Common Test Report Format, 1.0.0 (ctrf.io): one JSON that the reporters
// of many CI servers read. Own data stands under "extra" only.
type ctrfReport struct {
	Format    string      `json:"reportFormat"`
	Version   string      `json:"specVersion"`
	Timestamp string      `json:"timestamp"`
	By        string      `json:"generatedBy"`
	Results   ctrfResults `json:"results"`
}

type ctrfResults struct {
	Tool        ctrfTool          `json:"tool"`
	Summary     ctrfSummary       `json:"summary"`
	Tests       []ctrfTest        `json:"tests"`
	Environment map[string]string `json:"environment"`
	Extra       map[string]any    `json:"extra"`
}

type ctrfTool struct {
	Name string `json:"name"`
}

type ctrfSummary struct {
	Tests   int   `json:"tests"`
	Passed  int   `json:"passed"`
	Failed  int   `json:"failed"`
	Skipped int   `json:"skipped"`
	Pending int   `json:"pending"`
	Other   int   `json:"other"`
	Flaky   int   `json:"flaky"`
	Start   int64 `json:"start"` // milliseconds since 1970
	Stop    int64 `json:"stop"`
}

type ctrfTest struct {
	Name        string           `json:"name"`
	Status      string           `json:"status"`
	Duration    int64            `json:"duration"` // milliseconds
	Suite       []string         `json:"suite"`
	RawStatus   string           `json:"rawStatus"`
	Message     string           `json:"message,omitempty"`
	Trace       string           `json:"trace,omitempty"`
	Tags        []string         `json:"tags"`
	Flaky       bool             `json:"flaky,omitempty"`
	Attachments []ctrfAttachment `json:"attachments,omitempty"`
}

type ctrfAttachment struct {
	Name        string `json:"name"`
	ContentType string `json:"contentType"`
	Path        string `json:"path"`
}

// CTRF writes the result in the Common Test Report Format. States that it does
// not have stand as rawStatus, under the status that no reader takes for a pass.
func (r *Result) CTRF(w io.Writer) error {
	end := r.Run.Started.Add(time.Duration(r.Run.Seconds * float64(time.Second)))
	report := ctrfReport{
		Format: "CTRF", Version: "1.0.0", Timestamp: end.Format(time.RFC3339), By: "auth-preflight",
		Results: ctrfResults{
			Tool: ctrfTool{"auth-preflight"}, Tests: []ctrfTest{},
			Summary:     ctrfSummary{Start: r.Run.Started.UnixMilli(), Stop: end.UnixMilli()},
			Environment: map[string]string{"appName": printable(r.Run.Deployment.Name), "testEnvironment": r.Run.Deployment.Target},
			Extra:       map[string]any{"preflight.run": r.Run.ID, "preflight.verdict": r.Verdict, "preflight.reasons": r.Reasons},
		},
	}
	for _, item := range r.Items {
		cases := item.Cases
		if len(cases) == 0 {
			cases = []CaseResult{{Name: item.Title, State: item.State, Reason: item.Reason}}
		}
		for _, c := range cases {
			report.Results.add(item, c)
		}
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(report)
}

func (r *ctrfResults) add(item ItemResult, c CaseResult) {
	test := ctrfTest{
		Name: item.ID + ": " + printable(c.Name), Status: ctrfStatus(c.State), Duration: int64(c.Seconds * 1000),
		Suite: []string{firstOf(item.SectionTitle, item.Section), item.ID}, RawStatus: string(c.State),
		Tags: []string{item.ID, item.Section}, Flaky: c.State == Flaky,
	}
	if c.State != Passed {
		test.Message = printable(firstOf(c.Reason, firstLine(c.Output)))
	}
	if c.State.gates() {
		test.Trace = printable(c.story())
	}
	for _, e := range c.Evidence {
		if e.File != "" {
			kind := mime.TypeByExtension(filepath.Ext(e.File))
			test.Attachments = append(test.Attachments, ctrfAttachment{firstOf(printable(e.Title), e.Kind), firstOf(kind, "application/octet-stream"), e.File})
		}
	}
	r.Tests = append(r.Tests, test)
	s := &r.Summary
	s.Tests++
	switch test.Status {
	case "passed":
		s.Passed++
	case "failed":
		s.Failed++
	case "skipped":
		s.Skipped++
	case "pending":
		s.Pending++
	default:
		s.Other++
	}
	if test.Flaky {
		s.Flaky++
	}
}

func ctrfStatus(s State) string {
	switch s {
	case Passed, Attested:
		return "passed"
	case Failed, Flaky:
		return "failed"
	case NotApplicable:
		return "skipped"
	case NotVerified:
		return "pending"
	}
	return "other"
}
