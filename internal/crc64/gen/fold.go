package main

import (
	"fmt"
	"hash/crc64"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// A kernel reads the message into accumulators, with 16 bytes in each lane of 128 bits. It then moves them forward by
// as many bytes as they hold, and adds the bytes at that place. The remainder of the message does not change if 16
// bytes are removed at one place, and their remainder, multiplied by a power of x, is added at a later one. In the end
// 16 bytes are left, with the remainder of all.
//
// The wide loop has eight accumulators because a multiplication in an accumulator waits three to eight cycles for the
// one before it, while a new one can start in every cycle.
const accumulators = 8

// Immediates of a multiplication, which select the half of each factor.
const (
	low  = operand.U8(0x00)
	high = operand.U8(0x11)
)

// xor3 is the truth table of a three-way exclusive or.
const xor3 = operand.U8(0x96)

// power returns x^n modulo P, reflected: the highest bit is the coefficient of x^0.
func power(n int) uint64 {
	v := uint64(1) << 63
	for range n {
		v = v>>1 ^ crc64.ECMA&-(v&1)
	}
	return v
}

// by returns the factors that move 16 bytes forward by n: one for the first eight, which stand for powers higher by
// x^64, and one for the others. Both are one power less than that: the product of two reflected numbers of 64 bits has
// 127 bits, and in a register of 128 bits it stands for x times itself.
func by(c *build.Context, n int) operand.Mem {
	m := c.StaticGlobal(fmt.Sprintf("by%d", n))
	c.DataAttributes(attr.RODATA | attr.NOPTR)
	c.AppendDatum(operand.U64(power(8*n + 64 - 1)))
	c.AppendDatum(operand.U64(power(8*n - 1)))
	return m
}

// A folder generates a function that folds. Its loops decrease n, the number of unread bytes, and increase next.
type folder struct {
	*build.Context
	next reg.Register // the address of the next byte
	n    reg.Register
}

// begin starts a function with the signature of both kernels.
func begin(c *build.Context, name string, least int) folder {
	c.Function(name)
	c.Attributes(attr.NOSPLIT)
	c.Pragma("noescape")
	c.SignatureExpr("func(crc uint64, p []byte) (first, second uint64)")
	c.Doc(
		name+" returns 16 bytes, as two little-endian words, with the same remainder as p after crc is added to",
		"its first eight bytes. The length of p is a multiple of 16, and at least "+fmt.Sprint(least)+".",
	)
	f := folder{c, c.GP64(), c.GP64()}
	c.Load(c.Param("p").Base(), f.next)
	c.Load(c.Param("p").Len(), f.n)
	return f
}

// read advances by size bytes.
func (f folder) read(size int) {
	f.ADDQ(operand.U32(size), f.next)
	f.SUBQ(operand.U32(size), f.n)
}

// while repeats body, which reads size bytes, while there are that many.
func (f folder) while(size int, body func()) {
	loop, done := fmt.Sprintf("loop%d", size), fmt.Sprintf("done%d", size)
	f.Label(loop)
	f.CMPQ(f.n, operand.U32(size))
	f.JB(operand.LabelRef(done))
	body()
	f.read(size)
	f.JMP(operand.LabelRef(loop))
	f.Label(done)
}

// at is the memory operand of lane i of size bytes.
func (f folder) at(i, size int) operand.Mem { return operand.Mem{Base: f.next, Disp: i * size} }

// foldPCLMULQDQ has one lane in an accumulator, and uses no instruction newer than PCLMULQDQ.
func foldPCLMULQDQ(c *build.Context) {
	const lane, wide = 16, accumulators * 16
	by16, byWide := by(c, lane), by(c, wide)
	f := begin(c, "foldPCLMULQDQ", wide)
	factor, half, data := c.XMM(), c.XMM(), c.XMM()
	fold := func(acc, data reg.Register) {
		c.MOVOA(acc, half)
		c.PCLMULQDQ(low, factor, acc)
		c.PCLMULQDQ(high, factor, half)
		c.PXOR(half, acc)
		c.PXOR(data, acc)
	}

	c.Comment("The first bytes, crc added.")
	acc := make([]reg.Register, accumulators)
	for i := range acc {
		acc[i] = c.XMM()
		c.MOVOU(f.at(i, lane), acc[i])
	}
	crc := c.XMM()
	c.MOVQ(c.Load(c.Param("crc"), c.GP64()), crc)
	c.PXOR(crc, acc[0])
	f.read(wide)

	c.Comment("Every accumulator moves on past all others.")
	c.MOVOU(byWide, factor)
	f.while(wide, func() {
		for i := range acc {
			c.MOVOU(f.at(i, lane), data)
			fold(acc[i], data)
		}
	})

	c.Comment("Each moves on to the next: one is left.")
	c.MOVOU(by16, factor)
	sum := acc[0]
	for _, a := range acc[1:] {
		fold(sum, a)
	}
	f.while(lane, func() {
		c.MOVOU(f.at(0, lane), data)
		fold(sum, data)
	})

	first, second := c.GP64(), c.GP64()
	c.MOVQ(sum, first)
	c.PSRLDQ(operand.U8(8), sum)
	c.MOVQ(sum, second)
	c.Store(first, c.Return("first"))
	c.Store(second, c.Return("second"))
	c.RET()
}

// foldVPCLMULQDQ has four lanes in an accumulator: the same algorithm with registers of 512 bits, and one more step.
func foldVPCLMULQDQ(c *build.Context) {
	const lane, vector, wide = 16, 64, accumulators * 64
	by16, by64, byWide := operand.NewDataAddr(operand.NewStaticSymbol("by16"), 0), by(c, vector), by(c, wide)
	f := begin(c, "foldVPCLMULQDQ", wide)
	factors, half := c.ZMM(), c.ZMM()
	fold := func(acc reg.Register, data operand.Op) {
		c.VPCLMULQDQ(low, factors, acc, half)
		c.VPCLMULQDQ(high, factors, acc, acc)
		c.VPTERNLOGQ(xor3, data, half, acc)
	}

	c.Comment("The first bytes, crc added.")
	acc := make([]reg.VecVirtual, accumulators)
	for i := range acc {
		acc[i] = c.ZMM()
		c.VMOVDQU64(f.at(i, vector), acc[i])
	}
	crc := c.ZMM()
	c.VMOVQ(c.Load(c.Param("crc"), c.GP64()), crc.AsX()) // and zeros above
	c.VPXORQ(crc, acc[0], acc[0])
	f.read(wide)

	c.Comment("Every accumulator moves on past all others.")
	c.VBROADCASTI32X4(byWide, factors)
	f.while(wide, func() {
		for i := range acc {
			fold(acc[i], f.at(i, vector))
		}
	})

	c.Comment("Each moves on to the next: one is left.")
	c.VBROADCASTI32X4(by64, factors)
	all := acc[0]
	for _, a := range acc[1:] {
		fold(all, a)
	}
	f.while(vector, func() { fold(all, f.at(0, vector)) })

	c.Comment("Its lanes do the same.")
	factor, other := c.XMM(), half.AsX()
	c.VMOVDQU(by16, factor)
	sum, data := c.XMM(), c.XMM()
	foldLane := func(data operand.Op) {
		c.VPCLMULQDQ(low, factor, sum, other)
		c.VPCLMULQDQ(high, factor, sum, sum)
		c.VPXOR(other, sum, sum)
		c.VPXOR(data, sum, sum)
	}
	c.VMOVDQA(all.AsX(), sum)
	for i := 1; i < vector/lane; i++ {
		c.VEXTRACTI32X4(operand.U8(i), all, data)
		foldLane(data)
	}
	f.while(lane, func() { foldLane(f.at(0, lane)) })

	first, second := c.GP64(), c.GP64()
	c.VMOVQ(sum, first)
	c.VPSRLDQ(operand.U8(8), sum, sum)
	c.VMOVQ(sum, second)
	c.VZEROUPPER() // code with the older encoding is slow until then
	c.Store(first, c.Return("first"))
	c.Store(second, c.Return("second"))
	c.RET()
}
