package conformance_test

import (
	"testing"
)

// configurationAssumptions are about what a bucket is told to do with its objects.
func configurationAssumptions() []assumption {
	put := func(bucket, what, body string, header ...string) request {
		return request{method: "PUT", bucket: bucket, query: []string{what, ""}, body: []byte(body), header: header}
	}
	about := func(method, bucket, what string) request {
		return request{method: method, bucket: bucket, query: []string{what, ""}}
	}
	// made returns a bucket of its own.
	made := func(t *testing.T, e *env) string {
		t.Helper()
		bucket := e.missingBucket()
		e.send(t, request{method: "PUT", bucket: bucket}).wants(t, 200)
		return bucket
	}
	rule := func(algorithm, key string) string {
		return "<ServerSideEncryptionRule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>" + algorithm +
			"</SSEAlgorithm><KMSMasterKeyID>" +
			key + "</KMSMasterKeyID></ApplyServerSideEncryptionByDefault></ServerSideEncryptionRule>"
	}
	lifecycle := func(rules string) string { return "<LifecycleConfiguration>" + rules + "</LifecycleConfiguration>" }
	return []assumption{
		{
			ID: "A500", Source: liveTest, Where: goSDK +
				", TestBucketEncryption; aliyun/aliyun-oss-python-sdk tests/test_bucket.py",
			Ops:      []string{"PutBucketEncryption", "GetBucketEncryption", "DeleteBucketEncryption", "GetBucketInfo"},
			FakeOnly: ownBuckets,
			Claim: "How a bucket encrypts is read back as it was put, from GetBucketInfo too; without, it is 404 " +
				"NoSuchServerSideEncryptionRule.",
			check: func(t *testing.T, e *env) {
				bucket := made(t, e)
				e.refused(t, e.send(t, about("GET", bucket, "encryption")), 404, "NoSuchServerSideEncryptionRule", "")
				e.send(t, put(bucket, "encryption", rule("KMS", "1234"))).wants(t, 200)
				doc := e.send(t, about("GET", bucket, "encryption")).wants(t, 200).xml(t)
				equal(t, "root", doc.name, "ServerSideEncryptionRule")
				equal(t, "KMSMasterKeyID", doc.first(t, "ApplyServerSideEncryptionByDefault").get("KMSMasterKeyID"),
					"1234")
				info := e.send(t, about("GET", bucket, "bucketInfo")).wants(t, 200).xml(t).first(t, "Bucket").first(t,
					"ServerSideEncryptionRule")
				equal(t, "GetBucketInfo", info.get("SSEAlgorithm")+" "+info.get("KMSMasterKeyID"), "KMS 1234")
				e.send(t, about("DELETE", bucket, "encryption")).wants(t, 204)
				info = e.send(t, about("GET", bucket, "bucketInfo")).wants(t, 200).xml(t).first(t, "Bucket").first(t,
					"ServerSideEncryptionRule")
				equal(t, "GetBucketInfo", info.get("SSEAlgorithm"), "None")
			},
		},
		{
			ID: "A501", Source: liveTest,
			Where: "aliyun/aliyun-oss-python-sdk tests/test_bucket.py, test_bucket_encryption_wrong; error page EC " +
				"0005-00000204",
			Ops: []string{"PutBucketEncryption"}, FakeOnly: ownBuckets,
			Claim: "A key without KMS is 400 InvalidArgument, an unknown algorithm InvalidEncryptionAlgorithmError.",
			check: func(t *testing.T, e *env) {
				bucket := made(t, e)
				e.refused(t, e.send(t, put(bucket, "encryption", rule("AES256", "test"))), 400,
					"InvalidArgument", "0005-00000204")
				e.refused(t, e.send(t, put(bucket, "encryption", rule("random", ""))), 400,
					"InvalidEncryptionAlgorithmError", "")
				e.send(t, put(bucket, "encryption", rule("KMS", ""))).wants(t, 200)
			},
		},
		{
			ID: "A502", Source: documented,
			Where:    "docs: Server-side encryption; PutBucketEncryption",
			Ops:      []string{"PutObject", "HeadObject", "InitiateMultipartUpload"},
			FakeOnly: ownBuckets,
			Claim: "An object that says nothing of encryption is encrypted as its bucket says, and " +
				"that is told as if it had.",
			check: func(t *testing.T, e *env) {
				bucket := made(t, e)
				e.send(t, put(bucket, "encryption", rule("AES256", ""))).wants(t, 200)
				e.send(t, request{method: "PUT", bucket: bucket, key: "key"}).wants(t, 200).is(t,
					"x-oss-server-side-encryption", "AES256")
				e.send(t, request{method: "HEAD", bucket: bucket, key: "key"}).wants(t, 200).is(t,
					"x-oss-server-side-encryption", "AES256")
				e.send(t, request{method: "POST", bucket: bucket, key: "key", query: []string{"uploads", ""}}).wants(t,
					200).is(t,
					"x-oss-server-side-encryption", "AES256")
			},
		},
		{
			ID: "A503", Source: liveTest,
			Where: "aliyun/aliyun-oss-go-sdk oss/bucket_test.go, TestRestoreObject; aliyun/aliyun-oss-cpp-sdk " +
				"test/src/Object/ObjectRestoreTest.cc",
			Ops: []string{"PutObject", "HeadObject", "ListObjects", "InitiateMultipartUpload"}, FakeOnly: ownBuckets,
			Claim: "An object that says nothing of its storage class has that of its bucket.",
			check: func(t *testing.T, e *env) {
				bucket := e.missingBucket()
				e.send(t, request{method: "PUT", bucket: bucket, body: []byte(
					"<CreateBucketConfiguration><StorageClass>Archive</StorageClass>" +
						"</CreateBucketConfiguration>")}).wants(t, 200)
				e.send(t, request{method: "PUT", bucket: bucket, key: "key"}).wants(t, 200)
				e.send(t, request{method: "HEAD", bucket: bucket, key: "key"}).wants(t, 200).is(t,
					"x-oss-storage-class", "Archive")
				list := e.send(t, request{method: "GET", bucket: bucket}).wants(t, 200).xml(t)
				equal(t, "list", list.first(t, "Contents").get("StorageClass"), "Archive")
				e.send(t, request{method: "POST", bucket: bucket, key: "key", query: []string{"uploads", ""}}).wants(t,
					200)
				uploads := e.send(t, about("GET", bucket, "uploads")).wants(t, 200).xml(t)
				equal(t, "uploads", uploads.first(t, "Upload").get("StorageClass"), "Archive")
			},
		},
		{
			ID: "A505", Source: liveTest, Where: goSDK +
				", TestBucketTags; aliyun/aliyun-oss-cpp-sdk test/src/Bucket/BucketTaggingtTest.cc",
			Ops: []string{"PutBucketTags", "GetBucketTags", "DeleteBucketTags"}, FakeOnly: ownBuckets,
			Claim: "DeleteBucketTags removes the tags that it names, with commas between, or all; without tags the " +
				"TagSet is empty.",
			check: func(t *testing.T, e *env) {
				bucket := made(t, e)
				var body string
				for _, n := range []string{"1", "2", "3"} {
					body += "<Tag><Key>key" + n + "</Key><Value>value" + n + "</Value></Tag>"
				}
				e.send(t, put(bucket, "tagging", "<Tagging><TagSet>"+body+"</TagSet></Tagging>")).wants(t, 200)
				e.send(t, request{method: "DELETE", bucket: bucket, query: []string{"tagging", "key1,key3"}}).wants(t,
					204)
				tags := e.send(t, about("GET", bucket, "tagging")).wants(t, 200).xml(t).first(t, "TagSet").all("Tag")
				if len(tags) != 1 || tags[0].get("Key") != "key2" {
					t.Errorf("%d tags are left, want key2", len(tags))
				}
				e.send(t, about("DELETE", bucket, "tagging")).wants(t, 204)
				equal(t, "elements",
					e.send(t, about("GET", bucket, "tagging")).wants(t, 200).xml(t).first(t, "TagSet").names(), "")
			},
		},
		{
			ID: "A506", Source: documented,
			Where:    "docs: PutBucketTags; error pages EC 0010-00000207, 0010-00000219",
			Ops:      []string{"PutBucketTags"},
			FakeOnly: ownBuckets,
			Claim: "A bucket has at most 20 tags; a key has 1 to 64 bytes and does not begin " +
				"with http://, https:// or " +
				"Aliyun: 400 InvalidTag.",
			check: func(t *testing.T, e *env) {
				bucket := made(t, e)
				tag := func(key string) string {
					return "<Tagging><TagSet><Tag><Key>" + key + "</Key></Tag></TagSet></Tagging>"
				}
				e.refused(t, e.send(t, put(bucket, "tagging", tag("Aliyun-abc"))), 400, "InvalidTag", "0010-00000207")
				e.refused(t, e.send(t, put(bucket, "tagging", tag(""))), 400, "InvalidTag", "0010-00000219")
				e.send(t, put(bucket, "tagging", tag("testa"))).wants(t, 200)
			},
		},
		{
			ID: "A510", Source: liveTest, Where: goSDK +
				", TestBucketLifecycle; aliyun/aliyun-oss-python-sdk tests/test_bucket.py",
			Ops: []string{"PutBucketLifecycle", "GetBucketLifecycle", "DeleteBucketLifecycle"}, FakeOnly: ownBuckets,
			Claim: "Lifecycle rules are read back as they were put; without, it is 404 " +
				"NoSuchLifecycle; deleting none is " +
				"no error.",
			check: func(t *testing.T, e *env) {
				bucket := made(t, e)
				e.refused(t, e.send(t, about("GET", bucket, "lifecycle")), 404, "NoSuchLifecycle", "")
				e.send(t, put(bucket, "lifecycle",
					lifecycle("<Rule><ID>rule</ID><Prefix>log/</Prefix><Status>Enabled</Status>"+
						"<AbortMultipartUpload><Days>356</Days></AbortMultipartUpload></Rule>"))).wants(t, 200)
				r := e.send(t, about("GET", bucket, "lifecycle")).wants(t, 200).xml(t).first(t, "Rule")
				equal(t, "rule", r.get("ID")+" "+r.get("Prefix")+" "+r.get("Status")+" "+r.first(t,
					"AbortMultipartUpload").get("Days"), "rule log/ Enabled 356")
				for range 2 {
					e.send(t, about("DELETE", bucket, "lifecycle")).wants(t, 204)
				}
			},
		},
		{
			ID: "A511", Source: liveTest,
			Where: "aliyun/aliyun-oss-python-sdk tests/test_bucket.py, test_lifecycle_overlap, " +
				"test_put_lifecycle_invalid_transitions, " +
				"test_lifecycle_storage_transitions_mixed; error pages EC 0014-00000080, -82 and " +
				"-84", Ops: []string{"PutBucketLifecycle"}, FakeOnly: ownBuckets,
			Claim: "Rules that overlap in an action are 400 InvalidArgument unless " +
				"x-oss-allow-same-action-overlap is " +
				"true; so are actions in the wrong order, and days mixed with dates are InvalidRequest.",
			check: func(t *testing.T, e *env) {
				bucket := made(t, e)
				expire := func(prefix, days string) string {
					return "<Rule><Prefix>" + prefix + "</Prefix><Status>Enabled</Status><Expiration><Days>" + days +
						"</Days></Expiration>"
				}
				both := lifecycle(expire("p/", "1") + "</Rule>" + expire("p/2", "1") + "</Rule>")
				doc := e.refused(t, e.send(t, put(bucket, "lifecycle", both)), 400, "InvalidArgument", "0014-00000084")
				equal(t, "Message", doc.get("Message"), "Overlap for same action type Expiration")
				e.send(t, put(bucket, "lifecycle", both, "x-oss-allow-same-action-overlap", "true")).wants(t, 200)
				ia := "<Transition><Days>4</Days><StorageClass>IA</StorageClass></Transition></Rule>"
				e.refused(t, e.send(t, put(bucket, "lifecycle", lifecycle(expire("p/", "3")+ia))), 400,
					"InvalidArgument", "")
				mixed := "<Rule><Prefix></Prefix><Status>Enabled</Status><Expiration>" +
					"<CreatedBeforeDate>2016-12-25T00:00:00.000Z</CreatedBeforeDate></Expiration>" + ia
				e.refused(t, e.send(t, put(bucket, "lifecycle", lifecycle(mixed))), 400, "InvalidRequest", "")
			},
		},
	}
}
