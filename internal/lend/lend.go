// Package lend lets a body say where its bytes lie, so that a connection can send them from there: have the kernel send
// those of a file, and write those in memory without a copy. Package oss does that where it need not see the bytes; the
// bodies of package multipart are such lenders.
package lend

import "os"

// A Range is some of a body's bytes, in a file or in memory. They stay the lender's.
type Range struct {
	File   *os.File // nil if they lie in memory; read only until they have been sent
	Offset int64    // in File, in bytes
	Size   int64    // bytes

	Bytes []byte // nil if they lie in a file
	Owner Owner  // of Bytes
}

// None reports whether nothing is lent.
func (r Range) None() bool { return r.File == nil && r.Bytes == nil }

// An Owner has lent memory. It must not use it for anything else until GiveBack has been called, once for each Range, and
// that may be after the call that the body was given to: when the connection is done with it.
type Owner interface{ GiveBack() }

// A Lender is an oss.Body whose bytes lie in a file or in memory.
type Lender interface {
	// Lend returns where some bytes from off on lie, at most n, and counts as reading them. They lie in a file only if
	// files will do. If it lends none they have to be read.
	Lend(off, n int64, files bool) (Range, error)
}
