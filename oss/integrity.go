package oss

import (
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
	"sync"

	"github.com/ossmultipart/go-oss/internal/crc64"
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

// contentMD5 reads body once and returns its MD5; of the largest part that takes seconds.
func contentMD5(ctx context.Context, body Body) ([]byte, error) {
	h := md5.New()
	n, err := io.Copy(h, &cancellable{ctx, io.NewSectionReader(body, 0, body.Size())})
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err == nil && n < body.Size() {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, &sourceError{done: n, size: body.Size(), err: err}
	}
	return h.Sum(nil), nil
}

// A cancellable fails when its context is done.
type cancellable struct {
	ctx context.Context
	r   io.Reader
}

func (c *cancellable) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
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

// An outgoing is the body of one attempt: a fresh reader over its Body that counts, sums and feeds
// the watch. The transport may go on reading it after the reply has come, hence the lock; once it is
// retired it touches the Body no more, so that a caller has his bytes to himself when a call returns.
type outgoing struct {
	size  int64
	sum   bool // whether to compute the CRC-64
	watch *watch

	mu  sync.Mutex
	r   *io.SectionReader // nil once retired
	n   int64
	crc uint64
	err error
}

func newOutgoing(body Body, sum bool, w *watch) *outgoing {
	return &outgoing{size: body.Size(), sum: sum, watch: w, r: io.NewSectionReader(body, 0, body.Size())}
}

// Read moves the next bytes; a body that ends early is an error here and not a short request.
func (o *outgoing) Read(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.r == nil {
		return 0, errRetired
	}
	n, err := o.r.Read(p)
	o.n += int64(n)
	if o.sum {
		o.crc = crc64.Update(o.crc, p[:n])
	}
	if err == io.EOF && o.n < o.size {
		err = io.ErrUnexpectedEOF
	}
	if err != nil && err != io.EOF {
		o.err = &sourceError{done: o.n, size: o.size, err: err}
		err = o.err
	}
	if o.n == o.size {
		o.watch.sent()
	} else {
		o.watch.moved()
	}
	return n, err
}

// errRetired is seen only by a transport that reads on when nobody waits for it any more.
var errRetired = errors.New("the attempt is over")

// retire ends all reading; a Read under way is waited for.
func (o *outgoing) retire() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.r = nil
}

// Close does nothing: the Body belongs to the caller.
func (o *outgoing) Close() error { return nil }

// state returns what has been read so far, and why reading failed if it did.
func (o *outgoing) state() (n int64, crc uint64, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.n, o.crc, o.err
}

// An incoming is the body of a successful reply. It feeds the watch while it is read, compares the
// CRC-64 of a whole object at its end, and ends the attempt when it is closed.
type incoming struct {
	io.ReadCloser
	watch *watch
	fail  func(local uint64) error // nil where there is nothing to compare
	crc   uint64
}

func (in *incoming) Read(p []byte) (int, error) {
	in.watch.reading()
	n, err := in.ReadCloser.Read(p)
	in.watch.pause() // the time between two reads is the caller's own
	if err != nil && err != io.EOF {
		err = in.watch.cause(err)
	}
	if in.fail != nil {
		in.crc = crc64.Update(in.crc, p[:n])
		if err == io.EOF {
			if bad := in.fail(in.crc); bad != nil {
				err = bad
			}
		}
	}
	return n, err
}

func (in *incoming) Close() error {
	err := in.ReadCloser.Close()
	in.watch.end()
	return err
}

// headerCRC returns the CRC-64 a reply reports, and whether it does.
func headerCRC(h http.Header) (uint64, bool) {
	crc, err := strconv.ParseUint(h.Get("x-oss-hash-crc64ecma"), 10, 64)
	return crc, err == nil
}

// sameETag compares as OSS does: without quotes and regardless of case.
func sameETag(a, b string) bool {
	return strings.EqualFold(strings.Trim(a, `"`), strings.Trim(b, `"`))
}

// store sends r's body and proves that OSS holds it, in the way s says. sum is its MD5 if known,
// unless the header has it; also inspects the reply further.
func (c *Client) store(ctx context.Context, r *Request, s Checksum, sum []byte, also checkResult) (*http.Response, error) {
	if err := cmp.Or(s.check(), r.check()); err != nil {
		return nil, err
	}
	if text := r.Header.Get("Content-MD5"); text != "" {
		given, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(given) != md5.Size {
			return nil, fmt.Errorf("oss: Content-MD5 %q is not the base64 of %d bytes", text, md5.Size)
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
		r.Header.Set("Content-MD5", base64.StdEncoding.EncodeToString(sum))
	} else {
		sum = nil
	}
	return c.finish(ctx, r, terms{sum: s != ChecksumNone, check: func(op Operation, resp *http.Response, out *outgoing) error {
		if err := checkStored(op, resp, out, sum); err != nil || also == nil {
			return err
		}
		return also(op, resp, out)
	}})
}

// checkStored holds what OSS says it stored against what was sent: the CRC-64 of the bytes that
// went out, and where the MD5 is known also the ETag.
func checkStored(op Operation, resp *http.Response, sent *outgoing, md5sum []byte) error {
	damaged := &ChecksumError{Op: op.Name, Bucket: op.Bucket, Key: op.Key, PartNumber: op.PartNumber}
	n, local, _ := sent.state()
	if n < sent.size {
		damaged.Err = fmt.Errorf("success was reported after %d of %d bytes", n, sent.size)
		return damaged
	}
	if remote, ok := headerCRC(resp.Header); ok && sent.sum && remote != local {
		damaged.Local, damaged.Remote = local, remote
		return damaged
	}
	if etag := resp.Header.Get("ETag"); md5sum != nil && !sameETag(etag, hex.EncodeToString(md5sum)) {
		damaged.Err = fmt.Errorf("ETag is %q, the MD5 of what was sent is %X", etag, md5sum)
		return damaged
	}
	return nil
}
