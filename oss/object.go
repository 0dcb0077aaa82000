package oss

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/ossmultipart/go-oss/internal/ossxml"
)

// ObjectOptions are the headers a new object may carry; PutObject and Initiate share them.
//
// See https://help.aliyun.com/en/oss/developer-reference/putobject
type ObjectOptions struct {
	ContentType        string            // "" means by key extension, the same on every machine, else application/octet-stream
	ContentEncoding    string            // for example "gzip"
	ContentDisposition string            // file name offered to browsers
	ContentLanguage    string            // language of the content
	CacheControl       string            // for caches and browsers
	Expires            time.Time         // HTTP Expires, not a deletion date
	Metadata           map[string]string // sent as x-oss-meta-*; names of letters, digits and hyphens, values not empty; 8 KiB in all
	Tags               map[string]string // object tags, at most 10
	ACL                ACL               // "" leaves it to the bucket
	StorageClass       StorageClass      // "" leaves it to the bucket
	Encryption         Encryption        // at rest
	ForbidOverwrite    bool              // fail with ErrAlreadyExists if the key exists
	Header             http.Header       // anything else, sent as given

	Checksum Checksum // of PutObject's body; an Uploader has its own, for parts and objects alike
}

// ACL is an object's access setting, such as "private".
type ACL string

// StorageClass is an object's storage class, such as "IA".
type StorageClass string

// Encryption asks for encryption at rest; the zero value leaves it to the bucket.
type Encryption struct {
	Algorithm     string // "AES256", "KMS" or "SM4"
	KeyID         string // KMS key; empty means the default key
	DataAlgorithm string // for KMS: "SM4", or empty for AES256
}

var metadataName = regexp.MustCompile(`^[A-Za-z0-9-]+$`)

// Limits of what an object carries beside its bytes.
const (
	maxMetadata = 8 << 10 // bytes of all names and values
	maxTags     = 10
	maxTagKey   = 128 // characters
	maxTagValue = 256 // characters
)

// header returns the headers o stands for, on a map of its own, with a Content-Type in any case. It works on nil.
func (o *ObjectOptions) header(key string) (http.Header, error) {
	h, err := o.asked()
	if err == nil && h.Get("Content-Type") == "" {
		h.Set("Content-Type", contentType(key))
	}
	return h, err
}

// asked returns the headers that were asked for, and no others. It works on nil.
func (o *ObjectOptions) asked() (http.Header, error) {
	if o == nil {
		o = new(ObjectOptions)
	}
	h := fieldsOver(o.Header)
	h.set("ContentType", "Content-Type", o.ContentType)
	h.set("ContentEncoding", "Content-Encoding", o.ContentEncoding)
	h.set("ContentDisposition", "Content-Disposition", o.ContentDisposition)
	h.set("ContentLanguage", "Content-Language", o.ContentLanguage)
	h.set("CacheControl", "Cache-Control", o.CacheControl)
	if !o.Expires.IsZero() {
		h.set("Expires", "Expires", o.Expires.UTC().Format(http.TimeFormat))
	}
	h.set("ACL", "x-oss-object-acl", string(o.ACL))
	h.set("StorageClass", "x-oss-storage-class", string(o.StorageClass))
	h.set("Encryption.Algorithm", "x-oss-server-side-encryption", o.Encryption.Algorithm)
	h.set("Encryption.KeyID", "x-oss-server-side-encryption-key-id", o.Encryption.KeyID)
	h.set("Encryption.DataAlgorithm", "x-oss-server-side-data-encryption", o.Encryption.DataAlgorithm)
	if e := o.Encryption; e.Algorithm != "KMS" && (e.KeyID != "" || e.DataAlgorithm != "") {
		return nil, fmt.Errorf("oss: Encryption.KeyID and DataAlgorithm are for the Algorithm \"KMS\", not %q", e.Algorithm)
	}
	h.setFlag("ForbidOverwrite", "x-oss-forbid-overwrite", o.ForbidOverwrite)
	tags, err := encodeTags(o.Tags)
	if err != nil {
		return nil, err
	}
	h.set("Tags", "x-oss-tagging", tags)
	size, seen := 0, make(map[string]bool)
	for name, value := range o.Metadata {
		if !metadataName.MatchString(name) {
			return nil, fmt.Errorf("oss: metadata name %q is not made of letters, digits and hyphens only", name)
		}
		lower := strings.ToLower(name)
		if seen[lower] {
			return nil, fmt.Errorf("oss: metadata names differ from %q in their case only", lower)
		}
		seen[lower] = true
		if h.set("Metadata", "x-oss-meta-"+name, value); value == "" {
			h.Set("x-oss-meta-"+name, "")
		}
		size += len(name) + len(value)
	}
	if size > maxMetadata {
		return nil, fmt.Errorf("oss: metadata has %d bytes, more than %d", size, maxMetadata)
	}
	return h.Header, h.err
}

// checkNoBody refuses a Checksum where there are no bytes to sum.
func (o *ObjectOptions) checkNoBody(op string) error {
	if o != nil && o.Checksum != ChecksumMD5 {
		return fmt.Errorf("oss: ObjectOptions.Checksum is for PutObject: %s has no body", op)
	}
	return nil
}

// encodeTags writes tags as a query string, in the order of their keys, but a space as %20: OSS asks for that.
//
// See https://help.aliyun.com/en/oss/user-guide/0010-00000216
func encodeTags(tags map[string]string) (string, error) {
	if len(tags) > maxTags {
		return "", fmt.Errorf("oss: %d tags are more than %d", len(tags), maxTags)
	}
	q := make(url.Values, len(tags))
	for k, v := range tags {
		if n := len([]rune(k)); n < 1 || n > maxTagKey {
			return "", fmt.Errorf("oss: tag key %q has %d characters, not 1 to %d", k, n, maxTagKey)
		}
		if n := len([]rune(v)); n > maxTagValue {
			return "", fmt.Errorf("oss: value of tag %q has %d characters, more than %d", k, n, maxTagValue)
		}
		q.Set(k, v)
	}
	return strings.ReplaceAll(q.Encode(), "+", "%20"), nil
}

// A PutResult describes the object PutObject or CompleteMultipartUpload just wrote.
type PutResult struct {
	ETag, VersionID, RequestID string      // VersionID only in versioned buckets
	CRC64                      uint64      // ECMA, of the whole object; 0 if OSS did not say
	Header                     http.Header // the full reply
	Callback                   []byte      // body of the callback's answer, if one was asked for
}

func putResult(resp *http.Response) *PutResult {
	crc, _ := headerCRC(resp.Header)
	return &PutResult{
		ETag:      resp.Header.Get("ETag"),
		VersionID: resp.Header.Get("x-oss-version-id"),
		RequestID: resp.Header.Get("x-oss-request-id"),
		CRC64:     crc,
		Header:    resp.Header,
	}
}

// PutObject stores body, of at most 5 GiB, under key in one request. Like a part it is sent with
// its Content-MD5, and its CRC-64 and ETag are checked against the reply; damage is retried and at
// last a *ChecksumError. A nil body is an error; an empty object takes an empty Body. With ForbidOverwrite,
// an ErrAlreadyExists with Attempts above 1 can be due to this very object: the reply to an earlier attempt was lost.
//
// See https://help.aliyun.com/en/oss/developer-reference/putobject
func (c *Client) PutObject(ctx context.Context, bucket, key string, body Body, opts *ObjectOptions) (*PutResult, error) {
	if err := CheckObjectName(bucket, key); err != nil {
		return nil, err
	}
	if isNil(body) {
		return nil, fmt.Errorf("oss: body of %s is nil", resource(bucket, key))
	}
	if body.Size() > MaxPartSize {
		return nil, fmt.Errorf("oss: object of %d bytes is more than one request may carry (%d): use package multipart", body.Size(), MaxPartSize)
	}
	h, err := opts.header(key)
	if err != nil {
		return nil, err
	}
	var s Checksum
	if opts != nil {
		s = opts.Checksum
	}
	var answer []byte
	callback := h.Get("x-oss-callback") != ""
	r := &Request{Op: "PutObject", Method: http.MethodPut, Bucket: bucket, Key: key, Header: h, Body: body}
	resp, err := c.store(ctx, r, s, sums{}, func(_ Operation, resp *http.Response, _ *outgoing) (err error) {
		if !callback {
			return nil
		}
		var whole bool
		if answer, whole, err = readReply(resp, maxCallbackReply); err == nil && !whole {
			err = &permanentError{fmt.Errorf("the object is stored; its callback answered with more than %d bytes", maxCallbackReply)}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	result := putResult(resp)
	result.Callback = answer
	return result, nil
}

// CopyOptions are the extras of CopyObject.
type CopyOptions struct {
	Object               *ObjectOptions // of the new object; nil keeps the source's headers and metadata
	IfMatch, IfNoneMatch string         // ETags of the source
	TrafficLimit         int64          // bits per second, 819,200 to 838,860,800; 0 means none
	Header               http.Header    // anything else
}

// CopyObject copies a whole object, of at most MaxCopySize, inside OSS, between buckets of the same region. For larger ones
// and for ranges there is UploadPartCopy, and Uploader.Copy in package multipart, which knows which to take.
//
// See https://help.aliyun.com/en/oss/developer-reference/copyobject
func (c *Client) CopyObject(ctx context.Context, bucket, key string, src CopySource, opts *CopyOptions) (*PutResult, error) {
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
	resp, err := c.finish(ctx, r, terms{slow: true, check: decodes(func(doc *ossxml.CopiedObject) error {
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

// GetOptions select what GetObject reads.
type GetOptions struct {
	VersionID      string      // empty means the current version
	Offset, Length int64       // bytes; Length 0 means to the end
	IfMatch        string      // ETag the object must have
	Header         http.Header // anything else

	Response ResponseHeaders // what the reply is to say in place of what is stored; not for anonymous requests
}

// ResponseHeaders replace headers of the reply to GetObject, for example of a presigned URL. Empty fields replace nothing.
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
	Size            int64             // bytes; -1 where a reply compressed on the way, or a part of an object, does not tell
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
	resp, err := c.send(ctx, r, terms{verify: true, check: isFromOSS})
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
	if !opts.honoured(r, resp) {
		resp.Body.Close()
		return nil, fmt.Errorf("oss: GetObject %s: asked for %q, got status %d with range %q",
			resource(bucket, key), r.Header.Get("Range"), resp.StatusCode, resp.Header.Get("Content-Range"))
	}
	return obj, nil
}

// honoured reports whether resp is the range o asks for, which may be cut where the object ends, or the whole object if r
// has none. What knows no ranges answers with the whole object.
func (o *GetOptions) honoured(r *Request, resp *http.Response) bool {
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
	resp, err := c.finish(ctx, r, terms{check: func(_ Operation, resp *http.Response, _ *outgoing) error {
		if resp.Header.Get("ETag") == "" {
			return notFromOSS(resp)
		}
		if resp.ContentLength < 0 && r.Header.Get("Accept-Encoding") == "" { // else it may be that of a compressed object
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

// DeleteOptions are the extras of DeleteObject.
type DeleteOptions struct {
	VersionID string      // empty deletes the current version
	Header    http.Header // anything else
}

// DeleteObject removes an object. A key already gone is not an error. In a versioned bucket, without
// a VersionID, it puts a delete marker on top.
//
// See https://help.aliyun.com/en/oss/developer-reference/deleteobject
func (c *Client) DeleteObject(ctx context.Context, bucket, key string, opts *DeleteOptions) error {
	r, err := versionRequest("DeleteObject", http.MethodDelete, bucket, key, (*versionOptions)(opts))
	if err != nil {
		return err
	}
	_, err = c.finish(ctx, r, terms{check: isFromOSS})
	if errors.Is(err, ErrNoSuchKey) {
		return nil
	}
	return err
}

// versionOptions is what HeadOptions and DeleteOptions both are.
type versionOptions struct {
	VersionID string
	Header    http.Header
}

func versionRequest(op, method, bucket, key string, opts *versionOptions) (*Request, error) {
	if err := CheckObjectName(bucket, key); err != nil {
		return nil, err
	}
	r := (&Request{Op: op, Method: method, Bucket: bucket, Key: key}).clone()
	if opts != nil {
		addHeader(r.Header, opts.Header)
		if opts.VersionID != "" {
			r.Query.Set("versionId", opts.VersionID)
		}
	}
	return r, nil
}
