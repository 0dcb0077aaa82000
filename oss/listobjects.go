package oss

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ossmultipart/go-oss/internal/ossxml"
)

// Owner is the account that owns a bucket or an object.
type Owner struct {
	ID          string // number of the account
	DisplayName string // OSS repeats the ID here
}

func ownerOf(o *ossxml.Owner) Owner {
	if o == nil {
		return Owner{}
	}
	return Owner{ID: o.ID, DisplayName: o.DisplayName}
}

// An ObjectType says how an object was made.
type ObjectType string

// The types of objects.
//
// See https://help.aliyun.com/en/oss/developer-reference/headobject
const (
	TypeNormal     ObjectType = "Normal"     // by PutObject, CopyObject or PostObject
	TypeMultipart  ObjectType = "Multipart"  // by CompleteMultipartUpload
	TypeAppendable ObjectType = "Appendable" // by AppendObject
	TypeSymlink    ObjectType = "Symlink"    // by PutSymlink
)

// An ObjectEntry is one entry of a listing: an object, or a common prefix.
type ObjectEntry struct {
	Key          string // exact, control characters included; of a common prefix, everything up to the Delimiter
	IsPrefix     bool   // the entry stands for all keys that begin with Key; the other fields are then zero
	Size         int64  // bytes
	ETag         string // with its quotes
	Type         ObjectType
	StorageClass StorageClass
	LastModified time.Time // to the second
	Owner        Owner     // only with ListObjectsOptions.Owner
	Restore      string    // the state of restoring an archived object, as in the header x-oss-restore; mostly empty
}

// ListObjectsOptions select objects.
type ListObjectsOptions struct {
	Prefix    string // only keys that begin with it
	Delimiter string // keys that contain it after Prefix become one common prefix; mostly "/"

	// After lists only entries after this key or common prefix, in the order of bytes. The Key of the last ObjectEntry
	// that a program has handled is the position at which a listing can be resumed, by another process and at any time.
	After string
	// Token is the Next of the previous page. OSS then ignores After, and any After must be an entry of the previous
	// pages.
	Token string

	PageSize int         // 0 means 1000, the maximum
	Owner    bool        // list the Owner of each object
	Header   http.Header // further headers
}

// An ObjectsPage is one reply; Next is the Token of the following page, empty on the last. A page can be empty and not
// be the last.
type ObjectsPage struct {
	Entries []ObjectEntry // objects and common prefixes, by key
	Next    string        // Token of the following page
}

// Objects iterates over the objects of bucket and their common prefixes, in the order of keys, page by page. An error
// is the last pair. It requests a page when the previous one is used up, so memory does not grow with the listing. An
// object that is created or deleted during the iteration may be missing or listed.
func (c *Client) Objects(ctx context.Context, bucket string, opts *ListObjectsOptions) iter.Seq2[ObjectEntry, error] {
	return func(yield func(ObjectEntry, error) bool) {
		for o := valueOf(opts); ; {
			page, err := c.ListObjects(ctx, bucket, &o)
			if err != nil {
				yield(ObjectEntry{}, err)
				return
			}
			for _, e := range page.Entries {
				if !yield(e, nil) {
					return
				}
				o.After = e.Key
			}
			if o.Token = page.Next; o.Token == "" {
				return
			}
		}
	}
}

// ListObjects fetches one page, by ListObjectsV2.
//
// See https://help.aliyun.com/en/oss/developer-reference/listobjectsv2
func (c *Client) ListObjects(ctx context.Context, bucket string, opts *ListObjectsOptions) (*ObjectsPage, error) {
	o := valueOf(opts)
	r, err := o.request(bucket)
	if err != nil {
		return nil, err
	}
	var page *ObjectsPage
	if _, err := sendXML(ctx, c, r, func(doc *ossxml.ObjectListV2) (err error) {
		page, err = objectsPage(doc, &o)
		return err
	}); err != nil {
		return nil, err
	}
	return page, nil
}

func (o *ListObjectsOptions) request(bucket string) (*Request, error) {
	if err := checkPageSize(o.PageSize); err != nil {
		return nil, err
	}
	if err := checkListed("ListObjectsOptions", o.Prefix, o.Delimiter, o.After); err != nil {
		return nil, err
	}
	startAfter, fetchOwner := o.After, ""
	if o.Token != "" {
		startAfter = ""
	}
	if o.Owner {
		fetchOwner = "true"
	}
	r, err := bucketRequest("ListObjectsV2", http.MethodGet, bucket, o.Header, "list-type", "2", "encoding-type", "url",
		"prefix", o.Prefix, "delimiter", o.Delimiter, "start-after", startAfter, "continuation-token", o.Token,
		"fetch-owner", fetchOwner)
	if err != nil {
		return nil, err
	}
	setCount(r, "max-keys", cmp.Or(o.PageSize, maxPage)) // OSS itself lists 100
	return r, nil
}

// checkListed refuses the prefix, the delimiter and the position of a listing that no key can match.
func checkListed(options, prefix, delimiter, after string) error {
	for _, f := range [...]struct{ name, value string }{
		{"Prefix", prefix}, {"Delimiter", delimiter}, {"After", after},
	} {
		if len(f.value) > maxKeyBytes || !utf8.ValidString(f.value) {
			return fmt.Errorf("oss: %s.%s %.40q is not at most %d bytes of UTF-8", options,
				f.name, f.value, maxKeyBytes)
		}
	}
	return nil
}

// objectsPage reads a page of a listing. It refuses one that OSS cannot have sent, since callers rely on the order and
// follow Next.
func objectsPage(doc *ossxml.ObjectListV2, o *ListObjectsOptions) (*ObjectsPage, error) {
	if n := len(doc.Contents) + len(doc.CommonPrefixes); n > maxPage {
		return nil, fmt.Errorf("a page of %d objects and prefixes has more than %d", n, maxPage)
	}
	objects := make([]ObjectEntry, len(doc.Contents))
	for i := range doc.Contents {
		l := &doc.Contents[i]
		key, err := ossxml.Unescape(doc.EncodingType, l.Key)
		if err != nil {
			return nil, err
		}
		if l.Size < 0 {
			return nil, fmt.Errorf("object %.80q of %d bytes", key, l.Size)
		}
		objects[i] = ObjectEntry{
			Key: key, Size: l.Size, ETag: l.ETag, Type: ObjectType(l.Type), StorageClass: StorageClass(l.StorageClass),
			LastModified: l.LastModified.Time, Owner: ownerOf(l.Owner), Restore: l.RestoreInfo,
		}
	}
	prefixes, err := commonPrefixes(doc.EncodingType, doc.CommonPrefixes)
	if err != nil {
		return nil, err
	}
	page := &ObjectsPage{Entries: objects}
	if len(prefixes) > 0 {
		page.Entries = mergeByKey(objects, prefixes)
	}
	if page.Entries, err = o.follow(page.Entries); err != nil {
		return nil, err
	}
	if !doc.IsTruncated {
		return page, nil
	}
	page.Next = doc.NextContinuationToken
	if page.Next == "" || page.Next == o.Token || len(page.Next) > maxToken {
		return nil, fmt.Errorf("truncated page continues at the token %.80q after %.80q", page.Next, o.Token)
	}
	return page, nil
}

// maxToken is far more than a continuation token, which holds a key.
const maxToken = 8 << 10

func commonPrefixes(encoding string, listed []ossxml.CommonPrefix) ([]ObjectEntry, error) {
	prefixes := make([]ObjectEntry, len(listed))
	for i, p := range listed {
		key, err := ossxml.Unescape(encoding, p.Prefix)
		if err != nil {
			return nil, err
		}
		prefixes[i] = ObjectEntry{Key: key, IsPrefix: true}
	}
	return prefixes, nil
}

// mergeByKey merges two lists, each of which is in the order of keys.
func mergeByKey(a, b []ObjectEntry) []ObjectEntry {
	merged := make([]ObjectEntry, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		if a[0].Key < b[0].Key {
			merged, a = append(merged, a[0]), a[1:]
		} else {
			merged, b = append(merged, b[0]), b[1:]
		}
	}
	return append(append(merged, a...), b...)
}

// follow checks that entries are in order and after o.After. A common prefix that is o.After itself, or that stands for
// keys on both sides of it, is valid: the first is dropped.
func (o *ListObjectsOptions) follow(entries []ObjectEntry) ([]ObjectEntry, error) {
	if len(entries) > 0 && o.After != "" && entries[0].IsPrefix && entries[0].Key == o.After {
		entries = entries[1:]
	}
	last := o.After
	for i := range entries {
		e := &entries[i]
		switch {
		case !strings.HasPrefix(e.Key, o.Prefix):
			return nil, fmt.Errorf("entry %.80q does not begin with %.80q", e.Key, o.Prefix)
		case e.Key == "" || len(e.Key) > maxKeyBytes || !utf8.ValidString(e.Key):
			return nil, fmt.Errorf("entry %.80q is not 1 to %d bytes of UTF-8", e.Key, maxKeyBytes)
		case e.Key > last, i == 0 && e.IsPrefix && strings.HasPrefix(o.After, e.Key):
		default:
			return nil, fmt.Errorf("entry %.80q after %.80q", e.Key, last)
		}
		last = e.Key
	}
	return entries, nil
}
