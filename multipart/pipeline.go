package multipart

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/ossmultipart/go-oss/oss"
)

// A hashPipeline is a source that yields the pieces of another source with their checksums. It hashes groups of pieces
// side by side, which costs a fraction of hashing them one by one, while the workers send earlier pieces. The first
// groups are small, so that sending begins early. Later groups grow to the number of lanes of the processor. The last
// groups have equal sizes, because hashing few pieces takes as long as hashing half the lanes.
type hashPipeline struct {
	u        *Uploader
	source   source
	first    int // pieces in the first group
	maxGroup int // pieces in a group
	atOnce   int // groups hashed at the same time
	parts    int // of the whole source; 0 if unknown

	// For files.
	pieces   lookahead
	workers  int64
	partSize int64 // bytes
	drop     bool  // sent bytes are dropped from the page cache

	input   chan piece     // pieces read from a stream; nil for a file
	output  chan piece     // hashed; closed at the end
	hashing atomic.Int32   // groups that are not in output yet
	wake    chan struct{}  // holds a token when output or hashing may have changed
	before  chan struct{}  // closed when the latest group is in output
	err     error          // io.EOF or a failure; set before output is closed
	ending  sync.WaitGroup // for the goroutines
}

// maxGroupBytes bounds a group of pieces of a file.
const maxGroupBytes = 256 << 20 // bytes

// mostAtOnce is the maximum number of groups of a file that are hashed at the same time, if there are as many
// processors.
const mostAtOnce = 4

// hashAhead returns a source that yields the pieces of src with their checksums, or src itself if hashing in groups
// saves nothing. Its goroutines end with ctx. The function it returns waits for them.
func (j *job) hashAhead(ctx context.Context, src source) (source, func()) {
	lanes := j.u.lanes
	if j.u.opts.Checksum != oss.ChecksumMD5 || lanes < minGroup {
		return src, func() {}
	}
	workers := int(j.u.governor.Limit())
	maxGroup := max(workers, int(min(int64(lanes), maxGroupBytes/j.plan.PartSize)))
	p := &hashPipeline{
		u: j.u, source: src, first: min(workers, lanes), maxGroup: min(maxGroup, lanes),
		atOnce: 1, parts: j.plan.NumParts(),
		wake: make(chan struct{}, 1), before: make(chan struct{}),
	}
	close(p.before)
	produce := p.hashStream
	if _, inPlace := src.(*rangeSource); inPlace {
		p.atOnce = j.u.atOnce
		p.pieces = lookahead{source: src, resident: j.u.ahead.resident}
		p.workers, p.partSize, p.drop = int64(workers), j.plan.PartSize, !j.u.ahead.fits(j.plan.Size)
		produce = p.hashFile
	} else {
		p.input = make(chan piece, lanes)
		p.ending.Go(func() { p.read(ctx) })
	}
	p.output = make(chan piece, (p.atOnce+1)*p.maxGroup) // more than shouldHash allows at a time
	p.ending.Go(func() {
		defer close(p.output)
		produce(ctx)
		<-p.before
	})
	return p, p.end
}

// next returns the next piece, with its checksums unless it was alone in its group.
func (p *hashPipeline) next(ctx context.Context) (piece, error) {
	select {
	case e, ok := <-p.output:
		if !ok {
			return piece{}, p.err
		}
		p.signal()
		return e, nil
	case <-ctx.Done():
		for e := range p.output { // until it is closed: then p.err is set
			e.free()
		}
		if errors.Is(p.err, errNoMemory) {
			return piece{}, p.err
		}
		return piece{}, ctx.Err()
	}
}

func (p *hashPipeline) changed() error { return p.source.changed() }

// end waits for the goroutines, and frees the pieces that next has not returned.
func (p *hashPipeline) end() {
	p.ending.Wait()
	for e := range p.output {
		e.free()
	}
}

// read reads a stream, as far as there is memory.
func (p *hashPipeline) read(ctx context.Context) {
	defer close(p.input)
	for {
		e, err := p.source.next(ctx)
		if err != nil {
			p.err = err
			return
		}
		select {
		case p.input <- e:
		case <-ctx.Done():
			e.free()
			p.err = ctx.Err()
			return
		}
	}
}

// hashStream hashes the pieces that read has read. It closes a group as soon as a worker would be idle. While no worker
// is, it waits: a larger group costs less for each piece.
func (p *hashPipeline) hashStream(ctx context.Context) {
	for e := range p.input {
		group := []piece{e}
		if !p.await(ctx) {
			e.free()
			continue // until the input is closed
		}
		for len(group) < p.maxGroup && len(p.input) > 0 {
			group = append(group, <-p.input)
		}
		p.start(ctx, group)
	}
}

// hashFile hashes the pieces of a file. One group is hashed while another is sent. More groups are hashed at the same
// time if the workers would otherwise be idle.
func (p *hashPipeline) hashFile(ctx context.Context) {
	for size := p.first; p.err == nil; {
		if !p.await(ctx) {
			p.err = ctx.Err()
			return
		}
		group := p.nextGroup(ctx, size)
		p.start(ctx, group)
		size = min(2*size, p.maxGroup)
		if n := len(group); n > 0 && p.parts > 0 {
			rest := p.parts - group[n-1].Number
			size = min(size, max((rest+1)/2, p.maxGroup/2, 1))
		}
	}
}

// nextGroup returns the next n pieces of a file, or fewer if more would not stay in the page cache until they are sent.
// At the end, or after an error, it sets p.err.
func (p *hashPipeline) nextGroup(ctx context.Context, n int) (group []piece) {
	var total int64 // bytes of room
	for len(group) < n && p.err == nil {
		next, err := p.pieces.next(ctx)
		if err != nil {
			p.err = err
			break
		}
		e, room, err := p.place(ctx, next)
		p.err = err
		group = append(group, e)
		total += room
		if _, loaded := e.body.(*buffer); loaded || total > 0 && total+p.partSize > p.maxRoom() {
			break
		}
	}
	if total > 0 {
		if err := p.u.ahead.room.Acquire(ctx, total); err != nil {
			p.err = err
			return group // its parts hold no room
		}
	}
	for _, e := range group {
		if c, ok := e.body.(*cachedPart); ok {
			c.reserved = c.size
		}
	}
	return group
}

// maxRoom returns the limit of the bytes of one group: half of the room, because the other half is for the parts in
// flight. A group of up to four parts may take all of it: hashing three parts takes as long as hashing four.
func (p *hashPipeline) maxRoom() int64 {
	limit := p.u.ahead.limit()
	return max(limit/2, min(limit, 4*p.partSize))
}

// await waits until it is time to hash a group. It returns false if ctx ends first.
func (p *hashPipeline) await(ctx context.Context) bool {
	for !p.shouldHash() {
		select {
		case <-p.wake:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// shouldHash reports whether it is time to hash the next group.
func (p *hashPipeline) shouldHash() bool {
	hashing, ready := int(p.hashing.Load()), len(p.output)
	if hashing == 0 && p.input == nil {
		return ready <= p.maxGroup/2
	}
	return hashing < p.atOnce && ready == 0
}

// signal makes await check again.
func (p *hashPipeline) signal() {
	select {
	case p.wake <- struct{}{}:
	default: // a token is waiting already
	}
}

// start hashes a group in its own goroutine, and passes it on after the group before.
func (p *hashPipeline) start(ctx context.Context, group []piece) {
	p.hashing.Add(1)
	before, done := p.before, make(chan struct{})
	p.before = done
	p.ending.Go(func() {
		defer close(done)
		p.hash(ctx, group)
		<-before
		for _, e := range group {
			p.output <- e // never blocks, see shouldHash
		}
		p.hashing.Add(-1)
		p.signal()
	})
}

// hash computes the checksums of the pieces of a group.
func (p *hashPipeline) hash(ctx context.Context, group []piece) {
	if len(group) < minGroup {
		return
	}
	bodies := make([]oss.Body, len(group))
	for i, e := range group {
		bodies[i] = e.toHash()
	}
	if p.u.hashing.Acquire(ctx, 1) != nil {
		return
	}
	defer p.u.hashing.Release(1)
	for i, s := range p.u.sumGroup(ctx, bodies) {
		group[i].sums = s
	}
}
