//go:build !purego

package crc64

// fold returns 16 bytes, as two little-endian words, with the same remainder as p after crc is added to its first eight
// bytes. The length of p is a multiple of 16. Ok is false if p is too short for k.
func (k kernel) fold(crc uint64, p []byte) (first, second uint64, ok bool) {
	switch {
	case k >= fold512 && len(p) >= 512:
		first, second = foldVPCLMULQDQ(crc, p)
	case k >= fold128 && len(p) >= 128:
		first, second = foldPCLMULQDQ(crc, p)
	default:
		return 0, 0, false
	}
	return first, second, true
}

// detect returns the fastest kernel. Bits are those of the Intel 64 manual: CPUID in volume 2, and in volume 1, 13.3
// and 15.2, the registers that the system must save before AVX-512 may be used. macOS enables AVX-512 for a thread at
// its first use and does not show it before (go.dev/issue/43089), so the result there is fold128.
func detect() kernel {
	const (
		hasPCLMULQDQ  = 1 << 1             // leaf 1, ECX
		hasOSXSAVE    = 1 << 27            // leaf 1, ECX
		hasAVX512F    = 1 << 16            // leaf 7, EBX
		hasVPCLMULQDQ = 1 << 10            // leaf 7, ECX
		savesAVX512   = 1<<1 | 1<<2 | 7<<5 // XCR0: XMM, YMM; opmask, upper halves of ZMM, upper ZMM
	)
	leaves, _, _, _ := cpuid(0, 0)
	_, _, ecx1, _ := cpuid(1, 0)
	if ecx1&hasPCLMULQDQ == 0 {
		return table
	}
	if leaves < 7 || ecx1&hasOSXSAVE == 0 || xgetbv()&savesAVX512 != savesAVX512 {
		return fold128
	}
	_, ebx7, ecx7, _ := cpuid(7, 0)
	if ebx7&hasAVX512F == 0 || ecx7&hasVPCLMULQDQ == 0 {
		return fold128
	}
	return fold512
}
