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

// DefaultCopyPartSize is the part size of a Copy. It is large because no bytes are transferred.
const DefaultCopyPartSize int64 = 64 << 20 // bytes

// Copy creates an object from src inside OSS, in parts that are copied in parallel. The bucket must be in the same
// region as that of src. A whole source that fits in one part, of DefaultCopyPartSize or Options.PartSize, and has at
// most oss.MaxCopySize bytes, is copied by a single CopyObject, with the same result.
//
// With nil opts the new object has the content type, metadata and other HTTP headers of the source, but not its tags,
// ACL, encryption or storage class. With opts it has only the properties in opts. Clone keeps more. The source must not
// change during the copy: a part is copied only while the source has the same ETag, otherwise the error matches
// ErrSourceChanged. The CRC-64 of a whole source is compared with that of the copy.
//
// See https://help.aliyun.com/en/oss/developer-reference/copyobject and
// https://help.aliyun.com/en/oss/developer-reference/uploadpartcopy
func (u *Uploader) Copy(
	ctx context.Context, bucket, key string, src oss.CopySource, opts *oss.ObjectOptions,
) (*Result, error) {
	return u.copy(ctx, bucket, key, src, opts, func(_ context.Context,
		info *oss.ObjectInfo) (*oss.ObjectOptions, error) {
		if opts != nil {
			return opts, nil
		}
		return inherited(info), nil
	})
}

// Clone is a Copy that keeps more properties of the source: content type, metadata and other HTTP headers, tags and
// storage class. A field of opts that is set replaces that of the source. Metadata and Tags replace all of the
// source's; an empty map removes them. The ACL and the encryption are those of opts, or else the bucket's. Unless opts
// has Tags, Clone reads the tags of the source, which needs the permission oss:GetObjectTagging.
//
// See https://help.aliyun.com/en/oss/developer-reference/getobjecttagging
func (u *Uploader) Clone(
	ctx context.Context, bucket, key string, src oss.CopySource, opts *oss.ObjectOptions,
) (*Result, error) {
	options := func(ctx context.Context, info *oss.ObjectInfo) (*oss.ObjectOptions, error) {
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
			{&o.ContentType, &all.ContentType}, {&o.CacheControl, &all.CacheControl},
			{&o.ContentDisposition, &all.ContentDisposition},
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
	}
	return u.copy(ctx, bucket, key, src, opts, options)
}

// copy copies src to an object. options returns the options of that object, given the properties of the source.
func (u *Uploader) copy(ctx context.Context, bucket, key string, src oss.CopySource, opts *oss.ObjectOptions,
	options func(context.Context, *oss.ObjectInfo) (*oss.ObjectOptions, error),
) (res *Result, err error) {
	if u.err != nil {
		return nil, u.err
	}
	if err := oss.CheckObjectName(bucket, key); err != nil {
		return nil, err
	}
	if src.Offset < 0 || src.Length < 0 {
		return nil, fmt.Errorf("multipart: copy source range at %d of %d bytes is negative", src.Offset, src.Length)
	}
	w, err := splitOptions(opts) // checked before the first request
	if err != nil {
		return nil, err
	}
	j := u.newJob(ctx, newPlan(bucket, key, &w), w)
	ctx = u.governed(ctx, bucket, key, w.common, nil)
	head := &oss.HeadOptions{VersionID: src.VersionID, Header: w.common}
	info, err := u.client.HeadObject(ctx, src.Bucket, src.Key, head)
	if err != nil {
		return nil, j.notBegun(fmt.Errorf("reading the properties of the source: %w", err))
	}
	whole := src.Offset == 0 && (src.Length == 0 || src.Length == info.Size)
	if src.Length == 0 {
		src.Length = info.Size - src.Offset
	}
	if !whole && (src.Length < 1 || src.Length > info.Size-src.Offset) {
		return nil, j.notBegun(fmt.Errorf("source has %d bytes, too few for a range of %d at %d",
			info.Size, src.Length, src.Offset))
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
	callback := j.options.complete.Header.Get("X-Oss-Callback") != "" // which CopyObject does not support
	if callback && info.Size == 0 {
		return nil, j.notBegun(errors.New("copying an empty object supports no callback"))
	}
	ctx, end := j.startProgress(ctx)
	defer func() { end(res, err) }()
	if whole && !callback && info.Size <= min(j.plan.PartSize, oss.MaxCopySize) {
		return j.copyWhole(ctx, src, info)
	}

	if err := j.initiate(ctx); err != nil {
		return nil, err
	}
	parts, stop := newRangeSource(input{}, j.plan.Sections())
	defer stop()
	plain := func(context.Context) (source, func()) { return parts, func() {} }
	sent, err := j.transfer(ctx, plain, j.copyPart(src, info.ETag))
	if err != nil {
		return nil, j.abandon(ctx, sent, sourceChanged(err))
	}
	if whole {
		sent.crc = info.CRC64
	} else if err := j.learnSums(ctx, sent); err != nil {
		return nil, j.abandon(ctx, sent, err)
	}
	return j.complete(ctx, sent)
}

// copyPart returns the sender that copies the bytes of each piece from src, while src has the ETag.
func (j *job) copyPart(src oss.CopySource, etag string) sender {
	return func(ctx context.Context, p admitted) (oss.Part, error) {
		from := src
		from.Offset, from.Length = src.Offset+p.Offset, p.Size
		return j.u.client.UploadPartCopy(ctx, j.plan.Upload, p.Number, from, &oss.CopyPartOptions{
			IfMatch: etag, Header: j.options.part.Header,
		})
	}
}

// learnSums lists the copied parts for their CRC-64, which the replies to UploadPartCopy do not have, so that the
// object can be verified.
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

// planCopy sets the part size for a copy of size bytes.
func (j *job) planCopy(size int64) (err error) {
	chosen := j.u.opts.PartSize
	if chosen == 0 && size <= DefaultCopyPartSize*oss.MaxPartNumber {
		chosen = DefaultCopyPartSize
	}
	j.plan.Size = size
	j.plan.PartSize, err = partSizeFor(size, chosen)
	return err
}

// copyWhole copies a small object with a single CopyObject.
func (j *job) copyWhole(ctx context.Context, src oss.CopySource, info *oss.ObjectInfo) (*Result, error) {
	permit, err := j.u.governor.Acquire(ctx, j.meter.waits)
	if err != nil {
		return nil, j.notBegun(err)
	}
	defer permit.Release()
	src.Length = 0
	opts := &oss.CopyOptions{IfMatch: info.ETag, Object: &j.options.put}
	if len(j.options.put.Tags) == 0 { // CopyObject sets the directive only with tags; without it OSS copies the tags
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
	j.meter.whole(info.Size)
	j.meter.finish(info.Size, 0)
	return &Result{
		ETag: res.ETag, VersionID: res.VersionID, RequestID: res.RequestID, CRC64: res.CRC64, Size: info.Size,
	}, nil
}

// sourceChanged adds ErrSourceChanged to a refusal because the ETag of the source has changed.
func sourceChanged(err error) error {
	if errors.Is(err, oss.Code("PreconditionFailed")) {
		return fmt.Errorf("%w: %w", ErrSourceChanged, err)
	}
	return err
}

// inherited returns options with the headers and the metadata of the source.
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

// maxTagging bounds the XML document of ten tags, with keys of 128 and values of 256 characters.
const maxTagging = 64 << 10 // bytes

// tagsOf reads the tags of src. header may have X-Oss-Request-Payer.
func (u *Uploader) tagsOf(ctx context.Context, src oss.CopySource, header http.Header) (map[string]string, error) {
	r := &oss.Request{
		Op: "GetObjectTagging", Method: http.MethodGet, Bucket: src.Bucket, Key: src.Key,
		Query: url.Values{"tagging": {""}},
	}
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
		return nil, fmt.Errorf("multipart: cannot decode the tags of oss://%s/%s: %w",
			src.Bucket, oneLine(src.Key), err)
	}
	tags := make(map[string]string, len(doc.Tags))
	for _, t := range doc.Tags {
		tags[t.Key] = t.Value
	}
	return tags, nil
}
