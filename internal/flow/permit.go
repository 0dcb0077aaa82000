package flow

import (
	"context"
	"sync/atomic"
	"time"
)

// A Permit allows one request to be in flight. While its operation waits to repeat an attempt, the permit is with
// others. A Permit is used by one operation at a time.
type Permit struct {
	g      *Governor
	notify func(Wait)

	held    bool
	retried atomic.Bool // an attempt of the operation has failed
	moves   bool        // the tuner watches the request
	sample  sample
	series  series
}

// Acquire returns a Permit, as soon as one is free and the service can be reached. If notify is not nil it learns of
// the waits of the permit's operations. The caller must release the Permit.
func (g *Governor) Acquire(ctx context.Context, notify func(Wait)) (*Permit, error) {
	p := &Permit{g: g, notify: notify}
	if _, err := p.Begin(ctx); err != nil {
		return nil, err
	}
	return p, nil
}

// TryAcquire returns a Permit if one is free and neither throttling nor an outage holds requests back, and else nil.
// Such a Permit is for one attempt, whose context has no other Gate.
func (g *Governor) TryAcquire() *Permit {
	g.mu.Lock()
	free := g.outage == nil && !g.throttle.active(g.tuned()) && !time.Now().Before(g.throttle.until)
	g.mu.Unlock()
	if !free || !g.inFlight.TryAcquire(1) {
		return nil
	}
	return &Permit{g: g, held: true}
}

// Release gives the permit back.
func (p *Permit) Release() {
	if p.held {
		p.held = false
		p.g.inFlight.Release(1)
	}
}

// Do runs f, one operation that moves so many bytes, with p as the Gate of its context. A size of 0 means that its
// duration says nothing of the throughput.
func (p *Permit) Do(ctx context.Context, size int64, f func(ctx context.Context) error) error {
	p.moves, p.series = true, series{}
	p.retried.Store(false)
	p.watch()
	err := f(WithGate(ctx, p))
	if err == nil {
		p.g.succeeded()
	} else {
		size = 0
	}
	p.unwatch(size)
	p.moves = false
	return err
}

// Begin implements [Gate]: it waits until the service can be reached and there is a permit.
func (p *Permit) Begin(ctx context.Context) (Attempts, error) {
	for {
		if p.g.mustWait() {
			p.giveBack()
			if err := p.g.wait(ctx, &p.series, p.notify); err != nil {
				return nil, err
			}
		}
		if p.held {
			return p, nil
		}
		if err := p.g.inFlight.Acquire(ctx, 1); err != nil {
			return nil, err
		}
		p.held = true
		p.watch()
	}
}

// Retry implements [Attempts].
func (p *Permit) Retry(ctx context.Context, f Failure) error {
	before := p.sample
	p.retried.Store(true)
	p.giveBack()
	blip, err := p.g.retry(ctx, &p.series, f, p.notify)
	if err != nil {
		return err
	}
	if blip && p.moves {
		p.g.lost(before)
	}
	_, err = p.Begin(ctx)
	return err
}

// Retried reports whether an attempt of the permit's operation has failed. It may be called at any time.
func (p *Permit) Retried() bool { return p.retried.Load() }

// giveBack lets others have the permit for a while.
func (p *Permit) giveBack() {
	p.unwatch(0)
	p.Release()
}

// watch has the tuner watch a request that is in flight.
func (p *Permit) watch() {
	if !p.moves || !p.held || p.g.tuner == nil {
		return
	}
	p.g.mu.Lock()
	defer p.g.mu.Unlock()
	p.sample = p.g.tuner.begin(time.Now())
}

func (p *Permit) unwatch(size int64) {
	if !p.moves || !p.held || p.g.tuner == nil {
		return
	}
	p.g.mu.Lock()
	defer p.g.mu.Unlock()
	p.g.tuner.end(time.Now(), p.sample, size)
	p.g.apply()
}
