package md5lanes

import (
	"crypto/md5"
	"fmt"
	"math/rand/v2"
	"testing"
)

// A slice of each message as an uploader would read it.
const benchSlice = 32 << 10

func BenchmarkWrite(b *testing.B) {
	for _, c := range choices() {
		for _, n := range []int{1, 2, 3, 4, 8, 16, 24, 32} {
			b.Run(fmt.Sprintf("kernel=%s/messages=%d", c.name, n), func(b *testing.B) {
				all := messages(rand.New(rand.NewPCG(1, 2)), n, benchSlice)
				h := newHasher(n, c.kernels)
				b.SetBytes(int64(n * benchSlice))
				for b.Loop() {
					h.Write(all)
				}
			})
		}
	}
}

// What a slice costs that the caches of a core do not hold with all others.
func BenchmarkWriteSlices(b *testing.B) {
	n := Lanes()
	for _, size := range []int{4 << 10, 32 << 10, 256 << 10, 1 << 20} {
		b.Run(fmt.Sprintf("messages=%d/slice=%dKiB", n, size>>10), func(b *testing.B) {
			all := messages(rand.New(rand.NewPCG(1, 2)), n, size)
			h := New(n)
			b.SetBytes(int64(n * size))
			for b.Loop() {
				h.Write(all)
			}
		})
	}
}

// Small objects, each whole in one slice: of one length, or of any up to it.
func BenchmarkObjects(b *testing.B) {
	n := Lanes()
	for _, size := range []int{1 << 10, 16 << 10, 256 << 10} {
		for _, lengths := range []string{"equal", "any"} {
			b.Run(fmt.Sprintf("messages=%d/size=%dKiB/lengths=%s", n, size>>10, lengths), func(b *testing.B) {
				r := rand.New(rand.NewPCG(1, 2))
				all, sum := messages(r, n, size), 0
				for i := range all {
					if lengths == "any" {
						all[i] = all[i][:r.IntN(size)]
					}
					sum += len(all[i])
				}
				h := New(n)
				b.SetBytes(int64(sum))
				b.ReportAllocs()
				for b.Loop() {
					for i := range n {
						h.Restart(i)
					}
					h.Write(all)
					for i := range n {
						h.Sum(i)
					}
				}
			})
		}
	}
}

// A message that outlasts all others, per kernel: beside BenchmarkCryptoMD5.
func BenchmarkLastMessage(b *testing.B) {
	for _, c := range choices() {
		b.Run("kernel="+c.name, func(b *testing.B) {
			h := newHasher(max(8, Lanes()), c.kernels)
			all := make([][]byte, len(h.states))
			all[0] = messages(rand.New(rand.NewPCG(1, 2)), 1, benchSlice)[0]
			b.SetBytes(benchSlice)
			for b.Loop() {
				h.Write(all)
			}
		})
	}
}

// Beside the kernels: what one message after the other costs.
func BenchmarkCryptoMD5(b *testing.B) {
	p := messages(rand.New(rand.NewPCG(1, 2)), 1, benchSlice)[0]
	h := md5.New()
	b.SetBytes(benchSlice)
	for b.Loop() {
		h.Write(p)
	}
}
