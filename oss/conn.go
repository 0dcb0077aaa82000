package oss

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ossmultipart/go-oss/internal/zerocopy"
)

// A dialer makes connections with a ReadFrom of their own, which net/http hands the body of a request to. On others it
// copies in steps of 32 KiB, through a buffer made for each request; for objects of 256 KiB that is 17 % of the CPU.
//
// What a body lends is not copied at all: a range of a file is sent by sendfile(2), and memory is written from where it
// lies.
type dialer struct {
	dial func(ctx context.Context, network, addr string) (net.Conn, error)
	tls  *tls.Config // without a ServerName
}

// connectTimeout bounds the lookup of a name, the connection and its TLS handshake together. Four attempts, the
// default of Retry, and the waits between them stay below 30 seconds where all packets vanish. The first packet is
// sent again after 1 and 3 seconds.
const connectTimeout = 7 * time.Second

// defaultTransport is that of a Client whose user brings none.
func defaultTransport() *http.Transport {
	return (&dialer{
		dial: (&net.Dialer{KeepAlive: 30 * time.Second}).DialContext,
		tls:  &tls.Config{NextProtos: []string{"http/1.1"}},
	}).transport()
}

// transport keeps as many idle connections as uploads have parts in flight, and speaks HTTP/1.1 only: many parts over
// one HTTP/2 connection share one TCP window and cost twice the CPU.
func (d *dialer) transport() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           d.plain,
		DialTLSContext:        d.secure,
		TLSHandshakeTimeout:   connectTimeout, // of a server behind a proxy
		MaxIdleConnsPerHost:   256,
		IdleConnTimeout:       50 * time.Second, // OSS closes after 60
		ResponseHeaderTimeout: 0,                // the stall watch of each attempt knows better
		// OSS sends at most 8 KiB of metadata, and the document of a refusal. The default is 10 MiB.
		MaxResponseHeaderBytes: 1 << 20,
		ForceAttemptHTTP2:      false,
	}
}

// plain connects for http, and to proxies; the TLS to a server behind a proxy is net/http's own.
func (d *dialer) plain(ctx context.Context, network, addr string) (net.Conn, error) {
	bounded, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	raw, err := d.dial(bounded, network, addr)
	if err != nil {
		return nil, dialError(ctx, bounded, network, "no connection to "+addr, err)
	}
	return &conn{Conn: raw, copied: copySize{max: maxCopyPlain}, zeroCopied: copySize{max: maxZeroCopy}}, nil
}

// dialError returns err, or that the time bounded has for making a connection is over. It is not where the caller's own
// context, ctx, has ended.
func dialError(ctx, bounded context.Context, network, what string, err error) error {
	if bounded.Err() == nil || ctx.Err() != nil {
		return err
	}
	return &net.OpError{Op: "dial", Net: network, Err: &timeoutError{fmt.Sprintf("%s within %v", what, connectTimeout), connectTimeout}}
}

// A receiver is the reading side of a connection. It tells the watch of the attempt that uses the connection when bytes
// arrive.
type receiver struct{ watchdog atomic.Pointer[watchdog] }

// received says that n bytes have arrived.
func (r *receiver) notify(n int) {
	if w := r.watchdog.Load(); w != nil && n > 0 {
		w.received()
	}
}

// receiverOf returns that of a connection, or nil if package oss has not made it.
func receiverOf(c net.Conn) *receiver {
	switch c := c.(type) {
	case *conn:
		return &c.receiver
	case *tlsConn:
		return &c.corked.receiver
	case *tls.Conn: // net/http's own, over a connection of ours to a proxy
		return receiverOf(c.NetConn())
	}
	return nil
}

// A conn is a connection without TLS.
type conn struct {
	net.Conn
	receiver
	copied     copySize // of what is copied
	zeroCopied copySize // of what is not
}

func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.notify(n)
	return n, err
}

// ReadFrom sends what r yields.
func (c *conn) ReadFrom(r io.Reader) (int64, error) {
	defer c.SetWriteDeadline(time.Time{})
	sent, err := c.sendRegions(r)
	if err != nil {
		return sent, err
	}
	buf := buffers.Get().(*[maxCopyPlain]byte)
	defer buffers.Put(buf)
	n, err := c.copied.copy(r, buf[:], c.withProgress)
	return sent + n, err
}

// sendLent sends what need not be copied, from a file or from memory: nobody here has to see it, as its sums are known.
// The rest is up to the caller.
func (c *conn) sendRegions(r io.Reader) (sent int64, err error) {
	body := bodyOf(r)
	if body == nil {
		return 0, nil
	}
	for c.zeroCopied.start(); ; {
		began := time.Now()
		lent, err := body.region(c.zeroCopied.now, true)
		if err != nil || lent.IsZero() {
			return sent, err
		}
		var n int64
		if lent.File == nil {
			n, err = writeRegion(lent, body, c.withProgress)
		} else if n, err = sendFile(c.Conn, lent, body); err == errNoSendfile {
			body.unread(lent.Size)
			return sent, nil
		}
		if sent += n; err != nil {
			body.setErr(err)
			return sent, err
		}
		c.zeroCopied.adjust(time.Since(began), lent.Size == int64(c.zeroCopied.now))
	}
}

// writeLent writes what lies in memory, and gives it back.
func writeRegion(lent zerocopy.Region, body *requestBody, write func([]byte, *requestBody) (int, error)) (int64, error) {
	defer lent.Buffer.Release()
	n, err := write(lent.Bytes, body)
	return int64(n), err
}

func (c *conn) withProgress(p []byte, body *requestBody) (int, error) {
	return writeWithProgress(c.Conn, p, body)
}

// A stride is how many bytes of a body are read and written at once on a connection. It grows while that is a matter of
// moments, and shrinks when it takes long, so that a rate limit stays smooth and progress is told as it is made.
type copySize struct{ now, max int }

// Bytes of a stride. Long ones wake the receiver less often, which is worth wall time when both ends are fast; those
// that leave the processor's cache cost more than they gain, with TLS sooner than without.
const (
	minCopy      = 16 << 10
	initialCopy  = 32 << 10
	maxCopyTLS   = 128 << 10
	maxCopyPlain = 256 << 10
	maxZeroCopy  = 1 << 20 // takes no memory
)

// Times within which a stride is to be done: it grows below the first and shrinks above the second.
const (
	fastCopy = 50 * time.Millisecond
	slowCopy = 200 * time.Millisecond
)

// buffers are what bodies are copied through on plain connections, and tlsBuffers what TLS copies them through and
// gathers its records in. A connection has one of buffers or at most two of tlsBuffers, and only while it sends: at
// most 264 KiB.
var (
	buffers    = sync.Pool{New: func() any { return new([maxCopyPlain]byte) }}
	tlsBuffers = sync.Pool{New: func() any { return new([tlsBufferSize]byte) }}
)

// copy moves all of r to write through buf. What cannot be told of progress within a long write gets short ones.
func (s *copySize) copy(r io.Reader, buf []byte, write func(p []byte, body *requestBody) (int, error)) (n int64, err error) {
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

// adapt goes by how long a stride took; full is whether it was one.
func (s *copySize) adjust(took time.Duration, full bool) {
	switch {
	case took > slowCopy:
		s.now = max(s.now/2, minCopy)
	case took < fastCopy && full:
		s.now = min(s.now*2, s.max)
	}
}

// bodyOf returns the body that net/http hands to a connection, within the limit it sets; nil if r is something else.
func bodyOf(r io.Reader) *requestBody {
	if limited, ok := r.(*io.LimitedReader); ok {
		r = limited.R
	}
	body, _ := r.(*requestBody)
	return body
}

// writePatiently writes p, which was read from body, and tells body now and then whether it moves: on a slow line one
// write can take longer than a stall may. It leaves a deadline behind.
func writeWithProgress(c net.Conn, p []byte, body *requestBody) (n int, err error) {
	if body == nil {
		return c.Write(p)
	}
	look := body.pollInterval()
	for {
		c.SetWriteDeadline(time.Now().Add(look))
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
