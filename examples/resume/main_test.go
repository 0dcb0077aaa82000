package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheSecondTryGoesOn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "film.bin")
	if err := os.WriteFile(path, bytes.Repeat([]byte("film"), 3<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	records := t.TempDir()
	var out bytes.Buffer
	if err := run(t.Context(), func(string) string { return "" }, records, path, &out); err != nil {
		t.Fatal(err)
	}
	said := out.String()
	if !strings.Contains(said, "context canceled") || !strings.Contains(said, "12582912 bytes in 12 parts") || strings.Contains(said, " 0 of them") {
		t.Errorf("it said %s", said)
	}
	if left, err := os.ReadDir(records); err != nil || len(left) != 0 {
		t.Errorf("records left: %v, %v", left, err)
	}
}
