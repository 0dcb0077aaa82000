package flow

import (
	"slices"
	"testing"
	"time"
)

// A linkModel is a connection whose throughput depends on the requests in flight alone.
type linkModel func(inFlight int64) (bytesPerSecond float64)

// drive has a tuner watch requests of 1 MiB over the model for so many rounds, each of as many requests as the limit
// allows, and returns the limits in the order in which they were set.
func drive(tu *tuner, model linkModel, rounds int) (limits []int64) {
	now := time.Unix(0, 0)
	type request struct {
		sample sample
		ends   time.Time
	}
	var open []request
	for range rounds {
		for int64(len(open)) < tu.limit {
			s := tu.begin(now)
			took := time.Duration(float64(1<<20) / model(tu.limit) * float64(tu.limit) * float64(time.Second))
			open = append(open, request{s, now.Add(took)})
		}
		slices.SortFunc(open, func(a, b request) int { return a.ends.Compare(b.ends) })
		now = open[0].ends
		before := tu.limit
		tu.end(now, open[0].sample, 1<<20)
		open = open[1:]
		if tu.limit != before {
			limits = append(limits, tu.limit)
		}
	}
	return limits
}

// perRequest is a link where each request has its own rate, up to the capacity of the link.
func perRequest(rate, capacity float64) linkModel {
	return func(n int64) float64 { return min(float64(n)*rate, capacity) }
}

func TestTunerDoublesWhileThatCarriesMore(t *testing.T) {
	tu := newTuner(4, 64)
	limits := drive(tu, perRequest(1<<20, 1<<40), 600)
	if !slices.Equal(limits[:4], []int64{8, 16, 32, 64}) || tu.limit < 32 {
		t.Errorf("the limits were %v, want 8, 16, 32, 64", limits)
	}
}

func TestTunerReturnsToTheSmallestLimitThatFillsTheLink(t *testing.T) {
	for _, full := range []int64{4, 8, 16, 32} {
		tu := newTuner(4, 64)
		drive(tu, perRequest(1<<20, float64(full)*(1<<20)), 2000)
		if tu.baseline != full {
			t.Errorf("the baseline is %d, want %d", tu.baseline, full)
		}
	}
}

func TestTunerFallsWhenRequestsAreLost(t *testing.T) {
	tu := newTuner(4, 64)
	drive(tu, perRequest(1<<20, 1<<40), 600)
	tu.revert(tu.now)
	if tu.limit != 64 {
		t.Fatalf("the limit is %d, want 64", tu.limit)
	}
	now := tu.now.Add(time.Second)
	for i := range 9 {
		if tu.limit != 64 {
			t.Fatalf("the limit fell to %d after %d lost requests", tu.limit, i)
		}
		tu.lost(now, sample{begun: now})
	}
	if tu.limit != 32 {
		t.Errorf("the limit is %d after nine lost requests of 64, want 32", tu.limit)
	}
	tu.lost(now, sample{begun: now.Add(-time.Minute)})
	if tu.window.lost != 0 {
		t.Error("a request from before the limit changed counts against it")
	}
}

func TestTunerKeepsItsLimitWhenTheSourceIsSlow(t *testing.T) {
	tu := newTuner(4, 64)
	now := time.Unix(0, 0)
	for range 200 { // one request at a time
		s := tu.begin(now)
		now = now.Add(100 * time.Millisecond)
		tu.end(now, s, 1<<20)
	}
	if tu.limit != 4 {
		t.Errorf("the limit is %d, want 4", tu.limit)
	}
}
