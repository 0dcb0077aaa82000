package oss

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"strconv"
	"time"

	"github.com/ossmultipart/go-oss/internal/ossxml"
)

// maxPage is the most entries OSS puts into one reply.
const maxPage = 1000

func checkPageSize(n int) error {
	if n < 0 || n > maxPage {
		return fmt.Errorf("oss: page size %d is not between 1 and %d", n, maxPage)
	}
	return nil
}

// ListPartsOptions select parts.
type ListPartsOptions struct {
	After    int         // only parts numbered above this
	PageSize int         // 0 means 1000, the most OSS gives
	Header   http.Header // anything else
}

func (o *ListPartsOptions) orDefault() ListPartsOptions {
	if o == nil {
		return ListPartsOptions{}
	}
	return *o
}

// A PartsPage is one reply; Next is the After of the following page, 0 on the last.
type PartsPage struct {
	Parts []Part // by number
	Next  int    // After of the following page
}

// Parts iterates over every part of up, page by page. An error is the last pair.
func (c *Client) Parts(ctx context.Context, up Upload, opts *ListPartsOptions) iter.Seq2[Part, error] {
	return func(yield func(Part, error) bool) {
		for o := opts.orDefault(); ; {
			page, err := c.ListParts(ctx, up, &o)
			if err != nil {
				yield(Part{}, err)
				return
			}
			for _, p := range page.Parts {
				if !yield(p, nil) {
					return
				}
			}
			if o.After = page.Next; o.After == 0 {
				return
			}
		}
	}
}

// ListParts fetches one page.
//
// See https://help.aliyun.com/en/oss/developer-reference/listparts
func (c *Client) ListParts(ctx context.Context, up Upload, opts *ListPartsOptions) (*PartsPage, error) {
	if err := up.check(); err != nil {
		return nil, err
	}
	o := opts.orDefault()
	if err := checkPageSize(o.PageSize); err != nil {
		return nil, err
	}
	if o.After < 0 {
		return nil, fmt.Errorf("oss: ListPartsOptions.After %d is negative", o.After)
	}
	r := up.request("ListParts", http.MethodGet, "encoding-type", "url")
	addHeader(r.Header, o.Header)
	setCount(r, "max-parts", o.PageSize)
	setCount(r, "part-number-marker", o.After)
	var doc ossxml.PartList
	if _, err := sendXML(ctx, c, r, &doc); err != nil {
		return nil, err
	}
	page := &PartsPage{Parts: make([]Part, len(doc.Parts))}
	for i, p := range doc.Parts {
		page.Parts[i] = Part{Number: p.Number, ETag: p.ETag, Size: p.Size, CRC64: p.CRC64, LastModified: p.LastModified.Time}
	}
	if doc.IsTruncated {
		next, err := strconv.Atoi(doc.NextPartNumberMarker)
		if err != nil || next <= o.After {
			return nil, fmt.Errorf("oss: ListParts %s: truncated page after part %d continues at %q", resource(up.Bucket, up.Key), o.After, doc.NextPartNumberMarker)
		}
		page.Next = next
	}
	return page, nil
}

func setCount(r *Request, name string, n int) {
	if n > 0 {
		r.Query.Set(name, strconv.Itoa(n))
	}
}

// UploadInfo is an unfinished upload as listed.
type UploadInfo struct {
	Upload
	Initiated    time.Time    // when it was begun
	StorageClass StorageClass // of the object to be
}

// ListUploadsOptions select uploads.
type ListUploadsOptions struct {
	Prefix, Delimiter string      // of keys, as in every OSS listing
	After             Upload      // only uploads listed behind this one; its Key and ID count
	PageSize          int         // 0 means 1000
	Header            http.Header // anything else
}

func (o *ListUploadsOptions) orDefault() ListUploadsOptions {
	if o == nil {
		return ListUploadsOptions{}
	}
	return *o
}

// An UploadsPage is one reply; Next is the After of the following page, zero on the last.
type UploadsPage struct {
	Uploads  []UploadInfo // by key, then by upload ID
	Prefixes []string     // with a Delimiter
	Next     Upload       // After of the following page
}

// Uploads iterates over the unfinished uploads of bucket, page by page. An error is the last pair.
func (c *Client) Uploads(ctx context.Context, bucket string, opts *ListUploadsOptions) iter.Seq2[UploadInfo, error] {
	return func(yield func(UploadInfo, error) bool) {
		for o := opts.orDefault(); ; {
			page, err := c.ListMultipartUploads(ctx, bucket, &o)
			if err != nil {
				yield(UploadInfo{}, err)
				return
			}
			for _, u := range page.Uploads {
				if !yield(u, nil) {
					return
				}
			}
			if o.After = page.Next; o.After == (Upload{}) {
				return
			}
		}
	}
}

// ListMultipartUploads fetches one page.
//
// See https://help.aliyun.com/en/oss/developer-reference/listmultipartuploads
func (c *Client) ListMultipartUploads(ctx context.Context, bucket string, opts *ListUploadsOptions) (*UploadsPage, error) {
	if err := checkBucket(bucket); err != nil {
		return nil, err
	}
	o := opts.orDefault()
	if err := checkPageSize(o.PageSize); err != nil {
		return nil, err
	}
	r := &Request{Op: "ListMultipartUploads", Method: http.MethodGet, Bucket: bucket,
		Query: query("uploads", "", "encoding-type", "url"), Header: make(http.Header)}
	addHeader(r.Header, o.Header)
	for _, p := range []struct{ name, value string }{
		{"prefix", o.Prefix}, {"delimiter", o.Delimiter}, {"key-marker", o.After.Key}, {"upload-id-marker", o.After.ID},
	} {
		if p.value != "" {
			r.Query.Set(p.name, p.value)
		}
	}
	setCount(r, "max-uploads", o.PageSize)
	var doc ossxml.UploadList
	if _, err := sendXML(ctx, c, r, &doc); err != nil {
		return nil, err
	}
	page, err := uploadsPage(bucket, &doc)
	if err == nil && doc.IsTruncated && (page.Next.Key < o.After.Key || page.Next.Key == o.After.Key && page.Next.ID == o.After.ID) {
		err = fmt.Errorf("truncated page after %q continues at %q", o.After.Key, page.Next.Key)
	}
	if err != nil {
		return nil, fmt.Errorf("oss: ListMultipartUploads %s: %w", resource(bucket, ""), err)
	}
	return page, nil
}

func uploadsPage(bucket string, doc *ossxml.UploadList) (*UploadsPage, error) {
	page := &UploadsPage{Uploads: make([]UploadInfo, len(doc.Uploads))}
	for i, u := range doc.Uploads {
		key, err := ossxml.Unescape(doc.EncodingType, u.Key)
		if err != nil {
			return nil, err
		}
		page.Uploads[i] = UploadInfo{
			Upload:    Upload{Bucket: bucket, Key: key, ID: u.UploadID},
			Initiated: u.Initiated.Time, StorageClass: StorageClass(u.StorageClass),
		}
	}
	for _, p := range doc.CommonPrefixes {
		prefix, err := ossxml.Unescape(doc.EncodingType, p.Prefix)
		if err != nil {
			return nil, err
		}
		page.Prefixes = append(page.Prefixes, prefix)
	}
	if doc.IsTruncated {
		key, err := ossxml.Unescape(doc.EncodingType, doc.NextKeyMarker)
		if err != nil {
			return nil, err
		}
		page.Next = Upload{Bucket: bucket, Key: key, ID: doc.NextUploadIDMarker}
	}
	return page, nil
}
