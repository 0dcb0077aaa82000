package conformance

import "testing"

// corsAssumptions are about requests from scripts of other origins.
func corsAssumptions() []Assumption {
	const rules = "a bucket has one set of rules, and it may be somebody's"
	put := func(bucket, elements string) request {
		return request{method: "PUT", bucket: bucket, query: []string{"cors", ""}, body: []byte("<CORSConfiguration>" + elements + "</CORSConfiguration>")}
	}
	about := func(method, bucket string) request {
		return request{method: method, bucket: bucket, query: []string{"cors", ""}}
	}
	const rule = "<CORSRule><AllowedOrigin>http://www.example.com</AllowedOrigin><AllowedMethod>PUT</AllowedMethod><AllowedMethod>GET</AllowedMethod>" +
		"<AllowedHeader>x-oss-*</AllowedHeader><ExposeHeader>x-oss-test</ExposeHeader><MaxAgeSeconds>100</MaxAgeSeconds></CORSRule>"
	ask := func(bucket string, header ...string) request {
		return request{method: "OPTIONS", bucket: bucket, key: "testobject", header: header, anonymous: true}
	}
	return []Assumption{
		{
			ID: "A540", Source: LiveTest, Where: goSDK + ", TestBucketCors; aliyun/aliyun-oss-cpp-sdk test/src/Bucket/BucketCorsSettingsTest.cc",
			Ops: []string{"PutBucketCors", "GetBucketCors", "DeleteBucketCors"}, FakeOnly: rules,
			Claim: "CORS rules are read back as they were put; without, it is 404 NoSuchCORSConfiguration; deleting none is no error.",
			check: func(t *testing.T, e *env) {
				bucket := e.missingBucket()
				e.send(t, request{method: "PUT", bucket: bucket}).wants(t, 200)
				e.refused(t, e.send(t, about("GET", bucket)), 404, "NoSuchCORSConfiguration", "0034-00000001")
				e.send(t, put(bucket, rule+"<ResponseVary>true</ResponseVary>")).wants(t, 200)
				doc := e.send(t, about("GET", bucket)).wants(t, 200).xml(t)
				equal(t, "elements", doc.name+": "+doc.names()+"; "+doc.first(t, "CORSRule").names(),
					"CORSConfiguration: CORSRule ResponseVary; AllowedOrigin AllowedMethod AllowedMethod AllowedHeader ExposeHeader MaxAgeSeconds")
				for range 2 {
					e.send(t, about("DELETE", bucket)).wants(t, 204)
				}
			},
		},
		{
			ID: "A541", Source: Documented, Where: "error pages EC 0034-00000002, -11 and -13; docs: PutBucketCors", Ops: []string{"PutBucketCors"}, FakeOnly: rules,
			Claim: "A configuration has 1 to 10 rules; a method is GET, PUT, DELETE, POST or HEAD, and an ExposeHeader has no asterisk.",
			check: func(t *testing.T, e *env) {
				bucket := e.missingBucket()
				e.send(t, request{method: "PUT", bucket: bucket}).wants(t, 200)
				one := func(rest string) request {
					return put(bucket, "<CORSRule><AllowedOrigin>*</AllowedOrigin>"+rest+"</CORSRule>")
				}
				e.refused(t, e.send(t, put(bucket, "")), 400, "MalformedXML", "0034-00000002")
				e.refused(t, e.send(t, one("<AllowedMethod>TEST</AllowedMethod>")), 400, "InvalidArgument", "0034-00000011")
				e.refused(t, e.send(t, one("<AllowedMethod>GET</AllowedMethod><ExposeHeader>x-oss-*</ExposeHeader>")), 400, "InvalidArgument", "0034-00000013")
			},
		},
		{
			ID: "A542", Source: Documented, Where: "docs: Options; HTTP 400 status code; HTTP 403 status code", Ops: []string{"OptionObject"}, FakeOnly: rules,
			Claim: "A preflight, which is not signed, is answered by the first rule with its origin, method and headers; without one it is 403 AccessForbidden, and without Origin 400 BadRequest.",
			check: func(t *testing.T, e *env) {
				bucket := e.missingBucket()
				e.send(t, request{method: "PUT", bucket: bucket}).wants(t, 200)
				const origin, method, headers = "Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers"
				e.refused(t, e.send(t, ask(bucket, origin, "http://www.example.com", method, "PUT")), 403, "AccessForbidden", "")
				e.send(t, put(bucket, rule)).wants(t, 200)
				e.send(t, ask(bucket, origin, "http://www.example.com", method, "PUT", headers, "x-oss-test")).wants(t, 200).is(t,
					"Access-Control-Allow-Origin", "http://www.example.com", "Access-Control-Allow-Methods", "PUT", "Access-Control-Allow-Headers", "x-oss-test",
					"Access-Control-Expose-Headers", "x-oss-test", "Access-Control-Max-Age", "100")
				for _, header := range [][]string{{origin, "http://a.example", method, "PUT"}, {origin, "http://www.example.com", method, "DELETE"},
					{origin, "http://www.example.com", method, "PUT", headers, "content-type"}} {
					r := e.send(t, ask(bucket, header...))
					e.refused(t, r, 403, "AccessForbidden", "")
					equal(t, "Access-Control-Allow-Origin", r.header.Get("Access-Control-Allow-Origin"), "")
				}
				e.refused(t, e.send(t, ask(bucket)), 400, "BadRequest", "")
			},
		},
		{
			ID: "A543", Source: LiveTest, Where: goSDK + ", TestBucketCors", Ops: []string{"OptionObject"},
			Claim: "A preflight to a missing bucket is 404 NoSuchBucket.",
			check: func(t *testing.T, e *env) {
				e.refused(t, e.send(t, ask(e.missingBucket(), "Origin", "http://www.example.com", "Access-Control-Request-Method", "PUT")), 404, "NoSuchBucket", "0015-00000101")
			},
		},
		{
			ID: "A544", Source: Documented, Where: "docs: PutBucketCors, CORS rule matching", Ops: []string{"GetObject", "PutObject"}, FakeOnly: rules,
			Claim: "A reply to a request with an Origin has the headers of the first rule that matches it, an error reply too, and else none.",
			check: func(t *testing.T, e *env) {
				bucket := e.missingBucket()
				e.send(t, request{method: "PUT", bucket: bucket}).wants(t, 200)
				e.send(t, put(bucket, rule)).wants(t, 200)
				for _, tt := range []struct {
					origin, want string
					status       int
				}{{"http://www.example.com", "http://www.example.com", 404}, {"http://a.example", "", 404}} {
					r := e.send(t, request{method: "GET", bucket: bucket, key: "key", header: []string{"Origin", tt.origin}}).wants(t, tt.status)
					r.is(t, "Access-Control-Allow-Origin", tt.want)
				}
			},
		},
	}
}
