package multipart_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// In all these tests the bucket and the key are these.
const bucket, key = "bucket", "dir/key.bin"

// data returns n bytes without a pattern that a mix-up of parts could hide in.
func data(n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{1}).Read(b)
	return b
}

// inBubble runs f in a synctest bubble with a server that takes parts of any size. When f is done
// nothing may be left in OSS; that no goroutine is left is checked by the bubble itself, which does
// not end before they do.
func inBubble(t *testing.T, f func(t *testing.T, srv *osstest.Server)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		srv := osstest.NewServer(&osstest.Options{MinPartSize: 1})
		defer srv.Close()
		f(t, srv)
		for _, up := range srv.Uploads() {
			t.Errorf("left behind: %v with %d parts", up.Upload, len(up.Parts))
		}
	})
}

// wantObject checks that the object holds want and that res says so.
func wantObject(t *testing.T, srv *osstest.Server, want []byte, res *multipart.Result, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("upload failed: %v", err)
	}
	obj, ok := srv.Object(bucket, key)
	if !ok {
		t.Fatalf("upload returned %+v, but there is no object", res)
	}
	if !bytes.Equal(obj.Data, want) {
		t.Fatalf("object has %d bytes that differ from the %d uploaded", len(obj.Data), len(want))
	}
	if res.Size != int64(len(want)) || res.ETag != obj.ETag || res.CRC64 != obj.CRC64 || res.Parts != len(obj.Parts) {
		t.Errorf("result %+v does not describe the object: %d bytes, ETag %s, CRC-64 %d, %d parts",
			res, len(obj.Data), obj.ETag, obj.CRC64, len(obj.Parts))
	}
}

// wantNothing checks that there is no object, and that err is an UploadError matching cause.
func wantNothing(t *testing.T, srv *osstest.Server, err, cause error) *multipart.UploadError {
	t.Helper()
	if _, ok := srv.Object(bucket, key); ok {
		t.Error("there is an object although the upload failed")
	}
	if !errors.Is(err, cause) {
		t.Fatalf("error is %v, want one that matches %v", err, cause)
	}
	var ue *multipart.UploadError
	if !errors.As(err, &ue) {
		t.Fatalf("error %v is no *UploadError", err)
	}
	return ue
}

// plainReader hides every method of a reader but Read.
type plainReader struct{ io.Reader }

// settings returns options for parts of n bytes.
func settings(n int64) *multipart.Options { return &multipart.Options{PartSize: n} }

// client returns a client of srv with its configuration changed.
func client(t *testing.T, srv *osstest.Server, change func(*oss.Config)) *oss.Client {
	t.Helper()
	cfg := srv.Config()
	change(&cfg)
	c, err := oss.NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// sparseFile returns the path of a file of n zero bytes.
func sparseFile(t *testing.T, n int64) string {
	t.Helper()
	f := tempFile(t, nil)
	if err := f.Truncate(n); err != nil {
		t.Fatal(err)
	}
	return f.Name()
}

// abortTime is how long a cancelled upload may take to return that has cut off a part: OSS is asked twice.
const abortTime = 350 * time.Millisecond

// openFiles counts the descriptors of this process where that can be seen.
func openFiles(t *testing.T) int {
	if runtime.GOOS != "linux" {
		return 0
	}
	// The first file that is opened also opens what waits for files; so one is.
	if f, err := os.Open(os.DevNull); err == nil {
		f.Close()
	}
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}

// A logBuffer keeps what is logged.
type logBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logBuffer) has(s string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.text.String(), s)
}

func (l *logBuffer) count(s string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), s)
}
