package flow

import (
	"errors"
	"testing"
	"time"
)

var errBusy = errors.New("busy")

func TestThrottleHalvesOnceAMomentAndRecoversStepByStep(t *testing.T) {
	now := time.Now()
	th := newThrottle()
	if th.active(16) {
		t.Fatal("it is active before the first refusal")
	}
	for range 5 { // refusals of one moment
		th.backOff(now, 16, Failure{Err: errBusy})
	}
	if th.ceiling != 8 || !th.active(16) {
		t.Errorf("the ceiling is %d after refusals of one moment, want 8", th.ceiling)
	}
	now = now.Add(time.Second)
	th.backOff(now, 16, Failure{Err: errBusy})
	if th.ceiling != 4 {
		t.Errorf("the ceiling is %d after a refusal later on, want 4", th.ceiling)
	}
	for _, want := range []int64{5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16} {
		for range want - 1 {
			th.succeed(16)
		}
		if th.ceiling != want {
			t.Fatalf("the ceiling is %d after a round of successes, want %d", th.ceiling, want)
		}
	}
	if th.succeed(16); th.ceiling != unlimited {
		t.Errorf("the ceiling is %d once the limit is reached, want none", th.ceiling)
	}
	for range 20 {
		now = now.Add(time.Second)
		th.backOff(now, 16, Failure{Err: errBusy})
	}
	if th.ceiling != 1 {
		t.Errorf("the ceiling is %d, want 1 and no less", th.ceiling)
	}
}

func TestPausesOfAThrottleDoubleUpToTenSeconds(t *testing.T) {
	now := time.Now()
	th := newThrottle()
	for _, longest := range []time.Duration{200, 400, 800, 1600, 3200, 6400, 10_000, 10_000} {
		longest *= time.Millisecond
		th.backOff(now, 4, Failure{Err: errBusy})
		if d := th.until.Sub(now); d < longest/2 || d > longest {
			t.Errorf("a pause of %v, want %v to %v", d, longest/2, longest)
		}
		now = th.until
	}
	th.succeed(4)
	if th.backOff(now, 4, Failure{Err: errBusy}); th.until.Sub(now) > firstPause {
		t.Errorf("a pause of %v after a success, want at most %v", th.until.Sub(now), firstPause)
	}
	if th.backOff(now, 4, Failure{Err: errBusy, RetryAfter: time.Minute}); !th.until.Equal(now.Add(time.Minute)) {
		t.Errorf("a pause of %v, want the minute that was asked for", th.until.Sub(now))
	}
}
