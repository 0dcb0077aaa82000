package bucket_test

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/ossmultipart/go-oss/examples/internal/bucket"
)

func nothing(string) string { return "" }

func TestOpenLocal(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Setenv("TMP", dir) // Windows
	for _, signature := range []string{"", "v1", "v4"} {
		var log bytes.Buffer
		b, err := bucket.Open(nothing, bucket.Flags{Signature: signature}, &log)
		if err != nil {
			t.Fatalf("Open: %v", err)
		}
		if _, err := b.Client.PutObject(t.Context(), b.Name, "k", strings.NewReader("content"), nil); err != nil {
			t.Errorf("PutObject: %v", err)
		}
		if kept, _ := os.ReadDir(dir); !b.Local || len(kept) != 1 || strings.Count(log.String(), "\n") != 1 {
			t.Errorf("local is %t, %d directories, log %q", b.Local, len(kept), &log)
		}
		if err := b.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		if kept, _ := os.ReadDir(dir); len(kept) > 0 {
			t.Errorf("left behind: %v", kept)
		}
	}
}

// TestOpenNeverFallsBack sets each variable alone. A user who has set one means a real bucket, so Open must report the
// variables that are missing and not start a test server.
func TestOpenNeverFallsBack(t *testing.T) {
	for _, set := range bucket.Variables {
		getenv := func(name string) string {
			if name == set {
				return "x"
			}
			return ""
		}
		if b, err := bucket.Open(getenv, bucket.Flags{}, io.Discard); err == nil {
			t.Errorf("with only %s Open = %+v, want an error", set, b)
		}
	}
	if b, err := bucket.Open(nothing, bucket.Flags{Endpoint: "oss.example.com"}, io.Discard); err == nil {
		t.Errorf("with only an endpoint Open = %+v, want an error", b)
	}
}

func TestOpenReal(t *testing.T) {
	env := map[string]string{
		"OSS_ACCESS_KEY_ID": "id", "OSS_ACCESS_KEY_SECRET": "secret",
		"OSS_REGION": "cn-hangzhou", "OSS_BUCKET": "photos",
	}
	b, err := bucket.Open(func(name string) string { return env[name] }, bucket.Flags{}, io.Discard)
	if err != nil || b.Name != "photos" || b.Local {
		t.Errorf("Open = %+v, %v, want the real bucket", b, err)
	}
	if err := b.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}
