package conformance_test

import (
	"strings"
	"testing"
)

// completeErrorAssumptions are about a CompleteMultipartUpload that is refused.
func completeErrorAssumptions() []assumption {
	const op = "CompleteMultipartUpload"
	one, two, three := block('1', minPart), block('2', minPart), []byte("3")
	return []assumption{
		{
			ID: "A100", Source: documented, Where: "docs: CompleteMultipartUpload; error page EC 0042-00000209",
			Ops:   []string{op},
			Claim: "Parts that are not listed in ascending order are 400 InvalidPartOrder, EC 0042-00000209.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				id := e.begin(t, key, one, two)
				e.refused(t, e.complete(t, key, id, []listed{{2, etagOf(two)}, {1, etagOf(one)}}), 400,
					"InvalidPartOrder", "0042-00000209")
			},
		},
		{
			ID: "A101", Source: inferred, Where: "equal numbers do not ascend", Ops: []string{op},
			Claim: "A part that is listed twice is InvalidPartOrder too.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				id := e.begin(t, key, one)
				e.refused(t, e.complete(t, key, id, []listed{{1, etagOf(one)}, {1, etagOf(one)}}),
					400, "InvalidPartOrder", "")
			},
		},
		{
			ID: "A102", Source: recorded, Where: "aliblobstoreit_testmultipartupload_badetag-post-2.json",
			Ops: []string{op},
			Claim: "A listed ETag that is not the part's is 400 InvalidPart, EC 0042-00000212, with ETag as " +
				"sent, PartNumber and UploadId.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				id := e.begin(t, key, one, two, three)
				wrong := strings.Trim(etagOf(two), `"`) + "fake"
				r := e.complete(t, key, id, []listed{{1, etagOf(one)}, {2, wrong}, {3, etagOf(three)}})
				doc := e.refused(t, r, 400, "InvalidPart", "0042-00000212", "ETag", wrong,
					"PartNumber", "2", "UploadId", id)
				equal(t, "Message", doc.get("Message"),
					"One or more of the specified parts could not be found or the specified entity tag might not have "+
						"matched the part's entity tag.")
			},
		},
		{
			ID: "A103", Source: documented, Where: "docs: CompleteMultipartUpload", Ops: []string{op},
			Claim: "A listed part that is not there is InvalidPart too.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				id := e.begin(t, key, one)
				r := e.complete(t, key, id, numbered(one, two))
				e.refused(t, r, 400, "InvalidPart", "0042-00000212", "ETag", "*", "PartNumber", "2", "UploadId", id)
			},
		},
		{
			ID: "A104", Source: liveTest, Where: "aliyun/aliyun-oss-java-sdk; error page EC 0042-00000213",
			Ops: []string{op, "UploadPart"},
			Claim: "A part below 102400 bytes that is not the last is 400 EntityTooSmall, EC " +
				"0042-00000213, and only now.",
			check: func(t *testing.T, e *env) {
				key, small := e.key("object"), block('1', minPart-1)
				id := e.begin(t, key, small, two)
				e.refused(t, e.complete(t, key, id, numbered(small, two)), 400, "EntityTooSmall", "0042-00000213")
				e.upload(t, key, id, 1, one).wants(t, 200)
				e.complete(t, key, id, numbered(one, two)).wants(t, 200)
			},
		},
		{
			ID: "A105", Source: liveTest, Where: "aliyun/alibabacloud-oss-go-sdk-v2 oss/client_integration_test.go",
			Ops:   []string{op},
			Claim: "No body, without x-oss-complete-all, is 400 MalformedXML, EC 0042-00000205.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				r := e.send(t, request{method: "POST", key: key, query: []string{"uploadId", e.begin(t, key, one)}})
				e.refused(t, r, 400, "MalformedXML", "0042-00000205")
			},
		},
		{
			ID: "A106", Source: documented, Where: "docs: CompleteMultipartUpload; HTTP 400 status code",
			Ops:   []string{op},
			Claim: "A body that is not the document it should be is 400 MalformedXML.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				id := e.begin(t, key, one)
				for _, body := range []string{
					"parts", "<CompleteMultipartUpload>",
					"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>" + etagOf(one) + "</ETag></Part>",
					"<Delete></Delete>",
				} {
					r := e.send(t, request{method: "POST", key: key,
						query: []string{"uploadId", id}, body: []byte(body)})
					e.refused(t, r, 400, "MalformedXML", "")
				}
			},
		},
		{
			ID: "A107", Source: documented, Where: "docs: CompleteMultipartUpload", Ops: []string{op},
			Claim: "A listed number outside 1 to 10000 is 400 InvalidArgument.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				id := e.begin(t, key, one)
				for _, number := range []int{0, 10001} {
					e.refused(t, e.complete(t, key, id, []listed{{number, etagOf(one)}}), 400, "InvalidArgument", "")
				}
			},
		},
		{
			ID: "A108", Source: liveTest, Where: "aliyun/alibabacloud-oss-go-sdk-v2 oss/client_integration_test.go",
			Ops:   []string{op},
			Claim: "x-oss-complete-all beside a body is 400 InvalidArgument, EC 0042-00000216, naming the header.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				r := e.complete(t, key, e.begin(t, key, one), numbered(one), "x-oss-complete-all", "yes")
				doc := e.refused(t, r, 400, "InvalidArgument", "0042-00000216", "ArgumentName",
					"x-oss-complete-all", "ArgumentValue", "yes")
				equal(t, "Message", doc.get("Message"), "Should not speficy both complete all header and http body.")
			},
		},
		{
			ID: "A109", Source: documented, Where: "docs: CompleteMultipartUpload; error page EC 0042-00000214",
			Ops: []string{op},
			Claim: "With x-oss-forbid-overwrite a key that exists is 409 FileAlreadyExists, EC 0042-00000214; the " +
				"object stays, and so does the upload.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				id := e.begin(t, key, one)
				e.put(t, key, []byte("old"))
				r := e.complete(t, key, id, numbered(one), "x-oss-forbid-overwrite", "true")
				e.refused(t, r, 409, "FileAlreadyExists", "0042-00000214")
				e.holds(t, key, []byte("old"))
				e.send(t, request{method: "DELETE", key: key}).wants(t, 204)
				e.complete(t, key, id, numbered(one), "x-oss-forbid-overwrite", "true").wants(t, 200)
				e.holds(t, key, one)
			},
		},
		{
			ID: "A110", Source: liveTest,
			Where: "aliyun/aliyun-oss-java-sdk; aliblobstoreit_testmultipartupload_badetag-delete-0.json",
			Ops:   []string{op},
			Claim: "A Complete that was refused leaves the upload and its parts: a corrected one succeeds.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				id := e.begin(t, key, one, two)
				e.complete(t, key, id, []listed{{1, "wrong"}}).wants(t, 400)
				e.complete(t, key, id, []listed{{2, etagOf(two)}, {1, etagOf(one)}}).wants(t, 400)
				e.head(t, key).wants(t, 404)
				e.complete(t, key, id, numbered(one, two)).wants(t, 200)
			},
		},
		{
			ID: "A111", Source: thirdParty, Where: "ali-sdk/ali-oss issue 1194 (S3 says otherwise)", Ops: []string{op},
			Claim: "A second Complete is 404 NoSuchUpload, EC 0042-00000203, with its UploadId; the object stays.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				id := e.begin(t, key, one)
				e.complete(t, key, id, numbered(one)).wants(t, 200)
				e.refused(t, e.complete(t, key, id, numbered(one)), 404, "NoSuchUpload",
					"0042-00000203", "UploadId", id)
				e.holds(t, key, one)
			},
		},
		{
			ID: "A112", Source: recorded,
			Where: "aliblobstoreit_testmultipartupload_completeanabortedupload-post-2.json", Ops: []string{op},
			Claim: "Complete after Abort is 404 NoSuchUpload, EC 0042-00000203, with its UploadId.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				id := e.begin(t, key, one)
				e.abort(t, key, id).wants(t, 204)
				doc := e.refused(t, e.complete(t, key, id, numbered(one)), 404, "NoSuchUpload",
					"0042-00000203", "UploadId", id)
				equal(t, "Message", doc.get("Message"),
					"The specified upload does not exist. The upload ID may be invalid, or the upload may have "+
						"been aborted or completed.")
				e.head(t, key).wants(t, 404)
			},
		},
	}
}
