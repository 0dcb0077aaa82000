package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
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
	for _, want := range []string{"part   1 1048576 bytes", "part   3 524288 bytes", "object   2621440 bytes in 3 parts"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, &out)
		}
	}
	if strings.Contains(out.String(), "ignature=") {
		t.Errorf("a signature was printed:\n%s", &out)
	}
}
