package conformance_test

import "testing"

// initiateAssumptions are about InitiateMultipartUpload.
func initiateAssumptions() []assumption {
	const op = "InitiateMultipartUpload"
	return []assumption{
		{
			ID: "A020", Source: recorded, Where: "aliblobstoreit_testmultipartupload_singlepart-post-6.json",
			Ops: []string{op},
			Claim: "The reply is InitiateMultipartUploadResult with Bucket, Key and UploadId, and has no header " +
				"of its own but Content-Type.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				r := e.send(t, request{method: "POST", key: key, query: []string{"uploads", ""}}).wants(t, 200)
				r.carries(t, "Content-Type")
				doc := r.xml(t)
				equal(t, "root", doc.name, "InitiateMultipartUploadResult")
				equal(t, "elements", doc.names(), "Bucket Key UploadId")
				equal(t, "Bucket", doc.get("Bucket"), e.bucket)
				equal(t, "Key", doc.get("Key"), key)
			},
		},
		{
			ID: "A021", Source: recorded, Where: "aliblobstoreit_testmultipartupload_singlepart-post-6.json",
			Ops:   []string{op},
			Claim: "With encoding-type=url the first element is EncodingType, and a slash in Key is %2F.",
			check: func(t *testing.T, e *env) {
				key := e.key("a&b\x0c+c")
				r := e.send(t, request{method: "POST", key: key,
					query: []string{"uploads", "", "encoding-type", "url"}})
				doc := r.wants(t, 200).xml(t)
				equal(t, "elements", doc.names(), "EncodingType Bucket Key UploadId")
				equal(t, "EncodingType", doc.get("EncodingType"), "url")
				equal(t, "Key", doc.get("Key"), escapeQuery(key))
			},
		},
		{
			ID: "A022", Source: recorded, Where: "aliblobstoreit_testmultipartupload_*-post-*.json", Ops: []string{op},
			Claim: "An upload ID is 32 upper-case hex digits.",
			check: func(t *testing.T, e *env) { matches(t, "UploadId", e.initiate(t, e.key("object")), uploadID) },
		},
		{
			ID: "A023", Source: documented, Where: "docs: InitiateMultipartUpload",
			Ops:   []string{op, "UploadPart", "AbortMultipartUpload"},
			Claim: "An object of the same key is not touched before Complete, nor by Abort.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				e.put(t, key, []byte("old"))
				id := e.begin(t, key, []byte("new"))
				e.holds(t, key, []byte("old"))
				e.abort(t, key, id).wants(t, 204)
				e.holds(t, key, []byte("old"))
			},
		},
		{
			ID: "A024", Source: documented, Where: "docs: InitiateMultipartUpload",
			Ops: []string{op, "CompleteMultipartUpload"},
			Claim: "Every call begins another upload; uploads of one key have parts of their own, and the " +
				"last Complete wins the key.",
			check: func(t *testing.T, e *env) {
				key, one, two := e.key("object"), []byte("one"), []byte("two")
				first, second := e.begin(t, key, one), e.begin(t, key, two)
				if first == second {
					t.Fatalf("both uploads are %s", first)
				}
				e.complete(t, key, second, numbered(two)).wants(t, 200)
				e.holds(t, key, two)
				equal(t, "ETag", e.parts(t, key, first).first(t, "Part").get("ETag"), etagOf(one))
				e.complete(t, key, first, numbered(one)).wants(t, 200)
				e.holds(t, key, one)
			},
		},
		{
			ID: "A025", Source: documented, Where: "docs: InitiateMultipartUpload", Ops: []string{op, "HeadObject"},
			Claim: "The standard headers of the object are those given at Initiate.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				given := []string{
					"Content-Type", "text/csv", "Cache-Control", "max-age=60", "Content-Disposition",
					`attachment; filename="a.csv"`, "Content-Encoding", "identity", "Content-Language", "de", "Expires",
					"Thu, 01 Jan 2099 00:00:00 GMT",
				}
				id := e.initiate(t, key, given...)
				e.upload(t, key, id, 1, []byte("1")).wants(t, 200)
				e.complete(t, key, id, numbered([]byte("1"))).wants(t, 200)
				e.head(t, key).wants(t, 200).is(t, given...)
			},
		},
		{
			ID: "A026", Source: recorded, Where: "aliblobstoreit_testmultipartupload_singlepart-head-2.json",
			Ops:   []string{op, "HeadObject"},
			Claim: "Metadata is given at Initiate; names come back in lower case.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				id := e.initiate(t, key, "x-oss-meta-Color", "blue", "x-oss-meta-123", "456")
				e.upload(t, key, id, 1, []byte("1")).wants(t, 200)
				e.complete(t, key, id, numbered([]byte("1"))).wants(t, 200)
				e.head(t, key).wants(t, 200).is(t, "x-oss-meta-color", "blue", "x-oss-meta-123", "456")
			},
		},
		{
			ID: "A027", Source: documented, Where: "docs: CompleteMultipartUpload",
			Ops:   []string{op, "CompleteMultipartUpload"},
			Claim: "Metadata and Content-Type sent with Complete are not the object's.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				id := e.initiate(t, key, "Content-Type", "text/csv")
				e.upload(t, key, id, 1, []byte("1")).wants(t, 200)
				e.complete(t, key, id, numbered([]byte("1")), "Content-Type", "application/xml",
					"x-oss-meta-late", "1").wants(t, 200)
				e.head(t, key).wants(t, 200).is(t, "Content-Type", "text/csv", "x-oss-meta-late", "")
			},
		},
		{
			ID: "A028", Source: documented, Where: "docs: InitiateMultipartUpload", Ops: []string{op, "PutObject"},
			Claim: "Without a Content-Type the object's is application/octet-stream.",
			check: func(t *testing.T, e *env) {
				key, put := e.key("object"), e.key("put")
				id := e.begin(t, key, []byte("1"))
				e.complete(t, key, id, numbered([]byte("1"))).wants(t, 200)
				e.put(t, put, []byte("1"))
				for _, key := range []string{key, put} {
					e.head(t, key).wants(t, 200).is(t, "Content-Type", "application/octet-stream")
				}
			},
		},
		{
			ID: "A029", Source: recorded, Where: "aliblobstoreit_testmultipartupload_withkms-*.json",
			Ops: []string{op, "UploadPart", "CompleteMultipartUpload", "ListParts", "HeadObject"},
			Claim: "Encryption given at Initiate is echoed by Initiate, UploadPart, Complete and HEAD, not by " +
				"ListParts; ETag and CRC-64 are of the plain bytes.",
			check: func(t *testing.T, e *env) {
				const name = "x-oss-server-side-encryption"
				key, data := e.key("object"), []byte("1")
				r := e.send(t, request{method: "POST", key: key, query: []string{"uploads", ""},
					header: []string{name, "AES256"}})
				r.wants(t, 200).is(t, name, "AES256")
				id := r.xml(t).get("UploadId")
				e.upload(t, key, id, 1, data).wants(t, 200).is(t, name, "AES256", "ETag", etagOf(data),
					"x-oss-hash-crc64ecma", crcOf(data))
				e.send(t, request{method: "GET", key: key, query: []string{"uploadId", id}}).wants(t, 200).is(t, name,
					"")
				e.complete(t, key, id, numbered(data)).wants(t, 200).is(t, name, "AES256", "ETag", joinedETag(data))
				e.head(t, key).wants(t, 200).is(t, name, "AES256", "x-oss-hash-crc64ecma", crcOf(data))
			},
		},
		{
			ID: "A030", Source: documented, Where: "docs: Server-side encryption", Ops: []string{op, "PutObject"},
			Claim: "An encryption other than AES256, KMS and SM4 is 400 InvalidEncryptionAlgorithmError.",
			check: func(t *testing.T, e *env) {
				header := []string{"x-oss-server-side-encryption", "ROT13"}
				r := e.send(t, request{method: "POST", key: e.key("object"),
					query: []string{"uploads", ""}, header: header})
				e.refused(t, r, 400, "InvalidEncryptionAlgorithmError", "")
				r = e.send(t, request{method: "PUT", key: e.key("object"), header: header})
				e.refused(t, r, 400, "InvalidEncryptionAlgorithmError", "")
			},
		},
		{
			ID: "A031", Source: documented, Where: "docs: InitiateMultipartUpload", Ops: []string{op},
			Claim: "With x-oss-forbid-overwrite Initiate refuses a key that exists: 409 FileAlreadyExists.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				e.initiate(t, key, "x-oss-forbid-overwrite", "true")
				e.put(t, key, nil)
				r := e.send(t, request{method: "POST", key: key, query: []string{"uploads", ""},
					header: []string{"x-oss-forbid-overwrite", "true"}})
				e.refused(t, r, 409, "FileAlreadyExists", "")
				e.initiate(t, key, "x-oss-forbid-overwrite", "false")
			},
		},
		{
			ID: "A032", Source: documented, Where: "error page EC 0017-00000279",
			Ops:   []string{op, "PutObject", "CompleteMultipartUpload"},
			Claim: "x-oss-forbid-overwrite is true or false; anything else is 400 InvalidArgument, EC 0017-00000279.",
			check: func(t *testing.T, e *env) {
				key, header := e.key("object"), []string{"x-oss-forbid-overwrite", "perhaps"}
				r := e.send(t, request{method: "POST", key: key, query: []string{"uploads", ""}, header: header})
				e.refused(t, r, 400, "InvalidArgument", "0017-00000279")
				r = e.send(t, request{method: "PUT", key: key, header: header})
				e.refused(t, r, 400, "InvalidArgument", "0017-00000279")
				id := e.begin(t, key, []byte("1"))
				e.refused(t, e.complete(t, key, id, numbered([]byte("1")), header...), 400,
					"InvalidArgument", "0017-00000279")
			},
		},
		{
			ID: "A033", Source: liveTest,
			Where: "aliyun/aliyun-oss-python-sdk tests/test_upload.py; aliyun/aliyun-oss-cpp-sdk; " +
				"error page EC 0042-00000108", Ops: []string{op, "UploadPart"},
			Claim: "An upload begun with ?sequential takes its parts in order only: a gap is 400 " +
				"PartNotSequential, a part that is there " +
				"409 PartAlreadyExist; both leave it usable. The object has a Content-MD5.",
			check: func(t *testing.T, e *env) {
				key, one, two := e.key("object"), block('1', minPart), []byte("2")
				r := e.send(t, request{method: "POST", key: key,
					query: []string{"uploads", "", "sequential", ""}}).wants(t, 200)
				id := r.xml(t).get("UploadId")
				e.refused(t, e.upload(t, key, id, 2, two), 400, "PartNotSequential", "")
				e.upload(t, key, id, 1, one).wants(t, 200)
				again := e.refused(t, e.upload(t, key, id, 1, one), 409, "PartAlreadyExist", "0042-00000108")
				equal(t, "Message", again.get("Message"),
					"For sequential multipart upload, you can't overwrite uploaded parts.")
				e.upload(t, key, id, 2, two).wants(t, 200)
				e.complete(t, key, id, numbered(one, two)).wants(t, 200)
				e.head(t, key).wants(t, 200).is(t, "Content-MD5", md5Of(append(one, two...)))
			},
		},
	}
}
