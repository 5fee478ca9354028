package readiness

// Job is one of several runs of the suite in one process (e2e, -jobs), as it comes
// on standard input: a JSON object each. What it found is in its report.
type Job struct {
	Run       string            `json:"run"`       // the tests, as -run has them
	Variables map[string]string `json:"variables"` // set for this job; they stay set for the next
}

// JobDone is the line that says that a job is over.
const JobDone = "preflight: the job is done"
