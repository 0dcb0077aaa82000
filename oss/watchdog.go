package oss

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http/httptrace"
	"os"
	"sync"
	"time"

	"github.com/ossmultipart/go-oss/internal/ctxcause"
)

// A watchdog cancels an attempt that makes no progress. It limits the time since the last byte moved, never the whole:
// a slow connection may take as long as it needs. The limits:
//
//   - While the body is sent, the connection must accept each step within stall.
//   - The reply must begin within stall of the last byte handed to the connection, plus the time that sending took, at
//     most stall, because that byte may still be in the send buffer. Operations that are slow in OSS have ten times
//     stall.
//   - Each byte of the reply's header that arrives allows stall for the next one. This is seen on connections that
//     package oss made; for other transports only the first byte is.
//   - Each read of the reply's body must end within stall.
type watchdog struct {
	ctx            context.Context
	cancel         context.CancelCauseFunc
	stall          time.Duration
	slow           bool
	start          time.Time
	clientDeadline time.Time // when Config.HTTPClient.Timeout ends the attempt; zero if it does not

	clientTimeout time.Duration // Config.HTTPClient.Timeout
	trace         httptrace.ClientTrace

	mu        sync.Mutex
	timer     *time.Timer
	period    time.Duration // what the timer was last set to
	expires   time.Time     // when it fires
	suspended bool          // it is stopped
	replying  bool          // the reply has begun: reports about the request body no longer count
	stopped   bool

	connWanted bool      // the transport has asked for a connection
	connGot    bool      // and got one, at least once
	receiver   *receiver // of the connection in use; nil if package oss did not make it
}

// A timeoutError reports that a time limit of package oss was exceeded. It is a net.Error and matches
// os.ErrDeadlineExceeded, but not context.DeadlineExceeded, which is for the deadlines of callers.
type timeoutError struct {
	text string
	idle time.Duration // without progress
}

func (e *timeoutError) Error() string        { return e.text }
func (e *timeoutError) Timeout() bool        { return true }
func (e *timeoutError) Temporary() bool      { return true }
func (e *timeoutError) Is(target error) bool { return target == os.ErrDeadlineExceeded }

// errStalled is the cause of an attempt that the watchdog cancelled.
func errStalled(limit time.Duration) error {
	return &timeoutError{fmt.Sprintf("no byte has moved for %v", limit), limit}
}

// begin starts the watchdog of an attempt of k. Parent is the context that http.Client derived from that of k.
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

// progressed reports that bytes of the request body moved.
func (w *watchdog) progressed() { w.rearm(w.stall, false) }

// suspend stops the timer while the next bytes of the request body are read, unless the reply has begun.
func (w *watchdog) suspend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.replying {
		w.suspended = true
		w.timer.Stop()
	}
}

// bodySent reports that the whole request body was handed to the connection.
func (w *watchdog) bodySent() {
	d := w.stall + min(w.stall, time.Since(w.start))
	if w.slow {
		d = 10 * w.stall
	}
	w.rearm(d, false)
}

// received reports that bytes of the reply's header arrived. It never shortens the remaining time.
func (w *watchdog) received() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.replying && !w.suspended && time.Now().Add(w.stall).After(w.expires) {
		w.reset(w.stall)
	}
}

// replied reports that the reply's header is complete. From now on only reads of the reply's body count.
func (w *watchdog) replied() {
	w.rearm(w.stall, true)
	w.pause()
}

// reading reports that a read of the reply's body begins.
func (w *watchdog) reading() { w.rearm(w.stall, true) }

// rearm sets the timer to d. Reply says whether the report is about the reply; once the reply has begun, reports about
// the request body are ignored.
func (w *watchdog) rearm(d time.Duration, reply bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.replying = w.replying || reply
	if w.replying == reply {
		w.reset(d)
	}
}

// reset sets the timer to d, unless the attempt has ended: a transport may still read its body. The caller holds the
// lock.
func (w *watchdog) reset(d time.Duration) {
	if w.stopped {
		return
	}
	w.period, w.expires, w.suspended = d, time.Now().Add(d), false
	w.timer.Reset(d)
}

// pause stops the timer while neither side has to send.
func (w *watchdog) pause() { w.timer.Stop() }

// stop ends the attempt and releases its resources. Nothing can be read after it.
func (w *watchdog) stop() {
	w.cancel(nil)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
	w.timer.Stop()
	w.attach(nil)
}

// clientTrace returns a trace that tells the watchdog about connections, except of those that it gets.
func (w *watchdog) clientTrace(c *Client) *httptrace.ClientTrace {
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

// connected reports that the attempt got a connection; r is nil if package oss did not make it.
func (w *watchdog) connected(r *receiver) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.connGot = true
	w.attach(r)
	if w.suspended && !w.replying {
		w.reset(w.period)
	}
}

// resume restarts the timer of an attempt that queued for a connection: making one counts.
func (w *watchdog) resume() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.replying {
		w.reset(w.period)
	}
}

// attach makes r, which may be nil, notify this watchdog, and detaches the receiver before it. The caller holds the
// lock.
func (w *watchdog) attach(r *receiver) {
	if w.receiver != nil {
		w.receiver.watchdog.CompareAndSwap(w, nil)
	}
	if w.receiver = nil; r != nil && !w.stopped {
		w.receiver = r
		r.watchdog.Store(w)
	}
}

// avoidAddress makes new connections prefer other addresses than that of this attempt, which has failed, unless the
// caller ended it.
func (w *watchdog) avoidAddress() {
	cause := context.Cause(w.ctx)
	if _, stalled := cause.(*timeoutError); cause != nil && !stalled {
		return
	}
	w.mu.Lock()
	r := w.receiver
	w.mu.Unlock()
	if r != nil && r.avoid != nil {
		r.avoid()
	}
}

// reached reports whether the transport has tried to reach a server, and not refused the request.
func (w *watchdog) reached(c *Client) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return c.ownTransport || w.connWanted || w.connGot
}

// unsent reports whether the attempt, which failed with err, has certainly sent nothing because it had no connection.
// For a foreign transport this is certain only if it traces its connections and reports that it could not make one.
func (w *watchdog) unsent(c *Client, err error) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.connGot {
		return false
	}
	if c.ownTransport {
		return true
	}
	if c.netHTTP {
		return w.connWanted // false if a protocol registered with the transport took the request
	}
	var dial *net.OpError
	return w.connWanted && errors.As(err, &dial) && dial.Op == "dial"
}

// clientTimedOut reports whether Config.HTTPClient.Timeout has ended the attempt.
func (w *watchdog) clientTimedOut() bool {
	return !w.clientDeadline.IsZero() && !time.Now().Before(w.clientDeadline)
}

// cause returns why the attempt that failed with err has really ended. It adds what net/http leaves out if the caller
// ended it.
func (w *watchdog) cause(err error) error {
	if late, ok := context.Cause(w.ctx).(*timeoutError); ok {
		return late
	}
	if w.clientTimedOut() {
		return fmt.Errorf("HTTPClient.Timeout of %v has ended the request: %w", w.clientTimeout, err)
	}
	return ctxcause.Join(w.ctx, err)
}
