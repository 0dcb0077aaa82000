// Package zerocopy lets the body of a request expose ranges of a file, or of memory, so that a connection can send them
// without copying: a file range by sendfile(2), memory by writing it from where it lies. Package oss does this for
// bodies whose checksums it knows beforehand; the bodies of package multipart are Sources.
package zerocopy

import "os"

// A Region is a range of bytes of a body, in a file or in memory. It belongs to the Source. The zero Region is empty.
type Region struct {
	Size int64 // bytes

	// File holds the bytes from Offset on, which may only be read, and only until they have been sent. It is nil if the
	// bytes lie in memory.
	File   *os.File
	Offset int64 // bytes

	// Bytes are the bytes themselves, nil if they lie in File. They may be read until Buffer.Release is called, which
	// the receiver of the Region calls once.
	Bytes  []byte
	Buffer Buffer
}

// IsZero reports whether r exposes nothing.
func (r Region) IsZero() bool { return r.File == nil && r.Bytes == nil }

// A Buffer is memory that a Region exposes. Its owner must not reuse it before Release has been called once for each
// Region. That may be after the call that the body was given to has returned: a connection that is being closed may
// still read.
type Buffer interface{ Release() }

// A Source is an oss.Body that can expose its bytes.
type Source interface {
	// Region returns at most n bytes from offset off on, and counts as reading them. It exposes a file only if files is
	// set. If it returns the zero Region, the bytes must be read with ReadAt.
	Region(off, n int64, files bool) (Region, error)
}

// A Summed is an oss.Body that may know its CRC-64 before it is sent.
type Summed interface {
	CRC64() (crc uint64, known bool)
}
