package multipart

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/ossmultipart/go-oss/oss"
)

// A Downloader downloads objects in ranges that are fetched in parallel. It is safe for concurrent use. Its limits
// apply to all its downloads together.
type Downloader struct {
	service
	opts   DownloadOptions
	err    error        // why opts are invalid
	hedges *hedgeBudget // limits the bytes that are fetched twice; nil with a Limiter

	mu      sync.Mutex
	readers map[*Reader]struct{} // that are open; they share the memory
}

// DownloadOptions are the options of a Downloader. The zero value and nil are the defaults.
type DownloadOptions struct {
	// PartSize is the size of the ranges in bytes. 0 means DefaultPartSize, or larger ranges if 10,000 of them would
	// not hold the object. For a Reader 0 means DefaultReaderPartSize.
	PartSize int64

	// Concurrency is the number of ranges in flight over all downloads of the Downloader. 0 means adaptive, as for an
	// Uploader: see MaxConcurrency.
	Concurrency int

	// Progress is called for each download: serially, with no locks held, and with values that never decrease. Sent is
	// the number of bytes received, Done that of the bytes in complete ranges. Nil means none.
	Progress func(Progress)

	// Hooks observe downloads as a whole, for traces and metrics; oss.Hooks observe their requests.
	Hooks Hooks

	// Limiter paces the bytes of all downloads, for example a *rate.Limiter. Nil means none.
	Limiter Limiter

	// MemoryLimit bounds the bytes that all Readers together have fetched and not yet returned. It must be at least one
	// range. A range takes a multiple of 256 KiB. Every open Reader has room for one range, even if these are more. 0
	// means DefaultReadAhead, or Concurrency+1 ranges if one of the two options is set. DownloadFile and Download need
	// 256 KiB for each range in flight, which are not included.
	MemoryLimit int64 // bytes

	// Patience limits how long one request waits in total while OSS throttles or cannot be reached. See Options.
	Patience time.Duration

	// RemovePartial makes a DownloadFile that fails remove what it has fetched. By default that is kept beside the
	// target, and the next call for the same target continues from it.
	RemovePartial bool
}

// Defaults of the Readers of a Downloader. They hold twelve ranges: more ranges in flight need a larger MemoryLimit.
const (
	DefaultReaderPartSize int64 = 1 << 20  // bytes
	DefaultReadAhead      int64 = 12 << 20 // bytes; of DownloadOptions.MemoryLimit
)

// check returns an error for a value that is invalid.
func (o *DownloadOptions) check() error {
	switch {
	case o.PartSize < 0:
		return fmt.Errorf("multipart: part size %d is negative", o.PartSize)
	case o.PartSize > oss.MaxPartSize:
		return fmt.Errorf("multipart: part size %d is more than %d bytes", o.PartSize, oss.MaxPartSize)
	case o.Concurrency < 0:
		return fmt.Errorf("multipart: concurrency %d is negative", o.Concurrency)
	case o.MemoryLimit < 0:
		return fmt.Errorf("multipart: memory limit %d is negative", o.MemoryLimit)
	case o.MemoryLimit != 0 && o.MemoryLimit < o.readerPart():
		return fmt.Errorf("multipart: memory limit %d is less than one part, %d bytes", o.MemoryLimit, o.readerPart())
	case o.Limiter != nil && isNil(o.Limiter):
		return fmt.Errorf("multipart: DownloadOptions.Limiter is a nil %T", o.Limiter)
	}
	return nil
}

// readerPart returns the size of the ranges of a Reader.
func (o *DownloadOptions) readerPart() int64 { return cmp.Or(o.PartSize, DefaultReaderPartSize) }

// readAhead returns the memory of all Readers.
func (o *DownloadOptions) readAhead() int64 {
	if o.MemoryLimit != 0 || o.PartSize == 0 && o.Concurrency == 0 {
		return cmp.Or(o.MemoryLimit, DefaultReadAhead)
	}
	const endless = 1 << 60 // the arithmetic does not overflow
	part := room(o.readerPart())
	return part*min(int64(cmp.Or(o.Concurrency, DefaultConcurrency)), endless/part-1) + part
}

// NewDownloader returns a Downloader that uses c. If opts has an invalid value, every method of the Downloader returns
// an error before its first request.
func NewDownloader(c *oss.Client, opts *DownloadOptions) *Downloader {
	d := &Downloader{readers: make(map[*Reader]struct{})}
	if opts != nil {
		d.opts = *opts
	}
	if c == nil {
		d.err = errors.New("multipart: client is nil")
		return d
	}
	if d.err = d.opts.check(); d.err != nil {
		return d
	}
	d.connect(c, d.opts.Concurrency, d.opts.Patience)
	if d.opts.Limiter == nil {
		d.hedges = &hedgeBudget{share: wastedShare}
	}
	return d
}

// A DownloadResult describes a finished download.
type DownloadResult struct {
	Object   oss.ObjectInfo // as it was when the download began; all ranges are of this object
	Size     int64          // bytes
	CRC64    uint64         // ECMA, of the bytes that were written
	Verified bool           // CRC64 was compared with that of the object; false if OSS did not tell it
	Parts    int            // ranges
	Reused   int            // of those, the ranges that an earlier call of DownloadFile had fetched
	Stats    Stats          // of this call; those of a Reader are known once it is closed
}

// A DownloadError describes a download that failed. Unwrap returns the cause.
type DownloadError struct {
	Bucket, Key string
	Path        string // the target of DownloadFile, which is as it was before; else ""
	// the file with the bytes kept for the next DownloadFile of the same target; "" if there is none
	Partial string
	Stored  int64       // bytes of whole ranges that were written; with Partial, those that need not be fetched again
	Failed  []PartError // ranges that failed, by number
	Err     error       // the first cause
}

// Error returns one line: the cause, the object, the target, what was kept.
func (e *DownloadError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "multipart: download of oss://%s/%s", e.Bucket, e.Key)
	if e.Path != "" {
		fmt.Fprintf(&b, " to %s", e.Path)
	}
	fmt.Fprintf(&b, ": %v", e.Err)
	if n := len(e.Failed); n == 1 {
		fmt.Fprintf(&b, "; part %d failed", e.Failed[0].Number)
	} else if n > 1 {
		fmt.Fprintf(&b, "; %d parts failed", n)
	}
	if e.Partial != "" {
		fmt.Fprintf(&b, "; %d bytes kept in %s, from which the next call continues", e.Stored, e.Partial)
	}
	return oneLine(b.String())
}

// Unwrap returns Err.
func (e *DownloadError) Unwrap() error { return e.Err }

// Download fetches an object and writes it to w, in ranges that are written in parallel and in any order. Bytes of w
// after the end of the object are not changed.
//
// A nil error means that all bytes of the object are written to w. If the result says Verified, their CRC-64 is that of
// the object. All ranges are of the object that HeadObject describes first. If the object is replaced or deleted during
// the download, the download continues with the old version if the bucket keeps one. Otherwise it fails with a
// *oss.ChangedError. A CRC-64 that differs is a *oss.ChecksumError. Any error is a *DownloadError, unless an argument
// was refused before the first request. After an error w may have any part of the bytes.
//
// A call that is cancelled waits for the WriteAt calls in progress. If w, the Limiter or Progress panics, Download
// panics with the same value once no request is in flight.
//
// See https://help.aliyun.com/en/oss/developer-reference/getobject
func (d *Downloader) Download(
	ctx context.Context, bucket, key string, w io.WriterAt, opts *oss.OpenOptions,
) (res *DownloadResult, err error) {
	j, err := d.newDownload(ctx, bucket, key, opts)
	if err != nil {
		return nil, err
	}
	if isNil(w) {
		return nil, fmt.Errorf("multipart: target is nil (%T)", w)
	}
	ctx, end := j.begin(ctx)
	defer func() { end(res, err) }()
	if err = j.find(ctx); err == nil {
		err = j.cutFor(d.opts.PartSize)
	}
	if err != nil {
		return nil, j.failed(&transferResult{}, err)
	}
	target := guardedWriterAt{&j.guard, w}
	got, err := j.fetchAll(ctx, nil, func(Section) sink { return target }, nil)
	if err == nil {
		err = j.verify(combine(got.parts))
	}
	if err != nil {
		return nil, j.failed(got, err)
	}
	return j.result(combine(got.parts), len(got.parts)), nil
}

// refusedHeaders are headers that the Downloader sets itself, or that change the bytes of the reply.
var refusedHeaders = []string{"Range", "X-Oss-Range-Behavior", "If-Match", "Accept-Encoding"}

// checkDownloadHeader returns an error for a header that would change what is downloaded.
func checkDownloadHeader(h http.Header) error {
	for name := range h {
		for _, refused := range refusedHeaders {
			if http.CanonicalHeaderKey(name) == refused {
				return fmt.Errorf("multipart: header %s is set by the Downloader", refused)
			}
		}
	}
	return nil
}
