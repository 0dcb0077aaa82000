package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheSecondTryContinuesTheFirst(t *testing.T) {
	path := filepath.Join(t.TempDir(), "object")
	var out bytes.Buffer
	if err := run(t.Context(), func(string) string { return "" }, "object", path, &out, io.Discard); err != nil {
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

func TestAnObjectGoesToStandardOutput(t *testing.T) {
	var object, messages bytes.Buffer
	if err := run(t.Context(), func(string) string { return "" }, "object", "-", &object, &messages); err != nil {
		t.Fatalf("run: %v\n%s", err, &messages)
	}
	if object.Len() != 20<<20 || !strings.Contains(messages.String(), "its CRC-64 is proved") {
		t.Errorf("got %d bytes and the messages:\n%s", object.Len(), &messages)
	}
}
