//go:build !purego

package md5lanes

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Linux lists a feature if the processor has it and the kernel saves its registers. Without this, a
// detection that finds nothing would leave all other tests without a kernel, and green.
func TestDetectionFindsWhatLinuxFinds(t *testing.T) {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		t.Fatal(err)
	}
	flags := strings.Fields(string(regexp.MustCompile(`(?m)^flags\s*:.*$`).Find(text)))
	var got, want []string
	for _, k := range detect() {
		got = append(got, k.name)
	}
	if slices.Contains(flags, "avx512f") {
		want = append(want, "avx512x32", "avx512x16")
	}
	if slices.Contains(flags, "avx2") {
		want = append(want, "avx2x8")
	}
	if !slices.Equal(got, want) {
		t.Errorf("detect = %q, want %q", got, want)
	}
}
