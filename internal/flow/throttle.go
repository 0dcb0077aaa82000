package flow

import (
	"math"
	"math/rand/v2"
	"time"
)

// A throttle is the reaction to a service that asks for fewer requests: additive increase, multiplicative decrease. All
// methods take the present time; the Governor's mutex guards it.
type throttle struct {
	ceiling    int64     // requests in flight; unlimited while the service does not throttle
	successes  int64     // in a row, since the ceiling last changed
	lastHalved time.Time // when the ceiling last fell
	pauses     int       // in a row, without a success in between
	until      time.Time // no request is sent before
	cause      error     // the last refusal
}

const (
	unlimited    = math.MaxInt64
	firstPause   = 200 * time.Millisecond
	longestPause = 10 * time.Second
)

func newThrottle() throttle { return throttle{ceiling: unlimited} }

// active reports whether the ceiling is below the limit that would hold without it.
func (t *throttle) active(limit int64) bool { return t.ceiling < limit }

// backOff halves the requests in flight and begins a pause. The refusals of one moment count as one. A pause is twice
// as long as the one before it, or as long as the service asked for.
func (t *throttle) backOff(now time.Time, limit int64, f Failure) {
	t.successes, t.cause = 0, f.Err
	if now.Sub(t.lastHalved) > firstPause {
		t.lastHalved = now
		t.ceiling = max(1, min(limit, t.ceiling)/2)
	}
	if f.RetryAfter > 0 {
		t.until = later(t.until, now.Add(f.RetryAfter))
	}
	if now.Before(t.until) {
		return // another refusal has begun the pause
	}
	t.until = now.Add(jitter(t.pauses))
	t.pauses++
}

// jitter returns a random time in the upper half of a backoff that has been doubled so many times.
func jitter(doubled int) time.Duration {
	d := min(firstPause<<min(doubled, 10), longestPause)
	return d/2 + rand.N(d/2+1)
}

// succeed takes note of an answer that was no refusal. One more request may be in flight after each round of successes.
func (t *throttle) succeed(limit int64) {
	t.pauses = 0
	if !t.active(limit) {
		t.ceiling = unlimited
		return
	}
	if t.successes++; t.successes >= t.ceiling {
		t.successes = 0
		t.ceiling++
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
