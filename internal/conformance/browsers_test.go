package conformance_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"mime/multipart"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/oss/osstest"
)

// corsAssumptions are about requests from scripts of other origins.
func corsAssumptions() []assumption {
	const rules = "a bucket has one set of rules, and the user may need it"
	put := func(bucket, elements string) request {
		return request{method: "PUT", bucket: bucket, query: []string{"cors", ""},
			body: []byte("<CORSConfiguration>" + elements + "</CORSConfiguration>")}
	}
	about := func(method, bucket string) request {
		return request{method: method, bucket: bucket, query: []string{"cors", ""}}
	}
	const rule = "<CORSRule><AllowedOrigin>http://www.example.com</AllowedOrigin><AllowedMethod>PUT</AllowedMethod>" +
		"<AllowedMethod>GET</AllowedMethod>" +
		"<AllowedHeader>x-oss-*</AllowedHeader><ExposeHeader>x-oss-test</ExposeHeader>" +
		"<MaxAgeSeconds>100</MaxAgeSeconds></CORSRule>"
	ask := func(bucket string, header ...string) request {
		return request{method: "OPTIONS", bucket: bucket, key: "testobject", header: header, anonymous: true}
	}
	return []assumption{
		{
			ID: "A540", Source: liveTest, Where: goSDK +
				", TestBucketCors; aliyun/aliyun-oss-cpp-sdk test/src/Bucket/BucketCorsSettingsTest.cc",
			Ops: []string{"PutBucketCors", "GetBucketCors", "DeleteBucketCors"}, FakeOnly: rules,
			Claim: "CORS rules are read back as they were put; without, it is 404 " +
				"NoSuchCORSConfiguration; deleting none " +
				"is no error.",
			check: func(t *testing.T, e *env) {
				bucket := e.missingBucket()
				e.send(t, request{method: "PUT", bucket: bucket}).wants(t, 200)
				e.refused(t, e.send(t, about("GET", bucket)), 404, "NoSuchCORSConfiguration", "0034-00000001")
				e.send(t, put(bucket, rule+"<ResponseVary>true</ResponseVary>")).wants(t, 200)
				doc := e.send(t, about("GET", bucket)).wants(t, 200).xml(t)
				equal(t, "elements", doc.name+": "+doc.names()+"; "+doc.first(t, "CORSRule").names(),
					"CORSConfiguration: CORSRule ResponseVary; AllowedOrigin AllowedMethod "+
						"AllowedMethod AllowedHeader "+
						"ExposeHeader MaxAgeSeconds")
				for range 2 {
					e.send(t, about("DELETE", bucket)).wants(t, 204)
				}
			},
		},
		{
			ID: "A541", Source: documented,
			Where:    "error pages EC 0034-00000002, -11 and -13; docs: PutBucketCors",
			Ops:      []string{"PutBucketCors"},
			FakeOnly: rules,
			Claim: "A configuration has 1 to 10 rules; a method is GET, PUT, DELETE, POST or " +
				"HEAD, and an ExposeHeader " +
				"has no asterisk.",
			check: func(t *testing.T, e *env) {
				bucket := e.missingBucket()
				e.send(t, request{method: "PUT", bucket: bucket}).wants(t, 200)
				one := func(rest string) request {
					return put(bucket, "<CORSRule><AllowedOrigin>*</AllowedOrigin>"+rest+"</CORSRule>")
				}
				e.refused(t, e.send(t, put(bucket, "")), 400, "MalformedXML", "0034-00000002")
				e.refused(t, e.send(t, one("<AllowedMethod>TEST</AllowedMethod>")), 400,
					"InvalidArgument", "0034-00000011")
				e.refused(t, e.send(t, one("<AllowedMethod>GET</AllowedMethod><ExposeHeader>x-oss-*</ExposeHeader>")),
					400, "InvalidArgument", "0034-00000013")
			},
		},
		{
			ID: "A542", Source: documented,
			Where:    "docs: Options; HTTP 400 status code; HTTP 403 status code",
			Ops:      []string{"OptionObject"},
			FakeOnly: rules,
			Claim: "A preflight, which is not signed, is answered by the first rule with its " +
				"origin, method and headers; " +
				"without one it is 403 AccessForbidden, and without Origin 400 BadRequest.",
			check: func(t *testing.T, e *env) {
				bucket := e.missingBucket()
				e.send(t, request{method: "PUT", bucket: bucket}).wants(t, 200)
				const origin, method, headers = "Origin", "Access-Control-Request-Method",
					"Access-Control-Request-Headers"
				e.refused(t, e.send(t, ask(bucket, origin, "http://www.example.com", method, "PUT")), 403,
					"AccessForbidden", "")
				e.send(t, put(bucket, rule)).wants(t, 200)
				e.send(t, ask(bucket, origin, "http://www.example.com", method, "PUT", headers, "x-oss-test")).wants(t,
					200).is(t,
					"Access-Control-Allow-Origin", "http://www.example.com", "Access-Control-Allow-Methods", "PUT",
					"Access-Control-Allow-Headers", "x-oss-test", "Access-Control-Expose-Headers", "x-oss-test",
					"Access-Control-Max-Age", "100")
				for _, header := range [][]string{{origin, "http://a.example", method, "PUT"},
					{origin, "http://www.example.com", method, "DELETE"},
					{origin, "http://www.example.com", method, "PUT", headers, "content-type"}} {
					r := e.send(t, ask(bucket, header...))
					e.refused(t, r, 403, "AccessForbidden", "")
					equal(t, "Access-Control-Allow-Origin", r.header.Get("Access-Control-Allow-Origin"), "")
				}
				e.refused(t, e.send(t, ask(bucket)), 400, "BadRequest", "")
			},
		},
		{
			ID: "A543", Source: liveTest, Where: goSDK + ", TestBucketCors", Ops: []string{"OptionObject"},
			Claim: "A preflight to a missing bucket is 404 NoSuchBucket.",
			check: func(t *testing.T, e *env) {
				e.refused(t,
					e.send(t, ask(e.missingBucket(), "Origin", "http://www.example.com",
						"Access-Control-Request-Method", "PUT")), 404, "NoSuchBucket", "0015-00000101")
			},
		},
		{
			ID: "A544", Source: documented, Where: "docs: PutBucketCors, CORS rule matching", Ops: []string{"GetObject",
				"PutObject"}, FakeOnly: rules,
			Claim: "A reply to a request with an Origin has the headers of the first rule that matches it, an error " +
				"reply too, and else none.",
			check: func(t *testing.T, e *env) {
				bucket := e.missingBucket()
				e.send(t, request{method: "PUT", bucket: bucket}).wants(t, 200)
				e.send(t, put(bucket, rule)).wants(t, 200)
				for _, tt := range []struct {
					origin, want string
					status       int
				}{{"http://www.example.com", "http://www.example.com", 404}, {"http://a.example", "", 404}} {
					r := e.send(t, request{method: "GET", bucket: bucket, key: "key",
						header: []string{"Origin", tt.origin}}).wants(t,
						tt.status)
					r.is(t, "Access-Control-Allow-Origin", tt.want)
				}
			},
		},
	}
}

// post makes a form signed with the target's keys: fields are names and values by turns, and the
// policy has these conditions besides.
func (e *env) post(t *testing.T, key, conditions string, expires time.Duration, data []byte, fields ...string) request {
	t.Helper()
	if err := e.allow("POST", e.bucket, key); err != nil {
		t.Fatal(err)
	}
	keys, err := e.keys.Credentials(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	now := e.now().UTC()
	fields = append([]string{"key", key}, fields...)
	if keys.SecurityToken != "" {
		fields = append(fields, "x-oss-security-token", keys.SecurityToken)
	}
	list := `{"bucket": "` + e.bucket + `"}`
	if conditions != "" {
		list += ", " + conditions
	}
	scope := []string{now.Format("20060102"), e.region, "oss", "aliyun_v4_request"}
	signed := []string{"x-oss-signature-version", "OSS4-HMAC-SHA256", "x-oss-credential",
		fmt.Sprintf("%s/%s/%s/%s/%s", keys.AccessKeyID, scope[0], scope[1], scope[2],
			scope[3]), "x-oss-date", now.Format("20060102T150405Z")}
	if e.region != "" {
		for i := 0; i < len(signed); i += 2 {
			list += fmt.Sprintf(`, {"%s": "%s"}`, signed[i], signed[i+1])
		}
	}
	policy := base64.StdEncoding.EncodeToString(fmt.Appendf(nil, `{"expiration": "%s", "conditions": [%s]}`,
		now.Add(expires).Format("2006-01-02T15:04:05.000Z"), list))
	if e.region != "" {
		sum := []byte("aliyun_v4" + keys.AccessKeySecret)
		for _, step := range append(scope, policy) {
			h := hmac.New(sha256.New, sum)
			io.WriteString(h, step)
			sum = h.Sum(nil)
		}
		fields = append(append(fields, signed...), "x-oss-signature", hex.EncodeToString(sum))
	} else {
		h := hmac.New(sha1.New, []byte(keys.AccessKeySecret))
		io.WriteString(h, policy)
		fields = append(fields, "OSSAccessKeyId", keys.AccessKeyID, "Signature",
			base64.StdEncoding.EncodeToString(h.Sum(nil)))
	}
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for i, all := 0, append(fields, "policy", policy); i < len(all); i += 2 {
		w.WriteField(all[i], all[i+1])
	}
	file, err := w.CreateFormFile("file", "MyFilename.txt")
	if err != nil {
		t.Fatal(err)
	}
	file.Write(data)
	w.Close()
	return request{method: "POST", body: body.Bytes(), header: []string{"Content-Type", w.FormDataContentType()},
		anonymous: true, checked: true}
}

// formAssumptions are about PostObject.
func formAssumptions() []assumption {
	return []assumption{
		{
			ID: "A550", Source: documented,
			Where: "docs: PostObject; A V4 signature in a PostObject request; aliyun/alibabacloud-oss-go-sdk-v2 " +
				"sample/post_object.go",
			Ops: []string{"PostObject"},
			Claim: "A form makes an object with the metadata of its fields; ${filename} in " +
				"its key is the name of the " +
				"file, and the answer is 204 if it asks for none.",
			check: func(t *testing.T, e *env) {
				key := e.key("MyFilename.txt")
				e.send(t, e.post(t, key, `["content-length-range", 1, 1024]`, time.Hour,
					[]byte("hi oss"), "x-oss-meta-uuid", "uuid", "key", e.key("${filename}"))).wants(t, 204)
				e.holds(t, key, []byte("hi oss"))
				e.head(t, key).wants(t, 200).is(t, "x-oss-meta-uuid", "uuid")
			},
		},
		{
			ID: "A551", Source: documented, Where: "docs: PostObject, success_action_status",
			Ops:   []string{"PostObject"},
			Claim: "success_action_status 200 is answered with nothing, 201 with a PostResponse.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				equal(t, "body", string(e.send(t, e.post(t, key, "", time.Hour, []byte("1"), "success_action_status",
					"200")).wants(t, 200).body), "")
				doc := e.send(t, e.post(t, key, "", time.Hour, []byte("1"), "success_action_status", "201")).wants(t,
					201).xml(t)
				equal(t, "root", doc.name, "PostResponse")
				equal(t, "Bucket", doc.get("Bucket"), e.bucket)
			},
		},
		{
			ID: "A552", Source: documented,
			Where: "error pages EC 0006-00000213, 0006-00000004, 0006-00000104, 0002-00000705; " +
				"docs: PostObject, common errors",
			Ops: []string{"PostObject"},
			Claim: "A form that is not as its policy says is 403 AccessDenied, one that is " +
				"too large or too small 400 " +
				"EntityTooLarge or EntityTooSmall, and nothing is stored.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				e.refused(t, e.send(t, e.post(t, key, "", -time.Hour, []byte("1"))), 403,
					"AccessDenied", "0006-00000213")
				doc := e.refused(t,
					e.send(t, e.post(t, key, `["starts-with", "$key", "user/eric/"]`, time.Hour, []byte("1"))), 403,
					"AccessDenied", "")
				equal(t, "Message", doc.get("Message"),
					`Invalid according to Policy: Policy Condition failed: ["starts-with", "$key", "user/eric/"]`)
				e.refused(t, e.send(t, e.post(t, key, `["content-length-range", 0, 1]`, time.Hour, []byte("12"))), 400,
					"EntityTooLarge", "")
				e.refused(t, e.send(t, e.post(t, key, `["content-length-range", 2, 9]`, time.Hour, []byte("1"))), 400,
					"EntityTooSmall", "")
				e.refused(t, e.get(t, key), 404, "NoSuchKey", "")
			},
		},
		{
			ID: "A553", Source: documented,
			Where: "docs: PostObject; HTTP 400 status code; error page EC 0006-00000104",
			Ops:   []string{"PostObject"},
			Claim: "A body that is no form is 400 RequestIsNotMultiPartContent, one that is " +
				"cut off MalformedPOSTRequest.",
			check: func(t *testing.T, e *env) {
				r := e.post(t, e.key("object"), "", time.Hour, []byte("1"))
				r.body = r.body[:len(r.body)-30]
				e.refused(t, e.send(t, r), 400, "MalformedPOSTRequest", "0006-00000104")
				r.header = []string{"Content-Type", "text/plain"}
				e.refused(t, e.send(t, r), 400, "RequestIsNotMultiPartContent", "")
			},
		},
		{
			ID: "A554", Source: documented,
			Where:    "docs: PostObject, policy",
			Ops:      []string{"PostObject"},
			FakeOnly: "it takes a bucket with public write access",
			Claim: "A form without policy and signature is anonymous, and accepted by buckets " +
				"with public write access.",
			check: func(t *testing.T, e *env) {
				e = &env{system: fakeSystemWith(t, osstest.Options{PublicBuckets: []string{"public"}}), id: e.id}
				r := request{method: "POST", header: []string{"Content-Type", "multipart/form-data; boundary=b"},
					anonymous: true,
					checked:   true,
					body: []byte("--b\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nkey\r\n--b\r\n" +
						"Content-Disposition: form-data; name=\"file\"\r\n\r\n1\r\n--b--\r\n")}
				e.refused(t, e.send(t, r), 403, "AccessDenied", "0003-00000905")
				r.bucket = "public"
				e.send(t, r).wants(t, 204)
			},
		},
	}
}
