package oss

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/ossmultipart/go-oss/internal/crc64"
	"github.com/ossmultipart/go-oss/internal/ctxcause"
	"github.com/ossmultipart/go-oss/internal/flow"
)

// A ChangedError says that an object was replaced or deleted while it was being read or changed.
type ChangedError struct {
	Bucket, Key string
	ETag        string // of the object as it was at first
	Offset      int64  // where in the object reading stopped, in bytes
	Err         error  // OSS's answer to the last request; errors.Is finds fs.ErrNotExist if the object was deleted
}

// Error returns one line.
func (e *ChangedError) Error() string {
	return fmt.Sprintf("oss: %s has changed since it had the ETag %s, of which %d bytes were read: %s",
		resource(e.Bucket, e.Key), clip(e.ETag), e.Offset, oneLine(e.Err.Error()))
}

// Unwrap returns Err.
func (e *ChangedError) Unwrap() error { return e.Err }

// asChanged returns the ChangedError that err means as an answer to a request for one ETag, or else err.
func asChanged(err error, info *ObjectInfo, at int64) error {
	for _, code := range []Code{"PreconditionFailed", ErrNoSuchKey, "NoSuchVersion"} {
		if errors.Is(err, code) {
			return &ChangedError{Bucket: info.Bucket, Key: info.Key, ETag: info.ETag, Offset: at, Err: err}
		}
	}
	return err
}

// An objectBody is the Body of an Object. When its connection breaks it asks for the rest, of the object with the same
// ETag. It compares the CRC-64 of a whole object at its end.
type objectBody struct {
	client   *Client
	ctx      context.Context
	request  *Request    // that of the first reply
	info     *ObjectInfo // from the first reply
	at, end  int64       // the bytes that are left, as offsets in the object; end is -1 if it is not known
	verified bool
	crc      uint64 // of the bytes so far
	err      error  // what Read returns from now on
	broken   error  // why reply failed, if it did

	failures int // since there was progress
	progress int // bytes since the last failure, up to minProgress
	taken    int // retries taken from the budget of the Client
	gate     flow.Attempts

	mu     sync.Mutex // Close may be called while Read runs
	reply  io.ReadCloser
	closed bool
	cancel context.CancelFunc // ends what resumes; nil before the first failure
}

// minProgress is how many bytes make the count of failures begin anew.
const minProgress = 64 << 10

var errClosedBody = errors.New("oss: read of a closed Body")

// Read returns the next bytes.
func (b *objectBody) Read(p []byte) (int, error) {
	if b.err == nil && b.broken != nil {
		b.err = b.resume()
	}
	if b.end >= 0 && b.err == nil {
		p = p[:min(int64(len(p)), b.end-b.at)]
	}
	for b.err == nil {
		if b.at == b.end {
			b.err = b.finish()
			break
		}
		n, err := b.reply.Read(p)
		b.advance(p[:n])
		switch {
		case err == nil && n == 0 && len(p) > 0: // read again
			continue
		case b.at == b.end, err == io.EOF && b.end < 0:
			b.err = b.finish()
		case err == io.EOF:
			b.broken = io.ErrUnexpectedEOF
		case err != nil:
			b.broken = err
		}
		if n > 0 || len(p) == 0 {
			return n, b.err
		}
		if b.broken != nil && b.err == nil {
			b.err = b.resume()
		}
	}
	return 0, b.err
}

func (b *objectBody) advance(p []byte) {
	b.at += int64(len(p))
	if b.progress = min(b.progress+len(p), minProgress); b.verified {
		b.crc = crc64.Update(b.crc, p)
	}
}

// finish returns what follows the last byte.
func (b *objectBody) finish() error {
	if b.taken > 0 {
		b.client.budget.Succeeded(b.taken)
	}
	if b.verified && b.crc != b.info.CRC64 {
		return &ChecksumError{Op: b.request.Op, Bucket: b.info.Bucket, Key: b.info.Key,
			Local: b.crc, Remote: b.info.CRC64}
	}
	return io.EOF
}

// resume replaces a reply that has failed by one with the rest, or returns why it cannot.
func (b *objectBody) resume() error {
	cause := b.broken
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return errClosedBody
	}
	b.reply.Close()
	if b.cancel == nil {
		b.ctx, b.cancel = context.WithCancel(b.ctx)
	}
	b.mu.Unlock()
	switch {
	case b.ctx.Err() != nil:
		return b.cancelled()
	case b.end < 0 || b.info.ETag == "":
		return cause
	}
	err := b.wait()
	if err == nil {
		err = b.reopen(cause)
	}
	if err != nil && b.isClosed() {
		return errClosedBody
	}
	return err
}

// reopen makes the reply one with the rest.
func (b *objectBody) reopen(cause error) error {
	b.client.log.LogAttrs(b.ctx, slog.LevelWarn, "oss: reading resumes", slog.String("op", b.request.Op),
		slog.String("bucket", b.info.Bucket), slog.String("key", b.info.Key),
		slog.Int64("offset", b.at), slog.Any("error", cause))
	resp, err := b.requestRest()
	var changed *ChangedError
	if errors.As(err, &changed) && b.info.VersionID != "" && b.request.Query.Get("versionId") == "" {
		// The object as it was is an old version now. Reading one takes another permission, so this comes last.
		current := b.request
		b.request = current.clone()
		b.request.Query.Set("versionId", b.info.VersionID)
		if resp, err = b.requestRest(); err != nil {
			b.request, err = current, changed
		}
	}
	if err != nil {
		return fmt.Errorf("%w; reading had stopped at byte %d: %v", err, b.at, cause)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		resp.Body.Close()
		return errClosedBody
	}
	b.reply, b.broken = resp.Body, nil
	return nil
}

// wait waits before the next request, or returns why there is none.
func (b *objectBody) wait() error {
	if b.progress == minProgress {
		b.failures, b.gate = 0, nil
	}
	b.progress = 0
	b.failures++
	c := b.client
	f := flow.Failure{
		Kind: flow.Outage, Err: b.broken, Attempt: b.failures, MaxAttempt: c.retry.Attempts,
		Wait: c.retry.backoff(b.failures),
	}
	if gate := flow.GateOf(b.ctx); gate != nil {
		var err error
		if b.gate == nil {
			b.gate, err = gate.Begin(b.ctx)
		}
		var timeout *timeoutError
		if errors.As(b.broken, &timeout) {
			f.Idle = timeout.idle
		}
		if err == nil {
			err = b.gate.Retry(b.ctx, f)
		}
		if err != nil {
			return fmt.Errorf("oss: GetObject %s: %w, at byte %d: %w", resource(b.info.Bucket, b.info.Key), err, b.at,
				b.broken)
		}
		return nil
	}
	switch {
	case c.retry.Attempts == 1:
		return b.broken
	case f.Attempt >= f.MaxAttempt:
		return fmt.Errorf("oss: GetObject %s: reading failed %d times at byte %d: %w",
			resource(b.info.Bucket, b.info.Key), f.Attempt, b.at, b.broken)
	case !c.budget.Take():
		return fmt.Errorf("oss: GetObject %s: at byte %d: %w; not resumed, because too many "+
			"operations of this Client fail",
			resource(b.info.Bucket, b.info.Key), b.at, b.broken)
	}
	b.taken++
	timer := time.NewTimer(f.Wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-b.ctx.Done():
		return b.cancelled()
	}
}

// cancelled returns the error of a context that has ended, and why the reply failed if it did for another reason.
func (b *objectBody) cancelled() error {
	ended := b.ctx.Err()
	err := fmt.Errorf("oss: GetObject %s: %w, at byte %d", resource(b.info.Bucket, b.info.Key),
		ctxcause.Join(b.ctx, ended), b.at)
	if !errors.Is(b.broken, ended) {
		err = fmt.Errorf("%w after: %v", err, b.broken)
	}
	return err
}

// requestRest asks for the bytes that are left, of the object with the same ETag.
func (b *objectBody) requestRest() (*http.Response, error) {
	r := b.request.clone()
	r.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", b.at, b.end-1))
	r.Header.Set("X-Oss-Range-Behavior", "standard")
	r.Header.Set("If-Match", b.info.ETag)
	check := func(op Operation, resp *http.Response, sent *requestBody) error {
		if err := requireOSS(op, resp, sent); err != nil {
			return err
		}
		if etag := resp.Header.Get("ETag"); !sameETag(etag, b.info.ETag) {
			return &permanentError{&ChangedError{Bucket: b.info.Bucket, Key: b.info.Key,
				ETag: b.info.ETag, Offset: b.at,
				Err: fmt.Errorf("the ETag of the rest is %q", etag)}}
		}
		first, last, ok := parseContentRange(resp.Header.Get("Content-Range"))
		if resp.StatusCode != http.StatusPartialContent || !ok || first != b.at || last != b.end-1 {
			return fmt.Errorf("asked for %q, got status %d with range %q", r.Header.Get("Range"), resp.StatusCode,
				resp.Header.Get("Content-Range"))
		}
		return nil
	}
	resp, err := b.client.send(b.ctx, r, sendOptions{check: check})
	return resp, asChanged(err, b.info, b.at)
}

func (b *objectBody) isClosed() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.closed
}

// Close ends the reading. It may be called while Read runs, which then fails.
func (b *objectBody) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	if b.cancel != nil {
		b.cancel()
	}
	return b.reply.Close()
}
