package conformance_test

import "testing"

// copyPart asks for a part out of bytes already there.
func (e *env) copyPart(t *testing.T, key, id, number, source string, header ...string) *reply {
	t.Helper()
	return e.send(t, request{method: "PUT", key: key, query: []string{"partNumber", number, "uploadId", id},
		header: append([]string{"x-oss-copy-source", source}, header...)})
}

// source names an object of the target's bucket as a source.
func (e *env) source(key string) string { return "/" + e.bucket + "/" + escapePath(key) }

// copyAssumptions are about UploadPartCopy and CopyObject.
func copyAssumptions() []assumption {
	const op = "UploadPartCopy"
	const ranged = "x-oss-copy-source-range"
	return []assumption{
		{
			ID: "A060", Source: recorded2015, Where: "aliyun/aliyun-oss-python-sdk unittests/test_multipart.py",
			Ops:   []string{op},
			Claim: "The reply is CopyPartResult with LastModified and ETag, and has the ETag as a header.",
			check: func(t *testing.T, e *env) {
				src, key, data := e.key("source"), e.key("object"), block('1', minPart)
				e.put(t, src, data)
				r := e.copyPart(t, key, e.initiate(t, key), "1", e.source(src)).wants(t, 200)
				r.is(t, "ETag", etagOf(data), "Content-Type", "application/xml", "Content-Range", "")
				doc := r.xml(t)
				equal(t, "root", doc.name, "CopyPartResult")
				equal(t, "elements", doc.names(), "LastModified ETag")
				equal(t, "ETag", doc.get("ETag"), etagOf(data))
				matches(t, "LastModified", doc.get("LastModified"), docTime)
			},
		},
		{
			ID: "A061", Source: recorded2015, Where: "aliyun/aliyun-oss-python-sdk unittests/test_multipart.py",
			Ops:   []string{op, "CompleteMultipartUpload"},
			Claim: "With a range only those bytes are copied, and Content-Range says which.",
			check: func(t *testing.T, e *env) {
				src, key, data := e.key("source"), e.key("object"), append(block('1', minPart), block('2', minPart)...)
				e.put(t, src, data)
				id := e.initiate(t, key)
				one, two := data[:minPart+1], data[minPart-1:]
				e.copyPart(t, key, id, "1", e.source(src), ranged, "bytes=0-102400").wants(t, 200).
					is(t, "Content-Range", "bytes 0-102400/204800", "ETag", etagOf(one))
				e.copyPart(t, key, id, "2", e.source(src), ranged, "bytes=102399-204799").wants(t, 200).
					is(t, "Content-Range", "bytes 102399-204799/204800", "ETag", etagOf(two))
				e.complete(t, key, id, numbered(one, two)).wants(t, 200).is(t, "ETag", joinedETag(one, two))
				e.holds(t, key, append(append([]byte{}, one...), two...))
			},
		},
		{
			ID: "A062", Source: documented, Where: "docs: UploadPartCopy", Ops: []string{op},
			Claim: "A range that is malformed or does not fit the source copies all of it, and " +
				"there is no Content-Range.",
			check: func(t *testing.T, e *env) {
				src, key, data := e.key("source"), e.key("object"), []byte("0123456789")
				e.put(t, src, data)
				id := e.initiate(t, key)
				for _, value := range []string{"bytes=0-10", "bytes=10-11", "bytes=5-4", "0-4", "bytes=a-b"} {
					e.copyPart(t, key, id, "1", e.source(src), ranged, value).wants(t, 200).
						is(t, "Content-Range", "", "ETag", etagOf(data))
				}
			},
		},
		{
			ID: "A063", Source: documented, Where: "docs: UploadPartCopy", Ops: []string{op},
			Claim: "A missing source is 404 NoSuchKey, or NoSuchBucket, and a source that is " +
				"none is 400 InvalidArgument.",
			check: func(t *testing.T, e *env) {
				src, key := e.key("source"), e.key("object")
				id := e.initiate(t, key)
				e.refused(t, e.copyPart(t, key, id, "1", e.source(src)), 404, "NoSuchKey", "", "Key", src)
				bucket := e.missingBucket()
				e.refused(t, e.copyPart(t, key, id, "1", "/"+bucket+"/key"), 404,
					"NoSuchBucket", "", "BucketName", bucket)
				e.refused(t, e.copyPart(t, key, id, "1", "nowhere"), 400, "InvalidArgument", "")
			},
		},
		{
			ID: "A064", Source: liveTest, Where: "aliyun/alibabacloud-oss-go-sdk-v2 oss/client_integration_test.go",
			Ops:   []string{op},
			Claim: "An unknown upload is 404 NoSuchUpload, EC 0042-00000311, with its UploadId.",
			check: func(t *testing.T, e *env) {
				src, id := e.key("source"), "0123456789ABCDEF0123456789ABCDEF"
				e.put(t, src, []byte("1"))
				r := e.copyPart(t, e.key("object"), id, "1", e.source(src))
				e.refused(t, r, 404, "NoSuchUpload", "0042-00000311", "UploadId", id)
			},
		},
		{
			ID: "A065", Source: liveTest,
			Where: "aliyun/aliyun-oss-cpp-sdk test/src/MultipartUpload/MultipartUploadTest.cc", Ops: []string{op},
			Claim: "A source that fails if-match or if-unmodified-since is 412 PreconditionFailed; one that meets " +
				"them is copied, a time equal to its Last-Modified included.",
			check: func(t *testing.T, e *env) {
				src, key, data := e.key("source"), e.key("object"), []byte("1")
				e.put(t, src, data)
				id := e.initiate(t, key)
				modified := e.head(t, src).header.Get("Last-Modified")
				const match, unmodified = "x-oss-copy-source-if-match", "x-oss-copy-source-if-unmodified-since"
				e.copyPart(t, key, id, "1", e.source(src), match, etagOf(data)).wants(t, 200)
				e.copyPart(t, key, id, "1", e.source(src), unmodified, modified).wants(t, 200)
				r := e.copyPart(t, key, id, "1", e.source(src), match, etagOf([]byte("2")))
				e.refused(t, r, 412, "PreconditionFailed", "")
				r = e.copyPart(t, key, id, "1", e.source(src), unmodified, "Mon, 01 Jan 2001 00:00:00 GMT")
				e.refused(t, r, 412, "PreconditionFailed", "")
			},
		},
		{
			ID: "A066", Source: liveTest,
			Where: "aliyun/aliyun-oss-cpp-sdk MultipartUploadTest.cc; aliyun/aliyun-oss-java-sdk (the docs say 412)",
			Ops:   []string{op},
			Claim: "A source that fails if-none-match or if-modified-since is 304 without a body.",
			check: func(t *testing.T, e *env) {
				src, key, data := e.key("source"), e.key("object"), []byte("1")
				e.put(t, src, data)
				id := e.initiate(t, key)
				const noneMatch, since = "x-oss-copy-source-if-none-match", "x-oss-copy-source-if-modified-since"
				e.copyPart(t, key, id, "1", e.source(src), noneMatch, etagOf([]byte("2"))).wants(t, 200)
				e.copyPart(t, key, id, "1", e.source(src), since, "Mon, 01 Jan 2001 00:00:00 GMT").wants(t, 200)
				for _, r := range []*reply{
					e.copyPart(t, key, id, "1", e.source(src), noneMatch, etagOf(data)),
					e.copyPart(t, key, id, "1", e.source(src), since, e.head(t, src).header.Get("Last-Modified")),
				} {
					equal(t, "body", string(r.wants(t, 304).body), "")
				}
			},
		},
		{
			ID: "A067", Source: recorded, Where: "aliblobstoreit_testcopy-put-15.json", Ops: []string{"CopyObject", op},
			Claim: "The key of a source is percent-encoded; its slashes may be %2F or stay.",
			check: func(t *testing.T, e *env) {
				src, key, data := e.key("a b+c%20\u4e2d"), e.key("object"), []byte("1")
				e.put(t, src, data)
				id := e.initiate(t, key)
				for _, source := range []string{e.source(src), "/" + e.bucket + "/" + escapeQuery(src)} {
					e.copyPart(t, key, id, "1", source).wants(t, 200).is(t, "ETag", etagOf(data))
				}
			},
		},
		{
			ID: "A068", Source: inferred, Where: "a part is a part", Ops: []string{op, "ListParts"},
			Claim: "A copied part is listed like any other, with its size and CRC-64.",
			check: func(t *testing.T, e *env) {
				src, key, data := e.key("source"), e.key("object"), []byte("0123456789")
				e.put(t, src, data)
				id := e.initiate(t, key)
				e.copyPart(t, key, id, "7", e.source(src), ranged, "bytes=2-5").wants(t, 200)
				p := e.parts(t, key, id).first(t, "Part")
				equal(t, "PartNumber", p.get("PartNumber"), "7")
				equal(t, "Size", p.get("Size"), "4")
				equal(t, "HashCrc64ecma", p.get("HashCrc64ecma"), crcOf(data[2:6]))
			},
		},
		{
			ID: "A069", Source: recorded, Where: "aliblobstoreit_testcopy-put-15.json, -17.json",
			Ops: []string{"CopyObject"},
			Claim: "CopyObject answers with CopyObjectResult of ETag and LastModified, the " +
				"CRC-64 and the size it copied.",
			check: func(t *testing.T, e *env) {
				src, key, data := e.key("source"), e.key("object"), []byte("data")
				header := []string{"x-oss-copy-source", e.source(src)}
				r := e.send(t, request{method: "PUT", key: key, header: header})
				e.refused(t, r, 404, "NoSuchKey", "0026-00000001", "Key", src)
				e.put(t, src, data)
				r = e.send(t, request{method: "PUT", key: key, header: header}).wants(t, 200)
				r.carries(t, "Content-Type", "ETag", "x-oss-hash-crc64ecma", "x-oss-copied-size",
					"x-oss-ia-retrieve-flow-type")
				r.is(t, "ETag", etagOf(data), "x-oss-hash-crc64ecma", crcOf(data), "x-oss-copied-size", "4",
					"x-oss-ia-retrieve-flow-type", "0")
				equal(t, "elements", r.xml(t).names(), "ETag LastModified")
				e.holds(t, key, data)
			},
		},
	}
}
