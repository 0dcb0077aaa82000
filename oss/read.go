package oss

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// GetOptions are the options of GetObject. The zero value and nil are the defaults.
type GetOptions struct {
	VersionID      string      // "" means the current version
	Offset, Length int64       // bytes; a Length of 0 means to the end
	IfMatch        string      // ETag that the object must have
	Header         http.Header // further headers

	// Response overrides headers of the response. OSS refuses it in anonymous requests.
	Response ResponseHeaders
	// Suffix selects the last bytes of the object instead of Offset and Length; a shorter object is read whole.
	Suffix int64
	// Process is a process parameter, such as "image/resize,w_100". Its result is neither verified nor resumed.
	Process string
}

// ResponseHeaders override headers of the response to GetObject, for example for a presigned URL. Empty fields override
// nothing.
//
// See https://help.aliyun.com/en/oss/developer-reference/getobject
type ResponseHeaders struct {
	ContentType        string
	ContentLanguage    string
	ContentEncoding    string
	ContentDisposition string // for example `attachment; filename="report.pdf"`
	CacheControl       string
	Expires            string // an HTTP date, or any other text
}

// setIn adds the fields to the parameters of a request.
func (h *ResponseHeaders) setIn(q url.Values) error {
	for _, f := range [...]struct{ name, value string }{
		{"response-content-type", h.ContentType}, {"response-content-language", h.ContentLanguage},
		{"response-content-encoding", h.ContentEncoding}, {"response-content-disposition", h.ContentDisposition},
		{"response-cache-control", h.CacheControl}, {"response-expires", h.Expires},
	} {
		if !isHeaderValue(f.value) {
			return fmt.Errorf("oss: GetOptions.Response: %s has a control character", f.name)
		}
		if f.value != "" {
			q.Set(f.name, f.value)
		}
	}
	return nil
}

// An ObjectInfo describes a stored object.
type ObjectInfo struct {
	Bucket, Key     string            // as in the request
	Size            int64             // bytes; -1 if a compressed or partial response does not tell
	ETag, VersionID string            // the ETag includes its quotes
	CRC64           uint64            // ECMA; 0 if OSS did not report it
	ContentType     string            // as stored
	LastModified    time.Time         // in whole seconds
	Metadata        map[string]string // names in lower case, without the prefix x-oss-meta-
	Header          http.Header       // of the response
}

// An Object is an object that is being read.
type Object struct {
	ObjectInfo               // of the whole object, even if a range is read
	Body       io.ReadCloser // the requested bytes

	Offset   int64 // of the first byte of Body in the object
	Length   int64 // bytes of Body; -1 if a compressed or chunked response does not tell
	Verified bool  // the last Read of Body compares the CRC-64; false for ranges, and if OSS reports no CRC-64
}

// GetObject opens an object or a range of it. The caller closes Body.
//
// A Body whose connection breaks, or that gets no byte for Retry.Stall, continues with another request from where it
// stopped, as often as Retry allows. The count starts again after 64 KiB. A *ChangedError says that the object was
// replaced or deleted in the meantime. The CRC-64 of a whole object is compared with the one that OSS has of it: if
// they differ, the last Read returns a *ChecksumError instead of io.EOF. If Header requests compression, bytes are
// neither compared nor resumed. ctx also applies to reading Body.
//
// A range that begins past the end is a *ServiceError with status 416; one that ends there is truncated.
//
// See https://help.aliyun.com/en/oss/developer-reference/getobject
func (c *Client) GetObject(ctx context.Context, bucket, key string, opts *GetOptions) (*Object, error) {
	r, err := getRequest(bucket, key, opts)
	if err != nil {
		return nil, err
	}
	resp, err := c.send(ctx, r, sendOptions{check: requireOSS})
	if err != nil {
		return nil, err
	}
	obj := &Object{ObjectInfo: objectInfo(bucket, key, resp)}
	first, end, partial := int64(0), resp.ContentLength, resp.StatusCode == http.StatusPartialContent
	if partial {
		_, total, _ := strings.Cut(resp.Header.Get("Content-Range"), "/")
		if obj.Size, err = strconv.ParseInt(total, 10, 64); err != nil || obj.Size < 0 {
			obj.Size = -1 // "*": unknown
		}
		first, end = 0, -1
		// A reply whose body is shorter is truncated, whatever its Content-Length says.
		if from, last, ok := parseContentRange(resp.Header.Get("Content-Range")); ok && last < math.MaxInt64 {
			first, end = from, last+1
		}
	}
	if !opts.honoredBy(r, resp) {
		resp.Body.Close()
		return nil, fmt.Errorf("oss: GetObject %s: asked for %q, got status %d with range %q",
			resource(bucket, key), r.Header.Get("Range"), resp.StatusCode, resp.Header.Get("Content-Range"))
	}
	b := &objectBody{client: c, ctx: ctx, request: r, info: &obj.ObjectInfo, reply: resp.Body, at: first, end: -1}
	obj.Body, obj.Offset, obj.Length = b, first, resp.ContentLength
	if opts.transforms(r, resp) {
		return obj, nil
	}
	b.end = end
	_, told := headerCRC(resp.Header)
	obj.Verified = told && (!partial || first == 0 && b.end == obj.Size)
	b.verified = obj.Verified
	return obj, nil
}

// transforms reports whether the bytes of resp can be others than those of the object: OSS reports the CRC-64 of the
// object also where it compresses it for a caller who asks for that.
func (o *GetOptions) transforms(r *Request, resp *http.Response) bool {
	asked := r.Header.Get("Accept-Encoding")
	compressed := asked != "" && asked != "identity" && resp.Header.Get("Content-Encoding") != ""
	return o != nil && o.Process != "" || compressed || resp.Uncompressed
}

// honoredBy reports whether resp is the range o asks for, which may be truncated where the object ends, or the whole
// object if r has none. A server that knows no ranges answers with the whole object.
func (o *GetOptions) honoredBy(r *Request, resp *http.Response) bool {
	if o == nil || o.Offset == 0 && o.Length == 0 && o.Suffix == 0 {
		return resp.StatusCode != http.StatusPartialContent || r.Header.Get("Range") != ""
	}
	if resp.StatusCode != http.StatusPartialContent {
		return o.Offset == 0 && resp.ContentLength >= 0 && resp.ContentLength <= max(o.Length, o.Suffix)
	}
	first, last, ok := parseContentRange(resp.Header.Get("Content-Range"))
	if o.Suffix > 0 {
		_, total, _ := strings.Cut(resp.Header.Get("Content-Range"), "/")
		return ok && strconv.FormatInt(last+1, 10) == total && first == max(0, last+1-o.Suffix)
	}
	return ok && first == o.Offset && (o.Length == 0 || last-first < o.Length)
}

func getRequest(bucket, key string, opts *GetOptions) (*Request, error) {
	if err := CheckObjectName(bucket, key); err != nil {
		return nil, err
	}
	r := (&Request{Op: "GetObject", Method: http.MethodGet, Bucket: bucket, Key: key}).clone()
	if opts == nil {
		return r, nil
	}
	if opts.Offset < 0 || opts.Length < 0 || opts.Offset > math.MaxInt64-opts.Length {
		return nil, fmt.Errorf("oss: no object has a range at %d of %d bytes", opts.Offset, opts.Length)
	}
	if opts.Suffix < 0 || opts.Suffix > 0 && (opts.Offset != 0 || opts.Length != 0) {
		return nil, fmt.Errorf("oss: GetOptions.Suffix %d is negative, or set beside Offset and Length", opts.Suffix)
	}
	if err := opts.Response.setIn(r.Query); err != nil {
		return nil, err
	}
	h := fieldsOver(opts.Header)
	h.set("IfMatch", "If-Match", opts.IfMatch)
	if opts.VersionID != "" {
		r.Query.Set("versionId", opts.VersionID)
	}
	if opts.Process != "" {
		r.Query.Set("x-oss-process", opts.Process)
	}
	switch {
	case opts.Suffix > 0:
		h.set("Suffix", "Range", fmt.Sprintf("bytes=-%d", opts.Suffix))
	case opts.Length > 0:
		h.set("Offset and Length", "Range", fmt.Sprintf("bytes=%d-%d", opts.Offset, opts.Offset+opts.Length-1))
	case opts.Offset > 0:
		h.set("Offset", "Range", fmt.Sprintf("bytes=%d-", opts.Offset))
	}
	if h.Get("Range") != "" { // otherwise OSS returns the whole object for a range outside of it
		h.set("a Range", "x-oss-range-behavior", "standard")
	}
	if r.Header = h.Header; h.err != nil {
		return nil, h.err
	}
	return r, nil
}

func objectInfo(bucket, key string, resp *http.Response) ObjectInfo {
	crc, _ := headerCRC(resp.Header)
	modified, _ := http.ParseTime(resp.Header.Get("Last-Modified"))
	info := ObjectInfo{
		Bucket: bucket, Key: key,
		Size:         resp.ContentLength,
		ETag:         resp.Header.Get("ETag"),
		VersionID:    resp.Header.Get("x-oss-version-id"),
		CRC64:        crc,
		ContentType:  resp.Header.Get("Content-Type"),
		LastModified: modified,
		Metadata:     make(map[string]string),
		Header:       resp.Header,
	}
	for name, values := range resp.Header {
		if meta, ok := strings.CutPrefix(strings.ToLower(name), "x-oss-meta-"); ok {
			info.Metadata[meta] = strings.Join(values, ",")
		}
	}
	return info
}

// HeadOptions are the options of HeadObject. The zero value and nil are the defaults.
type HeadOptions struct {
	VersionID string      // "" means the current version
	Header    http.Header // further headers
}

// HeadObject returns the properties of an object without its bytes. If it does not exist, the error is ErrNoSuchKey.
//
// See https://help.aliyun.com/en/oss/developer-reference/headobject
func (c *Client) HeadObject(ctx context.Context, bucket, key string, opts *HeadOptions) (*ObjectInfo, error) {
	r, err := versionRequest("HeadObject", http.MethodHead, bucket, key, (*versionOptions)(opts))
	if err != nil {
		return nil, err
	}
	resp, err := c.sendAndClose(ctx, r,
		sendOptions{check: func(_ Operation, resp *http.Response, _ *requestBody) error {
			if resp.Header.Get("ETag") == "" {
				return notFromOSS(resp)
			}
			// The length of a compressed response is not known before it is sent.
			if resp.ContentLength < 0 && r.Header.Get("Accept-Encoding") == "" {
				return fmt.Errorf("status %d without a Content-Length: reply is not from OSS", resp.StatusCode)
			}
			return nil
		}})
	if err != nil {
		return nil, err
	}
	info := objectInfo(bucket, key, resp)
	return &info, nil
}
