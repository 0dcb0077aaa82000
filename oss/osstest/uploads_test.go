package osstest_test

import (
	"crypto/md5"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/ossmultipart/go-oss/internal/crc64"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

func TestUploadPartRefuses(t *testing.T) {
	sum := md5.Sum([]byte("body"))
	good := base64.StdEncoding.EncodeToString(sum[:])
	tests := []struct {
		name, query string
		header      map[string]string
		change      func(*http.Request)
		want, extra string
	}{
		{name: "nothing", query: "partNumber=1&uploadId=ID", want: "200"},
		{name: "nothing with the right digests", query: "partNumber=10000&uploadId=ID",
			header: map[string]string{"Content-MD5": good,
				"x-oss-hash-crc64ecma": fmt.Sprint(crc64.Checksum([]byte("body")))}, want: "200"},
		{name: "number 0", query: "partNumber=0&uploadId=ID", want: "400 InvalidArgument 0017-00000220",
			extra: "ArgumentName=PartNumber"},
		{name: "number 10001", query: "partNumber=10001&uploadId=ID", want: "400 InvalidArgument 0017-00000220",
			extra: "ArgumentValue=10001"},
		{name: "number that is none", query: "partNumber=x&uploadId=ID", want: "400 InvalidArgument 0017-00000220"},
		{name: "no number", query: "uploadId=ID", want: "400 InvalidArgument 0017-00000219"},
		{name: "no upload", query: "partNumber=1", want: "400 InvalidArgument"},
		{name: "unknown upload", query: "partNumber=1&uploadId=0123",
			want: "404 NoSuchUpload 0042-00000104", extra: "UploadId=0123"},
		{name: "wrong MD5", query: "partNumber=1&uploadId=ID",
			header: map[string]string{"Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg=="},
			want:   "400 InvalidDigest 0017-00000503", extra: "Content-MD5=1B2M2Y8AsgTpgAmY7PhCfg=="},
		{name: "MD5 that is none", query: "partNumber=1&uploadId=ID", header: map[string]string{"Content-MD5": "?"},
			want: "400 InvalidDigest 0017-00000503"},
		{name: "wrong CRC", query: "partNumber=1&uploadId=ID", header: map[string]string{"x-oss-hash-crc64ecma": "1"},
			want: "400 InvalidCRC64"},
		{name: "encryption", query: "partNumber=1&uploadId=ID",
			header: map[string]string{"x-oss-server-side-encryption": "AES256"}, want: "400 InvalidArgument"},
		{name: "fast traffic", query: "partNumber=1&uploadId=ID",
			header: map[string]string{"x-oss-traffic-limit": "838860801"}, want: "400 InvalidArgument 0004-00000502"},
		{name: "nothing with good traffic", query: "partNumber=1&uploadId=ID",
			header: map[string]string{"x-oss-traffic-limit": "819200"}, want: "200"},
		{name: "hash context", query: "partNumber=1&uploadId=ID&withHashContext", want: "400 NotImplemented"},
		{name: "more than 5 GiB", query: "partNumber=1&uploadId=ID", want: "400 EntityTooLarge",
			change: func(req *http.Request) {
				req.Body, req.ContentLength = io.NopCloser(strings.NewReader("")), oss.MaxPartSize+1
				req.Header.Set("Expect", "100-continue") // the body is not asked for
			}},
	}
	srv := start(t, nil)
	id := initiate(t, srv, nil)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			query := strings.Replace(tt.query, "ID", id, 1)
			got := send(t, srv, call{method: "PUT", key: "key", query: query, header: tt.header,
				body: "body", change: tt.change})
			if got.String() != tt.want {
				t.Errorf("got %v, want %s: %s", got, tt.want, got.body)
			}
			if name, value, ok := strings.Cut(tt.extra, "="); ok && got.err.Get(name) != value {
				t.Errorf("%s = %q, want %q", name, got.err.Get(name), value)
			}
		})
	}
	up := srv.Uploads()
	if len(up) != 1 || len(up[0].Parts) != 2 || up[0].Parts[0].Number != 1 || up[0].Parts[1].Number != 10000 {
		t.Errorf("uploads = %+v, want parts 1 and 10000 only", up)
	}
}

func TestPartIsReplacedAsAWhole(t *testing.T) {
	srv := start(t, nil)
	id := initiate(t, srv, nil)
	put(t, srv, id, 1, "a long first try")
	want := put(t, srv, id, 1, "second")
	// A damaged third try changes nothing.
	send(t, srv, call{method: "PUT", key: "key", query: "partNumber=1&uploadId=" + id, body: "third",
		header: map[string]string{"Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg=="}})
	parts := srv.Uploads()[0].Parts
	if len(parts) != 1 || parts[0].ETag != want || parts[0].Size != 6 ||
		parts[0].CRC64 != crc64.Checksum([]byte("second")) {
		t.Errorf("parts = %+v", parts)
	}
}

func TestUploadPartSaysWhatItStored(t *testing.T) {
	srv := start(t, nil)
	id := initiate(t, srv, nil)
	got := send(t, srv, call{method: "PUT", key: "key", query: "partNumber=1&uploadId=" + id,
		reader: io.LimitReader(zeros{}, 1<<20)})
	sum := md5.Sum(make([]byte, 1<<20))
	want := map[string]string{
		"ETag": fmt.Sprintf("\"%X\"", sum), "Content-MD5": base64.StdEncoding.EncodeToString(sum[:]),
		"x-oss-hash-crc64ecma": fmt.Sprint(crc64.Checksum(make([]byte, 1<<20))), "Content-Length": "0",
		"Content-Type": "", "Server": "AliyunOSS",
	}
	for name, value := range want {
		if got.header.Get(name) != value {
			t.Errorf("%s = %q, want %q", name, got.header.Get(name), value)
		}
	}
	if r := srv.Requests("UploadPart")[0]; r.Size != 1<<20 || r.StatusCode != 200 ||
		r.PartNumber != 1 || r.UploadID != id {
		t.Errorf("request = %+v", r)
	}
}

// zeros reads zeros for ever.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestAbortIsFinal(t *testing.T) {
	srv := start(t, nil)
	id := initiate(t, srv, nil)
	put(t, srv, id, 1, "body")
	abort := call{method: "DELETE", key: "key", query: "uploadId=" + id}
	if got := send(t, srv, abort); got.status != 204 || got.body != "" {
		t.Errorf("abort: %v", got)
	}
	for _, tt := range []struct {
		c    call
		want string
	}{
		{abort, "404 NoSuchUpload 0042-00000002"},
		{call{method: "GET", key: "key", query: "uploadId=" + id}, "404 NoSuchUpload 0042-00000002"},
		{call{method: "PUT", key: "key", query: "partNumber=1&uploadId=" + id}, "404 NoSuchUpload 0042-00000104"},
		{call{method: "POST", key: "key", query: "uploadId=" + id}, "404 NoSuchUpload 0042-00000203"},
	} {
		if got := send(t, srv, tt.c); got.String() != tt.want {
			t.Errorf("%s after abort: %v, want %s", tt.c.method, got, tt.want)
		}
	}
}

func TestUploadBelongsToItsKey(t *testing.T) {
	srv := start(t, nil)
	id := initiate(t, srv, nil)
	got := send(t, srv, call{method: "PUT", key: "other", query: "partNumber=1&uploadId=" + id})
	if got.String() != "404 NoSuchUpload 0042-00000104" {
		t.Errorf("part of another key: %v", got)
	}
	if got := send(t, srv, call{method: "DELETE", bucket: "other", key: "key",
		query: "uploadId=" + id}); got.status != 404 {
		t.Errorf("abort in another bucket: %v", got)
	}
	if len(srv.Uploads()) != 1 {
		t.Errorf("uploads = %v", srv.Uploads())
	}
}

// A part is on its way, an abort overtakes it, the part ends: it must not bring the upload back.
func TestLatePartDoesNotReviveAnAbortedUpload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := osstest.NewServer(nil)
		defer srv.Close()
		id := initiate(t, srv, nil)
		srv.Inject(osstest.Fault{Op: "UploadPart", Effect: osstest.Slow(1)})
		late := make(chan *answer)
		go func() {
			late <- send(t, srv, call{method: "PUT", key: "key", query: "partNumber=1&uploadId=" + id, body: "four"})
		}()
		synctest.Wait()
		if got := send(t, srv, call{method: "DELETE", key: "key", query: "uploadId=" + id}); got.status != 204 {
			t.Errorf("abort: %v", got)
		}
		if got := <-late; got.String() != "404 NoSuchUpload 0042-00000104" {
			t.Errorf("late part: %v", got)
		}
	})
}

func TestUploadsOfOneKeyAreIndependent(t *testing.T) {
	srv := start(t, nil)
	first, second := initiate(t, srv, nil), initiate(t, srv, nil)
	a, b := put(t, srv, first, 1, "first"), put(t, srv, second, 1, "second")
	complete(t, srv, second, nil, 1, b)
	if got := complete(t, srv, first, nil, 1, a); got.status != 200 {
		t.Errorf("complete: %v", got)
	}
	if o, _ := srv.Object("bucket", "key"); string(o.Data) != "first" {
		t.Errorf("object = %q, want that of the last complete", o.Data)
	}
}

func TestSequentialUpload(t *testing.T) {
	srv := start(t, &osstest.Options{MinPartSize: 1})
	a := send(t, srv, call{method: "POST", key: "key", query: "sequential&uploads"})
	id := srv.Uploads()[0].ID
	part := func(number int, body string) *answer {
		return send(t, srv, call{method: "PUT", key: "key", query: fmt.Sprintf("partNumber=%d&uploadId=%s", number, id),
			body: body})
	}
	if got := part(2, "b"); got.String() != "400 PartNotSequential" {
		t.Errorf("part 2 first: %v", got)
	}
	if a.status != 200 || part(1, "a").status != 200 || part(2, "b").status != 200 {
		t.Error("parts in sequence were refused")
	}
	if got := part(4, "d"); got.String() != "400 PartNotSequential" {
		t.Errorf("a gap: %v", got)
	}
	for _, number := range []int{1, 2} { // BR28
		if got := part(number, "b"); got.String() != "409 PartAlreadyExist 0042-00000108" {
			t.Errorf("part %d again: %v", number, got)
		}
	}
	if got := part(3, "").status; got != 200 {
		t.Errorf("the next part after refusals: %v", got)
	}
	copied := call{method: "PUT", key: "key", query: "partNumber=4&uploadId=" + id,
		header: map[string]string{"x-oss-copy-source": "/bucket/key"}}
	if got := send(t, srv, copied); got.String() != "400 NotImplemented" {
		t.Errorf("copied part: %v", got)
	}
	send(t, srv, call{method: "POST", key: "key", query: "uploadId=" + id,
		header: map[string]string{"x-oss-complete-all": "yes"}})
	sum := md5.Sum([]byte("ab"))
	head := send(t, srv, call{method: "HEAD", key: "key"})
	if got, want := head.header.Get("Content-MD5"), base64.StdEncoding.EncodeToString(sum[:]); got != want {
		t.Errorf("Content-MD5 = %q, want %q", got, want)
	}
}

func TestPartsOfASequentialUploadMayNotOverlap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := osstest.NewServer(nil)
		defer srv.Close()
		send(t, srv, call{method: "POST", key: "key", query: "sequential&uploads"})
		part := call{method: "PUT", key: "key", query: "partNumber=1&uploadId=" + srv.Uploads()[0].ID, body: "slow"}
		srv.Inject(osstest.Fault{Op: "UploadPart", Times: 1, Effect: osstest.Slow(1)})
		slow := make(chan *answer)
		go func() { slow <- send(t, srv, part) }()
		synctest.Wait()
		part.body = "quick"
		if got := send(t, srv, part); got.status != 200 {
			t.Errorf("quick part: %v", got)
		}
		if got := <-slow; got.String() != "409 PartAlreadyExist 0042-00000108" {
			t.Errorf("slow part: %v", got)
		}
	})
}

func TestUploadPartCopy(t *testing.T) {
	srv := start(t, &osstest.Options{MinPartSize: 1, Buckets: []string{"bucket", "source"}})
	srv.PutObject("source", "dir/a b", []byte("0123456789"))
	src, _ := srv.Stat("source", "dir/a b")
	id := initiate(t, srv, nil)
	const copySource, copyRange = "x-oss-copy-source", "x-oss-copy-source-range"
	name := "/source/dir%2Fa%20b"
	at := src.Time.Format(http.TimeFormat)
	before := src.Time.Add(-1e9).Format(http.TimeFormat)
	tests := []struct {
		name   string
		header map[string]string
		want   string
		rng    string
		size   int64
	}{
		{name: "whole object", header: map[string]string{copySource: name}, want: "200", size: 10},
		{name: "slash not encoded", header: map[string]string{copySource: "/source/dir/a%20b"}, want: "200", size: 10},
		{name: "null version", header: map[string]string{copySource: name + "?versionId=null"}, want: "200", size: 10},
		{name: "range", header: map[string]string{copySource: name, copyRange: "bytes=2-4"}, want: "200",
			rng: "bytes 2-4/10", size: 3},
		{name: "open range", header: map[string]string{copySource: name, copyRange: "bytes=2-"}, want: "200",
			rng: "bytes 2-9/10", size: 8},
		{name: "range beyond the object copies all",
			header: map[string]string{copySource: name, copyRange: "bytes=2-10"}, want: "200", size: 10},
		{name: "range that is none copies all", header: map[string]string{copySource: name, copyRange: "2-4"},
			want: "200", size: 10},
		{name: "if-match", header: map[string]string{copySource: name, copySource + "-if-match": src.ETag}, want: "200",
			size: 10},
		{name: "if-match fails", header: map[string]string{copySource: name, copySource + "-if-match": "x"},
			want: "412 PreconditionFailed"},
		{name: "if-none-match", header: map[string]string{copySource: name, copySource + "-if-none-match": "x"},
			want: "200", size: 10},
		{name: "if-none-match fails",
			header: map[string]string{copySource: name, copySource + "-if-none-match": src.ETag}, want: "304"},
		{name: "if-modified-since",
			header: map[string]string{copySource: name, copySource + "-if-modified-since": before}, want: "200",
			size: 10},
		{name: "if-modified-since fails",
			header: map[string]string{copySource: name, copySource + "-if-modified-since": at}, want: "304"},
		{name: "if-unmodified-since",
			header: map[string]string{copySource: name, copySource + "-if-unmodified-since": at}, want: "200",
			size: 10},
		{name: "if-unmodified-since fails",
			header: map[string]string{copySource: name, copySource + "-if-unmodified-since": before},
			want:   "412 PreconditionFailed"},
		{name: "no such key", header: map[string]string{copySource: "/source/none"},
			want: "404 NoSuchKey 0026-00000001"},
		{name: "no such bucket", header: map[string]string{copySource: "/none/key"},
			want: "404 NoSuchBucket 0015-00000101"},
		{name: "bad bucket", header: map[string]string{copySource: "/Source/key"},
			want: "400 InvalidBucketName 0015-00000001"},
		{name: "no key", header: map[string]string{copySource: "/source/"}, want: "400 InvalidArgument"},
		{name: "no slash", header: map[string]string{copySource: "source/key"}, want: "400 InvalidArgument"},
		{name: "bad escape", header: map[string]string{copySource: "/source/%zz"}, want: "400 InvalidArgument"},
		{name: "a version", header: map[string]string{copySource: name + "?versionId=v1"},
			want: "400 InvalidArgument 0012-00000202"},
	}
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := send(t, srv, call{method: "PUT", key: "key",
				query: fmt.Sprintf("partNumber=%d&uploadId=%s", i+1, id), header: tt.header})
			if got.String() != tt.want {
				t.Fatalf("got %v, want %s: %s", got, tt.want, got.body)
			}
			if got.header.Get("Content-Range") != tt.rng {
				t.Errorf("Content-Range = %q, want %q", got.header.Get("Content-Range"), tt.rng)
			}
			if got.status == 304 && got.body != "" {
				t.Errorf("304 has a body: %s", got.body)
			}
			parts := srv.Uploads()[0].Parts
			last := parts[len(parts)-1]
			if got.status == 200 && (last.Number != i+1 ||
				last.Size != tt.size || last.ETag != got.header.Get("ETag")) {
				t.Errorf("part = %+v", last)
			}
		})
	}
	if got := send(t, srv, call{method: "PUT", key: "key", query: "partNumber=1&uploadId=none",
		header: map[string]string{copySource: name}}); got.String() != "404 NoSuchUpload 0042-00000311" {
		t.Errorf("unknown upload: %v", got)
	}
	// The copies are bytes of their own, whatever becomes of the source.
	send(t, srv, call{method: "DELETE", bucket: "source", key: "dir/a b"})
	send(t, srv, call{method: "POST", key: "key", query: "uploadId=" + id,
		header: map[string]string{"x-oss-complete-all": "yes"}})
	o, _ := srv.Object("bucket", "key")
	want := strings.NewReplacer("W", "0123456789").Replace("WWW" + "234" + "23456789" + "WWWWWW")
	if diff := cmp.Diff(want, string(o.Data)); diff != "" || o.CRC64 != crc64.Checksum(o.Data) {
		t.Errorf("object (-want +got):\n%s", diff)
	}
}

func TestEncryptionIsEchoed(t *testing.T) {
	srv := start(t, nil)
	const alg, keyID = "x-oss-server-side-encryption", "x-oss-server-side-encryption-key-id"
	header := map[string]string{alg: "KMS", keyID: "key-1"}
	check := func(op string, got *answer, want bool) {
		t.Helper()
		if (got.header.Get(alg) == "KMS" && got.header.Get(keyID) == "key-1") != want {
			t.Errorf("%s: echo is %v, want %t", op, got.header, want)
		}
	}
	check("initiate", send(t, srv, call{method: "POST", key: "key", query: "uploads", header: header}), true)
	id := srv.Uploads()[0].ID
	part := send(t, srv, call{method: "PUT", key: "key", query: "partNumber=1&uploadId=" + id})
	check("part", part, true)
	check("list", send(t, srv, call{method: "GET", key: "key", query: "uploadId=" + id}), false)
	check("complete", complete(t, srv, id, nil, 1, part.header.Get("ETag")), true)
	check("head", send(t, srv, call{method: "HEAD", key: "key"}), true)
	check("meta", send(t, srv, call{method: "HEAD", key: "key", query: "objectMeta"}), false)
}
