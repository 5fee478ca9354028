// Package jobs is how one process is asked for several runs of the suite, one after
// the other: what detect says to the suite (-jobs), and what it hears.
package jobs

// Job is one run, a JSON object on standard input. What it found is in its report.
type Job struct {
	Run       string            `json:"run"`       // the tests, as -run has them
	Variables map[string]string `json:"variables"` // set for this job; they stay set for the next
}

// Done is the line of standard output that says that a job is over.
const Done = "preflight: the job is done"
