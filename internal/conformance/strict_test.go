package conformance_test

import (
	"crypto/md5"
	"encoding/base64"
	"strings"
	"testing"
)

// strictAssumptions are about what the service takes, refuses and calls otherwise than its documentation suggests.
func strictAssumptions() []assumption {
	return []assumption{
		{
			ID: "A470", Source: liveTest, Where: phpSDK + " testObject; " + cppSDK + " ObjectCopySameObjectMetaCopy",
			Ops: []string{"CopyObject"},
			Claim: "A copy onto itself takes the metadata of the request, if there is any, with " +
				"COPY and without a directive.",
			check: func(t *testing.T, e *env) {
				for _, directive := range [][]string{nil, {"x-oss-metadata-directive", "COPY"}} {
					key := e.key("object")
					e.put(t, key, nil, "x-oss-meta-a", "old")
					source := []string{"x-oss-copy-source", "/" + e.bucket + "/" + key, "x-oss-meta-b", "new"}
					e.send(t, request{method: "PUT", key: key, header: append(source, directive...)}).wants(t, 200)
					e.head(t, key).wants(t, 200).is(t, "x-oss-meta-a", "", "x-oss-meta-b", "new")
				}
			},
		},
		{
			ID: "A471", Source: liveTest, Where: phpSDK + "; error page EC 0016-00000004", Ops: []string{"PutObject"},
			FakeOnly: "such a key is not below the prefix that the suite keeps to",
			Claim:    "A key that is no UTF-8 is 400 InvalidArgument, EC 0016-00000004.",
			check: func(t *testing.T, e *env) {
				r := e.send(t, request{method: "PUT", key: "\xff"})
				e.refused(t, r, 400, "InvalidArgument", "0016-00000004")
			},
		},
		{
			ID: "A472", Source: liveTest, Where: pythonSDK, Ops: []string{"PutBucketVersioning"}, FakeOnly: ownBuckets,
			Claim: "A versioning status other than Enabled and Suspended, and none, is 400 MalformedXML.",
			check: func(t *testing.T, e *env) {
				for _, status := range []string{"Stop", ""} {
					body := "<VersioningConfiguration><Status>" + status + "</Status></VersioningConfiguration>"
					r := e.send(t, request{method: "PUT", query: []string{"versioning", ""}, body: []byte(body)})
					e.refused(t, r, 400, "MalformedXML", "")
				}
			},
		},
		{
			ID: "A473", Source: liveTest, Where: pythonSDK, Ops: []string{"ListObjects", "ListMultipartUploads",
				"ListObjectVersions"},
			Claim: "A prefix or a marker of more than 1024 bytes is 400 InvalidArgument, in any list.",
			check: func(t *testing.T, e *env) {
				long := strings.Repeat("p", 1025)
				for _, query := range [][]string{
					{"prefix", long}, {"marker", long}, {"uploads", "", "prefix", long},
					{"uploads", "", "key-marker", long},
					{"versions", "", "prefix", long},
				} {
					e.refused(t, e.send(t, request{method: "GET", query: query}), 400, "InvalidArgument", "")
				}
			},
		},
		{
			ID: "A474", Source: liveTest, Where: cSDK, Ops: []string{"PutObjectACL", "ListBuckets", "HeadObject",
				"DeleteMultipleObjects"},
			FakeOnly: "keys for one bucket may not list all, and such a key is not below the " +
				"prefix that the suite keeps to",
			Claim: "PutObjectACL without its header is MissingArgument; a prefix that no bucket can have is " +
				"400; HEAD of a key that " +
				"begins with a slash is 404; a Content-MD5 may have four zero bytes behind it.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				e.put(t, key, nil)
				r := e.send(t, request{method: "PUT", key: key, query: []string{"acl", ""}})
				e.refused(t, r, 400, "MissingArgument", "", "ArgumentName", "x-oss-object-acl")
				e.send(t, request{method: "GET", service: true, query: []string{"prefix", "No_Bucket"}}).wants(t, 400)
				e.refused(t, e.head(t, "/key"), 404, "NoSuchKey", "0026-00000001")
				body := []byte("<Delete><Object><Key>" + key + "</Key></Object></Delete>")
				sum := md5.Sum(body)
				padded := base64.StdEncoding.EncodeToString(append(sum[:], 0, 0, 0, 0))
				e.send(t, request{method: "POST", query: []string{"delete", ""}, body: body, checked: true,
					header: []string{"Content-MD5", padded}}).wants(t, 200)
			},
		},
		{
			ID: "A475", Source: liveTest, Where: pythonSDK + "test_exception_ec",
			Ops: []string{"CopyObject", "GetObject"},
			Claim: "A copy source with an empty versionId is 400 InvalidArgument; so is a V4 region with more " +
				"behind it than its name, " +
				"EC 0002-00000226.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				e.put(t, key, nil)
				source := []string{"x-oss-copy-source", "/" + e.bucket + "/" + key + "?versionId="}
				e.refused(t, e.send(t, request{method: "PUT", key: e.key("copy"), header: source}), 400,
					"InvalidArgument", "")
				e.needsV4(t)
				other := replaced("/"+e.region+"/", "/"+e.region+"-test-1/")
				r := e.send(t, request{method: "GET", key: key, tamper: other})
				doc := e.refused(t, r, 400, "InvalidArgument", "0002-00000226")
				equal(t, "Message", doc.get("Message"), "Invalid signing region in Authorization header.")
			},
		},
		{
			ID: "A476", Source: documented, Where: "error page EC 0017-00000235",
			Ops: []string{"InitiateMultipartUpload",
				"ListObjects"},
			Claim: "An encoding-type that is none of url, url2 and base64 is 400 InvalidArgument, EC 0017-00000235.",
			check: func(t *testing.T, e *env) {
				for _, r := range []request{
					{method: "POST", key: e.key("object"),
						query: []string{"uploads", "", "encoding-type", "urlencode"}},
					{method: "GET", query: []string{"encoding-type", "gzip"}},
				} {
					doc := e.refused(t, e.send(t, r), 400, "InvalidArgument", "0017-00000235")
					equal(t, "ArgumentName", doc.get("ArgumentName"), "encoding-type")
				}
			},
		},
	}
}
