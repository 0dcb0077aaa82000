package main

import (
	"bytes"
	"errors"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

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

func TestRun(t *testing.T) {
	srv, getenv := remote(t)
	want := strings.Repeat("0123456789abcdef", 9<<16) // nine MiB, in parts of four
	var out bytes.Buffer
	if err := run(t.Context(), getenv, "k", strings.NewReader(want), &out); err != nil {
		t.Fatalf("run: %v", err)
	}
	if obj, _ := srv.Object("b", "k"); string(obj.Data) != want || len(obj.Parts) != 3 {
		t.Errorf("object has %d bytes in %d parts, want %d in 3", len(obj.Data), len(obj.Parts), len(want))
	}
	if !strings.HasPrefix(out.String(), "oss://b/k: 9437184 bytes in 3 parts, ETag ") {
		t.Errorf("printed %q", &out)
	}
}

func TestRunLocal(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), func(string) string { return "" }, "k", strings.NewReader("short"), &out); err != nil {
		t.Errorf("run: %v", err)
	}
}

// TestRunBrokenInput must not make an object of the half that could be read.
func TestRunBrokenInput(t *testing.T) {
	srv, getenv := remote(t)
	broken := errors.New("disk on fire")
	in := io.MultiReader(strings.NewReader(strings.Repeat("0", 5<<20)), iotest.ErrReader(broken))
	if err := run(t.Context(), getenv, "k", in, io.Discard); !errors.Is(err, broken) {
		t.Errorf("run = %v, want %v", err, broken)
	}
	if _, ok := srv.Object("b", "k"); ok || len(srv.Uploads()) > 0 {
		t.Errorf("object made: %t; left unfinished: %v", ok, srv.Uploads())
	}
}

// TestRunThatBeganNothingLeavesNothing: where the one PutObject is refused there is no upload to name.
func TestRunThatBeganNothingLeavesNothing(t *testing.T) {
	srv, getenv := remote(t)
	srv.Inject(osstest.Fault{Op: "PutObject", Effect: osstest.Fail(403, oss.ErrAccessDenied)})
	var out bytes.Buffer
	if err := run(t.Context(), getenv, "k", strings.NewReader("short"), &out); !errors.Is(err, oss.ErrAccessDenied) ||
		out.Len() > 0 {
		t.Errorf("run = %v, printed %q, want the refusal and nothing", err, &out)
	}
}
