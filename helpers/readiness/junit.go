package readiness

import (
	"encoding/xml"
	"fmt"
	"io"
	"regexp"
	"strings"
)

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Skipped  int          `xml:"skipped,attr"`
	Time     string       `xml:"time,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name       string          `xml:"name,attr"`
	Tests      int             `xml:"tests,attr"`
	Failures   int             `xml:"failures,attr"`
	Errors     int             `xml:"errors,attr"`
	Skipped    int             `xml:"skipped,attr"`
	Time       string          `xml:"time,attr"`
	Timestamp  string          `xml:"timestamp,attr"`
	Properties junitProperties `xml:"properties"`
	Cases      []junitCase     `xml:"testcase"`

	seconds float64
}

type junitProperties struct {
	Properties []junitProperty `xml:"property"`
}

type junitProperty struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type junitCase struct {
	Class      string          `xml:"classname,attr"`
	Name       string          `xml:"name,attr"`
	Time       string          `xml:"time,attr"`
	Properties junitProperties `xml:"properties"`
	Failure    *junitOutcome   `xml:"failure"`
	Error      *junitOutcome   `xml:"error"`
	Skipped    *junitOutcome   `xml:"skipped"`
	Output     string          `xml:"system-out,omitempty"`
}

type junitOutcome struct {
	Type    string `xml:"type,attr,omitempty"`
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// JUnit writes the result for CI servers: a suite for each section, a case for
// each case of an item (an item without cases is one case). States that JUnit
// does not have are <skipped>, which no CI server counts as a pass. The first
// suite is the run itself, so that a run that crashed is not green.
func (r *Result) JUnit(w io.Writer) error {
	all := junitSuites{Name: "Auth Preflight"}
	verdict := junitSuite{Name: "Verdict", seconds: r.Run.Seconds}
	run := junitCase{Class: "run", Name: "the run answers for its gate", Time: junitTime(r.Run.Seconds), Properties: properties("verdict", string(r.Verdict))}
	if code, why := r.Gate(); code != 0 {
		run.Error = &junitOutcome{Type: string(r.Verdict), Message: printable(why), Text: printable(strings.Join(r.Reasons, "\n"))}
	}
	verdict.add(run)
	suites := []*junitSuite{&verdict}
	for _, s := range r.sections() {
		suite := &junitSuite{Name: printable(s.Title)}
		for _, item := range s.Items {
			if len(item.Cases) == 0 {
				suite.add(r.junitCase(item, CaseResult{Name: item.Title, State: item.State, Reason: item.Reason}))
			}
			for _, c := range item.Cases {
				suite.add(r.junitCase(item, c))
			}
		}
		suites = append(suites, suite)
	}
	for _, s := range suites {
		s.Timestamp = r.Run.Started.Format("2006-01-02T15:04:05")
		s.Time = junitTime(s.seconds)
		s.Properties = properties("run.id", r.Run.ID, "deployment", r.Run.Deployment.Name, "verdict", string(r.Verdict))
		all.Tests += s.Tests
		all.Failures += s.Failures
		all.Errors += s.Errors
		all.Skipped += s.Skipped
		all.Suites = append(all.Suites, *s)
	}
	all.Time = junitTime(r.Run.Seconds)
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func (s *junitSuite) add(c junitCase) {
	s.Cases = append(s.Cases, c)
	s.Tests++
	switch {
	case c.Failure != nil:
		s.Failures++
	case c.Error != nil:
		s.Errors++
	case c.Skipped != nil:
		s.Skipped++
	}
}

func (r *Result) junitCase(item ItemResult, c CaseResult) junitCase {
	out := junitCase{
		Class: item.ID, Name: printable(c.Name), Time: junitTime(c.Seconds),
		Properties: properties("checklist.id", item.ID, "checklist.state", string(c.State), "deployment", r.Run.Deployment.Name),
	}
	outcome := &junitOutcome{Type: string(c.State), Message: printable(firstOf(c.Reason, firstLine(c.Output), c.State.Word())), Text: printable(c.story())}
	switch c.State {
	case Passed, Attested:
	case Failed, Flaky:
		out.Failure = outcome
	case NotVerified, NotApplicable, Waived:
		outcome.Type, outcome.Text = "", ""
		outcome.Message = c.stateWord() + ": " + outcome.Message
		out.Skipped = outcome
	default:
		out.Error = outcome
	}
	var files []string
	for _, e := range c.Evidence {
		if e.File != "" {
			files = append(files, "[[ATTACHMENT|"+e.File+"]]")
		}
	}
	out.Output = printable(strings.Join(files, "\n"))
	return out
}

// story is all that is known of a case, for people.
func (c CaseResult) story() string {
	var b strings.Builder
	if c.Expected == c.Name || strings.Contains(c.Output, "expected "+c.Expected) { // it is said already
		c.Expected = ""
	}
	if strings.Contains(c.Output, c.Seen) {
		c.Seen = ""
	}
	for _, part := range []struct{ label, text string }{
		{"", c.Reason}, {"expected: ", c.Expected}, {"seen: ", c.Seen}, {"", c.Output},
		{"why it matters: ", c.Why}, {"how to mend it: ", c.Mend}, {"standard: ", c.Standard},
		{"to see it happen: ", c.Repro},
	} {
		if part.text != "" {
			b.WriteString(part.label + part.text + "\n")
		}
	}
	return b.String()
}

func properties(pairs ...string) (p junitProperties) {
	for i := 0; i+1 < len(pairs); i += 2 {
		p.Properties = append(p.Properties, junitProperty{Name: pairs[i], Value: printable(pairs[i+1])})
	}
	return p
}

func junitTime(seconds float64) string { return fmt.Sprintf("%.3f", seconds) }

// printable takes terminal colours out and replaces what XML 1.0 forbids and
// what would move a terminal's cursor.
func printable(s string) string {
	if strings.IndexByte(s, 0x1b) >= 0 {
		s = regexp.MustCompile(`\x1b\[[0-9;?]*[A-Za-z]`).ReplaceAllString(s, "")
	}
	return strings.Map(func(c rune) rune {
		switch {
		case c == '\n' || c == '\t':
			return c
		case c == '\r':
			return -1
		case c < 0x20 || 0x7f <= c && c < 0xa0 || 0xd800 <= c && c <= 0xdfff || c == 0xfffe || c == 0xffff:
			return '\ufffd'
		case 0x202a <= c && c <= 0x202e || 0x2066 <= c && c <= 0x2069: // they would turn the text around
			return '\ufffd'
		}
		return c
	}, strings.ToValidUTF8(s, "\ufffd"))
}
