package main

import (
	"math"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// What RFC 1321 says in 3.4: 64 steps in four rounds. Step i replaces a by
//
//	b + rotate(a + F(b, c, d) + word + sine)
//
// and then a, b, c and d change their roles.

// rotation returns by how many bits step i rotates to the left.
func rotation(i int) uint64 {
	return [4][4]uint64{{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}}[i/16][i%4]
}

// word returns which of the 16 words of the block step i adds.
func word(i int) int {
	return [4]int{i, 5*i + 1, 3*i + 5, 7 * i}[i/16] % 16
}

// truth returns F of the round of step i as VPTERNLOGD wants it: bit 4d+2c+b of the result is F(b, c, d).
func truth(i int) operand.U8 {
	var table uint8
	for bit := range uint8(8) {
		d, c, b := bit>>2, bit>>1&1, bit&1
		f := [4]uint8{b&c | ^b&d, d&b | ^d&c, b ^ c ^ d, c ^ (b | ^d)}[i/16]
		table |= f & 1 << bit
	}
	return operand.U8(table)
}

// sine returns the constant that step i adds.
func sine(i int) uint32 { return uint32(math.Abs(math.Sin(float64(i+1))) * (1 << 32)) }

// sines writes the table of the 64 constants, and returns where it is.
func sines(c *build.Context) operand.Mem {
	table := c.StaticGlobal("sines")
	c.DataAttributes(attr.RODATA | attr.NOPTR)
	for i := range 64 {
		c.AppendDatum(operand.U32(sine(i)))
	}
	return table
}

// A frame is what all kernels have: the registers that point at things, and the stack.
type frame struct {
	c       *build.Context
	state   reg.Register // *[4][32]uint32
	lanes   reg.Register // *[32]*byte
	left    reg.Register // blocks to do
	at      reg.Register // offset of the block in all messages
	scratch reg.Register // on the stack, aligned to 64 bytes
}

// kernel begins a function with room for size bytes on its stack.
func kernel(c *build.Context, name string, size int) frame {
	// The pointers are to types of package md5lanes, which this one does not know; vet compares names and sizes.
	begin(c, name, "func(s, lanes *byte, n int)")
	f := frame{c: c, state: c.GP64(), lanes: c.GP64(), left: c.GP64(), at: c.GP64(), scratch: c.GP64()}
	c.Load(c.Param("s"), f.state)
	c.Load(c.Param("lanes"), f.lanes)
	c.Load(c.Param("n"), f.left)
	c.XORQ(f.at, f.at)
	c.LEAQ(c.AllocLocal(size+64).Offset(63), f.scratch)
	c.ANDQ(operand.I8(-64), f.scratch)
	return f
}

// begin begins a function.
func begin(c *build.Context, name, signature string) {
	c.Function(name)
	c.SignatureExpr(signature)
}

// message returns where the bytes of a lane lie that are offset behind the beginning of the block.
// The pointer to the lane is loaded now.
func (f frame) message(lane, offset int) operand.Mem {
	p := f.c.GP64()
	f.c.MOVQ(mem(f.lanes, 8*lane), p)
	return operand.Mem{Base: p, Index: f.at, Scale: 1, Disp: offset}
}

// row returns where word i of the state of the lanes from first on lies.
func (f frame) row(i, first int) operand.Mem { return mem(f.state, 128*i+4*first) }

func mem(base reg.Register, offset int) operand.Mem { return operand.Mem{Base: base, Disp: offset} }

// unpack is the first half of a transposition of 32-bit words: in each four rows, the 4 by 4 words
// of each 128-bit column change places. Row 4g+k then has word {0, 2, 1, 3}[k] of each column.
func unpack(pair func(i, j int, low, high func(...operand.Op)), rows int, c *build.Context) {
	for i := 0; i < rows; i += 2 {
		pair(i, i+1, c.VPUNPCKLDQ, c.VPUNPCKHDQ)
	}
	for i := 0; i < rows; i += 4 {
		pair(i, i+2, c.VPUNPCKLQDQ, c.VPUNPCKHQDQ)
		pair(i+1, i+3, c.VPUNPCKLQDQ, c.VPUNPCKHQDQ)
	}
}
