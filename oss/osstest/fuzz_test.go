package osstest_test

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/ossmultipart/go-oss/internal/ossxml"
	"github.com/ossmultipart/go-oss/oss/osstest"
	"github.com/ossmultipart/go-oss/signer"
)

// FuzzServeHTTP sends any request, with a good signature or none. The laws: the handler does not
// panic and never answers 500; a reply has a request ID and the Content-Length of its body; a refusal
// is a document with a code, for HEAD in x-oss-err, and repeats the request ID; the log has the request
// with the status of the reply; and what was there before is there after, unless the request is a
// success that says otherwise.
func FuzzServeHTTP(f *testing.F) {
	f.Add("PUT", "key", "", "Content-Md5", "x", "body", true)
	f.Add("GET", "key", "response-expires=x", "Range", "bytes=0-2", "", true)
	f.Add("GET", "key", "", "X-Oss-Range-Behavior", "standard", "", true)
	f.Add("HEAD", "none", "objectMeta", "If-Match", "x", "", true)
	f.Add("POST", "key", "uploads&encoding-type=url", "X-Oss-Tagging", "a=b&c", "", true)
	f.Add("PUT", "key", "partNumber=2&uploadId=ID", "X-Oss-Hash-Crc64ecma", "1", "body", true)
	f.Add("PUT", "key", "partNumber=2&uploadId=ID", "X-Oss-Copy-Source", "/bucket/key", "", true)
	f.Add("POST", "key", "uploadId=ID", "", "", partList(1, "C4CA4238A0B923820DCC509A6F75849B"), true)
	f.Add("POST", "key", "uploadId=ID", "X-Oss-Complete-All", "yes", "", true)
	f.Add("GET", "key", "uploadId=ID&max-parts=1&part-number-marker=0", "", "", "", true)
	f.Add("DELETE", "key", "uploadId=ID", "", "", "", true)
	f.Add("GET", "", "uploads&delimiter=/&prefix=&key-marker=a&upload-id-marker=b", "", "", "", true)
	f.Add("GET", "key", "OSSAccessKeyId=a&Expires=1&Signature=b", "", "", "", false)
	f.Add("GET", "key",
		"x-oss-signature-version=OSS4-HMAC-SHA256&x-oss-credential=a/b/c/oss/aliyun_v4_request&x-oss-date=1&"+
			"x-oss-expires=2", "", "", "", false)
	f.Add("GET", "key", "", "Authorization", "OSS4-HMAC-SHA256 Credential=/////,Signature=", "", false)
	f.Add("GET", "key", "", "Authorization", "OSS :", "", false)
	f.Add("PUT", "", "", "X-Oss-Acl", "public-read",
		"<CreateBucketConfiguration><StorageClass>IA</StorageClass></CreateBucketConfiguration>", true)
	f.Add("GET", "", "list-type=2&continuation-token=CgFh&delimiter=/&max-keys=1&encoding-type=url", "", "", "", true)
	f.Add("GET", "", "marker=a&delimiter=e&prefix=k&max-keys=1", "", "", "", true)
	f.Add("POST", "", "delete", "Content-Md5", "x",
		"<Delete><Object><Key>key</Key><VersionId>null</VersionId></Object></Delete>", true)
	f.Add("POST", "key", "append&position=0", "X-Oss-Meta-A", "b", "body", true)
	f.Add("PUT", "key", "tagging", "", "",
		"<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>", true)
	f.Add("PUT", "key", "acl", "X-Oss-Object-Acl", "private", "", true)
	f.Add("PUT", "key", "", "X-Oss-Callback", "e30=", "body", true)
	f.Add("DELETE", "", "", "", "", "", true)
	f.Fuzz(func(t *testing.T, method, key, query, name, value, body string, signed bool) {
		srv := osstest.NewServer(&osstest.Options{MinPartSize: 1})
		defer srv.Close()
		srv.PutObject("bucket", "key", []byte("content"))
		id := initiate(t, srv, nil)
		put(t, srv, id, 1, "1")

		u := &url.URL{Scheme: "https", Host: "bucket.oss-cn-hangzhou.aliyuncs.com", Path: "/" + key,
			RawQuery: strings.ReplaceAll(query, "ID", id)}
		req, err := http.NewRequest(method, u.String(), strings.NewReader(body))
		if err != nil || method == "" {
			return // not a request at all, so there is nothing to answer
		}
		req.Header.Set("Content-Length", strconv.Itoa(len(body)))
		if name != "" {
			req.Header.Set(name, value)
		}
		if signed {
			p := signer.Params{Bucket: "bucket", Key: key, Region: "cn-hangzhou", Time: noon,
				Credentials: osstest.TestCredentials()}
			p.Time = srv.Requests()[0].Time
			if err := (signer.V4{}).Sign(req, p); err != nil {
				t.Logf("sent as it is, for it cannot be signed: %v", err)
			}
		}
		rec := httptest.NewRecorder()
		srv.ServeHTTP(rec, req)

		status, head := rec.Code, method == http.MethodHead
		// The names of replies are spelled as OSS spells them, which Get does not look for.
		get := func(name string) string { return strings.Join(rec.Header()[name], "") }
		requestID := get("x-oss-request-id")
		if status == 500 || status < 200 || len(requestID) != 24 {
			t.Fatalf("status %d, request ID %q: %s", status, requestID, rec.Body)
		}
		if length := rec.Header().Get("Content-Length"); !head && length != "" &&
			length != strconv.Itoa(rec.Body.Len()) {
			t.Errorf("Content-Length %s, body of %d bytes", length, rec.Body.Len())
		}
		doc := rec.Body.String()
		if head {
			packed, err := base64.StdEncoding.DecodeString(get("x-oss-err"))
			if doc != "" || err != nil {
				t.Errorf("HEAD has body %q, x-oss-err %v", doc, err)
			}
			doc = string(packed)
		}
		if status >= 400 {
			var refusal ossxml.Error
			if err := ossxml.DecodeControl([]byte(doc), &refusal); err != nil || refusal.Code == "" ||
				refusal.RequestID != requestID {
				t.Errorf("status %d, refusal %+v, %v: %s", status, refusal, err, doc)
			}
		}
		all := srv.Requests()
		last := all[len(all)-1]
		if last.StatusCode != status || last.Method != method {
			t.Errorf("log has %+v for status %d", last, status)
		}
		if status >= 300 || head || method == http.MethodGet {
			if o, ok := srv.Object("bucket", "key"); !ok || string(o.Data) != "content" {
				t.Errorf("%s %d changed the object: %q", last.Op, status, o.Data)
			}
			if ups := srv.Uploads(); len(ups) != 1 || len(ups[0].Parts) != 1 {
				t.Errorf("%s %d changed the uploads: %+v", last.Op, status, ups)
			}
		}
	})
}
