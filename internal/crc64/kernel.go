package crc64

import "encoding/binary"

//go:generate go run -C gen .

// A kernel is an implementation of Update. Faster ones have higher numbers, and a processor that has one has all slower
// ones.
type kernel int

const (
	table   kernel = iota // plain Go: braid
	fold128               // carry-less multiplication, 128 bits at a time: PCLMULQDQ, or PMULL on arm64
	fold512               // 512 bits at a time: VPCLMULQDQ
)

// fastest is the fastest kernel of this processor.
var fastest = detect()

// String returns the name in benchmarks.
func (k kernel) String() string {
	switch k {
	case fold128:
		return "fold128"
	case fold512:
		return "fold512"
	}
	return "table"
}

// maxFold is the number of bytes that are folded at once. The runtime cannot preempt a fold, so a garbage collection
// that begins meanwhile makes the whole program wait for it: 50 microseconds at 20 GB/s.
const maxFold = 1 << 20

// update is Update with k.
func (k kernel) update(crc uint64, p []byte) uint64 {
	for ; len(p) > maxFold; p = p[maxFold:] {
		crc = k.piece(crc, p[:maxFold])
	}
	return k.piece(crc, p)
}

// piece is update for at most maxFold bytes. A fold leaves 16 bytes with the remainder of all that it read, so that the
// table processes only these and a shorter tail.
func (k kernel) piece(crc uint64, p []byte) uint64 {
	whole := len(p) &^ 15
	first, second, ok := k.fold(^crc, p[:whole])
	if !ok {
		return braid(crc, p)
	}
	var rest [16 + 15]byte
	binary.LittleEndian.PutUint64(rest[:], first)
	binary.LittleEndian.PutUint64(rest[8:], second)
	n := 16 + copy(rest[16:], p[whole:])
	return byTable(^uint64(0), rest[:n]) // inverts 0: the fold contains crc
}
