package md5lanes

import (
	"bytes"
	"testing"
)

// grown returns n different messages of the length of seed: message i is seed with i added to each byte.
func grown(seed []byte, n int) [][]byte {
	all := make([][]byte, n)
	for i := range all {
		all[i] = bytes.Clone(seed)
		for j := range all[i] {
			all[i][j] += byte(i)
		}
	}
	return all
}

// Whatever the kernel, the number of messages and the cut, sum i is what crypto/md5 says of message i.
func FuzzSumsAreThoseOfCryptoMD5(f *testing.F) {
	f.Add([]byte(""), uint8(1), uint8(0))
	f.Add([]byte("abc"), uint8(17), uint8(0))
	f.Add(bytes.Repeat([]byte("0123456789"), 100), uint8(40), uint8(3))
	f.Fuzz(func(t *testing.T, seed []byte, count, cut uint8) {
		all := grown(seed, 1+int(count)%70)
		at := min(int(cut)*BlockSize, len(seed)/BlockSize*BlockSize)
		for _, c := range choices() {
			h := newHasher(len(all), c.kernels)
			write(h, all, 0, at)
			write(h, all, at, len(seed))
			check(t, h, all, len(seed))
		}
	})
}

// The sum of a message does not depend on the others, nor on its place among them.
func FuzzLanesAreIndependent(f *testing.F) {
	f.Add([]byte("a message, and some more of it"), uint8(20), uint8(7), uint8(1))
	f.Add(bytes.Repeat([]byte{0xff}, 200), uint8(33), uint8(32), uint8(128))
	f.Fuzz(func(t *testing.T, seed []byte, count, place, turn uint8) {
		all := grown(seed, 1+int(count)%70)
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
			if got, want := o.Sum()[0], h.Sum()[i]; got != want {
				t.Fatalf("%s: MD5 of message %d of %d = %x, in the first place among others %x", c.name, i, len(all), want, got)
			}
		}
	})
}
