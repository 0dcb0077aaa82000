package oss

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// ObjectOptions are the headers a new object may carry; PutObject and Initiate share them.
//
// See https://help.aliyun.com/en/oss/developer-reference/putobject
type ObjectOptions struct {
	ContentType        string            // "" means by key extension, else application/octet-stream
	ContentEncoding    string            // for example "gzip"
	ContentDisposition string            // file name offered to browsers
	ContentLanguage    string            // language of the content
	CacheControl       string            // for caches and browsers
	Expires            time.Time         // HTTP Expires, not a deletion date
	Metadata           map[string]string // x-oss-meta-*: letters, digits and hyphens; values not empty; 8 KiB
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
	h, err := o.explicitHeaders()
	if err == nil && h.Get("Content-Type") == "" {
		h.Set("Content-Type", contentType(key))
	}
	return h, err
}

// asked returns the headers that were asked for, and no others. It works on nil.
func (o *ObjectOptions) explicitHeaders() (http.Header, error) {
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
	resp, err := c.putVerified(ctx, r, s, knownSums{}, func(_ Operation, resp *http.Response, _ *requestBody) (err error) {
		if !callback {
			return nil
		}
		var whole bool
		if answer, whole, err = readReply(resp, maxCallbackReply); err == nil && !whole {
			err = &permanentError{fmt.Errorf("the object is stored; its callback answered with more than %d bytes",
				maxCallbackReply)}
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
	_, err = c.sendAndClose(ctx, r, sendOptions{check: requireOSS})
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
