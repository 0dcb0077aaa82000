package osstest_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/oss/osstest"
)

// corsRules is the body of a PutBucketCors.
func corsRules(rules ...string) []string {
	return []string{"body", "<CORSConfiguration><CORSRule>" + strings.Join(rules, "</CORSRule><CORSRule>") +
		"</CORSRule></CORSConfiguration>"}
}

// ask whether a browser may: what it is told, in short.
func preflight(t *testing.T, srv *osstest.Server, header map[string]string) string {
	t.Helper()
	a := send(t, srv, call{method: "OPTIONS", key: "key", header: header, unsigned: true})
	if a.status != 200 {
		return a.String()
	}
	var told []string
	for _, name := range []string{"Origin", "Methods", "Headers"} {
		told = append(told, a.header.Get("Access-Control-Allow-"+name))
	}
	return strings.Join(append(told, a.header.Get("Access-Control-Expose-Headers"),
		a.header.Get("Access-Control-Max-Age")), "|")
}

func TestPreflightsAreAnsweredByTheRules(t *testing.T) {
	srv := start(t, nil)
	ask := func(origin, method, headers string) string {
		t.Helper()
		h := map[string]string{"Origin": origin, "Access-Control-Request-Method": method}
		if headers != "" {
			h["Access-Control-Request-Headers"] = headers
		}
		return preflight(t, srv, h)
	}
	const no = "403 AccessForbidden"
	if got := ask("https://a.example", "PUT", ""); got != no {
		t.Errorf("without rules: %s", got)
	}
	wants(t, srv, "PUT bucket?cors", "ok", corsRules(
		"<AllowedOrigin>https://a.example</AllowedOrigin><AllowedOrigin>https://*.b.example</AllowedOrigin>"+
			"<AllowedMethod>PUT</AllowedMethod>"+
			"<AllowedHeader>content-type</AllowedHeader><AllowedHeader>x-oss-*</AllowedHeader>"+
			"<ExposeHeader>ETag</ExposeHeader><ExposeHeader>x-oss-request-id</ExposeHeader>"+
			"<MaxAgeSeconds>60</MaxAgeSeconds>",
		"<AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod>")...)
	for _, tt := range []struct{ origin, method, headers, want string }{
		{"https://a.example", "PUT", "", "https://a.example|PUT||ETag, x-oss-request-id|60"},
		{"https://a.example", "PUT", "Content-Type, X-Oss-Date",
			"https://a.example|PUT|Content-Type, X-Oss-Date|ETag, x-oss-request-id|60"},
		{"https://x.b.example", "PUT", "", "https://x.b.example|PUT||ETag, x-oss-request-id|60"},
		{"https://b.example", "PUT", "", no},
		{"https://a.example.evil", "PUT", "", no},
		{"https://a.example", "PUT", "x-oss-date,authorization", no},
		{"https://a.example", "DELETE", "", no},
		{"https://c.example", "GET", "", "https://c.example|GET|||"},
		{"https://c.example", "GET", "range", no},
	} {
		if got := ask(tt.origin, tt.method, tt.headers); got != tt.want {
			t.Errorf("%s from %s with %q is answered %s, want %s", tt.method, tt.origin, tt.headers, got, tt.want)
		}
	}
	for _, h := range []map[string]string{nil, {"Origin": "https://a.example"},
		{"Access-Control-Request-Method": "PUT"}} {
		if got := preflight(t, srv, h); got != "400 BadRequest" {
			t.Errorf("a preflight with %v is answered %s", h, got)
		}
	}
	gone := send(t, start(t, &osstest.Options{Buckets: []string{}}),
		call{method: "OPTIONS", key: "key", unsigned: true})
	if gone.String() != "404 NoSuchBucket 0015-00000101" {
		t.Errorf("a preflight to a missing bucket is answered %v", gone)
	}
}

// BR50: a browser asks before it uses a presigned URL, and has the signature of the request to come in the address.
func TestPreflightsToPresignedURLsDoNotLookAtTheSignature(t *testing.T) {
	srv := start(t, &osstest.Options{CORS: []osstest.CORSRule{{
		Origins: []string{"*"}, Methods: []string{"PUT",
			"POST"}, Headers: []string{"*"}, Expose: []string{"ETag"}, MaxAge: time.Minute,
	}}})
	for _, query := range []string{"partNumber=1&uploadId=A", "uploadId=A&callback=e30%3D&x-oss-traffic-limit=819200",
		"uploads"} {
		method := "POST"
		if strings.HasPrefix(query, "part") {
			method = "PUT"
		}
		c := call{method: method, key: "key", query: query, ttl: time.Minute, change: func(r *http.Request) {
			r.Header = http.Header{"Origin": {"https://a.example"}, "Access-Control-Request-Method": {r.Method}}
			r.Method = "OPTIONS"
		}}
		if a := send(t, srv, c); a.status != 200 || a.header.Get("Access-Control-Expose-Headers") != "ETag" ||
			a.header.Get("Access-Control-Max-Age") != "60" {
			t.Errorf("OPTIONS ?%s is answered %v with %v", query, a, a.header)
		}
	}
}

func TestRepliesToOtherOriginsHaveTheirHeaders(t *testing.T) {
	srv := start(t, nil)
	wants(t, srv, "PUT bucket?cors", "ok", "body",
		"<CORSConfiguration><CORSRule><AllowedOrigin>https://a.example</AllowedOrigin>"+
			"<AllowedMethod>PUT</AllowedMethod>"+
			"<AllowedMethod>GET</AllowedMethod><ExposeHeader>ETag</ExposeHeader></CORSRule>"+
			"<ResponseVary>true</ResponseVary></CORSConfiguration>")
	for _, tt := range []struct{ method, origin, allowed string }{
		{"PUT", "https://a.example", "https://a.example"},
		{"GET", "https://a.example", "https://a.example"},
		{"GET", "https://b.example", ""},
		{"DELETE", "https://a.example", ""},
		{"GET", "https://a.example", "https://a.example"}, // of a key that is gone: errors are to be read too
		{"GET", "", ""},
	} {
		header := map[string]string{}
		if tt.origin != "" {
			header["Origin"] = tt.origin
		}
		a := send(t, srv, call{method: tt.method, key: "key", header: header})
		expose := ""
		if tt.allowed != "" {
			expose = "ETag"
		}
		if got := a.header.Get("Access-Control-Allow-Origin"); got != tt.allowed ||
			a.header.Get("Access-Control-Expose-Headers") != expose {
			t.Errorf("%s from %q: %v with %v", tt.method, tt.origin, a, a.header)
		}
		if vary := strings.Join(a.header.Values("Vary"), ","); !strings.Contains(vary, "Origin") {
			t.Errorf("%s from %q: Vary is %q", tt.method, tt.origin, vary)
		}
	}
}

func TestCORSRulesThatCannotBeAreRefused(t *testing.T) {
	srv := start(t, nil)
	const origin, method, put = "<AllowedOrigin>*</AllowedOrigin>",
		"<AllowedMethod>GET</AllowedMethod>", "PUT bucket?cors"
	wants(t, srv, put, "400 MalformedXML 0034-00000002", "body", "<CORSConfiguration></CORSConfiguration>")
	wants(t, srv, put, "400 MalformedXML 0015-00000231", corsRules(method)...)
	wants(t, srv, put, "400 MalformedXML 0015-00000231", corsRules(origin)...)
	wants(t, srv, put, "400 InvalidArgument 0034-00000011", corsRules(origin+"<AllowedMethod>TEST</AllowedMethod>")...)
	wants(t, srv, put, "400 InvalidArgument 0034-00000013",
		corsRules(origin+method+"<ExposeHeader>*</ExposeHeader>")...)
	wants(t, srv, put, "400 InvalidArgument 0034-00000013",
		corsRules(origin+method+"<ExposeHeader>x-oss-*</ExposeHeader>")...)
	wants(t, srv, put, "400 InvalidArgument", corsRules("<AllowedOrigin>https://*.*.example</AllowedOrigin>"+method)...)
	wants(t, srv, put, "400 InvalidArgument", corsRules(origin+method+"<AllowedHeader>**</AllowedHeader>")...)
	wants(t, srv, put, "400 InvalidArgument", corsRules(origin+method+"<MaxAgeSeconds>-1</MaxAgeSeconds>")...)
	var many []string
	for range 11 {
		many = append(many, origin+method)
	}
	wants(t, srv, put, "400 CORSRuleBeyondLimit", corsRules(many...)...)
	wants(t, srv, put, "ok", corsRules(many[1:]...)...)
}
