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

// This file sends a part a second time, in parallel with the first request, if that is far slower than earlier parts
// were. Of many connections a few may be stuck, and an upload ends with its last part. The first success counts,
// because both requests have the same part number and the same bytes. The other request is cancelled, and the part ends
// when it has ended.
//
// The second request cannot use the connection of the first. It gets an idle connection, which has just sent a part, or
// a new one. It needs a free permit, so it never delays another part. The hedgeBudget limits the bytes sent twice: when
// both requests have read the allowed bytes, the request that is behind stops. The second request makes one attempt. If
// the first has stopped by the time that fails, the part is sent once more, without a second request.

const (
	hedgeFactor   = 3                      // times the expected time
	hedgeInterval = 100 * time.Millisecond // between two checks of a part; a faster part is never sent twice
)

// A hedge is one part in flight, with one request or two.
type hedge struct {
	budget        *hedgeBudget
	size          int64 // of the part
	resumes       bool  // the second begins where the first is, and not at the beginning
	first, second racer
	began         time.Time
	permit        *flow.Permit // of the first
	pace          pace         // of the first

	mu      sync.Mutex
	over    bool           // the first has ended
	running bool           // the second has begun
	cancel  func()         // ends the second, and the checks before it; nil before the first check
	ended   sync.WaitGroup // for the goroutine of the second
	allowed int64          // position beyond which a request stops that is behind
	wasted  int64          // bytes reserved of the budget
	stopped atomic.Bool    // one of the two has stopped because it was behind

	part oss.Part // of the second
	err  error
}

// A racer is one of the two requests. A nil racer is a request that has no hedge; its methods do nothing.
type racer struct {
	hedge *hedge
	peer  atomic.Pointer[racer] // nil until there are two
	from  int64                 // position at which the request began, set before it moves
	read  atomic.Int64          // position: bytes of the part that it has read, or did not need
}

// start records that the request begins at a position of the part.
func (r *racer) start(at int64) {
	if r != nil {
		r.from = at
		r.read.Store(at)
	}
}

// moved records that n more bytes were read.
func (r *racer) moved(n int64) {
	if r != nil {
		r.read.Add(n)
	}
}

var errBehind = errors.New("the other request for the same part is ahead")

// mayGoOn returns errBehind if n more bytes would exceed the allowed bytes and this request is behind.
func (r *racer) mayGoOn(n int64) error {
	if r == nil {
		return nil
	}
	peer := r.peer.Load()
	if peer == nil {
		return nil
	}
	read := r.read.Load()
	if read+n > r.hedge.allowed && read <= peer.read.Load() && r.hedge.stopped.CompareAndSwap(false, true) {
		return errBehind
	}
	return nil
}

// A hedgeBody is the body of a request that sends a part.
type hedgeBody struct {
	oss.Body
	racer *racer
}

// ReadAt reads the part. It fails if this request is behind and both have read the allowed bytes.
func (b *hedgeBody) ReadAt(p []byte, off int64) (int, error) {
	if err := b.racer.mayGoOn(int64(len(p))); err != nil {
		return 0, err
	}
	n, err := b.Body.ReadAt(p, off)
	b.racer.moved(int64(n))
	return n, err
}

// Region implements zerocopy.Source, and counts as ReadAt does.
func (b *hedgeBody) Region(off, n int64, files bool) (zerocopy.Region, error) {
	lender, ok := b.Body.(zerocopy.Source)
	if !ok {
		return zerocopy.Region{}, nil
	}
	if err := b.racer.mayGoOn(n); err != nil {
		return zerocopy.Region{}, err
	}
	lent, err := lender.Region(off, n, files)
	if !lent.IsZero() {
		b.racer.moved(lent.Size)
	}
	return lent, err
}

// sendHedged sends a piece by upload, and a second time if the first request is far slower than earlier parts were.
func (e admitted) sendHedged(
	ctx context.Context, upload func(context.Context, oss.Body) (oss.Part, error),
) (oss.Part, error) {
	return e.hedged(ctx, false, func(ctx context.Context, r *racer) (oss.Part, error) {
		if r == nil {
			return upload(ctx, e.metered)
		}
		return upload(ctx, &hedgeBody{e.metered, r})
	})
}

// hedged calls send, and a second time in parallel if the first call is far slower than earlier parts were. Send tells
// its racer, which is nil if there is no second call, how far it is, and stops with errBehind if the racer says so.
// With resumes the second call begins where the first is.
func (e admitted) hedged(
	ctx context.Context, resumes bool, send func(context.Context, *racer) (oss.Part, error),
) (oss.Part, error) {
	t := e.transfer
	if t.hedges == nil || t.tunable(e.Size) == 0 {
		return send(ctx, nil)
	}
	one, cancelOne := context.WithCancelCause(ctx)
	defer cancelOne(nil)
	h := &hedge{budget: t.hedges, size: e.Size, resumes: resumes, began: time.Now(), permit: e.permit}
	h.budget.begin(e.Size)
	h.first.hedge, h.second.hedge = h, h

	h.ended.Add(1)
	timer := time.AfterFunc(hedgeInterval, func() {
		defer h.ended.Done()
		two, cancelTwo := context.WithCancelCause(ctx)
		defer cancelTwo(nil)
		permit := h.waitUntilSlow(two, func() { cancelTwo(reqstats.ErrSuperseded) }, t.governor)
		if permit == nil {
			return
		}
		defer permit.Release()
		t.hedged()
		h.err = t.guard.do(func() (err error) {
			h.part, err = send(flow.WithGate(two, flow.Once), &h.second)
			return err
		})
		switch h.err {
		case nil:
			cancelOne(reqstats.ErrSuperseded)
		case errPanicked: // which fails the upload, whatever becomes of the first request
			cancelOne(errPanicked)
		default:
			h.first.peer.Store(nil) // the first continues, even if it is behind
		}
	})
	part, err := send(one, &h.first)
	if !timer.Stop() {
		h.mu.Lock()
		h.over = true
		h.second.peer.Store(nil) // the second continues, even if it is behind
		if h.cancel != nil && (err == nil || !h.running) {
			h.cancel()
		}
		h.mu.Unlock()
		h.ended.Wait()
	}
	h.budget.finish(h, err == nil, h.err == nil)
	switch {
	case err == nil || !h.running:
		return part, err
	case h.err == nil || h.err == errPanicked:
		return h.part, h.err
	case !errors.Is(err, errBehind):
		return part, err
	case ctx.Err() != nil:
		return h.part, h.err
	}
	return send(ctx, nil) // the second has failed since, and had one attempt only
}

// waitUntilSlow waits until the first request is slow, and returns a permit for the second. It returns nil if the first
// has ended, or if one of its attempts has failed: then it is being repeated anyway.
func (h *hedge) waitUntilSlow(ctx context.Context, cancel func(), g *flow.Governor) *flow.Permit {
	h.mu.Lock()
	h.cancel = cancel
	over := h.over
	h.mu.Unlock()
	if over {
		return nil
	}
	for h.bytesToWaste(); ; {
		interval := h.budget.expectedTime(h.size) / 4
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
		h.allowed, h.wasted = h.pace.waste, h.pace.waste
		if h.resumes {
			h.wasted -= h.pace.read
		}
		if h.running = !h.over && h.budget.reserve(h.wasted, g.Limit()); h.running {
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

// A pace is the progress of a request at the latest check.
type pace struct {
	read  int64     // bytes by then
	at    time.Time // zero before the first check
	waste int64     // result of that check, see bytesToWaste
}

// bytesToWaste returns how many bytes a second request may waste. It returns 0 unless the first request, at its speed
// since the last check, will take far longer than expected.
func (h *hedge) bytesToWaste() int64 {
	now := time.Now()
	if past := now.Sub(h.pace.at); past >= hedgeInterval {
		read := h.first.read.Load()
		h.pace = h.pace.check(now, h.size, read, now.Sub(h.began), h.budget.expectedTime(h.size))
	}
	return h.pace.waste
}

// check returns the pace of a request that has read some of its size after the given time.
func (p pace) check(now time.Time, size, read int64, after, expected time.Duration) pace {
	next := pace{read: read, at: now}
	typical := expected.Seconds()
	if typical == 0 || p.at.IsZero() {
		return next
	}
	speed := float64(read-p.read) / now.Sub(p.at).Seconds()
	left := after.Seconds() // before the first byte and after the last, only the elapsed time is known
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
