package osstest_test

import (
	"crypto/md5"
	"encoding/base64"
	"strings"
	"testing"
	"time"
)

// What clients of Python, PHP, C and C++ ask in their live tests (H22).
func TestRefusalsOfStrangersRequestsAreTheServices(t *testing.T) {
	srv := startOpen(t)
	srv.PutObject("open", "key", []byte("hello"))
	const none = "Content-Length: 0"
	long := strings.Repeat("p", 1025)
	status := "<VersioningConfiguration><Status>Stop</Status></VersioningConfiguration>"
	for _, tt := range []struct {
		what, status, text string
		got                *wireReply
	}{
		{"a key that is no UTF-8", "400", "The characters encoding must be utf-8.", sendWire(t, srv, "",
			"PUT /%FF HTTP/1.1", none)},
		{"its EC", "400", "<EC>0016-00000004</EC>", sendWire(t, srv, "", "GET /%FF HTTP/1.1")},
		{"another versioning", "400", "<Code>MalformedXML</Code>",
			sendSigned(t, srv, "open", "", status, "PUT /?versioning HTTP/1.1", "Content-Length: 72")},
		{"a long prefix of uploads", "400", "InvalidArgument", sendWire(t, srv, "",
			"GET /?uploads&prefix="+long+" HTTP/1.1")},
		{"a long marker of versions", "400", "InvalidArgument", sendWire(t, srv, "",
			"GET /?versions&key-marker="+long+" HTTP/1.1")},
		{"a long prefix of objects", "400", "InvalidArgument", sendWire(t, srv, "", "GET /?prefix="+long+" HTTP/1.1")},
		{"an ACL without its header", "400", "<Code>MissingArgument</Code>",
			sendSigned(t, srv, "open", "key", "", "PUT /key?acl HTTP/1.1", none)},
		{"a prefix of no bucket", "400", "InvalidArgument",
			sendSigned(t, srv, "", "", "", "GET /?prefix=No_Bucket HTTP/1.1", "Host: 127.0.0.1")},
		{"the prefix of a bucket", "200", "",
			sendSigned(t, srv, "", "", "", "GET /?prefix=op- HTTP/1.1", "Host: 127.0.0.1")},
		{"HEAD of a key with a slash", "404", "", sendWire(t, srv, "", "HEAD //key HTTP/1.1")},
		{"GET of a key with a slash", "404", "<Code>NoSuchKey</Code>", sendWire(t, srv, "", "GET //key HTTP/1.1")},
		{"PUT of a key with a slash", "400", "InvalidObjectName", sendWire(t, srv, "", "PUT //key HTTP/1.1", none)},
		{"an encoding that is none", "400", "<EC>0017-00000235</EC>",
			sendWire(t, srv, "", "GET /?encoding-type=gzip HTTP/1.1")},
		{"an undocumented encoding", "400", "<Header>encoding-type</Header>",
			sendWire(t, srv, "", "POST /key?uploads&encoding-type=url2 HTTP/1.1", none)},
		{"a source with an empty version", "400", "0012-00000201",
			sendWire(t, srv, "", "PUT /copy HTTP/1.1", none, "x-oss-copy-source: /open/key?versionId=")},
	} {
		wantWire(t, tt.what, tt.got, tt.status, tt.text)
	}
}

// The C SDK sends the MD5 of a list of deletions with four zero bytes behind it (H22).
func TestAContentMD5MayHaveFourZerosBehind(t *testing.T) {
	srv := startOpen(t)
	sum := md5.Sum([]byte("hello"))
	for _, tt := range []struct {
		sum    []byte
		status string
	}{
		{sum[:], "200"}, {append(sum[:], 0, 0, 0, 0), "200"},
		{append(sum[:], 0, 0, 0, 1), "400"}, {append(sum[:], 0, 0),
			"400"},
		{append(make([]byte, 16), 0, 0, 0, 0), "400"}, {sum[:8], "400"},
	} {
		header := "Content-MD5: " + base64.StdEncoding.EncodeToString(tt.sum)
		wantWire(t, header, sendWire(t, srv, "hello", "PUT /key HTTP/1.1", "Content-Length: 5", header), tt.status, "")
	}
}

// Python v1's test_exception_ec signs for a region that there is none (H22).
func TestARegionThatIsAnotherWithSomethingBehindIsNone(t *testing.T) {
	srv := start(t, nil)
	for _, tt := range []struct {
		region, message string
		ttl             time.Duration
	}{
		{"cn-hangzhou-test-1", "Invalid signing region in Authorization header.", 0},
		{"cn-hangzhou-test-1", "The signing region in credential is invalid.", time.Minute},
		{"", "The signing region in credential is invalid.", time.Minute},
	} {
		req := call{method: "GET", key: "key", ttl: tt.ttl}.request(t)
		auth := strings.Replace(req.Header.Get("Authorization"), "/cn-hangzhou/", "/"+tt.region+"/", 1)
		query := strings.Replace(req.URL.RawQuery, "%2Fcn-hangzhou%2F", "%2F"+tt.region+"%2F", 1)
		head := []string{"GET /key?" + query + " HTTP/1.1", "Host: bucket.oss-cn-hangzhou.aliyuncs.com"}
		if tt.ttl == 0 {
			head = append(head, "Authorization: "+auth, "x-oss-date: "+req.Header.Get("x-oss-date"))
		}
		got := sendWire(t, srv, "", head...)
		wantWire(t, tt.region, got, "400", "<EC>0002-00000226</EC>")
		wantWire(t, tt.region, got, "400", "<Message>"+tt.message+"</Message>")
	}
}
