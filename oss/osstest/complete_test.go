package osstest_test

import (
	"crypto/md5"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/ossmultipart/go-oss/internal/crc64"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

func TestUploadIsJoinedInOrderOfNumbers(t *testing.T) {
	srv := start(t, &osstest.Options{MinPartSize: 4})
	id := initiate(t, srv, map[string]string{"Content-Type": "text/plain", "x-oss-meta-Author": "me"})
	c := put(t, srv, id, 9, "ij")
	b := put(t, srv, id, 5, "efgh")
	a := put(t, srv, id, 2, "abcd")
	put(t, srv, id, 7, "not listed, so not joined")
	got := complete(t, srv, id, nil, 2, a, 5, b, 9, c)
	if got.status != 200 {
		t.Fatalf("complete: %v", got)
	}
	o, _ := srv.Object("bucket", "key")
	if string(o.Data) != "abcdefghij" || o.CRC64 != crc64.Checksum(o.Data) {
		t.Errorf("object = %q with CRC %d", o.Data, o.CRC64)
	}
	if want := `"` + fmt.Sprintf("%X", md5.Sum([]byte(strings.ReplaceAll(a+b+c, `"`, "")))) + `-3"`; o.ETag != want {
		t.Errorf("ETag = %s, want %s", o.ETag, want)
	}
	if got.header.Get("ETag") != o.ETag || got.header.Get("x-oss-hash-crc64ecma") != fmt.Sprint(o.CRC64) {
		t.Errorf("reply has %v, want the sums of the object", got.header)
	}
	if len(o.Parts) != 3 || o.Parts[1].Number != 5 || o.Header.Get("Content-Type") != "text/plain" {
		t.Errorf("object = %+v", o)
	}
	head := send(t, srv, call{method: "HEAD", key: "key"})
	for name, want := range map[string]string{
		"x-oss-object-type": "Multipart", "Content-MD5": "", "x-oss-meta-author": "me", "Content-Type": "text/plain",
		"Content-Length": "10", "Vary": "Accept-Encoding", "ETag": o.ETag, "x-oss-storage-class": "Standard",
	} {
		if got := head.header.Get(name); got != want {
			t.Errorf("HEAD: %s = %q, want %q", name, got, want)
		}
	}
	if left := srv.Uploads(); len(left) > 0 {
		t.Errorf("left behind: %+v", left)
	}
}

func TestCompleteRefuses(t *testing.T) {
	// An upload with parts 1 (4 bytes), 2 (4), 3 (2) and 5 (4), where 4 bytes are the least.
	bodies := map[int]string{1: "aaaa", 2: "bbbb", 3: "cc", 5: "eeee"}
	etag := func(number int) string { return fmt.Sprintf("%X", md5.Sum([]byte(bodies[number]))) }
	tests := []struct {
		name   string
		id     string // default: of the upload
		header map[string]string
		body   string
		want   string
		extra  string // name=value of an element of the refusal
	}{
		{name: "an ID that is none", id: "0123", body: partList(1, etag(1)),
			want: "404 NoSuchUpload 0042-00000203", extra: "UploadId=0123"},
		{name: "an ID that is none, whatever the body", id: "0123", body: "<", want: "404 NoSuchUpload 0042-00000203"},
		{name: "complete-all with a list", header: map[string]string{"x-oss-complete-all": "yes"},
			body: partList(1, etag(1)),
			want: "400 InvalidArgument 0042-00000216", extra: "ArgumentName=x-oss-complete-all"},
		{name: "complete-all that is not yes", header: map[string]string{"x-oss-complete-all": "true"},
			want: "400 InvalidArgument"},
		{name: "no body", want: "400 MalformedXML 0042-00000205"},
		{name: "half a document", body: partList(1, etag(1))[:40], want: "400 MalformedXML 0042-00000205"},
		{name: "another document", body: "<Delete></Delete>", want: "400 MalformedXML 0042-00000205"},
		{name: "a number that is none", body: partList("one", etag(1)), want: "400 MalformedXML 0042-00000205"},
		{name: "descending numbers", body: partList(2, etag(2), 1, etag(1)),
			want: "400 InvalidPartOrder 0042-00000209"},
		{name: "the same number twice", body: partList(1, etag(1), 1, etag(1)),
			want: "400 InvalidPartOrder 0042-00000209"},
		{name: "number 0", body: partList(0, etag(1)), want: "400 InvalidArgument"},
		{name: "number 10001", body: partList(1, etag(1), 10001, etag(1)), want: "400 InvalidArgument"},
		{name: "a part that never came", body: partList(1, etag(1), 4, etag(1)),
			want: "400 InvalidPart 0042-00000212", extra: "PartNumber=4"},
		{name: "another ETag", body: partList(1, etag(1)+"fake"), want: "400 InvalidPart 0042-00000212",
			extra: "ETag=" + etag(1) + "fake"},
		{name: "the ETag of another part", body: partList(1, etag(2)), want: "400 InvalidPart 0042-00000212"},
		{name: "a small part in the middle", body: partList(1, etag(1), 3, etag(3), 5, etag(5)),
			want: "400 EntityTooSmall 0042-00000213"},
		{name: "a small part first of two, though uploaded last", body: partList(3, etag(3), 5, etag(5)),
			want: "400 EntityTooSmall 0042-00000213"},
		{name: "a damaged list", header: map[string]string{"Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg=="},
			body: partList(1, etag(1)), want: "400 InvalidDigest 0017-00000503"},
		{name: "an existing object", header: map[string]string{"x-oss-forbid-overwrite": "true"},
			body: partList(1, etag(1)), want: "409 FileAlreadyExists 0042-00000214"},
		{name: "forbid-overwrite that is no bool", header: map[string]string{"x-oss-forbid-overwrite": "yes"},
			body: partList(1, etag(1)), want: "400 InvalidArgument 0017-00000279"},
		{name: "an unknown ACL", header: map[string]string{"x-oss-object-acl": "mine"}, body: partList(1, etag(1)),
			want: "400 InvalidArgument"},
	}
	srv := start(t, &osstest.Options{MinPartSize: 4})
	srv.PutObject("bucket", "key", []byte("old"))
	id := initiate(t, srv, nil)
	for number, body := range bodies {
		put(t, srv, id, number, body)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			use := id
			if tt.id != "" {
				use = tt.id
			}
			got := send(t, srv, call{method: "POST", key: "key", query: "uploadId=" + use,
				header: tt.header, body: tt.body})
			if got.String() != tt.want {
				t.Errorf("got %v, want %s: %s", got, tt.want, got.body)
			}
			if name, value, ok := strings.Cut(tt.extra, "="); ok && got.err.Get(name) != value {
				t.Errorf("%s = %q, want %q", name, got.err.Get(name), value)
			}
			if o, _ := srv.Object("bucket", "key"); string(o.Data) != "old" {
				t.Errorf("object is %q", o.Data)
			}
		})
	}
	// After all that the upload is as good as ever, with ETags in lower case and without quotes too.
	if got := complete(t, srv, id, nil, 2, strings.ToLower(etag(2)), 3, `"`+etag(3)+`"`); got.status != 200 {
		t.Errorf("good complete: %v", got)
	}
	if o, _ := srv.Object("bucket", "key"); string(o.Data) != "bbbbcc" {
		t.Errorf("object is %q", o.Data)
	}
	if got := complete(t, srv, id, nil, 2, etag(2)); got.String() != "404 NoSuchUpload 0042-00000203" {
		t.Errorf("second complete: %v", got)
	}
}

func TestCompleteAllTakesEveryPart(t *testing.T) {
	srv := start(t, &osstest.Options{MinPartSize: 1})
	id := initiate(t, srv, nil)
	all := map[string]string{"x-oss-complete-all": "yes", "x-oss-object-acl": "private"}
	empty := call{method: "POST", key: "key", query: "uploadId=" + id, header: all}
	if got := send(t, srv, empty); got.status != 400 {
		t.Errorf("complete of no parts: %v", got)
	}
	put(t, srv, id, 20, "b")
	put(t, srv, id, 3, "a")
	if got := send(t, srv, empty); got.status != 200 {
		t.Errorf("complete: %v", got)
	}
	o, _ := srv.Object("bucket", "key")
	if string(o.Data) != "ab" || o.ACL != "private" {
		t.Errorf("object = %+v", o)
	}
}

func TestMinPartSizeIsThatOfOSS(t *testing.T) {
	srv := start(t, nil)
	for size, want := range map[int]string{102399: "400 EntityTooSmall 0042-00000213", 102400: "200"} {
		id := initiate(t, srv, nil)
		a, b := put(t, srv, id, 1, strings.Repeat("a", size)), put(t, srv, id, 2, "")
		if got := complete(t, srv, id, nil, 1, a, 2, b); got.String() != want {
			t.Errorf("first part of %d bytes: %v, want %s", size, got, want)
		}
	}
}

func TestLocationIsAURLPath(t *testing.T) {
	srv := start(t, &osstest.Options{MinPartSize: 1, CNAME: map[string]string{"static.example.com": "bucket"}})
	for _, tt := range []struct{ host, key, query, want string }{
		{"", "dir/a b", "encoding-type=url&", "https://bucket.oss-cn-hangzhou.aliyuncs.com/dir/a%20b"},
		{"static.example.com", "k", "", "https://static.example.com/k"},
		{"10.0.0.1:8080", "k", "", "https://10.0.0.1:8080/bucket/k"},
	} {
		path := func(req *http.Request) {
			if strings.HasPrefix(tt.host, "10.") {
				req.URL.Path, req.URL.RawPath = "/bucket/"+tt.key, ""
			}
		}
		c := call{method: "POST", host: tt.host, key: tt.key, query: tt.query + "uploads", change: path}
		got := send(t, srv, c)
		_, id, _ := strings.Cut(got.body, "<UploadId>")
		id, _, _ = strings.Cut(id, "<")
		c.method, c.query = "PUT", "partNumber=1&uploadId="+id
		send(t, srv, c)
		c.method, c.query, c.header = "POST", tt.query+"uploadId="+id, map[string]string{"x-oss-complete-all": "yes"}
		got = send(t, srv, c)
		if !strings.Contains(got.body, "<Location>"+tt.want+"</Location>") {
			t.Errorf("%s %s: want location %s in %s", tt.host, tt.key, tt.want, got.body)
		}
	}
}
