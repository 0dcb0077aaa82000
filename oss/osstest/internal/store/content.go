package store

import (
	"fmt"
	"io"
	"sync/atomic"
)

// A Content is the bytes of an object or a part: a list of runs of bodies. It is not copied when an upload is completed
// or an object is copied; only the list grows.
type Content []run

// A run is a range of bytes of one body.
type run struct {
	body         *body
	offset, size int64
}

// A body is a blob and the number of references to it. The last Release removes it.
type body struct {
	blob
	refs atomic.Int64
}

// newContent returns the content of a whole blob, with the first reference to it.
func newContent(b blob, size int64) Content {
	c := Content{{body: &body{blob: b}, size: size}}
	return c.Retain()
}

// Retain adds a reference to every body of c, and returns c. There must be a reference already.
func (c Content) Retain() Content {
	for _, r := range c {
		r.body.refs.Add(1)
	}
	return c
}

// Release removes a reference to every body of c.
func (c Content) Release() {
	for _, r := range c {
		if r.body.refs.Add(-1) == 0 {
			r.body.remove() // a file that cannot be removed now is removed with the directory
		}
	}
}

// Size returns the number of bytes.
func (c Content) Size() (n int64) {
	for _, r := range c {
		n += r.size
	}
	return n
}

// Slice returns n bytes of c from offset, which must not go past the end. It adds no references.
func (c Content) Slice(offset, n int64) Content {
	var cut Content
	for _, r := range c {
		skip := min(offset, r.size)
		offset -= skip
		take := min(n, r.size-skip)
		if take > 0 {
			cut = append(cut, run{r.body, r.offset + skip, take})
		}
		n -= take
	}
	return cut
}

// Reader reads c from its start, with one body open at a time. c must stay retained until the Reader is closed.
func (c Content) Reader() io.ReadCloser { return &contentReader{rest: c} }

type contentReader struct {
	rest Content    // after the open run
	open blobReader // nil between two runs
	run  *io.SectionReader
}

// Read makes a contentReader an io.Reader.
func (r *contentReader) Read(p []byte) (int, error) {
	for {
		if r.open == nil {
			if len(r.rest) == 0 {
				return 0, io.EOF
			}
			next := r.rest[0]
			r.rest = r.rest[1:]
			open, err := next.body.open()
			if err != nil {
				return 0, err
			}
			r.open, r.run = open, io.NewSectionReader(open, next.offset, next.size)
		}
		n, err := r.run.Read(p)
		if err == io.EOF {
			err = r.Close()
		}
		if n > 0 || err != nil || len(p) == 0 {
			return n, err
		}
	}
}

// Close closes the open body.
func (r *contentReader) Close() error {
	if r.open == nil {
		return nil
	}
	err := r.open.Close()
	r.open = nil
	return err
}

// Data is a Content and its checksums. It holds references.
type Data struct {
	Content Content
	MD5     []byte
	CRC64   uint64
	Size    int64 // bytes
}

// Flip returns c with the lowest bit of its first byte inverted. Only that byte is stored; the other bytes are linked.
// The result has references of its own.
func (s *Store) Flip(c Content) (Content, error) {
	if c.Size() == 0 {
		return c.Retain(), nil
	}
	r := c.Reader()
	defer r.Close()
	var first [1]byte
	if _, err := io.ReadFull(r, first[:]); err != nil {
		return nil, fmt.Errorf("reading a stored body: %w", err)
	}
	first[0] ^= 1
	w, err := s.NewBody(1)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(first[:]); err != nil {
		w.Discard()
		return nil, err
	}
	flipped, err := w.Keep()
	if err != nil {
		return nil, err
	}
	return append(flipped, c.Slice(1, c.Size()-1).Retain()...), nil
}
