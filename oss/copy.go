package oss

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/ossmultipart/go-oss/internal/ossxml"
)

// A CopySource is an existing object or a range of it.
type CopySource struct {
	Bucket, Key, VersionID string // a VersionID of "" means the current version
	Offset, Length         int64  // bytes; a Length of 0 means to the end
}

// header sets the headers of the source. An invalid source is refused here, because OSS copies the whole object for a
// range that it cannot parse.
func (s CopySource) header(h *fieldHeaders) error {
	if err := CheckObjectName(s.Bucket, s.Key); err != nil {
		return fmt.Errorf("copy source: %w", err)
	}
	if s.Offset < 0 || s.Length < 0 || s.Offset > math.MaxInt64-s.Length {
		return fmt.Errorf("oss: copy source has no range at %d of %d bytes", s.Offset, s.Length)
	}
	source := "/" + s.Bucket + "/" + escapeKey(s.Key)
	if s.VersionID != "" {
		source += "?versionId=" + url.QueryEscape(s.VersionID)
	}
	h.set("the CopySource", "x-oss-copy-source", source)
	switch {
	case s.Length > 0:
		h.set("the CopySource", "x-oss-copy-source-range", fmt.Sprintf("bytes=%d-%d", s.Offset, s.Offset+s.Length-1))
	case s.Offset > 0:
		h.set("the CopySource", "x-oss-copy-source-range", fmt.Sprintf("bytes=%d-", s.Offset))
	}
	return nil
}

// CopyPartOptions are the options of UploadPartCopy. The zero value and nil are the defaults.
type CopyPartOptions struct {
	IfMatch, IfNoneMatch string      // ETags of the source
	TrafficLimit         int64       // bits per second, from 819,200 to 838,860,800; 0 means no limit
	Header               http.Header // further headers
}

// UploadPartCopy makes a part from an existing object, or a range of it, in a bucket of the same region. OSS reports
// the number of bytes copied only for a range. The Size of the Part is 0 if the whole object was copied. A reply that
// reports another range than requested is an error.
//
// See https://help.aliyun.com/en/oss/developer-reference/uploadpartcopy
func (c *Client) UploadPartCopy(
	ctx context.Context, up Upload, number int, src CopySource, opts *CopyPartOptions,
) (Part, error) {
	if err := cmp.Or(up.check(), checkPartNumber(number)); err != nil {
		return Part{}, err
	}
	if src.Length > MaxPartSize {
		return Part{}, fmt.Errorf("oss: part %d would have %d bytes, more than %d", number, src.Length, MaxPartSize)
	}
	r := up.request("UploadPartCopy", http.MethodPut, "partNumber", strconv.Itoa(number))
	var o CopyPartOptions
	if opts != nil {
		o = *opts
	}
	h := fieldsOver(o.Header)
	h.set("IfMatch", "x-oss-copy-source-if-match", o.IfMatch)
	h.set("IfNoneMatch", "x-oss-copy-source-if-none-match", o.IfNoneMatch)
	if err := cmp.Or(h.setTrafficLimit(o.TrafficLimit), src.header(h), h.err); err != nil {
		return Part{}, err
	}
	r.Header = h.Header
	var copied *ossxml.CopiedPart
	resp, err := c.sendAndClose(ctx, r, sendOptions{slow: true, check: decodeXML(func(doc *ossxml.CopiedPart) error {
		copied = doc
		return hasETag(doc.ETag)
	})})
	if err != nil {
		return Part{}, err
	}
	size := src.Length
	if r.Header.Get("x-oss-copy-source-range") != "" {
		first, last, ok := parseContentRange(resp.Header.Get("Content-Range"))
		if !ok || last-first >= MaxPartSize || first != src.Offset ||
			src.Length > 0 && last != src.Offset+src.Length-1 {
			return Part{},
				fmt.Errorf("oss: UploadPartCopy %s part %d: range %s of the source was not honoured: copied %q",
					resource(up.Bucket, up.Key), number, r.Header.Get("x-oss-copy-source-range"),
					resp.Header.Get("Content-Range"))
		}
		size = last - first + 1
	}
	crc, _ := headerCRC(resp.Header)
	return Part{Number: number, ETag: copied.ETag, Size: size, CRC64: crc, LastModified: copied.LastModified.Time}, nil
}

// hasETag refuses a document without an ETag, which OSS always sends.
func hasETag(etag string) error {
	if etag == "" {
		return errors.New("it has no ETag")
	}
	return nil
}

// parseContentRange parses, for example, "bytes 0-102399/204800".
func parseContentRange(s string) (first, last int64, ok bool) {
	span, found := strings.CutPrefix(s, "bytes ")
	span, _, slash := strings.Cut(span, "/")
	a, b, dash := strings.Cut(span, "-")
	first, err1 := strconv.ParseInt(a, 10, 64)
	last, err2 := strconv.ParseInt(b, 10, 64)
	return first, last, found && slash && dash && err1 == nil && err2 == nil && first >= 0 && last >= first
}

// CopyOptions are the options of CopyObject. The zero value and nil are the defaults.
type CopyOptions struct {
	Object               *ObjectOptions // of the new object; nil keeps the headers, metadata and tags of the source
	IfMatch, IfNoneMatch string         // ETags of the source
	TrafficLimit         int64          // bits per second, from 819,200 to 838,860,800; 0 means no limit
	Header               http.Header    // further headers
}

// CopyObject copies a whole object of at most MaxCopySize bytes inside OSS, between buckets of the same region. For
// larger objects and for ranges use UploadPartCopy, or Uploader.Copy of package multipart, which copies objects of any
// size.
//
// See https://help.aliyun.com/en/oss/developer-reference/copyobject
func (c *Client) CopyObject(
	ctx context.Context, bucket, key string, src CopySource, opts *CopyOptions,
) (*PutResult, error) {
	if err := CheckObjectName(bucket, key); err != nil {
		return nil, err
	}
	if src.Offset != 0 || src.Length != 0 {
		return nil, errors.New("oss: CopyObject copies whole objects only: use UploadPartCopy for a range")
	}
	var o CopyOptions
	if opts != nil {
		o = *opts
	}
	h := fieldsOver(o.Header)
	if o.Object != nil {
		if err := o.Object.checkNoBody("CopyObject"); err != nil {
			return nil, err
		}
		h.merge("CopyOptions.Object.Header", o.Object.Header)
		object := *o.Object
		object.Header = h.Header
		var err error
		if h.Header, err = object.header(key); err != nil {
			return nil, err
		}
		h.set("CopyOptions.Object", "x-oss-metadata-directive", "REPLACE")
		if len(o.Object.Tags) > 0 {
			h.set("CopyOptions.Object.Tags", "x-oss-tagging-directive", "REPLACE")
		}
	}
	h.set("IfMatch", "x-oss-copy-source-if-match", o.IfMatch)
	h.set("IfNoneMatch", "x-oss-copy-source-if-none-match", o.IfNoneMatch)
	if err := cmp.Or(h.setTrafficLimit(o.TrafficLimit), src.header(h), h.err); err != nil {
		return nil, err
	}
	r := &Request{Op: "CopyObject", Method: http.MethodPut, Bucket: bucket, Key: key, Header: h.Header}
	var etag string
	resp, err := c.sendAndClose(ctx, r, sendOptions{slow: true, check: decodeXML(func(doc *ossxml.CopiedObject) error {
		etag = doc.ETag
		return hasETag(etag)
	})})
	if err != nil {
		return nil, err
	}
	result := putResult(resp)
	result.ETag = cmp.Or(result.ETag, etag)
	return result, nil
}
