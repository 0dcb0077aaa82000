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
	return &conn{Conn: raw, stride: stride{most: mostPlain}, lent: stride{most: mostLent}}, nil
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
type receiver struct{ watch atomic.Pointer[watch] }

// received says that n bytes have arrived.
func (r *receiver) received(n int) {
	if w := r.watch.Load(); w != nil && n > 0 {
		w.arriving()
	}
}

// receiverOf returns that of a connection, or nil if package oss has not made it.
func receiverOf(c net.Conn) *receiver {
	switch c := c.(type) {
	case *conn:
		return &c.receiver
	case *tlsConn:
		return &c.under.receiver
	case *tls.Conn: // net/http's own, over a connection of ours to a proxy
		return receiverOf(c.NetConn())
	}
	return nil
}

// A conn is a connection without TLS.
type conn struct {
	net.Conn
	receiver
	stride stride // of what is copied
	lent   stride // of what is not
}

func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.received(n)
	return n, err
}

// ReadFrom sends what r yields.
func (c *conn) ReadFrom(r io.Reader) (int64, error) {
	defer c.SetWriteDeadline(time.Time{})
	sent, err := c.sendLent(r)
	if err != nil {
		return sent, err
	}
	buf := buffers.Get().(*[mostPlain]byte)
	defer buffers.Put(buf)
	n, err := c.stride.copy(r, buf[:], c.patiently)
	return sent + n, err
}

// sendLent sends what need not be copied, from a file or from memory: nobody here has to see it, as its sums are known.
// The rest is up to the caller.
func (c *conn) sendLent(r io.Reader) (sent int64, err error) {
	body := bodyOf(r)
	if body == nil {
		return 0, nil
	}
	for c.lent.start(); ; {
		began := time.Now()
		lent, err := body.lend(c.lent.now, true)
		if err != nil || lent.IsZero() {
			return sent, err
		}
		var n int64
		if lent.File == nil {
			n, err = writeLent(lent, body, c.patiently)
		} else if n, err = sendRange(c.Conn, lent, body); err == errNoSendfile {
			body.takeBack(lent.Size)
			return sent, nil
		}
		if sent += n; err != nil {
			body.failed(err)
			return sent, err
		}
		c.lent.adapt(time.Since(began), lent.Size == int64(c.lent.now))
	}
}

// writeLent writes what lies in memory, and gives it back.
func writeLent(lent zerocopy.Region, body *outgoing, write func([]byte, *outgoing) (int, error)) (int64, error) {
	defer lent.Buffer.Release()
	n, err := write(lent.Bytes, body)
	return int64(n), err
}

func (c *conn) patiently(p []byte, body *outgoing) (int, error) {
	return writePatiently(c.Conn, p, body)
}

// A stride is how many bytes of a body are read and written at once on a connection. It grows while that is a matter of
// moments, and shrinks when it takes long, so that a rate limit stays smooth and progress is told as it is made.
type stride struct{ now, most int }

// Bytes of a stride. Long ones wake the receiver less often, which is worth wall time when both ends are fast; those
// that leave the processor's cache cost more than they gain, with TLS sooner than without.
const (
	leastStride = 16 << 10
	firstStride = 32 << 10
	mostTLS     = 128 << 10
	mostPlain   = 256 << 10
	mostLent    = 1 << 20 // takes no memory
)

// Times within which a stride is to be done: it grows below the first and shrinks above the second.
const (
	shortStride = 50 * time.Millisecond
	longStride  = 200 * time.Millisecond
)

// buffers are what bodies are copied through on plain connections, and tlsBuffers what TLS copies them through and
// gathers its records in. A connection has one of buffers or at most two of tlsBuffers, and only while it sends: at
// most 264 KiB.
var (
	buffers    = sync.Pool{New: func() any { return new([mostPlain]byte) }}
	tlsBuffers = sync.Pool{New: func() any { return new([mostGathered]byte) }}
)

// copy moves all of r to write through buf. What cannot be told of progress within a long write gets short ones.
func (s *stride) copy(r io.Reader, buf []byte, write func(p []byte, body *outgoing) (int, error)) (n int64, err error) {
	body := bodyOf(r)
	if s.start(); body == nil {
		s.now = firstStride
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
		s.adapt(time.Since(began), m == s.now && body != nil)
	}
}

func (s *stride) start() {
	if s.now == 0 {
		s.now = firstStride
	}
}

// adapt goes by how long a stride took; full is whether it was one.
func (s *stride) adapt(took time.Duration, full bool) {
	switch {
	case took > longStride:
		s.now = max(s.now/2, leastStride)
	case took < shortStride && full:
		s.now = min(s.now*2, s.most)
	}
}

// bodyOf returns the body that net/http hands to a connection, within the limit it sets; nil if r is something else.
func bodyOf(r io.Reader) *outgoing {
	if limited, ok := r.(*io.LimitedReader); ok {
		r = limited.R
	}
	body, _ := r.(*outgoing)
	return body
}

// writePatiently writes p, which was read from body, and tells body now and then whether it moves: on a slow line one
// write can take longer than a stall may. It leaves a deadline behind.
func writePatiently(c net.Conn, p []byte, body *outgoing) (n int, err error) {
	if body == nil {
		return c.Write(p)
	}
	look := body.look()
	for {
		c.SetWriteDeadline(time.Now().Add(look))
		m, err := c.Write(p[n:])
		n += m
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
		if m > 0 {
			body.moved()
		}
	}
}
