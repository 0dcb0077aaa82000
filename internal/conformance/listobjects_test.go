package conformance_test

import (
	"strings"
	"testing"
)

// list lists objects below the check's own prefix.
func (e *env) list(t *testing.T, query ...string) element {
	t.Helper()
	query = append([]string{"prefix", e.key("")}, query...)
	return e.send(t, request{method: "GET", query: query}).wants(t, 200).xml(t)
}

// found returns the names of what a list holds, without the check's own prefix: objects first.
func (e *env) found(t *testing.T, doc element) string {
	t.Helper()
	var names []string
	for _, c := range doc.all("Contents") {
		names = append(names, strings.TrimPrefix(c.get("Key"), e.key("")))
	}
	for _, p := range doc.all("CommonPrefixes") {
		names = append(names, strings.TrimPrefix(p.get("Prefix"), e.key("")))
	}
	return strings.Join(names, " ")
}

// listObjectsAssumptions are about both forms of ListObjects.
func listObjectsAssumptions() []assumption {
	const v1, v2 = "ListObjects", "ListObjectsV2"
	fill := func(t *testing.T, e *env, names ...string) {
		t.Helper()
		for _, name := range names {
			e.put(t, e.key(name), []byte("x"))
		}
	}
	return []assumption{
		{
			ID: "A250", Source: recorded, Where: recordings + "aliblobstoreit_testlist-get-6.json", Ops: []string{v1},
			Claim: "ListObjects has the recorded elements in their order; a page has 100 objects unless told " +
				"otherwise; the last has no NextMarker.",
			check: func(t *testing.T, e *env) {
				fill(t, e, "a")
				doc := e.list(t)
				equal(t, "elements", doc.name+": "+doc.names(),
					"ListBucketResult: Name Prefix Marker MaxKeys Delimiter IsTruncated Contents")
				equal(t, "MaxKeys", doc.get("MaxKeys"), "100")
				c := doc.first(t, "Contents")
				equal(t, "contents", c.names(), "Key LastModified ETag Type Size StorageClass Owner")
				equal(t, "values", c.get("ETag")+c.get("Type")+c.get("Size")+c.get("StorageClass"),
					etagOf([]byte("x"))+"Normal1Standard")
				matches(t, "LastModified", c.get("LastModified"), docTime)
			},
		},
		{
			ID: "A251", Source: recorded, Where: recordings + "aliblobstoreit_testlist-get-4.json", Ops: []string{v1},
			Claim: "Keys with the delimiter behind the prefix are one CommonPrefixes each, after the objects; " +
				"any string is a delimiter.",
			check: func(t *testing.T, e *env) {
				fill(t, e, "prefix-1", "prefix-2", "prefix_3")
				doc := e.send(t, request{method: "GET",
					query: []string{"prefix", e.key("prefix"), "delimiter", "-"}}).wants(t, 200).xml(t)
				equal(t, "elements", doc.names(),
					"Name Prefix Marker MaxKeys Delimiter IsTruncated Contents CommonPrefixes")
				equal(t, "lines", e.found(t, doc), "prefix_3 prefix-")
			},
		},
		{
			ID: "A252", Source: recorded, Where: recordings + "aliblobstoreit_testlistpage-get-8.json",
			Ops: []string{v1},
			Claim: "A page that is not the last has NextMarker, the last key on it, behind IsTruncated; the marker " +
				"itself is not listed again.",
			check: func(t *testing.T, e *env) {
				fill(t, e, "a", "b", "c", "d")
				doc := e.list(t, "marker", e.key("a"), "max-keys", "2")
				equal(t, "elements", doc.names(),
					"Name Prefix Marker MaxKeys Delimiter IsTruncated NextMarker Contents Contents")
				equal(t, "lines", e.found(t, doc), "b c")
				equal(t, "NextMarker", doc.get("NextMarker"), e.key("c"))
			},
		},
		{
			ID: "A253", Source: inferred, Where: "otherwise a client that pages by common prefixes would not end",
			Ops:   []string{v1, v2},
			Claim: "A common prefix counts once towards the page, and is not listed again on the next one.",
			check: func(t *testing.T, e *env) {
				fill(t, e, "a/1", "a/2", "b", "c/1")
				doc := e.list(t, "delimiter", "/", "max-keys", "1")
				equal(t, "first", e.found(t, doc), "a/")
				equal(t, "second",
					e.found(t, e.list(t, "delimiter", "/", "max-keys", "1", "marker", doc.get("NextMarker"))), "b")
				doc = e.list(t, "list-type", "2", "delimiter", "/", "max-keys", "1")
				equal(t, "first, V2", e.found(t, doc), "a/")
				equal(t, "second, V2",
					e.found(t, e.list(t, "list-type", "2", "delimiter", "/", "continuation-token",
						doc.get("NextContinuationToken"))), "b c/")
			},
		},
		{
			ID: "A254", Source: documented,
			Where: "docs: ListObjectsV2; aliyun/aliyun-oss-php-sdk tests of ListObjectsV2Result", Ops: []string{v2},
			Claim: "ListObjectsV2 has StartAfter behind Prefix, and KeyCount, objects and common prefixes together, " +
				"at the end; owners only with fetch-owner.",
			check: func(t *testing.T, e *env) {
				fill(t, e, "a", "b", "c/1", "c/2")
				doc := e.list(t, "list-type", "2", "start-after", e.key("a"), "delimiter", "/")
				equal(t, "elements", doc.names(),
					"Name Prefix StartAfter MaxKeys Delimiter IsTruncated Contents CommonPrefixes KeyCount")
				equal(t, "KeyCount", doc.get("KeyCount"), "2")
				equal(t, "contents", doc.first(t, "Contents").names(), "Key LastModified ETag Type Size StorageClass")
				doc = e.list(t, "list-type", "2", "fetch-owner", "true")
				equal(t, "contents", doc.first(t, "Contents").names(),
					"Key LastModified ETag Type Size StorageClass Owner")
			},
		},
		{
			ID: "A255", Source: documented, Where: "docs: ListObjectsV2", Ops: []string{v2},
			Claim: "A continuation token leads to the next page, whatever start-after says beside it; one that is " +
				"none is 400 InvalidArgument.",
			check: func(t *testing.T, e *env) {
				fill(t, e, "a", "b", "c")
				doc := e.list(t, "list-type", "2", "max-keys", "2")
				equal(t, "first page", e.found(t, doc), "a b")
				doc = e.list(t, "list-type", "2", "start-after", e.key("z"), "continuation-token",
					doc.get("NextContinuationToken"))
				equal(t, "second page", e.found(t, doc), "c")
				r := e.send(t, request{method: "GET", query: []string{"list-type", "2", "continuation-token", "!"}})
				e.refused(t, r, 400, "InvalidArgument", "")
			},
		},
		{
			ID: "A256", Source: documented,
			Where: "docs: ListObjects, encoding-type; aliyun/alibabacloud-oss-go-sdk-v2", Ops: []string{v1, v2},
			Claim: "With encoding-type=url keys, prefixes, markers and the delimiter are percent-encoded, slashes too.",
			check: func(t *testing.T, e *env) {
				fill(t, e, "a/\x0c", "b c")
				for _, version := range [][]string{nil, {"list-type", "2"}} {
					doc := e.list(t, append(version, "delimiter", "/", "encoding-type", "url")...)
					equal(t, "EncodingType", doc.get("EncodingType"), "url")
					equal(t, "Delimiter", doc.get("Delimiter"), "%2F")
					equal(t, "Prefix", doc.get("Prefix"), escapeQuery(e.key("")))
					equal(t, "Key", doc.first(t, "Contents").get("Key"), escapeQuery(e.key("b c")))
					equal(t, "CommonPrefixes", doc.first(t, "CommonPrefixes").get("Prefix"), escapeQuery(e.key("a/")))
				}
			},
		},
		{
			ID: "A257", Source: documented, Where: "docs: ListObjects", Ops: []string{v1, v2},
			Claim: "max-keys is between 1 and 1000; otherwise 400 InvalidArgument.",
			check: func(t *testing.T, e *env) {
				e.list(t, "max-keys", "1000")
				for _, size := range []string{"0", "1001", "x"} {
					for _, version := range [][]string{nil, {"list-type", "2"}} {
						r := e.send(t, request{method: "GET", query: append(version, "max-keys", size)})
						e.refused(t, r, 400, "InvalidArgument", "")
					}
				}
			},
		},
	}
}
