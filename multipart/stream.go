package multipart

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/ossmultipart/go-oss/oss"
)

// A stream is a source that is read once, from its beginning to its end, into chunks of memory. It has a goroutine that
// reads, one chunk ahead of the part that is being gathered, because a Read cannot be interrupted. The goroutine ends
// with the stream, or when a Read in progress at the end of the upload returns.
type stream struct {
	r      io.Reader
	pool   *pool
	first  int64 // bytes in the first parts
	size   int64 // of the whole stream; -1 if unknown
	exact  bool  // any other size is an error
	slow   func()
	halted func() bool // a Writer is suspended: see keepTail
	cancel context.CancelFunc

	// Used by the goroutine that reads.
	total    int64         // bytes read
	reading  atomic.Bool   // a Read is in progress, or about to begin
	closed   atomic.Bool   // no further Read may begin
	chunks   chan *chunk   // unbuffered; closed at the end
	err      error         // io.EOF or a failure; set before chunks is closed
	sendSoon chan struct{} // holds a token when the part being gathered must be sent

	// Used by the goroutine that gathers parts.
	held *chunk  // already received
	tail *buffer // kept out of the parts

	// Guarded by pool.mu; number and offset change in the goroutine that gathers parts.
	number   int       // of the last part
	offset   int64     // its end
	own      *chunk    // the chunk that uses the allowance
	wake     func()    // ends waiting for room; nil if the stream does not wait
	waits    bool      // it waits for room, or did when the upload ended
	room     int64     // bytes acquired from the limit for later chunks
	unsent   int64     // bytes in chunks that are not in a part yet
	gathered int64     // of unsent, bytes of the next part
	since    time.Time // when gathered last increased
	promised int64     // of gathered, bytes that count as being sent
	long     bool      // its parts have outgrown pool.even
}

// probeSize is the number of bytes that are read from a stream before it takes a chunk. A source that delivers nothing
// has only this buffer.
const probeSize = 4 << 10 // bytes

// How long a stream waits for memory.
const (
	slowWait = time.Second // before the wait is logged
	longWait = time.Minute // for the room of a whole part, before a smaller part is sent
)

// errSendNow says that the gathered bytes must be sent as a part.
var errSendNow = errors.New("other streams need the memory")

// errNoMemory says that an upload was waiting for memory when it was cancelled.
var errNoMemory = errors.New("waiting for MemoryLimit")

// fromStream reads the first bytes of a stream. If the stream ends within one request, it is sent with one; otherwise
// in parts.
func (j *job) fromStream(ctx context.Context, in input) (*Result, error) {
	s, err := j.stream(ctx, in)
	if err != nil {
		return nil, err
	}
	defer s.close()
	if j.plan.Upload.ID != "" {
		return j.continueParts(ctx, s, s)
	}
	size, single := s.partSize(), s.pool.roundUp(cmp.Or(j.u.opts.PartSize, DefaultPartSize))
	if s.size > single {
		single = size
	}
	b, all, err := s.gather(ctx, single, true)
	if err != nil {
		return nil, j.notBegun(err)
	}
	if all && !j.halting.Load() {
		defer b.free()
		return j.put(ctx, b, nil)
	}
	parts := &prefixSource{source: s}
	for _, b := range b.split(size) {
		if !all || !s.keepTail(b) {
			parts.pieces = append(parts.pieces, s.piece(b))
		}
	}
	defer parts.free() // if the upload cannot be initiated
	if j.session == nil {
		return j.uploadParts(ctx, parts)
	}
	if all && len(parts.pieces) == 0 {
		j.session.tail = s.takeTail()
		return nil, nil
	}
	if err := j.beginSession(ctx); err != nil {
		return nil, err
	}
	return j.continueParts(ctx, parts, s)
}

// stream starts to read in, whose length may be unknown. The caller must close the stream.
func (j *job) stream(ctx context.Context, in input) (*stream, error) {
	p := j.u.memory
	most := min(p.long, oss.MaxPartSize)
	if least := (in.size + oss.MaxPartNumber - 1) / oss.MaxPartNumber; least > most {
		if in.exact {
			return nil,
				fmt.Errorf("multipart: a stream of %d bytes needs parts of %d, but MemoryLimit and OSS allow %d",
					in.size, least, most)
		}
		in.size = -1
	}
	up := j.plan.Upload // which changes when the upload begins
	s := newStream(ctx, p, in, j.plan.PartSize, func() {
		j.u.client.Logger().LogAttrs(ctx, slog.LevelDebug,
			"oss: an upload has been waiting for MemoryLimit for a second",
			slog.String("bucket", up.Bucket), slog.String("key", up.Key), slog.Int64("limit", p.base))
	})
	s.halted = j.halting.Load
	return s, nil
}

// newStream returns a stream that reads in. The first parts of its upload have first bytes. It calls slow after waiting
// for memory for slowWait.
func newStream(ctx context.Context, p *pool, in input, first int64, slow func()) *stream {
	s := &stream{
		r: in.stream, pool: p, first: p.roundUp(first), size: in.size, exact: in.exact, slow: slow,
		number: in.parts, offset: in.base, total: in.base, halted: func() bool { return false },
		chunks: make(chan *chunk), sendSoon: make(chan struct{}, 1),
	}
	ctx, s.cancel = context.WithCancel(ctx)
	p.join(s)
	p.outgrown(s, s.partSize())
	go s.readAll(ctx)
	return s
}

// close releases the memory at once. A Read in progress keeps the chunk that it fills.
func (s *stream) close() {
	s.cancel()
	s.closed.Store(true)
	if !s.reading.Load() { // otherwise that Read may never return
		for c := range s.chunks {
			s.drop(c)
		}
	}
	if s.held != nil {
		s.drop(s.held)
		s.held = nil
	}
	if s.tail != nil {
		s.tail.free()
	}
	s.pool.leave(s)
}

// drop frees chunks that are not in a part.
func (s *stream) drop(chunks ...*chunk) {
	s.pool.mu.Lock()
	defer s.pool.mu.Unlock()
	s.pool.sending -= s.promised
	s.gathered, s.promised = 0, 0
	s.pool.free(chunks...)
}

// canSend reports whether the gathered bytes suffice for a part. pool.mu is held.
func (s *stream) canSend() bool { return s.promised == 0 && s.gathered >= max(s.pool.least, 1) }

// sendNow has the gathered bytes sent as a part. pool.mu is held.
func (s *stream) sendNow() {
	s.promised = s.gathered
	s.pool.sending += s.promised
	s.sendSoon <- struct{}{} // never blocks: gather takes the token before promised is 0 again
}

// gather returns the next bytes of the stream: size, or fewer if other streams need the memory or the stream ends. With
// look it also finds out whether the stream has ended.
func (s *stream) gather(ctx context.Context, size int64, look bool) (b *buffer, all bool, err error) {
	b = &buffer{pool: s.pool}
	for b.size < size || look {
		c, err := s.receive(ctx)
		if err == io.EOF {
			all = true
			break
		}
		if err == errSendNow {
			break
		}
		if err != nil {
			s.drop(b.chunks...)
			return nil, false, err
		}
		if b.size >= size {
			s.held = c
			break
		}
		b.add(c)
		s.pool.mu.Lock()
		s.gathered, s.since = b.size, time.Now()
		s.pool.relieve(false)
		s.pool.mu.Unlock()
	}
	s.pool.mu.Lock()
	defer s.pool.mu.Unlock()
	s.pool.sending += b.size - s.promised
	s.unsent -= b.size
	s.gathered, s.promised = 0, 0
	select {
	case <-s.sendSoon: // the token for these bytes
	default:
	}
	return b, all, nil
}

// receive returns the next chunk, io.EOF at the end, or errSendNow.
func (s *stream) receive(ctx context.Context) (*chunk, error) {
	if c := s.held; c != nil {
		s.held = nil
		return c, nil
	}
	select {
	case c, ok := <-s.chunks:
		if ok {
			return c, nil
		}
		if err := ctx.Err(); err == nil || s.err == io.EOF {
			return nil, s.err
		}
	case <-s.sendSoon:
		return nil, errSendNow
	case <-ctx.Done():
	}
	s.pool.mu.Lock()
	defer s.pool.mu.Unlock()
	if s.waits {
		return nil, fmt.Errorf("%w, %d bytes: %w", errNoMemory, s.pool.base, ctx.Err())
	}
	return nil, ctx.Err()
}

// next implements source.
func (s *stream) next(ctx context.Context) (piece, error) {
	if s.number == oss.MaxPartNumber {
		return piece{}, s.full(ctx)
	}
	size := s.partSize()
	s.pool.outgrown(s, size)
	b, all, err := s.gather(ctx, size, false)
	if err != nil {
		return piece{}, err
	}
	if all && (b.size == 0 || s.keepTail(b)) {
		if s.tail != b {
			b.free()
		}
		return piece{}, io.EOF
	}
	return s.piece(b), nil
}

// keepTail keeps b, the end of the stream, if the Writer is suspended and b is too small for a part that is not the
// last one. It reports whether it did.
func (s *stream) keepTail(b *buffer) bool {
	if !s.halted() || b.size >= leastPart(s.number+1, s.pool.least) {
		return false
	}
	s.tail = b
	return true
}

// takeTail returns the bytes that keepTail has kept.
func (s *stream) takeTail() []byte {
	b := s.tail
	if b == nil {
		return nil
	}
	s.tail = nil
	defer b.free()
	tail := make([]byte, b.size)
	b.ReadAt(tail, 0)
	return tail
}

// piece makes b the next part.
func (s *stream) piece(b *buffer) piece {
	s.pool.mu.Lock()
	defer s.pool.mu.Unlock()
	s.number++
	s.offset += b.size
	return piece{Section: Section{Number: s.number, Offset: s.offset - b.size, Size: b.size}, body: b, free: b.free}
}

// partSize returns the size of the next part, a whole number of chunks.
func (s *stream) partSize() int64 {
	p := s.pool
	size := p.roundDown(streamPartSize(s.first, s.number+1, p.even))
	if s.size >= 0 { // after parts that were sent early, the later ones are larger
		left := int64(oss.MaxPartNumber - s.number)
		size = max(s.first, p.roundUp((s.size-s.offset+left-1)/left))
	}
	return min(size, p.roundUp(p.long), p.roundDown(oss.MaxPartSize))
}

// full returns io.EOF if the stream has exactly 10,000 parts, and an error if it is longer.
func (s *stream) full(ctx context.Context) error {
	if c, err := s.receive(ctx); err != nil {
		return err
	} else {
		s.drop(c)
	}
	return fmt.Errorf("source is longer than the %d bytes that %d parts hold when the first "+
		"has %d and memory is limited "+
		"to %d: raise Options.PartSize or MemoryLimit, or tell its length with Sized",
		s.offset, oss.MaxPartNumber, s.first, s.pool.long)
}

// changed returns nil, because a stream is read once.
func (s *stream) changed() error { return nil }
