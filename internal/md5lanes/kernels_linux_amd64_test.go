package md5lanes

import (
	"math/rand/v2"
	"os"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
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

// A kernel loads a block ahead. The messages here end where memory ends: a page nobody may read follows.
func TestKernelsReadNothingBehindTheirMessages(t *testing.T) {
	page := os.Getpagesize()
	mapped, err := syscall.Mmap(-1, 0, 2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Munmap(mapped)
	if err := syscall.Mprotect(mapped[page:], syscall.PROT_NONE); err != nil {
		t.Fatal(err)
	}
	forEach(t, func(t *testing.T, c choice, r *rand.Rand) {
		defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
		for size := range 6*BlockSize + 1 {
			all := make([][]byte, 33)
			for i := range all {
				all[i] = mapped[page-size : page]
			}
			mapped[page-1] = byte(r.Uint32())
			h := newHasher(len(all), c.kernels)
			h.Write(all)
			check(t, h, all, size)
		}
	})
}
