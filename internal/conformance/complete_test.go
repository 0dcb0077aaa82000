package conformance_test

import (
	"strings"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/oss/osstest"
)

// completeAssumptions are about a CompleteMultipartUpload that succeeds.
func completeAssumptions() []assumption {
	const op = "CompleteMultipartUpload"
	one, two, three := block('1', minPart), block('2', minPart), []byte("3")
	return []assumption{
		{
			ID: "A080", Source: recorded, Where: "aliblobstoreit_testmultipartupload_singlepart-post-3.json",
			Ops: []string{op},
			Claim: "The reply is CompleteMultipartUploadResult with Location, Bucket, Key and ETag, and has the ETag " +
				"and the CRC-64 as headers.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				r := e.complete(t, key, e.begin(t, key, one), numbered(one)).wants(t, 200)
				r.carries(t, "Content-Type", "ETag", "x-oss-hash-crc64ecma")
				doc := r.xml(t)
				equal(t, "root", doc.name, "CompleteMultipartUploadResult")
				equal(t, "elements", doc.names(), "Location Bucket Key ETag")
				equal(t, "Bucket", doc.get("Bucket"), e.bucket)
				equal(t, "Key", doc.get("Key"), key)
				equal(t, "ETag", doc.get("ETag"), r.header.Get("ETag"))
			},
		},
		{
			ID: "A081", Source: recorded, Where: "aliblobstoreit_testmultipartupload_*-post-3.json (the docs deny it)",
			Ops: []string{op, "HeadObject"},
			Claim: "The object's ETag is the MD5 of the upper-case hex ETags of its parts, joined as text, " +
				"a hyphen, and their number.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				id := e.begin(t, key, one, two, three)
				e.complete(t, key, id, numbered(one, two, three)).wants(t, 200).is(t, "ETag",
					joinedETag(one, two, three))
				e.head(t, key).wants(t, 200).is(t, "ETag", joinedETag(one, two, three))
			},
		},
		{
			ID: "A082", Source: recorded, Where: "aliblobstoreit_testmultipartupload_duplicateparts-post-3.json",
			Ops:   []string{op, "HeadObject"},
			Claim: "The object's CRC-64 is that of its whole content.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				id := e.begin(t, key, one, two, three)
				crc := crcOf([]byte(string(one) + string(two) + string(three)))
				e.complete(t, key, id, numbered(one, two, three)).wants(t, 200).is(t, "x-oss-hash-crc64ecma", crc)
				e.head(t, key).wants(t, 200).is(t, "x-oss-hash-crc64ecma", crc)
			},
		},
		{
			ID: "A083", Source: recorded,
			Where: "aliblobstoreit_testmultipartupload_singlepart-post-3.json; quoted: 2015", Ops: []string{op},
			Claim: "The ETags in the body may have their quotes or not.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				for _, etag := range []string{etagOf(one), strings.Trim(etagOf(one), `"`),
					"&quot;" + strings.Trim(etagOf(one), `"`) + "&quot;"} {
					e.complete(t, key, e.begin(t, key, one), []listed{{1, etag}}).wants(t, 200)
				}
			},
		},
		{
			ID: "A084", Source: inferred, Where: "hex digits have no case", Ops: []string{op},
			Claim: "The case of the ETags in the body does not matter.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				e.complete(t, key, e.begin(t, key, one), []listed{{1, strings.ToLower(etagOf(one))}}).wants(t, 200).
					is(t, "ETag", joinedETag(one))
			},
		},
		{
			ID: "A085", Source: recorded, Where: "aliblobstoreit_testmultipartupload_duplicateparts-post-3.json",
			Ops:   []string{op},
			Claim: "Part numbers may have gaps and need not begin with 1; the number in the ETag counts parts.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				id := e.initiate(t, key)
				e.upload(t, key, id, 2, one).wants(t, 200)
				e.upload(t, key, id, 10000, three).wants(t, 200)
				e.upload(t, key, id, 5, two).wants(t, 200)
				list := []listed{{2, etagOf(one)}, {5, etagOf(two)}, {10000, etagOf(three)}}
				e.complete(t, key, id, list).wants(t, 200).is(t, "ETag", joinedETag(one, two, three))
				e.holds(t, key, []byte(string(one)+string(two)+string(three)))
			},
		},
		{
			ID: "A086", Source: documented, Where: "docs: CompleteMultipartUpload", Ops: []string{op},
			Claim: "Parts that are not listed are not in the object, and are gone with the upload.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				id := e.begin(t, key, one, two, three)
				e.complete(t, key, id, []listed{{1, etagOf(one)}, {3, etagOf(three)}}).wants(t, 200).is(t,
					"ETag", joinedETag(one, three))
				e.holds(t, key, []byte(string(one)+string(three)))
				r := e.send(t, request{method: "GET", key: key, query: []string{"uploadId", id}})
				e.refused(t, r, 404, "NoSuchUpload", "")
			},
		},
		{
			ID: "A087", Source: documented, Where: "docs: CompleteMultipartUpload", Ops: []string{op},
			Claim: "The last part that is listed may be small, whatever is stored behind it.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				id := e.begin(t, key, one, three, two)
				e.complete(t, key, id, numbered(one, three)).wants(t, 200).is(t, "ETag", joinedETag(one, three))
			},
		},
		{
			ID: "A088", Source: liveTest, Where: "aliyun/alibabacloud-oss-go-sdk-v2 oss/client_integration_test.go",
			Ops:   []string{op},
			Claim: "With x-oss-complete-all: yes and no body all parts are taken, by number.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				id := e.initiate(t, key)
				e.upload(t, key, id, 9, three).wants(t, 200)
				e.upload(t, key, id, 2, one).wants(t, 200)
				e.upload(t, key, id, 4, two).wants(t, 200)
				r := e.send(t, request{method: "POST", key: key, query: []string{"uploadId", id},
					header: []string{"x-oss-complete-all", "yes"}})
				r.wants(t, 200).is(t, "ETag", joinedETag(one, two, three))
				equal(t, "elements", r.xml(t).names(), "Location Bucket Key ETag")
				e.holds(t, key, []byte(string(one)+string(two)+string(three)))
			},
		},
		{
			ID: "A089", Source: recorded, Where: "aliblobstoreit_testmultipartupload_singlepart-post-3.json",
			Ops: []string{op},
			Claim: "Location is the address asked for, in its scheme; its slashes stay with encoding-type=url, " +
				"which encodes those of Key.",
			check: func(t *testing.T, e *env) {
				key := e.key("dir/object")
				id := e.begin(t, key, one)
				body := "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>" + etagOf(one) +
					"</ETag></Part></CompleteMultipartUpload>"
				r := e.send(t, request{method: "POST", key: key,
					query: []string{"uploadId", id, "encoding-type", "url"}, body: []byte(body)})
				doc := r.wants(t, 200).xml(t)
				equal(t, "elements", doc.names(), "EncodingType Location Bucket Key ETag")
				equal(t, "Location", doc.get("Location"), e.endpoint.Scheme+"://"+e.bucket+"."+e.endpoint.Host+"/"+key)
				equal(t, "Key", doc.get("Key"), escapeQuery(key))
			},
		},
		{
			ID: "A090", Source: recorded, Where: "seven uploads in salesforce/multicloudj (S3 says otherwise)",
			Ops:      []string{op, "HeadObject"},
			Claim:    "The object's Last-Modified is the moment of Complete, not of Initiate.",
			FakeOnly: "the clock is moved",
			check: func(t *testing.T, _ *env) {
				clock := newClock()
				e := &env{system: fakeSystemWith(t, osstest.Options{Now: clock.now}), id: "A090"}
				key := e.key("object")
				id := e.begin(t, key, one)
				clock.advance(time.Hour)
				e.complete(t, key, id, numbered(one)).wants(t, 200)
				modified := clock.now()
				clock.advance(time.Hour)
				e.head(t, key).wants(t, 200).is(t, "Last-Modified",
					modified.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT"))
			},
		},
		{
			ID: "A091", Source: documented, Where: "docs: CompleteMultipartUpload", Ops: []string{op},
			Claim: "An object that is there is replaced, headers and all.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				e.put(t, key, []byte("old"), "x-oss-meta-old", "1")
				e.complete(t, key, e.begin(t, key, one), numbered(one)).wants(t, 200)
				e.head(t, key).wants(t, 200).is(t, "x-oss-object-type", "Multipart", "x-oss-meta-old", "")
				e.holds(t, key, one)
			},
		},
		{
			ID: "A092", Source: sdkSource,
			Where: "aliyun/alibabacloud-oss-go-sdk-v2, aliyun/aliyun-oss-java-sdk, aliyun/aliyun-oss-python-sdk",
			Ops:   []string{op},
			Claim: "The ACL of the object is given with Complete, as x-oss-object-acl.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				e.complete(t, key, e.begin(t, key, one), numbered(one), "x-oss-object-acl", "private").wants(t, 200)
			},
		},
		{
			ID: "A093", Source: documented, Where: "docs: Common HTTP headers", Ops: []string{op},
			Claim: "Content-MD5 of the body is taken, and checked.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				id := e.begin(t, key, one)
				body := []byte("<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>" + etagOf(one) +
					"</ETag></Part></CompleteMultipartUpload>")
				e.refused(t, e.complete(t, key, id, numbered(one), "Content-MD5", md5Of([]byte("other"))), 400,
					"InvalidDigest", "")
				e.complete(t, key, id, numbered(one), "Content-MD5", md5Of(body)).wants(t, 200)
			},
		},
		{
			ID: "A094", Source: inferred, Where: "it is XML", Ops: []string{op},
			Claim: "The body may have a declaration, white space, and more in a part than OSS asks for.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				id := e.begin(t, key, one)
				body := "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" +
					"<CompleteMultipartUpload>\n  <Part>\n    <ETag>" + etagOf(one) +
					"</ETag>\n    <PartNumber>1</PartNumber>\n  </Part>\n</CompleteMultipartUpload>\n"
				e.send(t, request{method: "POST", key: key, query: []string{"uploadId", id}, body: []byte(body)}).wants(
					t, 200)
			},
		},
	}
}
