package conformance_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/signer"
)

// needsV4 skips a check of V4 on a target whose region is not known.
func (e *env) needsV4(t *testing.T) {
	if e.region == "" {
		t.Skip("V4 needs OSS_TEST_REGION")
	}
}

// needsV1 skips a check of V1 on a bucket that refuses it.
func (e *env) needsV1(t *testing.T) {
	t.Helper()
	r := e.send(t, request{method: "HEAD", key: e.key("none"), signer: signer.V1{}})
	if r.header.Get("x-oss-ec") == "0002-00000080" {
		t.Skip("the bucket refuses V1")
	}
}

// replaced returns a tamper that puts text in the place of old in the Authorization header.
func replaced(old, text string) func(*http.Request) {
	return func(r *http.Request) {
		r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), old, text, 1))
	}
}

// bytesOf shows a text in hex as OSS does.
func bytesOf(text string) string { return fmt.Sprintf("% X", text) }

// signatureAssumptions are about signatures in the Authorization header.
func signatureAssumptions() []assumption {
	const op = "GetObject"
	return []assumption{
		{
			ID: "A180", Source: documented, Where: "docs: Add V4 signature to the header",
			Ops: []string{"PutObject", "UploadPart", op},
			Claim: "A V4 signature in the header is accepted, with additional headers or without, separated by a " +
				"comma or by a comma and a space.",
			check: func(t *testing.T, e *env) {
				e.needsV4(t)
				key := e.key("a b/\u4e2d")
				for _, s := range []signer.V4{{}, {AdditionalHeaders: []string{"host", "range"}}} {
					header := []string{"Range", "bytes=0-0", "Content-Type", "text/plain", "x-oss-meta-a", "b  c"}
					e.send(t, request{method: "PUT", key: key, signer: s, body: []byte("1"), header: header}).wants(t,
						200)
				}
				spaced := func(r *http.Request) {
					r.Header.Set("Authorization", strings.ReplaceAll(r.Header.Get("Authorization"), ",", ", "))
				}
				s := signer.V4{AdditionalHeaders: []string{"host"}}
				e.send(t, request{method: "GET", key: key, signer: s, tamper: spaced}).wants(t, 200)
			},
		},
		{
			ID: "A181", Source: documented, Where: "docs: Add a signature to the header",
			Ops: []string{"PutObject", "UploadPart", "InitiateMultipartUpload"},
			Claim: "A V1 signature in the header is accepted; it covers Content-MD5, Content-Type, the date, " +
				"x-oss-* headers and subresources.",
			check: func(t *testing.T, e *env) {
				e.needsV1(t)
				key := e.key("a b/\u4e2d")
				header := []string{"Content-Type", "text/plain", "Content-MD5", md5Of([]byte("1")),
					"x-oss-meta-b", "2", "x-oss-meta-a", "1"}
				e.send(t, request{method: "PUT", key: key, signer: signer.V1{}, body: []byte("1"),
					header: header}).wants(t, 200)
				r := e.send(t, request{method: "POST", key: key, signer: signer.V1{},
					query: []string{"uploads", ""}}).wants(t, 200)
				e.send(t, request{method: "PUT", key: key, signer: signer.V1{}, body: []byte("1"),
					query: []string{"uploadId", r.xml(t).get("UploadId"), "partNumber", "1"}}).wants(t, 200)
			},
		},
		{
			ID: "A182", Source: sdkSource,
			Where: "aliyun/aliyun-oss-java-sdk, aliyun/aliyun-oss-cpp-sdk, ali-sdk/ali-oss", Ops: []string{op},
			Claim: "In V1 x-oss-date may stand for Date, in the same form.",
			check: func(t *testing.T, e *env) {
				e.needsV1(t)
				key := e.key("object")
				e.put(t, key, nil)
				drop := func(r *http.Request) { r.Header.Del("Date") }
				e.send(t, request{method: "GET", key: key, signer: signer.V1{}, tamper: drop,
					header: []string{"x-oss-date", e.now().UTC().Format(http.TimeFormat)}}).wants(t, 200)
			},
		},
		{
			ID: "A183", Source: sdkSource, Where: "the lists of subresources in eleven SDKs",
			Ops: []string{"ListMultipartUploads", "ListParts"},
			Claim: "In V1 parameters that are no subresources are not signed: prefix, max-uploads " +
				"and encoding-type may change.",
			check: func(t *testing.T, e *env) {
				e.needsV1(t)
				more := func(r *http.Request) { r.URL.RawQuery += "&encoding-type=url&max-uploads=10" }
				r := e.send(t, request{method: "GET", signer: signer.V1{},
					query: []string{"uploads", "", "prefix", e.key("")}, tamper: more})
				equal(t, "MaxUploads", r.wants(t, 200).xml(t).get("MaxUploads"), "10")
			},
		},
		{
			ID: "A184", Source: documented, Where: "docs: Add V4 signature to the header",
			Ops:   []string{"ListMultipartUploads", op},
			Claim: "In V4 every parameter is signed.",
			check: func(t *testing.T, e *env) {
				e.needsV4(t)
				more := func(r *http.Request) { r.URL.RawQuery += "&max-uploads=10" }
				r := e.send(t, request{method: "GET", query: []string{"uploads", "", "prefix", e.key("")},
					tamper: more})
				e.refused(t, r, 403, "SignatureDoesNotMatch", "0002-00000201")
			},
		},
		{
			ID: "A185", Source: documented, Where: "docs: Add a signature to the header; HTTP 403 status code",
			Ops: []string{op},
			Claim: "A V1 signature that is wrong is 403 SignatureDoesNotMatch, EC 0002-00000040, with the text that " +
				"OSS signed, also as bytes.",
			check: func(t *testing.T, e *env) {
				e.needsV1(t)
				key := e.key("object")
				r := e.send(t, request{method: "GET", key: key, signer: signer.V1{},
					header: []string{"x-oss-meta-a", "b"},
					tamper: func(r *http.Request) { r.Header.Set("x-oss-meta-a", "c") }})
				p := signer.Params{Bucket: e.bucket, Key: key}
				text := signer.V1{}.StringToSign(r.sent, p)
				e.refused(t, r, 403, "SignatureDoesNotMatch", "0002-00000040", "OSSAccessKeyId",
					"*", "SignatureProvided", "*", "StringToSign", text, "StringToSignBytes", bytesOf(text))
			},
		},
		{
			ID: "A186", Source: thirdParty, Where: "aliyun/alibabacloud-oss-go-sdk-v2 issue 29", Ops: []string{op},
			Claim: "A V4 signature that is wrong is 403 SignatureDoesNotMatch, EC 0002-00000201, with string to sign " +
				"and canonical request, also as bytes.",
			check: func(t *testing.T, e *env) {
				e.needsV4(t)
				key := e.key("object")
				r := e.send(t, request{method: "GET", key: key, header: []string{"x-oss-meta-a", "b"},
					tamper: func(r *http.Request) { r.Header.Set("x-oss-meta-a", "c") }})
				p := signer.Params{Bucket: e.bucket, Key: key, Region: e.region}
				text, canonical := signer.V4{}.StringToSign(r.sent, p), signer.V4{}.CanonicalRequest(r.sent, p)
				e.refused(t, r, 403, "SignatureDoesNotMatch", "0002-00000201", "OSSAccessKeyId",
					"*", "SignatureProvided", "*", "StringToSign", text, "StringToSignBytes", bytesOf(text),
					"CanonicalRequest", canonical, "CanonicalRequestBytes", bytesOf(canonical))
			},
		},
		{
			ID: "A187", Source: recorded, Where: "aliblobstoreit_testinvalidcredentials-*.json",
			Ops:   []string{op, "HeadObject", "InitiateMultipartUpload", "UploadPart"},
			Claim: "An unknown access key ID is 403 InvalidAccessKeyId, EC 0002-00000002, with its OSSAccessKeyId.",
			check: func(t *testing.T, e *env) {
				keys := &signer.Credentials{AccessKeyID: "invalidAccessKey", AccessKeySecret: "secret"}
				for _, r := range []request{
					{method: "GET"}, {method: "HEAD"}, {method: "POST", query: []string{"uploads", ""}},
					{method: "PUT", query: []string{"partNumber", "1", "uploadId", "none"}, body: []byte("1")},
				} {
					r.key, r.keys = e.key("object"), keys
					doc := e.refused(t, e.send(t, r), 403, "InvalidAccessKeyId", "0002-00000002",
						"OSSAccessKeyId", "invalidAccessKey")
					equal(t, "Message", doc.get("Message"),
						"The OSS Access Key Id you provided does not exist in our records.")
				}
			},
		},
		{
			ID: "A188", Source: documented, Where: "docs: HTTP 403 status code", Ops: []string{op, "PutObject"},
			Claim: "A private bucket refuses a request without a signature: 403 AccessDenied.",
			check: func(t *testing.T, e *env) {
				for _, method := range []string{"GET", "PUT"} {
					e.refused(t, e.send(t, request{method: method, key: e.key("object"), anonymous: true}), 403,
						"AccessDenied", "")
				}
			},
		},
		{
			ID: "A189", Source: thirdParty,
			Where: "aliyun/alibabacloud-oss-go-sdk-v2 issue 85; aliyun/alibabacloud-oss-python-sdk-v2 issue 74",
			Ops:   []string{op},
			Claim: "A V4 region that is none, such as that of an endpoint's name, is 400 InvalidArgument, EC " +
				"0002-00000226; a product that is not oss is EC 0002-00000227.",
			check: func(t *testing.T, e *env) {
				e.needsV4(t)
				for _, region := range []string{"oss-" + e.region, e.region + "-internal", "beijing"} {
					r := e.send(t, request{method: "GET", key: e.key("object"),
						tamper: replaced("/"+e.region+"/", "/"+region+"/")})
					e.refused(t, r, 400, "InvalidArgument", "0002-00000226")
				}
				r := e.send(t, request{method: "GET", key: e.key("object"), tamper: replaced("/oss/", "/s3/")})
				e.refused(t, r, 400, "InvalidArgument", "0002-00000227")
			},
		},
		{
			ID: "A190", Source: documented, Where: "error pages EC 0002-00000202, -00000212, -00000213, -00000228",
			Ops:   []string{op},
			Claim: "A V4 header that is malformed is 400 InvalidArgument, with an EC that says what is wrong.",
			check: func(t *testing.T, e *env) {
				e.needsV4(t)
				for _, tt := range []struct {
					ec     string
					tamper func(*http.Request)
				}{
					{"0002-00000202", replaced("Credential=", "Credentials=")},
					{"0002-00000213", replaced("/aliyun_v4_request", "")},
					{"0002-00000213", replaced("/aliyun_v4_request", "/aws4_request")},
					{"0002-00000212", func(r *http.Request) {
						r.Header.Set("x-oss-date", e.now().UTC().Format(time.RFC3339))
					}},
					{"0002-00000228", replaced("/"+e.region+"/", "/xx-elsewhere/")},
				} {
					e.refused(t, e.send(t, request{method: "GET", key: e.key("object"), tamper: tt.tamper}),
						400, "InvalidArgument", tt.ec)
				}
			},
		},
		{
			ID: "A191", Source: documented, Where: "docs: Add a signature to the header", Ops: []string{op},
			Claim: "An Authorization header of neither scheme is 400 InvalidArgument.",
			check: func(t *testing.T, e *env) {
				for _, value := range []string{"Basic dTpw", "OSS nothing"} {
					r := e.send(t, request{method: "GET", key: e.key("object"),
						tamper: func(r *http.Request) { r.Header.Set("Authorization", value) }})
					e.refused(t, r, 400, "InvalidArgument", "")
				}
			},
		},
		{
			ID: "A192", Source: documented, Where: "docs: HTTP 403 status code; HTTP 400 status code (they disagree)",
			Ops:   []string{op},
			Claim: "A V1 request without a date is 403 AccessDenied or 400 InvalidArgument.",
			check: func(t *testing.T, e *env) {
				e.needsV1(t)
				r := e.send(t, request{method: "GET", key: e.key("object"), signer: signer.V1{},
					tamper: func(r *http.Request) { r.Header.Del("Date") }})
				if code := r.xml(t).get("Code"); !(r.status == 403 && code == "AccessDenied" || r.status == 400 &&
					code == "InvalidArgument") {
					t.Errorf("status %d, code %s", r.status, code)
				}
			},
		},
	}
}
