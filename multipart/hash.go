package multipart

import (
	"context"
	"crypto/md5"
	"sync"

	"github.com/ossmultipart/go-oss/internal/crc64"
	"github.com/ossmultipart/go-oss/internal/md5lanes"
	"github.com/ossmultipart/go-oss/oss"
)

// sums are the checksums of a body. They are computed before the body is sent. Sending reads it again, and OSS refuses
// it if it has changed.
type sums struct {
	md5 [md5.Size]byte
	crc uint64 // CRC-64, ECMA
}

// hashStep is the number of bytes of a body that are hashed at a time, between two checks of the context. With 32 lanes
// the chunks fit in the second-level cache of the processor.
const hashStep = 64 << 10 // bytes

// minGroup is the minimum number of bodies that the hash pipeline hashes together. Fewer are hashed by the workers that
// send them.
const minGroup = 3

// A hashRequest is a body that waits for its sums.
type hashRequest struct {
	ctx   context.Context
	body  oss.Body
	off   int64   // of the next chunk
	chunk *[]byte // holds a chunk that is not contiguous in memory
	sums  sums
	err   error     // why the sums are unknown
	call  *hashCall // in the combiner
}

func (r *hashRequest) ended() bool { return r.err != nil || r.off >= r.body.Size() }

// next adds the next chunk of the body to the CRC-64, and returns it. It returns nil at the end and after an error.
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

// release returns the memory of next.
func (r *hashRequest) release(scratch *sync.Pool) {
	if r.chunk != nil {
		scratch.Put(r.chunk)
		r.chunk = nil
	}
}

// inPlace returns n bytes of b without copying them, or nil if they are not contiguous in memory.
func inPlace(b oss.Body, off, n int64) []byte {
	if m, ok := b.(*buffer); ok {
		return m.at(off, n)
	}
	return nil
}

// A laneGroup hashes bodies side by side, each in its own lane. A body may be admitted whenever a lane is free, even
// while others are being hashed. A laneGroup is not safe for concurrent use.
type laneGroup struct {
	hasher  *md5lanes.Hasher
	lanes   []*hashRequest // nil where a lane is free
	chunks  [][]byte       // of each lane, in a step
	done    []*hashRequest // what step returns
	scratch *sync.Pool
}

func newLaneGroup(lanes int, scratch *sync.Pool) *laneGroup {
	return &laneGroup{
		hasher: md5lanes.New(lanes), lanes: make([]*hashRequest, lanes),
		chunks: make([][]byte, lanes), scratch: scratch,
	}
}

// admit assigns a lane to r, and reports whether one was free.
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

// step hashes the next chunk of each body. It returns the requests that ended with this step, whose lanes are free. The
// slice is valid until the next step.
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

// sumGroup reads all bodies once, side by side. A body that cannot be read has no sums; sending it returns the error.
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

// sumOf returns the checksums of body, which it reads once.
func (u *Uploader) sumOf(ctx context.Context, body oss.Body) (*sums, error) {
	requests := []hashRequest{{ctx: ctx, body: body}}
	u.hash(requests)
	return &requests[0].sums, requests[0].err
}

// hash computes the sums of the requests, together with others in the combiner, or in a group of their own.
func (u *Uploader) hash(requests []hashRequest) {
	if u.allCombine(requests) {
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

// allCombine reports whether the combiner hashes the requests. A large group of parts of a file fills the lanes by
// itself, and several such groups can be hashed at the same time.
func (u *Uploader) allCombine(requests []hashRequest) bool {
	for i := range requests {
		_, section := requests[i].body.(sectionBody)
		if section && len(requests) > u.lanes/4 || !u.combines(requests[i].body) {
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
