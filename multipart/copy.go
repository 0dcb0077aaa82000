package multipart

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/ossmultipart/go-oss/internal/tries"
	"github.com/ossmultipart/go-oss/oss"
)

// DefaultCopyPartSize is the part size of a Copy: no bytes travel, so large parts cost nothing.
const DefaultCopyPartSize int64 = 64 << 20 // bytes

// Copy builds an object from src inside OSS, part by part in parallel. The bucket must be in the same region as
// src's. What fits into one part, DefaultCopyPartSize unless Options.PartSize says otherwise, is a single CopyObject.
//
// With nil opts the new object has the source's content type, metadata and other headers, but not its tags, ACL or
// storage class; with opts it has those of opts alone. The source must not change under way: a part is copied only
// while the source has the same ETag, else the error matches ErrSourceChanged. The CRC-64 of a whole source is
// compared with that of the copy.
func (u *Uploader) Copy(ctx context.Context, bucket, key string, src oss.CopySource, opts *oss.ObjectOptions) (*Result, error) {
	if u.err != nil {
		return nil, u.err
	}
	if err := oss.CheckObjectName(bucket, key); err != nil {
		return nil, err
	}
	if src.Offset < 0 || src.Length < 0 {
		return nil, fmt.Errorf("multipart: copy source range at %d of %d bytes is negative", src.Offset, src.Length)
	}
	w, err := assign(opts)
	if err != nil {
		return nil, err
	}
	j := &job{u: u, wishes: w, keep: u.opts.KeepParts,
		plan: Plan{Upload: oss.Upload{Bucket: bucket, Key: key}, ForbidOverwrite: w.complete.ForbidOverwrite}}
	ctx = u.governed(ctx, bucket, key, w.all, nil)
	info, err := u.client.HeadObject(ctx, src.Bucket, src.Key, &oss.HeadOptions{VersionID: src.VersionID, Header: w.all})
	if err != nil {
		return nil, j.failed(fmt.Errorf("looking at the source: %w", err))
	}
	whole := src.Offset == 0 && (src.Length == 0 || src.Length == info.Size)
	if src.Length == 0 {
		src.Length = info.Size - src.Offset
	}
	if !whole && (src.Length < 1 || src.Length > info.Size-src.Offset) {
		return nil, j.failed(fmt.Errorf("the source has %d bytes, not %d from %d on", info.Size, src.Length, src.Offset))
	}
	if err := j.planCopy(src.Length); err != nil {
		return nil, err
	}
	if opts == nil {
		j.wishes.initiate = inherited(info)
	}
	ctx, end := j.watch(ctx)
	defer end()
	if whole && info.Size <= j.plan.PartSize {
		return j.copyWhole(ctx, src, info)
	}

	if err := j.initiate(ctx); err != nil {
		return nil, err
	}
	if whole {
		j.known = &info.CRC64
	}
	j.send = func(ctx context.Context, p admitted) (oss.Part, error) {
		from := src
		from.Offset, from.Length = src.Offset+p.Offset, p.Size
		return u.client.UploadPartCopy(ctx, j.plan.Upload, p.Number, from, &oss.CopyPartOptions{
			IfMatch: info.ETag, TrafficLimit: j.wishes.part.TrafficLimit, Header: j.wishes.part.Header,
		})
	}
	parts, stop := placedSource(input{}, j.plan.Sections())
	defer stop()
	sent, err := j.transfer(ctx, parts)
	if err != nil {
		return nil, j.abandon(ctx, sent, sourceChanged(err))
	}
	if !whole {
		if err := j.learnSums(ctx, sent); err != nil {
			return nil, j.abandon(ctx, sent, err)
		}
	}
	return j.complete(ctx, sent)
}

// learnSums asks OSS for the CRC-64 of the parts it copied, which the replies to copying do not tell, so that
// joining them can be checked.
func (j *job) learnSums(ctx context.Context, sent *parcels) error {
	listed, err := j.u.list(ctx, j.plan.Upload, j.wishes.all)
	if err != nil {
		return err
	}
	sums := make(map[int]oss.Part, len(listed))
	for _, part := range listed {
		sums[part.Number] = part
	}
	for i, part := range sent.parts {
		if l := sums[part.Number]; l.ETag == part.ETag && l.Size == part.Size {
			sent.parts[i].CRC64 = l.CRC64
		}
	}
	return nil
}

// planCopy cuts size bytes into parts.
func (j *job) planCopy(size int64) (err error) {
	chosen := j.u.opts.PartSize
	if chosen == 0 && size <= DefaultCopyPartSize*oss.MaxPartNumber {
		chosen = DefaultCopyPartSize
	}
	j.plan.Size = size
	j.plan.PartSize, err = partSizeFor(size, chosen)
	return err
}

// copyWhole copies a small object by one request.
func (j *job) copyWhole(ctx context.Context, src oss.CopySource, info *oss.ObjectInfo) (*Result, error) {
	permit, err := j.u.governor.Acquire(ctx, j.waits)
	if err != nil {
		return nil, j.failed(err)
	}
	defer permit.Release()
	src.Length = 0
	opts := &oss.CopyOptions{IfMatch: info.ETag, Object: &j.wishes.put}
	if j.wishes.given == nil {
		opts.Object = nil // keep what the source has
	}
	var res *oss.PutResult
	at := j.plan.Upload
	began := time.Now()
	counted, count := tries.Watch(ctx)
	err = permit.Do(counted, 0, func(ctx context.Context) (err error) {
		res, err = j.u.client.CopyObject(ctx, at.Bucket, at.Key, src, opts)
		return err
	})
	if err != nil && count.Lost.Load() > 0 {
		res, err = j.lookForObject(ctx, began, err, false, func(there *oss.ObjectInfo) bool {
			return there.Size == info.Size && there.CRC64 == info.CRC64 && info.CRC64 != 0
		})
	}
	if err == nil && res.CRC64 != 0 && info.CRC64 != 0 && res.CRC64 != info.CRC64 {
		err = &oss.ChecksumError{Op: "CopyObject", Bucket: at.Bucket, Key: at.Key, Local: info.CRC64, Remote: res.CRC64}
	}
	if err != nil {
		return nil, j.failed(sourceChanged(err))
	}
	j.meter.finish(info.Size, 0)
	return &Result{ETag: res.ETag, VersionID: res.VersionID, RequestID: res.RequestID, CRC64: res.CRC64, Size: info.Size}, nil
}

// sourceChanged names the cause of a refusal because of the source's ETag.
func sourceChanged(err error) error {
	if errors.Is(err, oss.Code("PreconditionFailed")) {
		return fmt.Errorf("%w: %w", ErrSourceChanged, err)
	}
	return err
}

// inherited are the headers that a copy in parts would lose.
func inherited(info *oss.ObjectInfo) oss.ObjectOptions {
	expires, _ := http.ParseTime(info.Header.Get("Expires")) // zero sends none
	return oss.ObjectOptions{
		ContentType:        info.ContentType,
		CacheControl:       info.Header.Get("Cache-Control"),
		ContentDisposition: info.Header.Get("Content-Disposition"),
		ContentEncoding:    info.Header.Get("Content-Encoding"),
		ContentLanguage:    info.Header.Get("Content-Language"),
		Expires:            expires,
		Metadata:           info.Metadata,
	}
}
