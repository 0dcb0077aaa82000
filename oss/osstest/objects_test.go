package osstest_test

import (
	"crypto/md5"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/ossmultipart/go-oss/internal/crc64"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

func TestPutObjectIsReadBackAsItWas(t *testing.T) {
	srv := start(t, nil)
	body := "This is test data for the ranged read test file"
	put := send(t, srv, call{method: "PUT", key: "key", body: body, header: map[string]string{
		"Content-Type": "image/png", "Cache-Control": "no-cache",
		"Content-Disposition": "attachment", "Content-Encoding": "x",
		"Content-Language": "de", "Expires": "never", "x-oss-meta-A-B": "c", "x-oss-storage-class": "IA",
		"x-oss-tagging": "k=v&k2=", "x-oss-object-acl": "public-read",
	}})
	sum := md5.Sum([]byte(body))
	sums := map[string]string{
		"ETag": fmt.Sprintf("\"%X\"", sum), "Content-MD5": base64.StdEncoding.EncodeToString(sum[:]),
		"x-oss-hash-crc64ecma": "15651652868027691141",
	}
	want := map[string]string{
		"Content-Type": "image/png", "Cache-Control": "no-cache",
		"Content-Disposition": "attachment", "Content-Encoding": "x",
		"Content-Language": "de", "Expires": "never", "x-oss-meta-a-b": "c",
		"x-oss-storage-class": "IA", "x-oss-tagging-count": "2",
		"x-oss-tagging": "", "x-oss-object-acl": "", "Accept-Ranges": "bytes", "x-oss-object-type": "Normal",
		"Content-Length": "47", "Vary": "",
	}
	get, head := send(t, srv, call{method: "GET", key: "key"}), send(t, srv, call{method: "HEAD", key: "key"})
	for name, value := range sums {
		want[name] = value
		if got := put.header.Get(name); got != value {
			t.Errorf("PUT: %s = %q, want %q", name, got, value)
		}
	}
	for name, value := range want {
		for _, a := range []*answer{get, head} {
			if got := a.header.Get(name); got != value {
				t.Errorf("%s = %q, want %q", name, got, value)
			}
		}
	}
	if get.body != body || head.body != "" {
		t.Errorf("GET = %q, HEAD = %q", get.body, head.body)
	}
	if _, err := http.ParseTime(head.header.Get("Last-Modified")); err != nil {
		t.Errorf("Last-Modified: %v", err)
	}
	o, ok := srv.Stat("bucket", "key")
	if !ok || o.ACL != "public-read" || o.Data != nil || o.Size != 47 || o.Parts != nil ||
		o.CRC64 != crc64.Checksum([]byte(body)) {
		t.Errorf("Stat = %+v, %t", o, ok)
	}
	if _, ok := srv.Object("bucket", "none"); ok {
		t.Error("an object that is none")
	}
	if _, ok := srv.Stat("none", "key"); ok {
		t.Error("an object in a bucket that has none")
	}
}

func TestEmptyObject(t *testing.T) {
	srv := start(t, nil)
	put := send(t, srv, call{method: "PUT", key: "key"})
	get := send(t, srv, call{method: "GET", key: "key"})
	for _, a := range []*answer{put, get} {
		if a.header.Get("ETag") != `"D41D8CD98F00B204E9800998ECF8427E"` ||
			a.header.Get("x-oss-hash-crc64ecma") != "0" || a.header.Get("Content-Length") != "0" {
			t.Errorf("%v: %v", a, a.header)
		}
	}
	if get.header.Get("Content-Type") != "application/octet-stream" {
		t.Errorf("Content-Type = %q", get.header.Get("Content-Type"))
	}
}

func TestGetObjectMetaIsShort(t *testing.T) {
	srv := start(t, nil)
	send(t, srv, call{method: "PUT", key: "key", body: "abc",
		header: map[string]string{"x-oss-meta-a": "b", "Content-Type": "text/plain"}})
	got := send(t, srv, call{method: "HEAD", key: "key", query: "objectMeta"})
	for name, there := range map[string]bool{
		"ETag": true, "x-oss-hash-crc64ecma": true, "Last-Modified": true,
		"Content-Length": true, "x-oss-object-type": true,
		"x-oss-storage-class": false, "Accept-Ranges": false, "Content-Type": false, "Content-MD5": false,
		"x-oss-meta-a": false, "Vary": false,
	} {
		if (got.header.Get(name) != "") != there {
			t.Errorf("%s = %q, want it there: %t", name, got.header.Get(name), there)
		}
	}
	if r := srv.Requests("GetObjectMeta"); len(r) != 1 {
		t.Errorf("requests = %+v", r)
	}
}

func TestHeadRefusalIsInAHeader(t *testing.T) {
	srv := start(t, nil)
	got := send(t, srv, call{method: "HEAD", key: "a/b"})
	if got.String() != "404 NoSuchKey 0026-00000001" || got.err.Get("Key") != "a/b" || got.body != "" {
		t.Errorf("got %v, extras %v, body %q", got, got.err.Extra, got.body)
	}
	if got.header.Get("Content-Type") != "application/xml" || got.header.Get("x-oss-ec") != "0026-00000001" {
		t.Errorf("header = %v", got.header)
	}
}

func TestRefusalHasTheFormOfOSS(t *testing.T) {
	srv := start(t, &osstest.Options{Buckets: []string{"bucket"}})
	got := send(t, srv, call{method: "GET", key: "none"})
	id := got.header.Get("x-oss-request-id")
	want := `<?xml version="1.0" encoding="UTF-8"?>
<Error>
  <Code>NoSuchKey</Code>
  <Message>The specified key does not exist.</Message>
  <RequestId>` + id + `</RequestId>
  <HostId>bucket.oss-cn-hangzhou.aliyuncs.com</HostId>
  <Key>none</Key>
  <EC>0026-00000001</EC>
  <RecommendDoc>https://api.aliyun.com/troubleshoot?q=0026-00000001</RecommendDoc>
</Error>
`
	if got.body != want {
		t.Errorf("got %s\nwant %s", got.body, want)
	}
	if got.header.Get("x-oss-server-time") == "" || got.header.Get("Server") != "AliyunOSS" {
		t.Errorf("header = %v", got.header)
	}
	if r := srv.Requests()[0]; r.Code != "NoSuchKey" || r.StatusCode != 404 ||
		r.RequestID != id || r.Op != "GetObject" {
		t.Errorf("request = %+v", r)
	}
	got = send(t, srv, call{method: "GET", bucket: "none", key: "k"})
	if got.String() != "404 NoSuchBucket 0015-00000101" || got.header.Get("x-oss-server-time") != "" ||
		got.err.Get("BucketName") != "none" {
		t.Errorf("got %v, %v", got, got.header)
	}
}

func TestDeleteObject(t *testing.T) {
	srv := start(t, nil)
	srv.PutObject("bucket", "key", nil)
	for range 2 { // a key that is gone is not an error
		if got := send(t, srv, call{method: "DELETE", key: "key"}); got.status != 204 ||
			got.header.Get("Content-Length") != "" {
			t.Errorf("DELETE: %v, %v", got, got.header)
		}
	}
	if _, ok := srv.Object("bucket", "key"); ok {
		t.Error("the object is still there")
	}
}

func TestNoObjectHasVersions(t *testing.T) {
	srv := start(t, nil)
	srv.PutObject("bucket", "key", nil)
	for _, method := range []string{"GET", "HEAD", "DELETE"} {
		got := send(t, srv, call{method: method, key: "key", query: "versionId=fake"})
		if got.String() != "400 InvalidArgument 0012-00000202" || got.err.Get("ArgumentName") != "VersionId" ||
			got.err.Get("ArgumentValue") != "fake" {
			t.Errorf("%s: %v, %v", method, got, got.err.Extra)
		}
	}
	if got := send(t, srv, call{method: "GET", key: "key", query: "versionId=null"}); got.status != 200 {
		t.Errorf("null version: %v", got)
	}
}

func TestForbidOverwrite(t *testing.T) {
	srv := start(t, nil)
	srv.PutObject("bucket", "source", []byte("s"))
	put := call{method: "PUT", key: "key", body: "new", header: map[string]string{"x-oss-forbid-overwrite": "true"}}
	copied := call{method: "PUT", key: "key",
		header: map[string]string{"x-oss-forbid-overwrite": "true", "x-oss-copy-source": "/bucket/source"}}
	begin := call{method: "POST", key: "key", query: "uploads",
		header: map[string]string{"x-oss-forbid-overwrite": "true"}}
	for _, c := range []call{put, copied, begin} {
		send(t, srv, call{method: "DELETE", key: "key"})
		if got := send(t, srv, c); got.status != 200 {
			t.Errorf("no object yet: %v", got)
		}
		srv.PutObject("bucket", "key", []byte("old"))
		if got := send(t, srv, c); got.String() != "409 FileAlreadyExists 0026-00000002" {
			t.Errorf("object there: %v", got)
		}
		c.header = map[string]string{"x-oss-forbid-overwrite": "maybe"}
		if got := send(t, srv, c); got.String() != "400 InvalidArgument 0017-00000279" {
			t.Errorf("neither true nor false: %v", got)
		}
	}
	if o, _ := srv.Object("bucket", "key"); string(o.Data) != "old" {
		t.Errorf("object = %q", o.Data)
	}
}

// Two find no object, both send one, the slower must not overwrite the quicker.
func TestForbidOverwriteHoldsWhileTheBodyArrives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := osstest.NewServer(nil)
		defer srv.Close()
		srv.Inject(osstest.Fault{Op: "PutObject", Effect: osstest.Slow(1)})
		slow := make(chan *answer)
		go func() {
			slow <- send(t, srv, call{method: "PUT", key: "key", body: "slow",
				header: map[string]string{"x-oss-forbid-overwrite": "true"}})
		}()
		synctest.Wait()
		srv.PutObject("bucket", "key", []byte("quick"))
		if got := <-slow; got.String() != "409 FileAlreadyExists 0026-00000002" {
			t.Errorf("slow PUT: %v", got)
		}
		if o, _ := srv.Object("bucket", "key"); string(o.Data) != "quick" {
			t.Errorf("object = %q", o.Data)
		}
	})
}

func TestCopySourceIsDecodedAsAQueryIs(t *testing.T) {
	srv := start(t, nil)
	for key, sources := range map[string][]string{"a b/c": {"a%20b/c", "a+b/c", "a+b%2Fc"}, "a+b": {"a%2Bb"}} {
		srv.PutObject("bucket", key, []byte(key))
		for _, source := range sources {
			send(t, srv, call{method: "PUT", key: "copy",
				header: map[string]string{"x-oss-copy-source": "/bucket/" + source}})
			if o, _ := srv.Object("bucket", "copy"); string(o.Data) != key {
				t.Errorf("source %s: copied %q, want the object %q", source, o.Data, key)
			}
			send(t, srv, call{method: "DELETE", key: "copy"})
		}
	}
}

func TestCopyObject(t *testing.T) {
	srv := start(t, nil)
	send(t, srv, call{method: "PUT", key: "a b", body: "content",
		header: map[string]string{"x-oss-meta-a": "1", "Content-Type": "text/css", "x-oss-tagging": "k=v"}})
	got := send(t, srv, call{method: "PUT", key: "copy",
		header: map[string]string{"x-oss-copy-source": "/bucket/a%20b", "x-oss-meta-a": "2"}})
	crc := fmt.Sprint(crc64.Checksum([]byte("content")))
	if got.status != 200 || got.header.Get("x-oss-copied-size") != "7" ||
		got.header.Get("x-oss-hash-crc64ecma") != crc || got.header.Get("x-oss-ia-retrieve-flow-type") != "0" {
		t.Errorf("copy: %v, %v", got, got.header)
	}
	head := send(t, srv, call{method: "HEAD", key: "copy"})
	if head.header.Get("x-oss-meta-a") != "1" || head.header.Get("Content-Type") != "text/css" ||
		head.header.Get("x-oss-tagging-count") != "1" {
		t.Errorf("the copy has not the source's metadata: %v", head.header)
	}
	replace := map[string]string{"x-oss-copy-source": "/bucket/copy", "x-oss-metadata-directive": "REPLACE",
		"x-oss-meta-b": "3", "x-oss-tagging-directive": "Replace"}
	send(t, srv, call{method: "PUT", key: "copy", header: replace}) // onto itself
	head = send(t, srv, call{method: "HEAD", key: "copy"})
	if head.header.Get("x-oss-meta-a") != "" || head.header.Get("x-oss-meta-b") != "3" ||
		head.header.Get("x-oss-tagging-count") != "" || head.header.Get("Content-Length") != "7" {
		t.Errorf("the copy has not the request's metadata: %v", head.header)
	}
	if get := send(t, srv, call{method: "GET", key: "copy"}); get.body != "content" {
		t.Errorf("the copy is %q", get.body)
	}
	for _, tt := range []struct{ name, value, want string }{
		{"x-oss-metadata-directive", "KEEP", "400 InvalidArgument"},
		{"x-oss-tagging-directive", "KEEP", "400 InvalidArgument"},
		{"x-oss-copy-source-if-match", "other", "412 PreconditionFailed"},
		{"x-oss-copy-source-if-none-match", "*", "304"},
		{"x-oss-storage-class", "Cheap", "400 InvalidArgument"},
	} {
		got := send(t, srv, call{method: "PUT", key: "copy2",
			header: map[string]string{"x-oss-copy-source": "/bucket/copy", tt.name: tt.value}})
		if got.String() != tt.want {
			t.Errorf("%s %s: %v, want %s", tt.name, tt.value, got, tt.want)
		}
	}
}

func TestHeadersOfNewObjectsAreChecked(t *testing.T) {
	tags := func(n int) string { return strings.TrimSuffix(strings.Repeat("k%d=v&", n), "&") }
	numbered := func(s string) string {
		for i := 0; strings.Contains(s, "%d"); i++ {
			s = strings.Replace(s, "%d", fmt.Sprint(i), 1)
		}
		return s
	}
	tests := []struct {
		name, header, value string
		want                string
	}{
		{"storage class", "x-oss-storage-class", "DeepColdArchive", "200"},
		{"unknown storage class", "x-oss-storage-class", "standard", "400 InvalidArgument"},
		{"ACL", "x-oss-object-acl", "public-read-write", "200"},
		{"unknown ACL", "x-oss-object-acl", "public", "400 InvalidArgument"},
		{"encryption", "x-oss-server-side-encryption", "SM4", "200"},
		{"unknown encryption", "x-oss-server-side-encryption", "AES", "400 InvalidEncryptionAlgorithmError"},
		{"key ID without KMS", "x-oss-server-side-encryption-key-id", "id", "400 InvalidArgument"},
		{"data encryption without KMS", "x-oss-server-side-data-encryption", "SM4", "400 InvalidArgument"},
		{"ten tags", "x-oss-tagging", numbered(tags(10)), "200"},
		{"eleven tags", "x-oss-tagging", numbered(tags(11)), "400 BadRequest"},
		{"tag twice", "x-oss-tagging", "k=1&k=2", "400 InvalidArgument"},
		{"tag without value", "x-oss-tagging", "k", "200"},
		{"tag without key", "x-oss-tagging", "=v", "400 InvalidTag"},
		{"tag with two values", "x-oss-tagging", "a=b=c", "400 InvalidArgument"},
		{"tag with a bad escape", "x-oss-tagging", "a=%zz", "400 InvalidArgument"},
		{"longest tag", "x-oss-tagging", strings.Repeat("k", 128) + "=" + strings.Repeat("v", 256), "200"},
		{"tag key too long", "x-oss-tagging", strings.Repeat("k", 129), "400 InvalidTag"},
		{"tag value too long", "x-oss-tagging", "k=" + strings.Repeat("v", 257), "400 InvalidTag"},
		{"most metadata", "x-oss-meta-a", strings.Repeat("v", 8<<10-13), "200"},
		{"too much metadata", "x-oss-meta-a", strings.Repeat("v", 8<<10-12), "400 InvalidArgument 0011-00000002"},
		{"metadata with underscore", "x-oss-meta-a_b", "v", "400 InvalidArgument 0011-00000004"},
		{"metadata without name", "x-oss-meta-", "v", "400 InvalidArgument 0011-00000004"},
		{"metadata that is not ASCII", "x-oss-meta-a", "\u00fc", "200"},
		{"encoding", "x-oss-meta-encoding", "x", "200"},
	}
	srv := start(t, nil)
	for _, tt := range tests {
		for _, c := range []call{{method: "PUT", key: "key"}, {method: "POST", key: "key", query: "uploads"}} {
			c.header = map[string]string{tt.header: tt.value}
			if got := send(t, srv, c); got.String() != tt.want {
				t.Errorf("%s, %s: got %v, want %s: %s", tt.name, c.method, got, tt.want, got.body)
			}
		}
	}
	for query, want := range map[string]string{
		"uploads&encoding-type=URL": "400 InvalidArgument 0017-00000235",
	} {
		if got := send(t, srv, call{method: "POST", key: "key", query: query}); got.String() != want {
			t.Errorf("%s: %v, want %s", query, got, want)
		}
	}
	both := call{method: "PUT", key: "key", query: "x-oss-traffic-limit=819200",
		header: map[string]string{"x-oss-traffic-limit": "819200"}}
	if got := send(t, srv, both); got.status != 400 {
		t.Errorf("traffic limit in header and query: %v", got)
	}
}

func TestLengthIsRequired(t *testing.T) {
	srv := start(t, nil)
	conn := dialRaw(t, srv)
	req := call{method: "PUT", key: "key"}.request(t)
	fmt.Fprintf(conn,
		"PUT /key HTTP/1.1\r\nHost: %s\r\nX-Oss-Date: %s\r\nX-Oss-Content-Sha256: %s\r\nAuthorization: %s\r\n\r\n",
		req.URL.Host, req.Header.Get("X-Oss-Date"), req.Header.Get("X-Oss-Content-Sha256"),
		req.Header.Get("Authorization"))
	if got := readStatus(t, conn); got != 411 {
		t.Errorf("status = %d, want 411", got)
	}
}

func TestHalfABodyIsNotStored(t *testing.T) {
	srv := start(t, nil)
	conn := dialRaw(t, srv)
	req := call{method: "PUT", key: "key"}.request(t)
	fmt.Fprintf(conn, "PUT /key HTTP/1.1\r\nHost: %s\r\nX-Oss-Date: %s\r\nX-Oss-Content-Sha256: %s\r\n"+
		"Authorization: %s\r\nContent-Length: 10\r\n\r\nhalf",
		req.URL.Host, req.Header.Get("X-Oss-Date"), req.Header.Get("X-Oss-Content-Sha256"),
		req.Header.Get("Authorization"))
	conn.(interface{ CloseWrite() error }).CloseWrite()
	if got := readStatus(t, conn); got != 400 {
		t.Errorf("status = %d, want 400", got)
	}
	if _, ok := srv.Object("bucket", "key"); ok {
		t.Error("half an object was stored")
	}
	if r := srv.Requests()[0]; r.Code != "IncompleteBody" || r.Size != 4 {
		t.Errorf("request = %+v", r)
	}
}
