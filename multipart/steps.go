package multipart

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"

	"github.com/ossmultipart/go-oss/oss"
)

// Begin initiates an upload of size bytes, at least one, and returns its Plan for UploadParts, on this machine or
// others, and for Finish. The upload stays in OSS, and OSS bills its parts, until Finish succeeds or the upload is
// aborted. Options that later requests carry, such as an ACL or a callback, are refused, except ForbidOverwrite, which
// the Plan carries. If a lost reply may have left another upload, the logger gets a warning.
func (u *Uploader) Begin(ctx context.Context, bucket, key string, size int64, opts *oss.ObjectOptions) (Plan, error) {
	if u.err != nil {
		return Plan{}, u.err
	}
	if err := oss.CheckObjectName(bucket, key); err != nil {
		return Plan{}, err
	}
	if size < 1 {
		return Plan{}, fmt.Errorf("multipart: %d bytes cannot be uploaded in parts", size)
	}
	w, err := splitOptions(opts)
	if err != nil {
		return Plan{}, err
	}
	if w.complete.ACL != "" || len(w.complete.Header)+len(w.part.Header)+len(w.common) > 0 {
		return Plan{}, errors.New("multipart: Begin accepts no ACL, callback, payer or traffic limit, " +
			"which later requests would need")
	}
	partSize, err := partSizeFor(size, u.opts.PartSize)
	if err != nil {
		return Plan{}, err
	}
	p := newPlan(bucket, key, &w)
	p.Size, p.PartSize, p.Options = size, partSize, w.digest()
	j := u.newJob(ctx, p, w)
	if err := j.initiate(u.governed(ctx, bucket, key, nil, nil)); err != nil {
		return Plan{}, err
	}
	return j.plan, nil
}

// UploadParts uploads the numbered parts of p from src, which has the bytes of the whole object. Nil numbers mean all
// parts. It returns the stored parts, sorted by number, even if it fails. It never aborts p, because other machines may
// be uploading parts. Uploading a part again replaces it.
//
// The caller must ensure that src does not change until all parts of p are stored. UploadParts detects only a size,
// from a Size or Stat method, that is not p.Size, and an early end. Both match ErrSourceChanged.
func (u *Uploader) UploadParts(ctx context.Context, p Plan, src io.ReaderAt, numbers []int) (stored []oss.Part,
	err error) {
	j, err := u.jobOf(ctx, p)
	if err != nil {
		return nil, err
	}
	if isNil(src) {
		return nil, fmt.Errorf("multipart: source is nil (%T)", src)
	}
	if err := checkSize(p, src); err != nil {
		return nil, err
	}
	sections := p.Sections()
	if numbers != nil {
		for _, n := range numbers {
			if n < 1 || n > p.NumParts() {
				return nil, fmt.Errorf("multipart: part %d is not in a plan of %d parts", n, p.NumParts())
			}
		}
		sections = func(yield func(Section) bool) {
			for _, n := range slices.Compact(slices.Sorted(slices.Values(numbers))) {
				if !yield(p.Section(n)) {
					return
				}
			}
		}
	}
	ctx, end := j.startProgress(ctx)
	defer func() { end(nil, err) }()
	parts, stop := newRangeSource(input{at: j.guard.readerAt(src), size: p.Size}, sections)
	defer stop()
	sent, err := j.sendParts(ctx, parts)
	if err != nil {
		return sent.parts, j.kept(sent, err)
	}
	return sent.parts, nil
}

// Finish completes p and verifies the object. Nil parts mean the parts that OSS lists. The parts must be all parts of
// p, each with its size, in any order; if one is missing, Finish completes nothing. A part that was uploaded twice with
// the same bytes may occur twice. If the error is a *oss.ChecksumError for the whole object, the object exists and is
// wrong. Finish never aborts p.
//
// If UploadParts has failed, call Resume, or pass the parts that it returned to Finish, and not nil: OSS may also list
// a part whose upload failed. Unless Options.Checksum is ChecksumMD5, that part may be corrupted.
func (u *Uploader) Finish(ctx context.Context, p Plan, parts []oss.Part) (res *Result, err error) {
	j, err := u.jobOf(ctx, p)
	if err != nil {
		return nil, err
	}
	ctx, end := j.startProgress(ctx)
	defer func() { end(res, err) }()
	if parts == nil {
		if parts, err = u.list(ctx, p.Upload, nil); err != nil {
			return nil, j.kept(&transferResult{}, err)
		}
	}
	if missing := p.Missing(parts); len(missing) > 0 {
		return nil, j.kept(&transferResult{parts: parts},
			fmt.Errorf("%d of %d parts are missing or have another size, "+
				"the first is part %d", len(missing), p.NumParts(), missing[0]))
	}
	// A copy, because the slice belongs to the caller. Parts of an earlier, longer plan are removed.
	mine := slices.DeleteFunc(slices.Clone(parts), func(part oss.Part) bool { return part.Number > p.NumParts() })
	slices.SortFunc(mine, byNumber)
	mine = slices.CompactFunc(mine, func(a, b oss.Part) bool { // uploaded twice
		return a.Number == b.Number && a.ETag == b.ETag
	})
	return j.complete(ctx, &transferResult{parts: mine})
}

// jobOf returns a job that continues p and leaves it in OSS if it fails.
func (u *Uploader) jobOf(ctx context.Context, p Plan) (*job, error) {
	if u.err != nil {
		return nil, u.err
	}
	if err := oss.CheckObjectName(p.Upload.Bucket, p.Upload.Key); err != nil {
		return nil, err
	}
	switch {
	case p.Upload.ID == "":
		return nil, errors.New("multipart: plan has no upload ID")
	case p.Size < 1:
		return nil, fmt.Errorf("multipart: plan size %d is less than 1 byte", p.Size)
	case p.PartSize < u.client.MinPartSize() || p.PartSize > oss.MaxPartSize:
		return nil, fmt.Errorf("multipart: part size %d of the plan is not between %d and %d bytes",
			p.PartSize, u.client.MinPartSize(), oss.MaxPartSize)
	case p.NumParts() > oss.MaxPartNumber:
		return nil, fmt.Errorf("multipart: plan has %d parts, more than %d", p.NumParts(), oss.MaxPartNumber)
	}
	j := u.newJob(ctx, p, requestOptions{complete: oss.CompleteOptions{ForbidOverwrite: p.ForbidOverwrite}})
	j.keep = true
	return j, nil
}

// list returns the parts that OSS holds, sorted by number. header is sent with every request.
func (u *Uploader) list(ctx context.Context, up oss.Upload, header http.Header) ([]oss.Part, error) {
	var parts []oss.Part
	for part, err := range u.client.Parts(ctx, up, &oss.ListPartsOptions{Header: header}) {
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	return parts, nil
}
