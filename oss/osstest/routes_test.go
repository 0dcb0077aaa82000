package osstest_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/ossmultipart/go-oss/oss/osstest"
)

// known are all subresources that are in the documentation of OSS or in the signing lists of its
// SDKs, and some headers of old that were parameters.
const known = `accessPoint accessPointForObjectProcess accessPointPolicy accessmonitor acl append asyncFetch
	bucketArchiveDirectRead bucketInfo cleanRestoredObject cloudboxes cname comp cors delete encryption endTime
	group httpsConfig img inventory inventoryId lifecycle link live location logging metaQuery objectInfo objectMeta
	overwriteConfig partNumber policy policyStatus position processConfiguration publicAccessBlock qos qosInfo
	qosRequester redundancyTransition referer regionList regions replication replicationLocation replicationProgress
	requestPayment requesterQosInfo resourceGroup resourcePool resourcePoolBuckets resourcePoolInfo responseHeader
	restore rtc seal startTime stat status style styleName symlink tagging transferAcceleration udf udfApplication
	udfApplicationLog udfId udfImage udfImageDesc udfName uploadId uploads userDefinedLogFieldsConfig versioning
	versions vip vod vpcip website withHashContext worm wormExtend wormId x-oss-ac-forward-allow x-oss-ac-source-ip
	x-oss-ac-subnet-mask x-oss-ac-vpc-id x-oss-access-point-name x-oss-async-process x-oss-delete x-oss-dir
	x-oss-enable-md5 x-oss-enable-sha1 x-oss-enable-sha256 x-oss-hash-ctx x-oss-md5-ctx x-oss-process
	x-oss-redundancy-transition-taskid x-oss-rename x-oss-sign-origin-only x-oss-target-redundancy-type
	x-oss-write-get-object-response`

// possible is what a Server can do with them.
var possible = map[string]string{
	"PUT ?acl": "PutBucketAcl", "GET ?acl": "GetBucketAcl", "GET ?bucketInfo": "GetBucketInfo",
	"GET ?location": "GetBucketLocation", "GET ?stat": "GetBucketStat", "GET ?live": "ListLiveChannel",
	"GET ?uploads": "ListMultipartUploads",
	"POST ?delete": "DeleteMultipleObjects", "PUT ?versioning": "PutBucketVersioning",
	"GET ?versioning": "GetBucketVersioning", "GET ?versions": "ListObjectVersions",
	"PUT key?acl": "PutObjectACL", "GET key?acl": "GetObjectACL", "PUT key?tagging": "PutObjectTagging",
	"GET key?tagging": "GetObjectTagging", "DELETE key?tagging": "DeleteObjectTagging",
	"HEAD key?objectMeta": "GetObjectMeta",
	"POST key?uploads":    "InitiateMultipartUpload", "POST key?append": "AppendObject",
	"POST key?position": "AppendObject",
	"PUT key?uploadId":  "UploadPart", "PUT key?partNumber": "UploadPart",
	"POST key?uploadId":   "CompleteMultipartUpload",
	"POST key?partNumber": "CompleteMultipartUpload", "GET key?uploadId": "ListParts",
	"GET key?partNumber":  "ListParts",
	"DELETE key?uploadId": "AbortMultipartUpload", "DELETE key?partNumber": "AbortMultipartUpload",
	"PUT ?cors": "PutBucketCors", "GET ?cors": "GetBucketCors", "DELETE ?cors": "DeleteBucketCors",
	"PUT ?lifecycle": "PutBucketLifecycle", "GET ?lifecycle": "GetBucketLifecycle",
	"DELETE ?lifecycle": "DeleteBucketLifecycle",
	"PUT ?encryption":   "PutBucketEncryption", "GET ?encryption": "GetBucketEncryption",
	"DELETE ?encryption": "DeleteBucketEncryption",
	"PUT ?tagging":       "PutBucketTags", "GET ?tagging": "GetBucketTags", "DELETE ?tagging": "DeleteBucketTags",
	"PUT key?symlink": "PutSymlink", "GET key?symlink": "GetSymlink", "POST key?restore": "RestoreObject",
}

// whole is what a Server can do without a subresource.
var whole = map[string]string{
	"PUT ": "PutBucket", "GET ": "ListObjects", "DELETE ": "DeleteBucket", "POST ": "PostObject", "HEAD ": "HeadBucket",
	"OPTIONS ": "OptionObject", "OPTIONS key": "OptionObject",
	"PUT key": "PutObject", "GET key": "GetObject", "HEAD key": "HeadObject", "DELETE key": "DeleteObject",
}

var methods = []string{"GET", "HEAD", "PUT", "POST", "DELETE"}

// last is the newest request that srv has received.
func last(srv *osstest.Server) osstest.Request {
	all := srv.Requests()
	return all[len(all)-1]
}

func TestEverySubresourceIsServedOrRefusedAsNotImplemented(t *testing.T) {
	srv := start(t, nil)
	srv.PutObject("bucket", "key", []byte("old"))
	var ways []string
	for _, sub := range strings.Fields(known) {
		for _, method := range methods {
			for _, key := range []string{"", "key"} {
				way := method + " " + key + "?" + sub
				ways = append(ways, way)
				got := send(t, srv, call{method: method, key: key, query: sub + "=1"})
				if possible[way] == "" &&
					(got.status != 400 || got.err.Code != "NotImplemented" || got.err.Get("Header") == "") {
					t.Errorf("%s is answered %v (%s), want NotImplemented", way, got, got.err.Get("Header"))
				}
			}
		}
	}
	for i, r := range srv.Requests() {
		if want := possible[ways[i]]; r.Op != want {
			t.Errorf("%s is called %q, want %q", ways[i], r.Op, want)
		}
	}
	for way := range possible {
		if !slices.Contains(ways, way) {
			t.Errorf("%s is not among the known subresources", way)
		}
	}
	if o, ok := srv.Object("bucket", "key"); !ok || string(o.Data) != "old" {
		t.Errorf("the object is now %q, %t", o.Data, ok)
	}
}

func TestRequestsWithoutSubresourceAreServedOrRefused(t *testing.T) {
	for _, method := range append(methods, "PATCH", "OPTIONS") {
		for _, key := range []string{"", "key"} {
			srv := start(t, nil)
			way := method + " " + key
			got := send(t, srv, call{method: method, key: key})
			if op := last(srv).Op; op != whole[way] {
				t.Errorf("%s is called %q, want %q", way, op, whole[way])
			}
			want := ""
			switch {
			case method == "PATCH":
				want = "405 MethodNotAllowed 0017-00000001"
			case method == "OPTIONS": // without an Origin
				want = "400 BadRequest"
			case way == "POST ":
				want = "400 RequestIsNotMultiPartContent"
			case whole[way] == "":
				want = "400 NotImplemented"
			}
			if want != "" && got.String() != want {
				t.Errorf("%s is answered %v, want %s", way, got, want)
			}
		}
	}
}

func TestRequestsForTwoThingsAtOnceAreRefused(t *testing.T) {
	srv := start(t, nil)
	srv.PutObject("bucket", "key", nil)
	for _, c := range []call{
		{method: "GET", query: "acl&location"},
		{method: "GET", query: "uploads&versions"},
		{method: "GET", query: "uploads&lifecycle"},
		{method: "PUT", key: "key", query: "acl&tagging"},
		{method: "GET", key: "key", query: "tagging&uploadId=1"},
		{method: "HEAD", key: "key", query: "objectMeta&acl"},
		{method: "POST", key: "key", query: "append&position=0&uploads"},
		{method: "PUT", key: "key", header: map[string]string{"x-oss-callback": "e30="}},
		{method: "PUT", key: "key", query: "callback=e30%3D"},
	} {
		if got := send(t, srv, c); got.String() != "400 NotImplemented" {
			t.Errorf("%s %s?%s: %v", c.method, c.key, c.query, got)
		}
	}
	unsigned := call{method: "GET", host: "oss-cn-hangzhou.aliyuncs.com", unsigned: true}
	if got := send(t, srv, unsigned); got.String() != "403 AccessDenied 0003-00000905" {
		t.Errorf("anonymous ListBuckets: %v", got)
	}
	for _, method := range methods[1:] {
		c := call{method: method, change: func(r *http.Request) {
			r.Host, r.URL.Host = "oss-cn-hangzhou.aliyuncs.com", "oss-cn-hangzhou.aliyuncs.com"
		}}
		send(t, srv, c)
		if op := last(srv).Op; op != "" {
			t.Errorf("%s of the service is called %s", method, op)
		}
	}
}

func TestOperationsAreWhatRoutesLeadTo(t *testing.T) {
	all := slices.Concat(slices.Collect(maps.Values(possible)), slices.Collect(maps.Values(whole)),
		[]string{"ListBuckets", "ListObjectsV2", "CopyObject", "UploadPartCopy"})
	slices.Sort(all)
	names := osstest.Operations()
	slices.Sort(names)
	if want := slices.Compact(all); !slices.Equal(names, want) {
		t.Errorf("Operations = %v, want %v", names, want)
	}
}
