package oss

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/ossmultipart/go-oss/internal/zerocopy"
)

// ObjectOptions are the options of PutObject and InitiateMultipartUpload, most of which become headers of the object.
// The zero value and nil are the defaults.
//
// See https://help.aliyun.com/en/oss/developer-reference/putobject
type ObjectOptions struct {
	ContentType        string    // media type; "" means that of the key's extension, or application/octet-stream
	ContentEncoding    string    // for example "gzip"
	ContentDisposition string    // for example `attachment; filename="report.pdf"`
	ContentLanguage    string    // for example "en-US"
	CacheControl       string    // for example "max-age=3600"
	Expires            time.Time // HTTP Expires header; it does not delete the object
	// Metadata is sent as x-oss-meta-* headers. Names consist of letters, digits and hyphens, and differ not only in
	// their case. Values are not empty. Names and values have at most 8 KiB together.
	Metadata        map[string]string
	Tags            map[string]string // at most 10; keys of at most 128 characters, values of at most 256
	ACL             ACL               // "" means that of the bucket
	StorageClass    StorageClass      // "" means that of the bucket
	Encryption      Encryption        // at rest; the zero value means that of the bucket
	ForbidOverwrite bool              // fail with ErrAlreadyExists if the key exists
	Header          http.Header       // further headers

	// Checksum says how PutObject verifies the bytes; the default is ChecksumMD5. Other operations refuse it:
	// multipart.Options has its own.
	Checksum Checksum
}

// ACL is the access setting of an object or a bucket: one of the constants that begin with ACL.
type ACL string

// StorageClass is the storage class of an object or a bucket: one of the constants that begin with Storage.
type StorageClass string

// Encryption is the server-side encryption of an object; the zero value means that of the bucket.
type Encryption struct {
	Algorithm     string // EncryptAES256, EncryptKMS or EncryptSM4
	KeyID         string // ID of a KMS key; "" means the default key
	DataAlgorithm string // for KMS: EncryptSM4, or "" for AES256
}

var metadataName = regexp.MustCompile(`^[A-Za-z0-9-]+$`)

// Limits of metadata and tags.
const (
	maxMetadata = 8 << 10 // bytes of all names and values together
	maxTags     = 10
	maxTagKey   = 128 // characters
	maxTagValue = 256 // characters
)

// header returns the headers of o in a new map, always with a Content-Type. It works on nil.
func (o *ObjectOptions) header(key string) (http.Header, error) {
	h, err := o.explicitHeaders()
	if err == nil && h.Get("Content-Type") == "" {
		h.Set("Content-Type", contentType(key))
	}
	return h, err
}

// explicitHeaders is header without the default Content-Type. It works on nil.
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
	if err := cmp.Or(o.ACL.check(), o.StorageClass.check(), o.Encryption.check()); err != nil {
		return nil, err
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

// checkNoBody refuses a Checksum for an operation without a body.
func (o *ObjectOptions) checkNoBody(op string) error {
	if o != nil && o.Checksum != ChecksumMD5 {
		return fmt.Errorf("oss: ObjectOptions.Checksum is for PutObject: %s has no body", op)
	}
	return nil
}

// encodeTags encodes tags as a query string sorted by key, with a space as %20, which OSS requires.
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

// A PutResult describes the object that PutObject, CopyObject or CompleteMultipartUpload has written.
type PutResult struct {
	ETag, VersionID, RequestID string      // VersionID only in versioned buckets
	CRC64                      uint64      // ECMA, of the whole object; 0 if OSS did not report it
	Header                     http.Header // of the response
	Callback                   []byte      // body of the callback server's response; nil without a callback
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

// PutObject stores body under key with one request. The body has at most MaxPartSize bytes, 5 GiB; it may be empty but
// not nil. PutObject sends the Content-MD5 of body, and compares the ETag and the CRC-64 of the reply; see
// ObjectOptions.Checksum. Corruption in transit is retried, and in the end a *ChecksumError.
//
// With ForbidOverwrite, an ErrAlreadyExists whose Attempts is above 1 may be due to this object: OSS stored it, and the
// reply to an earlier attempt was lost.
//
// See https://help.aliyun.com/en/oss/developer-reference/putobject
func (c *Client) PutObject(
	ctx context.Context, bucket, key string, body Body, opts *ObjectOptions,
) (*PutResult, error) {
	if err := CheckObjectName(bucket, key); err != nil {
		return nil, err
	}
	if isNil(body) {
		return nil, fmt.Errorf("oss: body of %s is nil", resource(bucket, key))
	}
	if body.Size() > MaxPartSize {
		return nil, fmt.Errorf("oss: object of %d bytes is more than one request may carry (%d): use package multipart",
			body.Size(), MaxPartSize)
	}
	h, err := opts.header(key)
	if err != nil {
		return nil, err
	}
	var s Checksum
	if opts != nil {
		s = opts.Checksum
	}
	var known knownSums
	if b, ok := body.(zerocopy.Summed); ok {
		if crc, ok := b.CRC64(); ok {
			known.crc64 = &crc
		}
	}
	var answer []byte
	callback := h.Get("x-oss-callback") != ""
	r := &Request{Op: "PutObject", Method: http.MethodPut, Bucket: bucket, Key: key, Header: h, Body: body}
	resp, err := c.putVerified(ctx, r, s, known, func(
		_ Operation, resp *http.Response, _ *requestBody,
	) (err error) {
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

// DeleteOptions are the options of DeleteObject. The zero value and nil are the defaults.
type DeleteOptions struct {
	VersionID string      // "" deletes the current version
	Header    http.Header // further headers
}

// DeleteObject deletes an object. It returns nil if the object does not exist. In a versioned bucket, without a
// VersionID, it adds a delete marker.
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

// versionOptions has the fields of HeadOptions and of DeleteOptions.
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
