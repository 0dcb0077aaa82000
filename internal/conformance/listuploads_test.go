package conformance_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
)

// uploads lists the unfinished uploads below the check's own prefix.
func (e *env) uploads(t *testing.T, query ...string) element {
	t.Helper()
	if !slices.Contains(query, "prefix") {
		query = append(query, "prefix", e.key(""))
	}
	r := e.send(t, request{method: "GET", query: append([]string{"uploads", ""}, query...)})
	return r.wants(t, 200).xml(t)
}

// lines returns "key id" for each upload in a list, keys without what all of them share.
func (e *env) lines(doc element) []string {
	lines := []string{}
	for _, u := range doc.all("Upload") {
		lines = append(lines, strings.TrimPrefix(u.get("Key"), e.key(""))+" "+u.get("UploadId"))
	}
	return lines
}

// three begins uploads to a, to b twice, and to c, and returns them as they are to be listed.
func (e *env) three(t *testing.T) (lines []string) {
	t.Helper()
	for _, name := range []string{"c", "b", "a", "b"} {
		lines = append(lines, name+" "+e.initiate(t, e.key(name)))
	}
	slices.Sort(lines)
	return lines
}

// listUploadsAssumptions are about ListMultipartUploads.
func listUploadsAssumptions() []assumption {
	const op = "ListMultipartUploads"
	lists := func(t *testing.T, what string, got, want []string) {
		t.Helper()
		equal(t, what, strings.Join(got, ", "), strings.Join(want, ", "))
	}
	return []assumption{
		{
			ID: "A130", Source: documented,
			Where: "docs: ListMultipartUploads; StorageClass in Upload: a reply of 2023 quoted in an issue",
			Ops:   []string{op},
			Claim: "The reply is ListMultipartUploadsResult with its elements in the documented order.",
			check: func(t *testing.T, e *env) {
				id := e.initiate(t, e.key("object"))
				doc := e.uploads(t, "encoding-type", "url")
				equal(t, "root", doc.name, "ListMultipartUploadsResult")
				equal(t, "elements", doc.names(),
					"EncodingType Bucket KeyMarker UploadIdMarker NextKeyMarker NextUploadIdMarker Delimiter Prefix "+
						"MaxUploads IsTruncated Upload")
				equal(t, "elements of Upload", doc.first(t, "Upload").names(), "Key UploadId StorageClass Initiated")
				equal(t, "Bucket", doc.get("Bucket"), e.bucket)
				equal(t, "MaxUploads", doc.get("MaxUploads"), "1000")
				equal(t, "UploadId", doc.first(t, "Upload").get("UploadId"), id)
				equal(t, "StorageClass", doc.first(t, "Upload").get("StorageClass"), "Standard")
			},
		},
		{
			ID: "A131", Source: liveTest, Where: "aliyun/aliyun-oss-cpp-sdk; docs: ListMultipartUploads",
			Ops:   []string{op},
			Claim: "Uploads are sorted by key and then by ID as text, those of one key all listed.",
			check: func(t *testing.T, e *env) {
				want := e.three(t)
				lists(t, "uploads", e.lines(e.uploads(t)), want)
			},
		},
		{
			ID: "A132", Source: liveTest, Where: "aliyun/aliyun-oss-cpp-sdk; docs: ListMultipartUploads",
			Ops:   []string{op},
			Claim: "key-marker alone lists the keys that are greater, not the key itself.",
			check: func(t *testing.T, e *env) {
				want := e.three(t)
				doc := e.uploads(t, "key-marker", e.key("a"))
				equal(t, "KeyMarker", doc.get("KeyMarker"), e.key("a"))
				lists(t, "uploads", e.lines(doc), want[1:])
				lists(t, "uploads", e.lines(e.uploads(t, "key-marker", e.key("b"))), want[3:])
			},
		},
		{
			ID: "A133", Source: liveTest, Where: "aliyun/aliyun-oss-go-sdk; docs: ListMultipartUploads",
			Ops: []string{op},
			Claim: "With upload-id-marker the key's own uploads of a greater ID are listed too; " +
				"the marker need not be an ID.",
			check: func(t *testing.T, e *env) {
				want := e.three(t)
				_, id, _ := strings.Cut(want[1], " ")
				doc := e.uploads(t, "key-marker", e.key("b"), "upload-id-marker", id)
				equal(t, "UploadIdMarker", doc.get("UploadIdMarker"), id)
				lists(t, "uploads", e.lines(doc), want[2:])
				lists(t, "uploads", e.lines(e.uploads(t, "key-marker", e.key("b"), "upload-id-marker", "0")), want[1:])
				lists(t, "uploads", e.lines(e.uploads(t, "key-marker", e.key("b"), "upload-id-marker", "G")), want[3:])
			},
		},
		{
			ID: "A134", Source: documented, Where: "docs: ListMultipartUploads", Ops: []string{op},
			Claim: "upload-id-marker without key-marker is ignored.",
			check: func(t *testing.T, e *env) {
				want := e.three(t)
				lists(t, "uploads", e.lines(e.uploads(t, "upload-id-marker", "G")), want)
			},
		},
		{
			ID: "A135", Source: documented, Where: "docs: ListMultipartUploads", Ops: []string{op},
			Claim: "max-uploads bounds a page; the markers it gives, handed back, lead through all uploads once.",
			check: func(t *testing.T, e *env) {
				want := e.three(t)
				var got, query []string
				for range want {
					doc := e.uploads(t, append(query, "max-uploads", "1")...)
					equal(t, "MaxUploads", doc.get("MaxUploads"), "1")
					got = append(got, e.lines(doc)...)
					equal(t, "IsTruncated", doc.get("IsTruncated"), strconv.FormatBool(len(got) < len(want)))
					query = []string{"key-marker", doc.get("NextKeyMarker"), "upload-id-marker",
						doc.get("NextUploadIdMarker")}
				}
				lists(t, "uploads", got, want)
			},
		},
		{
			ID: "A136", Source: liveTest, Where: "aliyun/aliyun-oss-java-sdk; docs: ListMultipartUploads, its sample",
			Ops: []string{op},
			Claim: "NextKeyMarker and NextUploadIdMarker name the last upload of a page also if it is the last page, " +
				"and are empty on an empty one.",
			check: func(t *testing.T, e *env) {
				doc := e.uploads(t)
				equal(t, "NextKeyMarker of nothing", doc.get("NextKeyMarker"), "")
				equal(t, "NextUploadIdMarker of nothing", doc.get("NextUploadIdMarker"), "")
				id := e.initiate(t, e.key("object"))
				doc = e.uploads(t)
				equal(t, "IsTruncated", doc.get("IsTruncated"), "false")
				equal(t, "NextKeyMarker", doc.get("NextKeyMarker"), e.key("object"))
				equal(t, "NextUploadIdMarker", doc.get("NextUploadIdMarker"), id)
			},
		},
		{
			ID: "A137", Source: documented, Where: "docs: ListMultipartUploads", Ops: []string{op},
			Claim: "With a prefix only keys that begin with it are listed.",
			check: func(t *testing.T, e *env) {
				want := e.three(t)
				doc := e.uploads(t, "prefix", e.key("b"))
				equal(t, "Prefix", doc.get("Prefix"), e.key("b"))
				lists(t, "uploads", e.lines(doc), want[1:3])
			},
		},
		{
			ID: "A138", Source: documented, Where: "docs: ListMultipartUploads", Ops: []string{op},
			Claim: "With a delimiter, which may be any text, keys that have it behind the prefix are " +
				"rolled up into CommonPrefixes.",
			check: func(t *testing.T, e *env) {
				for _, name := range []string{"x/1", "x/2", "y", "z--1"} {
					e.initiate(t, e.key(name))
				}
				for delimiter, want := range map[string]struct{ prefixes, keys string }{
					"/":  {"x/", "y,z--1"},
					"--": {"z--", "x/1,x/2,y"},
				} {
					doc := e.uploads(t, "delimiter", delimiter)
					equal(t, "Delimiter", doc.get("Delimiter"), delimiter)
					var prefixes, keys []string
					for _, p := range doc.all("CommonPrefixes") {
						equal(t, "elements of CommonPrefixes", p.names(), "Prefix")
						prefixes = append(prefixes, strings.TrimPrefix(p.get("Prefix"), e.key("")))
					}
					for _, line := range e.lines(doc) {
						key, _, _ := strings.Cut(line, " ")
						keys = append(keys, key)
					}
					equal(t, "prefixes", strings.Join(prefixes, ","), want.prefixes)
					equal(t, "keys", strings.Join(keys, ","), want.keys)
				}
			},
		},
		{
			ID: "A139", Source: inferred, Where: "as lists of objects do", Ops: []string{op},
			Claim: "A common prefix counts once towards max-uploads, and is not listed on two pages.",
			check: func(t *testing.T, e *env) {
				for _, name := range []string{"x/1", "x/2", "y"} {
					e.initiate(t, e.key(name))
				}
				doc := e.uploads(t, "delimiter", "/", "max-uploads", "1")
				equal(t, "elements", strconv.Itoa(len(doc.all("CommonPrefixes")))+strconv.Itoa(len(doc.all("Upload"))),
					"10")
				equal(t, "IsTruncated", doc.get("IsTruncated"), "true")
				doc = e.uploads(t, "delimiter", "/", "max-uploads", "1",
					"key-marker", doc.get("NextKeyMarker"), "upload-id-marker", doc.get("NextUploadIdMarker"))
				equal(t, "elements", strconv.Itoa(len(doc.all("CommonPrefixes")))+strconv.Itoa(len(doc.all("Upload"))),
					"01")
				equal(t, "IsTruncated", doc.get("IsTruncated"), "false")
			},
		},
		{
			ID: "A140", Source: documented, Where: "docs: ListMultipartUploads", Ops: []string{op},
			Claim: "With encoding-type=url Key, Prefix, Delimiter, KeyMarker, NextKeyMarker and " +
				"common prefixes are encoded.",
			check: func(t *testing.T, e *env) {
				for _, name := range []string{"a&a", "b\x0c+ b", "c&/1"} {
					e.initiate(t, e.key(name))
				}
				doc := e.uploads(t, "encoding-type", "url", "delimiter", "&/", "key-marker", e.key("a&a"))
				equal(t, "EncodingType", doc.get("EncodingType"), "url")
				equal(t, "Prefix", doc.get("Prefix"), escapeQuery(e.key("")))
				equal(t, "Delimiter", doc.get("Delimiter"), escapeQuery("&/"))
				equal(t, "KeyMarker", doc.get("KeyMarker"), escapeQuery(e.key("a&a")))
				if uploads, prefixes := doc.all("Upload"), doc.all("CommonPrefixes"); len(uploads) != 1 ||
					len(prefixes) != 1 {
					t.Errorf("%d uploads and %d prefixes, want one of each", len(uploads), len(prefixes))
				} else {
					equal(t, "Key", strings.ReplaceAll(uploads[0].get("Key"), "+", "%20"),
						escapeQuery(e.key("b\x0c+ b")))
					equal(t, "CommonPrefixes", prefixes[0].get("Prefix"), escapeQuery(e.key("c&/")))
				}
			},
		},
		{
			ID: "A141", Source: documented, Where: "docs: ListMultipartUploads",
			Ops:   []string{op, "CompleteMultipartUpload", "AbortMultipartUpload"},
			Claim: "Uploads that were completed or aborted are not listed.",
			check: func(t *testing.T, e *env) {
				key, data := e.key("object"), []byte("1")
				e.complete(t, key, e.begin(t, key, data), numbered(data)).wants(t, 200)
				e.abort(t, key, e.begin(t, key, data)).wants(t, 204)
				lists(t, "uploads", e.lines(e.uploads(t)), nil)
			},
		},
		{
			ID: "A142", Source: liveTest, Where: "aliyun/alibabacloud-oss-go-sdk-v2 oss/client_integration_test.go",
			Ops:   []string{op},
			Claim: "KeyMarker, UploadIdMarker and Delimiter are empty if they were not sent.",
			check: func(t *testing.T, e *env) {
				e.initiate(t, e.key("object"))
				doc := e.uploads(t)
				for _, name := range []string{"KeyMarker", "UploadIdMarker", "Delimiter"} {
					equal(t, name, doc.get(name), "")
				}
			},
		},
		{
			ID: "A143", Source: documented, Where: "docs: ListMultipartUploads", Ops: []string{op},
			Claim: "A max-uploads that is no number is 400 InvalidArgument.",
			check: func(t *testing.T, e *env) {
				r := e.send(t,
					request{method: "GET", query: []string{"uploads", "", "prefix", e.key(""), "max-uploads", "many"}})
				e.refused(t, r, 400, "InvalidArgument", "")
			},
		},
	}
}
