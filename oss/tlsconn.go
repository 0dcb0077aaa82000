package oss

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http/httptrace"
	"sync"
	"time"
)

// secure connects for https without a proxy. It does all that net/http would do with a connection of its own, but for
// http.Response.TLS, which net/http sets for nobody else.
func (d *dialer) secure(ctx context.Context, network, addr string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	raw, err := d.dial(bounded, network, addr)
	if err != nil {
		return nil, dialError(ctx, bounded, network, "no connection to "+addr, err)
	}
	config := d.tls.Clone()
	config.ServerName = host
	under := &corkedConn{Conn: raw}
	over := tls.Client(under, config)
	if err := handshake(bounded, over); err != nil {
		raw.Close()
		return nil, dialError(ctx, bounded, network, "no TLS handshake with "+addr, err)
	}
	return &tlsConn{Conn: over, corked: under, copied: copySize{max: maxCopyTLS}}, nil
}

// handshake is seen by httptrace.
func handshake(ctx context.Context, c *tls.Conn) error {
	trace := httptrace.ContextClientTrace(ctx)
	if trace != nil && trace.TLSHandshakeStart != nil {
		trace.TLSHandshakeStart()
	}
	err := c.HandshakeContext(ctx)
	if trace != nil && trace.TLSHandshakeDone != nil {
		var state tls.ConnectionState
		if err == nil {
			state = c.ConnectionState()
		}
		trace.TLSHandshakeDone(state, err)
	}
	return err
}

// A tlsConn is a connection with TLS, whose records of 16 KiB leave many at a time.
type tlsConn struct {
	net.Conn // the *tls.Conn
	corked   *corkedConn
	copied   copySize
	writing  sync.Mutex
}

// ReadFrom sends what r yields. Memory that it lends is encrypted from where it lies.
func (c *tlsConn) ReadFrom(r io.Reader) (sent int64, err error) {
	if body := bodyOf(r); body != nil {
		for c.copied.start(); ; {
			began := time.Now()
			lent, err := body.region(c.copied.now, false)
			if err != nil {
				return sent, err
			}
			if lent.IsZero() {
				break
			}
			n, err := writeRegion(lent, body, c.write)
			if sent += n; err != nil {
				return sent, err
			}
			c.copied.adjust(time.Since(began), lent.Size == int64(c.copied.now))
		}
	}
	buf := tlsBuffers.Get().(*[tlsBufferSize]byte)
	defer tlsBuffers.Put(buf)
	n, err := c.copied.copy(r, buf[:], c.write)
	return sent + n, err
}

// Write sends p. All of it has left when Write returns.
func (c *tlsConn) Write(p []byte) (int, error) { return c.write(p, nil) }

func (c *tlsConn) write(p []byte, body *requestBody) (int, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	buf := tlsBuffers.Get().(*[tlsBufferSize]byte)
	defer tlsBuffers.Put(buf)
	c.corked.cork(buf[:0], body)
	n, err := c.Conn.Write(p)
	sent, failed := c.corked.uncork()
	if err == nil {
		err = failed
	}
	if err != nil && !sent {
		n = 0 // so that net/http knows that it may send the request again
	}
	return n, err
}

// Close takes leave of the server as tls.Conn does, unless an attempt or a Write is under way: then the server may
// take no bytes, for which tls.Conn would wait 5 seconds.
func (c *tlsConn) Close() error {
	if c.corked.watchdog.Load() != nil || !c.writing.TryLock() {
		return c.corked.Close()
	}
	defer c.writing.Unlock()
	return c.Conn.Close()
}

// mostGathered is the longest stride, and what TLS adds to its records.
const tlsBufferSize = maxCopyTLS + 4<<10 // bytes

// A records is the connection below a *tls.Conn. It holds records back during a tlsConn's Write, and at no other time.
// tls.Conn writes to it also when it reads: alerts, and replies to a change of keys.
type corkedConn struct {
	net.Conn
	receiver

	mu      sync.Mutex
	pending []byte       // nil while nothing is to be held back
	body    *requestBody // what the records are of; nil if no body
	sent    bool         // something has been written since gather
	err     error        // of the write that failed; no other comes after it, for the stream has a hole
}

// gather begins to hold back what is written, in the memory of buf.
func (r *corkedConn) cork(buf []byte, body *requestBody) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pending, r.body, r.sent = buf, body, false
}

// release writes what is held back, and reports whether anything was written since gather.
func (r *corkedConn) uncork() (sent bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	err = r.flush()
	r.pending, r.body = nil, nil
	return r.sent, err
}

func (r *corkedConn) Read(p []byte) (int, error) {
	n, err := r.Conn.Read(p)
	r.notify(n)
	return n, err
}

func (r *corkedConn) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil && r.pending == nil {
		return r.Conn.Write(p)
	}
	if len(r.pending)+len(p) > cap(r.pending) {
		r.flush()
	}
	if r.err != nil {
		return 0, r.err
	}
	r.pending = append(r.pending, p...)
	return len(p), nil
}

func (r *corkedConn) flush() error {
	if r.err != nil || len(r.pending) == 0 {
		return r.err
	}
	n, err := writeWithProgress(r.Conn, r.pending, r.body)
	if r.body != nil {
		r.SetWriteDeadline(time.Time{})
	}
	r.pending, r.sent, r.err = r.pending[:0], r.sent || n > 0, err
	return err
}
