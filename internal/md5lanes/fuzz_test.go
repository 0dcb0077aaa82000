package md5lanes

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// grown returns n different messages: message i is the first bytes of seed, with i added to each. About
// half have all of it, or every one does if random is 0.
func grown(seed []byte, n int, random uint64) [][]byte {
	r := rand.New(rand.NewPCG(random, random))
	all := make([][]byte, n)
	for i := range all {
		size := len(seed)
		if random > 0 {
			size = min(size, r.IntN(2*size+1))
		}
		all[i] = bytes.Clone(seed[:size])
		for j := range all[i] {
			all[i][j] += byte(i)
		}
	}
	return all
}

// Whatever the kernel, the number of messages, their lengths and the cut, sum i is what crypto/md5 says of
// message i, at the cut and in the end.
func FuzzSumsAreThoseOfCryptoMD5(f *testing.F) {
	f.Add([]byte(""), uint8(1), uint64(0), uint8(0))
	f.Add([]byte("abc"), uint8(17), uint64(0), uint8(0))
	f.Add(bytes.Repeat([]byte("0123456789"), 100), uint8(40), uint64(0), uint8(3))
	f.Add(bytes.Repeat([]byte("0123456789"), 100), uint8(33), uint64(1), uint8(3))
	f.Add(bytes.Repeat([]byte("x"), 2000), uint8(8), uint64(2), uint8(0))
	f.Fuzz(func(t *testing.T, seed []byte, count uint8, random uint64, blocks uint8) {
		all := grown(seed, 1+int(count)%70, random)
		at := int(blocks) * BlockSize
		for _, c := range choices() {
			h := newHasher(len(all), c.kernels)
			h.Write(cut(all, 0, at))
			check(t, h, all, at)
			h.Write(cut(all, at, len(seed)))
			check(t, h, all, len(seed))
		}
	})
}

// The sum of a message does not depend on the others, nor on its place among them.
func FuzzLanesAreIndependent(f *testing.F) {
	f.Add([]byte("a message, and some more of it"), uint8(20), uint64(0), uint8(7), uint8(1))
	f.Add(bytes.Repeat([]byte{0xff}, 200), uint8(33), uint64(5), uint8(32), uint8(128))
	f.Fuzz(func(t *testing.T, seed []byte, count uint8, random uint64, place, turn uint8) {
		all := grown(seed, 1+int(count)%70, random)
		i := int(place) % len(all)
		others := make([][]byte, len(all))
		for j := range others {
			others[j] = all[(j+int(turn))%len(all)]
		}
		others[0] = all[i]
		for _, c := range choices() {
			h, o := newHasher(len(all), c.kernels), newHasher(len(all), c.kernels)
			h.Write(all)
			o.Write(others)
			if got, want := o.Sum(0), h.Sum(i); got != want {
				t.Fatalf("%s: MD5 of message %d of %d = %x, in the first place among others %x",
					c.name, i, len(all), want, got)
			}
		}
	})
}
