package main

import (
	"context"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
)

// A loop is the main loop of a function, which hashes the given number of bytes in each turn.
type loop struct {
	name         string
	bytes        int
	instructions int
	vector       int // instructions that work on vector registers, without loads and stores
	memory       int // loads and stores
}

func (l loop) perByte() float64 { return float64(l.instructions) / float64(l.bytes) }

// build builds the tests of internal/md5lanes in dir for arm64. They have crypto/md5, too.
func build(ctx context.Context, program, dir string) error {
	cmd := exec.CommandContext(ctx, "go", "test", "-c", "-o", program, ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", cmd, err, out)
	}
	return nil
}

// loopsOf returns the loops of a program for arm64: that of crypto/md5, and one for each kernel.
func loopsOf(program string) ([]loop, error) {
	const block, lanes = 64, "github.com/ossmultipart/go-oss/internal/md5lanes."
	loops := []loop{
		{name: "crypto/md5.block", bytes: block},
		{name: lanes + "blocksNEONx4", bytes: 4 * block},
		{name: lanes + "blocksNEONx8", bytes: 8 * block},
		{name: lanes + "blocksNEONx12", bytes: 12 * block},
	}
	file, err := elf.Open(program)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	symbols, err := file.Symbols()
	if err != nil {
		return nil, err
	}
	for i := range loops {
		l := &loops[i]
		code, err := codeOf(file, symbols, l.name+".abi0")
		if err == nil {
			err = l.count(code)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", l.name, err)
		}
	}
	return loops, nil
}

// codeOf returns the instructions of a function.
func codeOf(file *elf.File, symbols []elf.Symbol, name string) ([]uint32, error) {
	for _, s := range symbols {
		if s.Name != name {
			continue
		}
		if int(s.Section) >= len(file.Sections) {
			return nil, fmt.Errorf("no section %d", s.Section)
		}
		section := file.Sections[s.Section]
		text := make([]byte, s.Size)
		if _, err := section.ReadAt(text, int64(s.Value-section.Addr)); err != nil {
			return nil, err
		}
		code := make([]uint32, len(text)/4)
		for i := range code {
			code[i] = binary.LittleEndian.Uint32(text[4*i:])
		}
		return code, nil
	}
	return nil, errors.New("no such symbol")
}

// count counts the instructions from the target of the only conditional branch backwards to that branch.
func (l *loop) count(code []uint32) error {
	begin, end, found := 0, 0, 0
	for i, instruction := range code {
		if to := i + conditional(instruction); to < i {
			begin, end = to, i+1
			found++
		}
	}
	if found != 1 || begin < 0 {
		return fmt.Errorf("%d loops, want 1", found)
	}
	for _, instruction := range code[begin:end] {
		l.instructions++
		// Bits 25 to 28 say what group it is of: x1x0 loads and stores, x111 vectors and floating point.
		// (Arm Architecture Reference Manual for A-profile, DDI 0487, C4.1.)
		switch group := instruction >> 25 & 0xf; {
		case group&0b0101 == 0b0100:
			l.memory++
		case group&0b0111 == 0b0111:
			l.vector++
		}
	}
	return nil
}

// conditional returns how many instructions a conditional branch goes on, or back, and 0 for any other instruction.
// (The same, C4.1: B.cond, CBZ and CBNZ have the distance in bits 5 to 23.)
func conditional(instruction uint32) int {
	if instruction>>24 != 0x54 && instruction>>25&0x3f != 0x1a {
		return 0
	}
	return int(int32(instruction<<8) >> 13)
}
