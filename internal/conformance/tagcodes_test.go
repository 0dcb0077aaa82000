package conformance_test

import (
	"fmt"
	"strings"
	"testing"
)

// tagCodeAssumptions are about the codes by which tags are refused.
func tagCodeAssumptions() []assumption {
	return []assumption{
		{
			ID: "A460", Source: liveTest, Where: cppSDK + " ObjectTaggingTest; " + pythonSDK,
			Ops: []string{"PutObject", "InitiateMultipartUpload", "AppendObject"},
			Claim: "In x-oss-tagging eleven tags are BadRequest, a key twice is InvalidArgument, a forbidden " +
				"character InvalidTag; " +
				"an append that is not the first ignores the header.",
			check: func(t *testing.T, e *env) {
				var eleven []string
				for i := range 11 {
					eleven = append(eleven, fmt.Sprintf("k%d=v", i))
				}
				for tags, code := range map[string]string{
					strings.Join(eleven, "&"): "BadRequest", "k=1&k=2": "InvalidArgument", "key1%26=v": "InvalidTag",
				} {
					header := []string{"x-oss-tagging", tags}
					e.refused(t, e.send(t, request{method: "PUT", key: e.key("object"), header: header}), 400, code, "")
					r := request{method: "POST", key: e.key("object"), query: []string{"uploads", ""}, header: header}
					e.refused(t, e.send(t, r), 400, code, "")
				}
				r := request{method: "POST", key: e.key("log"), query: []string{"append", "", "position", "0"},
					body: []byte("1")}
				e.send(t, r).wants(t, 200)
				r.query[3], r.header = "1", []string{"x-oss-tagging", "k=1&k=2"}
				e.send(t, r).wants(t, 200)
			},
		},
		{
			ID: "A461", Source: liveTest, Where: cppSDK + " ObjectTaggingTest", Ops: []string{"PutObjectTagging"},
			Claim: "In a document a key twice and a forbidden character are InvalidTag.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				e.put(t, key, nil)
				tag := func(key, value string) string {
					return "<Tag><Key>" + key + "</Key><Value>" + value + "</Value></Tag>"
				}
				for _, tags := range []string{tag("%@abc", "v"), tag("k", "%abc"), tag("k", "1") + tag("k", "2")} {
					body := []byte("<Tagging><TagSet>" + tags + "</TagSet></Tagging>")
					r := e.send(t, request{method: "PUT", key: key, query: []string{"tagging", ""}, body: body})
					e.refused(t, r, 400, "InvalidTag", "")
				}
			},
		},
	}
}
