package osstest

import (
	"encoding/binary"
	"net/http"

	"github.com/ossmultipart/go-oss/internal/ossxml"
	"github.com/ossmultipart/go-oss/oss/osstest/internal/store"
)

// listObjects is ListObjects, which is also called GetBucket.
//
// See https://help.aliyun.com/en/oss/developer-reference/listobjects
func (x *exchange) listObjects() (*reply, error) {
	after := x.query.Get("marker")
	p, err := x.page(after, true, "marker")
	if err != nil {
		return nil, err
	}
	doc := ossxml.ObjectList{
		EncodingType: x.encoding(), Name: x.bucket, Prefix: x.encode(p.prefix),
		Marker: x.encode(after), MaxKeys: p.size,
		Delimiter: x.encode(p.delimiter), IsTruncated: p.truncated, Contents: p.contents, CommonPrefixes: p.prefixes,
	}
	if p.truncated {
		doc.NextMarker = x.encode(p.last)
	}
	return xmlReply(http.StatusOK, doc), nil
}

// listObjectsV2 is ListObjectsV2, with continuation tokens, and owners on request.
//
// See https://help.aliyun.com/en/oss/developer-reference/listobjectsv2
func (x *exchange) listObjectsV2() (*reply, error) {
	start, token := x.query.Get("start-after"), x.query.Get("continuation-token")
	after := start
	if token != "" {
		key, ok := readToken(token)
		if !ok {
			return nil, invalidArgument("", "The continuation token provided is incorrect.",
				"continuation-token", token)
		}
		after = key // start-after is ignored with a token
	}
	p, err := x.page(after, x.query.Get("fetch-owner") == "true", "start-after")
	if err != nil {
		return nil, err
	}
	doc := ossxml.ObjectListV2{
		EncodingType: x.encoding(), Name: x.bucket, Prefix: x.encode(p.prefix), StartAfter: x.encode(start),
		ContinuationToken: token, MaxKeys: p.size, Delimiter: x.encode(p.delimiter), IsTruncated: p.truncated,
		Contents: p.contents, CommonPrefixes: p.prefixes, KeyCount: len(p.contents) + len(p.prefixes),
	}
	if p.truncated {
		doc.NextContinuationToken = tokenOf(p.last)
	}
	return xmlReply(http.StatusOK, doc), nil
}

// A page is part of a list of objects.
type page struct {
	prefix, delimiter string
	size              int // maximum number of entries
	contents          []ossxml.Object
	prefixes          []ossxml.CommonPrefix
	last              string // key or common prefix of the last entry
	truncated         bool   // there are more entries
}

// page lists the objects after a key. After a common prefix it skips all objects within the prefix.
func (x *exchange) page(after string, owners bool, marker string) (*page, error) {
	size, err := x.number("max-keys", 100, 1, maxPage)
	if err != nil {
		return nil, err
	}
	p := &page{prefix: x.query.Get("prefix"), delimiter: x.query.Get("delimiter"), size: size}
	if err := x.checkLengths("prefix", "delimiter", marker); err != nil {
		return nil, err
	}
	list := x.objects.ListObjects(store.Query{Bucket: x.bucket, Prefix: p.prefix, Delimiter: p.delimiter, Size: size},
		after)
	for _, e := range list.Entries {
		if p.last = e.Prefix; e.Prefix != "" {
			p.prefixes = append(p.prefixes, ossxml.CommonPrefix{Prefix: x.encode(e.Prefix)})
			continue
		}
		p.last = e.Value.Key
		p.contents = append(p.contents, x.objectEntry(e.Value, owners))
	}
	p.truncated = list.Truncated
	return p, nil
}

// checkLengths refuses parameters that are longer than any key.
func (x *exchange) checkLengths(names ...string) error {
	for _, name := range names {
		if value := x.query.Get(name); len(value) > 1023 {
			return invalidArgument("", "The "+name+" must be shorter than 1024 bytes.", name, value)
		}
	}
	return nil
}

// objectEntry returns the entry of o in a list.
func (x *exchange) objectEntry(o *store.Object, withOwner bool) ossxml.Object {
	v := ossxml.Object{
		Key: x.encode(o.Key), LastModified: ossxml.Time{Time: o.Modified}, ETag: o.ETag, Type: o.Type,
		Size: o.Size, StorageClass: storageClass(o.Header),
	}
	v.RestoreInfo = restoreState(o, x.now())
	if withOwner {
		v.Owner = owner()
	}
	return v
}

// tokenOf returns the continuation token after a key. Like the documented ones it is the base64 of a protocol buffer
// with the key as its first field.
func tokenOf(key string) string {
	b := binary.AppendUvarint([]byte{1<<3 | 2}, uint64(len(key)))
	return store.IDEncoding.EncodeToString(append(b, key...))
}

// readToken returns the key of a continuation token.
func readToken(token string) (key string, ok bool) {
	b, err := store.IDEncoding.DecodeString(token)
	if err != nil || len(b) == 0 || b[0] != 1<<3|2 {
		return "", false
	}
	size, n := binary.Uvarint(b[1:])
	if n <= 0 || size != uint64(len(b)-1-n) {
		return "", false
	}
	return string(b[1+n:]), true
}
