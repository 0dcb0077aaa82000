package oss

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"strconv"
	"strings"
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
	var page *PartsPage
	if _, err := sendXML(ctx, c, r, func(doc *ossxml.PartList) (err error) {
		page, err = partsPage(doc, o.After)
		return err
	}); err != nil {
		return nil, err
	}
	return page, nil
}

// partsPage reads a page of the parts after the given number. It refuses one that OSS cannot have sent, since callers
// compute with numbers and sizes, and follow Next.
func partsPage(doc *ossxml.PartList, after int) (*PartsPage, error) {
	if len(doc.Parts) > maxPage {
		return nil, fmt.Errorf("a page of %d parts has more than %d", len(doc.Parts), maxPage)
	}
	page, last := &PartsPage{Parts: make([]Part, len(doc.Parts))}, after
	for i, p := range doc.Parts {
		switch {
		case p.Number <= last || p.Number > MaxPartNumber:
			return nil, fmt.Errorf("part number %d after %d", p.Number, last)
		case p.Size < 0 || p.Size > MaxPartSize:
			return nil, fmt.Errorf("part %d of %d bytes", p.Number, p.Size)
		case p.ETag == "":
			return nil, fmt.Errorf("part %d without an ETag", p.Number)
		}
		last = p.Number
		page.Parts[i] = Part{Number: p.Number, ETag: p.ETag, Size: p.Size, CRC64: p.CRC64, LastModified: p.LastModified.Time}
	}
	if !doc.IsTruncated {
		return page, nil
	}
	next, err := strconv.Atoi(doc.NextPartNumberMarker)
	if err != nil || next <= after || next < last || next > MaxPartNumber {
		return nil, fmt.Errorf("truncated page of the parts %d to %d continues at %q", after+1, last, doc.NextPartNumberMarker)
	}
	page.Next = next
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
	if o.After.ID != "" && o.After.Key == "" {
		return nil, fmt.Errorf("oss: ListUploadsOptions.After has the ID %.80q and no Key, without which OSS ignores it", o.After.ID)
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
	var page *UploadsPage
	if _, err := sendXML(ctx, c, r, func(doc *ossxml.UploadList) (err error) {
		page, err = uploadsPage(bucket, doc, o.After)
		return err
	}); err != nil {
		return nil, err
	}
	return page, nil
}

// uploadsPage reads a page of the uploads after one. It refuses one that OSS cannot have sent.
func uploadsPage(bucket string, doc *ossxml.UploadList, after Upload) (*UploadsPage, error) {
	if n := len(doc.Uploads) + len(doc.CommonPrefixes); n > 2*maxPage {
		return nil, fmt.Errorf("a page of %d uploads and prefixes has more than %d", n, 2*maxPage)
	}
	page := &UploadsPage{Uploads: make([]UploadInfo, len(doc.Uploads))}
	for i, u := range doc.Uploads {
		key, err := ossxml.Unescape(doc.EncodingType, u.Key)
		if err != nil {
			return nil, err
		}
		up := Upload{Bucket: bucket, Key: key, ID: u.UploadID}
		if err := up.check(); err != nil {
			return nil, fmt.Errorf("entry %d: %w", i+1, err)
		}
		page.Uploads[i] = UploadInfo{Upload: up, Initiated: u.Initiated.Time, StorageClass: StorageClass(u.StorageClass)}
	}
	for _, p := range doc.CommonPrefixes {
		prefix, err := ossxml.Unescape(doc.EncodingType, p.Prefix)
		if err != nil {
			return nil, err
		}
		page.Prefixes = append(page.Prefixes, prefix)
	}
	if !doc.IsTruncated {
		return page, nil
	}
	key, err := ossxml.Unescape(doc.EncodingType, doc.NextKeyMarker)
	if err != nil {
		return nil, err
	}
	page.Next = Upload{Bucket: bucket, Key: key, ID: doc.NextUploadIDMarker}
	if c := strings.Compare(key, after.Key); c < 0 || c == 0 && page.Next.ID <= after.ID {
		return nil, fmt.Errorf("truncated page after %q, %q continues at %q, %q", after.Key, after.ID, key, page.Next.ID)
	}
	return page, nil
}
