package conformance_test

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/signer"
)

// without returns a tamper that drops a parameter from the query.
func without(name string) func(*http.Request) {
	return func(r *http.Request) {
		q, _ := url.ParseQuery(r.URL.RawQuery)
		q.Del(name)
		r.URL.RawQuery = q.Encode()
	}
}

// with returns a tamper that gives a parameter of the query another value.
func with(name, value string) func(*http.Request) {
	return func(r *http.Request) {
		q, _ := url.ParseQuery(r.URL.RawQuery)
		q.Set(name, value)
		r.URL.RawQuery = q.Encode()
	}
}

// presignAssumptions are about signatures in the query.
func presignAssumptions() []assumption {
	const op = "GetObject"
	v1 := signer.V1{}
	return []assumption{
		{
			ID: "A200", Source: documented, Where: "docs: Add V4 signature to the URL",
			Ops:   []string{"PutObject", "UploadPart", op},
			Claim: "A URL signed with V4 is good without an Authorization header, for any operation.",
			check: func(t *testing.T, e *env) {
				e.needsV4(t)
				e.presigned(t, signer.V4{})
				e.presigned(t, signer.V4{AdditionalHeaders: []string{"host"}})
			},
		},
		{
			ID: "A201", Source: documented, Where: "docs: Add signatures to a URL",
			Ops:   []string{"PutObject", "UploadPart", op},
			Claim: "A URL signed with V1 is good without an Authorization header, for any operation.",
			check: func(t *testing.T, e *env) {
				e.needsV1(t)
				e.presigned(t, v1)
			},
		},
		{
			ID: "A202", Source: documented, Where: "docs: Add signatures to a URL",
			Ops: []string{"PutObject", "UploadPart"},
			Claim: "Content-Type, Content-MD5 and x-oss-* headers that are not those signed are " +
				"403 SignatureDoesNotMatch.",
			check: func(t *testing.T, e *env) {
				for _, name := range []string{"Content-Type", "Content-MD5", "x-oss-meta-a"} {
					r := e.send(t, request{method: "PUT", key: e.key("object"), presign: time.Minute,
						header: []string{name, "1B2M2Y8AsgTpgAmY7PhCfg=="},
						tamper: func(r *http.Request) { r.Header.Del(name) }})
					e.refused(t, r, 403, "SignatureDoesNotMatch", "")
				}
			},
		},
		{
			ID: "A203", Source: documented, Where: "docs: Add signatures to a URL", Ops: []string{op},
			Claim: "Signatures in header and query at once are 400 InvalidArgument.",
			check: func(t *testing.T, e *env) {
				r := e.send(t, request{method: "GET", key: e.key("object"), presign: time.Minute,
					tamper: func(r *http.Request) { r.Header.Set("Authorization", "OSS key:c2lnbmF0dXJl") }})
				e.refused(t, r, 400, "InvalidArgument", "")
			},
		},
		{
			ID: "A204", Source: documented, Where: "docs: Add signatures to a URL", Ops: []string{op},
			Claim: "A V1 URL that lacks one of its three parameters, or whose Expires is no " +
				"number, is 403 AccessDenied.",
			check: func(t *testing.T, e *env) {
				e.needsV1(t)
				for _, tamper := range []func(*http.Request){
					without("OSSAccessKeyId"), without("Expires"), without("Signature"), with("Expires", "tomorrow"),
				} {
					r := e.send(t, request{method: "GET", key: e.key("object"), signer: v1,
						presign: time.Minute, tamper: tamper})
					e.refused(t, r, 403, "AccessDenied", "")
				}
			},
		},
		{
			ID: "A205", Source: documented, Where: "docs: Add signatures to a URL; error page EC 0002-00000069",
			Ops: []string{op},
			Claim: "A V1 URL that has expired is 403 AccessDenied, EC 0002-00000069, with Expires and ServerTime, " +
				"whether its signature is right or not.",
			check: func(t *testing.T, e *env) {
				e.needsV1(t)
				key := e.key("object")
				e.put(t, key, nil)
				for _, tamper := range []func(*http.Request){nil, with("Signature", "c2lnbmF0dXJl")} {
					r := e.send(t, request{method: "GET", key: key, signer: v1, shift: -time.Hour,
						presign: time.Minute, tamper: tamper})
					q, _ := url.ParseQuery(r.sent.URL.RawQuery)
					seconds, _ := strconv.ParseInt(q.Get("Expires"), 10, 64)
					doc := e.refused(t, r, 403, "AccessDenied", "0002-00000069",
						"Expires", time.Unix(seconds, 0).UTC().Format("2006-01-02T15:04:05.000Z"), "ServerTime", "*")
					equal(t, "Message", doc.get("Message"), "Request has expired.")
					matches(t, "ServerTime", doc.get("ServerTime"), docTime)
				}
			},
		},
		{
			ID: "A206", Source: documented, Where: "docs: Add V4 signature to the URL", Ops: []string{op},
			Claim: "A V4 URL that has expired is 403 AccessDenied.",
			check: func(t *testing.T, e *env) {
				e.needsV4(t)
				r := e.send(t, request{method: "GET", key: e.key("object"), shift: -time.Hour, presign: time.Minute})
				e.refused(t, r, 403, "AccessDenied", "")
			},
		},
		{
			ID: "A207", Source: documented,
			Where: "docs: Add V4 signature to the URL; error pages EC 0002-00000215, -00000217, -00000223",
			Ops:   []string{op},
			Claim: "A V4 URL without x-oss-expires or x-oss-credential, or with a malformed " +
				"date, is 400 InvalidArgument.",
			check: func(t *testing.T, e *env) {
				e.needsV4(t)
				for _, tt := range []struct {
					ec     string
					tamper func(*http.Request)
				}{
					{"0002-00000215", without("x-oss-expires")},
					{"0002-00000217", without("x-oss-credential")},
					{"0002-00000223", with("x-oss-date", "20260101")},
				} {
					r := e.send(t, request{method: "GET", key: e.key("object"),
						presign: time.Minute, tamper: tt.tamper})
					e.refused(t, r, 400, "InvalidArgument", tt.ec)
				}
			},
		},
		{
			ID: "A208", Source: documented, Where: "docs: Add V4 signature to the URL", Ops: []string{op},
			Claim: "A V4 URL lives at most seven days: an x-oss-expires above 604800 is refused.",
			check: func(t *testing.T, e *env) {
				e.needsV4(t)
				key := e.key("object")
				e.put(t, key, nil)
				e.send(t, request{method: "GET", key: key, presign: 7 * 24 * time.Hour}).wants(t, 200)
				r := e.send(t, request{method: "GET", key: key, presign: time.Minute,
					tamper: with("x-oss-expires", "604801")})
				if r.status != 400 && r.status != 403 {
					t.Errorf("status %d, want a refusal", r.status)
				}
			},
		},
		{
			ID: "A209", Source: documented, Where: "error page EC 0002-00000504", Ops: []string{op},
			Claim: "In a URL only expiry counts: it may have been signed hours ago.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				e.put(t, key, nil)
				e.send(t, request{method: "GET", key: key, shift: -2 * time.Hour, presign: 3 * time.Hour}).wants(t, 200)
			},
		},
		{
			ID: "A210", Source: documented, Where: "docs: Add V4 signature to the URL", Ops: []string{op},
			Claim: "A V4 URL of which any parameter is changed is 403 SignatureDoesNotMatch.",
			check: func(t *testing.T, e *env) {
				e.needsV4(t)
				for _, tamper := range []func(*http.Request){with("x-oss-expires", "61"),
					with("response-content-type", "text/html")} {
					r := e.send(t, request{method: "GET", key: e.key("object"), presign: time.Minute, tamper: tamper})
					e.refused(t, r, 403, "SignatureDoesNotMatch", "0002-00000201")
				}
			},
		},
	}
}

// presigned runs an upload, and what else there is, on URLs signed with s.
func (e *env) presigned(t *testing.T, s signer.Signer) {
	t.Helper()
	key, data := e.key("a b+c/\u4e2d"), []byte("1")
	send := func(r request) *reply {
		r.key, r.signer, r.presign = key, s, time.Minute
		reply := e.send(t, r).wants(t, 200)
		equal(t, "Authorization", reply.sent.Header.Get("Authorization"), "")
		return reply
	}
	send(request{method: "PUT", body: data, header: []string{"Content-Type", "text/csv", "x-oss-meta-a", "b"}})
	equal(t, "body", string(send(request{method: "GET"}).body), string(data))
	send(request{method: "HEAD"}).is(t, "x-oss-meta-a", "b", "Content-Type", "text/csv")
	id := send(request{method: "POST", query: []string{"uploads", ""}}).xml(t).get("UploadId")
	send(request{method: "PUT", query: []string{"partNumber", "1", "uploadId", id}, body: data,
		header: []string{"Content-MD5", md5Of(data)}})
	body := "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>" + strings.Trim(etagOf(data),
		`"`) + "</ETag></Part></CompleteMultipartUpload>"
	send(request{method: "POST", query: []string{"uploadId", id, "encoding-type", "url"}, body: []byte(body)})
}
