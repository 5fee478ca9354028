package e2e

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"testing"

	"github.com/auth-preflight/auth-preflight/helpers/jobs"
)

var takesJobs = flag.Bool("jobs", false, "run the jobs that come on standard input, one after the other (fixtures/cmd/detect)")

// runJobs runs one job after the other in this process, as if each had one of its
// own: its variables, its selection, its deployment and its report. After each a line
// of out says so.
func runJobs(m *testing.M, with lasting, in io.Reader, out io.Writer) (code int) {
	timeout := flag.Lookup("test.timeout").Value.String() // a run changes it: takeOverTimeout
	for asked := json.NewDecoder(in); ; {
		var job jobs.Job
		switch err := asked.Decode(&job); {
		case errors.Is(err, io.EOF):
			return 0
		case err != nil:
			fmt.Fprintln(os.Stderr, "preflight: what comes on standard input is no job:", err)
			return 2
		}
		for _, name := range slices.Sorted(maps.Keys(job.Variables)) {
			if err := os.Setenv(name, job.Variables[name]); err != nil {
				fmt.Fprintf(os.Stderr, "preflight: %s cannot be set: %v\n", name, err)
				return 2
			}
		}
		for name, value := range map[string]string{"test.run": job.Run, "test.timeout": timeout} {
			if err := flag.Set(name, value); err != nil {
				fmt.Fprintf(os.Stderr, "preflight: -%s: %v\n", name, err)
				return 2
			}
		}
		runSuite(m, with)
		fmt.Fprintf(out, "\n%s\n", jobs.Done)
	}
}
