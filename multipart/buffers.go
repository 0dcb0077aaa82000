package multipart

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/ossmultipart/go-oss/internal/lend"
)

// A budget bounds something that all uploads of an Uploader share: parts in flight, or bytes in
// memory. Those who wait are served in the order they came, so that a large demand is not starved
// by small ones.
type budget struct {
	mu      sync.Mutex
	limit   int64
	used    int64
	waiting []*claim
	idle    []*claim // to be used again
}

// A claim waits for n; granted holds a token when it has them.
type claim struct {
	n       int64
	granted chan struct{}
}

func newBudget(limit int64) *budget { return &budget{limit: limit} }

// acquire takes n, which is at most the limit, waiting until they are free or ctx is done.
func (b *budget) acquire(ctx context.Context, n int64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	b.mu.Lock()
	if len(b.waiting) == 0 && b.used+n <= b.limit {
		b.used += n
		b.mu.Unlock()
		return nil
	}
	c := b.claim(n)
	b.waiting = append(b.waiting, c)
	b.mu.Unlock()

	select {
	case <-c.granted:
		b.mu.Lock()
		defer b.mu.Unlock()
		b.idle = append(b.idle, c)
		return nil
	case <-ctx.Done():
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if i := slices.Index(b.waiting, c); i >= 0 {
		b.waiting = slices.Delete(b.waiting, i, i+1)
	} else {
		b.used -= n // granted while the context ended
	}
	b.grant() // those behind may fit where this one did not
	return ctx.Err()
}

func (b *budget) claim(n int64) *claim {
	if last := len(b.idle) - 1; last >= 0 {
		c := b.idle[last]
		b.idle = b.idle[:last]
		c.n = n
		return c
	}
	return &claim{n: n, granted: make(chan struct{}, 1)}
}

// bound returns the limit, which setBound may change while claims are out; those in excess are not taken back.
func (b *budget) bound() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.limit
}

func (b *budget) setBound(n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.limit = n
	b.grant()
}

// release gives n back.
func (b *budget) release(n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used -= n
	b.grant()
}

func (b *budget) grant() {
	for len(b.waiting) > 0 && b.used+b.waiting[0].n <= b.limit {
		c := b.waiting[0]
		b.waiting = slices.Delete(b.waiting, 0, 1)
		b.used += c.n
		c.granted <- struct{}{}
	}
}

// Sizes of the pieces of memory that buffers are made of. Small streams take one and no part.
const (
	minChunk = 4 << 10   // bytes
	maxChunk = 256 << 10 // bytes
)

// chunkFor returns the piece of which a part of size bytes takes a whole number, so that what is
// reserved is what is taken.
func chunkFor(size int64) int64 {
	pieces := (size + maxChunk - 1) / maxChunk
	return max((size+pieces-1)/pieces, minChunk)
}

// A pool makes part buffers within a budget of bytes.
type pool struct {
	budget *budget
	chunk  int64     // bytes
	chunks sync.Pool // of *[]byte, chunk each; the garbage collector takes what lies idle
}

// newPool returns a pool for parts of partSize bytes or multiples of it.
func newPool(limit, partSize int64) *pool {
	chunk := chunkFor(partSize)
	return &pool{
		budget: newBudget(limit),
		chunk:  chunk,
		chunks: sync.Pool{New: func() any { b := make([]byte, chunk); return &b }},
	}
}

// buffer reserves room for size bytes. The memory itself is taken as the buffer fills.
func (p *pool) buffer(ctx context.Context, size int64) (*buffer, error) {
	if err := p.budget.acquire(ctx, size); err != nil {
		return nil, err
	}
	return &buffer{pool: p, room: size}, nil
}

// A buffer is a part of a stream in memory, and an oss.Body.
type buffer struct {
	pool   *pool
	room   int64
	size   int64
	chunks []*[]byte
	users  atomic.Int64 // connections that are writing what was lent to them; -1 once nobody needs the buffer
}

// fill reads r until the buffer is full or r ends, and returns r's error, io.EOF included.
func (b *buffer) fill(r io.Reader) error {
	for b.size < b.room {
		at := b.size % b.pool.chunk
		if at == 0 && b.size/b.pool.chunk == int64(len(b.chunks)) {
			b.chunks = append(b.chunks, b.pool.chunks.Get().(*[]byte))
		}
		chunk := (*b.chunks[len(b.chunks)-1])[at:]
		n, err := readSome(r, chunk[:min(int64(len(chunk)), b.room-b.size)])
		b.size += int64(n)
		if err != nil {
			return err
		}
	}
	return nil
}

// readSome reads at least a byte, unless r has an error or nothing to give for too long.
func readSome(r io.Reader, p []byte) (int, error) {
	const maxEmptyReads = 100
	for range maxEmptyReads {
		n, err := r.Read(p)
		if n < 0 || n > len(p) {
			return 0, fmt.Errorf("reader returned the impossible count %d", n)
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
	return 0, io.ErrNoProgress
}

// Size returns the bytes read so far.
func (b *buffer) Size() int64 { return b.size }

// ReadAt implements io.ReaderAt.
func (b *buffer) ReadAt(p []byte, off int64) (n int, err error) {
	for n < len(p) && off < b.size {
		chunk := (*b.chunks[off/b.pool.chunk])[off%b.pool.chunk:]
		m := copy(p[n:], chunk[:min(int64(len(chunk)), b.size-off)])
		n, off = n+m, off+int64(m)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// at returns n bytes at off as they lie in memory, or nil if they do not lie in one piece.
func (b *buffer) at(off, n int64) []byte {
	from := off % b.pool.chunk
	if from+n > b.pool.chunk {
		return nil
	}
	return (*b.chunks[off/b.pool.chunk])[from : from+n]
}

// split returns the bytes of b in buffers of size bytes each, a multiple of the pool's chunk, and the rest in the
// last. They share out what b holds, so b itself is not to be used any more.
func (b *buffer) split(size int64) []*buffer {
	var all []*buffer
	for ; b.size > size; b.size, b.room = b.size-size, b.room-size {
		n := size / b.pool.chunk
		all = append(all, &buffer{pool: b.pool, room: size, size: size, chunks: b.chunks[:n:n]})
		b.chunks = b.chunks[n:]
	}
	return append(all, b)
}

// Lend implements lend.Lender.
func (b *buffer) Lend(off, n int64, _ bool) (lend.Range, error) {
	from := off % b.pool.chunk
	n = min(n, b.pool.chunk-from, b.size-off)
	b.users.Add(1)
	return lend.Range{Bytes: (*b.chunks[off/b.pool.chunk])[from : from+n], Size: n, Owner: b}, nil
}

// free gives the memory and the room back, as soon as no connection writes from it. Nobody may read the buffer any more.
func (b *buffer) free() { b.GiveBack() }

// GiveBack implements lend.Owner.
func (b *buffer) GiveBack() {
	if b.users.Add(-1) >= 0 {
		return
	}
	for _, c := range b.chunks {
		b.pool.chunks.Put(c)
	}
	b.pool.budget.release(b.room)
	b.pool, b.chunks = nil, nil
}
