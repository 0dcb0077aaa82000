package osstest

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

// A network connects the clients of one Server with it, without ports or system calls: everything
// in it waits on condition variables, so it stands still in a synctest bubble when nobody acts.
type network struct {
	dialed chan *conn
	closed chan struct{}
	once   sync.Once

	mu     sync.Mutex
	open   map[net.Conn]bool // the server's ends
	dialer int               // of the latest connection
}

func newNetwork() *network {
	return &network{dialed: make(chan *conn), closed: make(chan struct{}), open: make(map[net.Conn]bool)}
}

// dial returns the client's end of a new connection. With secure the server's end counts as
// TLS; the bytes are plain all the same.
func (n *network) dial(ctx context.Context, secure bool) (net.Conn, error) {
	client, server := newConns(secure)
	n.mu.Lock()
	n.dialer++
	server.peer = addr{n.dialer}
	n.mu.Unlock()
	select {
	case n.dialed <- server:
		return client, nil
	case <-n.closed:
		return nil, &net.OpError{Op: "dial", Net: addr{}.Network(), Addr: addr{}, Err: syscall.ECONNREFUSED}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept makes a network a net.Listener.
func (n *network) Accept() (net.Conn, error) {
	select {
	case c := <-n.dialed:
		n.mu.Lock()
		defer n.mu.Unlock()
		n.open[c] = true
		return c, nil
	case <-n.closed:
		return nil, net.ErrClosed
	}
}

// Close refuses all further connections.
func (n *network) Close() error {
	n.once.Do(func() { close(n.closed) })
	return nil
}

// forget is told when a connection has ended, or belongs to somebody else.
func (n *network) forget(c net.Conn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.open, c)
}

// closeAll ends every connection that was accepted. An http.Server that is closed at the moment it
// accepts one would overlook it, and wait on it for ever.
func (n *network) closeAll() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for c := range n.open {
		c.Close()
	}
}

// Addr returns a name, since there is no address.
func (n *network) Addr() net.Addr { return addr{} }

// addr is the address of everything on a network. Only the clients' ends of connections are told
// apart, by the number of the connection.
type addr struct{ number int }

func (addr) Network() string { return "memory" }

func (a addr) String() string {
	if a.number == 0 {
		return "osstest"
	}
	return "osstest:" + strconv.Itoa(a.number)
}

// A conn is one end of a connection: it reads from one stream and writes to the other.
type conn struct {
	in, out *stream
	secure  bool // what travels is taken for https
	peer    addr
}

func newConns(secure bool) (client, server *conn) {
	up, down := newStream(), newStream()
	return &conn{in: down, out: up, secure: secure}, &conn{in: up, out: down, secure: secure}
}

func (c *conn) Read(p []byte) (int, error)  { return c.in.read(p) }
func (c *conn) Write(p []byte) (int, error) { return c.out.write(p) }
func (c *conn) LocalAddr() net.Addr         { return addr{} }
func (c *conn) RemoteAddr() net.Addr        { return c.peer }

// Close lets the peer read what was written, then io.EOF.
func (c *conn) Close() error {
	c.SetDeadline(time.Time{}) // no timer is left running
	c.in.abandon()
	c.out.finish()
	return nil
}

// reset makes both directions fail at the peer at once, as a TCP RST does.
func (c *conn) reset() {
	c.in.reset()
	c.out.reset()
}

// ignore throws away what the peer has written and will write, also after Close, so that a peer that
// is still writing gets to read the reply it was sent meanwhile. Over TCP a server has to linger for that.
func (c *conn) ignore() { c.in.ignore() }

// gone is closed when the peer has closed its end, unread bytes or not. TCP has no such thing: there
// a server finds out by reading.
func (c *conn) gone() <-chan struct{} { return c.in.finished }

// SetDeadline sets both deadlines.
func (c *conn) SetDeadline(t time.Time) error {
	c.in.readBy.set(t)
	c.out.writeBy.set(t)
	return nil
}

// SetReadDeadline bounds Read, also one that is waiting.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.in.readBy.set(t)
	return nil
}

// SetWriteDeadline bounds Write, also one that is waiting.
func (c *conn) SetWriteDeadline(t time.Time) error {
	c.out.writeBy.set(t)
	return nil
}

// streamSize is the buffer of one direction. It lets a server answer early while the client
// still writes, as the buffers of a kernel do, and is small enough for back-pressure to be felt.
const streamSize = 64 << 10

// A stream is one direction of a connection.
type stream struct {
	mu       sync.Mutex
	changed  sync.Cond
	buf      []byte // backs unread
	unread   []byte
	readErr  error         // what the reader gets when nothing is unread
	writeErr error         // what the writer gets at once
	ignored  bool          // the reader wants nothing more: what is written goes nowhere, and that is no error
	finished chan struct{} // closed when the writer is done
	readBy   deadline
	writeBy  deadline
}

func newStream() *stream {
	s := &stream{finished: make(chan struct{})}
	s.changed.L = &s.mu
	s.readBy.stream, s.writeBy.stream = s, s
	return s
}

func (s *stream) read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.readBy.passed:
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
		case s.writeBy.passed:
			return n, os.ErrDeadlineExceeded
		case s.writeErr != nil:
			return n, s.writeErr
		case s.ignored:
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

// put buffers what there is room for and returns how much that was.
func (s *stream) put(p []byte) int {
	m := min(len(p), streamSize-len(s.unread))
	if m == 0 {
		return 0
	}
	if m > cap(s.unread)-len(s.unread) { // no room behind what is unread: move it to the front
		if s.buf == nil {
			s.buf = make([]byte, streamSize)
		}
		s.unread = s.buf[:copy(s.buf, s.unread)]
	}
	s.unread = append(s.unread, p[:m]...)
	s.changed.Broadcast()
	return m
}

// ignore makes the stream seem at its end to the reader, and endless to the writer.
func (s *stream) ignore() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ignored, s.readErr = true, cmp.Or(s.readErr, io.EOF)
	s.buf, s.unread = nil, nil
	s.changed.Broadcast()
}

// finish is the writer's Close.
func (s *stream) finish() { s.end(io.EOF, net.ErrClosed, false) }

// abandon is the reader's Close.
func (s *stream) abandon() { s.end(net.ErrClosed, syscall.EPIPE, true) }

// reset breaks the stream for both.
func (s *stream) reset() { s.end(syscall.ECONNRESET, syscall.ECONNRESET, true) }

// end sets what the reader and the writer get from now on. An end that came first stays.
func (s *stream) end(readErr, writeErr error, forget bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.readErr = cmp.Or(s.readErr, readErr)
	if !s.ignored || writeErr != syscall.EPIPE {
		s.writeErr = cmp.Or(s.writeErr, writeErr)
	}
	if forget {
		s.buf, s.unread = nil, nil
	}
	if readErr != net.ErrClosed { // the writer's doing
		select {
		case <-s.finished:
		default:
			close(s.finished)
		}
	}
	s.changed.Broadcast()
}

// A deadline ends the waiting on one side of a stream.
type deadline struct {
	stream *stream
	timer  *time.Timer
	passed bool
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
	d.passed = !t.IsZero() && wait <= 0
	if !t.IsZero() && !d.passed {
		var timer *time.Timer
		timer = time.AfterFunc(wait, func() {
			d.stream.mu.Lock()
			defer d.stream.mu.Unlock()
			if d.timer == timer { // and was not moved while this waited for the lock
				d.passed = true
				d.stream.changed.Broadcast()
			}
		})
		d.timer = timer
	}
	d.stream.changed.Broadcast()
}
