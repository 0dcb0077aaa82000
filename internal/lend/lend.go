// Package lend lets a body say where in a file its bytes lie, so that a connection can have the kernel send them from
// there. Package oss does that where it need not see them; the bodies of package multipart are such lenders.
package lend

import "os"

// A Range is a part of a file, which stays the lender's: it is read only until it has been sent.
type Range struct {
	File         *os.File
	Offset, Size int64 // bytes
}

// A Lender is an oss.Body whose bytes lie in a file.
type Lender interface {
	// Lend returns where the bytes from off on lie, at most n of them, and counts as reading them. Without a File they
	// have to be read.
	Lend(off, n int64) (Range, error)
}
