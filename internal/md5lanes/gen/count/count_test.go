package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// program builds the program that is counted in.
func program(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "md5lanes")
	if err := build(t.Context(), path, "../.."); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestKernelsTakeAtMostThreeTenthsOfTheInstructionsOfCryptoMD5(t *testing.T) {
	loops, err := loopsOf(program(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range loops {
		t.Logf("%s: %d instructions for %d bytes", l.name, l.instructions, l.bytes)
		ratio := l.perByte() / loops[0].perByte()
		if l != loops[0] && ratio > 0.3 {
			t.Errorf("%s takes %.3f times the instructions of crypto/md5 for a byte, want at most 0.3", l.name, ratio)
		}
	}
}

// The generator encodes what Go's assembler does not know. The disassembler of the go command must read each of
// these words as the comment beside it says.
func TestEncodingsAreWhatTheirCommentsSay(t *testing.T) {
	listing, err := exec.CommandContext(t.Context(), "go", "tool", "objdump", "-s", `\.blocksNEON`, program(t)).Output()
	if err != nil {
		t.Fatal(err)
	}
	instruction := regexp.MustCompile(`(?m)^\s*kernels_arm64\.s:(\d+)\s+0x\w+\s+\w+\s+(.*)$`)
	decoded := map[int]string{} // by line
	for _, m := range instruction.FindAllStringSubmatch(string(listing), -1) {
		line, err := strconv.Atoi(m[1])
		if err != nil {
			t.Fatal(err)
		}
		decoded[line] = strings.TrimSpace(m[2])
	}
	source, err := os.ReadFile("../../kernels_arm64.s")
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for i, line := range strings.Split(string(source), "\n") {
		word, comment, _ := strings.Cut(strings.TrimSpace(line), " // ")
		if !strings.HasPrefix(word, "WORD ") {
			continue
		}
		checked++
		if got, want := decoded[i+1], "V"+comment; got != want {
			t.Errorf("line %d, %s is %q, want %q", i+1, word, got, want)
		}
	}
	if want := 16 * (1 + 2 + 3); checked != want { // a round of each chain
		t.Errorf("%d encodings, want %d", checked, want)
	}
}

func TestLoopIsWhatABackwardBranchEncloses(t *testing.T) {
	const (
		nop   = 0xd503201f
		add   = 0x4ea18400 // ADD V0.4S, V0.4S, V1.4S
		load  = 0x3dc00020 // LDR Q0, [X1]
		cbz   = 0xb4000042 // CBZ X2, 2 instructions on
		bne   = 0x54ffffa1 // B.NE 3 instructions back
		whole = 0x17fffffb // B 5 instructions back
	)
	tests := []struct {
		name    string
		code    []uint32
		want    loop
		wantErr bool
	}{
		{"one", []uint32{nop, cbz, load, add, nop, bne, whole}, loop{instructions: 4, vector: 1, memory: 1}, false},
		{"none", []uint32{nop, cbz, load, add, nop, whole}, loop{}, true},
		{"two", []uint32{nop, nop, nop, bne, nop, bne}, loop{}, true},
		{"from outside", []uint32{nop, bne}, loop{}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got loop
			if err := got.count(tt.code); (err != nil) != tt.wantErr {
				t.Errorf("count: %v, want an error: %v", err, tt.wantErr)
			}
			if got != tt.want {
				t.Errorf("count = %+v, want %+v", got, tt.want)
			}
		})
	}
}
