package multipart

import (
	"context"
	"errors"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ossmultipart/go-oss/internal/lend"
	"github.com/ossmultipart/go-oss/internal/tries"
	"github.com/ossmultipart/go-oss/oss"
)

// This file has a part sent a second time beside the first when that is far slower than its siblings were: of many
// connections a few are stuck, and an upload is as late as its last part. The first success is the part, whichever
// it is, since both have the same number and the same bytes; the other is cancelled and waited for.
//
// The second request cannot get the connection of the first, which is in use: it gets one that has just carried a part
// well, or a new one. It takes a slot and a lane when its turn comes, as any part, so the limits of the Uploader hold.
// How much may be sent in vain is in the ledger; of two that have used up what they were allowed, the one behind gives up.

const (
	farSlower = 3                      // times what is typical
	leastLook = 100 * time.Millisecond // between two looks at a part: what is over by then is never sent twice
)

// A race is one part on its way, perhaps twice.
type race struct {
	ledger        *ledger
	first, second runner
	opts          oss.PartOptions // of both
	began         time.Time
	failing       *tries.Count // of the first

	seen   int64 // bytes of the first that had been handed over at the latest look
	looked time.Time
	need   int64 // what that look said

	mu      sync.Mutex
	over    bool           // the first has ended
	running bool           // the second has begun
	cancel  func()         // ends the second, and the looking before it; nil before the first look
	ended   sync.WaitGroup // the second has, or there will be none
	allowed int64          // bytes that may be in vain
	gaveUp  atomic.Bool

	part oss.Part // what came of the second
	err  error
}

// A runner is the body of one of the two requests.
type runner struct {
	oss.Body
	race   *race
	rival  atomic.Pointer[runner] // nil until there are two
	handed atomic.Int64           // bytes that were read of it
}

var errGaveUp = errors.New("the other request for the same part is ahead")

// ReadAt hands bytes over, unless the runner is behind and all that the race allowed is used up.
func (r *runner) ReadAt(p []byte, off int64) (int, error) {
	if err := r.mayGoOn(int64(len(p))); err != nil {
		return 0, err
	}
	n, err := r.Body.ReadAt(p, off)
	r.handed.Add(int64(n))
	return n, err
}

// Lend implements lend.Lender, and counts as ReadAt does.
func (r *runner) Lend(off, n int64, files bool) (lend.Range, error) {
	lender, ok := r.Body.(lend.Lender)
	if !ok {
		return lend.Range{}, nil
	}
	if err := r.mayGoOn(n); err != nil {
		return lend.Range{}, err
	}
	lent, err := lender.Lend(off, n, files)
	if !lent.None() {
		r.handed.Add(lent.Size)
	}
	return lent, err
}

// mayGoOn returns errGaveUp to the one behind, when n bytes more would be too many.
func (r *runner) mayGoOn(n int64) error {
	rival := r.rival.Load()
	if rival == nil {
		return nil
	}
	handed := r.handed.Load()
	if handed+n > r.race.allowed && handed <= rival.handed.Load() && r.race.gaveUp.CompareAndSwap(false, true) {
		return errGaveUp
	}
	return nil
}

// sendHedged uploads a piece, also a second time if the first is stuck.
func (j *job) sendHedged(ctx context.Context, p piece, opts oss.PartOptions) (oss.Part, error) {
	if j.u.ledger == nil || j.telling(p.Size) == 0 {
		return j.u.client.UploadPart(ctx, j.plan.Upload, p.Number, p.watched, &opts)
	}
	one, cancelOne := context.WithCancel(ctx)
	defer cancelOne()
	r := &race{ledger: j.u.ledger, opts: opts, began: time.Now(), failing: tries.From(ctx)}
	r.ledger.begin(p.Size)
	r.first.Body, r.first.race = p.watched, r
	r.second.Body, r.second.race = p.watched, r

	r.ended.Add(1)
	timer := time.AfterFunc(leastLook, func() {
		defer r.ended.Done()
		two, cancelTwo := context.WithCancel(ctx)
		defer cancelTwo()
		if !r.enter(two, cancelTwo, j.u) {
			return
		}
		j.warn("a part is far slower than others, and sent a second time", j.plan.Upload, nil)
		r.part, r.err = j.u.client.UploadPart(two, j.plan.Upload, p.Number, &r.second, &r.opts)
		leave(j.u)
		if r.err == nil {
			cancelOne()
		} else {
			r.first.rival.Store(nil) // however far it had got
		}
	})
	part, err := j.u.client.UploadPart(one, j.plan.Upload, p.Number, &r.first, &r.opts)
	if !timer.Stop() {
		r.mu.Lock()
		r.over = true
		r.second.rival.Store(nil) // however far the first had got, nothing else is left now
		if r.cancel != nil && (err == nil || !r.running) {
			r.cancel()
		}
		r.mu.Unlock()
		r.ended.Wait()
	}
	r.ledger.finish(r, err == nil, r.err == nil)
	if err != nil && r.running && (r.err == nil || errors.Is(err, errGaveUp)) {
		return r.part, r.err
	}
	return part, err
}

// leave gives back what enter has taken.
func leave(u *Uploader) {
	u.brake.lanes.release(1)
	u.slots.release(1)
}

// enter waits until the first request is stuck and a second may be made, for which it takes a slot and a lane. It returns
// false if the first has ended, or has failed once, for then it is being repeated anyway.
func (r *race) enter(ctx context.Context, cancel func(), u *Uploader) bool {
	r.mu.Lock()
	r.cancel = cancel
	over := r.over
	r.mu.Unlock()
	if over {
		return false
	}
	for r.look(); ; {
		step := r.ledger.typical(r.first.Size()) / 4
		if step == 0 {
			step = time.Since(r.began) / 4
		}
		if pause(ctx, max(step, leastLook)) != nil || r.failing.Lost.Load()+r.failing.Throttled.Load() > 0 {
			return false
		}
		if !r.ledger.affords(r.look(), u.slots.bound(), false) || u.brake.on() || u.slots.acquire(ctx, 1) != nil {
			continue
		}
		if u.brake.lanes.acquire(ctx, 1) != nil {
			u.slots.release(1)
			continue
		}
		r.mu.Lock()
		if r.running = !r.over && r.ledger.affords(r.look(), u.slots.bound(), true); r.running {
			r.allowed = r.need
			r.first.rival.Store(&r.second)
			r.second.rival.Store(&r.first)
		}
		r.mu.Unlock()
		if r.running {
			return true
		}
		leave(u)
	}
}

// look returns 0 while the first request goes well. If it will be far slower than its siblings, at its pace since the
// last look, this returns how many bytes a second one may make vain.
func (r *race) look() int64 {
	now := time.Now()
	past := now.Sub(r.looked)
	if past < leastLook {
		return r.need
	}
	size, handed := r.first.Size(), r.first.handed.Load()
	pace := float64(handed-r.seen) / past.Seconds()
	r.need = 0
	if typical := r.ledger.typical(size).Seconds(); typical > 0 && !r.looked.IsZero() {
		left := now.Sub(r.began).Seconds() // before the first byte and after the last, all one knows is how long it has been
		if handed > 0 && handed < size {
			left = math.Inf(1)
			if pace > 0 {
				left = float64(size-handed) / pace
			}
		}
		if left > farSlower*typical {
			r.need = min(size, handed+int64(pace*typical)+size/8)
		}
	}
	r.seen, r.looked = handed, now
	return r.need
}
