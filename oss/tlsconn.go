package oss

import (
	"cmp"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http/httptrace"
	"sync"
	"time"
)

// secure connects for https without a proxy. It does everything that net/http does with its own connections, except
// http.Response.TLS, which net/http sets only for a *tls.Conn that it dialed.
func (d *dialer) secure(ctx context.Context, network, addr string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	raw, err := d.dial(bounded, network, addr)
	if err != nil {
		return nil, d.error(ctx, bounded, network, "no connection to "+addr, err)
	}
	config := d.tls.Clone()
	config.ServerName = cmp.Or(config.ServerName, host)
	under := &corkedConn{Conn: raw}
	d.register(&under.receiver, raw)
	over := tls.Client(under, config)
	if err := handshake(bounded, over); err != nil {
		if ctx.Err() == nil && under.avoid != nil {
			under.avoid()
		}
		raw.Close()
		return nil, d.error(ctx, bounded, network, "no TLS handshake with "+addr, err)
	}
	return &tlsConn{Conn: over, corked: under, copied: copySize{max: maxCopyTLS}}, nil
}

// handshake runs the TLS handshake and reports it to the httptrace.ClientTrace of ctx.
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

// A tlsConn is a connection with TLS. It sends many TLS records, which have 16 KiB, with one system call.
type tlsConn struct {
	net.Conn // the *tls.Conn
	corked   *corkedConn
	copied   copySize
	writing  sync.Mutex
}

// Read remembers the alerts of the server, which only the TLS layer sees.
func (c *tlsConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.corked.fail(err)
	return n, err
}

// ReadFrom sends all of r. Memory that r exposes is encrypted from where it lies.
func (c *tlsConn) ReadFrom(r io.Reader) (sent int64, err error) {
	if body := bodyOf(r); body != nil {
		for c.copied.start(); ; {
			began := time.Now()
			region, err := body.region(c.copied.now, false)
			if err != nil {
				return sent, err
			}
			if region.IsZero() {
				break
			}
			n, err := writeRegion(region, body, c.write)
			if sent += n; err != nil {
				return sent, err
			}
			c.copied.adjust(time.Since(began), region.Size == int64(c.copied.now))
		}
	}
	buf := tlsBuffers.Get().(*[tlsBufferSize]byte)
	defer tlsBuffers.Put(buf)
	n, err := c.copied.copy(r, buf[:], c.write)
	return sent + n, err
}

// Write sends all of p before it returns.
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
	err = c.corked.cause(err)
	if err != nil && !sent {
		n = 0 // tells net/http that it may send the request again
	}
	return n, err
}

// Close sends the alert close_notify, as tls.Conn does, unless an attempt or a Write is in progress. Then the server
// may accept no bytes, and tls.Conn would wait for 5 seconds.
func (c *tlsConn) Close() error {
	if c.corked.watchdog.Load() != nil || !c.writing.TryLock() {
		return c.corked.Close()
	}
	defer c.writing.Unlock()
	return c.Conn.Close()
}

// tlsBufferSize is the largest copySize in bytes, and what TLS adds to its records.
const tlsBufferSize = maxCopyTLS + 4<<10

// A corkedConn is the connection below a *tls.Conn. While it is corked, during a Write of the tlsConn, it collects
// records and writes many at once. tls.Conn also writes when it reads, namely alerts and replies to key updates.
type corkedConn struct {
	net.Conn
	receiver

	mu      sync.Mutex
	pending []byte       // collected records; nil while not corked
	body    *requestBody // of the records; nil if they are not of a body
	sent    bool         // something was written since cork
	err     error        // of the first failed write; nothing is written after it
}

// cork starts to collect records in buf.
func (r *corkedConn) cork(buf []byte, body *requestBody) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pending, r.body, r.sent = buf, body, false
}

// uncork writes the collected records, and reports whether anything was written since cork.
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
	r.fail(err)
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
