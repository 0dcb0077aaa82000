package multipart

import (
	"context"
	"crypto/md5"
	"sync"

	"github.com/ossmultipart/go-oss/internal/crc64"
	"github.com/ossmultipart/go-oss/internal/md5lanes"
	"github.com/ossmultipart/go-oss/oss"
)

// sums are the checksums of a body. They are computed before it is sent; it is read again to be sent, and OSS refuses
// it if it has changed in between.
type sums struct {
	md5 [md5.Size]byte
	crc uint64 // CRC-64, ECMA
}

// hashStep is how much of a body is hashed at once, between two looks at the context. Chunks of that size of 32 bodies
// suit the second-level cache of a processor that has so many lanes.
const hashStep = 64 << 10 // bytes

// minGroup is the fewest bodies that the hash pipeline hashes together. Fewer are left to the workers that send them,
// of which there are several.
const minGroup = 3

// A hashRequest is a body that waits for its sums.
type hashRequest struct {
	ctx   context.Context
	body  oss.Body
	off   int64   // of the next chunk
	chunk *[]byte // holds a chunk that does not lie in memory in one piece
	sums  sums
	err   error     // why there are no sums
	call  *hashCall // in the combiner
}

func (r *hashRequest) ended() bool { return r.err != nil || r.off >= r.body.Size() }

// next returns the next chunk of the body, having added it to the CRC-64. It returns nil at the end and after an error.
func (r *hashRequest) next(scratch *sync.Pool) []byte {
	if r.err == nil {
		r.err = r.ctx.Err()
	}
	if r.ended() {
		return nil
	}
	n := min(hashStep, r.body.Size()-r.off)
	p := inPlace(r.body, r.off, n)
	if p == nil {
		if r.chunk == nil {
			r.chunk = scratch.Get().(*[]byte)
		}
		p = (*r.chunk)[:n]
		if m, err := r.body.ReadAt(p, r.off); int64(m) < n {
			r.err = err
			return nil
		}
	}
	r.off += n
	r.sums.crc = crc64.Update(r.sums.crc, p)
	return p
}

// release gives back what next has taken.
func (r *hashRequest) release(scratch *sync.Pool) {
	if r.chunk != nil {
		scratch.Put(r.chunk)
		r.chunk = nil
	}
}

// inPlace returns n bytes of b without copying them, or nil if they do not lie in memory in one piece.
func inPlace(b oss.Body, off, n int64) []byte {
	if m, ok := b.(*buffer); ok {
		return m.at(off, n)
	}
	return nil
}

// A laneGroup hashes bodies side by side, each in a lane of its own. A body may be admitted whenever a lane is free,
// also while others are under way. It is not safe for concurrent use.
type laneGroup struct {
	hasher  *md5lanes.Hasher
	lanes   []*hashRequest // nil where a lane is free
	chunks  [][]byte       // of each lane, in a step
	done    []*hashRequest // what step returns
	scratch *sync.Pool
}

func newLaneGroup(lanes int, scratch *sync.Pool) *laneGroup {
	return &laneGroup{
		hasher: md5lanes.New(lanes), lanes: make([]*hashRequest, lanes), chunks: make([][]byte, lanes), scratch: scratch,
	}
}

// admit gives r a lane, and reports whether one was free.
func (g *laneGroup) admit(r *hashRequest) bool {
	for i, taken := range g.lanes {
		if taken == nil {
			g.hasher.Restart(i)
			g.lanes[i] = r
			return true
		}
	}
	return false
}

// step hashes the next chunk of each body. It returns the requests that have ended thereby, until the next step;
// their lanes are free.
func (g *laneGroup) step() []*hashRequest {
	for i, r := range g.lanes {
		if r != nil {
			g.chunks[i] = r.next(g.scratch)
		}
	}
	g.hasher.Write(g.chunks)
	clear(g.chunks)
	g.done = g.done[:0]
	for i, r := range g.lanes {
		if r != nil && r.ended() {
			r.sums.md5 = g.hasher.Sum(i)
			r.release(g.scratch)
			g.lanes[i] = nil
			g.done = append(g.done, r)
		}
	}
	return g.done
}

// sumGroup reads all bodies once, side by side. One that cannot be read has no sums: whoever sends it finds out why.
func (u *Uploader) sumGroup(ctx context.Context, bodies []oss.Body) []*sums {
	all := make([]*sums, len(bodies))
	requests := make([]hashRequest, len(bodies))
	for i, b := range bodies {
		requests[i] = hashRequest{ctx: ctx, body: b}
	}
	u.hash(requests)
	for i := range requests {
		if r := &requests[i]; r.err == nil {
			all[i] = &r.sums
		}
	}
	return all
}

// sumOf reads body once.
func (u *Uploader) sumOf(ctx context.Context, body oss.Body) (*sums, error) {
	requests := []hashRequest{{ctx: ctx, body: body}}
	u.hash(requests)
	return &requests[0].sums, requests[0].err
}

// hash serves the requests: beside others in the combiner if all lie in memory, else in a group of their own, because
// reading may take long.
func (u *Uploader) hash(requests []hashRequest) {
	if u.lanes >= minGroup && inMemory(requests) {
		u.combiner.serve(u, requests)
		return
	}
	g := u.groups.Get().(*laneGroup)
	defer u.groups.Put(g)
	for next, left := 0, len(requests); left > 0; left -= len(g.step()) {
		for next < len(requests) && g.admit(&requests[next]) {
			next++
		}
	}
}

func inMemory(requests []hashRequest) bool {
	for i := range requests {
		if _, ok := requests[i].body.(*buffer); !ok {
			return false
		}
	}
	return true
}

// crcOf reads body once and returns its CRC-64 alone.
func (u *Uploader) crcOf(ctx context.Context, body oss.Body) (uint64, error) {
	r := hashRequest{ctx: ctx, body: body}
	defer r.release(&u.scratch)
	for r.next(&u.scratch) != nil {
	}
	return r.sums.crc, r.err
}
