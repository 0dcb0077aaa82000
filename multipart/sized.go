package multipart

import (
	"fmt"
	"io"
)

// Sized returns r together with its length in bytes, for an Upload whose source does not tell it itself:
//
//	up.Upload(ctx, bucket, key, multipart.Sized(req.Body, req.ContentLength), nil)
//
// A negative size means that the length is unknown. If r turns out to be shorter or longer, the error of Upload matches
// ErrSourceChanged and no object is made. To notice that r is longer Upload reads it to its end.
//
// A length that is known gives Progress a Total. It also decides the size of the parts before the first one is sent: a
// stream of unknown length begins with small parts that grow.
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

// measure finds out how src can be read, and how long it is if it is a stream. It leaves its offset as it is.
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
		return input{}, fmt.Errorf("%w: it has %d bytes, not the %d that it was said to have",
			ErrSourceChanged, in.size, s.size)
	case exact:
		in.size, in.exact = s.size, true
	case in.at == nil:
		in.size = lengthOf(in.stream)
	}
	return in, nil
}

// lengthOf returns how many bytes are left in r as far as r tells, or -1. That may be wrong, since nothing defines
// these methods: nobody relies on it but to choose the size of parts, and to report progress.
func lengthOf(r io.Reader) int64 {
	n := int64(-1)
	switch r := r.(type) {
	case *io.LimitedReader: // N is the most, and often a mere precaution
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
	if n <= 0 { // nothing may mean nothing yet
		return -1
	}
	return n
}
