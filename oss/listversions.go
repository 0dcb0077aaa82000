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
	"unicode/utf8"

	"github.com/ossmultipart/go-oss/internal/ossxml"
)

// An ObjectID names an object, or one version of it.
type ObjectID struct {
	Key       string
	VersionID string // empty means the current version
}

// An ObjectVersion is one entry of a listing of versions: a version of an object, a delete marker, or a common prefix.
type ObjectVersion struct {
	ObjectID
	IsPrefix       bool  // the entry stands for all keys that begin with Key; the other fields are then zero
	IsDeleteMarker bool  // the object was deleted here; Size, ETag, Type and StorageClass are then zero
	IsLatest       bool  // the version is the current one
	Size           int64 // bytes
	ETag           string
	Type           ObjectType
	StorageClass   StorageClass
	LastModified   time.Time // to the second
	Owner          Owner
}

// ListVersionsOptions select versions.
type ListVersionsOptions struct {
	Prefix, Delimiter string // as in ListObjectsOptions
	// After lists only versions after this one: those of later keys, and older ones of the same key. Without a
	// VersionID no version of the Key is listed. The ObjectID of the last version that a program has handled is the
	// position at which a listing can be resumed.
	After    ObjectID
	PageSize int         // 0 means 1000
	Header   http.Header // further headers
}

// A VersionsPage is one reply; Next is the After of the following page, zero on the last.
type VersionsPage struct {
	Versions []ObjectVersion // by key, then from new to old; common prefixes among them
	Next     ObjectID        // After of the following page
}

// ObjectVersions iterates over all versions of the objects of bucket, delete markers included, page by page. An error
// is the last pair. In a bucket that never had versioning, each object has one version with the ID "null".
func (c *Client) ObjectVersions(
	ctx context.Context, bucket string, opts *ListVersionsOptions,
) iter.Seq2[ObjectVersion, error] {
	return func(yield func(ObjectVersion, error) bool) {
		for o := valueOf(opts); ; {
			page, err := c.ListObjectVersions(ctx, bucket, &o)
			if err != nil {
				yield(ObjectVersion{}, err)
				return
			}
			for _, v := range page.Versions {
				if !yield(v, nil) {
					return
				}
			}
			if o.After = page.Next; o.After == (ObjectID{}) {
				return
			}
		}
	}
}

// ListObjectVersions fetches one page.
//
// See https://help.aliyun.com/en/oss/developer-reference/listobjectversions
func (c *Client) ListObjectVersions(
	ctx context.Context, bucket string, opts *ListVersionsOptions,
) (*VersionsPage, error) {
	o := valueOf(opts)
	if err := checkPageSize(o.PageSize); err != nil {
		return nil, err
	}
	if err := checkListed("ListVersionsOptions", o.Prefix, o.Delimiter, o.After.Key); err != nil {
		return nil, err
	}
	if o.After.VersionID != "" && o.After.Key == "" {
		return nil,
			errors.New("oss: ListVersionsOptions.After has a VersionID and no Key, without which OSS refuses it")
	}
	r, err := bucketRequest("ListObjectVersions", http.MethodGet, bucket, o.Header,
		"versions", "", "encoding-type", "url", "prefix", o.Prefix, "delimiter", o.Delimiter,
		"key-marker", o.After.Key, "version-id-marker", o.After.VersionID)
	if err != nil {
		return nil, err
	}
	setCount(r, "max-keys", cmp.Or(o.PageSize, maxPage)) // OSS itself lists 100
	var page *VersionsPage
	if _, err := sendXML(ctx, c, r, func(doc *ossxml.VersionList) (err error) {
		page, err = versionsPage(doc, &o)
		return err
	}); err != nil {
		return nil, err
	}
	return page, nil
}

// versionsPage reads a page of a listing of versions. It refuses one that OSS cannot have sent.
func versionsPage(doc *ossxml.VersionList, o *ListVersionsOptions) (*VersionsPage, error) {
	if n := len(doc.Versions) + len(doc.CommonPrefixes); n > maxPage {
		return nil, fmt.Errorf("a page of %d versions and prefixes has more than %d", n, maxPage)
	}
	prefixes, err := commonPrefixes(doc.EncodingType, doc.CommonPrefixes)
	if err != nil {
		return nil, err
	}
	page := &VersionsPage{Versions: make([]ObjectVersion, 0, len(doc.Versions)+len(prefixes))}
	last := o.After.Key
	add := func(v ObjectVersion) error {
		switch {
		case v.Key == "" || len(v.Key) > maxKeyBytes || !utf8.ValidString(v.Key):
			return fmt.Errorf("entry %.80q is not 1 to %d bytes of UTF-8", v.Key, maxKeyBytes)
		case !strings.HasPrefix(v.Key, o.Prefix):
			return fmt.Errorf("entry %.80q does not begin with %.80q", v.Key, o.Prefix)
		case v.Key < last && !(v.IsPrefix && strings.HasPrefix(last, v.Key)):
			return fmt.Errorf("entry %.80q after %.80q", v.Key, last)
		}
		last = v.Key
		page.Versions = append(page.Versions, v)
		return nil
	}
	for i := range doc.Versions {
		v, err := objectVersion(doc.EncodingType, &doc.Versions[i])
		if err != nil {
			return nil, err
		}
		for len(prefixes) > 0 && prefixes[0].Key < v.Key {
			if err := add(ObjectVersion{ObjectID: ObjectID{Key: prefixes[0].Key}, IsPrefix: true}); err != nil {
				return nil, err
			}
			prefixes = prefixes[1:]
		}
		if err := add(v); err != nil {
			return nil, err
		}
	}
	for _, p := range prefixes {
		if err := add(ObjectVersion{ObjectID: ObjectID{Key: p.Key}, IsPrefix: true}); err != nil {
			return nil, err
		}
	}
	if !doc.IsTruncated {
		return page, nil
	}
	key, err := ossxml.Unescape(doc.EncodingType, doc.NextKeyMarker)
	if err != nil {
		return nil, err
	}
	page.Next = ObjectID{Key: key, VersionID: doc.NextVersionIDMarker}
	if page.Next == o.After || key < o.After.Key || key == "" || len(page.Next.VersionID) > maxToken {
		return nil, fmt.Errorf("truncated page after %.80q, %.80q continues at %.80q, %.80q",
			o.After.Key, o.After.VersionID, key, page.Next.VersionID)
	}
	return page, nil
}

func objectVersion(encoding string, l *ossxml.Version) (v ObjectVersion, err error) {
	v = ObjectVersion{
		ObjectID: ObjectID{VersionID: l.VersionID}, IsLatest: l.IsLatest, ETag: l.ETag, Type: ObjectType(l.Type),
		StorageClass: StorageClass(l.StorageClass), LastModified: l.LastModified.Time, Owner: ownerOf(l.Owner),
	}
	switch l.XMLName.Local {
	case "Version":
		if l.Size == nil || *l.Size < 0 {
			return v, fmt.Errorf("a version of %.80q without a size", l.Key)
		}
		v.Size = *l.Size
	case "DeleteMarker":
		v.IsDeleteMarker = true
	default:
		return v, fmt.Errorf("an entry that is a %.80q", l.XMLName.Local)
	}
	if l.VersionID == "" {
		return v, fmt.Errorf("a version of %.80q without an ID", l.Key)
	}
	v.Key, err = ossxml.Unescape(encoding, l.Key)
	return v, err
}
