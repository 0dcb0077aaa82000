// Package memnet is a network in memory: a net.Listener and connections to it that need no ports and no system calls.
// All waiting is on channels and condition variables, so time in a testing/synctest bubble advances while every
// connection is idle.
//
// A Listener and its connections are safe for concurrent use. Each direction of a connection buffers 64 KiB.
package memnet

import (
	"cmp"
	"context"
	"io"
	"net"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// A Listener accepts the connections that Dial opens.
type Listener struct {
	addr   addr
	dialed chan *Conn
	closed chan struct{}
	once   sync.Once

	mu     sync.Mutex
	open   map[net.Conn]bool // the accepted ends
	latest int               // number of the latest connection
}

// Listen returns a Listener whose address is name.
func Listen(name string) *Listener {
	return &Listener{
		addr: addr{name: name}, dialed: make(chan *Conn), closed: make(chan struct{}), open: make(map[net.Conn]bool),
	}
}

// Dial returns the client's end of a new connection. It waits for Accept, and fails with ECONNREFUSED once the Listener
// is closed. secure is reported by Conn.Secure at the accepted end; the bytes are not encrypted.
func (l *Listener) Dial(ctx context.Context, secure bool) (net.Conn, error) {
	client, server := l.pipe(secure)
	select {
	case l.dialed <- server:
		return client, nil
	case <-l.closed:
		return nil, &net.OpError{Op: "dial", Net: l.addr.Network(), Addr: l.addr, Err: syscall.ECONNREFUSED}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept waits for the next connection. It fails with net.ErrClosed once the Listener is closed.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.dialed:
		l.mu.Lock()
		defer l.mu.Unlock()
		l.open[c] = true
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close refuses all further connections. Those that were accepted stay open: see CloseConns.
func (l *Listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Forget removes an accepted connection, which was closed or hijacked, from those that CloseConns closes.
func (l *Listener) Forget(c net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.open, c)
}

// CloseConns closes every accepted connection that was not forgotten. An http.Server that is closed between Accept and
// its own bookkeeping does not close that connection, and its handler would wait for ever.
func (l *Listener) CloseConns() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.open {
		c.Close()
	}
}

// Addr returns the address of the Listener, which is the name it was given.
func (l *Listener) Addr() net.Addr { return l.addr }

// addr is the address of a Listener and of all ends of its connections. Only the RemoteAddr of an accepted connection
// has a number, so that a server can tell connections apart.
type addr struct {
	name   string
	number int
}

func (addr) Network() string { return "memory" }

func (a addr) String() string {
	if a.number == 0 {
		return a.name
	}
	return a.name + ":" + strconv.Itoa(a.number)
}

// A Conn is one end of a connection: it reads from one stream and writes to the other.
type Conn struct {
	in, out       *stream
	secure        bool
	local, remote addr
}

// pipe returns both ends of a new connection.
func (l *Listener) pipe(secure bool) (client, server *Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.latest++
	up, down := newStream(), newStream()
	return &Conn{in: down, out: up, secure: secure, local: l.addr, remote: l.addr},
		&Conn{in: up, out: down, secure: secure, local: l.addr, remote: addr{l.addr.name, l.latest}}
}

// Read reads what the peer wrote.
func (c *Conn) Read(p []byte) (int, error) { return c.in.read(p) }

// Write buffers p for the peer, and waits while the buffer is full.
func (c *Conn) Write(p []byte) (int, error) { return c.out.write(p) }

// LocalAddr returns the address of the Listener.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr returns the address of the Listener; at the accepted end it is followed by the number of the connection.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// Secure reports whether Dial was asked for a secure connection.
func (c *Conn) Secure() bool { return c.secure }

// Close lets the peer read what was written, and then io.EOF.
func (c *Conn) Close() error {
	c.SetDeadline(time.Time{}) // stops the timers
	c.in.closeRead()
	c.out.closeWrite()
	return nil
}

// Reset makes both directions fail at both ends at once, as a TCP RST does.
func (c *Conn) Reset() {
	c.in.reset()
	c.out.reset()
}

// DiscardInput drops unread bytes and everything that the peer writes later, also after Close. So a peer that is still
// writing can read a reply that was sent early. A TCP server has to linger for that.
func (c *Conn) DiscardInput() { c.in.discard() }

// PeerClosed returns a channel that is closed when the peer closes its end, even if bytes are unread. A TCP server
// learns that only from a Read.
func (c *Conn) PeerClosed() <-chan struct{} { return c.in.writeClosed }

// SetDeadline sets both deadlines.
func (c *Conn) SetDeadline(t time.Time) error {
	c.in.readBy.set(t)
	c.out.writeBy.set(t)
	return nil
}

// SetReadDeadline sets the deadline of Read, including one in progress.
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.in.readBy.set(t)
	return nil
}

// SetWriteDeadline sets the deadline of Write, including one in progress.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.out.writeBy.set(t)
	return nil
}

// streamSize is the buffer of one direction in bytes. Like the socket buffers of a kernel it lets a server reply while
// the client still writes; it is small enough for tests to see back-pressure.
const streamSize = 64 << 10

// A stream is one direction of a connection.
type stream struct {
	mu          sync.Mutex
	changed     sync.Cond
	buf         []byte // backs unread
	unread      []byte
	readErr     error         // returned by read when nothing is unread
	writeErr    error         // returned by write
	discarding  bool          // written bytes are dropped, and write succeeds
	writeClosed chan struct{} // closed by closeWrite
	readBy      deadline
	writeBy     deadline
}

func newStream() *stream {
	s := &stream{writeClosed: make(chan struct{})}
	s.changed.L = &s.mu
	s.readBy.stream, s.writeBy.stream = s, s
	return s
}

func (s *stream) read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.readBy.expired:
			return 0, os.ErrDeadlineExceeded
		case len(s.unread) > 0:
			n := copy(p, s.unread)
			s.unread = s.unread[n:]
			s.changed.Broadcast()
			return n, nil
		case s.readErr != nil:
			return 0, s.readErr
		case len(p) == 0:
			return 0, nil
		}
		s.changed.Wait()
	}
}

func (s *stream) write(p []byte) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.writeBy.expired:
			return n, os.ErrDeadlineExceeded
		case s.writeErr != nil:
			return n, s.writeErr
		case s.discarding:
			return n + len(p), nil
		}
		m := s.put(p)
		p, n = p[m:], n+m
		if len(p) == 0 {
			return n, nil
		}
		s.changed.Wait()
	}
}

// put buffers as much of p as fits and returns the number of bytes.
func (s *stream) put(p []byte) int {
	m := min(len(p), streamSize-len(s.unread))
	if m == 0 {
		return 0
	}
	if m > cap(s.unread)-len(s.unread) { // move the unread bytes to the front
		if s.buf == nil {
			s.buf = make([]byte, streamSize)
		}
		s.unread = s.buf[:copy(s.buf, s.unread)]
	}
	s.unread = append(s.unread, p[:m]...)
	s.changed.Broadcast()
	return m
}

// discard ends the stream for the reader; to the writer it never fills up.
func (s *stream) discard() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.discarding, s.readErr = true, cmp.Or(s.readErr, io.EOF)
	s.buf, s.unread = nil, nil
	s.changed.Broadcast()
}

// closeWrite is the Close of the writer.
func (s *stream) closeWrite() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.setErrors(io.EOF, net.ErrClosed)
	s.markWriteClosed()
}

// closeRead is the Close of the reader. While the stream discards its input the writer does not notice.
func (s *stream) closeRead() {
	s.mu.Lock()
	defer s.mu.Unlock()
	var writeErr error
	if !s.discarding {
		writeErr = syscall.EPIPE
	}
	s.setErrors(net.ErrClosed, writeErr)
	s.buf, s.unread = nil, nil
}

// reset breaks the stream for both sides.
func (s *stream) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.setErrors(syscall.ECONNRESET, syscall.ECONNRESET)
	s.buf, s.unread = nil, nil
	s.markWriteClosed()
}

// setErrors sets what read and write return from now on. An earlier error stays.
func (s *stream) setErrors(readErr, writeErr error) {
	s.readErr, s.writeErr = cmp.Or(s.readErr, readErr), cmp.Or(s.writeErr, writeErr)
	s.changed.Broadcast()
}

func (s *stream) markWriteClosed() {
	select {
	case <-s.writeClosed:
	default:
		close(s.writeClosed)
	}
}

// A deadline bounds the waiting of one side of a stream.
type deadline struct {
	stream  *stream
	timer   *time.Timer
	expired bool
}

// set moves the deadline; the zero time removes it.
func (d *deadline) set(t time.Time) {
	d.stream.mu.Lock()
	defer d.stream.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	wait := time.Until(t)
	d.expired = !t.IsZero() && wait <= 0
	if !t.IsZero() && !d.expired {
		var timer *time.Timer
		timer = time.AfterFunc(wait, func() {
			d.stream.mu.Lock()
			defer d.stream.mu.Unlock()
			if d.timer == timer { // unless set replaced it while this waited for the lock
				d.expired = true
				d.stream.changed.Broadcast()
			}
		})
		d.timer = timer
	}
	d.stream.changed.Broadcast()
}
