package flow

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"
)

// An outage is a time without the service. It begins with a connection that fails. All requests are then held back,
// and one of the callers that wait probes the service: at once, and again 1, 2, 4, 4... seconds after the probe
// before. The first answer ends the outage for all, and so does the success of a request that was in flight when it
// began.
type outage struct {
	since time.Time
	cause error

	ended  context.Context // done once the service has answered
	end    context.CancelFunc
	proven chan struct{} // closed once a probe has failed
	prober chan probing  // holds a token while no caller probes
}

// probing is what the probes have found so far.
type probing struct {
	failed int
	last   time.Time // when the last one began
}

const (
	firstGap     = time.Second
	longestGap   = 4 * time.Second
	probeTimeout = 10 * time.Second
)

// gap returns the time between two probes, with some jitter: many Uploaders may wait for one service.
func gap(failed int) time.Duration {
	d := min(firstGap<<min(failed-1, 10), longestGap)
	return d + rand.N(d/8)
}

// confirmed reports whether a probe has failed: the service cannot be reached, and it is not just one connection.
func (o *outage) confirmed() bool {
	select {
	case <-o.proven:
		return true
	default:
		return false
	}
}

// lose takes note of a connection that failed, and returns the outage of this moment.
func (g *Governor) lose(cause error) *outage {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.outage == nil {
		o := &outage{since: time.Now(), cause: cause, proven: make(chan struct{}), prober: make(chan probing, 1)}
		o.ended, o.end = context.WithCancel(context.Background())
		o.prober <- probing{}
		g.outage = o
	}
	return g.outage
}

// answered ends an outage. The Governor's mutex is held.
func (g *Governor) answered() {
	o := g.outage
	if o == nil {
		return
	}
	g.outage = nil
	o.end()
	if o.confirmed() {
		g.log(slog.LevelWarn, "connection is back", slog.Duration("after", time.Since(o.since)))
	}
}

// sitOut waits for the end of an outage, and probes the service if no other caller does. It reports whether the outage
// ended before the deadline and ctx did.
func (g *Governor) sitOut(ctx context.Context, o *outage, deadline time.Time, n *notifier) bool {
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	for proven := o.proven; ; {
		if o.ended.Err() != nil {
			return true
		}
		if o.confirmed() { // not left to select, which may choose to probe again and again
			proven = nil
			n.say(o.since, o.cause)
		}
		select {
		case <-o.ended.Done():
		case <-ctx.Done():
			return false
		case <-proven:
		case p := <-o.prober:
			o.prober <- g.probe(ctx, o, p)
		}
	}
}

// probe asks the service once, after the gap that is due.
func (g *Governor) probe(ctx context.Context, o *outage, p probing) probing {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(o.ended, cancel)()
	if p.failed > 0 && pause(ctx, gap(p.failed)-time.Since(p.last)) != nil {
		return p
	}
	p.last = time.Now()
	asking, stop := context.WithTimeout(ctx, probeTimeout)
	defer stop()
	err := g.cfg.Probe(WithGate(asking, Once))
	switch {
	case err == nil:
		g.mu.Lock()
		defer g.mu.Unlock()
		g.answered()
		return p
	case ctx.Err() != nil:
		return p
	case p.failed == 0:
		close(o.proven)
		g.log(slog.LevelWarn, "connection lost; requests wait until it is back", slog.Any("error", o.cause))
	}
	p.failed++
	return p
}

func (g *Governor) log(level slog.Level, msg string, attrs ...slog.Attr) {
	if g.cfg.Logger != nil {
		g.cfg.Logger.LogAttrs(context.Background(), level, msg, attrs...)
	}
}
