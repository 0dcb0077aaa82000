package oss

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ossmultipart/go-oss/internal/ossxml"
)

// An Upload identifies a multipart upload. It is plain data: it can be marshalled, stored and sent to another machine.
type Upload struct {
	Bucket string `json:"bucket"`   // destination bucket
	Key    string `json:"key"`      // destination key
	ID     string `json:"uploadId"` // upload ID, chosen by OSS
}

// String returns "oss://bucket/key?uploadId=ID" in one line. Unprintable characters are escaped as in Go.
func (u Upload) String() string {
	return "oss://" + oneLine(u.Bucket) + "/" + oneLine(u.Key) + "?uploadId=" + oneLine(u.ID)
}

// check refuses an Upload that OSS would take for something else: aborting one without an ID would delete the object.
func (u Upload) check() error {
	if err := CheckObjectName(u.Bucket, u.Key); err != nil {
		return err
	}
	if err := checkUploadID(u.ID); err != nil {
		return fmt.Errorf("oss: upload of %s %w", resource(u.Bucket, u.Key), err)
	}
	return nil
}

// maxUploadID is far more than the 32 bytes of an upload ID. The ID is part of a URL.
const maxUploadID = 1 << 10

// checkUploadID returns what is wrong with an ID, as the end of a sentence about its upload.
func checkUploadID(id string) error {
	switch {
	case id == "":
		return errors.New("has no upload ID")
	case len(id) > maxUploadID:
		return fmt.Errorf("has an upload ID of %d bytes, more than %d", len(id), maxUploadID)
	}
	return nil
}

// A Part is an uploaded part, as UploadPart and ListParts return it and CompleteMultipartUpload needs it.
type Part struct {
	Number       int       `json:"number"`                 // 1 to MaxPartNumber
	ETag         string    `json:"etag"`                   // including its quotes
	Size         int64     `json:"size"`                   // bytes
	CRC64        uint64    `json:"crc64,string,omitempty"` // ECMA; 0 if OSS did not report it
	LastModified time.Time `json:"lastModified,omitzero"`  // set by ListParts and UploadPartCopy
}

// Limits of OSS.
//
// See https://help.aliyun.com/en/oss/user-guide/limits
const (
	MinPartSize   int64 = 100 << 10 // bytes; the last part may be smaller
	MaxPartSize   int64 = 5 << 30   // bytes
	MaxPartNumber       = 10000     // also the maximum number of parts
	MaxCopySize   int64 = 1 << 30   // bytes; CopyObject refuses larger sources
)

func checkPartNumber(n int) error {
	if n < 1 || n > MaxPartNumber {
		return fmt.Errorf("oss: part number %d is not between 1 and %d", n, MaxPartNumber)
	}
	return nil
}

// InitiateMultipartUpload starts a multipart upload to key. OSS stores it, and charges for its parts, until it is
// completed or aborted. An existing object at key is not affected before CompleteMultipartUpload. ObjectOptions.ACL is
// an error here: set CompleteOptions.ACL.
//
// If the reply of an attempt is lost, the next attempt starts another upload, and the first one remains. Uploads lists
// it.
//
// See https://help.aliyun.com/en/oss/developer-reference/initiatemultipartupload
func (c *Client) InitiateMultipartUpload(ctx context.Context, bucket, key string, opts *ObjectOptions) (Upload, error) {
	if err := CheckObjectName(bucket, key); err != nil {
		return Upload{}, err
	}
	r := &Request{Op: "InitiateMultipartUpload", Method: http.MethodPost, Bucket: bucket, Key: key,
		Query: query("uploads", "", "encoding-type", "url"), Repeat: RepeatAlways}
	if opts != nil && opts.ACL != "" {
		return Upload{},
			fmt.Errorf("oss: InitiateMultipartUpload takes no ACL (%q): give it to CompleteMultipartUpload",
				opts.ACL)
	}
	err := opts.checkNoBody(r.Op)
	if err == nil {
		r.Header, err = opts.header(key)
	}
	if err != nil {
		return Upload{}, err
	}
	up := Upload{Bucket: bucket, Key: key}
	if _, err := sendXML(ctx, c, r, func(doc *ossxml.Initiated) error {
		up.ID = doc.UploadID
		if err := checkUploadID(up.ID); err != nil {
			return fmt.Errorf("it %w", err)
		}
		return nil
	}); err != nil {
		return Upload{}, err
	}
	return up, nil
}

// PartOptions are the options of UploadPart. The zero value and nil are the defaults.
type PartOptions struct {
	Checksum     Checksum    // how the bytes are verified; default ChecksumMD5
	MD5          []byte      // MD5 of the body, if the caller knows it; nil computes it
	CRC64        *uint64     // CRC-64 (ECMA) of the body, if the caller knows it; nil computes it while sending
	TrafficLimit int64       // bits per second, the unit of OSS, from 819,200 to 838,860,800; 0 means no limit
	Header       http.Header // further headers
}

// check refuses checksums that o.Checksum would not use.
func (o *PartOptions) check() error {
	switch {
	case o.MD5 != nil && o.Checksum != ChecksumMD5:
		return errors.New("oss: PartOptions.MD5 is set, and Checksum is not ChecksumMD5")
	case o.CRC64 != nil && o.Checksum == ChecksumNone:
		return errors.New("oss: PartOptions.CRC64 is set, and Checksum is ChecksumNone")
	}
	return nil
}

// UploadPart sends body as part number of up, and replaces the part of that number if there is one. It sends the
// Content-MD5 of body, and compares the ETag and the CRC-64 of the reply; see PartOptions.Checksum. Corruption in
// transit is retried like a failed connection, and in the end a *ChecksumError.
//
// Every part but the last must have at least MinPartSize bytes, which OSS checks only when the upload is completed. No
// part may have more than MaxPartSize. Parts may be sent in any order and concurrently. If up was completed or aborted,
// the error is ErrNoSuchUpload.
//
// See https://help.aliyun.com/en/oss/developer-reference/uploadpart
func (c *Client) UploadPart(ctx context.Context, up Upload, number int, body Body, opts *PartOptions) (Part, error) {
	if err := cmp.Or(up.check(), checkPartNumber(number)); err != nil {
		return Part{}, err
	}
	if isNil(body) {
		return Part{}, fmt.Errorf("oss: body of part %d is nil", number)
	}
	if body.Size() > MaxPartSize {
		return Part{}, fmt.Errorf("oss: part %d has %d bytes, more than %d", number, body.Size(), MaxPartSize)
	}
	var o PartOptions
	if opts != nil {
		o = *opts
	}
	r := up.request("UploadPart", http.MethodPut, "partNumber", strconv.Itoa(number))
	h := fieldsOver(o.Header)
	if err := cmp.Or(o.check(), h.setTrafficLimit(o.TrafficLimit), h.err); err != nil {
		return Part{}, err
	}
	r.Header, r.Body = h.Header, body
	resp, err := c.putVerified(ctx, r, o.Checksum, knownSums{o.MD5, o.CRC64}, nil)
	if err != nil {
		return Part{}, err
	}
	crc, _ := headerCRC(resp.Header)
	return Part{Number: number, ETag: resp.Header.Get("ETag"), Size: body.Size(), CRC64: crc}, nil
}

// request returns the request of an operation on u, with one more parameter.
func (u Upload) request(op, method, name, value string) *Request {
	q := query("uploadId", u.ID, name, value)
	return &Request{Op: op, Method: method, Bucket: u.Bucket, Key: u.Key, Query: q, Header: make(http.Header)}
}

// Limits of the bandwidth limit of one connection, in bits per second.
//
// See https://help.aliyun.com/en/oss/user-guide/single-connection-bandwidth-throttling
const minTrafficLimit, maxTrafficLimit = 819200, 838860800

func (f *fieldHeaders) setTrafficLimit(bitsPerSecond int64) error {
	if bitsPerSecond == 0 {
		return nil
	}
	if bitsPerSecond < minTrafficLimit || bitsPerSecond > maxTrafficLimit {
		return fmt.Errorf("oss: traffic limit %d bit/s is not between %d and %d",
			bitsPerSecond, minTrafficLimit, maxTrafficLimit)
	}
	f.set("TrafficLimit", "x-oss-traffic-limit", strconv.FormatInt(bitsPerSecond, 10))
	return nil
}

// CompleteOptions are the options of CompleteMultipartUpload. The zero value and nil are the defaults.
type CompleteOptions struct {
	AllParts        bool        // join all parts that OSS holds; the list of parts must then be nil
	ForbidOverwrite bool        // fail with ErrAlreadyExists if the key exists
	ACL             ACL         // of the object; "" means that of the bucket
	Header          http.Header // further headers, for example of a callback
}

// CompleteMultipartUpload joins parts into the object. The object consists of the given parts only, in the order of
// their numbers. The list need not be sorted, and the numbers may have gaps. OSS may work for minutes on thousands of
// parts.
//
// It is not safe to repeat: if OSS has joined the parts and the reply is lost, the next attempt fails with
// ErrNoSuchUpload, as a *ServiceError whose Attempts is above 1. Package multipart then finds out whether the object
// exists. If a callback fails, the error is ErrCallbackFailed and the object exists.
//
// See https://help.aliyun.com/en/oss/developer-reference/completemultipartupload
func (c *Client) CompleteMultipartUpload(
	ctx context.Context, up Upload, parts []Part, opts *CompleteOptions,
) (*PutResult, error) {
	if err := up.check(); err != nil {
		return nil, err
	}
	var o CompleteOptions
	if opts != nil {
		o = *opts
	}
	r := up.request("CompleteMultipartUpload", http.MethodPost, "encoding-type", "url")
	r.Repeat = RepeatAlways
	h := fieldsOver(o.Header)
	r.Header = h.Header
	h.set("ACL", "x-oss-object-acl", string(o.ACL))
	if err := o.ACL.check(); err != nil {
		return nil, err
	}
	h.setFlag("ForbidOverwrite", "x-oss-forbid-overwrite", o.ForbidOverwrite)
	switch {
	case o.AllParts && parts != nil:
		return nil, fmt.Errorf("oss: CompleteOptions.AllParts is set beside a list of %d parts", len(parts))
	case o.AllParts:
		h.set("AllParts", "x-oss-complete-all", "yes")
	default:
		doc, err := completeDocument(parts)
		if err != nil {
			return nil, err
		}
		r.Body = strings.NewReader(doc)
		h.set("the list of parts", "Content-Type", "application/xml")
	}
	if h.err != nil {
		return nil, h.err
	}

	// With a callback, the body of the reply is that of the callback server.
	callback := r.Header.Get("x-oss-callback") != ""
	var result *PutResult
	check := func(op Operation, resp *http.Response, _ *requestBody) (err error) {
		result, err = completed(op, resp, callback)
		return err
	}
	if _, err := c.sendAndClose(ctx, r, sendOptions{slow: true, check: check}); err != nil {
		return nil, err
	}
	return result, nil
}

// completed reads a successful reply to CompleteMultipartUpload. A reply that does not tell the result is a permanent
// error: if OSS has completed the upload, another attempt would only get NoSuchUpload.
func completed(op Operation, resp *http.Response, callback bool) (*PutResult, error) {
	limit := maxCompleted
	if callback {
		limit = maxCallbackReply
	}
	body, whole, err := readReply(resp, limit)
	if err != nil {
		return nil, err
	}
	unclear := func(why string) error {
		return &permanentError{
			fmt.Errorf("%w: status %d %s: %q", errReply, resp.StatusCode, why, maskedExcerpt(resp, body)),
		}
	}
	if !whole {
		return nil, unclear(fmt.Sprintf("with more than %d bytes", limit))
	}
	result := putResult(resp)
	if callback {
		result.Callback = body
		if err := requireOSS(op, resp, nil); err != nil {
			return nil, &permanentError{fmt.Errorf("%w: %v: %q", errReply, err, maskedExcerpt(resp, body))}
		}
		return result, nil
	}
	var doc ossxml.Completed
	if err := ossxml.Decode(bytes.NewReader(body), &doc); err != nil {
		return nil, unclear(fmt.Sprintf("with an unreadable document: %v", err))
	}
	if result.ETag = cmp.Or(result.ETag, doc.ETag); result.ETag == "" {
		return nil, unclear("with a document without an ETag")
	}
	return result, nil
}

// errReply marks a reply to CompleteMultipartUpload that tells neither success nor failure.
var errReply = errors.New("reply is no result")

// Limits of replies that are read whole, in bytes.
const (
	maxCompleted     = 64 << 10 // the document names bucket, key and location
	maxCallbackReply = 4 << 20  // more than OSS accepts from a callback server (1 MB or 3 MB; its pages disagree)
)

// completeDocument returns the request document that lists parts by number.
func completeDocument(parts []Part) (string, error) {
	if len(parts) == 0 {
		return "", errors.New("oss: no parts to complete")
	}
	doc := ossxml.Complete{Parts: make([]ossxml.CompletePart, len(parts))}
	for i, p := range parts {
		if err := checkPartNumber(p.Number); err != nil {
			return "", err
		}
		if p.ETag == "" {
			return "", fmt.Errorf("oss: part %d has no ETag", p.Number)
		}
		doc.Parts[i] = ossxml.CompletePart{Number: p.Number, ETag: p.ETag}
	}
	slices.SortFunc(doc.Parts, func(a, b ossxml.CompletePart) int { return a.Number - b.Number })
	for i := 1; i < len(doc.Parts); i++ {
		if doc.Parts[i].Number == doc.Parts[i-1].Number {
			return "", fmt.Errorf("oss: part %d is listed twice", doc.Parts[i].Number)
		}
	}
	return doc.Text(), nil
}

// AbortMultipartUpload deletes up and its parts. It returns nil if the upload does not exist. A part that is being sent
// at the same time may survive: wait until all parts have ended, or abort again.
//
// See https://help.aliyun.com/en/oss/developer-reference/abortmultipartupload
func (c *Client) AbortMultipartUpload(ctx context.Context, up Upload) error {
	if err := up.check(); err != nil {
		return err
	}
	r := &Request{Op: "AbortMultipartUpload", Method: http.MethodDelete, Bucket: up.Bucket, Key: up.Key,
		Query: query("uploadId", up.ID)}
	_, err := c.sendAndClose(ctx, r, sendOptions{check: requireOSS})
	if errors.Is(err, ErrNoSuchUpload) {
		return nil
	}
	return err
}
