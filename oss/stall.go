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
type watch struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	stall  time.Duration
	slow   bool
	began  time.Time
	limit  time.Time // when Config.HTTPClient.Timeout ends the attempt; zero if it does not

	timeout time.Duration // that Timeout
	trace   httptrace.ClientTrace

	mu    sync.Mutex
	timer *time.Timer
	due   time.Duration // what the timer was set to last
	until time.Time     // when it fires
	held  bool          // it is stopped
	done  bool          // the reply is there: what the transport still does with the body does not count
	ended bool

	wanted bool      // the transport has looked for a connection
	got    bool      // and had one, at least once
	on     *receiver // of the connection in use, if it is one of ours
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
func stalled(limit time.Duration) error {
	return &timeoutError{fmt.Sprintf("no byte has moved for %v", limit), limit}
}

// begin starts the watch of an attempt of k with the context parent, which http.Client has made of that of k.
func (w *watch) begin(parent context.Context, k *call) {
	stall := k.client.retry.Stall
	w.stall, w.slow, w.began = stall, k.terms.slow, time.Now()
	w.due, w.until = stall, w.began.Add(stall)
	if at, ok := parent.Deadline(); ok && !at.Equal(k.deadline) {
		w.limit, w.timeout = at, k.client.http.Timeout
	}
	w.ctx, w.cancel = context.WithCancelCause(parent)
	w.timer = time.AfterFunc(stall, func() {
		w.mu.Lock()
		due := w.due
		w.mu.Unlock()
		w.cancel(stalled(due))
	})
}

// moved says that the body goes on.
func (w *watch) moved() { w.rearm(w.stall, false) }

// hold stops the clock while the next bytes of the body are fetched, unless the reply is what it measures.
func (w *watch) hold() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.done {
		w.held = true
		w.timer.Stop()
	}
}

// sent says that the whole body has been handed to the connection.
func (w *watch) sent() {
	d := w.stall + min(w.stall, time.Since(w.began))
	if w.slow {
		d = 10 * w.stall
	}
	w.rearm(d, false)
}

// arriving says that bytes of the reply have arrived. It never shortens the time that the attempt has.
func (w *watch) arriving() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.done && !w.held && time.Now().Add(w.stall).After(w.until) {
		w.reset(w.stall)
	}
}

// replied says that the reply's header is complete; from here on only reading the body counts.
func (w *watch) replied() {
	w.rearm(w.stall, true)
	w.pause()
}

// reading says that the reply's body is being read.
func (w *watch) reading() { w.rearm(w.stall, true) }

func (w *watch) rearm(d time.Duration, reply bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.done = w.done || reply
	if w.done == reply {
		w.reset(d)
	}
}

// reset lets the timer fire after d. The caller holds the lock.
func (w *watch) reset(d time.Duration) {
	w.due, w.until, w.held = d, time.Now().Add(d), false
	w.timer.Reset(d)
}

// pause stops the clock while neither side owes a byte.
func (w *watch) pause() { w.timer.Stop() }

// end releases what the attempt holds. Nothing may be read after it.
func (w *watch) end() {
	w.timer.Stop()
	w.cancel(nil)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
	w.listen(nil)
}

// traced returns a trace that tells the watch of connections.
func (w *watch) traced(c *Client) *httptrace.ClientTrace {
	w.trace.GotConn = w.connected
	if !c.own {
		w.trace.GetConn = w.connecting
		w.trace.GotFirstResponseByte = w.arriving
	}
	if c.queues {
		w.trace.GetConn = func(addr string) { w.connecting(addr); w.hold() }
		w.trace.ConnectStart = func(string, string) { w.resume() }
	}
	return &w.trace
}

func (w *watch) connecting(string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wanted = true
}

func (w *watch) connected(info httptrace.GotConnInfo) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.got = true
	w.listen(receiverOf(info.Conn))
	if w.held && !w.done {
		w.reset(w.due)
	}
}

// resume lets the clock go on that stood still while the attempt waited until others had done with their connections.
// Making one is no such waiting.
func (w *watch) resume() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.done {
		w.reset(w.due)
	}
}

// listen has r, which may be nil, tell this watch of bytes that arrive, and the one before it no more. The caller holds
// the lock.
func (w *watch) listen(r *receiver) {
	if w.on != nil {
		w.on.watch.CompareAndSwap(w, nil)
	}
	if w.on = nil; r != nil && !w.ended {
		w.on = r
		r.watch.Store(w)
	}
}

// reached reports whether the transport has tried to reach a server, rather than refused the request.
func (w *watch) reached(c *Client) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return c.own || w.wanted || w.got
}

// unsent reports whether the attempt, which failed with err, has certainly sent nothing, as it had no connection. Of a
// transport of another make this is certain only where it traces its connections and says that it could not make one.
func (w *watch) unsent(c *Client, err error) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.got {
		return false
	}
	if c.own {
		return true
	}
	if _, ok := c.http.Transport.(*http.Transport); ok {
		return w.wanted // false if it has handed the request to a protocol that was registered with it
	}
	var dial *net.OpError
	return w.wanted && errors.As(err, &dial) && dial.Op == "dial"
}

// limited reports whether Config.HTTPClient.Timeout has ended the attempt.
func (w *watch) limited() bool { return !w.limit.IsZero() && !time.Now().Before(w.limit) }

// cause returns what really ended the attempt that failed with err.
func (w *watch) cause(err error) error {
	if late, ok := context.Cause(w.ctx).(*timeoutError); ok {
		return late
	}
	if w.limited() {
		return fmt.Errorf("HTTPClient.Timeout of %v has ended the request: %w", w.timeout, err)
	}
	return err
}
