package flow

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"time"
)

// A Config says how a Governor decides.
type Config struct {
	Limit    int64         // requests in flight, at first
	MaxLimit int64         // if it is above Limit, the Governor finds the limit between the two
	Patience time.Duration // how long an operation waits for the service in all; negative: Failure.MaxAttempt counts

	// Probe asks the service something small. It returns nil if the service answered, whatever it said.
	Probe func(ctx context.Context) error

	Logger *slog.Logger
}

// A Governor decides when a request may be sent. Requests that carry data need a [Permit], of which there are as many
// as the limit; those without a body only wait while the service throttles or cannot be reached.
//
// It is safe for concurrent use.
type Governor struct {
	cfg      Config
	inFlight *Semaphore

	mu       sync.Mutex
	tuner    *tuner // nil if the limit is given
	throttle throttle
	outage   *outage // nil while the service answers
}

// New returns a Governor.
func New(cfg Config) *Governor {
	g := &Governor{cfg: cfg, inFlight: NewSemaphore(cfg.Limit), throttle: newThrottle()}
	g.inFlight.Name, g.inFlight.Logger = "Concurrency", cfg.Logger
	if cfg.MaxLimit > cfg.Limit {
		g.tuner = newTuner(cfg.Limit, cfg.MaxLimit)
	}
	return g
}

// Limit returns how many requests may be in flight now.
func (g *Governor) Limit() int64 { return g.inFlight.Limit() }

// InFlight returns how many permits are held.
func (g *Governor) InFlight() int64 { return g.inFlight.Held() }

// A Wait says that an operation waits for the service, and not for a permit.
type Wait struct {
	Since time.Time // zero when the wait is over
	Why   error     // the failure that began it
}

// Control returns the Gate of operations without a body: they need no permit, and wait only while the service
// throttles or cannot be reached. If notify is not nil it learns of that.
func (g *Governor) Control(notify func(Wait)) Gate { return &control{g: g, notify: notify} }

// Cleanup returns the Gate of the few requests that clean up after a failure. They do not wait for the pause of a
// service that throttles before they are refused themselves.
func (g *Governor) Cleanup() Gate { return &control{g: g, urgent: true} }

type control struct {
	g      *Governor
	notify func(Wait)
	urgent bool
}

func (c *control) Begin(ctx context.Context) (Attempts, error) {
	a := &controlled{control: c}
	if c.urgent && !c.g.isOut() {
		return a, nil
	}
	if err := c.g.wait(ctx, &a.series, c.notify); err != nil {
		return nil, err
	}
	return a, nil
}

// controlled is one operation without a permit.
type controlled struct {
	*control
	series series
}

func (a *controlled) Retry(ctx context.Context, f Failure) error {
	if _, err := a.g.retry(ctx, &a.series, f, a.notify); err != nil {
		return err
	}
	return a.g.wait(ctx, &a.series, a.notify)
}

// A series is what one operation has waited for the service, over all its attempts. Time in the queue for a permit
// does not count. Of an attempt only the time counts in which nothing moved: it may move data for hours.
type series struct {
	waited  time.Duration
	outages int  // attempts that failed with the connection
	failed  bool // an attempt has failed, so that package oss tells why the operation waits
}

// retry takes note of a failed attempt, and waits as long as that asks for. blip means that the connection failed
// although the service can be reached.
func (g *Governor) retry(ctx context.Context, s *series, f Failure, notify func(Wait)) (blip bool, err error) {
	bounded := f.Kind != Temporary
	if bounded && g.cfg.Patience < 0 && f.Attempt >= f.MaxAttempt {
		return false, f.Err
	}
	failed, backoff := time.Now(), f.Wait
	s.failed = true
	if bounded {
		s.waited += f.Idle
	}
	switch {
	case f.Kind == Throttled || f.Kind == Exhausted:
		g.backOff(f)
		return false, nil // the caller waits for the end of the pause
	case f.Kind == Outage && g.cfg.Patience >= 0:
		o := g.lose(f.Err)
		if err := g.wait(ctx, s, notify); err != nil {
			return false, err
		}
		blip = !o.confirmed()
		// An operation that keeps failing although the service can be reached backs off by itself.
		backoff = max(jitter(s.outages), f.RetryAfter)
		s.outages++
	}
	rest := backoff - time.Since(failed)
	if bounded && g.cfg.Patience >= 0 {
		if s.waited += max(rest, 0); s.waited > g.cfg.Patience {
			return false, &GaveUpError{Waited: s.waited}
		}
	}
	return blip, pause(ctx, rest)
}

// mustWait reports whether throttling or an outage holds requests back.
func (g *Governor) mustWait() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.outage != nil || time.Now().Before(g.throttle.until)
}

// isOut reports whether an outage goes on.
func (g *Governor) isOut() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.outage != nil
}

// wait returns once neither throttling nor an outage holds requests back, or patience has ended.
func (g *Governor) wait(ctx context.Context, s *series, notify func(Wait)) error {
	if !g.mustWait() {
		return nil
	}
	began := time.Now()
	deadline := began.Add(g.cfg.Patience - s.waited)
	if g.cfg.Patience < 0 {
		deadline = began.Add(math.MaxInt64)
	}
	n := notifier{notify: notify}
	defer n.done()
	defer func(before time.Duration) { s.waited = before + time.Since(began) }(s.waited)
	var why error
	for ready := true; ready; {
		g.mu.Lock()
		o, until, refusal := g.outage, g.throttle.until, g.throttle.cause
		g.mu.Unlock()
		switch {
		case o != nil:
			why = o.cause
			ready = g.sitOut(ctx, o, deadline, &n)
		case time.Now().Before(until):
			why = refusal
			n.say(began, refusal)
			ready = pause(ctx, time.Until(earlier(until, deadline))) == nil && !deadline.Before(until)
		default:
			return nil
		}
	}
	switch err := ctx.Err(); {
	case err != nil && !s.failed:
		return fmt.Errorf("%w, while waiting after: %v", err, why)
	case err != nil:
		return err
	case s.failed:
		why = nil
	}
	return &GaveUpError{Waited: s.waited + time.Since(began), Err: why}
}

// A GaveUpError ends an operation that has used up its patience.
type GaveUpError struct {
	Waited time.Duration
	Err    error // why it waited; nil if an attempt of its own has failed
}

// Error implements error.
func (e *GaveUpError) Error() string {
	text := fmt.Sprintf("gave up after waiting %v", e.Waited.Round(time.Millisecond))
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns Err.
func (e *GaveUpError) Unwrap() error { return e.Err }

// A notifier tells a caller of a wait, and of its end.
type notifier struct {
	notify func(Wait)
	told   bool
}

func (n *notifier) say(since time.Time, why error) {
	if n.notify != nil && !n.told {
		n.told = true
		n.notify(Wait{Since: since, Why: why})
	}
}

func (n *notifier) done() {
	if n.told {
		n.notify(Wait{})
	}
}

// tuned returns the limit that holds without throttling.
func (g *Governor) tuned() int64 {
	if g.tuner != nil {
		return g.tuner.limit
	}
	return g.cfg.Limit
}

// apply makes the limit what tuning and throttling allow.
func (g *Governor) apply() {
	if n := min(g.tuned(), g.throttle.ceiling); n != g.inFlight.Limit() {
		g.inFlight.SetLimit(n)
	}
}

// backOff reacts to throttling.
func (g *Governor) backOff(f Failure) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	g.throttle.backOff(now, g.tuned(), f)
	if g.tuner != nil {
		g.tuner.revert(now)
	}
	g.apply()
	g.answered()
}

// succeeded reacts to a request that went well.
func (g *Governor) succeeded() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.throttle.succeed(g.tuned())
	g.apply()
	g.answered()
}

// lost reacts to a request that got no answer although the service can be reached.
func (g *Governor) lost(s sample) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.tuner != nil && !g.throttle.active(g.tuner.limit) {
		g.tuner.lost(time.Now(), s)
		g.apply()
	}
}

// pause waits for d or the end of ctx.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
