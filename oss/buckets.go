package oss

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strings"
	"time"

	"github.com/ossmultipart/go-oss/internal/ossxml"
)

// BucketOptions are the options of operations on a bucket. The zero value and nil are the defaults.
type BucketOptions struct {
	Header http.Header // further headers
}

// request begins the request of an operation on a bucket.
func (o *BucketOptions) request(op, method, bucket, subresource string) (*Request, error) {
	var h http.Header
	if o != nil {
		h = o.Header
	}
	return bucketRequest(op, method, bucket, h, subresource, "")
}

// A Redundancy says over how many zones OSS spreads the data of a bucket.
//
// See https://help.aliyun.com/en/oss/user-guide/overview-of-storage-redundancy-types
type Redundancy string

// The kinds of redundancy.
const (
	RedundancyLRS Redundancy = "LRS" // one zone
	RedundancyZRS Redundancy = "ZRS" // several zones of a region
)

// PutBucketOptions are the options of PutBucket. The zero value and nil are the defaults.
type PutBucketOptions struct {
	ACL          ACL          // "" means ACLPrivate
	StorageClass StorageClass // "" means StorageStandard
	Redundancy   Redundancy   // "" leaves it to OSS
	Header       http.Header  // further headers
}

// PutBucket creates a bucket in the region of the Client's endpoint. If the account already has the bucket, with the
// same class and redundancy, PutBucket sets its ACL. If the bucket has another class or redundancy, or belongs to
// another account, the error is ErrBucketExists.
//
// See https://help.aliyun.com/en/oss/developer-reference/putbucket
func (c *Client) PutBucket(ctx context.Context, bucket string, opts *PutBucketOptions) error {
	var o PutBucketOptions
	if opts != nil {
		o = *opts
	}
	if err := checkBucket(bucket); err != nil {
		return err
	}
	if o.ACL == ACLDefault {
		return fmt.Errorf("oss: PutBucketOptions.ACL %q is for objects", o.ACL)
	}
	if err := o.ACL.check(); err != nil {
		return err
	}
	if err := o.StorageClass.check(); err != nil {
		return err
	}
	if err := checkKind("PutBucketOptions.Redundancy", o.Redundancy, RedundancyLRS, RedundancyZRS); err != nil {
		return err
	}
	h := fieldsOver(o.Header)
	if h.set("ACL", "x-oss-acl", string(o.ACL)); h.err != nil {
		return h.err
	}
	r := &Request{Op: "PutBucket", Method: http.MethodPut, Bucket: bucket, Header: h.Header}
	var err error
	if o.StorageClass != "" || o.Redundancy != "" {
		doc := ossxml.BucketConfiguration{StorageClass: string(o.StorageClass), Redundancy: string(o.Redundancy)}
		_, err = c.sendDocument(ctx, r, doc)
	} else {
		_, err = c.sendEmpty(ctx, r)
	}
	return err
}

// DeleteBucket deletes a bucket. If the bucket still has objects, versions or unfinished uploads, the error is
// ErrBucketNotEmpty. If it does not exist, the error is ErrNoSuchBucket.
//
// See https://help.aliyun.com/en/oss/developer-reference/deletebucket
func (c *Client) DeleteBucket(ctx context.Context, bucket string, opts *BucketOptions) error {
	var h http.Header
	if opts != nil {
		h = opts.Header
	}
	r, err := bucketRequest("DeleteBucket", http.MethodDelete, bucket, h)
	if err != nil {
		return err
	}
	_, err = c.sendEmpty(ctx, r)
	var refused *ServiceError
	if errors.As(err, &refused) && refused.Code == ErrNoSuchBucket && refused.Attempts > 1 {
		return nil // the reply to an attempt that deleted it was lost
	}
	return err
}

// BucketInfo describes a bucket.
type BucketInfo struct {
	Name             string
	Region           string // as in Config.Region, "cn-hangzhou"
	ExtranetEndpoint string // host for access from anywhere
	IntranetEndpoint string // host for access from within the region
	Created          time.Time
	StorageClass     StorageClass // of objects that are given none
	Redundancy       Redundancy
	ACL              ACL
	Versioning       Versioning
	Encryption       Encryption // of objects that are given none; zero means none
	Owner            Owner
}

// GetBucketInfo describes a bucket.
//
// See https://help.aliyun.com/en/oss/developer-reference/getbucketinfo
func (c *Client) GetBucketInfo(ctx context.Context, bucket string, opts *BucketOptions) (*BucketInfo, error) {
	r, err := opts.request("GetBucketInfo", http.MethodGet, bucket, "bucketInfo")
	if err != nil {
		return nil, err
	}
	var info *BucketInfo
	if _, err := sendXML(ctx, c, r, func(doc *ossxml.BucketInfo) error {
		d := doc.Bucket
		info = &BucketInfo{
			Name: d.Name, Region: locationRegion(d.Location),
			ExtranetEndpoint: d.ExtranetEndpoint, IntranetEndpoint: d.IntranetEndpoint,
			Created: d.CreationDate.Time, StorageClass: StorageClass(d.StorageClass),
			Redundancy: Redundancy(d.Redundancy),
			ACL:        ACL(d.Grant), Versioning: Versioning(d.Versioning), Owner: ownerOf(&d.Owner),
		}
		if d.SSEAlgorithm != "None" {
			info.Encryption = Encryption{Algorithm: d.SSEAlgorithm, KeyID: d.KMSMasterKeyID,
				DataAlgorithm: d.KMSDataEncryption}
		}
		if d.Name != bucket {
			return fmt.Errorf("it describes the bucket %.80q", d.Name)
		}
		return nil
	}); err != nil {
		return nil, err
	}
	return info, nil
}

// locationRegion returns the region that a location of OSS names.
func locationRegion(location string) string { return strings.TrimPrefix(location, "oss-") }

// GetBucketLocation returns the region of a bucket, as in Config.Region: OSS's "oss-cn-hangzhou" is "cn-hangzhou".
//
// See https://help.aliyun.com/en/oss/developer-reference/getbucketlocation
func (c *Client) GetBucketLocation(ctx context.Context, bucket string, opts *BucketOptions) (string, error) {
	r, err := opts.request("GetBucketLocation", http.MethodGet, bucket, "location")
	if err != nil {
		return "", err
	}
	region := ""
	_, err = sendXML(ctx, c, r, func(doc *ossxml.BucketLocation) error {
		if region = locationRegion(doc.Location); !regionForm.MatchString(region) {
			return fmt.Errorf("it names the location %.80q", doc.Location)
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	return region, nil
}

// BucketExists reports whether a bucket exists. If the keys have no permission for the bucket, the result is an error.
//
// See https://help.aliyun.com/en/oss/developer-reference/getbucketinfo
func (c *Client) BucketExists(ctx context.Context, bucket string, opts *BucketOptions) (bool, error) {
	_, err := c.GetBucketInfo(ctx, bucket, opts)
	if errors.Is(err, ErrNoSuchBucket) {
		return false, nil
	}
	return err == nil, err
}

// BucketEntry is a bucket as listed.
type BucketEntry struct {
	Name             string
	Region           string // "cn-hangzhou"
	ExtranetEndpoint string // host for access from anywhere
	IntranetEndpoint string // host for access from within the region
	Created          time.Time
	StorageClass     StorageClass
	Comment          string
}

// ListBucketsOptions select buckets.
type ListBucketsOptions struct {
	Prefix   string      // only names that begin with it
	After    string      // only names after this one
	PageSize int         // 0 means 1000
	Header   http.Header // further headers
}

// A BucketsPage is one reply; Next is the After of the following page, empty on the last.
type BucketsPage struct {
	Buckets []BucketEntry // by name
	Owner   Owner         // of all of them
	Next    string        // After of the following page
}

// Buckets iterates over the buckets of the account in all regions, page by page. An error is the last pair.
func (c *Client) Buckets(ctx context.Context, opts *ListBucketsOptions) iter.Seq2[BucketEntry, error] {
	return func(yield func(BucketEntry, error) bool) {
		for o := valueOf(opts); ; {
			page, err := c.ListBuckets(ctx, &o)
			if err != nil {
				yield(BucketEntry{}, err)
				return
			}
			for _, b := range page.Buckets {
				if !yield(b, nil) {
					return
				}
			}
			if o.After = page.Next; o.After == "" {
				return
			}
		}
	}
}

// ListBuckets fetches one page.
//
// See https://help.aliyun.com/en/oss/developer-reference/listbuckets
func (c *Client) ListBuckets(ctx context.Context, opts *ListBucketsOptions) (*BucketsPage, error) {
	o := valueOf(opts)
	if err := checkPageSize(o.PageSize); err != nil {
		return nil, err
	}
	if err := checkListed("ListBucketsOptions", o.Prefix, "", o.After); err != nil {
		return nil, err
	}
	r := &Request{Op: "ListBuckets", Method: http.MethodGet, Query: query(), Header: make(http.Header)}
	addHeader(r.Header, o.Header)
	for name, value := range map[string]string{"prefix": o.Prefix, "marker": o.After} {
		if value != "" {
			r.Query.Set(name, value)
		}
	}
	setCount(r, "max-keys", cmp.Or(o.PageSize, maxPage)) // OSS itself lists 100
	var page *BucketsPage
	if _, err := sendXML(ctx, c, r, func(doc *ossxml.BucketList) (err error) {
		page, err = bucketsPage(doc, o.After)
		return err
	}); err != nil {
		return nil, err
	}
	return page, nil
}

// bucketsPage reads a page of the buckets after a name. It refuses one that OSS cannot have sent.
func bucketsPage(doc *ossxml.BucketList, after string) (*BucketsPage, error) {
	if n := len(doc.Buckets.Buckets); n > maxPage {
		return nil, fmt.Errorf("a page of %d buckets has more than %d", n, maxPage)
	}
	page := &BucketsPage{Owner: ownerOf(&doc.Owner)}
	last := after
	for _, b := range doc.Buckets.Buckets {
		if b.Name <= last {
			return nil, fmt.Errorf("bucket %.80q after %.80q", b.Name, last)
		}
		if err := checkBucket(b.Name); err != nil {
			return nil, err
		}
		last = b.Name
		page.Buckets = append(page.Buckets, BucketEntry{
			Name: b.Name, Region: locationRegion(b.Location),
			ExtranetEndpoint: b.ExtranetEndpoint, IntranetEndpoint: b.IntranetEndpoint,
			Created: b.CreationDate.Time, StorageClass: StorageClass(b.StorageClass), Comment: b.Comment,
		})
	}
	if doc.IsTruncated == nil || !*doc.IsTruncated {
		return page, nil
	}
	if page.Next = doc.NextMarker; page.Next <= after || page.Next < last || len(page.Next) > maxBucketName {
		return nil, fmt.Errorf("truncated page after %.80q continues at %.80q", last, doc.NextMarker)
	}
	return page, nil
}

// Versioning says whether a bucket keeps the old versions of its objects.
//
// See https://help.aliyun.com/en/oss/user-guide/overview-78
type Versioning string

// The states of versioning. A bucket that never had it has the state "".
const (
	VersioningEnabled   Versioning = "Enabled"
	VersioningSuspended Versioning = "Suspended" // versions stay, and new objects have the version "null"
)

// PutBucketVersioning enables or suspends versioning.
//
// See https://help.aliyun.com/en/oss/developer-reference/putbucketversioning
func (c *Client) PutBucketVersioning(ctx context.Context, bucket string, state Versioning, opts *BucketOptions) error {
	r, err := opts.request("PutBucketVersioning", http.MethodPut, bucket, "versioning")
	if err != nil {
		return err
	}
	if state != VersioningEnabled && state != VersioningSuspended {
		return fmt.Errorf("oss: versioning %.80q is neither %q nor %q", state, VersioningEnabled, VersioningSuspended)
	}
	_, err = c.sendDocument(ctx, r, ossxml.VersioningConfiguration{Status: string(state)})
	return err
}

// GetBucketVersioning returns the state of versioning.
//
// See https://help.aliyun.com/en/oss/developer-reference/getbucketversioning
func (c *Client) GetBucketVersioning(ctx context.Context, bucket string, opts *BucketOptions) (Versioning, error) {
	r, err := opts.request("GetBucketVersioning", http.MethodGet, bucket, "versioning")
	if err != nil {
		return "", err
	}
	var state Versioning
	_, err = sendXML(ctx, c, r, func(doc *ossxml.VersioningConfiguration) error {
		state = Versioning(doc.Status)
		return checkKind("versioning", state, VersioningEnabled, VersioningSuspended)
	})
	return state, err
}
