package conformance_test

import "testing"

// emptyAssumptions are about objects that are made of nothing.
func emptyAssumptions() []assumption {
	return []assumption{
		{
			ID: "A440", Source: liveTest, Ops: []string{"CompleteMultipartUpload"},
			Where: goSDK + " UploadFrom of an empty reader; " + rubySDK + "; " + phpSDK +
				"; " + cSDK + " test_upload_part_copy",
			Claim: "A list that names no part makes an object of 0 bytes, whatever was uploaded. Older " +
				"documentation says MalformedXML.",
			check: func(t *testing.T, e *env) {
				for _, parts := range [][][]byte{nil, {[]byte("not listed")}} {
					key := e.key("object")
					r := e.complete(t, key, e.begin(t, key, parts...), nil).wants(t, 200)
					equal(t, "ETag", r.xml(t).get("ETag"), joinedETag())
					e.holds(t, key, nil)
				}
			},
		},
	}
}
