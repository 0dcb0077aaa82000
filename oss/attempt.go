package oss

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ossmultipart/go-oss/internal/ossxml"
	"github.com/ossmultipart/go-oss/signer"
)

// Headers of replies, spelled as http.Header keeps them: it makes a copy of any other spelling.
const (
	headerRequestID = "X-Oss-Request-Id"
	headerCRC64     = "X-Oss-Hash-Crc64ecma"
)

// A call is one operation on its way. It is the http.RoundTripper of its own attempts: whatever
// drives them calls RoundTrip once for each, and each is a new request, signed at its own moment,
// with a body read afresh. A reply that is no success comes back as an error.
type call struct {
	client  *Client
	terms   terms
	op      Operation
	request Request
	url     url.URL
	driver  driver

	attempts int         // made so far
	last     error       // why the last one failed, nil if it did not
	reply    Attempt     // what hooks and logs learn of the last one
	date     string      // of its reply
	used     Credentials // by the last one
	skewed   bool        // the clock was corrected for this call already
	renewed  bool        // the keys were refused for this call already
}

// RoundTrip makes one attempt. The request it is given is only a shell with the context.
func (k *call) RoundTrip(shell *http.Request) (*http.Response, error) {
	k.attempts++
	k.reply, k.date = Attempt{Number: k.attempts}, ""
	resp, err := k.try(shell)
	k.last, k.reply.Err = err, err
	return resp, err
}

func (k *call) try(shell *http.Request) (*http.Response, error) {
	c := k.client
	if err := k.fetchKeys(shell.Context()); err != nil { // before the watch begins: nothing stalls while keys are fetched
		return nil, &permanentError{err}
	}
	mine := &struct { // one piece of memory for what the attempt leaves behind
		watch
		url  url.URL // a signature may change it, and headers too
		out  outgoing
		last atomic.Pointer[outgoing] // out, or one that came after it
		in   incoming
	}{url: k.url}
	w, last := &mine.watch, &mine.last
	w.begin(shell.Context(), c.retry.Stall, k.terms.slow)
	mine.out.open(k.request.Body, k.terms, w)
	last.Store(&mine.out)
	ctx := w.ctx
	if c.queues {
		ctx = httptrace.WithClientTrace(ctx, w.queued())
	}
	req := shell.WithContext(ctx)
	req.URL, req.Host, req.Header = &mine.url, mine.url.Host, k.headers()
	if size := mine.out.size; size > 0 {
		req.Body, req.ContentLength = &mine.out, size
		// net/http asks again when a kept connection turns out to have been closed before it was used.
		req.GetBody = func() (io.ReadCloser, error) {
			fresh := new(outgoing)
			fresh.open(k.request.Body, k.terms, w)
			last.Swap(fresh).retire()
			return fresh, nil
		}
	} else {
		w.sent()
	}
	if err := k.sign(req); err != nil {
		w.end()
		return nil, &permanentError{err}
	}

	began := time.Now()
	resp, err := c.http.Transport.RoundTrip(req)
	if err == nil && resp == nil {
		err = fmt.Errorf("%T returned neither a reply nor an error", c.http.Transport)
	}
	k.reply.Duration = time.Since(began)
	out := last.Load()
	sent, _, readErr := out.retire()
	k.reply.Sent = sent
	if err != nil {
		defer w.end()
		if readErr != nil {
			return nil, readErr
		}
		return nil, w.cause(err)
	}

	k.reply.StatusCode, k.reply.RequestID = resp.StatusCode, resp.Header.Get(headerRequestID)
	k.date = resp.Header.Get("Date")
	w.replied()
	if resp.Body == nil { // a transport of the user's may leave it out, as http.Client allows
		resp.Body = http.NoBody
	}
	in := &mine.in
	in.ReadCloser, in.watch = resp.Body, w
	resp.Body = in
	if resp.StatusCode < 200 { // 101, after which reading from the connection ends with no context
		in.Close()
		return nil, fmt.Errorf("status %d: reply is not from OSS", resp.StatusCode)
	}
	if resp.StatusCode >= 300 || resp.StatusCode == http.StatusNonAuthoritativeInfo {
		defer drain(in)
		refused := refusal(k.op, resp).hide(k.used)
		refused.Attempts = k.attempts // now, since a hook or a log may keep it
		return nil, refused
	}
	if err := k.check(resp, out); err != nil {
		drain(in)
		return nil, err
	}
	// OSS reports the CRC-64 of the object also where it compresses it on its way, for a caller who asks for that.
	compressed := resp.Uncompressed || req.Header.Get("Accept-Encoding") != "identity" && resp.Header.Get("Content-Encoding") != ""
	if remote, ok := headerCRC(resp.Header); ok && k.terms.verify && resp.StatusCode == http.StatusOK && !compressed {
		in.fail = func(local uint64) error {
			if local == remote {
				return nil
			}
			return &ChecksumError{Op: k.op.Name, Bucket: k.op.Bucket, Key: k.op.Key, Local: local, Remote: remote}
		}
	}
	return resp, nil
}

// check inspects a reply of success.
func (k *call) check(resp *http.Response, sent *outgoing) error {
	if k.terms.stores {
		odd, err := checkStored(k.op, resp, sent, k.terms.md5)
		if err != nil {
			return err
		}
		if odd != "" {
			k.client.log.LogAttrs(sent.watch.ctx, slog.LevelWarn, "oss: ETag is not the MD5 of what was sent; the CRC-64 is right",
				slog.String("op", k.op.Name), slog.String("bucket", k.op.Bucket), slog.String("key", k.op.Key), slog.String("etag", odd))
		}
	}
	if k.terms.check == nil {
		return nil
	}
	return k.terms.check(k.op, resp, sent)
}

// fetchKeys asks for the keys of this moment.
func (k *call) fetchKeys(ctx context.Context) error {
	c := k.client
	if _, ok := c.credentials.(anonymous); ok {
		return nil
	}
	creds, err := c.credentials.Credentials(ctx)
	if err != nil {
		return fmt.Errorf("no credentials: %w", err)
	}
	k.used = creds
	return nil
}

// sign puts a signature of this moment on req.
func (k *call) sign(req *http.Request) error {
	c := k.client
	if _, ok := c.credentials.(anonymous); ok {
		return nil
	}
	return c.signer.Sign(req, signer.Params{
		Bucket: k.op.Bucket, Key: k.op.Key, Region: c.region, Time: c.Now(), Credentials: k.used,
	})
}

// A permanentError is one that a further attempt cannot change.
type permanentError struct{ err error }

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }

// decodes returns a check that reads a document into v. A reply that is cut short, or that some
// proxy wrote, is a failed attempt.
func decodes[T any](v *T) checkResult {
	return func(_ Operation, resp *http.Response, _ *outgoing) error {
		var doc T // of this attempt alone: decoding appends to the lists that half a reply has left
		var head start
		if err := ossxml.Decode(io.TeeReader(resp.Body, &head), &doc); err != nil {
			return fmt.Errorf("status %d with an unreadable document: %w: %q", resp.StatusCode, err, excerptOf(resp, head))
		}
		*v = doc
		return nil
	}
}

// A start keeps the first bytes written to it.
type start []byte

func (s *start) Write(p []byte) (int, error) {
	*s = append(*s, p[:min(len(p), 1<<10-len(*s))]...)
	return len(p), nil
}

// A watch gives up an attempt that has come to a halt. It measures the time since the last byte
// moved, never the whole: a slow link may take as long as it needs. The rules: while the body is
// sent, the connection must take within stall what was read of it; while a reply is read, each read
// must end within stall; a reply must begin within stall of the last byte handed to the connection,
// and as long again as sending took, at most stall more, because what was handed over may still be
// on its way out of this machine's buffers. Operations OSS itself is slow at have ten times as long
// to be answered.
type watch struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	stall  time.Duration
	slow   bool
	began  time.Time

	mu    sync.Mutex
	timer *time.Timer
	due   time.Duration // what the timer was set to last
	done  bool          // the reply is there: what the transport still does with the body does not count
}

// errStalled is the cause of an attempt that was given up.
var errStalled = errors.New("no byte has moved")

func (w *watch) begin(parent context.Context, stall time.Duration, slow bool) {
	w.stall, w.slow, w.due, w.began = stall, slow, stall, time.Now()
	w.ctx, w.cancel = context.WithCancelCause(parent)
	w.timer = time.AfterFunc(stall, func() { w.cancel(errStalled) })
}

// moved says that the body goes on.
func (w *watch) moved() { w.rearm(w.stall, false) }

// hold stops the clock while the next bytes of the body are fetched, unless the reply is what it measures.
func (w *watch) hold() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.done {
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

// replied says that a reply has begun; from here on only reading it counts.
func (w *watch) replied() {
	w.rearm(w.stall, true)
	w.pause()
}

// reading says that the reply is being read.
func (w *watch) reading() { w.rearm(w.stall, true) }

func (w *watch) rearm(d time.Duration, reply bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.done = w.done || reply
	if w.done == reply {
		w.due = d
		w.timer.Reset(d)
	}
}

// queued returns a trace that stops the clock while the attempt waits until others have done with their connections.
// Making one is no such waiting.
func (w *watch) queued() *httptrace.ClientTrace {
	resume := func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if !w.done {
			w.timer.Reset(w.due)
		}
	}
	return &httptrace.ClientTrace{
		GetConn:      func(string) { w.hold() },
		ConnectStart: func(string, string) { resume() },
		GotConn:      func(httptrace.GotConnInfo) { resume() },
	}
}

// pause stops the clock while neither side owes a byte.
func (w *watch) pause() { w.timer.Stop() }

// end releases what the attempt holds. Nothing may be read after it.
func (w *watch) end() {
	w.timer.Stop()
	w.cancel(nil)
}

// cause returns what really ended the attempt that failed with err.
func (w *watch) cause(err error) error {
	if errors.Is(context.Cause(w.ctx), errStalled) {
		return fmt.Errorf("%w for %v", errStalled, w.stall)
	}
	return err
}
