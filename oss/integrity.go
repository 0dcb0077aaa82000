package oss

import (
	"bytes"
	"cmp"
	"context"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/ossmultipart/go-oss/internal/crc64"
	"github.com/ossmultipart/go-oss/internal/zerocopy"
)

// Checksum is how the bytes of a part or an object are verified.
type Checksum int

const (
	ChecksumMD5   Checksum = iota // Content-MD5 with every body: OSS refuses damaged bytes before storing them
	ChecksumCRC64                 // the CRC-64 OSS reports against one computed while sending; one pass over the body
	ChecksumNone                  // trust the line
)

func (s Checksum) check() error {
	if s < ChecksumMD5 || s > ChecksumNone {
		return fmt.Errorf("oss: checksum %d is none of ChecksumMD5, ChecksumCRC64 and ChecksumNone", s)
	}
	return nil
}

// contentMD5 reads body once and returns its MD5; of the largest part that takes seconds. Between two strides it looks at
// the context.
func contentMD5(ctx context.Context, body Body) ([]byte, error) {
	buf := buffers.Get().(*[maxCopyPlain]byte)
	defer buffers.Put(buf)
	h, r, size := md5.New(), &contextReader{ctx, body}, body.Size()
	for done := int64(0); done < size; {
		n, err := r.ReadAt(buf[:min(int64(len(buf)), size-done)], done)
		h.Write(buf[:n])
		done += int64(n)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err == io.EOF && done == size:
			err = nil
		case err == io.EOF:
			err = io.ErrUnexpectedEOF
		case err == nil && n == 0:
			err = io.ErrNoProgress
		}
		if err != nil {
			return nil, &sourceError{done: done, size: size, err: err}
		}
	}
	return h.Sum(nil), nil
}

// A cancellable is a Body whose reads fail when its context is done.
type contextReader struct {
	ctx  context.Context
	body Body
}

func (c *contextReader) ReadAt(p []byte, off int64) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	if b, ok := c.body.(ContextBody); ok {
		return b.ReadAtContext(c.ctx, p, off)
	}
	return c.body.ReadAt(p, off)
}

// A sourceError is a body that could not be read, or ended early. Sending it again would not help.
type sourceError struct {
	done, size int64
	err        error
}

func (e *sourceError) Error() string {
	if errors.Is(e.err, io.ErrUnexpectedEOF) {
		return fmt.Sprintf("body ended after %d of %d bytes", e.done, e.size)
	}
	return fmt.Sprintf("reading the body at byte %d of %d: %v", e.done, e.size, e.err)
}

func (e *sourceError) Unwrap() error { return e.err }

// An outgoing is the body of one attempt: it reads a Body from its start, counts, sums and feeds
// the watch. The transport may go on reading it after the reply has come, hence the lock; once it is
// retired it touches the Body no more, so that a caller has his bytes to himself when a call returns.
type requestBody struct {
	size       int64
	computeCRC bool    // whether to compute the CRC-64
	knownCRC   *uint64 // the CRC-64 where it was known before
	watchdog   *watchdog
	ctx        context.Context         // of the reads of a ContextBody
	stop       context.CancelCauseFunc // ends one that waits; nil for any other Body

	source zerocopy.Source // the same, if what it holds may be sent unseen

	lock chan struct{} // holds a token while the rest is in use; a channel, since waiting for it may take as long as a read
	body io.ReaderAt   // nil once retired
	n    int64
	crc  uint64
	err  error
}

// open begins with body, where there is one; none has a CRC-64 too.
func (o *requestBody) open(body Body, t sendOptions, w *watchdog) {
	o.computeCRC, o.knownCRC, o.watchdog, o.lock = t.computeCRC && t.knownCRC == nil, t.knownCRC, w, make(chan struct{}, 1)
	o.crc = t.initialCRC
	if body == nil {
		return
	}
	o.size, o.body = body.Size(), body
	// What the kernel sends from a file it may still read when an attempt has been given up, and the file be another
	// by then: so only where OSS will refuse any other bytes.
	if t.md5 != nil && !o.computeCRC {
		o.source, _ = body.(zerocopy.Source)
	}
	if _, ok := body.(ContextBody); ok {
		o.ctx, o.stop = context.WithCancelCause(w.ctx)
		o.body = &contextReader{o.ctx, body}
	}
}

// Read moves the next bytes; a body that ends early is an error here and not a short request.
func (o *requestBody) Read(p []byte) (int, error) {
	o.lock <- struct{}{}
	defer func() { <-o.lock }()
	if o.n == o.size {
		o.watchdog.bodySent() // the connection has taken all
		return 0, io.EOF
	}
	if o.body == nil {
		return 0, errDetached
	}
	p = p[:min(int64(len(p)), o.size-o.n)]
	o.watchdog.suspend() // how long reading takes is the caller's own affair
	n, err := o.body.ReadAt(p, o.n)
	o.n += int64(n)
	if o.computeCRC {
		o.crc = crc64.Update(o.crc, p[:n])
	}
	switch {
	case n == len(p) && err == io.EOF:
		err = nil
	case err == io.EOF:
		err = io.ErrUnexpectedEOF
	case err == nil && n == 0 && len(p) > 0:
		err = io.ErrNoProgress
	case err != nil && o.ctx != nil && context.Cause(o.ctx) == errDetached:
		return n, errDetached
	}
	if err != nil {
		o.err = &sourceError{done: o.n, size: o.size, err: err}
		err = o.err
	}
	o.progressed()
	return n, err
}

// lend returns where the next bytes lie, at most n, which then count as read. It returns none if there are no more, or if
// the body has to be read.
func (o *requestBody) region(n int, files bool) (zerocopy.Region, error) {
	o.lock <- struct{}{}
	defer func() { <-o.lock }()
	if o.n == o.size {
		return zerocopy.Region{}, nil
	}
	if o.body == nil {
		return zerocopy.Region{}, errDetached
	}
	if o.source == nil {
		return zerocopy.Region{}, nil
	}
	lent, err := o.source.Region(o.n, min(int64(n), o.size-o.n), files)
	if err != nil {
		o.err = &sourceError{done: o.n, size: o.size, err: err}
		return zerocopy.Region{}, o.err
	}
	o.n += lent.Size
	o.progressed()
	return lent, nil
}

// takeBack says that the last n bytes that were lent have not been sent.
func (o *requestBody) unread(n int64) {
	o.lock <- struct{}{}
	defer func() { <-o.lock }()
	o.n -= n
	o.source = nil
}

// failed notes why bytes that were lent could not be sent, if that was the file's fault.
func (o *requestBody) setErr(err error) {
	o.lock <- struct{}{}
	defer func() { <-o.lock }()
	if source, ok := err.(*sourceError); ok {
		o.err = source
	}
}

// look returns how often a long write looks whether it moves.
func (o *requestBody) pollInterval() time.Duration { return max(o.watchdog.stall/8, time.Millisecond) }

// moved tells the watch that the body goes on. It is called by whoever reads.
func (o *requestBody) progressed() {
	if o.n == o.size {
		o.watchdog.bodySent()
	} else {
		o.watchdog.progressed()
	}
}

// errRetired is seen only by a transport that reads on when nobody waits for it any more.
var errDetached = errors.New("the attempt is over")

// retire ends all reading and returns what came of it: the bytes read, their CRC-64, and why reading failed if it
// did. A read under way is waited for; one that waits itself is told.
func (o *requestBody) detach() (n int64, crc uint64, err error) {
	if o.stop != nil {
		o.stop(errDetached)
	}
	o.lock <- struct{}{}
	defer func() { <-o.lock }()
	o.body = nil
	crc = o.crc
	if o.knownCRC != nil {
		crc = *o.knownCRC
	}
	return o.n, crc, o.err
}

// Close does nothing: the Body belongs to the caller.
func (o *requestBody) Close() error { return nil }

// An incoming is the body of a successful reply. It feeds the watch while it is read, compares the
// CRC-64 of a whole object at its end, and ends the attempt when it is closed.
type responseBody struct {
	io.ReadCloser
	watchdog *watchdog
	verify   func(local uint64) error // nil where there is nothing to compare
	crc      uint64
	broken   bool // the connection has failed before the end of the body
}

func (in *responseBody) Read(p []byte) (int, error) {
	in.watchdog.reading()
	n, err := in.ReadCloser.Read(p)
	in.watchdog.pause() // the time between two reads is the caller's own
	if err != nil && err != io.EOF {
		in.broken = true
		err = in.watchdog.cause(err)
	}
	if in.verify != nil {
		in.crc = crc64.Update(in.crc, p[:n])
		if err == io.EOF {
			if bad := in.verify(in.crc); bad != nil {
				err = bad
			}
		}
	}
	return n, err
}

func (in *responseBody) Close() error {
	err := in.ReadCloser.Close()
	in.watchdog.stop()
	return err
}

// drain closes the body of a reply that nobody reads on. net/http uses a connection again only where the reply was read
// to its end, so what is left of a short one is read; and only where the request was sent to its end, so that a reply
// which comes before that always costs a connection.
func drain(body io.ReadCloser) {
	io.CopyN(io.Discard, body, maxDrain) // an error has nobody to tell, and is no other than closing
	body.Close()
}

// maxDrain is how much of a reply is read in vain, in bytes: a new connection takes less time than more of them.
const maxDrain = 256 << 10

// headerCRC returns the CRC-64 a reply reports, and whether it does.
func headerCRC(h http.Header) (uint64, bool) {
	crc, err := strconv.ParseUint(h.Get(headerCRC64), 10, 64)
	return crc, err == nil
}

// sameETag compares as OSS does: without quotes and regardless of case.
func sameETag(a, b string) bool {
	return strings.EqualFold(strings.Trim(a, `"`), strings.Trim(b, `"`))
}

// sums are what the caller knows of a body.
type knownSums struct {
	md5   []byte
	crc64 *uint64
}

// store sends r's body and proves that OSS holds it, in the way s says. The MD5 may be in the header too. also
// inspects the reply further.
func (c *Client) putVerified(ctx context.Context, r *Request, s Checksum, known knownSums, also responseCheck) (*http.Response, error) {
	if err := cmp.Or(s.check(), c.checkRequest(r)); err != nil {
		return nil, err
	}
	sum := known.md5
	if text := r.Header.Get("Content-Md5"); text != "" {
		given, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(given) != md5.Size {
			return nil, fmt.Errorf("oss: Content-MD5 %q is not the base64 of %d bytes", text, md5.Size)
		}
		if sum != nil && !bytes.Equal(sum, given) {
			return nil, fmt.Errorf("oss: MD5 is %X, and Content-MD5 in Header is %q", sum, text)
		}
		sum = given
	} else if s == ChecksumMD5 {
		if sum == nil {
			var err error
			if sum, err = contentMD5(ctx, r.Body); err != nil {
				return nil, fmt.Errorf("oss: %s %s: %w", r.Op, resource(r.Bucket, r.Key), err)
			}
		}
		if len(sum) != md5.Size {
			return nil, fmt.Errorf("oss: MD5 has %d bytes, want %d", len(sum), md5.Size)
		}
	}
	return c.sendAndClose(ctx, r, sendOptions{verifyStored: true, md5: sum, computeCRC: s != ChecksumNone, knownCRC: known.crc64, check: also})
}

// notFromOSS is the error of a success that tells nothing of what OSS stored or holds, as the page of a proxy that
// never passed the request on. The attempt has failed.
func notFromOSS(resp *http.Response) error {
	return fmt.Errorf("status %d without an ETag: reply is not from OSS", resp.StatusCode)
}

// isFromOSS is a checkResult that tells such a page from a reply: that has a request ID, and an ETag if it is an object,
// or no body at all. No object comes as 204, which is how some networks answer every GET.
func requireOSS(op Operation, resp *http.Response, _ *requestBody) error {
	gone := resp.StatusCode == http.StatusNoContent && op.Name != "GetObject"
	if !gone && resp.Header.Get(headerRequestID) == "" && resp.Header.Get("ETag") == "" {
		return notFromOSS(resp)
	}
	return nil
}

// reportsCRC is a checkResult that compares the CRC-64 of a reply with that of what was sent. A reply without one proves
// nothing, and would prove no more if the request were repeated.
func requireCRC64(op Operation, resp *http.Response, sent *requestBody) error {
	_, local, _ := sent.detach()
	remote, told := headerCRC(resp.Header)
	if !told {
		return &permanentError{fmt.Errorf("status %d without a CRC-64 to compare", resp.StatusCode)}
	}
	if remote != local {
		return &ChecksumError{Op: op.Name, Bucket: op.Bucket, Key: op.Key, PartNumber: op.PartNumber, Local: local, Remote: remote}
	}
	return nil
}

// checkStored compares what OSS says it stored with what was sent: the CRC-64 of the bytes that went out and, where the
// MD5 is known, the ETag. An ETag of another rule, as gateways and some kinds of encryption have, is no damage beside the
// right CRC-64; it is returned.
func checkStored(op Operation, resp *http.Response, sent *requestBody, md5sum []byte) (odd string, err error) {
	damaged := func(e ChecksumError) error {
		e.Op, e.Bucket, e.Key, e.PartNumber = op.Name, op.Bucket, op.Key, op.PartNumber
		return &e
	}
	n, local, _ := sent.detach()
	etag := resp.Header.Get("ETag")
	remote, told := headerCRC(resp.Header)
	if etag == "" && !told {
		return "", notFromOSS(resp)
	}
	if n < sent.size {
		return "", damaged(ChecksumError{Err: fmt.Errorf("success was reported after %d of %d bytes", n, sent.size)})
	}
	if told && (sent.computeCRC || sent.knownCRC != nil) && remote != local {
		return "", damaged(ChecksumError{Local: local, Remote: remote})
	}
	var text [2 * md5.Size]byte
	if md5sum != nil && !sameETag(etag, string(hex.AppendEncode(text[:0], md5sum))) {
		if told && etag != "" && (sent.computeCRC || sent.knownCRC != nil) {
			return etag, nil
		}
		return "", damaged(ChecksumError{Err: fmt.Errorf("ETag is %q, the MD5 of what was sent is %X", etag, md5sum)})
	}
	return "", nil
}
