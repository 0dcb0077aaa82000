package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// avx512 writes the kernel for one or two groups of 16 lanes.
//
// The steps of one block are a chain of instructions that wait for each other, so the core is idle
// half of the time. Two things fill the gaps: the steps of the other group, and loading and
// transposing the next block, which is woven between the steps. Its words go to the stack, because
// a vector of one word of all lanes is what a step adds.
func avx512(c *build.Context, table operand.Mem, groups int) {
	name := fmt.Sprintf("AVX512x%d", 16*groups)
	size := groups * 16 * 64 // of the words of a block
	f := kernel(c, "blocks"+name, 2*size)
	next := c.GP64()
	c.LEAQ(mem(f.scratch, size), next)

	var states [2][4]reg.VecVirtual
	for g := range groups {
		for i := range states[g] {
			states[g][i] = c.ZMM()
			c.VMOVDQU32(f.row(i, 16*g), states[g][i])
		}
	}
	transposition := func(words reg.Register) (all []func()) {
		for g := range groups {
			all = append(all, f.transpose16(16*g, words, 1024*g)...)
		}
		return all
	}
	for _, instruction := range transposition(f.scratch) {
		instruction()
	}

	c.Label("loop" + name)
	c.ADDQ(operand.I8(64), f.at)
	c.CMPQ(f.left, operand.I8(1))
	c.JNE(operand.LabelRef("more" + name))
	c.SUBQ(operand.I8(64), f.at) // there is no next block: transpose this one again, for nothing
	c.Label("more" + name)

	weave := transposition(next)
	done := 0
	for i := range 64 {
		var steps [2][]func()
		for g := range groups {
			s := &states[g]
			steps[g] = f.step512(i, s, mem(f.scratch, 1024*g+64*word(i)), table.Offset(4*i))
			*s = [4]reg.VecVirtual{s[3], s[0], s[1], s[2]}
		}
		for k := range steps[0] {
			for g := range groups {
				steps[g][k]()
			}
		}
		for ; done < len(weave)*(i+1)/64; done++ {
			weave[done]()
		}
	}
	for g := range groups {
		for i, v := range states[g] {
			c.VPADDD(f.row(i, 16*g), v, v)
			c.VMOVDQU32(v, f.row(i, 16*g))
		}
	}
	c.XCHGQ(f.scratch, next)
	c.DECQ(f.left)
	c.JNZ(operand.LabelRef("loop" + name))
	c.VZEROUPPER()
	c.RET()
}

// step512 returns the instructions of step i on the state s, which is a, b, c, d.
func (f frame) step512(i int, s *[4]reg.VecVirtual, word, sine operand.Mem) []func() {
	c, v := f.c, *s
	t := c.ZMM()
	return []func(){
		func() { c.VMOVDQA64(v[3], t) },
		func() { c.VPADDD(word, v[0], v[0]) },
		func() { c.VPADDD_BCST(sine, v[0], v[0]) },
		func() { c.VPTERNLOGD(truth(i), v[1], v[2], t) },
		func() { c.VPADDD(t, v[0], v[0]) },
		func() { c.VPROLD(operand.U8(rotation(i)), v[0], v[0]) },
		func() { c.VPADDD(v[1], v[0], v[0]) },
	}
}

// transpose16 returns the instructions that load the block of 16 lanes from first on and store it
// at words+offset as 16 vectors, each of them one word of all lanes.
func (f frame) transpose16(first int, words reg.Register, offset int) (all []func()) {
	c := f.c
	add := func(instruction func()) { all = append(all, instruction) }
	var rows [16]reg.VecVirtual
	for i := range rows {
		row := c.ZMM()
		add(func() { c.VMOVDQU32(f.message(first+i, 0), row) })
		rows[i] = row
	}
	pair := func(i, j int, low, high func(...operand.Op)) {
		x, y, z := rows[i], rows[j], c.ZMM()
		add(func() { low(y, x, z) })
		add(func() { high(y, x, y) }) // the register of x is free from here on
		rows[i] = z
	}
	shuffle := func(columns uint64) func(...operand.Op) {
		return func(ops ...operand.Op) { c.VSHUFI32X4(operand.U8(columns), ops[0], ops[1], ops[2]) }
	}
	unpack(pair, 16, c)
	// The second half: twice the even columns of both rows, and the odd ones.
	for _, distance := range []int{4, 8} {
		for i := range rows {
			if i&distance == 0 {
				pair(i, i+distance, shuffle(0x88), shuffle(0xdd))
			}
		}
	}
	for i, row := range rows {
		// Row 4g+k has word {0, 2, 1, 3}[k] of column g.
		w := 4*(i/4) + [4]int{0, 2, 1, 3}[i%4]
		add(func() { c.VMOVDQA32(row, mem(words, offset+64*w)) })
	}
	return all
}
