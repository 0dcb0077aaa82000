package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// remote starts a server on a real port and returns the environment that leads to it.
func remote(t *testing.T) (*osstest.Server, func(string) string) {
	t.Helper()
	srv := osstest.NewServer(nil)
	web := httptest.NewServer(srv)
	t.Cleanup(srv.Close)
	t.Cleanup(web.Close)
	env := map[string]string{
		"OSS_ENDPOINT": web.URL, "OSS_BUCKET": "b",
		"OSS_ACCESS_KEY_ID": osstest.AccessKeyID, "OSS_ACCESS_KEY_SECRET": osstest.AccessKeySecret,
	}
	return srv, func(name string) string { return env[name] }
}

func writeFile(t *testing.T, size int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, bytes.Repeat([]byte("0123456789abcdef"), size/16+1)[:size], 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRun(t *testing.T) {
	for size, parts := range map[int]int{0: 1, 1: 1, partSize: 1, partSize + 1: 2, 3*partSize - 1: 3} {
		srv, getenv := remote(t)
		path := writeFile(t, size)
		var out bytes.Buffer
		if err := run(t.Context(), getenv, path, &out); err != nil {
			t.Errorf("%d bytes: %v", size, err)
		}
		want, _ := os.ReadFile(path)
		if obj, _ := srv.Object("b", "file"); !bytes.Equal(obj.Data, want) || len(obj.Parts) != parts {
			t.Errorf("object has %d bytes in %d parts, want %d in %d", len(obj.Data), len(obj.Parts), size, parts)
		}
		if !strings.Contains(out.String(), "object   ETag") {
			t.Errorf("printed %q", &out)
		}
	}
}

func TestRunLocal(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), func(string) string { return "" }, writeFile(t, 10), &out); err != nil {
		t.Errorf("run: %v", err)
	}
}

func TestRunAborts(t *testing.T) {
	srv, getenv := remote(t)
	srv.Inject(osstest.Fault{Op: "UploadPart", PartNumber: 2,
		Effect: osstest.Fail(http.StatusForbidden, oss.ErrAccessDenied)})
	if err := run(t.Context(), getenv, writeFile(t, 2*partSize), new(bytes.Buffer)); err == nil {
		t.Error("run = nil, want the refusal")
	}
	if left := srv.Uploads(); len(left) > 0 {
		t.Errorf("left unfinished: %v", left)
	}
}
