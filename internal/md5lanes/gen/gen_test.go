package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// The go command remembers a passed test, and does not see that a file outside the module has changed:
// -count=1, or -shuffle=on, runs it in any case.
func TestCheckedInAssemblyIsCurrent(t *testing.T) {
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
			t.Errorf("%s is not what the generator writes: run go generate in internal/md5lanes", name)
		}
	}
}

// The truth tables, against the formulas of RFC 1321, 3.4, on all bits at once: bit 4d+2c+b of these bytes is d, c and
// b.
func TestTruthTablesAreTheFunctionsOfMD5(t *testing.T) {
	const b, c, d = uint8(0xaa), uint8(0xcc), uint8(0xf0)
	tests := []struct {
		name string
		step int
		want uint8
	}{
		{"F", 0, b&c | ^b&d},
		{"G", 16, b&d | c&^d},
		{"H", 32, b ^ c ^ d},
		{"I", 63, c ^ (b | ^d)},
	}
	for _, tt := range tests {
		if got := truth(tt.step); uint8(got) != tt.want {
			t.Errorf("%s: truth = %#x, want %#x", tt.name, uint8(got), tt.want)
		}
	}
}
