package main

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ossmultipart/go-oss/oss/osstest"
)

func writeFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "film.bin")
	if err := os.WriteFile(path, bytes.Repeat([]byte("film"), 3<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func wantEmpty(t *testing.T, records string) {
	t.Helper()
	if left, err := os.ReadDir(records); err != nil || len(left) != 0 {
		t.Errorf("records left: %v, %v", left, err)
	}
}

// TestTheSecondTryGoesOn interrupts the first when the seventh part arrives, which then gets no answer.
func TestTheSecondTryGoesOn(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	srv := osstest.NewServer(nil)
	defer srv.Close()
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("partNumber") == "7" && ctx.Err() == nil {
			srv.Inject(osstest.Fault{Op: "UploadPart", PartNumber: 7, Times: 1, Effect: osstest.Hang()})
			interrupt()
		}
		srv.ServeHTTP(w, r)
	}))
	defer front.Close()
	env := map[string]string{
		"OSS_ENDPOINT": front.URL, "OSS_BUCKET": "b",
		"OSS_ACCESS_KEY_ID": osstest.AccessKeyID, "OSS_ACCESS_KEY_SECRET": osstest.AccessKeySecret,
	}
	getenv := func(name string) string { return env[name] }
	path, records := writeFile(t), t.TempDir()
	var out bytes.Buffer
	if err := run(ctx, getenv, records, path, &out); !errors.Is(err, context.Canceled) ||
		!strings.Contains(err.Error(), "run it again") {
		t.Fatalf("first try: %v", err)
	}
	if err := run(t.Context(), getenv, records, path, &out); err != nil {
		t.Fatal(err)
	}
	if said := out.String(); !strings.Contains(said, "12582912 bytes in 12 parts") ||
		strings.Contains(said, " 0 of them") {
		t.Errorf("it said %s", said)
	}
	want, _ := os.ReadFile(path)
	if obj, _ := srv.Object("b", "film.bin"); !bytes.Equal(obj.Data, want) {
		t.Errorf("the object has %d bytes that are not those of the file", len(obj.Data))
	}
	wantEmpty(t, records)
}

// TestRunLocal: without a bucket of one's own, run interrupts itself. On a busy machine the first try may be over by
// then.
func TestRunLocal(t *testing.T) {
	records := t.TempDir()
	var out bytes.Buffer
	if err := run(t.Context(), func(string) string { return "" }, records, writeFile(t), &out); err != nil {
		t.Fatal(err)
	}
	if said := out.String(); !strings.Contains(said, "first try: ") ||
		!strings.Contains(said, "12582912 bytes in 12 parts") {
		t.Errorf("it said %s", said)
	}
	wantEmpty(t, records)
}
