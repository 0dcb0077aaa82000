package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestEveryMachineSendsItsShare(t *testing.T) {
	path := filepath.Join(t.TempDir(), "film.bin")
	if err := os.WriteFile(path, bytes.Repeat([]byte("film"), 7<<18), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := run(t.Context(), func(string) string { return "" }, path, &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"partSize":1048576,`, "machine 0 sent 2 parts", "machine 1 sent 2 parts",
		"machine 2 sent 3 parts", "object    7340032 bytes in 7 parts"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, &out)
		}
	}
}

func TestAFileThatIsMissingIsAnError(t *testing.T) {
	if err := run(t.Context(), func(string) string { return "" }, filepath.Join(t.TempDir(), "missing"),
		&bytes.Buffer{}); !os.IsNotExist(err) {
		t.Errorf("error is %v", err)
	}
}
