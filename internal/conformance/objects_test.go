package conformance_test

import (
	"strings"
	"testing"
)

// objectAssumptions are about PutObject, HeadObject, GetObjectMeta and DeleteObject.
func objectAssumptions() []assumption {
	normal := []string{"ETag", "x-oss-hash-crc64ecma", "Last-Modified", "x-oss-object-type", "x-oss-storage-class",
		"Accept-Ranges", "Content-Type", "Content-MD5"}
	return []assumption{
		{
			ID: "A150", Source: recorded, Where: "aliblobstoreit_testrangedread-put-79.json",
			Ops:   []string{"PutObject"},
			Claim: "The reply has ETag, Content-MD5 and CRC-64, and no body.",
			check: func(t *testing.T, e *env) {
				data := []byte("This is test data for the ranged read test file")
				r := e.send(t, request{method: "PUT", key: e.key("object"), body: data}).wants(t, 200)
				r.carries(t, "ETag", "Content-MD5", "x-oss-hash-crc64ecma")
				r.is(t, "ETag", `"4FE58D952A4F5588F32B30A5F9B62CDA"`, "Content-MD5", "T+WNlSpPVYjzKzCl+bYs2g==",
					"x-oss-hash-crc64ecma", "15651652868027691141")
				equal(t, "body", string(r.body), "")
			},
		},
		{
			ID: "A151", Source: recorded, Where: "aliblobstoreit_testupload_emptycontent-put-11.json",
			Ops:   []string{"PutObject", "GetObject"},
			Claim: "An object may be empty; its CRC-64 is 0.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				e.send(t, request{method: "PUT", key: key}).wants(t, 200).
					is(t, "ETag", `"D41D8CD98F00B204E9800998ECF8427E"`, "x-oss-hash-crc64ecma", "0",
						"Content-MD5", "1B2M2Y8AsgTpgAmY7PhCfg==")
				e.get(t, key).wants(t, 200).is(t, "Content-Length", "0", "x-oss-hash-crc64ecma", "0")
			},
		},
		{
			ID: "A152", Source: recorded, Where: "aliblobstoreit_testrangedread-get-73.json",
			Ops:   []string{"HeadObject", "GetObject"},
			Claim: "An object sent in one piece is of type Normal, of class Standard, and has a Content-MD5.",
			check: func(t *testing.T, e *env) {
				key, data := e.key("object"), []byte("data")
				e.put(t, key, data)
				for _, r := range []*reply{e.head(t, key).wants(t, 200), e.get(t, key).wants(t, 200)} {
					r.carries(t, normal...)
					r.is(t, "x-oss-object-type", "Normal", "x-oss-storage-class", "Standard", "Accept-Ranges", "bytes",
						"Content-MD5", md5Of(data), "ETag", etagOf(data), "x-oss-hash-crc64ecma",
						crcOf(data), "Content-Length", "4")
				}
			},
		},
		{
			ID: "A153", Source: recorded, Where: "aliblobstoreit_testmultipartupload_*-head-2.json",
			Ops:   []string{"HeadObject", "GetObject"},
			Claim: "An object made of parts is of type Multipart and has no Content-MD5.",
			check: func(t *testing.T, e *env) {
				key, data := e.key("object"), []byte("data")
				e.complete(t, key, e.begin(t, key, data), numbered(data)).wants(t, 200)
				for _, r := range []*reply{e.head(t, key).wants(t, 200), e.get(t, key).wants(t, 200)} {
					r.carries(t, "ETag", "x-oss-hash-crc64ecma", "Last-Modified", "x-oss-object-type",
						"x-oss-storage-class", "Accept-Ranges", "Content-Type")
					r.is(t, "x-oss-object-type", "Multipart", "Content-Length", "4")
				}
			},
		},
		{
			ID: "A154", Source: recorded, Where: "aliblobstoreit_testdoesobjectexist-head-4.json",
			Ops:   []string{"GetObjectMeta"},
			Claim: "HEAD ?objectMeta has ETag, CRC-64, Last-Modified, type and length, and nothing else.",
			check: func(t *testing.T, e *env) {
				key, data := e.key("object"), []byte("data")
				e.put(t, key, data, "x-oss-meta-a", "b")
				r := e.send(t, request{method: "HEAD", key: key, query: []string{"objectMeta", ""}}).wants(t, 200)
				r.carries(t, "ETag", "x-oss-hash-crc64ecma", "Last-Modified", "x-oss-object-type")
				r.is(t, "Content-Length", "4", "ETag", etagOf(data))
			},
		},
		{
			ID: "A155", Source: recorded, Where: "aliblobstoreit_testmultipartupload_singlepart-head-2.json",
			Ops:   []string{"HeadObject"},
			Claim: "Vary: Accept-Encoding comes with types that can be compressed, such as text/plain.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				e.put(t, key, []byte("data"), "Content-Type", "text/plain")
				e.head(t, key).wants(t, 200).is(t, "Vary", "Accept-Encoding")
			},
		},
		{
			ID: "A156", Source: documented, Where: "docs: PutObject", Ops: []string{"PutObject", "HeadObject"},
			Claim: "The standard headers of the object and its metadata come back as they were sent.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				given := []string{
					"Content-Type", "text/csv; charset=utf-8", "Cache-Control", "no-cache",
					"Content-Disposition", "inline", "Content-Language", "de-DE", "Expires",
					"Thu, 01 Jan 2099 00:00:00 GMT", "x-oss-meta-some-name", "some value",
				}
				e.put(t, key, []byte("data"), given...)
				e.head(t, key).wants(t, 200).is(t, given...)
				e.get(t, key).wants(t, 200).is(t, given...)
			},
		},
		{
			ID: "A157", Source: documented, Where: "docs: PutObject; error page EC 0026-00000002",
			Ops:   []string{"PutObject"},
			Claim: "With x-oss-forbid-overwrite PutObject refuses a key that exists: 409 FileAlreadyExists.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				e.put(t, key, []byte("old"), "x-oss-forbid-overwrite", "true")
				r := e.send(t, request{method: "PUT", key: key, body: []byte("new"),
					header: []string{"x-oss-forbid-overwrite", "true"}})
				e.refused(t, r, 409, "FileAlreadyExists", "")
				e.holds(t, key, []byte("old"))
			},
		},
		{
			ID: "A158", Source: recorded, Where: "aliblobstoreit_testmultipartupload_badetag-delete-1.json",
			Ops:   []string{"DeleteObject"},
			Claim: "DELETE answers 204 without headers of its own, also for a key that never was.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				e.put(t, key, nil)
				for range 2 {
					e.send(t, request{method: "DELETE", key: key}).wants(t, 204).carries(t)
				}
				e.head(t, key).wants(t, 404)
			},
		},
		{
			ID: "A159", Source: documented, Where: "docs: Multipart upload", Ops: []string{"DeleteObject", "PutObject"},
			Claim: "Writing or deleting an object leaves unfinished uploads of its key alone.",
			check: func(t *testing.T, e *env) {
				key, data := e.key("object"), []byte("data")
				id := e.begin(t, key, data)
				e.put(t, key, []byte("other"))
				e.send(t, request{method: "DELETE", key: key}).wants(t, 204)
				e.complete(t, key, id, numbered(data)).wants(t, 200)
				e.holds(t, key, data)
			},
		},
		{
			ID: "A160", Source: documented, Where: "docs: PutObject",
			Ops:   []string{"PutObject", "InitiateMultipartUpload", "HeadObject"},
			Claim: "The storage class is the one asked for, and Standard otherwise.",
			check: func(t *testing.T, e *env) {
				key, data := e.key("object"), []byte("data")
				id := e.initiate(t, key, "x-oss-storage-class", "IA")
				e.upload(t, key, id, 1, data).wants(t, 200)
				equal(t, "StorageClass", e.parts(t, key, id).get("StorageClass"), "IA")
				e.complete(t, key, id, numbered(data)).wants(t, 200)
				e.head(t, key).wants(t, 200).is(t, "x-oss-storage-class", "IA")
				e.put(t, key, data, "x-oss-storage-class", "IA")
				e.head(t, key).wants(t, 200).is(t, "x-oss-storage-class", "IA")
			},
		},
		{
			ID: "A161", Source: documented, Where: "docs: Manage object metadata; error page EC 0011-00000002",
			Ops:   []string{"PutObject", "InitiateMultipartUpload"},
			Claim: "Metadata of more than 8 KB is 400 InvalidArgument.",
			check: func(t *testing.T, e *env) {
				key, header := e.key("object"), []string{"x-oss-meta-a", strings.Repeat("a", 8<<10)}
				e.refused(t, e.send(t, request{method: "PUT", key: key, header: header}), 400, "InvalidArgument", "")
				r := e.send(t, request{method: "POST", key: key, query: []string{"uploads", ""}, header: header})
				e.refused(t, r, 400, "InvalidArgument", "")
			},
		},
		{
			ID: "A162", Source: liveTest, Where: "aliyun/aliyun-oss-python-sdk; docs: Object tagging",
			Ops: []string{"PutObject", "InitiateMultipartUpload"},
			Claim: "Ten tags are accepted, with letters of any script; eleven are 400 BadRequest, a key " +
				"twice 400 InvalidArgument.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				e.put(t, key, nil, "x-oss-tagging", "a=1&b=2&c=3&d=4&e=5&f=6&g=7&h=8&i=9&j=%E4%B8%AD")
				for tags, code := range map[string]string{
					"a=1&b=2&c=3&d=4&e=5&f=6&g=7&h=8&i=9&j=10&k=11": "BadRequest", "a=1&a=2": "InvalidArgument",
				} {
					r := e.send(t, request{method: "PUT", key: key, header: []string{"x-oss-tagging", tags}})
					e.refused(t, r, 400, code, "")
					r = e.send(t, request{method: "POST", key: key, query: []string{"uploads", ""},
						header: []string{"x-oss-tagging", tags}})
					e.refused(t, r, 400, code, "")
				}
			},
		},
	}
}
