// Package md5lanes computes the MD5 of many messages of equal length side by side, one in each
// 32-bit lane of a vector register. A single MD5 is a chain of steps that each wait for the one
// before, so no machine makes it faster; but 8, 16 or 32 chains at once cost little more than one.
//
//	h := md5lanes.New(len(parts))
//	for each slice of the parts {
//		h.Write(slices) // the same number of bytes of every part
//	}
//	sums := h.Sum()
//
// There are kernels for AVX2 and AVX-512 on amd64, chosen by what the processor has. Everywhere
// else, arm64 included, and for the one or two messages that a vector does not pay for, crypto/md5
// does the work: the sums are the same. MD5 finds damage and resists nobody; use it for no other purpose.
package md5lanes

import (
	"crypto/md5"
	"fmt"
	"hash"
)

// BlockSize is the number of bytes MD5 takes at a time. Every Write but the last is a multiple of it.
const BlockSize = md5.BlockSize

// Lanes returns how many messages this machine hashes in one go: 32 with AVX-512, 8 with AVX2,
// 1 where there is no kernel and a Hasher is crypto/md5, message by message. Groups of that many make
// the most of it. Fewer are still faster than one by one, from three messages on and with AVX-512
// from two. Where the vector units are the limit, 16 messages are hashed at the rate of 32, as was
// measured on an Intel Xeon; where waiting is, at half of it, as on AMD Zen 5.
func Lanes() int {
	if len(runnable) == 0 {
		return 1
	}
	return runnable[0].lanes
}

// A Hasher computes the MD5 of n messages that grow together. It takes 5 KiB for up to 32 messages,
// keeps nothing of what is written but an incomplete last block, and starts no goroutine. It is not
// safe for concurrent use; any number of them may be used at the same time.
type Hasher struct {
	n      int
	length uint64      // bytes written so far, of each message
	groups []*group    // the first messages
	rest   []hash.Hash // the others, one by one
}

// New returns a Hasher for n messages, all of them empty as yet. It panics if n is not positive.
func New(n int) *Hasher { return newHasher(n, runnable) }

// newHasher takes from kernels, the widest first, the first that pays for what is left of the n
// messages, and does so until none is left or none pays.
func newHasher(n int, kernels []kernel) *Hasher {
	if n < 1 {
		panic(fmt.Sprintf("md5lanes: %d messages", n))
	}
	h := &Hasher{n: n}
	for left := n; left > 0; {
		k, ok := fitting(kernels, left)
		if !ok {
			h.rest = append(h.rest, md5.New())
			left--
			continue
		}
		g := newGroup(k, min(k.lanes, left))
		h.groups = append(h.groups, g)
		left -= g.count
	}
	return h
}

// fitting returns the first of kernels that pays for n messages.
func fitting(kernels []kernel, n int) (k kernel, ok bool) {
	for _, k := range kernels {
		if n >= k.pays {
			return k, true
		}
	}
	return kernel{}, false
}

// Write appends slices[i] to message i, for all messages. The slices have the same length, which is
// a multiple of BlockSize in every call but the last before Sum. Slices of 32 to 256 KiB suit the
// caches. Write keeps no reference to them, and panics if their number or a length is wrong.
func (h *Hasher) Write(slices [][]byte) {
	if len(slices) != h.n {
		panic(fmt.Sprintf("md5lanes: %d slices for %d messages", len(slices), h.n))
	}
	size := len(slices[0])
	for i, s := range slices {
		if len(s) != size {
			panic(fmt.Sprintf("md5lanes: slice %d has %d bytes, slice 0 has %d", i, len(s), size))
		}
	}
	if h.length%BlockSize != 0 {
		panic(fmt.Sprintf("md5lanes: write after %d bytes, no multiple of %d", h.length, BlockSize))
	}
	h.length += uint64(size)
	for _, g := range h.groups {
		g.write(slices[:g.count])
		slices = slices[g.count:]
	}
	for i, r := range h.rest {
		r.Write(slices[i]) // a hash returns no error
	}
}

// Sum returns the MD5 of each message as written so far. It changes nothing: after whole blocks
// more may be written.
func (h *Hasher) Sum() [][md5.Size]byte {
	sums := make([][md5.Size]byte, 0, h.n)
	for _, g := range h.groups {
		sums = append(sums, g.sums(h.length)...)
	}
	for _, r := range h.rest {
		sums = append(sums, [md5.Size]byte(r.Sum(nil)))
	}
	return sums
}
