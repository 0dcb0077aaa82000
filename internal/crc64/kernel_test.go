package crc64

import (
	"bytes"
	"fmt"
	"hash/crc64"
	"math/rand/v2"
	"testing"
)

// kernels calls f in a subtest for every kernel that this processor has.
func kernels(t *testing.T, f func(t *testing.T, k kernel)) {
	for k := table; k <= fastest; k++ {
		t.Run(k.String(), func(t *testing.T) { f(t, k) })
	}
}

// noise returns n bytes that are the same in every run.
func noise(n int) []byte {
	p := make([]byte, n)
	rand.NewChaCha8([32]byte{}).Read(p)
	return p
}

// reference is the CRC by the standard library.
func reference(crc uint64, p []byte) uint64 {
	return crc64.Update(crc, crc64.MakeTable(crc64.ECMA), p)
}

func TestKernelsEqualTheTableAtEveryLength(t *testing.T) {
	p := noise(4096)
	const before = 0x123456789abcdef0
	want := make([]uint64, len(p)+1)
	want[0] = before
	for n := range p {
		want[n+1] = reference(want[n], p[n:n+1])
	}
	kernels(t, func(t *testing.T, k kernel) {
		for n := range want {
			if got := k.update(before, p[:n]); got != want[n] {
				t.Fatalf("CRC of %d bytes = %x, want %x", n, got, want[n])
			}
		}
	})
}

func TestKernelsEqualTheTableAtEveryAlignment(t *testing.T) {
	p := noise(64 + 4096)
	kernels(t, func(t *testing.T, k kernel) {
		for offset := range 64 {
			for _, n := range []int{127, 128, 129, 255, 511, 512, 513, 600, 1023, 1024, 1088, 2047, 4000, 4096} {
				p := p[offset:][:n]
				if got, want := k.update(0, p), reference(0, p); got != want {
					t.Fatalf("CRC of %d bytes at %d = %x, want %x", n, offset, got, want)
				}
			}
		}
	})
}

func TestKernelsEqualTheTableAtLargeLengths(t *testing.T) {
	p := noise(4 << 20)
	random := rand.New(rand.NewPCG(1, 2))
	var cuts [][]byte
	var want []uint64
	add := func(from, n int) {
		cut := p[from:][:n]
		cuts, want = append(cuts, cut), append(want, reference(uint64(from), cut))
	}
	for range 10 {
		from := random.IntN(len(p))
		add(from, random.IntN(len(p)-from))
	}
	for _, n := range []int{maxFold - 1, maxFold, maxFold + 1, maxFold + 512, 2 * maxFold, 2*maxFold + 100} {
		add(3, n)
	}
	kernels(t, func(t *testing.T, k kernel) {
		for i, cut := range cuts {
			from := cap(p) - cap(cut)
			if got := k.update(uint64(from), cut); got != want[i] {
				t.Errorf("CRC of %d bytes at %d = %x, want %x", len(cut), from, got, want[i])
			}
		}
	})
}

// TestKernelsSeeEveryByte: a CRC finds every change of one byte, wherever it is.
func TestKernelsSeeEveryByte(t *testing.T) {
	p := noise(1024 + 512 + 64 + 16 + 1)
	kernels(t, func(t *testing.T, k kernel) {
		want := k.update(0, p)
		for i := range p {
			p[i] ^= 0x80
			if k.update(0, p) == want {
				t.Errorf("a change of byte %d goes unseen", i)
			}
			p[i] ^= 0x80
		}
	})
}

func TestUpdateTakesTheFastestKernel(t *testing.T) {
	p := noise(2048)
	if got, want := Update(7, p), fastest.update(7, p); got != want {
		t.Errorf("Update = %x, by %v %x", got, fastest, want)
	}
	if n := testing.AllocsPerRun(10, func() {
		var onStack [2000]byte
		Update(7, onStack[:])
	}); n != 0 {
		t.Errorf("Update of 2000 bytes on the stack makes %v allocations, want 0", n)
	}
}

// FuzzKernels: every kernel computes what the table does.
func FuzzKernels(f *testing.F) {
	f.Add(uint64(0), []byte("123456789"), uint16(0))
	f.Add(uint64(1), noise(129), uint16(1))
	f.Add(^uint64(0), noise(700), uint16(3))
	f.Fuzz(func(t *testing.T, crc uint64, p []byte, times uint16) {
		p = bytes.Repeat(p, 1+int(times)%64) // inputs of a fuzzer are short
		want := reference(crc, p)
		for k := table; k <= fastest; k++ {
			if got := k.update(crc, p); got != want {
				t.Errorf("%v = %x of %d bytes, want %x", k, got, len(p), want)
			}
		}
	})
}

// FuzzKernelsInPieces: the sum of the whole is that of its pieces, one after the other, with any
// kernel for either.
func FuzzKernelsInPieces(f *testing.F) {
	f.Add([]byte("123456789"), uint16(4))
	f.Add(noise(1300), uint16(600))
	f.Add(noise(1024), uint16(512))
	f.Add(noise(3000), uint16(1500))
	f.Fuzz(func(t *testing.T, p []byte, cut uint16) {
		a, b := p[:int(cut)%(len(p)+1)], p[int(cut)%(len(p)+1):]
		for k := table; k <= fastest; k++ {
			want := k.update(0, p)
			for l := table; l <= fastest; l++ {
				if got := l.update(k.update(0, a), b); got != want {
					t.Errorf("%v then %v = %x of %d and %d bytes, want %x", k, l, got, len(a), len(b), want)
				}
			}
		}
	})
}

// BenchmarkKernels is named for benchstat -col /kernel.
func BenchmarkKernels(b *testing.B) {
	for k := table; k <= fastest; k++ {
		for _, size := range []int{64, 128, 256, 512, 1 << 10, 4 << 10, 32 << 10, 1 << 20, 8 << 20} {
			b.Run(fmt.Sprintf("crc64/kernel=%v/size=%d", k, size), func(b *testing.B) {
				p := noise(size)
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					k.update(0, p)
				}
			})
		}
	}
}
