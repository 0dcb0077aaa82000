// By hand, for avo knows amd64 only. The method is that of gen/fold.go, with four accumulators of 16 bytes.

//go:build !purego

#include "textflag.h"

// Factors that move 16 bytes on by 16 and by 64, as function by of gen/fold.go computes them.
DATA by16<>+0(SB)/8, $0xe05dd497ca393ae4
DATA by16<>+8(SB)/8, $0xdabe95afc7875f40
GLOBL by16<>(SB), RODATA|NOPTR, $16

DATA by64<>+0(SB)/8, $0x6ae3efbb9dd441f3
DATA by64<>+8(SB)/8, $0x081f6054a7842df4
GLOBL by64<>(SB), RODATA|NOPTR, $16

// FOLD moves acc on by the factors in V16 and adds data. It spoils half.
#define FOLD(acc, data, half) \
	VPMULL2 V16.D2, acc.D2, half.Q1     \
	VPMULL  V16.D1, acc.D1, acc.Q1      \
	VEOR    data.B16, half.B16, half.B16 \
	VEOR    half.B16, acc.B16, acc.B16

// func foldPMULL(crc uint64, p []byte) (first, second uint64)
TEXT ·foldPMULL(SB), NOSPLIT, $0-48
	MOVD crc+0(FP), R0
	MOVD p_base+8(FP), R1
	MOVD p_len+16(FP), R2

	// The first bytes, crc added.
	VLD1.P 64(R1), [V0.B16, V1.B16, V2.B16, V3.B16]
	VEOR   V4.B16, V4.B16, V4.B16
	VMOV   R0, V4.D[0]
	VEOR   V4.B16, V0.B16, V0.B16
	SUB    $64, R2

	// Every accumulator moves on past all others.
	MOVD $by64<>(SB), R3
	VLD1 (R3), [V16.B16]

loop64:
	CMP    $64, R2
	BLT    done64
	VLD1.P 64(R1), [V4.B16, V5.B16, V6.B16, V7.B16]
	FOLD(V0, V4, V17)
	FOLD(V1, V5, V18)
	FOLD(V2, V6, V19)
	FOLD(V3, V7, V20)
	SUB    $64, R2
	B      loop64

done64:
	// Each moves on to the next: one is left.
	MOVD $by16<>(SB), R3
	VLD1 (R3), [V16.B16]
	FOLD(V0, V1, V17)
	FOLD(V0, V2, V17)
	FOLD(V0, V3, V17)

loop16:
	CBZ    R2, done16
	VLD1.P 16(R1), [V4.B16]
	FOLD(V0, V4, V17)
	SUB    $16, R2
	B      loop16

done16:
	VMOV V0.D[0], R0
	VMOV V0.D[1], R1
	MOVD R0, first+32(FP)
	MOVD R1, second+40(FP)
	RET
