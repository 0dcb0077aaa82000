package multipart

import (
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/ossmultipart/go-oss/internal/crc64"
	"github.com/ossmultipart/go-oss/oss"
)

// fetchStep is the number of bytes of a range that are stored at once: the buffer of a request.
const fetchStep = 256 << 10 // bytes

// A step is a buffer for bytes that were received.
type step [fetchStep]byte

var steps = sync.Pool{New: func() any { return new(step) }}

// A sink stores the bytes of a range.
type sink interface {
	// keep stores the first n bytes of b, which are at an offset of the object. It returns b, or nil if it has kept the
	// buffer. Two goroutines may call it at a time, with different bytes.
	keep(b *step, n int, offset int64) (*step, error)
}

// A guardedWriterAt is a sink that writes to a WriterAt of the caller.
type guardedWriterAt struct {
	guard *guard
	w     io.WriterAt
}

func (g guardedWriterAt) keep(b *step, n int, offset int64) (*step, error) {
	err := g.guard.do(func() error { return writeAt(g.w, b[:n], offset) })
	return b, err
}

// writeAt writes all of p.
func writeAt(w io.WriterAt, p []byte, offset int64) error {
	n, err := w.WriteAt(p, offset)
	if err == nil && n != len(p) {
		err = io.ErrShortWrite
	}
	return err
}

// A fetch is a range in flight. One request fetches it, or two if the first is slow: see hedge. Both may receive the
// same bytes, but each byte is stored once, and only those that are stored count for the CRC-64.
type fetch struct {
	j     *download
	piece admitted
	to    sink

	mu    sync.Mutex
	taken int64 // bytes of the range that are stored, or being stored by one of the requests
	crc   uint64
	err   error // of storing them
	seen  int64 // bytes that the request which is ahead has received
}

// fetch fetches one range and stores its bytes.
func (j *download) fetch(ctx context.Context, p admitted, to sink) (oss.Part, error) {
	f := &fetch{j: j, piece: p, to: to}
	part, err := p.hedged(ctx, true, f.receive)
	if f.err != nil { // also if the other request has received the last byte
		return oss.Part{}, f.err
	}
	return part, err
}

// receive fetches what the range lacks with one request.
func (f *fetch) receive(ctx context.Context, r *racer) (oss.Part, error) {
	at, err := f.position()
	if err != nil {
		return oss.Part{}, err
	}
	size := f.piece.Size
	r.start(at)
	if at == size {
		return f.part(), nil
	}
	body, err := f.j.open(ctx, f.piece.Offset+at, f.piece.Offset+size)
	if err != nil {
		return oss.Part{}, err
	}
	defer body.Close()
	var b *step
	defer func() {
		if b != nil {
			steps.Put(b)
		}
	}()
	for at < size {
		if b == nil {
			b = steps.Get().(*step)
		}
		n, err := f.fill(ctx, b[:min(fetchStep, size-at)], body, at, r)
		if err != nil {
			return oss.Part{}, err
		}
		if b, err = f.store(b, n, at); err != nil {
			return oss.Part{}, err
		}
		at += int64(n)
	}
	return f.part(), nil
}

// fill receives all of p, which is at the given position of the range.
func (f *fetch) fill(ctx context.Context, p []byte, body io.Reader, at int64, r *racer) (done int, err error) {
	pace := pacer{f.piece.transfer.limiter, f.piece.transfer.guard}
	for done < len(p) {
		if err := r.mayGoOn(1); err != nil {
			return 0, err
		}
		n, err := body.Read(p[done:])
		done += n
		r.moved(int64(n))
		f.progress(at + int64(done))
		if pace.limiter != nil {
			for left := n; left > 0; {
				allowed, err := pace.wait(ctx, left)
				if err != nil {
					return 0, err
				}
				left -= allowed
			}
		}
		switch {
		case err == io.EOF && done < len(p):
			return 0, fmt.Errorf("the reply ended at byte %d of %d: %w", at+int64(done),
				f.piece.Size, io.ErrUnexpectedEOF)
		case err != nil && err != io.EOF:
			return 0, err
		}
	}
	if at+int64(done) < f.piece.Size {
		return done, nil
	}
	return done, drained(body)
}

// drained reads the end of the reply, so that the connection can be used again. It returns the error that ends the
// reply if the bytes do not have the CRC-64 that OSS told.
func drained(body io.Reader) error {
	var more [1]byte
	switch n, err := body.Read(more[:]); {
	case n > 0:
		return fmt.Errorf("the reply has more bytes than were requested")
	case err != nil && err != io.EOF:
		return err
	}
	return nil
}

// store stores the first n bytes of b, which are at the given position of the range, unless the other request has
// received them before. Both requests begin with a whole step, so each step is of one request.
func (f *fetch) store(b *step, n int, at int64) (*step, error) {
	f.mu.Lock()
	first := f.taken == at
	if first {
		f.crc = crc64.Update(f.crc, b[:n])
		f.taken += int64(n)
	}
	f.mu.Unlock()
	if !first {
		return b, nil
	}
	b, err := f.to.keep(b, n, f.piece.Offset+at)
	if err != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.err = err
	}
	return b, err
}

// position returns where a request for the rest of the range begins, or why what was received could not be stored.
func (f *fetch) position() (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.taken, f.err
}

// part returns the range, all of which is stored.
func (f *fetch) part() oss.Part {
	f.mu.Lock()
	defer f.mu.Unlock()
	return oss.Part{Number: f.piece.Number, Size: f.piece.Size, CRC64: f.crc}
}

// progress counts the bytes up to a position of the range; bytes that are received twice count once.
func (f *fetch) progress(to int64) {
	meter := f.piece.transfer.meter
	if !meter.reports() {
		return
	}
	f.mu.Lock()
	more := to - f.seen
	f.seen = max(f.seen, to)
	f.mu.Unlock()
	if more > 0 {
		meter.sent(more)
	}
}
