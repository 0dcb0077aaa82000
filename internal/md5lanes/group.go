package md5lanes

import (
	"crypto/md5"
	"encoding/binary"
)

// maxLanes is the width of the widest kernel.
const maxLanes = 32

// maxBlocks is how many blocks of each lane a kernel is given at once. The runtime cannot stop a
// goroutine inside assembly, and all others wait for it when the garbage collector wants them
// stopped: 32 KiB a lane are about a tenth of a millisecond.
const maxBlocks = 512

// A kernel hashes blocks of several messages at once. Its code is reached through the method
// blocks, a switch and no function value, so that what it is given need not escape to the heap.
type kernel struct {
	name  string // in names of tests and benchmarks
	lanes int    // messages at once
	pays  int    // the fewest messages it is faster for than what comes after it
}

// A state has the four words of the MD5 of each lane, lane by lane in each row.
type state [4][maxLanes]uint32

// A group is up to maxLanes messages that one kernel hashes.
type group struct {
	kernel kernel
	count  int // of messages; lanes beyond are idle and repeat the work of lane 0
	state  state
	lanes  [maxLanes]*byte // what the kernel reads, nil between calls

	// last has, of each message, what follows the last whole block, and room for the padding.
	last [maxLanes][2 * BlockSize]byte
}

func newGroup(k kernel, count int) *group {
	g := &group{kernel: k, count: count}
	for i, word := range [4]uint32{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476} { // RFC 1321, 3.3
		for lane := range g.state[i] {
			g.state[i][lane] = word
		}
	}
	return g
}

// write appends slices of equal length, to messages of whole blocks.
func (g *group) write(slices [][]byte) {
	whole := len(slices[0]) / BlockSize
	for at := 0; at < whole; at += maxBlocks {
		for i, s := range slices {
			g.lanes[i] = &s[at*BlockSize]
		}
		g.hash(&g.state, min(whole-at, maxBlocks))
	}
	clear(g.lanes[:])
	for i, s := range slices {
		copy(g.last[i][:], s[whole*BlockSize:])
	}
}

// hash adds n blocks to s, from where lanes point.
func (g *group) hash(s *state, n int) {
	for i := g.count; i < g.kernel.lanes; i++ {
		g.lanes[i] = g.lanes[0]
	}
	g.kernel.blocks(s, &g.lanes, n)
}

// sums returns the sums of messages of length bytes. The last one or two blocks, padded as
// RFC 1321 says in 3.1 and 3.2, go through the kernel like all others, but onto a copy of the state.
func (g *group) sums(length uint64) [][md5.Size]byte {
	tail := int(length % BlockSize)
	blocks := 1
	if tail+1+8 > BlockSize { // the end mark and the length in bits do not fit
		blocks = 2
	}
	for i := range g.count {
		b := g.last[i][:blocks*BlockSize]
		b[tail] = 0x80
		clear(b[tail+1:])
		binary.LittleEndian.PutUint64(b[len(b)-8:], length*8)
		g.lanes[i] = &b[0]
	}
	s := g.state
	g.hash(&s, blocks)
	clear(g.lanes[:])
	sums := make([][md5.Size]byte, g.count)
	for i := range sums {
		for k := range s {
			binary.LittleEndian.PutUint32(sums[i][4*k:], s[k][i])
		}
	}
	return sums
}
