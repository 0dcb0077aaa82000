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
	"github.com/ossmultipart/go-oss/internal/zerocopy"
	"github.com/ossmultipart/go-oss/oss"
)

// A wholeBody is a source that one request sends. OSS creates the object when it has the last byte, so wholeBody
// returns that byte only if the source is unchanged, and records that it did.
type wholeBody struct {
	oss.Body
	source oss.Body     // the same bytes, not metered
	sums   *sums        // nil if they are not known
	intact func() error // nil if the source cannot change
	end    atomic.Bool  // the last byte was read
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

// Region implements zerocopy.Source.
func (w *wholeBody) Region(off, n int64, files bool) (zerocopy.Region, error) {
	lender, ok := w.Body.(zerocopy.Source)
	if !ok {
		return zerocopy.Region{}, nil
	}
	if w.intact != nil && off+n >= w.Size() {
		if err := w.intact(); err != nil {
			return zerocopy.Region{}, err
		}
	}
	lent, err := lender.Region(off, n, files)
	if off+lent.Size >= w.Size() {
		w.end.Store(true)
	}
	return lent, err
}

// CRC64 implements zerocopy.Summed.
func (w *wholeBody) CRC64() (crc uint64, known bool) {
	if w.sums == nil {
		return 0, false
	}
	return w.sums.crc, true
}

// resolvePut finds out what a PutObject that began at began, and failed with cause, has done. If OSS never received the
// whole body, or every attempt got an answer, it created no object. If no checksums were sent, the source is read
// again.
func (j *job) resolvePut(
	ctx context.Context, began time.Time, body *wholeBody, cause error, certain bool,
) (*oss.PutResult, error) {
	callbackFailed := errors.Is(cause, oss.ErrCallbackFailed) // so the object exists
	if certain || body.Size() > 0 && !body.end.Load() || callbackFailed {
		return nil, cause
	}
	ask, cancel := j.u.resolveContext(ctx)
	defer cancel()
	s := body.sums
	if s == nil {
		var err error
		if s, err = j.u.sumOf(ask, body.source); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrOutcomeUnknown, cause)
		}
	}
	// With a Content-MD5 OSS stores no corrupted body.
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

// put stores a source that fits in one part with one request. intact is nil if the source cannot change.
func (j *job) put(ctx context.Context, body oss.Body, intact func() error) (*Result, error) {
	opts := j.options.put
	opts.Checksum = j.u.opts.Checksum
	var s *sums
	if opts.Checksum == oss.ChecksumMD5 {
		// Before the body has a permit: the more bodies are hashed together, the less each of them costs.
		if near, free := j.u.toCombine(body); near != nil {
			defer free()
			var err error
			if s, err = j.u.sumOf(ctx, near); err != nil {
				return nil, j.notBegun(err)
			}
			body = near
		}
	}
	permit, err := j.u.governor.Acquire(ctx, j.meter.waits)
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
	t := j.newTransfer()
	last := &wholeBody{Body: t.metered(body), source: body, sums: s, intact: intact}
	var res *oss.PutResult
	began := time.Now()
	counted, count := reqstats.NewContext(ctx)
	err = permit.Do(counted, t.tunable(body.Size()), func(ctx context.Context) (err error) {
		res, err = j.u.client.PutObject(ctx, j.plan.Upload.Bucket, j.plan.Upload.Key, last, &opts)
		return err
	})
	if err != nil {
		res, err = j.resolvePut(ctx, began, last, err, count.Unanswered.Load() == 0)
	}
	if err != nil {
		return nil, j.notBegun(err)
	}
	j.meter.whole(body.Size())
	j.meter.finish(body.Size(), 0)
	return &Result{
		ETag: res.ETag, VersionID: res.VersionID, RequestID: res.RequestID,
		CRC64: res.CRC64, Size: body.Size(), Callback: res.Callback,
	}, nil
}
