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

// GetOptions select what GetObject reads.
type GetOptions struct {
	VersionID      string      // empty means the current version
	Offset, Length int64       // bytes; Length 0 means to the end
	IfMatch        string      // ETag the object must have
	Header         http.Header // anything else

	Response ResponseHeaders // what the reply is to say in place of what is stored; not for anonymous requests
}

// ResponseHeaders replace headers of the reply to GetObject, for example of a presigned URL. Empty fields replace
// nothing.
//
// See https://help.aliyun.com/en/oss/developer-reference/getobject
type ResponseHeaders struct {
	ContentType        string
	ContentLanguage    string
	ContentEncoding    string
	ContentDisposition string // for example `attachment; filename="report.pdf"`
	CacheControl       string
	Expires            string // in the form of HTTP, or any other text
}

// setIn puts the fields into the parameters of a request.
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

// ObjectInfo describes a stored object.
type ObjectInfo struct {
	Bucket, Key     string            // as asked
	Size            int64             // bytes; -1 where a compressed or partial reply does not tell
	ETag, VersionID string            // ETag with its quotes
	CRC64           uint64            // ECMA; 0 if OSS did not say
	ContentType     string            // as stored
	LastModified    time.Time         // to the second
	Metadata        map[string]string // keys in lower case, without the x-oss-meta- prefix
	Header          http.Header       // the full reply
}

// An Object is an open object.
type Object struct {
	ObjectInfo               // of the whole object, also when a range was read
	Body       io.ReadCloser // the bytes asked for
}

// GetObject opens an object or a range of it. The caller closes Body. A whole object is compared
// with the CRC-64 that OSS keeps of it: the last Read returns a *ChecksumError instead of io.EOF
// if it differs. What Header asks to have compressed on the way cannot be compared. A Read that gets no
// byte for Retry.Stall fails. A range that begins behind the end is a *ServiceError with status 416;
// one that ends there is cut.
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
			obj.Size = -1 // "*", where the sender does not know
		}
	}
	if !opts.honoredBy(r, resp) {
		resp.Body.Close()
		return nil, fmt.Errorf("oss: GetObject %s: asked for %q, got status %d with range %q",
			resource(bucket, key), r.Header.Get("Range"), resp.StatusCode, resp.Header.Get("Content-Range"))
	}
	return obj, nil
}

// honoured reports whether resp is the range o asks for, which may be cut where the object ends, or the whole object if
// r has none. What knows no ranges answers with the whole object.
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
	if h.Get("Range") != "" { // else OSS answers a range that does not fit with the whole object
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

// HeadOptions are the extras of HeadObject.
type HeadOptions struct {
	VersionID string      // empty means the current version
	Header    http.Header // anything else
}

// HeadObject describes an object without reading it. A missing one is ErrNoSuchKey.
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
		// The length of a compressed object is not known before it is sent.
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
