package main

import (
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// avx2 writes the kernel for 8 lanes. Sixteen registers are too few to weave anything into the
// steps; the processor has to find by itself what it can do while they wait for each other.
func avx2(c *build.Context, table operand.Mem) {
	f := kernel(c, "blocksAVX2x8", 16*32)
	ones := c.YMM()
	c.VPCMPEQD(ones, ones, ones)
	var s [4]reg.VecVirtual
	for i := range s {
		s[i] = c.YMM()
		c.VMOVDQU(f.row(i, 0), s[i])
	}

	c.Label("loopAVX2x8")
	f.transpose8(0)
	f.transpose8(32)
	for i := range 64 {
		f.step2(i, s, ones, table.Offset(4*i))
		s = [4]reg.VecVirtual{s[3], s[0], s[1], s[2]}
	}
	for i, v := range s {
		c.VPADDD(f.row(i, 0), v, v)
		c.VMOVDQU(v, f.row(i, 0))
	}
	c.ADDQ(operand.I8(64), f.at)
	c.DECQ(f.left)
	c.JNZ(operand.LabelRef("loopAVX2x8"))
	c.VZEROUPPER()
	c.RET()
}

// step2 writes step i on the state s, which is a, b, c, d.
func (f frame) step2(i int, s [4]reg.VecVirtual, ones reg.VecVirtual, sine operand.Mem) {
	a, b, c, d, k := s[0], s[1], s[2], s[3], f.c
	t, u := k.YMM(), k.YMM()
	k.VPBROADCASTD(sine, u)
	k.VPADDD(mem(f.scratch, 32*word(i)), a, a)
	k.VPADDD(u, a, a)
	switch i / 16 {
	case 0: // b&c | ^b&d with one instruction less
		k.VPXOR(c, d, t)
		k.VPAND(b, t, t)
		k.VPXOR(d, t, t)
	case 1: // d&b | ^d&c, in two sums because no bit is in both; b, the latest, comes last
		k.VPANDN(c, d, t)
		k.VPADDD(t, a, a)
		k.VPAND(b, d, t)
	case 2: // b ^ c ^ d
		k.VPXOR(c, d, t)
		k.VPXOR(b, t, t)
	case 3: // c ^ (b | ^d)
		k.VPXOR(ones, d, t)
		k.VPOR(b, t, t)
		k.VPXOR(c, t, t)
	}
	k.VPADDD(t, a, a)
	k.VPSLLD(operand.U8(rotation(i)), a, u)
	k.VPSRLD(operand.U8(32-rotation(i)), a, a)
	k.VPOR(u, a, a)
	k.VPADDD(b, a, a)
}

// transpose8 loads 32 bytes of each of 8 lanes, from offset in the block on, and stores them in the
// scratch as 8 vectors, each of them one word of all lanes.
func (f frame) transpose8(offset int) {
	c := f.c
	var rows [8]reg.VecVirtual
	for i := range rows {
		rows[i] = c.YMM()
		c.VMOVDQU(f.message(i, offset), rows[i])
	}
	pair := func(i, j int, low, high func(...operand.Op)) {
		x, y, z := rows[i], rows[j], c.YMM()
		low(y, x, z)
		high(y, x, y)
		rows[i] = z
	}
	half := func(halves uint64) func(...operand.Op) {
		return func(ops ...operand.Op) { c.VPERM2I128(operand.U8(halves), ops[0], ops[1], ops[2]) }
	}
	unpack(pair, 8, c)
	for i := range 4 {
		pair(i, i+4, half(0x20), half(0x31)) // both low columns, both high ones
	}
	for i, row := range rows {
		w := 4*(i/4) + [4]int{0, 2, 1, 3}[i%4]
		c.VMOVDQA(row, mem(f.scratch, 8*offset+32*w))
	}
}
