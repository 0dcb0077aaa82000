package multipart

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ossmultipart/go-oss/internal/reqstats"
	"github.com/ossmultipart/go-oss/oss"
)

// A wholeBody is a source sent by one request. It hands out its last byte only if the source is
// still what it was, since with that byte OSS makes the object; and it notes that it did.
type wholeBody struct {
	oss.Body
	source oss.Body     // the same bytes, read without being counted
	intact func() error // nil where a source cannot change
	end    atomic.Bool
}

func (w *wholeBody) ReadAt(p []byte, off int64) (int, error) {
	return w.ReadAtContext(context.Background(), p, off)
}

func (w *wholeBody) ReadAtContext(ctx context.Context, p []byte, off int64) (n int, err error) {
	if waits, ok := w.Body.(oss.ContextBody); ok {
		n, err = waits.ReadAtContext(ctx, p, off)
	} else {
		n, err = w.Body.ReadAt(p, off)
	}
	if off+int64(n) < w.Size() {
		return n, err
	}
	if w.intact != nil {
		if err := w.intact(); err != nil {
			return 0, err
		}
	}
	w.end.Store(true)
	return n, err
}

// resolvePut finds out what a PutObject that began then and failed with cause has done. If OSS never had the whole
// body, or answered every time, there is no object; one that holds the same bytes is what was asked for. d is the
// digest that was sent, nil if none was: what a file holds by now may be something else.
func (j *job) resolvePut(ctx context.Context, began time.Time, body *wholeBody, s *sums, cause error, certain bool) (*oss.PutResult, error) {
	if certain || body.Size() > 0 && !body.end.Load() || errors.Is(cause, oss.ErrCallbackFailed) { // which says that the object exists
		return nil, cause
	}
	ask, cancel := j.u.resolveContext(ctx)
	defer cancel()
	if s == nil {
		var err error
		if s, err = j.u.sumOf(ask, body.source); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrOutcomeUnknown, cause)
		}
	}
	// Of a body that comes with its MD5 OSS stores no damaged copy.
	return j.confirmObject(ask, began, cause, j.u.opts.Checksum == oss.ChecksumMD5, func(there *oss.ObjectInfo) bool {
		if there.Size != body.Size() {
			return false
		}
		if there.CRC64 != 0 {
			return there.CRC64 == s.crc
		}
		return strings.EqualFold(strings.Trim(there.ETag, `"`), hex.EncodeToString(s.md5[:]))
	})
}

// put stores what fits into one part by one request. intact is nil where a source cannot change.
func (j *job) put(ctx context.Context, body oss.Body, intact func() error) (*Result, error) {
	opts := j.options.put
	opts.Checksum = j.u.opts.Checksum
	var s *sums
	if opts.Checksum == oss.ChecksumMD5 {
		if small, free := j.u.loadSmall(body); small != nil {
			defer free()
			var err error
			if s, err = j.u.sumOf(ctx, small); err != nil {
				return nil, j.notBegun(err)
			}
			body = small
		}
	}
	permit, err := j.u.governor.Acquire(ctx, j.waits)
	if err != nil {
		return nil, j.notBegun(err)
	}
	defer permit.Release()
	if opts.Checksum == oss.ChecksumMD5 {
		if s == nil {
			if s, err = j.u.sumOf(ctx, body); err != nil {
				return nil, j.notBegun(err)
			}
		}
		opts.Header = opts.Header.Clone()
		if opts.Header == nil {
			opts.Header = make(http.Header)
		}
		opts.Header.Set("Content-MD5", base64.StdEncoding.EncodeToString(s.md5[:]))
	}
	last := &wholeBody{Body: j.metered(body), source: body, intact: intact}
	var res *oss.PutResult
	began := time.Now()
	counted, count := reqstats.NewContext(ctx)
	err = permit.Do(counted, j.tunable(body.Size()), func(ctx context.Context) (err error) {
		res, err = j.u.client.PutObject(ctx, j.plan.Upload.Bucket, j.plan.Upload.Key, last, &opts)
		return err
	})
	if err != nil {
		res, err = j.resolvePut(ctx, began, last, s, err, count.Unanswered.Load() == 0)
	}
	if err != nil {
		return nil, j.notBegun(err)
	}
	j.meter.finish(body.Size(), 0)
	return &Result{
		ETag: res.ETag, VersionID: res.VersionID, RequestID: res.RequestID,
		CRC64: res.CRC64, Size: body.Size(), Callback: res.Callback,
	}, nil
}
