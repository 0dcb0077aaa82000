package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheSecondTryContinuesTheFirst(t *testing.T) {
	path := filepath.Join(t.TempDir(), "object")
	var out bytes.Buffer
	if err := run(t.Context(), func(string) string { return "" }, "object", path, &out); err != nil {
		t.Fatalf("run: %v\n%s", err, &out)
	}
	got, err := os.ReadFile(path)
	if err != nil || len(got) != 20<<20 {
		t.Errorf("the file has %d bytes, %v", len(got), err)
	}
	for _, want := range []string{"first try: ", "context canceled", "from which the next call continues",
		"20 ranges, ", "its CRC-64 is proved"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the output lacks %q:\n%s", want, &out)
		}
	}
	if strings.Contains(out.String(), " 0 of them from an earlier try") {
		t.Errorf("nothing was reused:\n%s", &out)
	}
}
