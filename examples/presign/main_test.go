package main

import (
	"bytes"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ossmultipart/go-oss/oss/osstest"
)

func TestASenderWithoutKeysUploadsAllParts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "film.bin")
	if err := os.WriteFile(path, bytes.Repeat([]byte("film"), 5<<17), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := run(t.Context(), func(string) string { return "" }, path, &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"part   1 1048576 bytes", "part   3 524288 bytes",
		"object   2621440 bytes in 3 parts"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, &out)
		}
	}
	if strings.Contains(out.String(), "ignature=") {
		t.Errorf("a signature was printed:\n%s", &out)
	}
}

// TestAPartDamagedOnTheWayMakesNoObject: no Content-MD5 goes with a presigned part, so OSS stores damage.
func TestAPartDamagedOnTheWayMakesNoObject(t *testing.T) {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	web := httptest.NewServer(srv)
	defer web.Close()
	env := map[string]string{
		"OSS_ENDPOINT": web.URL, "OSS_BUCKET": "b",
		"OSS_ACCESS_KEY_ID": osstest.AccessKeyID, "OSS_ACCESS_KEY_SECRET": osstest.AccessKeySecret,
	}
	path := filepath.Join(t.TempDir(), "film.bin")
	if err := os.WriteFile(path, bytes.Repeat([]byte("film"), 5<<17), 0o600); err != nil {
		t.Fatal(err)
	}
	srv.Inject(osstest.Fault{Op: "UploadPart", PartNumber: 2, Effect: osstest.Corrupt()})
	err := run(t.Context(), func(name string) string { return env[name] }, path, new(bytes.Buffer))
	if err == nil || !strings.Contains(err.Error(), "part 2") || len(srv.Objects("b"))+len(srv.Uploads()) > 0 {
		t.Errorf("run = %v, objects %v, left unfinished %v, want part 2 blamed and nothing", err,
			srv.Objects("b"), srv.Uploads())
	}
}
