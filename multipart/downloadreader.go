package multipart

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"sync"
	"sync/atomic"

	"github.com/ossmultipart/go-oss/internal/crc64"
	"github.com/ossmultipart/go-oss/internal/flow"
	"github.com/ossmultipart/go-oss/oss"
)

// A Reader reads an object from the beginning to the end, while ranges after the current position are fetched in
// parallel. It implements io.ReadCloser and io.WriterTo. The caller must close it. Its methods are for one goroutine at
// a time, except that Close may be called at any time: it ends a Read in progress.
type Reader struct {
	j      *download
	memory *flow.Semaphore // bytes that this Reader may have fetched and not returned
	slots  chan *slot      // ranges in order; closed when the last has begun, or one has failed
	cancel context.CancelCauseFunc
	finish func(*DownloadResult, error) // ends the progress

	ended  chan struct{} // closed when no range is in flight, and failed is set
	failed error

	now    *slot // the range being read; nil between two
	at     int64 // bytes of now that were returned
	crc    uint64
	parts  int
	err    error // of all later reads
	result *DownloadResult

	outcome atomic.Pointer[readOutcome] // of the last Read; nil before it
	once    sync.Once
	closed  chan struct{}
}

// A readOutcome is how the reading ended, for the OnEnd hook.
type readOutcome struct {
	result *DownloadResult
	err    error
}

// A slot is a range of a Reader.
type slot struct {
	Section
	done chan struct{} // closed when all of its bytes are there; from then on the Reader owns the slot
	part oss.Part      // with the CRC-64

	mu    sync.Mutex // two requests may fetch the range
	steps []*step    // in order; those that were returned are nil
}

// keep implements sink: it keeps the buffer.
func (s *slot) keep(b *step, _ int, offset int64) (*step, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.steps[(offset-s.Offset)/fetchStep] = b
	return nil, nil
}

// room returns the memory that n bytes take.
func room(n int64) int64 { return (n + fetchStep - 1) / fetchStep * fetchStep }

// NewReader opens an object for reading from the beginning to the end. It fetches ranges in parallel, within
// DownloadOptions.MemoryLimit, and returns them in order. ctx is the context of all reading.
//
// If OSS told the CRC-64 of the object and the bytes have another, the last Read returns a *oss.ChecksumError instead
// of io.EOF, after all bytes have been returned. If a range cannot be fetched, Read returns the bytes before it and
// then a *DownloadError. As for Download, all bytes are of the object that HeadObject describes first.
//
// To read from other positions, use OpenObject of package oss.
//
// See https://help.aliyun.com/en/oss/developer-reference/getobject
func (d *Downloader) NewReader(ctx context.Context, bucket, key string, opts *oss.OpenOptions) (*Reader, error) {
	j, err := d.newDownload(ctx, bucket, key, opts)
	if err != nil {
		return nil, err
	}
	ctx, end := j.begin(ctx)
	if err := j.find(ctx); err != nil {
		err = j.failed(&transferResult{}, err)
		end(nil, err)
		return nil, err
	}
	j.cut(d.opts.readerPart())
	r := &Reader{
		j: j, finish: end, memory: flow.NewSemaphore(0), slots: make(chan *slot, min(j.plan.NumParts(), 64)),
		ended: make(chan struct{}), closed: make(chan struct{}),
	}
	r.memory.Name, r.memory.Logger = "MemoryLimit", d.client.Logger()
	d.share(r, true)
	ctx, r.cancel = context.WithCancelCause(ctx)
	go r.fetchAhead(ctx)
	return r, nil
}

// share adds a Reader to the open ones or removes it, and divides the memory among them.
func (d *Downloader) share(r *Reader, open bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if open {
		d.readers[r] = struct{}{}
	} else {
		delete(d.readers, r)
	}
	for r := range d.readers {
		r.memory.SetLimit(d.opts.readAhead() / int64(len(d.readers))) // a Semaphore lets in one range at least
	}
}

// fetchAhead fetches the ranges.
func (r *Reader) fetchAhead(ctx context.Context) {
	defer close(r.ended)
	defer close(r.slots)
	pull, stop := iter.Pull(r.j.plan.Sections())
	defer stop()
	src := &slotSource{r: r, pull: pull, begun: make(map[int]*slot)}
	t := r.j.newTransfer()
	t.parts, t.noParts = 0, true
	got, err := t.run(ctx, func(context.Context) (source, func()) { return src, func() {} }, src.fetch)
	if err != nil {
		r.failed = r.j.failed(got, err)
	}
}

// A slotSource yields the ranges of a Reader, as memory for them becomes available.
type slotSource struct {
	r    *Reader
	pull func() (Section, bool)

	mu    sync.Mutex
	begun map[int]*slot // by number, until they are fetched
}

func (q *slotSource) next(ctx context.Context) (piece, error) {
	s, ok := q.pull()
	if !ok {
		return piece{}, io.EOF
	}
	if err := q.r.memory.Acquire(ctx, room(s.Size)); err != nil {
		return piece{}, err
	}
	made := &slot{Section: s, done: make(chan struct{}), steps: make([]*step, room(s.Size)/fetchStep)}
	q.mu.Lock()
	q.begun[s.Number] = made
	q.mu.Unlock()
	select {
	case q.r.slots <- made:
		return piece{Section: s, free: func() {}}, nil
	case <-ctx.Done():
		return piece{}, ctx.Err()
	}
}

func (q *slotSource) changed() error { return nil }

// fetch fetches a range into its slot.
func (q *slotSource) fetch(ctx context.Context, p admitted) (oss.Part, error) {
	q.mu.Lock()
	into := q.begun[p.Number]
	delete(q.begun, p.Number)
	q.mu.Unlock()
	part, err := q.r.j.fetch(ctx, p, into)
	if err == nil {
		into.part = part
		close(into.done)
	}
	return part, err
}

// Info describes the object as it was when reading began.
func (r *Reader) Info() oss.ObjectInfo { return *r.j.info }

// Size returns the bytes of the object.
func (r *Reader) Size() int64 { return r.j.info.Size }

// Result describes the download once a Read has returned io.EOF. Before that it is nil.
func (r *Reader) Result() *DownloadResult { return r.result }

// Read returns the next bytes.
func (r *Reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	next, err := r.next()
	if err != nil {
		return 0, err
	}
	n := copy(p, next)
	r.advance(int64(n))
	return n, nil
}

// WriteTo writes the rest of the object to w, without copying it.
func (r *Reader) WriteTo(w io.Writer) (written int64, err error) {
	for {
		p, err := r.next()
		if err == io.EOF {
			return written, nil
		}
		if err != nil {
			return written, err
		}
		n, err := w.Write(p)
		if err == nil && n < len(p) {
			err = io.ErrShortWrite
		}
		n = max(min(n, len(p)), 0)
		written += int64(n)
		if r.advance(int64(n)); err != nil {
			return written, err
		}
	}
}

// next returns bytes at the current position, once they are there.
func (r *Reader) next() ([]byte, error) {
	select {
	case <-r.closed:
		return nil, errClosedReader
	default:
	}
	if r.err == nil && r.now == nil {
		if r.now, r.err = r.nextSlot(); r.err != nil && r.err != errClosedReader {
			o := &readOutcome{r.result, r.err}
			if r.err == io.EOF {
				o.err = nil
			}
			r.outcome.Store(o)
		}
	}
	if r.err != nil {
		return nil, r.err
	}
	b := r.now.steps[r.at/fetchStep]
	return b[r.at%fetchStep : min(fetchStep, r.now.Size-r.at/fetchStep*fetchStep)], nil
}

var errClosedReader = fmt.Errorf("multipart: Reader: %w", fs.ErrClosed)

// nextSlot waits for the next range.
func (r *Reader) nextSlot() (*slot, error) {
	s, more := <-r.slots
	if more {
		select {
		case <-s.done:
		case <-r.ended:
		}
		select {
		case <-s.done:
			return s, nil
		default: // it failed, or another one did
		}
	}
	<-r.ended
	select {
	case <-r.closed:
		return nil, errClosedReader
	default:
	}
	if r.failed != nil {
		return nil, r.failed
	}
	r.j.d.share(r, false)
	if err := r.j.verify(r.crc); err != nil {
		return nil, r.j.failed(&transferResult{}, err)
	}
	r.result = r.j.result(r.crc, r.parts)
	return nil, io.EOF
}

// advance moves the position by n bytes, and frees what lies before it.
func (r *Reader) advance(n int64) {
	s := r.now
	done := r.at / fetchStep
	if r.at += n; r.at/fetchStep == done && r.at < s.Size {
		return
	}
	steps.Put(s.steps[done])
	s.steps[done] = nil
	if r.at < s.Size {
		return
	}
	r.memory.Release(room(s.Size))
	r.crc = crc64.Combine(r.crc, s.part.CRC64, s.Size)
	r.parts++
	r.now, r.at = nil, 0
}

// Close ends reading, and waits until no request is in flight. It returns nil. If the Limiter or Progress has panicked,
// Close panics with the same value.
func (r *Reader) Close() error {
	r.once.Do(func() {
		close(r.closed)
		r.cancel(errClosedReader)
		<-r.ended
		r.j.d.share(r, false)
		o := r.outcome.Load()
		if o == nil { // closed before the end
			o = new(readOutcome)
		}
		r.finish(o.result, o.err)
	})
	return nil
}
