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

// maxPage is the maximum number of entries in one reply of OSS.
const maxPage = 1000

func checkPageSize(n int) error {
	if n < 0 || n > maxPage {
		return fmt.Errorf("oss: page size %d is not between 1 and %d", n, maxPage)
	}
	return nil
}

// ListPartsOptions are the options of Parts and ListParts. The zero value and nil are the defaults.
type ListPartsOptions struct {
	After    int         // only parts with a higher number
	PageSize int         // entries in a page; 0 means 1000, the maximum
	Header   http.Header // further headers
}

// A PartsPage is one page of the parts of an upload.
type PartsPage struct {
	Parts []Part // sorted by number
	Next  int    // ListPartsOptions.After of the next page; 0 on the last page
}

// Parts iterates over all parts of up, and fetches them page by page. An error ends the iteration and is its last pair.
func (c *Client) Parts(ctx context.Context, up Upload, opts *ListPartsOptions) iter.Seq2[Part, error] {
	return func(yield func(Part, error) bool) {
		for o := valueOf(opts); ; {
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

// ListParts fetches one page of the parts of up.
//
// See https://help.aliyun.com/en/oss/developer-reference/listparts
func (c *Client) ListParts(ctx context.Context, up Upload, opts *ListPartsOptions) (*PartsPage, error) {
	if err := up.check(); err != nil {
		return nil, err
	}
	o := valueOf(opts)
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

// partsPage decodes a page of the parts after a number. It refuses a page that OSS cannot have sent, since callers
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
		page.Parts[i] = Part{Number: p.Number, ETag: p.ETag, Size: p.Size, CRC64: p.CRC64,
			LastModified: p.LastModified.Time}
	}
	if !doc.IsTruncated {
		return page, nil
	}
	next, err := strconv.Atoi(doc.NextPartNumberMarker)
	if err != nil || next <= after || next < last || next > MaxPartNumber {
		return nil, fmt.Errorf("truncated page of the parts %d to %d continues at %q",
			after+1, last, doc.NextPartNumberMarker)
	}
	page.Next = next
	return page, nil
}

func setCount(r *Request, name string, n int) {
	if n > 0 {
		r.Query.Set(name, strconv.Itoa(n))
	}
}

// An UploadInfo describes an unfinished upload.
type UploadInfo struct {
	Upload
	Initiated    time.Time    // when the upload was initiated
	StorageClass StorageClass // of the object that the upload will create
}

// ListUploadsOptions are the options of Uploads and ListMultipartUploads. The zero value and nil are the defaults.
type ListUploadsOptions struct {
	Prefix, Delimiter string      // of keys; keys that share a prefix up to the Delimiter are listed as that prefix
	After             Upload      // only uploads after this one, by its Key and ID
	PageSize          int         // entries in a page; 0 means 1000, the maximum
	Header            http.Header // further headers
}

// An UploadsPage is one page of the unfinished uploads of a bucket.
type UploadsPage struct {
	Uploads  []UploadInfo // sorted by key, then by upload ID
	Prefixes []string     // common prefixes, if there is a Delimiter
	Next     Upload       // ListUploadsOptions.After of the next page; zero on the last page
}

// Uploads iterates over all unfinished uploads of bucket, and fetches them page by page. Common prefixes are left out.
// An error ends the iteration and is its last pair.
func (c *Client) Uploads(ctx context.Context, bucket string, opts *ListUploadsOptions) iter.Seq2[UploadInfo, error] {
	return func(yield func(UploadInfo, error) bool) {
		for o := valueOf(opts); ; {
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

// ListMultipartUploads fetches one page of the unfinished uploads of bucket.
//
// See https://help.aliyun.com/en/oss/developer-reference/listmultipartuploads
func (c *Client) ListMultipartUploads(
	ctx context.Context, bucket string, opts *ListUploadsOptions,
) (*UploadsPage, error) {
	if err := checkBucket(bucket); err != nil {
		return nil, err
	}
	o := valueOf(opts)
	if err := checkPageSize(o.PageSize); err != nil {
		return nil, err
	}
	if o.After.ID != "" && o.After.Key == "" {
		return nil,
			fmt.Errorf("oss: ListUploadsOptions.After has the ID %.80q and no Key, without which OSS ignores it",
				o.After.ID)
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

// uploadsPage decodes a page of the uploads after one. It refuses a page that OSS cannot have sent.
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
		page.Uploads[i] = UploadInfo{Upload: up, Initiated: u.Initiated.Time,
			StorageClass: StorageClass(u.StorageClass)}
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
		return nil, fmt.Errorf("truncated page after %q, %q continues at %q, %q", after.Key,
			after.ID, key, page.Next.ID)
	}
	return page, nil
}

// valueOf returns a copy of options that the caller may change. Nil options are the zero value.
func valueOf[T any](opts *T) T {
	if opts == nil {
		return *new(T)
	}
	return *opts
}
