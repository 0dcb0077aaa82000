package multipart_test

import (
	"fmt"
	"testing"
)

// A chronicle counts what happened in all schedules.
type chronicle struct {
	uploads  int
	calls    int
	reused   int            // parts that resuming did not send again
	hedges   int            // parts that were sent a second time beside the first
	outcomes map[string]int // by kind of upload and result
	effects  map[string]int // how often each fault struck
	struck   []func()
}

func newChronicle() *chronicle {
	return &chronicle{outcomes: make(map[string]int), effects: make(map[string]int)}
}

// countFaults counts the faults of a schedule that has ended.
func (a *chronicle) countFaults() {
	for _, f := range a.struck {
		f()
	}
	a.struck = nil
}

func (a *chronicle) count(o *ordeal) {
	a.uploads++
	a.calls += o.calls
	a.reused += o.reused
	for outcome, n := range o.outcomes {
		a.outcomes[o.kind+" "+outcome] += n
	}
}

func (a *chronicle) String() string {
	return fmt.Sprintf("%d uploads in %d calls, %d parts reused, %d hedged\noutcomes %v\nfaults %v", a.uploads, a.calls,
		a.reused, a.hedges, a.outcomes, a.effects)
}

// checkCoverage checks that there was something to see.
func (a *chronicle) checkCoverage(t *testing.T) {
	t.Helper()
	if a.uploads < 2000 || a.reused == 0 || a.hedges == 0 {
		t.Errorf("there were %d uploads, %d parts were reused and %d hedged", a.uploads, a.reused, a.hedges)
	}
	for _, kind := range kinds {
		for _, outcome := range []string{"stored", "failed", "unknown"} {
			if a.outcomes[kind+" "+outcome] == 0 {
				t.Errorf("no %s was %s", kind, outcome)
			}
		}
	}
	for _, effect := range effectNames {
		if a.effects[effect] == 0 {
			t.Errorf("no %s has struck", effect)
		}
	}
}
