package oss

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"sync"
	"time"
)

// A watch gives up an attempt that has stalled. It measures the time since the last byte moved, never the whole: a slow
// connection may take as long as it needs. The rules:
//
//   - While the body is sent, the connection must take within stall what was read of it.
//   - A reply must begin within stall of the last byte handed to the connection, and as long again as sending took,
//     at most stall more, because that byte may still be in this machine's buffers. Operations that OSS itself is
//     slow at have ten times stall.
//   - Each byte of the reply's header that arrives allows stall for the next. This is seen on connections of package
//     oss; other transports tell only that the first byte has arrived.
//   - Each read of the reply's body must end within stall.
type watchdog struct {
	ctx            context.Context
	cancel         context.CancelCauseFunc
	stall          time.Duration
	slow           bool
	start          time.Time
	clientDeadline time.Time // when Config.HTTPClient.Timeout ends the attempt; zero if it does not

	clientTimeout time.Duration // that Timeout
	trace         httptrace.ClientTrace

	mu        sync.Mutex
	timer     *time.Timer
	period    time.Duration // what the timer was set to last
	expires   time.Time     // when it fires
	suspended bool          // it is stopped
	replying  bool          // the reply is there: what the transport still does with the body does not count
	stopped   bool

	connWanted bool      // the transport has looked for a connection
	connGot    bool      // and had one, at least once
	receiver   *receiver // of the connection in use, if it is one of ours
}

// A timeoutError is a time limit of package oss that has passed. It is a net.Error and matches
// os.ErrDeadlineExceeded, but not context.DeadlineExceeded, which is for the deadlines of callers.
type timeoutError struct {
	text string
	idle time.Duration // how long nothing moved
}

func (e *timeoutError) Error() string        { return e.text }
func (e *timeoutError) Timeout() bool        { return true }
func (e *timeoutError) Temporary() bool      { return true }
func (e *timeoutError) Is(target error) bool { return target == os.ErrDeadlineExceeded }

// stalled is the cause of an attempt that was given up.
func errStalled(limit time.Duration) error {
	return &timeoutError{fmt.Sprintf("no byte has moved for %v", limit), limit}
}

// begin starts the watch of an attempt of k with the context parent, which http.Client has made of that of k.
func (w *watchdog) begin(parent context.Context, k *call) {
	stall := k.client.retry.Stall
	w.stall, w.slow, w.start = stall, k.options.slow, time.Now()
	w.period, w.expires = stall, w.start.Add(stall)
	if at, ok := parent.Deadline(); ok && !at.Equal(k.deadline) {
		w.clientDeadline, w.clientTimeout = at, k.client.http.Timeout
	}
	w.ctx, w.cancel = context.WithCancelCause(parent)
	w.timer = time.AfterFunc(stall, func() {
		w.mu.Lock()
		period := w.period
		w.mu.Unlock()
		w.cancel(errStalled(period))
	})
}

// moved says that the body goes on.
func (w *watchdog) progressed() { w.rearm(w.stall, false) }

// hold stops the clock while the next bytes of the body are fetched, unless the reply is what it measures.
func (w *watchdog) suspend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.replying {
		w.suspended = true
		w.timer.Stop()
	}
}

// sent says that the whole body has been handed to the connection.
func (w *watchdog) bodySent() {
	d := w.stall + min(w.stall, time.Since(w.start))
	if w.slow {
		d = 10 * w.stall
	}
	w.rearm(d, false)
}

// arriving says that bytes of the reply have arrived. It never shortens the time that the attempt has.
func (w *watchdog) received() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.replying && !w.suspended && time.Now().Add(w.stall).After(w.expires) {
		w.reset(w.stall)
	}
}

// replied says that the reply's header is complete; from here on only reading the body counts.
func (w *watchdog) replied() {
	w.rearm(w.stall, true)
	w.pause()
}

// reading says that the reply's body is being read.
func (w *watchdog) reading() { w.rearm(w.stall, true) }

func (w *watchdog) rearm(d time.Duration, reply bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.replying = w.replying || reply
	if w.replying == reply {
		w.reset(d)
	}
}

// reset lets the timer fire after d. The caller holds the lock.
func (w *watchdog) reset(d time.Duration) {
	w.period, w.expires, w.suspended = d, time.Now().Add(d), false
	w.timer.Reset(d)
}

// pause stops the clock while neither side owes a byte.
func (w *watchdog) pause() { w.timer.Stop() }

// end releases what the attempt holds. Nothing may be read after it.
func (w *watchdog) stop() {
	w.timer.Stop()
	w.cancel(nil)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
	w.attach(nil)
}

// traced returns a trace that tells the watch of connections.
func (w *watchdog) clientTrace(c *Client) *httptrace.ClientTrace {
	w.trace.GotConn = w.connected
	if !c.ownTransport {
		w.trace.GetConn = w.connecting
		w.trace.GotFirstResponseByte = w.received
	}
	if c.limitsConns {
		w.trace.GetConn = func(addr string) { w.connecting(addr); w.suspend() }
		w.trace.ConnectStart = func(string, string) { w.resume() }
	}
	return &w.trace
}

func (w *watchdog) connecting(string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.connWanted = true
}

func (w *watchdog) connected(info httptrace.GotConnInfo) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.connGot = true
	w.attach(receiverOf(info.Conn))
	if w.suspended && !w.replying {
		w.reset(w.period)
	}
}

// resume lets the clock go on that stood still while the attempt waited until others had done with their connections.
// Making one is no such waiting.
func (w *watchdog) resume() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.replying {
		w.reset(w.period)
	}
}

// listen has r, which may be nil, tell this watch of bytes that arrive, and the one before it no more. The caller holds
// the lock.
func (w *watchdog) attach(r *receiver) {
	if w.receiver != nil {
		w.receiver.watchdog.CompareAndSwap(w, nil)
	}
	if w.receiver = nil; r != nil && !w.stopped {
		w.receiver = r
		r.watchdog.Store(w)
	}
}

// reached reports whether the transport has tried to reach a server, rather than refused the request.
func (w *watchdog) reached(c *Client) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return c.ownTransport || w.connWanted || w.connGot
}

// unsent reports whether the attempt, which failed with err, has certainly sent nothing, as it had no connection. Of a
// transport of another make this is certain only where it traces its connections and says that it could not make one.
func (w *watchdog) unsent(c *Client, err error) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.connGot {
		return false
	}
	if c.ownTransport {
		return true
	}
	if _, ok := c.http.Transport.(*http.Transport); ok {
		return w.connWanted // false if it has handed the request to a protocol that was registered with it
	}
	var dial *net.OpError
	return w.connWanted && errors.As(err, &dial) && dial.Op == "dial"
}

// limited reports whether Config.HTTPClient.Timeout has ended the attempt.
func (w *watchdog) clientTimedOut() bool {
	return !w.clientDeadline.IsZero() && !time.Now().Before(w.clientDeadline)
}

// cause returns what really ended the attempt that failed with err.
func (w *watchdog) cause(err error) error {
	if late, ok := context.Cause(w.ctx).(*timeoutError); ok {
		return late
	}
	if w.clientTimedOut() {
		return fmt.Errorf("HTTPClient.Timeout of %v has ended the request: %w", w.clientTimeout, err)
	}
	return err
}
