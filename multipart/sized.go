package multipart

import (
	"fmt"
	"io"
)

// Sized returns r with its length in bytes, for an Upload whose source does not report its length:
//
//	up.Upload(ctx, bucket, key, multipart.Sized(req.Body, req.ContentLength), nil)
//
// A negative size means that the length is unknown. If r is shorter or longer than size, the error of Upload matches
// ErrSourceChanged and no object is created. Upload reads r to its end to detect that it is longer.
//
// With a known length Progress has a Total, and the part size is chosen before the first part is sent. A stream of
// unknown length begins with small parts that grow.
func Sized(r io.Reader, size int64) io.Reader {
	if size < 0 {
		return r
	}
	return &sizedReader{Reader: r, size: size}
}

type sizedReader struct {
	io.Reader
	size int64
}

// measure finds out how src can be read, and the length of a stream. It does not move the offset of src.
func measure(src io.Reader) (input, error) {
	s, exact := src.(*sizedReader)
	if exact {
		src = s.Reader
	}
	in, err := openInput(src)
	switch {
	case err != nil:
		return input{}, err
	case exact && in.at != nil && in.size != s.size:
		return input{}, fmt.Errorf("%w: it has %d bytes, and Sized said %d",
			ErrSourceChanged, in.size, s.size)
	case exact:
		in.size, in.exact = s.size, true
	case in.at == nil:
		in.size = lengthOf(in.stream)
	}
	return in, nil
}

// lengthOf returns the number of bytes left in r as r reports it, or -1. The number may be wrong, because no interface
// defines these methods. It is used only to choose the part size and to report progress.
func lengthOf(r io.Reader) int64 {
	n := int64(-1)
	switch r := r.(type) {
	case *io.LimitedReader: // N is an upper bound
		if n = lengthOf(r.R); n > r.N {
			n = r.N
		}
	case interface{ Len() int }: // what is left, in the standard library
		n = int64(r.Len())
	case interface{ Size() int64 }: // of the whole, in the standard library
		n = r.Size()
		if s, ok := r.(io.Seeker); ok {
			at, err := s.Seek(0, io.SeekCurrent)
			if err != nil {
				return -1
			}
			n -= at
		}
	}
	if n <= 0 { // 0 may mean that no data has arrived yet
		return -1
	}
	return n
}
