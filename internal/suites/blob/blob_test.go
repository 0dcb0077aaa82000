package blob

import (
	"bytes"
	"crypto/md5"
	"fmt"
	"hash/crc64"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"gocloud.dev/blob"
	"gocloud.dev/blob/drivertest"
	"gocloud.dev/blob/s3blob"

	"github.com/ossmultipart/go-oss/oss"
	ossblob "github.com/ossmultipart/go-oss/oss/drivers/blob"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// An object is what was sent with the headers of both services.
type object struct {
	content []byte
	header  http.Header
}

// A server keeps objects by path. PUT, GET, HEAD and DELETE of a whole object are the same in OSS and S3, signatures
// and the names of some headers aside.
type server struct {
	mu      sync.Mutex
	objects map[string]object
}

var ecma = crc64.MakeTable(crc64.ECMA)

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Oss-Request-Id", "1")
	s.mu.Lock()
	o, ok := s.objects[r.URL.Path]
	s.mu.Unlock()
	switch r.Method {
	case http.MethodPut:
		content := bytes.NewBuffer(make([]byte, 0, max(r.ContentLength, 0)+bytes.MinRead))
		if _, err := content.ReadFrom(r.Body); err != nil {
			return
		}
		o = object{content.Bytes(), http.Header{
			"Etag":                 {fmt.Sprintf("\"%X\"", md5.Sum(content.Bytes()))},
			"X-Oss-Hash-Crc64ecma": {strconv.FormatUint(crc64.Checksum(content.Bytes(), ecma), 10)},
			"Content-Type":         {r.Header.Get("Content-Type")},
			"Last-Modified":        {time.Now().UTC().Format(http.TimeFormat)},
		}}
		s.mu.Lock()
		s.objects[r.URL.Path] = o
		s.mu.Unlock()
		w.Header().Set("Etag", o.header.Get("Etag"))
		w.Header().Set("X-Oss-Hash-Crc64ecma", o.header.Get("X-Oss-Hash-Crc64ecma"))
	case http.MethodDelete:
		s.mu.Lock()
		delete(s.objects, r.URL.Path)
		s.mu.Unlock()
		w.WriteHeader(http.StatusNoContent)
	default:
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		for name, values := range o.header {
			w.Header()[name] = values
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(o.content)))
		w.Write(o.content)
	}
}

// buckets opens a bucket of each driver on the server.
func buckets(t testing.TB) map[string]*blob.Bucket {
	web := httptest.NewServer(&server{objects: make(map[string]object)})
	t.Cleanup(web.Close)
	client, err := oss.NewClient(oss.Config{
		Region: "cn-hangzhou", Endpoint: web.URL, Credentials: osstest.TestCredentials(),
	})
	if err != nil {
		t.Fatal(err)
	}
	ours, err := ossblob.OpenBucket(client, "oss", nil)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := s3blob.OpenBucket(t.Context(), s3.NewFromConfig(aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String(web.URL),
		Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
		// The server does not know the chunks with checksums that the SDK sends otherwise.
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
	}, func(o *s3.Options) { o.UsePathStyle = true }), "s3", &s3blob.Options{
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ours.Close()
		theirs.Close()
	})
	return map[string]*blob.Bucket{"oss": ours, "s3": theirs}
}

func TestTheServerKeepsWhatBothDriversSend(t *testing.T) {
	want := bytes.Repeat([]byte("content"), 50_000)
	for name, b := range buckets(t) {
		if err := b.WriteAll(t.Context(), "key", want, nil); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		r, err := b.NewReader(t.Context(), "key", nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: read %d bytes, %v", name, len(got), err)
		}
		if err := r.Close(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := b.Delete(t.Context(), "key"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if exists, err := b.Exists(t.Context(), "key"); exists || err != nil {
			t.Errorf("%s: exists %t, %v", name, exists, err)
		}
	}
}

func BenchmarkDrivers(b *testing.B) {
	open := buckets(b)
	for _, name := range []string{"oss", "s3"} {
		b.Run(name, func(b *testing.B) { drivertest.RunBenchmarks(b, open[name]) })
	}
}
