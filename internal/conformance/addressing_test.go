package conformance_test

import (
	"strings"
	"testing"
)

// addressingAssumptions are about hosts, paths and keys.
func addressingAssumptions() []assumption {
	return []assumption{
		{
			ID: "A001", Source: recorded, Where: "every recording", Ops: []string{"PutObject", "HeadObject"},
			Claim: "The bucket is the first label of the host and the key is the whole path.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				e.put(t, key, []byte("1"))
				e.head(t, key).wants(t, 200).is(t, "Content-Length", "1")
			},
		},
		{
			ID: "A002", Source: documented, Where: "docs: HTTP 403 status code", Ops: []string{"GetObject"},
			Claim: "The public endpoints refuse a bucket in the path with 403 SecondLevelDomainForbidden.",
			check: func(t *testing.T, e *env) {
				if !strings.HasSuffix(e.endpoint.Hostname(), ".aliyuncs.com") {
					t.Skip("the endpoint is not a public one")
				}
				r := e.send(t, request{method: "GET", key: e.key("none"), pathStyle: true})
				e.refused(t, r, 403, "SecondLevelDomainForbidden", "")
			},
		},
		{
			ID: "A003", Source: liveTest,
			Where: "aliyun/alibabacloud-oss-go-sdk-v2 oss/client_integration_test.go; aliyun/aliyun-oss-cpp-sdk",
			Ops:   []string{"PutObject", "GetObject"},
			Claim: "Keys may hold any characters, control characters among them, and are kept byte for byte.",
			check: func(t *testing.T, e *env) {
				for _, name := range []string{
					"a b", "a+b", "a%20b", "a%2Fb", "a?b#c", "a&b=c;d", `a"b'c<d>e`, "a\\b",
					"a:b@c,d|e^f`g{h}", "~-._!*()", "\u4e2d\u6587", "\U0001F600", "e\u0301", "\u00e9",
					"a\nb\vc\fd\x1ae\x1cf", "trailing/", " ", "%",
				} {
					key := e.key(name)
					e.put(t, key, []byte(name))
					e.holds(t, key, []byte(name))
				}
			},
		},
		{
			ID: "A004", Source: inferred, Where: "docs: Object naming names no such rule",
			Ops: []string{"PutObject", "GetObject"},
			Claim: "A path is decoded once and never cleaned: keys with empty, one-dot and two-dot " +
				"segments are keys of their own.",
			check: func(t *testing.T, e *env) {
				names := []string{"a/b", "a//b", "a/./b", "a/x/../b", "./a/b", "a/b/"}
				for _, name := range names {
					e.put(t, e.key(name), []byte(name))
				}
				for _, name := range names {
					e.holds(t, e.key(name), []byte(name))
				}
			},
		},
		{
			ID: "A005", Source: documented, Where: "docs: Object naming",
			Ops:   []string{"PutObject", "InitiateMultipartUpload"},
			Claim: "A key has at most 1023 bytes of UTF-8; a longer one is 400 InvalidObjectName.",
			check: func(t *testing.T, e *env) {
				longest := e.key("")
				longest += strings.Repeat("k", maxKey-len(longest))
				e.put(t, longest, nil)
				e.refused(t, e.send(t, request{method: "PUT", key: longest + "k"}), 400, "InvalidObjectName", "")
				r := e.send(t, request{method: "POST", key: longest + "k", query: []string{"uploads", ""}})
				e.refused(t, r, 400, "InvalidObjectName", "")
			},
		},
		{
			ID: "A006", Source: documented, Where: "docs: Object naming", Ops: []string{"PutObject"},
			Claim:    "A key does not begin with a slash or a backslash: 400 InvalidObjectName.",
			FakeOnly: "such a key is not below the prefix that the suite keeps to",
			check: func(t *testing.T, e *env) {
				for _, key := range []string{"/a", `\a`} {
					r := e.send(t, request{method: "PUT", bucket: e.bucket, key: key})
					e.refused(t, r, 400, "InvalidObjectName", "")
				}
			},
		},
		{
			ID: "A007", Source: recorded, Where: "aliblobstoreit_testnonexistentbucket-*.json",
			Ops: []string{"GetObject", "ListParts", "InitiateMultipartUpload",
				"CompleteMultipartUpload", "AbortMultipartUpload"},
			Claim: "Every operation on a missing bucket is 404 NoSuchBucket, EC 0015-00000101, with its BucketName.",
			check: func(t *testing.T, e *env) {
				bucket := e.missingBucket()
				for _, r := range []request{
					{method: "GET"},
					{method: "HEAD"},
					{method: "GET", query: []string{"uploadId", "none"}},
					{method: "POST", query: []string{"uploads", ""}},
					{method: "POST", query: []string{"uploadId", "none"}},
					{method: "DELETE", query: []string{"uploadId", "none"}},
				} {
					r.bucket, r.key = bucket, "key"
					e.refused(t, e.send(t, r), 404, "NoSuchBucket", "0015-00000101", "BucketName", bucket)
				}
			},
		},
		{
			ID: "A008", Source: recorded, Where: "aliblobstoreit_testcopyfrom-put-16.json", Ops: []string{"CopyObject"},
			Claim: "A name that no bucket can have is 400 InvalidBucketName, EC 0015-00000001, with its BucketName.",
			check: func(t *testing.T, e *env) {
				r := e.send(t, request{method: "PUT", key: e.key("copy"),
					header: []string{"x-oss-copy-source", "/NoBucket/key"}})
				e.refused(t, r, 400, "InvalidBucketName", "0015-00000001", "BucketName", "NoBucket")
			},
		},
	}
}
