package multipart

import (
	"context"
	"io"
	"os"
	"sync"
	"time"

	"github.com/ossmultipart/go-oss/internal/flow"
	"github.com/ossmultipart/go-oss/internal/pagecache"
	"github.com/ossmultipart/go-oss/internal/zerocopy"
	"github.com/ossmultipart/go-oss/oss"
)

// This file keeps parts of files from being read from the disk twice. A part is read to be hashed, and again to be
// sent. The second read is cheap while the pages are in the page cache. If memory is short, for example in a container,
// whose limit includes that cache, the system drops them before.
//
// A part that is already in the cache needs no room. Any other part takes room in a readAhead before it is hashed, and
// releases it step by step while it is sent. If that room is too little for the parts in flight, parts are read once,
// into buffers that count against MemoryLimit.

// Bounds of the bytes of files that are between hashing and sending.
const (
	maxReadAhead  = 512 << 20 // bytes
	safeReadAhead = 256 << 20 // bytes assumed to be available if the system does not tell
	otherMemory   = 24 << 20  // bytes of the available memory that are left for other uses
)

// systemReadAhead is more than the system reads ahead. The default of Linux is 128 KiB, but cloud servers are
// configured with 8 MiB, and twice that may be in progress.
const systemReadAhead = 32 << 20 // bytes

// releaseStep is the number of bytes of a part whose room is released at a time while it is sent.
const releaseStep = 1 << 20 // bytes

// How often a readAhead looks at the system.
const (
	checkInterval = time.Second // at the memory that is available
	missInterval  = time.Second // between two halvings of its limit
	missMemory    = time.Minute // without a miss, before its limit is doubled
)

// A readAhead limits the bytes that the uploads of an Uploader have read into the page cache and have not sent yet.
type readAhead struct {
	room *flow.Semaphore // bytes

	// The page cache, see package pagecache. Tests have their own.
	available func() (bytes int64, ok bool)
	resident  func(f *os.File, off, n int64) (resident, ok bool)
	evict     func(f *os.File, off, n int64)

	mu      sync.Mutex
	checked time.Time
	usable  int64     // bytes that were available
	missed  time.Time // time of the last miss, or of the last doubling since
	halved  int       // how many times the limit is halved
}

func newReadAhead() *readAhead {
	return &readAhead{
		room: flow.NewSemaphore(0), available: pagecache.Available, resident: pagecache.Resident, evict: pagecache.Drop,
	}
}

// limit returns the maximum number of bytes between hashing and sending: most of the available memory, which includes
// the bytes already there. It is halved after misses, because other programs use the memory too.
func (r *readAhead) limit() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if r.checked.IsZero() || now.Sub(r.checked) >= checkInterval {
		r.checked, r.usable = now, safeReadAhead
		if bytes, ok := r.available(); ok {
			r.usable = bytes
		}
	}
	if r.halved > 0 && now.Sub(r.missed) >= missMemory {
		r.halved, r.missed = r.halved-1, now
	}
	limit := min(max(r.usable-otherMemory, 0)/4*3, maxReadAhead) >> r.halved
	r.room.SetLimit(limit)
	return limit
}

// miss halves the limit, because a part left the cache before it was sent.
func (r *readAhead) miss() {
	r.mu.Lock()
	defer r.mu.Unlock()
	const most = 10 // after these there is no room for a part
	if now := time.Now(); now.Sub(r.missed) >= missInterval {
		r.halved, r.missed = min(r.halved+1, most), now
	}
}

// fits reports whether a file of size bytes can stay in the cache.
func (r *readAhead) fits(size int64) bool {
	r.limit()
	r.mu.Lock()
	defer r.mu.Unlock()
	return size <= r.usable/2
}

// fileOf returns the file that w is a range of, and the offset of the range. It returns nil if w is not a range of a
// file.
func fileOf(w sectionBody) (f *os.File, off int64) {
	r, off := w.r, w.base
	for {
		switch at := r.(type) {
		case *os.File:
			return at, off
		case *io.SectionReader:
			outer, begin, size := at.Outer()
			if off < 0 || off+w.size > size {
				return nil, 0
			}
			r, off = outer, begin+off
		default:
			return nil, 0
		}
	}
}

// cached reports whether w is a range of a file and in the page cache.
func (r *readAhead) cached(w sectionBody) bool {
	f, off := fileOf(w)
	if f == nil {
		return false
	}
	resident, _ := r.resident(f, off, w.size)
	return resident
}

// A lookahead yields the pieces of a file, and knows which of them were in the cache before earlier pieces were read.
// Reading a piece makes the system read ahead.
type lookahead struct {
	source   source
	resident func(f *os.File, off, n int64) (resident, ok bool)
	queue    []examined
	bytes    int64 // in the queue
	err      error // io.EOF or a failure of the source
}

// An examined piece is one whose presence in the cache is known.
type examined struct {
	piece
	file   *os.File // nil if it is not a part of a file
	offset int64    // in file
	cached bool
}

// next returns the next piece.
func (l *lookahead) next(ctx context.Context) (examined, error) {
	for l.err == nil && (len(l.queue) < 2 || l.bytes < systemReadAhead) {
		p, err := l.source.next(ctx)
		if err != nil {
			l.err = err
			break
		}
		e := examined{piece: p}
		if w, ok := p.body.(sectionBody); ok {
			e.file, e.offset = fileOf(w)
		}
		if e.file != nil {
			e.cached, _ = l.resident(e.file, e.offset, e.Size)
		}
		l.queue = append(l.queue, e)
		l.bytes += e.Size
	}
	if len(l.queue) == 0 {
		return examined{}, l.err
	}
	e := l.queue[0]
	l.queue = l.queue[1:]
	l.bytes -= e.Size
	return e, nil
}

// place decides where the bytes of a piece are kept between hashing and sending. It returns the piece with the
// corresponding body, and the room that it needs in the readAhead.
func (p *hashPipeline) place(ctx context.Context, e examined) (_ piece, room int64, err error) {
	if e.file == nil || e.cached {
		return e.piece, 0, nil
	}
	limit, memory := p.u.ahead.limit(), p.u.memory.base
	if tight := limit < 2*p.workers*p.partSize; tight && limit < memory && p.u.memory.roundUp(e.Size) <= memory {
		b, err := p.u.memory.loadWaiting(ctx, e.body)
		if b == nil { // the worker that sends the piece finds out why it cannot be read
			return e.piece, 0, err
		}
		if p.drop {
			p.u.ahead.evict(e.file, e.offset, e.Size)
		}
		e.body, e.free = b, b.free
		return e.piece, 0, nil
	}
	if e.Size > limit {
		return e.piece, 0, nil // it does not fit in the cache
	}
	c := &cachedPart{sectionBody: e.body.(sectionBody), file: e.file, offset: e.offset, ahead: p.u.ahead, drop: p.drop}
	e.body, e.free = c, c.free
	return e.piece, e.Size, nil
}

// A cachedPart is a part of a file that is read from the disk to be hashed, and should still be in the cache when it is
// sent.
type cachedPart struct {
	sectionBody
	file   *os.File
	offset int64 // in file
	ahead  *readAhead
	drop   bool // sent bytes are dropped from the cache, which has no room for the file

	// Used by the goroutine that hashes.
	opened *os.File // the file, opened again to be hashed
	hashed bool     // at least its first bytes

	mu       sync.Mutex
	reserved int64 // bytes of room that it still holds
	sending  bool  // sending has begun, and the cache was checked
	sent     int64 // bytes sent whose room is released
}

// ReadAt is called to send the part.
func (c *cachedPart) ReadAt(p []byte, off int64) (int, error) {
	c.reached(off)
	return c.sectionBody.ReadAt(p, off)
}

// Region implements zerocopy.Source.
func (c *cachedPart) Region(off, n int64, files bool) (zerocopy.Region, error) {
	c.reached(off)
	return c.sectionBody.Region(off, n, files)
}

// reached releases the room of the bytes before off, which have been sent.
func (c *cachedPart) reached(off int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.sending {
		c.sending = true
		if resident, ok := c.ahead.resident(c.file, c.offset, c.size); ok && !resident {
			c.ahead.miss()
		}
	}
	if off-c.sent < releaseStep {
		return
	}
	// The latest step may still be in the buffer of a connection, from which it cannot be dropped.
	before := max(c.sent-releaseStep, 0)
	c.dropHashed(before, off-releaseStep-before)
	c.release(min(off-c.sent, c.reserved))
	c.sent = off
}

// release releases n bytes of room. c.mu is held.
func (c *cachedPart) release(n int64) {
	c.reserved -= n
	c.ahead.room.Release(n)
}

// free releases the rest of the room. The part has been sent, or has failed.
func (c *cachedPart) free() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closeOpened()
	c.dropHashed(0, c.size)
	c.release(c.reserved)
}

// dropHashed drops bytes of the part from the cache, if hashing has read them.
func (c *cachedPart) dropHashed(off, n int64) {
	if c.drop && c.hashed {
		c.ahead.evict(c.file, c.offset+off, n)
	}
}

func (c *cachedPart) closeOpened() {
	if c.opened != nil {
		c.opened.Close()
		c.opened = nil
	}
}

// A hashReader reads a cachedPart to be hashed, through its own open file. In a group many parts are read alternately,
// a little at a time, and with its own file the system reads ahead for each of them.
type hashReader struct{ *cachedPart }

func (r hashReader) ReadAt(p []byte, off int64) (int, error) {
	c, w := r.cachedPart, r.sectionBody
	if !c.hashed {
		c.hashed = true
		c.opened, _ = pagecache.Reopen(c.file) // if that fails, c.file is read
	}
	if c.opened != nil {
		w.r, w.base = c.opened, c.offset
	}
	n, err := w.ReadAt(p, off)
	if err != nil || off+int64(n) >= c.size {
		c.closeOpened()
	}
	return n, err
}

// toHash returns the body from which a piece is hashed.
func (p piece) toHash() oss.Body {
	if c, ok := p.body.(*cachedPart); ok {
		return hashReader{c}
	}
	return p.body
}
