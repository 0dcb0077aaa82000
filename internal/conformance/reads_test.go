package conformance_test

import "testing"

// readAssumptions are about ranges and conditions.
func readAssumptions() []assumption {
	const op = "GetObject"
	data := []byte("0123456789")
	standard := []string{"x-oss-range-behavior", "standard"}
	ranged := func(t *testing.T, e *env, spec string, header ...string) *reply {
		t.Helper()
		return e.get(t, e.key("object"), append([]string{"Range", spec}, header...)...)
	}
	part := func(t *testing.T, r *reply, body, span string) {
		t.Helper()
		r.wants(t, 206).is(t, "Content-Range", "bytes "+span+"/10", "ETag", etagOf(data),
			"x-oss-hash-crc64ecma", crcOf(data))
		equal(t, "body", string(r.body), body)
	}
	whole := func(t *testing.T, r *reply) {
		t.Helper()
		r.wants(t, 200).is(t, "Content-Range", "", "Content-Length", "10")
		equal(t, "body", string(r.body), string(data))
	}
	return []assumption{
		{
			ID: "A170", Source: recorded, Where: "aliblobstoreit_testrangedread-get-78.json", Ops: []string{op},
			Claim: "A range inside the object is 206 with Content-Range and without Content-MD5; ETag and CRC-64 are " +
				"those of the whole object.",
			check: func(t *testing.T, e *env) {
				e.put(t, e.key("object"), data)
				r := ranged(t, e, "bytes=2-5")
				part(t, r, "2345", "2-5")
				r.carries(t, "Content-Range", "ETag", "x-oss-hash-crc64ecma", "Last-Modified", "x-oss-object-type",
					"x-oss-storage-class", "Accept-Ranges", "Content-Type")
			},
		},
		{
			ID: "A171", Source: documented, Where: "docs: GetObject", Ops: []string{op},
			Claim: "A range may be open at its end, or count from the end.",
			check: func(t *testing.T, e *env) {
				e.put(t, e.key("object"), data)
				part(t, ranged(t, e, "bytes=7-"), "789", "7-9")
				part(t, ranged(t, e, "bytes=-2"), "89", "8-9")
				part(t, ranged(t, e, "bytes=-10"), "0123456789", "0-9")
			},
		},
		{
			ID: "A172", Source: recorded, Where: "aliblobstoreit_testrangedread-get-73.json", Ops: []string{op},
			Claim: "A range that ends beyond the object is 200 with the whole object.",
			check: func(t *testing.T, e *env) {
				e.put(t, e.key("object"), data)
				whole(t, ranged(t, e, "bytes=5-10"))
				whole(t, ranged(t, e, "bytes=0-100"))
			},
		},
		{
			ID: "A173", Source: documented, Where: "docs: GetObject", Ops: []string{op},
			Claim: "A range that begins beyond the object, is longer than it from the end, or is malformed, is " +
				"200 with the whole object.",
			check: func(t *testing.T, e *env) {
				e.put(t, e.key("object"), data)
				for _, spec := range []string{"bytes=10-", "bytes=10-12", "bytes=-11", "bytes=5-4",
					"bytes=a-b", "0-4", "bytes=0-1,3-4"} {
					whole(t, ranged(t, e, spec))
				}
			},
		},
		{
			ID: "A174", Source: documented, Where: "docs: GetObject", Ops: []string{op},
			Claim: "With x-oss-range-behavior: standard a range that begins beyond the object is 416 InvalidRange, " +
				"and one that ends there is cut.",
			check: func(t *testing.T, e *env) {
				e.put(t, e.key("object"), data)
				part(t, ranged(t, e, "bytes=5-100", standard...), "56789", "5-9")
				e.refused(t, ranged(t, e, "bytes=10-12", standard...), 416, "InvalidRange", "")
			},
		},
		{
			ID: "A175", Source: documented, Where: "docs: GetObject", Ops: []string{op, "HeadObject"},
			Claim: "If-Match that fails is 412 PreconditionFailed, and so is If-Unmodified-Since.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				e.put(t, key, data)
				e.get(t, key, "If-Match", etagOf(data)).wants(t, 200)
				e.get(t, key, "If-Unmodified-Since", e.head(t, key).header.Get("Last-Modified")).wants(t, 200)
				e.refused(t, e.get(t, key, "If-Match", etagOf(nil)), 412, "PreconditionFailed", "")
				e.refused(t, e.get(t, key, "If-Unmodified-Since", "Mon, 01 Jan 2001 00:00:00 GMT"),
					412, "PreconditionFailed", "")
				e.head(t, key, "If-Match", etagOf(nil)).wants(t, 412)
			},
		},
		{
			ID: "A176", Source: liveTest,
			Where: "docs: GetObject; aliyun/alibabacloud-oss-go-sdk-v2 oss/client_integration_test.go",
			Ops:   []string{op, "HeadObject"},
			Claim: "If-None-Match that fails is 304 without a body and without x-oss-err, and so is If-Modified-Since.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				e.put(t, key, data)
				e.get(t, key, "If-None-Match", etagOf(nil)).wants(t, 200)
				e.get(t, key, "If-Modified-Since", "Mon, 01 Jan 2001 00:00:00 GMT").wants(t, 200)
				modified := e.head(t, key).header.Get("Last-Modified")
				for _, r := range []*reply{
					e.get(t, key, "If-None-Match", etagOf(data)),
					e.get(t, key, "If-Modified-Since", modified),
					e.head(t, key, "If-None-Match", etagOf(data)),
				} {
					r.wants(t, 304).is(t, "x-oss-err", "", "x-oss-ec", "")
					equal(t, "body", string(r.body), "")
				}
			},
		},
		{
			ID: "A177", Source: documented, Where: "docs: GetObject", Ops: []string{op},
			Claim: "response-* parameters replace headers of the reply.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				e.put(t, key, data, "Content-Type", "text/csv")
				r := e.send(t, request{method: "GET", key: key, query: []string{
					"response-content-type", "text/html", "response-content-disposition", `attachment; filename="a b"`,
				}})
				r.wants(t, 200).is(t, "Content-Type", "text/html", "Content-Disposition", `attachment; filename="a b"`)
			},
		},
		{
			ID: "A178", Source: recorded,
			Where:    "aliblobstoreit_testversioneddownload_badversionid-get-1.json (of a versioned bucket)",
			Ops:      []string{op},
			Claim:    "A versionId that is none is 400 InvalidArgument, EC 0012-00000202, naming VersionId.",
			FakeOnly: "the test bucket may not be versioned",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				r := e.send(t, request{method: "GET", key: key, query: []string{"versionId", "fakeVersionId"}})
				doc := e.refused(t, r, 400, "InvalidArgument", "0012-00000202", "ArgumentName", "VersionId",
					"ArgumentValue", "fakeVersionId")
				equal(t, "Message", doc.get("Message"), "Invalid version id specified")
			},
		},
	}
}
