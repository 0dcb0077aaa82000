package conformance_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/signer"
)

// Places of evidence that the checks of strangers' clients share.
const (
	goV1SDK     = "aliyun/aliyun-oss-go-sdk oss/, live tests"
	pythonSDK   = "aliyun/aliyun-oss-python-sdk tests/"
	pythonV2SDK = "aliyun/alibabacloud-oss-python-sdk-v2 tests/integration/"
	nodeSDK     = "ali-sdk/ali-oss test/node/multipart.test.js"
	cppSDK      = "aliyun/aliyun-oss-cpp-sdk test/src/"
	cSDK        = "aliyun/aliyun-oss-c-sdk oss_c_sdk_test/"
	phpSDK      = "aliyun/aliyun-oss-php-sdk tests/"
	rubySDK     = "aliyun/aliyun-oss-ruby-sdk tests/"
)

// spellingAssumptions are about how names and characters stand in requests and replies.
func spellingAssumptions() []assumption {
	return []assumption{
		{
			ID: "A400", Source: liveTest, Where: cppSDK + " (looks for x-oss-meta- as it is written)",
			Ops:   []string{"GetObject", "HeadObject", "PutObject"},
			Claim: "Replies spell x-oss-* in lower case, and ETag and Content-MD5 in capitals.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				e.put(t, key, []byte("1"), "x-oss-meta-Author", "me")
				for _, r := range []*rawReply{
					e.raw(t, request{method: "GET", key: key}, nil).wants(t, 200),
					e.raw(t, request{method: "HEAD", key: key}, nil).wants(t, 200),
				} {
					for _, name := range []string{"x-oss-meta-author", "x-oss-request-id",
						"x-oss-hash-crc64ecma", "ETag", "Content-MD5"} {
						if r.header[name] == "" {
							t.Errorf("no header is spelled %s: %v", name, r.header)
						}
					}
				}
				r := e.raw(t, request{method: "HEAD", key: e.key("none")}, nil).wants(t, 404)
				if r.header["x-oss-ec"] == "" || r.header["x-oss-err"] == "" {
					t.Errorf("no headers are spelled x-oss-ec and x-oss-err: %v", r.header)
				}
			},
		},
		{
			ID: "A401", Source: liveTest, Where: goSDK + "; " + pythonV2SDK + "; " + cppSDK,
			Ops:   []string{"DeleteMultipleObjects"},
			Claim: "Control characters of keys in the document of a request may be references or the bytes themselves.",
			check: func(t *testing.T, e *env) {
				for i, text := range []string{"a&#x0B;b", "a&#11;b", "a\x0bb"} {
					key := e.key("a\vb")
					e.put(t, key, nil)
					body := []byte("<Delete><Object><Key>" + e.key(text) + "</Key></Object></Delete>")
					e.send(t, request{method: "POST", query: []string{"delete", ""}, body: body, checked: true,
						header: []string{"Content-MD5", md5Of(body)}}).wants(t, 200)
					if r := e.head(t, key); r.status != 404 {
						t.Errorf("%d: %q deletes nothing", i, text)
					}
				}
			},
		},
		{
			ID: "A402", Source: liveTest, Where: cppSDK + " ListObjecsWithVersioningEnableTest, ObjectEncodingTypeTest",
			Ops: []string{"ListObjects", "ListObjectsV2", "ListObjectVersions", "ListMultipartUploads", "ListParts"},
			Claim: "Without encoding-type a control character in a key is a reference, and keys " +
				"that differ in it stay apart.",
			check: func(t *testing.T, e *env) {
				key := e.key("X\x01Y")
				id := e.begin(t, key, []byte("1"))
				e.put(t, key, nil)
				e.put(t, e.key("X\x02Y"), nil)
				prefix := []string{"prefix", e.key("X")}
				for _, query := range [][]string{
					prefix, append([]string{"list-type", "2"}, prefix...), append([]string{"versions", ""}, prefix...),
					append([]string{"uploads", ""}, prefix...),
				} {
					r := e.send(t, request{method: "GET", query: query}).wants(t, 200)
					contains(t, query[0], string(r.body), "<Key>"+e.key("X&#1;Y")+"</Key>")
				}
				r := e.send(t, request{method: "GET", key: key, query: []string{"uploadId", id}}).wants(t, 200)
				contains(t, "ListParts", string(r.body), "<Key>"+e.key("X&#1;Y")+"</Key>")
			},
		},
		{
			ID: "A403", Source: liveTest, Where: cSDK + "; " + pythonSDK,
			Ops:   []string{"ListParts", "ListObjectsV2", "ListObjects", "ListMultipartUploads"},
			Claim: "A parameter of a list that has no value counts as absent.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				id := e.begin(t, key, []byte("1"))
				equal(t, "MaxParts", e.parts(t, key, id, "max-parts", "", "part-number-marker", "").get("MaxParts"),
					"1000")
				for _, query := range [][]string{
					{"list-type", "2", "continuation-token", "", "max-keys", "", "prefix", e.key("")},
					{"marker", "", "max-keys", "", "encoding-type", "", "prefix", e.key("")},
				} {
					equal(t, "MaxKeys",
						e.send(t, request{method: "GET", query: query}).wants(t, 200).xml(t).get("MaxKeys"), "100")
				}
				query := []string{"uploads", "", "max-uploads", "", "key-marker", "", "prefix", e.key("")}
				equal(t, "MaxUploads",
					e.send(t, request{method: "GET", query: query}).wants(t, 200).xml(t).get("MaxUploads"), "1000")
			},
		},
		{
			ID: "A404", Source: liveTest, Where: rubySDK + "test_object_key, test_batch_delete",
			Ops:   []string{"PutObject", "GetObject"},
			Claim: "A bare plus in a path is a space; a plus is %2B.",
			check: func(t *testing.T, e *env) {
				space, plus := e.key("a b"), e.key("a+b")
				e.put(t, plus, []byte("plus"))
				bare := func(text string) string { return strings.Replace(text, "a%20b", "a+b", 1) }
				e.raw(t, request{method: "PUT", key: space, body: []byte("space")}, bare).wants(t, 200)
				e.holds(t, space, []byte("space"))
				e.holds(t, plus, []byte("plus"))
			},
		},
		{
			ID: "A405", Source: sdkSource, Where: "aliyun/aliyun-oss-c-sdk; npm aliyun-sdk",
			Ops:      []string{"ListMultipartUploads"},
			FakeOnly: "public endpoints refuse a bucket in the path",
			Claim:    "Where the path is a bucket without a slash, the resource that V1 signs may lack the slash too.",
			check: func(t *testing.T, e *env) {
				r := request{method: "GET", query: []string{"uploads", ""}, signer: slashless{}, pathStyle: true}
				r.tamper = func(req *http.Request) {
					req.URL.Scheme, req.URL.Host, req.Host = "http", "127.0.0.1", "127.0.0.1"
					req.URL.Path, req.URL.RawPath = strings.TrimSuffix(req.URL.Path, "/"), ""
				}
				e.send(t, r).wants(t, 200)
			},
		},
		{
			ID: "A406", Source: liveTest, Where: pythonSDK + "test_sign_v4_additional_headers",
			Ops:   []string{"GetObject"},
			Claim: "A GET that announces a body is answered though the body never comes.",
			check: func(t *testing.T, e *env) {
				key := e.key("object")
				e.put(t, key, []byte("hello"))
				announced := func(text string) string {
					return strings.Replace(text, "\r\nHost:", "\r\nContent-Length: 9\r\nHost:", 1)
				}
				r := e.raw(t, request{method: "GET", key: key, presign: time.Minute}, announced).wants(t, 200)
				equal(t, "body", r.body, "hello")
			},
		},
		{
			ID: "A407", Source: liveTest, Ops: []string{"PutObject"},
			Where: goSDK + " TestPresignExtra; error pages EC 0002-00000078, -00000211",
			Claim: "A header that a V4 signature lists and the request lacks is 400 InvalidArgument; another " +
				"value is a mismatch.",
			check: func(t *testing.T, e *env) {
				for _, tt := range []struct {
					presign time.Duration
					ec      string
				}{{time.Minute, "0002-00000078"}, {0, "0002-00000211"}} {
					r := request{method: "PUT", key: e.key("object"),
						header: []string{"name", "a"}, presign: tt.presign,
						signer: signer.V4{AdditionalHeaders: []string{"name"}}}
					e.send(t, r).wants(t, 200)
					r.tamper = func(req *http.Request) { req.Header.Set("name", "b") }
					e.refused(t, e.send(t, r), 403, "SignatureDoesNotMatch", "")
					r.tamper = func(req *http.Request) { req.Header.Del("name") }
					e.refused(t, e.send(t, r), 400, "InvalidArgument", tt.ec)
				}
			},
		},
		{
			ID: "A408", Source: inferred, Where: "no page of the documentation gives a semicolon a meaning",
			Ops:   []string{"ListObjects"},
			Claim: "Only & separates the parameters of a query: a semicolon that is not escaped belongs to a value.",
			check: func(t *testing.T, e *env) {
				e.put(t, e.key("a;b"), nil)
				r := request{method: "GET", query: []string{"prefix", e.key("a;")}}
				bare := func(text string) string { return strings.Replace(text, "a%3B", "a;", 1) }
				contains(t, "the list", e.raw(t, r, bare).wants(t, 200).body, "<Prefix>"+e.key("a;")+"</Prefix>")
			},
		},
	}
}

// slashless signs a request for a bucket as V1 does, but over a resource without the slash behind the bucket.
type slashless struct{ signer.V1 }

func (s slashless) Sign(req *http.Request, p signer.Params) error {
	date := p.Time.UTC().Format(http.TimeFormat)
	mac := hmac.New(sha1.New, []byte(p.Credentials.AccessKeySecret))
	mac.Write([]byte(req.Method + "\n\n\n" + date + "\n/" + p.Bucket + "?" + req.URL.RawQuery))
	req.Header.Set("Date", date)
	req.Header.Set("Authorization",
		"OSS "+p.Credentials.AccessKeyID+":"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	return nil
}
