package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestCheckedInFilesAreWhatIsGenerated reads files outside of this module, which the cache of the go
// command does not watch: after a change of them by hand it needs -count=1, or -shuffle=on as in .ci/run.
func TestCheckedInFilesAreWhatIsGenerated(t *testing.T) {
	files, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not current: run go generate ./internal/crc64", name)
		}
	}
}

// TestPowersOfX takes known values: x^0 to x^63 are single bits, and x^64 is P without its own x^64.
func TestPowersOfX(t *testing.T) {
	for n, want := range map[int]uint64{0: 1 << 63, 1: 1 << 62, 63: 1, 64: 0xc96c5795d7870f42} {
		if got := power(n); got != want {
			t.Errorf("power(%d) = %#x, want %#x", n, got, want)
		}
	}
}
