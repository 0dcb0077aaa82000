// Package md5lanes computes the MD5 of many messages side by side, one in each 32-bit lane of a vector
// register. A single MD5 is a chain of steps that each wait for the one before, so no machine makes it
// faster; but 8, 16 or 32 chains at once cost little more than one.
//
//	h := md5lanes.New(md5lanes.Lanes())
//	for each chunk of the messages {
//		h.Write(chunks) // of a message that has ended or not begun, nothing
//	}
//	sum := h.Sum(i) // of message i
//
// Messages may begin and end at different times: [Hasher.Restart] gives the place of a message that has ended to
// another one. Up to [Lanes] messages take the time of one. What is left of a single message takes the time that
// crypto/md5 takes.
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
// MD5 finds damage. It resists no attacker; use it for no other purpose.
package md5lanes

import (
	"crypto/md5"
	"encoding/binary"
	"fmt"
)

// BlockSize is the number of bytes MD5 takes at a time. Every slice of a message but its last is a multiple of it.
const BlockSize = md5.BlockSize

// Lanes returns how many messages this machine hashes in one go: 32 with AVX-512, 8 with AVX2, 12 with NEON,
// 1 where there is no kernel and a Hasher is crypto/md5, message by message. Groups of that many make
// the most of it. Fewer are still faster than one by one, from two or three messages on. On an Intel Xeon 16
// messages were hashed at the rate of 32; on an AMD EPYC (Zen 4) 8, 16 and 32 messages at 6, 9 and 13 times that
// of one.
func Lanes() int {
	if len(runnable) == 0 {
		return 1
	}
	return runnable[0].lanes
}

// A Hasher computes the MD5 of n messages. It takes 6 KiB for 32 messages, keeps nothing of what is written but
// incomplete last blocks, and starts no goroutine. It is not safe for concurrent use; any number of them may be used
// at the same time.
type Hasher struct {
	kernels []kernel
	states  []state  // of the whole blocks of each message
	tails   []tail   // what follows them
	blocks  [][]byte // what is to be hashed now; all nil between calls
	scalar  *scalar
}

// A tail is what a state does not know of its message.
type tail struct {
	length uint64              // of the message so far, in bytes
	last   [2 * BlockSize]byte // what follows the last whole block, and room for the padding
}

// New returns a Hasher for n messages, all of them empty as yet. It panics if n is not positive.
func New(n int) *Hasher { return newHasher(n, runnable) }

func newHasher(n int, kernels []kernel) *Hasher {
	if n < 1 {
		panic(fmt.Sprintf("md5lanes: %d messages", n))
	}
	h := &Hasher{
		kernels: kernels, scalar: newScalar(),
		states: make([]state, n), tails: make([]tail, n), blocks: make([][]byte, n),
	}
	for i := range h.states {
		h.states[i] = empty
	}
	return h
}

// Restart makes message i an empty one. The others go on.
func (h *Hasher) Restart(i int) { h.states[i], h.tails[i].length = empty, 0 }

// Write appends data[i] to message i, for all messages. A slice whose length is not a multiple of BlockSize ends its
// message: the slices of that message must be empty until Restart. Slices of 32 to 256 KiB fit the caches, and slices
// of equal length use the lanes best. Write keeps no reference to the slices. If their number is wrong, or if a slice
// would continue an ended message, Write changes nothing and panics.
func (h *Hasher) Write(data [][]byte) {
	if len(data) != len(h.states) {
		panic(fmt.Sprintf("md5lanes: %d slices for %d messages", len(data), len(h.states)))
	}
	for i, p := range data {
		if len(p) > 0 && h.tails[i].length%BlockSize != 0 {
			panic(fmt.Sprintf("md5lanes: %d bytes for message %d, which ended before", len(p), i))
		}
	}
	for i, p := range data {
		t := &h.tails[i]
		whole := len(p) / BlockSize * BlockSize
		h.blocks[i] = p[:whole]
		copy(t.last[:], p[whole:])
		t.length += uint64(len(p))
	}
	h.advance()
	clear(h.blocks)
}

// Sum returns the MD5 of message i as written so far. It changes nothing: a message that has not ended may go on.
func (h *Hasher) Sum(i int) (sum [md5.Size]byte) {
	s := h.states[i]
	h.scalar.add(&s, h.tails[i].padded())
	for k, word := range s {
		binary.LittleEndian.PutUint32(sum[4*k:], word)
	}
	return sum
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
