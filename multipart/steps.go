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

// Begin initiates an upload of size bytes, at least one, and returns its Plan: what UploadParts, on this machine or
// on others, and Finish go by. What Begin has begun stays in OSS, and its parts are billed, until Finish succeeds or
// the upload is aborted. Options that concern the later requests, such as an ACL or a callback, are refused, except
// ForbidOverwrite, which the Plan carries. An upload that a lost reply may have left is logged as a warning.
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
		return Plan{}, errors.New("multipart: Begin takes no option that the requests after it would need too: an ACL, a callback, a payer, a traffic limit")
	}
	partSize, err := partSizeFor(size, u.opts.PartSize)
	if err != nil {
		return Plan{}, err
	}
	j := &job{u: u, options: w, caller: ctx, plan: Plan{Upload: oss.Upload{Bucket: bucket, Key: key}, Size: size, PartSize: partSize,
		ForbidOverwrite: w.complete.ForbidOverwrite, Options: w.digest()}}
	if err := j.initiate(u.governed(ctx, bucket, key, nil, nil)); err != nil {
		return Plan{}, err
	}
	return j.plan, nil
}

// UploadParts uploads the numbered parts of p from src, which spans the whole object; nil means all parts. On failure
// it also returns the parts that did arrive, and never aborts p: others may be at work on it. The parts are returned
// by number. Sending one again replaces it. That src stays the same until all parts of p are there is the caller's
// matter: UploadParts notices only a size, told by a Size or Stat method, that is not p's, and an end that comes
// early. Both match ErrSourceChanged.
func (u *Uploader) UploadParts(ctx context.Context, p Plan, src io.ReaderAt, numbers []int) ([]oss.Part, error) {
	j, err := u.jobOf(p)
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
				return nil, fmt.Errorf("multipart: part %d of a plan of %d", n, p.NumParts())
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
	defer end()
	parts, stop := newRangeSource(input{at: j.guard.readerAt(src), size: p.Size}, sections)
	defer stop()
	sent, err := j.transfer(ctx, parts)
	if err != nil {
		return sent.parts, j.kept(sent, err)
	}
	return sent.parts, nil
}

// Finish completes p and verifies the object. Nil parts means those OSS lists. A *oss.ChecksumError for
// the whole object means that it exists and is wrong. The parts must be all of p's, each of its size, in any
// order; if one is missing nothing is completed. One that was sent twice with the same bytes may be there twice. Finish
// never aborts p.
//
// After UploadParts has failed call Resume, or give Finish the parts it returned, not nil: OSS may also list a part
// that failed, and unless parts are sent with ChecksumMD5 that one may be damaged.
func (u *Uploader) Finish(ctx context.Context, p Plan, parts []oss.Part) (*Result, error) {
	j, err := u.jobOf(p)
	if err != nil {
		return nil, err
	}
	ctx, end := j.startProgress(ctx)
	defer end()
	if parts == nil {
		if parts, err = u.list(ctx, p.Upload, nil); err != nil {
			return nil, j.kept(&transferResult{}, err)
		}
	}
	if missing := p.Missing(parts); len(missing) > 0 {
		return nil, j.kept(&transferResult{parts: parts}, fmt.Errorf("%d of %d parts are missing or have another size, the first is part %d",
			len(missing), p.NumParts(), missing[0]))
	}
	// Copied, because the caller's slice is his; and without parts that an earlier, longer plan has left.
	mine := slices.DeleteFunc(slices.Clone(parts), func(part oss.Part) bool { return part.Number > p.NumParts() })
	slices.SortFunc(mine, byNumber)
	mine = slices.CompactFunc(mine, func(a, b oss.Part) bool { return a.Number == b.Number && a.ETag == b.ETag }) // sent by two
	return j.complete(ctx, &transferResult{parts: mine})
}

// jobOf returns a job that works on p and leaves it in OSS if it fails.
func (u *Uploader) jobOf(p Plan) (*job, error) {
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
		return nil, fmt.Errorf("multipart: plan of %d bytes", p.Size)
	case p.PartSize < u.client.MinPartSize() || p.PartSize > oss.MaxPartSize:
		return nil, fmt.Errorf("multipart: plan with a part size of %d, not %d to %d bytes", p.PartSize, u.client.MinPartSize(), oss.MaxPartSize)
	case p.NumParts() > oss.MaxPartNumber:
		return nil, fmt.Errorf("multipart: plan of %d parts, more than %d", p.NumParts(), oss.MaxPartNumber)
	}
	j := &job{u: u, plan: p, keep: true}
	j.options.complete.ForbidOverwrite = p.ForbidOverwrite
	return j, nil
}

// list returns the parts OSS holds, by number. It asks with the headers that all requests of the upload need.
func (u *Uploader) list(ctx context.Context, up oss.Upload, all http.Header) ([]oss.Part, error) {
	var parts []oss.Part
	for part, err := range u.client.Parts(ctx, up, &oss.ListPartsOptions{Header: all}) {
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	return parts, nil
}
