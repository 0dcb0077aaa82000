package multipart

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/ossmultipart/go-oss/internal/crc64"
	"github.com/ossmultipart/go-oss/oss"
)

// Concat creates an object inside OSS that has the bytes of the sources, one after another. Each source is an object or
// a range of one, in the same region, and may be empty. If a source is too small to be a part of its own, up to 100
// KiB, of it and of those that follow, are read and uploaded as one part. Concat transfers no other bytes.
//
// The object has the properties in opts, and none of the sources. The sources must not change during the call: parts
// are made only while each has the same ETag, otherwise the error matches ErrSourceChanged. The CRC-64 of the object is
// compared with the combination of those of the sources, or of the parts if there are ranges. If Concat fails, its
// upload is aborted, and the error is an *UploadError.
//
// See https://help.aliyun.com/en/oss/developer-reference/uploadpartcopy
func (u *Uploader) Concat(
	ctx context.Context, bucket, key string, sources []oss.CopySource, opts *oss.ObjectOptions,
) (res *Result, err error) {
	if u.err != nil {
		return nil, u.err
	}
	if err := oss.CheckObjectName(bucket, key); err != nil {
		return nil, err
	}
	if len(sources) == 0 {
		return nil, errors.New("multipart: there is no source to concatenate")
	}
	for _, src := range sources {
		if err := oss.CheckObjectName(src.Bucket, src.Key); err != nil {
			return nil, err
		}
		if src.Offset < 0 || src.Length < 0 {
			return nil, fmt.Errorf("multipart: range of a source at %d of %d bytes is negative", src.Offset, src.Length)
		}
	}
	w, err := splitOptions(opts)
	if err != nil {
		return nil, err
	}
	j := u.newJob(ctx, newPlan(bucket, key, &w), w)
	j.keep = false // nothing could continue it
	ctx = u.governed(ctx, bucket, key, w.common, nil)
	all, crc, err := j.inspectSources(ctx, sources)
	if err != nil {
		return nil, j.notBegun(err)
	}
	joints, err := j.planConcat(all)
	if err != nil {
		return nil, j.notBegun(err)
	}
	ctx, end := j.startProgress(ctx)
	defer func() { end(res, err) }()
	if len(joints) == 0 {
		return j.put(ctx, bytes.NewReader(nil), nil)
	}
	if err := j.initiate(ctx); err != nil {
		return nil, err
	}
	parts, stop := newRangeSource(input{}, slices.Values(j.grown))
	defer stop()
	plain := func(context.Context) (source, func()) { return parts, func() {} }
	sent, err := j.transfer(ctx, plain, j.makeJoint(joints))
	if err == nil && crc == 0 {
		err = j.learnSums(ctx, sent)
	}
	if err != nil {
		return nil, j.abandon(ctx, sent, sourceChanged(err))
	}
	sent.crc = crc
	return j.complete(ctx, sent)
}

// A span is a range of a source that exists.
type span struct {
	oss.CopySource
	etag string
}

// inspectSources returns the ranges of the sources that are not empty, and the CRC-64 of all bytes, or 0 if it is
// unknown.
func (j *job) inspectSources(ctx context.Context, sources []oss.CopySource) (all []span, crc uint64, err error) {
	known := true
	for _, src := range sources {
		head := &oss.HeadOptions{VersionID: src.VersionID, Header: j.options.common}
		info, err := j.u.client.HeadObject(ctx, src.Bucket, src.Key, head)
		if err != nil {
			return nil, 0, fmt.Errorf("reading the properties of a source: %w", err)
		}
		if src.Offset > info.Size || src.Length > info.Size-src.Offset {
			return nil, 0, fmt.Errorf("source oss://%s/%s has %d bytes, too few for a range of %d at %d",
				src.Bucket, oneLine(src.Key), info.Size, src.Length, src.Offset)
		}
		if src.Length == 0 {
			src.Length = info.Size - src.Offset
		}
		if src.Length == 0 {
			continue
		}
		all = append(all, span{src, info.ETag})
		known = known && info.CRC64 != 0 && src.Length == info.Size
		crc = crc64.Combine(crc, info.CRC64, info.Size)
	}
	if !known {
		crc = 0
	}
	return all, crc, nil
}

// planConcat sets the sections of the object of all, and returns the spans of each.
func (j *job) planConcat(all []span) (joints [][]span, err error) {
	total := int64(0)
	for _, s := range all {
		if s.Length > oss.MaxPartSize*oss.MaxPartNumber-total {
			return nil, errors.New("the sources have more bytes than an object can")
		}
		total += s.Length
	}
	if err := j.planCopy(total); err != nil {
		return nil, err
	}
	size := j.plan.PartSize
	for {
		joints, j.grown = cutSpans(all, size, j.u.client.MinPartSize())
		if len(joints) <= oss.MaxPartNumber {
			return joints, nil
		}
		if size >= oss.MaxPartSize || j.u.opts.PartSize != 0 {
			return nil, fmt.Errorf("the sources become %d parts, more than %d", len(joints), oss.MaxPartNumber)
		}
		size = min(2*size, oss.MaxPartSize)
	}
}

// cutSpans cuts all into the spans of parts, and also returns the sections of the parts. A part has one span. If a span
// has fewer than least bytes left, a part has least bytes of several spans. Only the last part may be smaller.
func cutSpans(all []span, size, least int64) (joints [][]span, sections []Section) {
	var joint []span
	var offset, have int64 // of the part; in joint
	for i, rest := range all {
		for rest.Length > 0 {
			n := min(size, rest.Length)
			if have > 0 || n < least {
				n = min(least-have, rest.Length)
			}
			taken := rest
			taken.Length = n
			joint, have = append(joint, taken), have+n
			rest.Offset, rest.Length = rest.Offset+n, rest.Length-n
			if have >= least || i == len(all)-1 && rest.Length == 0 {
				joints = append(joints, joint)
				sections = append(sections, Section{Number: len(joints), Offset: offset, Size: have})
				joint, offset, have = nil, offset+have, 0
			}
		}
	}
	return joints, sections
}

// makeJoint returns the sender that makes each part of its spans: of one by copying it, of several by uploading them.
func (j *job) makeJoint(joints [][]span) sender {
	return func(ctx context.Context, p admitted) (oss.Part, error) {
		spans := joints[p.Number-1]
		if len(spans) == 1 {
			return j.u.client.UploadPartCopy(ctx, j.plan.Upload, p.Number, spans[0].CopySource, &oss.CopyPartOptions{
				IfMatch: spans[0].etag, Header: j.options.part.Header,
			})
		}
		content := make([]byte, 0, p.Size)
		for _, s := range spans {
			var err error
			if content, err = j.appendSpan(ctx, content, s); err != nil {
				return oss.Part{}, err
			}
		}
		opts := j.options.part
		opts.Checksum = j.u.opts.Checksum
		return j.u.client.UploadPart(ctx, j.plan.Upload, p.Number, bytes.NewReader(content), &opts)
	}
}

// appendSpan reads a span.
func (j *job) appendSpan(ctx context.Context, content []byte, s span) ([]byte, error) {
	object, err := j.u.client.GetObject(ctx, s.Bucket, s.Key, &oss.GetOptions{
		VersionID: s.VersionID, Offset: s.Offset, Length: s.Length, IfMatch: s.etag, Header: j.options.common,
	})
	if err != nil {
		return nil, err
	}
	defer object.Body.Close()
	begin := len(content)
	content = content[:begin+int(s.Length)]
	_, err = io.ReadFull(object.Body, content[begin:])
	return content, err
}
