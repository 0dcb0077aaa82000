//go:build !purego

package md5lanes

// The kernels. They read 64*n bytes of each of their lanes, n > 0, and leave the state of lanes
// they do not have alone.

//go:noescape
func blocksAVX512x32(s *columns, lanes *[maxLanes]*byte, n int)

//go:noescape
func blocksAVX512x16(s *columns, lanes *[maxLanes]*byte, n int)

//go:noescape
func blocksAVX2x8(s *columns, lanes *[maxLanes]*byte, n int)

// cpuid returns what the instruction of this name says of a leaf and its subleaf.
func cpuid(leaf, subleaf uint32) (eax, ebx, ecx, edx uint32)

// xgetbv returns the lower half of XCR0: the registers that the operating system saves.
func xgetbv() uint32

// runnable are the kernels this machine runs, the widest first. It is not changed.
var runnable = detect()

// detect asks the processor. A feature counts only if the operating system saves its registers when
// it switches threads. (Intel SDM, volume 1, 14.7.1 and 15.2: detection of AVX2 and AVX-512.) macOS
// turns zmm on for a thread that has used it, so it counts as AVX2 here.
func detect() (kernels []kernel) {
	const (
		osxsave = 1 << 27 // leaf 1, ecx
		avx2    = 1 << 5  // leaf 7, ebx
		avx512f = 1 << 16 // leaf 7, ebx

		authenticAMD = 'A' | 'u'<<8 | 't'<<16 | 'h'<<24 // leaf 0, ebx
		ymm          = 0x06                             // XCR0: xmm and the upper halves of ymm
		zmm          = 0xe0                             // XCR0: mask registers, upper halves of zmm0 to 15, zmm16 to 31
	)
	highest, vendor, _, _ := cpuid(0, 0)
	if highest < 7 {
		return nil
	}
	if _, _, ecx, _ := cpuid(1, 0); ecx&osxsave == 0 {
		return nil // xgetbv would be an illegal instruction
	}
	_, has, _, _ := cpuid(7, 0)
	saved := xgetbv()
	// What pays: with two messages, on an Intel Xeon with AVX512-FP16, 16 lanes measured about 1.8 times as
	// fast as crypto/md5, and 8 lanes 1.2 times. On an AMD EPYC of family 25, Zen 4, it is the other way round: for
	// 32 KiB of each message 8 lanes take 51 us, 16 take 69 and 32 take 90, where crypto/md5 takes 40 for one. 8 lanes
	// with the rotations and the three-operand logic of AVX-512 took 54, so there is no such kernel.
	pays16, pays8 := 2, 3
	if vendor == authenticAMD {
		pays16, pays8 = 9, 2
	}
	if has&avx512f != 0 && saved&(ymm|zmm) == ymm|zmm {
		kernels = append(kernels, kernel{"avx512x32", 32, 17}, kernel{"avx512x16", 16, pays16})
	}
	if has&avx2 != 0 && saved&ymm == ymm {
		kernels = append(kernels, kernel{"avx2x8", 8, pays8})
	}
	return kernels
}

// blocks adds n > 0 blocks of each lane to s.
func (k kernel) blocks(s *columns, lanes *[maxLanes]*byte, n int) {
	switch k.lanes {
	case 32:
		blocksAVX512x32(s, lanes, n)
	case 16:
		blocksAVX512x16(s, lanes, n)
	case 8:
		blocksAVX2x8(s, lanes, n)
	default:
		panic("md5lanes: no kernel " + k.name)
	}
}
