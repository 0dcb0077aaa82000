package conformance_test

import "testing"

// abortAssumptions are about AbortMultipartUpload.
func abortAssumptions() []assumption {
	const op = "AbortMultipartUpload"
	return []assumption{
		{
			ID: "A115", Source: recorded, Where: "aliblobstoreit_testmultipartupload_badetag-delete-0.json",
			Ops:   []string{op},
			Claim: "Abort answers 204 with no body and no header of its own, whether there are parts or not.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				for _, id := range []string{e.initiate(t, key), e.begin(t, key, []byte("1"), []byte("2"))} {
					r := e.abort(t, key, id).wants(t, 204)
					r.carries(t)
					equal(t, "body", string(r.body), "")
				}
			},
		},
		{
			ID: "A116", Source: recorded, Where: "aliblobstoreit_testmultipartupload_*-delete-0.json",
			Ops: []string{op},
			Claim: "Abort of an upload that is unknown, aborted or completed is 404 NoSuchUpload, EC " +
				"0042-00000002, with its UploadId.",
			check: func(t *testing.T, e *env) {
				key, data := e.key("object"), []byte("1")
				aborted, completed := e.begin(t, key, data), e.begin(t, key, data)
				e.abort(t, key, aborted).wants(t, 204)
				e.complete(t, key, completed, numbered(data)).wants(t, 200)
				for _, id := range []string{"0123456789ABCDEF0123456789ABCDEF", aborted, completed} {
					e.refused(t, e.abort(t, key, id), 404, "NoSuchUpload", "0042-00000002", "UploadId", id)
				}
				e.holds(t, key, data)
			},
		},
		{
			ID: "A117", Source: liveTest, Where: "aliyun/alibabacloud-oss-go-sdk-v2 oss/client_integration_test.go",
			Ops:   []string{op, "ListParts"},
			Claim: "The parts of an aborted upload are gone: ListParts is 404 NoSuchUpload, EC 0042-00000002.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				id := e.begin(t, key, []byte("1"))
				e.abort(t, key, id).wants(t, 204)
				r := e.send(t, request{method: "GET", key: key, query: []string{"uploadId", id}})
				e.refused(t, r, 404, "NoSuchUpload", "0042-00000002", "UploadId", id)
			},
		},
		{
			ID: "A118", Source: documented, Where: "docs: AbortMultipartUpload", Ops: []string{op},
			Claim: "Abort of one upload leaves the others of the key alone.",
			check: func(t *testing.T, e *env) {
				key, data := e.key("object"), []byte("1")
				id, other := e.begin(t, key, data), e.begin(t, key, data)
				e.abort(t, key, id).wants(t, 204)
				e.complete(t, key, other, numbered(data)).wants(t, 200)
			},
		},
	}
}
