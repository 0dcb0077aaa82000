package conformance_test

import (
	"strings"
	"testing"

	"github.com/ossmultipart/go-oss/oss/osstest"
)

// Places of evidence that several checks share.
const (
	recordings = "salesforce/multicloudj blob/blob-ali/src/test/resources/mappings/"
	goSDK      = "aliyun/alibabacloud-oss-go-sdk-v2 oss/client_integration_test.go"
)

// ownBuckets is why checks of buckets run on the fake only.
const ownBuckets = "the suite makes and deletes no buckets in the account of the user"

// bucketAssumptions are about buckets as a whole.
func bucketAssumptions() []assumption {
	whole := func(method, bucket string, body string, header ...string) request {
		return request{method: method, bucket: bucket, body: []byte(body), header: header}
	}
	about := func(bucket, what string) request {
		return request{method: "GET", bucket: bucket, query: []string{what, ""}}
	}
	class := func(c string) string {
		return "<CreateBucketConfiguration><StorageClass>" + c + "</StorageClass></CreateBucketConfiguration>"
	}
	return []assumption{
		{
			ID: "A240", Source: recorded, Where: recordings + "aliblobclientit_testcreatebucket-put-1.json",
			Ops: []string{"PutBucket"}, FakeOnly: ownBuckets,
			Claim: "The reply to PutBucket has Location, the bucket behind a slash, and no body.",
			check: func(t *testing.T, e *env) {
				bucket := e.missingBucket()
				r := e.send(t, whole("PUT", bucket, "")).wants(t, 200)
				r.carries(t, "Location")
				r.is(t, "Location", "/"+bucket)
				equal(t, "body", string(r.body), "")
			},
		},
		{
			ID: "A241", Source: documented, Where: "docs: PutBucket; HTTP status code 409",
			Ops: []string{"PutBucket", "GetBucketInfo"}, FakeOnly: ownBuckets,
			Claim: "PutBucket of a bucket one has changes its ACL, but another storage class " +
				"is 409 BucketAlreadyExists.",
			check: func(t *testing.T, e *env) {
				bucket := e.missingBucket()
				e.send(t, whole("PUT", bucket, class("IA"))).wants(t, 200)
				e.send(t, whole("PUT", bucket, "", "x-oss-acl", "public-read")).wants(t, 200)
				e.refused(t, e.send(t, whole("PUT", bucket, class("Standard"))), 409,
					"BucketAlreadyExists", "0015-00000104")
				info := e.send(t, about(bucket, "bucketInfo")).wants(t, 200).xml(t).first(t, "Bucket")
				equal(t, "StorageClass", info.get("StorageClass"), "IA")
				equal(t, "Grant", info.first(t, "AccessControlList").get("Grant"), "public-read")
			},
		},
		{
			ID: "A242", Source: liveTest, Where: goSDK + "; docs: DeleteBucket",
			Ops: []string{"DeleteBucket"}, FakeOnly: ownBuckets,
			Claim: "A bucket with objects or unfinished uploads cannot be deleted: 409 BucketNotEmpty. An " +
				"empty one is gone with 204.",
			check: func(t *testing.T, e *env) {
				bucket := e.missingBucket()
				e.send(t, whole("PUT", bucket, "")).wants(t, 200)
				e.send(t, request{method: "PUT", bucket: bucket, key: "key"}).wants(t, 200)
				e.refused(t, e.send(t, whole("DELETE", bucket, "")), 409, "BucketNotEmpty",
					"0015-00000301", "BucketName", bucket)
				e.send(t, request{method: "DELETE", bucket: bucket, key: "key"}).wants(t, 204)
				r := e.send(t, request{method: "POST", bucket: bucket, key: "key",
					query: []string{"uploads", ""}}).wants(t, 200)
				doc := e.refused(t, e.send(t, whole("DELETE", bucket, "")), 409, "BucketNotEmpty", "")
				equal(t, "Message", doc.get("Message"), "The bucket has Multipart Uploads.")
				e.send(t, request{method: "DELETE", bucket: bucket, key: "key",
					query: []string{"uploadId", r.xml(t).get("UploadId")}}).wants(t, 204)
				e.send(t, whole("DELETE", bucket, "")).wants(t, 204)
				e.refused(t, e.send(t, whole("DELETE", bucket, "")), 404, "NoSuchBucket",
					"0015-00000101", "BucketName", bucket)
			},
		},
		{
			ID: "A243", Source: recorded, Where: recordings + "aliblobclientit_testcreatebucket-get-0.json",
			Ops:      []string{"ListBuckets"},
			FakeOnly: "keys for one bucket may not list all",
			Claim: "ListBuckets names the owner and, of each bucket, the elements that " +
				"were recorded, in their order.",
			check: func(t *testing.T, e *env) {
				doc := e.send(t, request{method: "GET", service: true}).wants(t, 200).xml(t)
				equal(t, "root", doc.name, "ListAllMyBucketsResult")
				equal(t, "elements", doc.names(), "Owner Buckets")
				equal(t, "owner", doc.first(t, "Owner").names(), "ID DisplayName")
				b := doc.first(t, "Buckets").first(t, "Bucket")
				equal(t, "bucket", b.names(),
					"Comment CreationDate ExtranetEndpoint IntranetEndpoint Location Name Region StorageClass")
				equal(t, "Location", b.get("Location"), "oss-"+b.get("Region"))
				matches(t, "CreationDate", b.get("CreationDate"), docTime)
			},
		},
		{
			ID: "A244", Source: documented, Where: "docs: ListBuckets",
			Ops: []string{"ListBuckets"}, FakeOnly: ownBuckets,
			Claim: "ListBuckets takes prefix, marker and max-keys; a page that is not the last " +
				"says where the next begins.",
			check: func(t *testing.T, e *env) {
				target := fakeSystemWith(t, osstest.Options{Buckets: []string{"p-1", "p-2", "p-3"}})
				e = &env{system: target, id: e.id}
				doc := e.send(t, request{method: "GET", service: true,
					query: []string{"prefix", "p-", "marker", "p-1", "max-keys", "1"}}).wants(t, 200).xml(t)
				equal(t, "NextMarker", doc.get("NextMarker"), "p-2")
				equal(t, "IsTruncated", doc.get("IsTruncated"), "true")
				equal(t, "Name", doc.first(t, "Buckets").first(t, "Bucket").get("Name"), "p-2")
			},
		},
		{
			ID: "A245", Source: documented, Where: "docs: GetBucketLocation", Ops: []string{"GetBucketLocation"},
			Claim: "GetBucketLocation answers with the region behind oss-, as text of the root element.",
			check: func(t *testing.T, e *env) {
				doc := e.send(t, about("", "location")).wants(t, 200).xml(t)
				equal(t, "root", doc.name, "LocationConstraint")
				if len(doc.text) < 5 || doc.text[:4] != "oss-" || e.region != "" && doc.text != "oss-"+e.region {
					t.Errorf("location is %q", doc.text)
				}
			},
		},
		{
			ID: "A246", Source: documented, Where: "docs: GetBucketInfo", Ops: []string{"GetBucketInfo"},
			Claim: "GetBucketInfo tells name, location, endpoints, class, redundancy, owner and ACL.",
			check: func(t *testing.T, e *env) {
				doc := e.send(t, about("", "bucketInfo")).wants(t, 200).xml(t)
				equal(t, "root", doc.name, "BucketInfo")
				b := doc.first(t, "Bucket")
				equal(t, "Name", b.get("Name"), e.bucket)
				for _, name := range []string{"CreationDate", "ExtranetEndpoint", "IntranetEndpoint", "Location",
					"StorageClass", "DataRedundancyType", "Owner", "AccessControlList"} {
					b.first(t, name)
				}
			},
		},
		{
			ID: "A247", Source: documented, Where: "docs: GetBucketStat", Ops: []string{"GetBucketStat"},
			FakeOnly: "the service counts once an hour",
			Claim:    "GetBucketStat counts objects, bytes and unfinished uploads.",
			check: func(t *testing.T, e *env) {
				e = &env{system: fakeSystemWith(t, osstest.Options{}), id: e.id}
				e.put(t, e.key("object"), []byte("12345"))
				e.begin(t, e.key("object"), []byte("123"))
				doc := e.send(t, about("", "stat")).wants(t, 200).xml(t)
				for name, want := range map[string]string{"Storage": "8", "ObjectCount": "1",
					"MultipartUploadCount": "1", "StandardObjectCount": "1"} {
					equal(t, name, doc.get(name), want)
				}
			},
		},
		{
			ID: "A248", Source: liveTest,
			Where: "aliyun/alibabacloud-oss-go-sdk-v2 and aliyun/alibabacloud-oss-swift-sdk-v2, " +
				"integration tests of PutBucketAcl",
			Ops: []string{"PutBucketAcl", "GetBucketAcl"}, FakeOnly: ownBuckets,
			Claim: "The ACL of a bucket is read back as it was put, private at first; one that is " +
				"none is 400 InvalidArgument.",
			check: func(t *testing.T, e *env) {
				bucket := e.missingBucket()
				e.send(t, whole("PUT", bucket, "")).wants(t, 200)
				acl := func(value string) *reply {
					return e.send(t, request{method: "PUT", bucket: bucket, query: []string{"acl", ""},
						header: []string{"x-oss-acl", value}})
				}
				for _, want := range []string{"private", "public-read"} {
					doc := e.send(t, about(bucket, "acl")).wants(t, 200).xml(t)
					equal(t, "elements", doc.name+" "+doc.names(), "AccessControlPolicy Owner AccessControlList")
					equal(t, "Grant", doc.first(t, "AccessControlList").get("Grant"), want)
					acl("public-read").wants(t, 200)
				}
				e.refused(t, acl("error-acl"), 400, "InvalidArgument", "0015-00000204", "ArgumentName", "x-oss-acl",
					"ArgumentValue", "error-acl")
			},
		},
		{
			ID: "A249", Source: documented,
			Where:    "error page EC 0003-00000703; aliyun/alibabacloud-oss-go-sdk-v2 oss/client_mock_test.go",
			Ops:      []string{"GetObject", "ListObjects", "PutObject"},
			FakeOnly: "it takes a bucket of another account",
			Claim:    "Where the requester pays he must say so: else 403 AccessDenied with the bucket's name.",
			check: func(t *testing.T, e *env) {
				e = &env{system: fakeSystemWith(t, osstest.Options{RequesterPays: []string{"theirs"}}), id: e.id}
				for _, r := range []request{{method: "GET"}, {method: "PUT", key: "key"}, {method: "GET", key: "key"}} {
					r.bucket = "theirs"
					e.refused(t, e.send(t, r), 403, "AccessDenied", "0003-00000703", "BucketName", "theirs")
					r.header = []string{"x-oss-request-payer", "requester"}
					e.send(t, r).wants(t, 200)
				}
			},
		},
	}
}

// bucketViewAssumptions are about what clients look at before they clean up.
func bucketViewAssumptions() []assumption {
	about := func(what string, query ...string) request {
		return request{method: "GET", query: append([]string{what, ""}, query...)}
	}
	return []assumption{
		{
			ID: "A420", Source: liveTest, Where: goSDK + "; " + pythonV2SDK,
			Ops:      []string{"ListBuckets", "GetBucketInfo"},
			FakeOnly: "the service has no other names",
			Claim:    "A client that comes by a host of its own is told that host, with scheme and port, as endpoint.",
			check: func(t *testing.T, e *env) {
				by := func(host string) func(string) string {
					return func(text string) string {
						return strings.Replace(text, "Host: ", "Host: "+host+"\r\nX-Was: ", 1)
					}
				}
				e.put(t, e.key("object"), nil)
				r := e.raw(t, request{method: "GET", service: true}, by("127.0.0.1:9000")).wants(t, 200)
				contains(t, "ListBuckets", r.body, "<ExtranetEndpoint>http://127.0.0.1:9000</ExtranetEndpoint>")
				r = e.raw(t, about("bucketInfo"), by(e.bucket+".localhost:9000")).wants(t, 200)
				contains(t, "GetBucketInfo", r.body, "<IntranetEndpoint>http://localhost:9000</IntranetEndpoint>")
			},
		},
		{
			ID: "A421", Source: liveTest, Where: goV1SDK + "; " + pythonSDK + "; " + cSDK + "; " + cppSDK,
			Ops:   []string{"ListLiveChannel"},
			Claim: "Live channels are listed with Prefix, Marker, MaxKeys, by default 100, and IsTruncated.",
			check: func(t *testing.T, e *env) {
				doc := e.send(t, about("live")).wants(t, 200).xml(t)
				equal(t, "root", doc.name, "ListLiveChannelResult")
				equal(t, "MaxKeys", doc.get("MaxKeys"), "100")
				doc = e.send(t, about("live", "prefix", "p", "marker", "m", "max-keys", "1000")).wants(t, 200).xml(t)
				equal(t, "page", doc.get("Prefix")+doc.get("Marker")+doc.get("MaxKeys"), "pm1000")
			},
		},
		{
			ID: "A422", Source: liveTest, Where: phpSDK + " getBucketMeta; " + cSDK + " test_oss_head_bucket",
			Ops: []string{"HeadBucket"},
			Claim: "HEAD of a bucket tells its region in x-oss-bucket-region, behind oss-; of a " +
				"missing one it is NoSuchBucket.",
			check: func(t *testing.T, e *env) {
				region := e.send(t, request{method: "HEAD"}).wants(t, 200).header.Get("x-oss-bucket-region")
				if !strings.HasPrefix(region, "oss-") || e.region != "" && region != "oss-"+e.region {
					t.Errorf("region is %q", region)
				}
				r := e.send(t, request{method: "HEAD", bucket: e.missingBucket()})
				e.refused(t, r, 404, "NoSuchBucket", "0015-00000101")
			},
		},
	}
}
