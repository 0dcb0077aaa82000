package multipart

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/ossmultipart/go-oss/internal/tries"
	"github.com/ossmultipart/go-oss/oss"
)

// carry runs f, which moves size bytes, when the brake lets it, and tells the pilot how it went. A size of 0 means that
// how long it takes says nothing.
func (u *Uploader) carry(ctx context.Context, size int64, f func(ctx context.Context) error) error {
	if u.pilot == nil {
		return u.brake.do(ctx, 1, f)
	}
	return u.brake.do(ctx, 1, func(ctx context.Context) error {
		count := tries.From(ctx) // of this try, as the brake has made it
		fl := u.pilot.takeOff()
		err := f(ctx)
		tells := size
		if err != nil {
			tells = 0
		}
		u.pilot.land(fl, tells, count.Throttled.Load() > 0, count.Lost.Load() > 0 && ctx.Err() == nil)
		return err
	})
}

// A brake slows an Uploader down when OSS asks for it. Package oss repeats a throttled request a few
// times; what is still refused then waits here, with everything else the Uploader has to send, and is
// sent again. Meanwhile fewer parts are in flight: half as many after each operation that met with
// throttling, one more after each round of operations that did not.
type brake struct {
	lanes *budget // operations in flight; at most full, fewer under throttling

	mu      sync.Mutex
	busy    int       // operations going on or waiting
	full    int64     // what the lanes recover to
	pauses  int       // in a row
	until   time.Time // nothing is sent before
	since   time.Time // when refusing began; zero while requests succeed
	smooth  int64     // operations in a row that were not throttled
	halving time.Time // when the lanes were last halved
}

func newBrake(full int64) *brake { return &brake{lanes: newBudget(full), full: full} }

// Times of a brake.
const (
	firstPause       = 200 * time.Millisecond
	longestPause     = 10 * time.Second
	throttlePatience = 2 * time.Minute // how long nothing may succeed before throttling is an error
)

// do runs f, which is one operation, until it is not refused for throttling any more. It takes the
// given number of lanes while f runs, none while it waits; an operation that moves no bytes needs none.
func (b *brake) do(ctx context.Context, lanes int64, f func(ctx context.Context) error) error {
	b.enter(1)
	defer b.enter(-1)
	for {
		err := b.try(ctx, lanes, f)
		if err == nil || !isThrottled(err) || !b.refused() {
			return err
		}
		if ended := b.wait(ctx); ended != nil {
			return fmt.Errorf("%w, while waiting after: %v", ended, err)
		}
	}
}

// enter counts the operations. The first one after a time of none has all patience before it.
func (b *brake) enter(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.busy == 0 {
		b.pauses, b.since = 0, time.Time{}
	}
	b.busy += n
}

// try runs f once, when there are lanes and no pause.
func (b *brake) try(ctx context.Context, lanes int64, f func(ctx context.Context) error) error {
	if err := b.lanes.acquire(ctx, lanes); err != nil {
		return err
	}
	defer b.lanes.release(lanes)
	if err := b.wait(ctx); err != nil {
		return err
	}
	watched, count := tries.Watch(ctx)
	err := f(watched)
	b.learn(count.Throttled.Load() > 0, err == nil)
	return err
}

// isThrottled reports whether err is OSS asking for fewer requests. It did none of what was asked.
func isThrottled(err error) bool {
	var e *oss.ServiceError
	return errors.As(err, &e) && (e.StatusCode == http.StatusTooManyRequests || e.StatusCode == http.StatusServiceUnavailable)
}

// wait returns when something may be sent.
func (b *brake) wait(ctx context.Context) error {
	b.mu.Lock()
	d := time.Until(b.until)
	b.mu.Unlock()
	if d <= 0 {
		return nil
	}
	return pause(ctx, d)
}

// refused begins a pause, each in a row twice as long as the one before. It reports false once
// refusing has gone on for too long.
func (b *brake) refused() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if b.since.IsZero() {
		b.since = now
	}
	if now.Sub(b.since) > throttlePatience {
		return false
	}
	if now.Before(b.until) {
		return true // another worker's refusal has begun it
	}
	d := min(firstPause<<min(b.pauses, 10), longestPause)
	b.until = now.Add(d/2 + rand.N(d/2+1))
	b.pauses++
	return true
}

// setFull changes what the lanes recover to. Where throttling has not lowered them, they follow at once.
func (b *brake) setFull(n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if limit := b.lanes.bound(); limit == b.full || limit > n {
		b.lanes.setBound(n)
	}
	b.full = n
}

// on reports whether throttling has lowered the lanes.
func (b *brake) on() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.lanes.bound() < b.full
}

// learn adapts the number of lanes to how an operation went.
func (b *brake) learn(throttled, succeeded bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if succeeded {
		b.pauses, b.since = 0, time.Time{}
	}
	limit := b.lanes.bound()
	switch {
	case throttled:
		b.smooth = 0
		if now := time.Now(); now.Sub(b.halving) > firstPause { // the workers of one moment count once
			b.halving = now
			b.lanes.setBound(max(1, limit/2))
		}
	case succeeded && limit < b.full:
		if b.smooth++; b.smooth >= limit {
			b.smooth = 0
			b.lanes.setBound(limit + 1)
		}
	}
}
