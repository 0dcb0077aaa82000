package multipart

import (
	"context"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ossmultipart/go-oss/internal/flow"
	"github.com/ossmultipart/go-oss/internal/zerocopy"
	"github.com/ossmultipart/go-oss/oss"
)

// maxChunk bounds a chunk, the unit in which a stream takes memory.
const maxChunk = 256 << 10 // bytes

// slowSource is the time without a new chunk after which a stream counts as slow while others wait for memory.
const slowSource = time.Second

// chunkFor returns the chunk size for parts of size bytes. A part is a whole number of chunks: exactly, if size has a
// suitable divisor, and otherwise with less than one extra byte for each chunk. The chunks of parts larger than
// maxChunk have at least half of maxChunk, so that a single chunk is a valid part.
func chunkFor(size int64) int64 {
	fewest := (size + maxChunk - 1) / maxChunk
	for n := fewest; n <= size/(maxChunk/2); n++ {
		if size%n == 0 {
			return size / n
		}
	}
	return (size + fewest - 1) / fewest
}

// A chunk is a piece of memory with bytes of a stream.
type chunk struct {
	bytes   []byte
	reused  bool    // the memory is returned to the pool
	counted bool    // it counts against the limit
	of      *stream // the stream whose allowance it uses; nil if it uses none
}

// A pool is the memory that the streams of an Uploader share.
//
// Only full chunks count against the limit. A stream also has an allowance of one chunk, which no other stream can
// take: the chunk that it is reading into, or a full one that waits for room under the limit. So a source that delivers
// nothing holds nothing, and a stream always makes progress, if necessary by sending its allowance as a part and
// reading again when OSS has it. Streams that wait for room are served in order of arrival. The allowances in use
// reduce the limit, but by at most half. So all streams together exceed the limit only if there are very many.
//
// Memory whose bytes are being sent is released by itself. Memory that streams gather for their next parts may not be:
// their sources may be silent, or wait for one another. So while a stream waits for room, streams whose next chunk is
// late send their gathered bytes as a smaller part. Those with the most gathered bytes do the same while less than half
// of the limit is being sent. That uses up part numbers, of which an upload has 10,000, so a stream does it among its
// first parts only, which are small anyway. Later a stream acquires the room of a whole part before it fills it, and
// holds none while it waits.
type pool struct {
	limit *flow.Semaphore // bytes of full chunks
	chunk int64           // bytes
	least int64           // bytes; the smallest part that is not the last
	// bytes; the part size at which the limit holds Concurrency parts in flight and one being read
	even  int64
	base  int64     // bytes; the limit, unless there are long streams
	long  int64     // bytes; the limit while there are long streams
	spare sync.Pool // of *chunk; the garbage collector frees idle ones

	mu      sync.Mutex
	streams []*stream // being read, oldest first
	longs   int       // streams whose parts have outgrown even
	sending int64     // bytes that wait to be sent or are being sent
	own     int64     // bytes in allowances
}

// newPool returns a pool for parts of partSize bytes at first. A limit of 0 means room for workers parts in flight and
// one being read, each of the size full, and more for streams whose length needs larger parts.
func newPool(limit, partSize, full, least int64, workers int) *pool {
	const endless = 1 << 60 // the arithmetic below does not overflow
	p := &pool{chunk: chunkFor(partSize), least: least, base: min(limit, endless)}
	p.spare.New = func() any { return &chunk{bytes: make([]byte, p.chunk), reused: true} }
	buffers := min(int64(workers), endless/full-1) + 1 // for a very large Concurrency
	if limit != 0 {
		p.base = max(p.base, p.roundUp(partSize)) // the chunks of a part can have a few bytes more than the part
	}
	p.long = p.base
	if limit == 0 {
		p.base = buffers * full
		p.long = min(p.base/2*5, endless)
	}
	p.even = max(p.base/buffers, p.roundUp(partSize))
	p.limit = flow.NewSemaphore(p.base)
	return p
}

// roundUp returns the size of the chunks that hold n bytes.
func (p *pool) roundUp(n int64) int64 { return (n + p.chunk - 1) / p.chunk * p.chunk }

// roundDown returns the size of the chunks that fit in n bytes, and at least that of one.
func (p *pool) roundDown(n int64) int64 { return max(n/p.chunk, 1) * p.chunk }

// take returns an empty chunk that uses the allowance of s.
func (p *pool) take(s *stream) *chunk {
	c := p.spare.Get().(*chunk)
	c.bytes, c.of = c.bytes[:p.chunk], s
	p.mu.Lock()
	defer p.mu.Unlock()
	s.own = c
	p.allow(p.chunk)
	return c
}

// allow records that the allowances use n more bytes. They reduce the limit, by at most half. p.mu is held.
func (p *pool) allow(n int64) {
	p.own += n
	whole := p.base
	if p.longs > 0 {
		whole = p.long
	}
	p.limit.SetLimit(whole - min(p.own, whole/2))
}

// load reads body, whose data is available without waiting, into memory. It returns nil if there is no room now, or if
// body cannot be read: then its next reader gets the error.
func (p *pool) load(body oss.Body) *buffer {
	size := body.Size()
	room := p.roundUp(size)
	if room > p.limit.Limit() || !p.limit.TryAcquire(room) {
		return nil
	}
	return p.fill(body)
}

// loadWaiting is load, but waits for room until ctx ends. The body must not need more than p.base.
func (p *pool) loadWaiting(ctx context.Context, body oss.Body) (*buffer, error) {
	if err := p.limit.Acquire(ctx, p.roundUp(body.Size())); err != nil {
		return nil, err
	}
	return p.fill(body), nil
}

// fill reads body into memory that already counts against the limit, or returns nil.
func (p *pool) fill(body oss.Body) *buffer {
	size := body.Size()
	b := &buffer{pool: p, size: size}
	for off := int64(0); off < size; off += p.chunk {
		c := p.spare.Get().(*chunk)
		c.bytes, c.counted = c.bytes[:min(p.chunk, size-off)], true
		b.chunks = append(b.chunks, c)
	}
	p.mu.Lock()
	p.sending += size
	p.mu.Unlock()
	for i, c := range b.chunks {
		if n, _ := body.ReadAt(c.bytes, int64(i)*p.chunk); n < len(c.bytes) {
			b.free()
			return nil
		}
	}
	return b
}

// sent frees the chunks of a part that has been sent or is not needed.
func (p *pool) sent(chunks []*chunk, size int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sending -= size
	p.free(chunks...)
	p.relieve(false)
}

// free frees chunks. p.mu is held.
func (p *pool) free(chunks ...*chunk) {
	var room int64
	for _, c := range chunks {
		if s := c.of; s != nil {
			s.own = nil
			p.allow(-p.chunk)
			if s.wake != nil {
				s.wake()
			}
		}
		if c.counted {
			room += p.chunk
		}
		c.of, c.counted = nil, false
		if c.reused {
			p.spare.Put(c)
		}
	}
	p.limit.Release(room)
}

// relieve makes streams send their gathered bytes if others wait: all whose source is slow, and then those with the
// most bytes, until enough is being sent. waiting says that a stream waits that is not in the queue of the limit yet.
// p.mu is held.
func (p *pool) relieve(waiting bool) {
	if !waiting && p.limit.Waiting() == 0 {
		return
	}
	now, half := time.Now(), p.limit.Limit()/2
	for {
		var most *stream
		for _, s := range p.streams {
			switch {
			case s.number >= smallParts || !s.canSend():
			case s.wake == nil && now.Sub(s.since) >= slowSource: // s does not wait for memory itself
				s.sendNow()
			case most == nil || s.gathered > most.gathered:
				most = s
			}
		}
		if most == nil || p.sending >= half {
			return
		}
		most.sendNow()
	}
}

// outgrown raises the limit for a stream with a part of size bytes, if that is more than even, until the stream leaves.
func (p *pool) outgrown(s *stream, size int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if size > p.even && !s.long {
		s.long = true
		p.longs++
		p.allow(0)
	}
}

// join adds a stream that is being read.
func (p *pool) join(s *stream) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.streams = append(p.streams, s)
}

// leave removes a stream, and releases its room.
func (p *pool) leave(s *stream) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.Index(p.streams, s)
	p.streams = slices.Delete(p.streams, i, i+1)
	p.limit.Release(s.room)
	s.room = 0
	if s.long {
		p.longs--
		p.allow(0)
	}
}

// A buffer is a part of a stream in memory, and an oss.Body. All its chunks except the last are full.
type buffer struct {
	pool   *pool
	size   int64
	chunks []*chunk
	users  atomic.Int64 // connections that are writing from the buffer; -1 once it is freed and unused
}

// add appends a chunk.
func (b *buffer) add(c *chunk) {
	b.chunks = append(b.chunks, c)
	b.size += int64(len(c.bytes))
}

// Size returns the bytes in the buffer.
func (b *buffer) Size() int64 { return b.size }

// ReadAt implements io.ReaderAt.
func (b *buffer) ReadAt(p []byte, off int64) (n int, err error) {
	for n < len(p) && off < b.size {
		m := copy(p[n:], b.chunks[off/b.pool.chunk].bytes[off%b.pool.chunk:])
		n, off = n+m, off+int64(m)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// at returns n bytes at off without copying them, or nil if they are not contiguous in memory.
func (b *buffer) at(off, n int64) []byte {
	from := off % b.pool.chunk
	if from+n > b.pool.chunk {
		return nil
	}
	return b.chunks[off/b.pool.chunk].bytes[from : from+n]
}

// split divides the chunks of b into buffers of size bytes each, a multiple of the chunk size of the pool, with the
// rest in the last. b must not be used afterwards.
func (b *buffer) split(size int64) []*buffer {
	var all []*buffer
	for ; b.size > size; b.size -= size {
		n := size / b.pool.chunk
		all = append(all, &buffer{pool: b.pool, size: size, chunks: b.chunks[:n:n]})
		b.chunks = b.chunks[n:]
	}
	return append(all, b)
}

// Region implements zerocopy.Source.
func (b *buffer) Region(off, n int64, _ bool) (zerocopy.Region, error) {
	from := off % b.pool.chunk
	n = min(n, b.pool.chunk-from, b.size-off)
	b.users.Add(1)
	return zerocopy.Region{Bytes: b.chunks[off/b.pool.chunk].bytes[from : from+n], Size: n, Buffer: b}, nil
}

// free releases the memory as soon as no connection writes from it. The buffer must not be read afterwards.
func (b *buffer) free() { b.Release() }

// Release implements zerocopy.Buffer.
func (b *buffer) Release() {
	if b.users.Add(-1) >= 0 {
		return
	}
	b.pool.sent(b.chunks, b.size)
	b.chunks = nil
}
