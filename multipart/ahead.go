package multipart

import (
	"context"
	"sync"

	"github.com/ossmultipart/go-oss/oss"
)

// An ahead is a source that yields the pieces of another with their digests. It hashes groups of pieces side by side,
// which costs a fraction of hashing one by one, while the workers send those before. The first groups are small, so that
// the first byte leaves early; they grow to what the processor has lanes for, and shrink towards the end, so that little
// is left to send when all is hashed. A stream is never waited for while a worker could have something to do.
type ahead struct {
	u      *Uploader
	source source
	first  int // pieces in the first group; when half as many are left the next is hashed
	most   int // pieces in a group
	parts  int // of the whole source; 0 if nobody knows

	arrived chan piece    // what has been read of a stream; nil for a source that never waits
	ready   chan piece    // hashed; closed at the end
	taken   chan struct{} // holds a token when ready has become shorter
	err     error         // why there are no more; set before ready is closed
	ending  sync.WaitGroup
}

// readAhead is how far ahead of sending a file is hashed. What was read should still be in the cache of the system
// when it is sent.
const readAhead = 256 << 20 // bytes

// hashAhead returns src with its pieces hashed ahead, or src itself where that does not pay. Its goroutines end with ctx,
// and are waited for by the function it returns.
func (j *job) hashAhead(ctx context.Context, src source) (source, func()) {
	lanes := j.u.lanes
	if j.send != nil || j.u.opts.Checksum != oss.ChecksumMD5 || lanes < sideBySide {
		return src, func() {}
	}
	workers := int(j.u.slots.bound())
	most := max(workers, int(min(int64(lanes), readAhead/j.plan.PartSize)))
	a := &ahead{
		u: j.u, source: src, first: min(workers, lanes), most: min(most, lanes), parts: j.plan.NumParts(),
		ready: make(chan piece, workers+2*lanes), taken: make(chan struct{}, 1),
	}
	if _, inPlace := src.(*placed); !inPlace {
		a.arrived = make(chan piece, lanes)
		a.ending.Go(func() { a.read(ctx) })
	}
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
		select {
		case a.taken <- struct{}{}:
		default: // it will look anyway
		}
		return p, nil
	case <-ctx.Done():
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

// hash gathers pieces and hands them on, group by group.
func (a *ahead) hash(ctx context.Context) {
	defer close(a.ready)
	group := make([]piece, 0, a.most)
	for size, more := a.first, true; more; {
		group, more = a.gather(ctx, group[:0], size)
		size = min(2*size, a.most)
		if n := len(group); n > 0 && a.parts > 0 {
			size = min(size, max((a.parts-group[n-1].Number)/2, a.first))
		}
		a.digest(ctx, group)
		for _, p := range group {
			a.ready <- p // there is room, see gather
		}
	}
	if a.arrived != nil {
		for p := range a.arrived { // after an end that came from outside
			p.free()
		}
	}
}

// gather appends up to n pieces to group. It returns when they are there and the workers will soon need them, or
// when they need them now and there are fewer. It reports false when there are no more to come.
func (a *ahead) gather(ctx context.Context, group []piece, n int) ([]piece, bool) {
	for {
		needed := len(a.ready) <= a.first/2
		full := len(group) == n
		switch {
		case full && needed:
			return group, true
		case !full && a.arrived == nil:
			p, err := a.source.next(ctx)
			if err != nil {
				a.err = err
				return group, false
			}
			group = append(group, p)
			continue
		case len(group) > 0 && needed:
			select {
			case p, ok := <-a.arrived:
				if !ok {
					return group, false
				}
				group = append(group, p)
			default:
				return group, true
			}
			continue
		}
		more := a.arrived
		if full {
			more = nil
		}
		select {
		case p, ok := <-more:
			if !ok {
				return group, false
			}
			group = append(group, p)
		case <-a.taken:
		case <-ctx.Done():
			if a.arrived == nil {
				a.err = ctx.Err()
			}
			return group, false
		}
	}
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
	if a.u.hashing.acquire(ctx, 1) != nil {
		return
	}
	defer a.u.hashing.release(1)
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
