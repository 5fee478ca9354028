package readiness

// The gates: what a whole run's exit code is judged by (DESIGN.md, rule 6).
const (
	GateReady    = "ready"    // 0 only on READY
	GateFailures = "failures" // 0 unless an item is failed, flaky, error or blocked
)

// ExitCode is the exit code that the run's gate asks for: 0 or 1. A selection
// is always judged by GateFailures, on what was chosen. A run that was cut off,
// that had trouble of its own, or in which nothing was tried is never 0.
func (r *Result) ExitCode() int {
	code, _ := r.Gate()
	return code
}

// Gate is ExitCode and the one sentence that explains a code other than 0.
func (r *Result) Gate() (code int, why string) {
	if cut := r.Run.cutOff(); cut != "" {
		return 1, cut
	}
	if len(r.Run.Errors) > 0 {
		return 1, r.Run.Errors[0]
	}
	tried := false
	for _, item := range r.Items {
		tried = tried || item.Tried
		if item.State.gates() {
			return 1, "item " + item.ID + " is " + item.State.Word()
		}
	}
	if !tried {
		if r.Run.Selection != "" {
			return 1, "nothing matched the selection (" + r.Run.Selection + ")"
		}
		return 1, "nothing was checked"
	}
	if r.Run.Selection == "" && r.Run.Gate != GateFailures && r.Verdict != Ready {
		return 1, "the gate is " + GateReady + " and the verdict is " + string(r.Verdict)
	}
	return 0, ""
}
