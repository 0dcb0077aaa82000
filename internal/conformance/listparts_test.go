package conformance_test

import (
	"strconv"
	"testing"
)

// listPartsAssumptions are about ListParts.
func listPartsAssumptions() []assumption {
	const op = "ListParts"
	one, two, three := []byte("1"), []byte("22"), []byte("333")
	spread := func(t *testing.T, e *env, key string) (id string) {
		id = e.initiate(t, key)
		for i, number := range []int{20, 3, 100} {
			e.upload(t, key, id, number, [][]byte{two, one, three}[i]).wants(t, 200)
		}
		return id
	}
	return []assumption{
		{
			ID: "A120", Source: recorded, Where: "aliblobstoreit_testmultipartupload_badetag-get-3.json",
			Ops: []string{op},
			Claim: "The reply is ListPartsResult with its elements in the recorded order, and has no header " +
				"of its own but Content-Type.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				id := e.begin(t, key, one)
				r := e.send(t, request{method: "GET", key: key,
					query: []string{"encoding-type", "url", "uploadId", id}}).wants(t, 200)
				r.carries(t, "Content-Type")
				doc := r.xml(t)
				equal(t, "root", doc.name, "ListPartsResult")
				equal(t, "elements", doc.names(),
					"EncodingType Bucket Key UploadId StorageClass PartNumberMarker "+
						"NextPartNumberMarker MaxParts IsTruncated Part")
				equal(t, "elements of Part", doc.first(t, "Part").names(),
					"PartNumber LastModified ETag HashCrc64ecma Size")
				equal(t, "Key", doc.get("Key"), escapeQuery(key))
				equal(t, "UploadId", doc.get("UploadId"), id)
				equal(t, "StorageClass", doc.get("StorageClass"), "Standard")
			},
		},
		{
			ID: "A121", Source: recorded, Where: "aliblobstoreit_testmultipartupload_badetag-get-3.json",
			Ops:   []string{op},
			Claim: "Parts are listed by number, with quoted ETag, CRC-64 and size.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				parts := e.parts(t, key, spread(t, e, key)).all("Part")
				if len(parts) != 3 {
					t.Fatalf("%d parts, want 3", len(parts))
				}
				for i, want := range []struct {
					number string
					data   []byte
				}{{"3", one}, {"20", two}, {"100", three}} {
					equal(t, "PartNumber", parts[i].get("PartNumber"), want.number)
					equal(t, "ETag", parts[i].get("ETag"), etagOf(want.data))
					equal(t, "HashCrc64ecma", parts[i].get("HashCrc64ecma"), crcOf(want.data))
					equal(t, "Size", parts[i].get("Size"), strconv.Itoa(len(want.data)))
				}
			},
		},
		{
			ID: "A122", Source: recorded, Where: "aliblobstoreit_testmultipartupload_badetag-get-3.json",
			Ops: []string{op},
			Claim: "MaxParts is 1000 if none was asked for, PartNumberMarker is 0, and NextPartNumberMarker is the " +
				"last number also on the last page.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				doc := e.parts(t, key, spread(t, e, key))
				equal(t, "MaxParts", doc.get("MaxParts"), "1000")
				equal(t, "PartNumberMarker", doc.get("PartNumberMarker"), "0")
				equal(t, "NextPartNumberMarker", doc.get("NextPartNumberMarker"), "100")
				equal(t, "IsTruncated", doc.get("IsTruncated"), "false")
			},
		},
		{
			ID: "A123", Source: documented, Where: "docs: ListParts", Ops: []string{op},
			Claim: "max-parts bounds a page; the next is asked for with its NextPartNumberMarker " +
				"while IsTruncated is true.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				id := spread(t, e, key)
				doc := e.parts(t, key, id, "max-parts", "2")
				equal(t, "parts", strconv.Itoa(len(doc.all("Part"))), "2")
				equal(t, "MaxParts", doc.get("MaxParts"), "2")
				equal(t, "IsTruncated", doc.get("IsTruncated"), "true")
				equal(t, "NextPartNumberMarker", doc.get("NextPartNumberMarker"), "20")
				doc = e.parts(t, key, id, "max-parts", "2", "part-number-marker", "20")
				equal(t, "parts", strconv.Itoa(len(doc.all("Part"))), "1")
				equal(t, "IsTruncated", doc.get("IsTruncated"), "false")
			},
		},
		{
			ID: "A124", Source: liveTest,
			Where: "aliyun/aliyun-oss-cpp-sdk test/src/MultipartUpload/MultipartUploadTest.cc", Ops: []string{op},
			Claim: "part-number-marker, which need not be the number of a part, is repeated, and only " +
				"greater numbers are listed.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				id := spread(t, e, key)
				for marker, want := range map[string]int{"2": 3, "3": 2, "99": 1, "100": 0, "9999": 0} {
					doc := e.parts(t, key, id, "part-number-marker", marker)
					equal(t, "PartNumberMarker", doc.get("PartNumberMarker"), marker)
					if got := len(doc.all("Part")); got != want {
						t.Errorf("%d parts behind %s, want %d", got, marker, want)
					}
				}
			},
		},
		{
			ID: "A125", Source: liveTest, Where: "aliyun/aliyun-oss-java-sdk", Ops: []string{op},
			Claim: "Without parts the list is not truncated, and NextPartNumberMarker is empty, 0 or absent.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				doc := e.parts(t, key, e.initiate(t, key))
				equal(t, "IsTruncated", doc.get("IsTruncated"), "false")
				if next := doc.get("NextPartNumberMarker"); doc.has("Part") || next != "" && next != "0" {
					t.Errorf("%d parts, NextPartNumberMarker %q, want none", len(doc.all("Part")), next)
				}
			},
		},
		{
			ID: "A126", Source: liveTest, Where: "aliyun/alibabacloud-oss-go-sdk-v2 oss/client_integration_test.go",
			Ops:   []string{op},
			Claim: "ListParts of an unknown upload is 404 NoSuchUpload, EC 0042-00000002, with its UploadId.",
			check: func(t *testing.T, e *env) {
				const id = "0123456789ABCDEF0123456789ABCDEF"
				r := e.send(t, request{method: "GET", key: e.key("object"), query: []string{"uploadId", id}})
				e.refused(t, r, 404, "NoSuchUpload", "0042-00000002", "UploadId", id)
			},
		},
		{
			ID: "A127", Source: documented, Where: "docs: ListParts", Ops: []string{op},
			Claim: "A max-parts or part-number-marker that is no number is 400 InvalidArgument.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				id := e.initiate(t, key)
				for _, name := range []string{"max-parts", "part-number-marker"} {
					r := e.send(t, request{method: "GET", key: key, query: []string{"uploadId", id, name, "many"}})
					e.refused(t, r, 400, "InvalidArgument", "")
				}
			},
		},
	}
}
