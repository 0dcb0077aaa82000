package oss

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/ossmultipart/go-oss/internal/crc64"
	"github.com/ossmultipart/go-oss/internal/zerocopy"
)

// A Body is replayable content of known size. *bytes.Reader, *strings.Reader and *io.SectionReader are Bodies. Each
// attempt reads it from the start through ReadAt, so that retries never share an offset.
type Body interface {
	io.ReaderAt
	Size() int64
}

// A ContextBody is a Body whose reads can block, for a rate limit or on a network. Package oss reads it through
// ReadAtContext, with a context that ends when the attempt ends; ReadAtContext should then return early. The reads of
// any other Body cannot be interrupted: a call that is cancelled returns when they do.
type ContextBody interface {
	Body
	ReadAtContext(ctx context.Context, p []byte, off int64) (int, error)
}

// A contextReader is a Body whose reads fail once its context is done.
type contextReader struct {
	ctx  context.Context
	body Body
}

func (r *contextReader) ReadAt(p []byte, off int64) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	if b, ok := r.body.(ContextBody); ok {
		return b.ReadAtContext(r.ctx, p, off)
	}
	return r.body.ReadAt(p, off)
}

// A sourceError reports that a Body could not be read, or ended early. It is not retried.
type sourceError struct {
	done, size int64 // bytes
	err        error
}

func (e *sourceError) Error() string {
	if errors.Is(e.err, io.ErrUnexpectedEOF) {
		return fmt.Sprintf("body ended after %d of %d bytes", e.done, e.size)
	}
	return fmt.Sprintf("reading the body at byte %d of %d: %v", e.done, e.size, e.err)
}

func (e *sourceError) Unwrap() error { return e.err }

// A requestBody is the body of one attempt. It reads a Body from the start, counts the bytes, computes their CRC-64 and
// reports progress to the watchdog.
//
// The transport may still read it after the response has arrived, hence the lock. After detach it does not touch the
// Body any more, so that the caller owns the bytes again when a call returns.
type requestBody struct {
	size       int64
	computeCRC bool
	knownCRC   *uint64 // the CRC-64, if the caller knows it
	watchdog   *watchdog
	ctx        context.Context         // of the reads of a ContextBody
	stop       context.CancelCauseFunc // ends the read of a ContextBody; nil for any other Body

	source zerocopy.Source // the Body, if its bytes may be sent without being read here

	// lock holds one token while a method uses the fields below. It is a channel because a holder may block in a read.
	lock chan struct{}
	body io.ReaderAt // nil once detached
	n    int64       // bytes read
	crc  uint64      // of these bytes, and of those before the body
	err  error       // why reading failed
}

// open starts at the beginning of body. A nil body is empty.
func (b *requestBody) open(body Body, o sendOptions, w *watchdog) {
	b.computeCRC, b.knownCRC = o.computeCRC && o.knownCRC == nil, o.knownCRC
	b.watchdog, b.lock = w, make(chan struct{}, 1)
	b.crc = o.initialCRC
	if body == nil {
		return
	}
	b.size, b.body = body.Size(), body
	// sendfile may still read the file after the attempt was cancelled, when the caller may have changed it. Bytes are
	// sent unread only with a Content-MD5: then OSS refuses other bytes.
	if o.md5 != nil && !b.computeCRC {
		b.source, _ = body.(zerocopy.Source)
	}
	if _, ok := body.(ContextBody); ok {
		b.ctx, b.stop = context.WithCancelCause(w.ctx)
		b.body = &contextReader{b.ctx, body}
	}
}

// Read implements io.Reader. A Body that ends before its Size is an error here, not a short request.
func (b *requestBody) Read(p []byte) (int, error) {
	b.lock <- struct{}{}
	defer func() { <-b.lock }()
	if b.n == b.size {
		b.watchdog.bodySent() // the connection has taken all bytes
		return 0, io.EOF
	}
	if b.body == nil {
		return 0, errDetached
	}
	p = p[:min(int64(len(p)), b.size-b.n)]
	b.watchdog.suspend() // a slow Body is not a stalled connection
	n, err := b.body.ReadAt(p, b.n)
	b.n += int64(n)
	if b.computeCRC {
		b.crc = crc64.Update(b.crc, p[:n])
	}
	switch {
	case n == len(p) && err == io.EOF:
		err = nil
	case err == io.EOF:
		err = io.ErrUnexpectedEOF
	case err == nil && n == 0 && len(p) > 0:
		err = io.ErrNoProgress
	case err != nil && b.ctx != nil && context.Cause(b.ctx) == errDetached:
		return n, errDetached
	}
	if err != nil {
		b.err = &sourceError{done: b.n, size: b.size, err: err}
		err = b.err
	}
	b.progressed()
	return n, err
}

// region returns the location of the next bytes, at most n, and counts them as read. It returns the zero Region at the
// end, and if the bytes must be read with Read.
func (b *requestBody) region(n int, files bool) (zerocopy.Region, error) {
	b.lock <- struct{}{}
	defer func() { <-b.lock }()
	if b.n == b.size {
		return zerocopy.Region{}, nil
	}
	if b.body == nil {
		return zerocopy.Region{}, errDetached
	}
	if b.source == nil {
		return zerocopy.Region{}, nil
	}
	r, err := b.source.Region(b.n, min(int64(n), b.size-b.n), files)
	if err != nil {
		b.err = &sourceError{done: b.n, size: b.size, err: err}
		return zerocopy.Region{}, b.err
	}
	b.n += r.Size
	b.progressed()
	return r, nil
}

// unread takes back the last n bytes, which region returned and which were not sent. From then on the Body is read.
func (b *requestBody) unread(n int64) {
	b.lock <- struct{}{}
	defer func() { <-b.lock }()
	b.n -= n
	b.source = nil
}

// setErr records err as the reason why the body could not be sent, if it is an error of the Body.
func (b *requestBody) setErr(err error) {
	b.lock <- struct{}{}
	defer func() { <-b.lock }()
	if source, ok := err.(*sourceError); ok {
		b.err = source
	}
}

// pollInterval returns how often a long write checks whether bytes move.
func (b *requestBody) pollInterval() time.Duration { return max(b.watchdog.stall/8, time.Millisecond) }

// progressed tells the watchdog that bytes were read or sent. Only the goroutine that reads the body may call it.
func (b *requestBody) progressed() {
	if b.n == b.size {
		b.watchdog.bodySent()
	} else {
		b.watchdog.progressed()
	}
}

// errDetached is the error of a read after the attempt has ended.
var errDetached = errors.New("the attempt is over")

// detach ends all reading. It returns the number of bytes read, their CRC-64, and why reading failed, if it did. It
// waits for a read in progress; that of a ContextBody is cancelled.
func (b *requestBody) detach() (n int64, crc uint64, err error) {
	if b.stop != nil {
		b.stop(errDetached)
	}
	b.lock <- struct{}{}
	defer func() { <-b.lock }()
	b.body = nil
	crc = b.crc
	if b.knownCRC != nil {
		crc = *b.knownCRC
	}
	return b.n, crc, b.err
}

// Close does nothing: the Body belongs to the caller.
func (b *requestBody) Close() error { return nil }

// A responseBody is the body of a successful response. It keeps the watchdog informed while it is read, and ends the
// attempt when it is closed.
type responseBody struct {
	io.ReadCloser
	watchdog *watchdog
	broken   bool // the connection failed before the end of the body
}

func (b *responseBody) Read(p []byte) (int, error) {
	b.watchdog.reading()
	n, err := b.ReadCloser.Read(p)
	b.watchdog.pause() // the time between two reads belongs to the caller
	if err != nil && err != io.EOF {
		b.broken = true
		b.watchdog.avoidAddress()
		err = b.watchdog.cause(err)
	}
	return n, err
}

func (b *responseBody) Close() error {
	err := b.ReadCloser.Close()
	b.watchdog.stop()
	return err
}

// drain reads the rest of a response body, up to maxDrain, and closes it. net/http reuses a connection only if the
// response was read to the end. It also requires that the request was sent to the end, so that a response which comes
// before that always costs a connection.
func drain(body io.ReadCloser) {
	io.CopyN(io.Discard, body, maxDrain) // an error only means that the connection is not reused
	body.Close()
}

// maxDrain is the number of bytes that drain reads at most. Reading more takes longer than a new connection.
const maxDrain = 256 << 10
