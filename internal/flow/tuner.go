package flow

import "time"

// A tuner finds how many requests should be in flight if no limit is given: the smallest limit, its minimum times a
// power of two and at most its maximum, that carries about as much as any.
//
// Each request tells the throughput of its time: its own speed, times the mean number of requests in flight with it.
// That holds while the limit changes, and is measured at completion, so that send buffers of the kernel do not
// inflate it. Requests that begin one after the other form a window. The tuner probes a limit for a window, or for
// two, because the first overlaps with requests that began before. It keeps the limit if the throughput is clearly
// higher, or hardly lower with fewer requests, and probes the next. Otherwise it reverts to the baseline and cools
// down for some windows. So it doubles from the first requests on, and later follows a connection that changes.
//
// Decisions are made when requests end: there is no goroutine and no timer. All methods take the present time; the
// Governor's mutex guards a tuner.
type tuner struct {
	min, max int64

	limit      int64     // requests that may be in flight
	since      time.Time // when limit last changed
	baseline   int64     // limit, or what the probed limit is compared with
	throughput float64   // bytes a second at the baseline; 0 while unknown
	probeDown  bool      // the next probe is of half the limit, not of its double
	cooldown   int       // windows until then
	repeated   bool      // the probe is in its second window
	window     *window

	inFlight    int
	busySeconds float64 // of all requests together, up to now
	now         time.Time
}

// A window gathers what those requests tell that began in it. Those that end in it would be the fast ones.
type window struct {
	begun   time.Time // when its first request began
	samples int64     // requests that began in it
	open    int64     // of them, those in flight
	seconds float64   // of all its requests together
	overlap float64   // seconds of all requests that were in flight with them
	bytes   float64   // a second, times the seconds
	lost    int64     // requests of any window without an answer, while this one lasted
}

const (
	clearGain    = 1.1  // of the throughput, to keep the double limit
	littleLoss   = 0.95 // of the throughput, to keep half the limit
	obvious      = 1.4  // a change of the throughput by this factor needs no second window
	cooldownTime = 20   // windows between probes

	minWindow      = 200 * time.Millisecond
	stragglers     = 8    // one request in so many, and always one, is not waited for
	minUtilisation = 0.75 // of the limit, for a window to count
	lossTolerance  = 8    // one lost request for so many in flight is too much
)

// newTuner returns a tuner that begins with its minimum.
func newTuner(minimum, maximum int64) *tuner {
	return &tuner{min: minimum, max: maximum, limit: minimum, baseline: minimum, cooldown: 1, window: new(window)}
}

// A sample is one request in flight.
type sample struct {
	window *window // nil if it began too late for the last one
	begun  time.Time
	busy   float64 // seconds of all requests up to its begin
}

// begin takes note of a request that begins.
func (t *tuner) begin(now time.Time) sample {
	t.tick(now)
	t.inFlight++
	s := sample{begun: now, busy: t.busySeconds}
	w := t.window
	if w.samples == 0 {
		w.begun = now
	}
	if !t.full(w) {
		w.samples++
		w.open++
		s.window = w
	}
	return s
}

// full reports whether a window has all its requests: half of what is in flight, and those of its first moments.
func (t *tuner) full(w *window) bool {
	return w.samples >= max(t.min, t.limit/2) && t.now.Sub(w.begun) >= minWindow
}

// end takes note of a request that has ended. It moved size bytes; 0 means that its duration says nothing.
func (t *tuner) end(now time.Time, s sample, size int64) {
	t.tick(now)
	t.inFlight--
	w := t.window
	if s.window != w {
		return
	}
	w.open--
	if seconds := now.Sub(s.begun).Seconds(); size > 0 && seconds > 0 {
		overlap := t.busySeconds - s.busy
		w.seconds += seconds
		w.overlap += overlap
		w.bytes += float64(size) / seconds * overlap
	}
	if t.full(w) && w.open <= max(1, w.samples/stragglers) {
		t.window = new(window)
		t.evaluate(w)
	}
}

// lost takes note of a request without an answer, while the service can be reached. Too many of them mean that the
// limit is too high for something on the way.
func (t *tuner) lost(now time.Time, s sample) {
	t.tick(now)
	if s.begun.Before(t.since) {
		return
	}
	t.window.lost++
	if t.window.lost*lossTolerance <= t.limit || t.limit <= t.min {
		return
	}
	if t.limit == t.baseline {
		t.baseline, t.throughput = max(t.limit/2, t.min), 0
	}
	t.revert(now)
}

// tick advances the clock.
func (t *tuner) tick(now time.Time) {
	if t.inFlight > 0 {
		t.busySeconds += float64(t.inFlight) * now.Sub(t.now).Seconds()
	}
	t.now = now
}

// evaluate draws the conclusion of a window.
func (t *tuner) evaluate(w *window) {
	if w.seconds == 0 || w.overlap < minUtilisation*float64(t.limit)*w.seconds {
		return // the source, memory or the end of an upload was the limit
	}
	throughput := w.bytes / w.seconds
	if t.limit == t.baseline {
		t.updateBaseline(throughput)
		return
	}
	if !t.repeated && throughput < t.throughput*obvious && throughput > t.throughput/obvious {
		t.repeated = true
		return
	}
	least := t.throughput * clearGain
	if t.limit < t.baseline {
		least = t.throughput * littleLoss
	}
	if throughput < least {
		t.revert(t.now)
		return
	}
	t.baseline, t.throughput = t.limit, throughput
	t.probe()
}

// updateBaseline takes note of the throughput at the baseline. If it has changed much, the next window measures it
// anew, and then comes a probe.
func (t *tuner) updateBaseline(throughput float64) {
	t.cooldown--
	switch {
	case t.throughput == 0:
		t.throughput = throughput
	case throughput > t.throughput*obvious || throughput < t.throughput/obvious:
		t.cooldown, t.probeDown, t.throughput = 1, throughput < t.throughput, 0
	default:
		t.throughput += (throughput - t.throughput) / 4
	}
	if t.cooldown <= 0 {
		t.probeDown = t.limit == t.max || t.probeDown && t.limit > t.min
		t.probe()
	}
}

// probe tries the next limit, unless there is none in that direction.
func (t *tuner) probe() {
	next := min(t.limit*2, t.max)
	if t.probeDown {
		next = max(t.limit/2, t.min)
	}
	if t.cooldown = cooldownTime; next != t.limit {
		t.setLimit(next)
	}
}

// revert ends a probe and returns to the baseline.
func (t *tuner) revert(now time.Time) {
	t.tick(now)
	if t.limit != t.baseline {
		t.probeDown = t.limit > t.baseline
	}
	t.cooldown = cooldownTime
	t.setLimit(t.baseline)
}

func (t *tuner) setLimit(n int64) {
	if n != t.limit {
		t.since = t.now
	}
	t.limit, t.repeated, t.window = n, false, new(window)
}
