package md5lanes

import (
	"math/rand/v2"
	"os"
	"runtime/debug"
	"syscall"
	"testing"
)

// A kernel loads a block ahead. The messages here end where memory ends: a page without access follows.
func TestKernelsReadNothingBehindTheirMessages(t *testing.T) {
	page := os.Getpagesize()
	mapped, err := syscall.Mmap(-1, 0, 2*page, syscall.PROT_READ|syscall.PROT_WRITE,
		syscall.MAP_ANON|syscall.MAP_PRIVATE)
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
				all[i] = mapped[page-size-i%3*BlockSize : page]
			}
			mapped[page-1] = byte(r.Uint32())
			h := newHasher(len(all), c.kernels)
			h.Write(all)
			check(t, h, all, page)
		}
	})
}
