//go:build !purego

package crc64

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// TestDetectedKernelIsWhatTheSystemLists: Linux lists a feature only if it lets programs use it.
func TestDetectedKernelIsWhatTheSystemLists(t *testing.T) {
	data, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(data), "\nflags")
	line, _, _ := strings.Cut(rest, "\n")
	flags := strings.Fields(line)
	has := func(name string) bool { return slices.Contains(flags, name) }
	want := table
	if has("pclmulqdq") {
		want = fold128
	}
	if has("avx512f") && has("vpclmulqdq") {
		want = fold512
	}
	if fastest != want {
		t.Errorf("fastest = %v, but /proc/cpuinfo has the flags of %v", fastest, want)
	}
}
