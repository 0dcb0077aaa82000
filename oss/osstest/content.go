package osstest

import (
	"fmt"
	"io"
	"sync/atomic"
)

// A content is the bytes of a part or of an object: runs of stored bodies, linked and not copied.
// Completing ten thousand parts is therefore only a longer list.
type content []segment

// A segment is a run of bytes of one body.
type segment struct {
	body         *body
	offset, size int64
}

// A body is a blob with the number of contents that refer to it. It is removed after the last.
type body struct {
	blob
	refs atomic.Int64
}

// newContent makes a content of a whole blob; it holds the first reference.
func newContent(b blob, size int64) content {
	c := content{{body: &body{blob: b}, size: size}}
	return c.retain()
}

// retain adds a reference to every body of c. The caller must be sure that somebody holds one.
func (c content) retain() content {
	for _, s := range c {
		s.body.refs.Add(1)
	}
	return c
}

// release takes the references back.
func (c content) release() {
	for _, s := range c {
		if s.body.refs.Add(-1) == 0 {
			s.body.remove() // a file that cannot be removed now goes with the directory
		}
	}
}

// size returns the bytes in c.
func (c content) size() (n int64) {
	for _, s := range c {
		n += s.size
	}
	return n
}

// slice returns n bytes of c from offset, which must be there. It adds no references.
func (c content) slice(offset, n int64) content {
	var cut content
	for _, s := range c {
		skip := min(offset, s.size)
		offset -= skip
		take := min(n, s.size-skip)
		if take > 0 {
			cut = append(cut, segment{s.body, s.offset + skip, take})
		}
		n -= take
	}
	return cut
}

// reader reads c from the start. It has at most one blob open, and must be closed. It needs c to
// be retained.
func (c content) reader() io.ReadCloser { return &contentReader{left: c} }

type contentReader struct {
	left content
	open blobReader
	run  *io.SectionReader
}

func (r *contentReader) Read(p []byte) (int, error) {
	for {
		if r.open == nil {
			if len(r.left) == 0 {
				return 0, io.EOF
			}
			s := r.left[0]
			r.left = r.left[1:]
			open, err := s.body.open()
			if err != nil {
				return 0, err
			}
			r.open, r.run = open, io.NewSectionReader(open, s.offset, s.size)
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

func (r *contentReader) Close() error {
	if r.open == nil {
		return nil
	}
	err := r.open.Close()
	r.open = nil
	return err
}

// flipped returns c with the lowest bit of its first byte inverted. The rest stays linked: only
// that byte is stored anew. The caller gets references of its own.
func (c content) flipped(to storage) (content, error) {
	if c.size() == 0 {
		return c.retain(), nil
	}
	r := c.reader()
	defer r.Close()
	var first [1]byte
	if _, err := io.ReadFull(r, first[:]); err != nil {
		return nil, fmt.Errorf("reading a stored body: %w", err)
	}
	first[0] ^= 1
	s, err := to.create(1)
	if err != nil {
		return nil, err
	}
	if _, err := s.Write(first[:]); err != nil {
		s.discard()
		return nil, err
	}
	b, err := s.keep()
	if err != nil {
		return nil, err
	}
	return append(newContent(b, 1), c.slice(1, c.size()-1).retain()...), nil
}
