package multipart

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/ossmultipart/go-oss/oss"
)

// An ahead is a source that yields the pieces of another with their digests. It hashes groups of pieces side by side,
// which costs a fraction of hashing one by one, while the workers send those before. The first groups are small, so that
// the first byte leaves early; they grow to what the processor has lanes for. The last ones are of equal size: few pieces
// cost as much time as half the lanes do. A stream is never waited for while a worker could have something to do.
type ahead struct {
	u      *Uploader
	source source
	first  int // pieces in the first group
	most   int // pieces in a group
	atOnce int // groups hashed at the same time
	parts  int // of the whole source; 0 if nobody knows

	arrived chan piece    // what has been read of a stream; nil for a source that never waits
	ready   chan piece    // hashed; closed at the end
	now     atomic.Int32  // groups that are not in ready yet
	stirred chan struct{} // holds a token when ready or now may have changed
	err     error         // why there are no more; set before ready is closed
	ending  sync.WaitGroup
}

// readAhead bounds a group of pieces of a file; the next is begun when half as much is left. What was read should still be
// in the cache of the system when it is sent.
const readAhead = 256 << 20 // bytes

// mostAtOnce is how many groups of a file are hashed at the same time, where there are as many processors.
const mostAtOnce = 4

// hashAhead returns src with its pieces hashed ahead, or src itself where that does not pay. Its goroutines end with ctx,
// and are waited for by the function it returns.
func (j *job) hashAhead(ctx context.Context, src source) (source, func()) {
	lanes := j.u.lanes
	if j.send != nil || j.u.opts.Checksum != oss.ChecksumMD5 || lanes < sideBySide {
		return src, func() {}
	}
	workers := int(j.u.governor.Limit())
	most := max(workers, int(min(int64(lanes), readAhead/j.plan.PartSize)))
	a := &ahead{
		u: j.u, source: src, first: min(workers, lanes), most: min(most, lanes), atOnce: 1, parts: j.plan.NumParts(),
		stirred: make(chan struct{}, 1),
	}
	if _, inPlace := src.(*placed); inPlace {
		a.atOnce = j.u.atOnce
	} else {
		a.arrived = make(chan piece, lanes)
		a.ending.Go(func() { a.read(ctx) })
	}
	a.ready = make(chan piece, (a.atOnce+1)*a.most) // more than are ever due
	a.ending.Go(func() { a.hash(ctx) })
	return a, a.end
}

// next returns the next piece, hashed unless it came alone.
func (a *ahead) next(ctx context.Context) (piece, error) {
	select {
	case p, ok := <-a.ready:
		if !ok {
			return piece{}, a.err
		}
		a.stir()
		return p, nil
	case <-ctx.Done():
		for p := range a.ready { // up to its end, when a.err says what the source waited for
			p.free()
		}
		if errors.Is(a.err, errNoMemory) {
			return piece{}, a.err
		}
		return piece{}, ctx.Err()
	}
}

func (a *ahead) changed() error { return a.source.changed() }

// end waits for the goroutines, and frees what nobody has taken.
func (a *ahead) end() {
	a.ending.Wait()
	for p := range a.ready {
		p.free()
	}
}

// read reads a stream, as far as there is memory.
func (a *ahead) read(ctx context.Context) {
	defer close(a.arrived)
	for {
		p, err := a.source.next(ctx)
		if err != nil {
			a.err = err
			return
		}
		select {
		case a.arrived <- p:
		case <-ctx.Done():
			p.free()
			a.err = ctx.Err()
			return
		}
	}
}

// hash gathers pieces and has them hashed and handed on, group by group.
func (a *ahead) hash(ctx context.Context) {
	defer close(a.ready)
	before := make(chan struct{}) // closed when the group before has been handed on
	close(before)
	for size, more := a.first, true; more; {
		var group []piece
		group, more = a.gather(ctx, size)
		size = min(2*size, a.most)
		if n := len(group); n > 0 && a.parts > 0 {
			rest := a.parts - group[n-1].Number
			size = min(size, max((rest+1)/2, a.most/2, 1))
		}
		a.now.Add(1)
		turn, done := before, make(chan struct{})
		before = done
		a.ending.Go(func() {
			defer close(done)
			a.digest(ctx, group)
			<-turn
			for _, p := range group {
				a.ready <- p // there is room, see due
			}
			a.now.Add(-1)
			a.stir()
		})
	}
	if a.arrived != nil {
		for p := range a.arrived { // after an end that came from outside
			p.free()
		}
	}
	<-before
}

// due reports whether it is time to hash the next group. The longer one waits for pieces of a stream the more there are,
// so that is when there is nothing left to send. Of a file one group is hashed while another is sent, and more at the same
// time whenever that is not enough for the workers.
func (a *ahead) due() bool {
	now, ready := int(a.now.Load()), len(a.ready)
	if now == 0 && a.arrived == nil {
		return ready <= a.most/2
	}
	return now < a.atOnce && ready == 0
}

// stir tells gather to look again.
func (a *ahead) stir() {
	select {
	case a.stirred <- struct{}{}:
	default: // it will look anyway
	}
}

// gather returns the next n pieces when they are due, or fewer if there are no more, or of a stream no more yet. It
// reports whether more may come.
func (a *ahead) gather(ctx context.Context, n int) (group []piece, more bool) {
	group, more = make([]piece, 0, n), true
	for more && len(group) < n && a.arrived == nil {
		p, err := a.source.next(ctx)
		if err != nil {
			a.err, more = err, false
			break
		}
		group = append(group, p)
	}
	take := func(p piece, ok bool) {
		if more = ok; ok {
			group = append(group, p)
		}
	}
	for more || len(group) > 0 {
		due, arrived := a.due(), a.arrived
		if !more || len(group) == n {
			if due {
				break
			}
			arrived = nil
		}
		if due && len(group) > 0 {
			select {
			case p, ok := <-arrived:
				take(p, ok)
				continue
			default:
				return group, more
			}
		}
		select {
		case p, ok := <-arrived:
			take(p, ok)
		case <-a.stirred:
		case <-ctx.Done():
			if a.arrived == nil {
				a.err = ctx.Err()
			}
			for _, p := range group {
				p.free() // ready has room for the groups that are due, and this one is not
			}
			return nil, false
		}
	}
	return group, more
}

// digest hashes a group.
func (a *ahead) digest(ctx context.Context, group []piece) {
	if len(group) < sideBySide {
		return
	}
	bodies := make([]oss.Body, len(group))
	for i, p := range group {
		bodies[i] = p.body
	}
	if a.u.hashing.Acquire(ctx, 1) != nil {
		return
	}
	defer a.u.hashing.Release(1)
	for i, d := range a.u.digests(ctx, bodies) {
		group[i].digest = d
	}
}

// A queue is a source some of whose pieces have been taken out already.
type queue struct {
	source
	pieces []piece
}

func (q *queue) next(ctx context.Context) (piece, error) {
	if len(q.pieces) == 0 {
		return q.source.next(ctx)
	}
	p := q.pieces[0]
	q.pieces = q.pieces[1:]
	return p, nil
}

// free frees the pieces that nobody has taken.
func (q *queue) free() {
	for _, p := range q.pieces {
		p.free()
	}
	q.pieces = nil
}
