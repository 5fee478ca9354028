package readiness

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestARunTellsHowFarItIs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := newProgress(&out, time.Now())
		p.note(event{Event: "case_began", Item: "core/state", Case: "a case"})
		p.note(event{Event: "case_ended", Item: "core/state", Case: "a case", State: Passed})
		<-time.After(progressEvery)
		synctest.Wait()
		p.note(event{Event: "case_ended", Item: "core/logout", Case: "tabs", State: Failed})
		p.note(event{Event: "case_ended", Item: "core/logout", Case: "tiles", State: NotVerified})
		<-time.After(progressEvery)
		synctest.Wait()
		p.stop()
		<-time.After(10 * progressEvery)
		synctest.Wait()
		assert.Equal(t, "preflight: 1 case done in 15 s, none red\n"+
			"preflight: ✗ core/logout: tabs (failed)\n"+
			"preflight: 3 cases done in 30 s, 1 red\n", out.String())
	})
}

func TestNobodyIsTold(t *testing.T) {
	t.Parallel()
	p := newProgress(nil, time.Now())
	p.note(event{Event: "case_ended", State: Failed})
	p.stop()
}
