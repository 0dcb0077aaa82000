package multipart

import (
	"cmp"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/ossmultipart/go-oss/internal/reqstats"
	"github.com/ossmultipart/go-oss/oss"
)

// DefaultCopyPartSize is the part size of a Copy: no bytes travel, so large parts cost nothing.
const DefaultCopyPartSize int64 = 64 << 20 // bytes

// Copy builds an object from src inside OSS, part by part in parallel. The bucket must be in the same region as src's.
// A whole source that fits in one part, DefaultCopyPartSize unless Options.PartSize says otherwise, and has at most
// oss.MaxCopySize bytes is copied by a single CopyObject, with the same result.
//
// With nil opts the new object has the source's content type, metadata and other HTTP headers, and not its tags, ACL,
// encryption or storage class; with opts it has those of opts alone. Clone keeps more. The source must not change under
// way: a part is copied only while the source has the same ETag, else the error matches ErrSourceChanged. The CRC-64 of
// a whole source is compared with that of the copy.
//
// See https://help.aliyun.com/en/oss/developer-reference/copyobject
// and https://help.aliyun.com/en/oss/developer-reference/uploadpartcopy
func (u *Uploader) Copy(ctx context.Context, bucket, key string, src oss.CopySource, opts *oss.ObjectOptions) (*Result, error) {
	return u.copy(ctx, bucket, key, src, opts, func(_ context.Context, info *oss.ObjectInfo) (*oss.ObjectOptions, error) {
		if opts != nil {
			return opts, nil
		}
		return inherited(info), nil
	})
}

// Clone is Copy with all that the source has: content type, metadata and other HTTP headers, tags and storage class. A
// field of opts that is set replaces that of the source; Metadata and Tags replace all of the source's, with an empty
// map by none. The ACL and the encryption are those of opts, or else the bucket's. The source's tags are asked for,
// which takes the permission oss:GetObjectTagging, unless opts has Tags.
//
// See https://help.aliyun.com/en/oss/developer-reference/getobjecttagging
func (u *Uploader) Clone(ctx context.Context, bucket, key string, src oss.CopySource, opts *oss.ObjectOptions) (*Result, error) {
	return u.copy(ctx, bucket, key, src, opts, func(ctx context.Context, info *oss.ObjectInfo) (*oss.ObjectOptions, error) {
		all := inherited(info)
		all.StorageClass = oss.StorageClass(info.Header.Get("x-oss-storage-class"))
		var o oss.ObjectOptions
		if opts != nil {
			o = *opts
		}
		if o.Tags == nil {
			var err error
			if o.Tags, err = u.tagsOf(ctx, src, o.Header); err != nil {
				return nil, fmt.Errorf("reading the tags of the source: %w", err)
			}
		}
		for _, f := range []struct{ own, source *string }{
			{&o.ContentType, &all.ContentType}, {&o.CacheControl, &all.CacheControl}, {&o.ContentDisposition, &all.ContentDisposition},
			{&o.ContentEncoding, &all.ContentEncoding}, {&o.ContentLanguage, &all.ContentLanguage},
			{(*string)(&o.StorageClass), (*string)(&all.StorageClass)},
		} {
			*f.own = cmp.Or(*f.own, *f.source)
		}
		if o.Metadata == nil {
			o.Metadata = all.Metadata
		}
		if o.Expires.IsZero() {
			o.Expires = all.Expires
		}
		return &o, nil
	})
}

// copy copies src to an object with the options that the last function makes of opts and the source.
func (u *Uploader) copy(ctx context.Context, bucket, key string, src oss.CopySource, opts *oss.ObjectOptions,
	options func(context.Context, *oss.ObjectInfo) (*oss.ObjectOptions, error),
) (*Result, error) {
	if u.err != nil {
		return nil, u.err
	}
	if err := oss.CheckObjectName(bucket, key); err != nil {
		return nil, err
	}
	if src.Offset < 0 || src.Length < 0 {
		return nil, fmt.Errorf("multipart: copy source range at %d of %d bytes is negative", src.Offset, src.Length)
	}
	w, err := splitOptions(opts) // to refuse what is wrong before the first request
	if err != nil {
		return nil, err
	}
	j := &job{u: u, options: w, keep: u.opts.KeepParts, caller: ctx,
		plan: Plan{Upload: oss.Upload{Bucket: bucket, Key: key}, ForbidOverwrite: w.complete.ForbidOverwrite}}
	ctx = u.governed(ctx, bucket, key, w.common, nil)
	info, err := u.client.HeadObject(ctx, src.Bucket, src.Key, &oss.HeadOptions{VersionID: src.VersionID, Header: w.common})
	if err != nil {
		return nil, j.notBegun(fmt.Errorf("looking at the source: %w", err))
	}
	whole := src.Offset == 0 && (src.Length == 0 || src.Length == info.Size)
	if src.Length == 0 {
		src.Length = info.Size - src.Offset
	}
	if !whole && (src.Length < 1 || src.Length > info.Size-src.Offset) {
		return nil, j.notBegun(fmt.Errorf("the source has %d bytes, not %d from %d on", info.Size, src.Length, src.Offset))
	}
	if err := j.planCopy(src.Length); err != nil {
		return nil, err
	}
	if opts, err = options(ctx, info); err != nil {
		return nil, j.notBegun(err)
	}
	if j.options, err = splitOptions(opts); err != nil {
		return nil, err
	}
	callback := j.options.complete.Header.Get("X-Oss-Callback") != "" // CopyObject has none; CompleteMultipartUpload has
	if callback && info.Size == 0 {
		return nil, j.notBegun(errors.New("the copy of an empty object has no callback"))
	}
	ctx, end := j.startProgress(ctx)
	defer end()
	if whole && !callback && info.Size <= min(j.plan.PartSize, oss.MaxCopySize) {
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
			IfMatch: info.ETag, Header: j.options.part.Header,
		})
	}
	parts, stop := newRangeSource(input{}, j.plan.Sections())
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
func (j *job) learnSums(ctx context.Context, sent *transferResult) error {
	listed, err := j.u.list(ctx, j.plan.Upload, j.options.common)
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
		return nil, j.notBegun(err)
	}
	defer permit.Release()
	src.Length = 0
	opts := &oss.CopyOptions{IfMatch: info.ETag, Object: &j.options.put}
	if len(j.options.put.Tags) == 0 { // else CopyObject says so itself; without it OSS keeps the tags of the source
		opts.Header = http.Header{"X-Oss-Tagging-Directive": {"REPLACE"}}
	}
	var res *oss.PutResult
	at := j.plan.Upload
	began := time.Now()
	counted, count := reqstats.NewContext(ctx)
	err = permit.Do(counted, 0, func(ctx context.Context) (err error) {
		res, err = j.u.client.CopyObject(ctx, at.Bucket, at.Key, src, opts)
		return err
	})
	if err != nil && count.Unanswered.Load() > 0 {
		res, err = j.confirmObject(ctx, began, err, false, func(there *oss.ObjectInfo) bool {
			return there.Size == info.Size && there.CRC64 == info.CRC64 && info.CRC64 != 0
		})
	}
	if err == nil && res.CRC64 != 0 && info.CRC64 != 0 && res.CRC64 != info.CRC64 {
		err = &oss.ChecksumError{Op: "CopyObject", Bucket: at.Bucket, Key: at.Key, Local: info.CRC64, Remote: res.CRC64}
	}
	if err != nil {
		return nil, j.notBegun(sourceChanged(err))
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

// inherited are the options of an object with the headers and the metadata of the source.
func inherited(info *oss.ObjectInfo) *oss.ObjectOptions {
	expires, _ := http.ParseTime(info.Header.Get("Expires")) // zero sends none
	return &oss.ObjectOptions{
		ContentType:        info.ContentType,
		CacheControl:       info.Header.Get("Cache-Control"),
		ContentDisposition: info.Header.Get("Content-Disposition"),
		ContentEncoding:    info.Header.Get("Content-Encoding"),
		ContentLanguage:    info.Header.Get("Content-Language"),
		Expires:            expires,
		Metadata:           info.Metadata,
	}
}

// maxTagging is more than the document of ten tags, of 128 and 256 characters each, takes.
const maxTagging = 64 << 10 // bytes

// tagsOf asks for the tags of src. header may name a payer.
func (u *Uploader) tagsOf(ctx context.Context, src oss.CopySource, header http.Header) (map[string]string, error) {
	r := &oss.Request{Op: "GetObjectTagging", Method: http.MethodGet, Bucket: src.Bucket, Key: src.Key, Query: url.Values{"tagging": {""}}}
	if src.VersionID != "" {
		r.Query.Set("versionId", src.VersionID)
	}
	if payer := header.Get("X-Oss-Request-Payer"); payer != "" {
		r.Header = http.Header{"X-Oss-Request-Payer": {payer}}
	}
	resp, err := u.client.Do(ctx, r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var doc struct {
		XMLName xml.Name `xml:"Tagging"`
		Tags    []struct {
			Key, Value string
		} `xml:"TagSet>Tag"`
	}
	if err := xml.NewDecoder(io.LimitReader(resp.Body, maxTagging)).Decode(&doc); err != nil {
		return nil, fmt.Errorf("multipart: the tags of oss://%s/%s are unreadable: %w", src.Bucket, oneLine(src.Key), err)
	}
	tags := make(map[string]string, len(doc.Tags))
	for _, t := range doc.Tags {
		tags[t.Key] = t.Value
	}
	return tags, nil
}
