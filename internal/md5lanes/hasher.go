// Package md5lanes computes the MD5 of many messages side by side, one in each 32-bit lane of a vector
// register. A single MD5 is a chain of steps that each wait for the one before, so no machine makes it
// faster; but 8, 16 or 32 chains at once cost little more than one.
//
//	h := md5lanes.New(len(parts))
//	for each slice of the parts {
//		h.Write(slices) // the same number of bytes of every part that has them, of others what they have
//	}
//	sums := h.Sum()
//
// The messages may end at different places. The lane of one that has ended goes to another or idles, so
// up to [Lanes] messages take the time of the longest. One that outlasts all others goes on in a lane: with
// AVX-512 at the rate of crypto/md5, with AVX2 at seven tenths of it, as measured on an Intel Xeon.
//
// There are kernels for AVX2 and AVX-512 on amd64, chosen by what the processor has, and for NEON, which every
// arm64 processor has. Everywhere else, with the build tag purego, and for the one or two messages that a vector
// does not pay for, crypto/md5 does the work: the sums are the same.
//
// The NEON kernels are tested under emulation, and their time has not been measured. They execute a fifth of the
// instructions of crypto/md5 for a byte, as this command counts:
//
//	go -C internal/md5lanes/gen run ./count
//
// MD5 finds damage and resists nobody; use it for no other purpose.
package md5lanes

import (
	"crypto/md5"
	"encoding/binary"
	"fmt"
	"hash"
	"slices"
)

// BlockSize is the number of bytes MD5 takes at a time. Every slice of a message but its last is a multiple of it.
const BlockSize = md5.BlockSize

// Lanes returns how many messages this machine hashes in one go: 32 with AVX-512, 8 with AVX2, 12 with NEON,
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

// A Hasher computes the MD5 of n messages that grow together. It takes 6 KiB for 32 messages, keeps nothing
// of what is written but incomplete last blocks, and starts no goroutine. It is not safe for concurrent use;
// any number of them may be used at the same time.
type Hasher struct {
	kernels []kernel
	ended   []bool      // of every message, whether it has had its last slice
	states  []state     // of the first messages, which are hashed in lanes: that of their whole blocks
	tails   []tail      // of those, what follows
	blocks  [][]byte    // of those, what is to be hashed now; all nil between calls
	alone   []hash.Hash // the others, one by one; after a Reset to fewer, some of no use
}

// A tail is what a state does not know of its message.
type tail struct {
	length uint64              // of the message so far, in bytes
	last   [2 * BlockSize]byte // what follows the last whole block, and room for the padding
}

// New returns a Hasher for n messages, all of them empty as yet. It panics if n is not positive.
func New(n int) *Hasher { return newHasher(n, runnable) }

func newHasher(n int, kernels []kernel) *Hasher {
	h := &Hasher{kernels: kernels}
	h.Reset(n)
	return h
}

// Reset makes h a Hasher for n messages, all of them empty as yet, as New does, but in the memory that it
// has: it allocates only for more messages than h ever had.
func (h *Hasher) Reset(n int) {
	if n < 1 {
		panic(fmt.Sprintf("md5lanes: %d messages", n))
	}
	inLanes := together(h.kernels, n)
	h.ended = resize(h.ended, n)
	clear(h.ended)
	h.states, h.tails, h.blocks = resize(h.states, inLanes), resize(h.tails, inLanes), resize(h.blocks, inLanes)
	for i := range h.states {
		h.states[i] = empty
		h.tails[i].length = 0
	}
	for len(h.alone) < n-inLanes {
		h.alone = append(h.alone, md5.New())
	}
	for _, a := range h.alone {
		a.Reset()
	}
}

// resize returns n elements that hold anything, in the memory of s if that suffices.
func resize[T any](s []T, n int) []T { return slices.Grow(s[:0], n)[:n] }

// Write appends data[i] to message i, for all messages. A slice that is shorter than the longest of the
// call, or no multiple of BlockSize, ends its message: in later calls that message must have an empty one.
// Slices of 32 to 256 KiB suit the caches. Write keeps no reference to them. It panics, having changed
// nothing, if their number is wrong or an ended message would go on.
func (h *Hasher) Write(data [][]byte) {
	if len(data) != len(h.ended) {
		panic(fmt.Sprintf("md5lanes: %d slices for %d messages", len(data), len(h.ended)))
	}
	longest := 0
	for i, p := range data {
		if h.ended[i] && len(p) > 0 {
			panic(fmt.Sprintf("md5lanes: %d bytes for message %d, which ended before", len(p), i))
		}
		longest = max(longest, len(p))
	}
	for i, p := range data {
		h.ended[i] = h.ended[i] || len(p) < longest || len(p)%BlockSize != 0
	}
	for i := range h.states {
		p, t := data[i], &h.tails[i]
		whole := len(p) / BlockSize * BlockSize
		h.blocks[i] = p[:whole]
		copy(t.last[:], p[whole:])
		t.length += uint64(len(p))
	}
	advance(h.kernels, h.states, h.blocks)
	clear(h.blocks)
	for i, p := range data[len(h.states):] {
		h.alone[i].Write(p) // a hash returns no error
	}
}

// Restart makes message i an empty one, which has not ended. The others go on.
func (h *Hasher) Restart(i int) {
	h.ended[i] = false
	if i >= len(h.states) {
		h.alone[i-len(h.states)].Reset()
		return
	}
	h.states[i], h.tails[i].length = empty, 0
}

// SumOf returns what Sum returns of message i.
func (h *Hasher) SumOf(i int) (sum [md5.Size]byte) {
	if i >= len(h.states) {
		h.alone[i-len(h.states)].Sum(sum[:0])
		return sum
	}
	states, blocks := [1]state{h.states[i]}, [1][]byte{h.tails[i].padded()}
	advance(h.kernels, states[:], blocks[:])
	states[0].put(&sum)
	return sum
}

// Sum returns the MD5 of each message as written so far, whatever their lengths. It changes nothing: messages
// that have not ended may go on.
func (h *Hasher) Sum() [][md5.Size]byte {
	for i := range h.tails {
		h.blocks[i] = h.tails[i].padded()
	}
	states := slices.Clone(h.states)
	advance(h.kernels, states, h.blocks)
	clear(h.blocks)
	sums := make([][md5.Size]byte, len(h.ended))
	for i, s := range states {
		s.put(&sums[i])
	}
	for i := len(states); i < len(sums); i++ {
		h.alone[i-len(states)].Sum(sums[i][:0])
	}
	return sums
}

// put writes the words of s in the order of a sum.
func (s state) put(sum *[md5.Size]byte) {
	for k, word := range s {
		binary.LittleEndian.PutUint32(sum[4*k:], word)
	}
}

// padded returns the last one or two blocks of a message, padded as RFC 1321 says in 3.1 and 3.2.
func (t *tail) padded() []byte {
	const endMark, size = 1, 8 // bytes
	used := int(t.length % BlockSize)
	b := t.last[:BlockSize]
	if used+endMark+size > BlockSize {
		b = t.last[:]
	}
	b[used] = 0x80
	clear(b[used+endMark:])
	binary.LittleEndian.PutUint64(b[len(b)-size:], t.length*8) // in bits
	return b
}
