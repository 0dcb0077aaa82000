package conformance_test

import (
	"strconv"
	"testing"
)

// partAssumptions are about UploadPart.
func partAssumptions() []assumption {
	const op = "UploadPart"
	return []assumption{
		{
			ID: "A040", Source: recorded, Where: "aliblobstoreit_testmultipartupload_singlepart-put-5.json",
			Ops: []string{op},
			Claim: "The reply has the upper-case MD5 as ETag, Content-MD5 even if none was sent, " +
				"and the CRC-64 in decimal.",
			check: func(t *testing.T, e *env) {
				key, data := e.key("object"), block('1', 5<<20)
				r := e.upload(t, key, e.initiate(t, key), 1, data).wants(t, 200)
				r.carries(t, "ETag", "Content-MD5", "x-oss-hash-crc64ecma")
				r.is(t, "ETag", etagOf(data), "Content-MD5", md5Of(data), "x-oss-hash-crc64ecma", crcOf(data))
				r.is(t, "ETag", `"2B5C91AD399409EC9B409B66F5BB00FB"`, "x-oss-hash-crc64ecma", "14920568100270865136")
			},
		},
		{
			ID: "A041", Source: recorded, Where: "aliblobstoreit_testmultipartupload_duplicateparts-*.json",
			Ops:   []string{op, "ListParts"},
			Claim: "A part sent again under its number replaces the first wholly.",
			check: func(t *testing.T, e *env) {
				key, data := e.key("object"), []byte("the second")
				id := e.begin(t, key, []byte("the first, which is longer"))
				e.upload(t, key, id, 1, data).wants(t, 200)
				parts := e.parts(t, key, id).all("Part")
				if len(parts) != 1 {
					t.Fatalf("%d parts, want 1", len(parts))
				}
				equal(t, "ETag", parts[0].get("ETag"), etagOf(data))
				equal(t, "Size", parts[0].get("Size"), strconv.Itoa(len(data)))
				equal(t, "HashCrc64ecma", parts[0].get("HashCrc64ecma"), crcOf(data))
				e.complete(t, key, id, numbered(data)).wants(t, 200)
				e.holds(t, key, data)
			},
		},
		{
			ID: "A042", Source: recorded, Where: "aliblobstoreit_testuploadwithmd5checksum_bytearray-put-2.json",
			Ops:   []string{op, "PutObject"},
			Claim: "A Content-MD5 that is right is accepted.",
			check: func(t *testing.T, e *env) {
				key, data := e.key("object"), []byte("data")
				e.upload(t, key, e.initiate(t, key), 1, data, "Content-MD5", md5Of(data)).wants(t, 200)
				e.put(t, key, data, "Content-MD5", md5Of(data))
			},
		},
		{
			ID: "A043", Source: recorded,
			Where: "aliblobstoreit_testuploadwithinvalidmd5checksum_inputstream-put-1.json",
			Ops:   []string{"PutObject", op},
			Claim: "A Content-MD5 that is wrong is 400 InvalidDigest, EC 0017-00000503, and is repeated " +
				"in an element of its name.",
			check: func(t *testing.T, e *env) {
				key, wrong := e.key("object"), md5Of([]byte("other"))
				r := e.send(t, request{method: "PUT", key: key, body: []byte("data"),
					header: []string{"Content-MD5", wrong}})
				e.refused(t, r, 400, "InvalidDigest", "0017-00000503", "Content-MD5", wrong)
				r = e.upload(t, key, e.initiate(t, key), 1, []byte("data"), "Content-MD5", wrong)
				e.refused(t, r, 400, "InvalidDigest", "0017-00000503", "Content-MD5", wrong)
			},
		},
		{
			ID: "A044", Source: documented, Where: "docs: HTTP 400 status code", Ops: []string{op, "PutObject"},
			Claim: "A Content-MD5 that is no base64 of 16 bytes is InvalidDigest too.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				id := e.initiate(t, key)
				for _, wrong := range []string{"?", "8D777F385D3DFEC8815D20F7496026DC", "AAAA"} {
					e.refused(t, e.upload(t, key, id, 1, []byte("data"), "Content-MD5", wrong), 400, "InvalidDigest",
						"")
				}
			},
		},
		{
			ID: "A045", Source: inferred, Where: "InvalidDigest is a refusal", Ops: []string{op, "PutObject"},
			Claim: "Bytes that came with a wrong Content-MD5 are not stored, and what was there stays.",
			check: func(t *testing.T, e *env) {
				key, data := e.key("object"), []byte("good")
				id := e.begin(t, key, data)
				e.put(t, key, data)
				e.upload(t, key, id, 1, []byte("bad"), "Content-MD5", md5Of(data)).wants(t, 400)
				e.upload(t, key, id, 2, []byte("bad"), "Content-MD5", md5Of(data)).wants(t, 400)
				e.send(t, request{method: "PUT", key: key, body: []byte("bad"),
					header: []string{"Content-MD5", md5Of(data)}}).wants(t, 400)
				parts := e.parts(t, key, id).all("Part")
				if len(parts) != 1 || parts[0].get("ETag") != etagOf(data) {
					t.Errorf("parts = %v, want the good one only", parts)
				}
				e.holds(t, key, data)
			},
		},
		{
			ID: "A046", Source: documented, Where: "docs: UploadPart; HTTP 400 status code",
			Ops:   []string{op, "PutObject"},
			Claim: "An x-oss-hash-crc64ecma in the request is checked: right is accepted, wrong is 400 InvalidCRC64.",
			check: func(t *testing.T, e *env) {
				key, data := e.key("object"), []byte("data")
				id := e.initiate(t, key)
				e.upload(t, key, id, 1, data, "x-oss-hash-crc64ecma", crcOf(data)).wants(t, 200)
				r := e.upload(t, key, id, 1, data, "x-oss-hash-crc64ecma", crcOf([]byte("other")))
				e.refused(t, r, 400, "InvalidCRC64", "")
			},
		},
		{
			ID: "A047", Source: documented, Where: "docs: UploadPart; error page EC 0017-00000220", Ops: []string{op},
			Claim: "A part number is 1 to 10000; any other is 400 InvalidArgument, EC " +
				"0017-00000220, naming PartNumber.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				id := e.initiate(t, key)
				for _, number := range []int{0, -1, 10001} {
					r := e.upload(t, key, id, number, []byte("1"))
					e.refused(t, r, 400, "InvalidArgument", "0017-00000220", "ArgumentName", "PartNumber",
						"ArgumentValue", strconv.Itoa(number))
				}
				r := e.send(t, request{method: "PUT", key: key, query: []string{"partNumber", "one", "uploadId", id}})
				e.refused(t, r, 400, "InvalidArgument", "0017-00000220", "ArgumentName",
					"PartNumber", "ArgumentValue", "one")
				for _, number := range []int{1, 10000} {
					e.upload(t, key, id, number, []byte("1")).wants(t, 200)
				}
			},
		},
		{
			ID: "A048", Source: documented, Where: "error page EC 0017-00000219", Ops: []string{op},
			Claim: "An UploadPart without partNumber is 400 InvalidArgument, EC 0017-00000219, and never a PutObject.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				r := e.send(t, request{method: "PUT", key: key, query: []string{"uploadId", e.initiate(t, key)},
					body: []byte("1")})
				e.refused(t, r, 400, "InvalidArgument", "0017-00000219")
				e.head(t, key).wants(t, 404)
			},
		},
		{
			ID: "A049", Source: documented, Where: "docs: UploadPart", Ops: []string{op},
			Claim: "The size of a part is not checked when it is sent: small parts are taken in any place.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				id := e.begin(t, key, []byte("1"), []byte("2"), []byte("3"))
				if n := len(e.parts(t, key, id).all("Part")); n != 3 {
					t.Errorf("%d parts, want 3", n)
				}
			},
		},
		{
			ID: "A050", Source: liveTest, Where: "aliyun/aliyun-oss-java-sdk; aliyun/alibabacloud-oss-go-sdk-v2",
			Ops:   []string{op, "PutObject"},
			Claim: "A body may come chunked, without its length.",
			check: func(t *testing.T, e *env) {
				key, data := e.key("object"), block('1', minPart)
				id := e.initiate(t, key)
				r := e.send(t, request{method: "PUT", key: key, query: []string{"partNumber", "1", "uploadId", id},
					body: data, chunked: true})
				r.wants(t, 200).is(t, "ETag", etagOf(data))
				e.send(t, request{method: "PUT", key: key, body: data, chunked: true}).wants(t, 200)
				e.holds(t, key, data)
			},
		},
		{
			ID: "A051", Source: liveTest, Where: "aliyun/alibabacloud-oss-go-sdk-v2 oss/client_integration_test.go",
			Ops: []string{op},
			Claim: "A part for an upload that is unknown, aborted or completed is 404 NoSuchUpload, EC " +
				"0042-00000104, with its UploadId.",
			check: func(t *testing.T, e *env) {
				key, data := e.key("object"), []byte("1")
				aborted, completed := e.begin(t, key, data), e.begin(t, key, data)
				e.abort(t, key, aborted).wants(t, 204)
				e.complete(t, key, completed, numbered(data)).wants(t, 200)
				for _, id := range []string{"0123456789ABCDEF0123456789ABCDEF", aborted, completed} {
					e.refused(t, e.upload(t, key, id, 1, data), 404, "NoSuchUpload", "0042-00000104", "UploadId", id)
				}
			},
		},
		{
			ID: "A052", Source: inferred, Where: "an upload is named by bucket, key and ID",
			Ops:   []string{op, "ListParts", "AbortMultipartUpload", "CompleteMultipartUpload"},
			Claim: "An upload ID is valid for its own key only: with another it is NoSuchUpload, and nothing changes.",
			check: func(t *testing.T, e *env) {
				key, other, data := e.key("object"), e.key("other"), []byte("1")
				id := e.begin(t, key, data)
				for _, r := range []*reply{
					e.upload(t, other, id, 1, []byte("2")),
					e.send(t, request{method: "GET", key: other, query: []string{"uploadId", id}}),
					e.complete(t, other, id, numbered(data)),
					e.abort(t, other, id),
				} {
					e.refused(t, r, 404, "NoSuchUpload", "", "UploadId", id)
				}
				e.complete(t, key, id, numbered(data)).wants(t, 200)
			},
		},
		{
			ID: "A053", Source: documented, Where: "docs: Server-side encryption", Ops: []string{op},
			Claim: "Encryption headers on UploadPart are 400 InvalidArgument.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				id := e.initiate(t, key, "x-oss-server-side-encryption", "AES256")
				r := e.upload(t, key, id, 1, []byte("1"), "x-oss-server-side-encryption", "AES256")
				e.refused(t, r, 400, "InvalidArgument", "")
			},
		},
		{
			ID: "A054", Source: liveTest, Ops: []string{op, "PutObject", "InitiateMultipartUpload"},
			Where: nodeSDK + "; docs: Single-connection bandwidth throttling; error page EC 0004-00000502",
			Claim: "x-oss-traffic-limit is at most 838860800 bit/s, above that 400 " +
				"InvalidArgument, EC 0004-00000502. " +
				"The documented minimum of 819200 is not insisted on, and Initiate ignores the header.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				id := e.initiate(t, key, "x-oss-traffic-limit", "645763")
				for _, limit := range []string{"838860801", "fast"} {
					r := e.upload(t, key, id, 1, []byte("1"), "x-oss-traffic-limit", limit)
					e.refused(t, r, 400, "InvalidArgument", "0004-00000502")
				}
				for _, limit := range []string{"645763", "819200", "838860800"} {
					e.upload(t, key, id, 1, []byte("1"), "x-oss-traffic-limit", limit).wants(t, 200)
				}
			},
		},
	}
}
