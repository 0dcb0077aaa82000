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
}

// GetObject opens an object or a range of it. The caller closes Body.
//
// The bytes of a whole object are compared with the CRC-64 that OSS reports: if they differ, the last Read returns a
// *ChecksumError instead of io.EOF. Bytes are not compared if GetOptions.Header requests compression. A Read without a
// byte for Retry.Stall fails. A range that starts past the end is a *ServiceError with status 416; a range that ends
// past the end is truncated.
//
// See https://help.aliyun.com/en/oss/developer-reference/getobject
func (c *Client) GetObject(ctx context.Context, bucket, key string, opts *GetOptions) (*Object, error) {
	r, err := getRequest(bucket, key, opts)
	if err != nil {
		return nil, err
	}
	resp, err := c.send(ctx, r, sendOptions{verifyRead: true, check: requireOSS})
	if err != nil {
		return nil, err
	}
	obj := &Object{ObjectInfo: objectInfo(bucket, key, resp), Body: resp.Body}
	if resp.StatusCode == http.StatusPartialContent {
		_, total, _ := strings.Cut(resp.Header.Get("Content-Range"), "/")
		if obj.Size, err = strconv.ParseInt(total, 10, 64); err != nil || obj.Size < 0 {
			obj.Size = -1 // "*": unknown
		}
	}
	if !opts.honoredBy(r, resp) {
		resp.Body.Close()
		return nil, fmt.Errorf("oss: GetObject %s: asked for %q, got status %d with range %q",
			resource(bucket, key), r.Header.Get("Range"), resp.StatusCode, resp.Header.Get("Content-Range"))
	}
	return obj, nil
}

// honoredBy reports whether resp is the range that o requests, truncated at the end of the object, or the whole object
// if r has no range. A server that does not support ranges returns the whole object.
func (o *GetOptions) honoredBy(r *Request, resp *http.Response) bool {
	if o == nil || o.Offset == 0 && o.Length == 0 {
		return resp.StatusCode != http.StatusPartialContent || r.Header.Get("Range") != ""
	}
	if resp.StatusCode == http.StatusPartialContent {
		first, last, ok := parseContentRange(resp.Header.Get("Content-Range"))
		return ok && first == o.Offset && (o.Length == 0 || last-first < o.Length)
	}
	return o.Offset == 0 && resp.ContentLength >= 0 && resp.ContentLength <= o.Length
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
	if err := opts.Response.setIn(r.Query); err != nil {
		return nil, err
	}
	h := fieldsOver(opts.Header)
	h.set("IfMatch", "If-Match", opts.IfMatch)
	if opts.VersionID != "" {
		r.Query.Set("versionId", opts.VersionID)
	}
	switch {
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
	resp, err := c.sendAndClose(ctx, r, sendOptions{check: func(_ Operation, resp *http.Response, _ *requestBody) error {
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
