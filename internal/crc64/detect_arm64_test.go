//go:build !purego

package crc64

import (
	"encoding/binary"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// vector returns an auxiliary vector of words.
func vector(words ...uint64) (v []byte) {
	for _, w := range words {
		v = binary.LittleEndian.AppendUint64(v, w)
	}
	return v
}

func TestHasPMULL(t *testing.T) {
	tests := []struct {
		name   string
		vector []byte
		want   bool
	}{
		{"nothing", nil, false},
		{"PMULL", vector(6, 4096, 16, 1<<4, 0, 0), true},
		{"everything", vector(16, ^uint64(0)), true},
		{"everything else", vector(6, 4096, 16, ^uint64(1<<4), 0, 0), false},
		{"no word of features", vector(6, 16, 17, 1<<4, 0, 0), false},
		{"the second word of features", vector(16, 0, 26, 1<<4, 0, 0), false},
		{"cut short", vector(16, 1<<4)[:15], false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := hasPMULL(tt.vector); got != tt.want {
				t.Errorf("hasPMULL = %v, want %v", got, tt.want)
			}
		})
	}
}

// TestDetectedKernelIsWhatTheSystemLists: without it, a detection that finds nothing would leave all tests
// without a kernel, and green.
func TestDetectedKernelIsWhatTheSystemLists(t *testing.T) {
	want := fold128 // Apple has it, and so has the processor that QEMU imitates, under the list of another
	if runtime.GOOS == "linux" {
		data, err := os.ReadFile("/proc/cpuinfo")
		if err != nil {
			t.Fatal(err)
		}
		_, rest, listed := strings.Cut(string(data), "\nFeatures")
		line, _, _ := strings.Cut(rest, "\n")
		if listed && !slices.Contains(strings.Fields(line), "pmull") {
			want = table
		}
	}
	if fastest != want {
		t.Errorf("fastest = %v, want %v", fastest, want)
	}
}
