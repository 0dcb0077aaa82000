package multipart

import (
	"context"
	"errors"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ossmultipart/go-oss/internal/flow"
	"github.com/ossmultipart/go-oss/internal/reqstats"
	"github.com/ossmultipart/go-oss/internal/zerocopy"
	"github.com/ossmultipart/go-oss/oss"
)

// This file sends a part a second time beside the first request when that is far slower than earlier parts were: of
// many connections a few are stuck, and an upload is as late as its last part. The first success is the part,
// whichever request it is, since both have the same number and the same bytes. The other request is cancelled and
// waited for.
//
// The second request cannot get the connection of the first, which is in use: it gets one that has just carried a part
// well, or a new one. It needs a permit that is free, so that it never delays another part. The hedgeBudget bounds what
// is wasted: when both requests have read what they were allowed, the one that is behind stops.

const (
	hedgeFactor   = 3                      // times the expected time
	hedgeInterval = 100 * time.Millisecond // between two looks at a part: a part that ends before that is never sent twice
)

// A hedge is one part on its way, perhaps twice.
type hedge struct {
	budget        *hedgeBudget
	first, second hedgeBody
	opts          oss.PartOptions // of both
	began         time.Time
	permit        *flow.Permit // of the first
	pace          pace         // of the first

	mu      sync.Mutex
	over    bool           // the first has ended
	running bool           // the second has begun
	cancel  func()         // ends the second, and the looking before it; nil before the first look
	ended   sync.WaitGroup // the second has ended, or there will be none
	allowed int64          // bytes that may be wasted
	stopped atomic.Bool    // one of the two has stopped for the other

	part oss.Part // of the second
	err  error
}

// A hedgeBody is the body of one of the two requests.
type hedgeBody struct {
	oss.Body
	hedge *hedge
	peer  atomic.Pointer[hedgeBody] // nil until there are two
	read  atomic.Int64              // bytes that were read of it
}

var errBehind = errors.New("the other request for the same part is ahead")

// ReadAt reads the part, unless this request is behind and has used up the bytes that may be wasted.
func (b *hedgeBody) ReadAt(p []byte, off int64) (int, error) {
	if err := b.mayGoOn(int64(len(p))); err != nil {
		return 0, err
	}
	n, err := b.Body.ReadAt(p, off)
	b.read.Add(int64(n))
	return n, err
}

// Region implements zerocopy.Source, and counts as ReadAt does.
func (b *hedgeBody) Region(off, n int64, files bool) (zerocopy.Region, error) {
	lender, ok := b.Body.(zerocopy.Source)
	if !ok {
		return zerocopy.Region{}, nil
	}
	if err := b.mayGoOn(n); err != nil {
		return zerocopy.Region{}, err
	}
	lent, err := lender.Region(off, n, files)
	if !lent.IsZero() {
		b.read.Add(lent.Size)
	}
	return lent, err
}

// mayGoOn returns errBehind to the request that is behind, when n more bytes would be too many.
func (b *hedgeBody) mayGoOn(n int64) error {
	peer := b.peer.Load()
	if peer == nil {
		return nil
	}
	read := b.read.Load()
	if read+n > b.hedge.allowed && read <= peer.read.Load() && b.hedge.stopped.CompareAndSwap(false, true) {
		return errBehind
	}
	return nil
}

// sendHedged uploads a piece, and a second time if the first request is stuck.
func (j *job) sendHedged(ctx context.Context, e admitted, opts oss.PartOptions) (oss.Part, error) {
	if j.u.hedges == nil || j.tunable(e.Size) == 0 {
		return j.u.client.UploadPart(ctx, j.plan.Upload, e.Number, e.metered, &opts)
	}
	one, cancelOne := context.WithCancelCause(ctx)
	defer cancelOne(nil)
	h := &hedge{budget: j.u.hedges, opts: opts, began: time.Now(), permit: e.permit}
	h.budget.begin(e.Size)
	h.first.Body, h.first.hedge = e.metered, h
	h.second.Body, h.second.hedge = e.metered, h

	h.ended.Add(1)
	timer := time.AfterFunc(hedgeInterval, func() {
		defer h.ended.Done()
		two, cancelTwo := context.WithCancelCause(ctx)
		defer cancelTwo(nil)
		permit := h.waitUntilSlow(two, func() { cancelTwo(reqstats.ErrSuperseded) }, j.u.governor)
		if permit == nil {
			return
		}
		defer permit.Release()
		j.warn("a part is far slower than others, and sent a second time", j.plan.Upload, nil)
		h.part, h.err = j.u.client.UploadPart(flow.WithGate(two, flow.Once), j.plan.Upload, e.Number, &h.second, &h.opts)
		if h.err == nil {
			cancelOne(reqstats.ErrSuperseded)
		} else {
			h.first.peer.Store(nil) // however far it had got
		}
	})
	part, err := j.u.client.UploadPart(one, j.plan.Upload, e.Number, &h.first, &h.opts)
	if !timer.Stop() {
		h.mu.Lock()
		h.over = true
		h.second.peer.Store(nil) // however far the first had got, nothing else is left now
		if h.cancel != nil && (err == nil || !h.running) {
			h.cancel()
		}
		h.mu.Unlock()
		h.ended.Wait()
	}
	h.budget.finish(h, err == nil, h.err == nil)
	if err != nil && h.running && (h.err == nil || errors.Is(err, errBehind)) {
		return h.part, h.err
	}
	return part, err
}

// waitUntilSlow waits until the first request is stuck, and returns the permit of a second one. It returns nil if the
// first has ended, or if an attempt of it has failed: then it is being repeated anyway.
func (h *hedge) waitUntilSlow(ctx context.Context, cancel func(), g *flow.Governor) *flow.Permit {
	h.mu.Lock()
	h.cancel = cancel
	over := h.over
	h.mu.Unlock()
	if over {
		return nil
	}
	for h.bytesToWaste(); ; {
		interval := h.budget.expectedTime(h.first.Size()) / 4
		if interval == 0 {
			interval = time.Since(h.began) / 4
		}
		if pause(ctx, max(interval, hedgeInterval)) != nil || h.permit.Retried() {
			return nil
		}
		if h.bytesToWaste() <= 0 {
			continue
		}
		permit := g.TryAcquire()
		if permit == nil {
			continue
		}
		h.mu.Lock()
		need := h.pace.waste
		if h.running = !h.over && h.budget.reserve(need, g.Limit()); h.running {
			h.allowed = need
			h.first.peer.Store(&h.second)
			h.second.peer.Store(&h.first)
		}
		h.mu.Unlock()
		if h.running {
			return permit
		}
		permit.Release()
	}
}

// A pace is how fast a request was going at the latest look at it.
type pace struct {
	read  int64     // bytes by then
	at    time.Time // zero before the first look
	waste int64     // what that look said
}

// bytesToWaste returns 0 while the first request goes well. If it will take far longer than expected, at its pace
// since the last look, it returns how many bytes a second request may waste.
func (h *hedge) bytesToWaste() int64 {
	now := time.Now()
	if past := now.Sub(h.pace.at); past >= hedgeInterval {
		size, read := h.first.Size(), h.first.read.Load()
		h.pace = h.pace.look(now, size, read, now.Sub(h.began), h.budget.expectedTime(size))
	}
	return h.pace.waste
}

// look judges a request that has read some of its size after the given time.
func (p pace) look(now time.Time, size, read int64, after, expected time.Duration) pace {
	next := pace{read: read, at: now}
	typical := expected.Seconds()
	if typical == 0 || p.at.IsZero() {
		return next
	}
	speed := float64(read-p.read) / now.Sub(p.at).Seconds()
	left := after.Seconds() // before the first byte and after the last, all one knows is how long it has been
	if read > 0 && read < size {
		left = math.Inf(1)
		if speed > 0 {
			left = float64(size-read) / speed
		}
	}
	if left > hedgeFactor*typical {
		next.waste = min(size, read+int64(speed*typical)+size/8)
	}
	return next
}
