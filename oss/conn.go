package oss

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ossmultipart/go-oss/internal/zerocopy"
)

// A receiver is what an attempt knows of its connection, mostly the reading side. It notifies the watchdog of the
// attempt when bytes arrive, and remembers why reading failed.
type receiver struct {
	watchdog atomic.Pointer[watchdog]
	failed   atomic.Pointer[error] // of the first read that failed; nil if none did

	avoid  func()    // makes new connections prefer other addresses; nil if the address was not chosen here
	retire time.Time // from then on, the next request is the last of the connection; zero means never
}

// fail remembers the error of a read.
func (r *receiver) fail(err error) {
	if err != nil && !errors.Is(err, net.ErrClosed) && !errors.Is(err, os.ErrDeadlineExceeded) {
		r.failed.CompareAndSwap(nil, &err)
	}
}

// cause returns why a write failed with err. When a read fails, net/http closes the connection, and a write at that
// time fails because of that only.
func (r *receiver) cause(err error) error {
	first := r.failed.Load()
	switch {
	case first == nil || !errors.Is(err, net.ErrClosed):
		return err
	case *first == io.EOF:
		return errClosedByServer
	}
	return *first
}

// errClosedByServer is a connection that the server closed before it had the whole request.
var errClosedByServer = fmt.Errorf("the server closed the connection: %w", io.ErrUnexpectedEOF)

// notify reports that n bytes have arrived.
func (r *receiver) notify(n int) {
	if w := r.watchdog.Load(); w != nil && n > 0 {
		w.received()
	}
}

// receiverOf returns the receiver of a connection, or nil if package oss did not make it.
func receiverOf(c net.Conn) *receiver {
	switch c := c.(type) {
	case *conn:
		return &c.receiver
	case *tlsConn:
		return &c.corked.receiver
	case *tls.Conn: // made by net/http, over one of our connections to a proxy
		return receiverOf(c.NetConn())
	}
	return nil
}

// A conn is a connection without TLS.
type conn struct {
	net.Conn
	receiver
	copied     copySize // of writes through a buffer
	zeroCopied copySize // of writes without one
}

func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.notify(n)
	c.fail(err)
	return n, err
}

func (c *conn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	return n, c.cause(err)
}

// ReadFrom sends all of r.
func (c *conn) ReadFrom(r io.Reader) (int64, error) {
	defer c.SetWriteDeadline(time.Time{})
	sent, err := c.sendRegions(r)
	if err != nil {
		return sent, c.cause(err)
	}
	buf := buffers.Get().(*[maxCopyPlain]byte)
	defer buffers.Put(buf)
	n, err := c.copied.copy(r, buf[:], c.withProgress)
	return sent + n, c.cause(err)
}

// sendRegions sends the regions that r exposes, files by sendfile and memory without a copy, up to the first bytes that
// must be read. Only bodies whose checksums are known expose regions; see requestBody.open.
func (c *conn) sendRegions(r io.Reader) (sent int64, err error) {
	body := bodyOf(r)
	if body == nil {
		return 0, nil
	}
	for c.zeroCopied.start(); ; {
		began := time.Now()
		region, err := body.region(c.zeroCopied.now, true)
		if err != nil || region.IsZero() {
			return sent, err
		}
		var n int64
		if region.File == nil {
			n, err = writeRegion(region, body, c.withProgress)
		} else if n, err = sendFile(c.Conn, region, body); err == errNoSendfile {
			body.unread(region.Size)
			return sent, nil
		}
		if sent += n; err != nil {
			body.setErr(err)
			return sent, err
		}
		c.zeroCopied.adjust(time.Since(began), region.Size == int64(c.zeroCopied.now))
	}
}

// writeRegion writes a region in memory and releases it.
func writeRegion(region zerocopy.Region, body *requestBody, write writeFunc) (int64, error) {
	defer region.Buffer.Release()
	n, err := write(region.Bytes, body)
	return int64(n), err
}

func (c *conn) withProgress(p []byte, body *requestBody) (int, error) {
	return writeWithProgress(c.Conn, p, body)
}

// A writeFunc writes p, which was read from body; body is nil if p is not of a request body.
type writeFunc func(p []byte, body *requestBody) (int, error)

// A copySize is the number of bytes that a connection reads from a body and writes at once. It doubles after steps
// under fastCopy and halves after steps over slowCopy, so that a rate limit stays smooth and progress is reported in
// time.
type copySize struct{ now, max int }

// Sizes in bytes. Large steps wake the receiver less often, which saves time when both ends are fast. Steps that exceed
// the processor's cache cost more than they gain, with TLS sooner than without.
const (
	minCopy      = 16 << 10
	initialCopy  = 32 << 10
	maxCopyTLS   = 128 << 10
	maxCopyPlain = 256 << 10
	maxZeroCopy  = 1 << 20 // needs no buffer
)

// Durations of a step that change the size of the next.
const (
	fastCopy = 50 * time.Millisecond
	slowCopy = 200 * time.Millisecond
)

// Bodies are copied through buffers on plain connections, and through tlsBuffers with TLS, which also collect the TLS
// records. A connection uses one of buffers or at most two of tlsBuffers, and only while it sends: at most 264 KiB.
var (
	buffers    = sync.Pool{New: func() any { return new([maxCopyPlain]byte) }}
	tlsBuffers = sync.Pool{New: func() any { return new([tlsBufferSize]byte) }}
)

// copy writes all of r through buf. A reader that is not a request body cannot report progress during a write, so its
// writes are short.
func (s *copySize) copy(r io.Reader, buf []byte, write writeFunc) (n int64, err error) {
	body := bodyOf(r)
	if s.start(); body == nil {
		s.now = initialCopy
	}
	for {
		began := time.Now()
		m, err := r.Read(buf[:s.now])
		if m > 0 {
			written, err := write(buf[:m], body)
			n += int64(written)
			if err != nil {
				return n, err
			}
		}
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		s.adjust(time.Since(began), m == s.now && body != nil)
	}
}

func (s *copySize) start() {
	if s.now == 0 {
		s.now = initialCopy
	}
}

// adjust chooses the next size after a step that took some time. Full says whether the step had the current size.
func (s *copySize) adjust(took time.Duration, full bool) {
	switch {
	case took > slowCopy:
		s.now = max(s.now/2, minCopy)
	case took < fastCopy && full:
		s.now = min(s.now*2, s.max)
	}
}

// bodyOf returns the request body that net/http passes to a connection, inside a LimitedReader; nil if r is something
// else.
func bodyOf(r io.Reader) *requestBody {
	if limited, ok := r.(*io.LimitedReader); ok {
		r = limited.R
	}
	body, _ := r.(*requestBody)
	return body
}

// writeWithProgress writes p, which was read from body, and reports progress to body while it does: on a slow
// connection one write can take longer than Stall. It leaves a write deadline on c.
func writeWithProgress(c net.Conn, p []byte, body *requestBody) (n int, err error) {
	if body == nil {
		return c.Write(p)
	}
	poll := body.pollInterval()
	for {
		c.SetWriteDeadline(time.Now().Add(poll))
		m, err := c.Write(p[n:])
		n += m
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
		if m > 0 {
			body.progressed()
		}
	}
}
