// Package crc64 computes and combines the CRC-64 that OSS reports of parts and objects in x-oss-hash-crc64ecma:
// ECMA-182, reflected, also known as CRC-64/XZ. The header has it as an unsigned decimal number.
//
// It is computed by carry-less multiplication on amd64 processors that have it, and on arm64 under Linux and macOS.
// Elsewhere, and with the build tag purego, it is computed by table, in four interleaved strands, and by hash/crc64 for
// short inputs. The kernel for arm64 has been tested under emulation only, and its speed was not measured.
package crc64

import "hash/crc64"

// Checksum returns the CRC-64 of p. It is 0 for no bytes.
func Checksum(p []byte) uint64 { return Update(0, p) }

// Update returns the CRC-64 of the bytes whose CRC-64 is crc, followed by p.
func Update(crc uint64, p []byte) uint64 { return fastest.update(crc, p) }

// Combine returns the CRC-64 of A followed by B, without their bytes: crc1 is the CRC-64 of A, crc2 that of B, and len2
// the length of B in bytes. A len2 that is not positive means that B is empty. The CRC-64 of an object follows in this
// way from those of its parts. The time is proportional to log(len2), about two microseconds.
func Combine(crc1, crc2 uint64, len2 int64) uint64 {
	if len2 <= 0 {
		return crc1
	}
	return Behind(len2).Combine(crc1, crc2)
}

// A Shift combines CRC-64s for one length of the second input. Most parts of an object have the same size.
//
// A CRC is a remainder: the message as a polynomial over GF(2), modulo P. Appending B to A multiplies A by x^(8 len2)
// and adds B, and the same holds for the remainders. The inversions at the beginning and the end of a CRC cancel out.
type Shift uint64

// Behind returns the Shift of n bytes.
func Behind(n int64) Shift {
	const one, x8 = 1 << 63, 1 << (63 - 8) // reflected: the highest bit is the coefficient of x^0
	shift, square := uint64(one), uint64(x8)
	for ; n > 0; n >>= 1 {
		if n&1 != 0 {
			shift = multiply(shift, square)
		}
		square = multiply(square, square)
	}
	return Shift(shift)
}

// Combine is the function Combine with the length of s.
func (s Shift) Combine(crc1, crc2 uint64) uint64 { return multiply(crc1, uint64(s)) ^ crc2 }

// multiply returns a*b modulo P, by one coefficient of a at a time.
func multiply(a, b uint64) uint64 {
	var product uint64
	for ; a != 0; a <<= 1 {
		product ^= b & -(a >> 63)
		b = b>>1 ^ crc64.ECMA&-(b&1) // b times x; what leaves at the bottom comes back as P
	}
	return product
}
