package crc64

import (
	"syscall"
	"testing"
)

// TestKernelsReadNothingOutsideOfTheirInput has pages that must not be touched on both sides of it: a
// kernel that reads too far crashes this test, as it would a program whose buffer ends where memory does.
func TestKernelsReadNothingOutsideOfTheirInput(t *testing.T) {
	size := syscall.Getpagesize()
	memory, err := syscall.Mmap(-1, 0, 3*size, syscall.PROT_READ|syscall.PROT_WRITE,
		syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Munmap(memory)
	page := memory[size : 2*size]
	copy(page, noise(size))
	for _, guard := range [][]byte{memory[:size], memory[2*size:]} {
		if err := syscall.Mprotect(guard, syscall.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	kernels(t, func(t *testing.T, k kernel) {
		for n := range min(size, 2048) + 1 {
			for _, p := range [][]byte{page[:n], page[size-n:]} {
				if got, want := k.update(0, p), reference(0, p); got != want {
					t.Fatalf("CRC of %d bytes = %x, want %x", n, got, want)
				}
			}
		}
	})
}
