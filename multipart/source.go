package multipart

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/ossmultipart/go-oss/internal/zerocopy"
	"github.com/ossmultipart/go-oss/oss"
)

// A piece is the content of one part.
type piece struct {
	Section
	body oss.Body
	sums *sums  // of body; nil if they are not known yet
	free func() // releases its memory; body must not be read afterwards
}

// A source yields the pieces of an object in order.
type source interface {
	// next returns the next piece, and io.EOF when there is none.
	next(ctx context.Context) (piece, error)
	// changed returns an error that matches ErrSourceChanged if the source has changed since the upload began.
	changed() error
}

// An input is the content of an upload: a range of known size that is read in place, or a stream.
type input struct {
	at     io.ReaderAt  // nil for a stream
	base   int64        // offset of the range in at, or of the stream in the object
	parts  int          // of a stream: parts before it
	size   int64        // of the range, or of the stream; -1 if unknown
	exact  bool         // a stream of any other size is an error
	intact func() error // returns an error if a file has changed; nil if that cannot be determined
	stream io.Reader    // used if at is nil
	skip   *comparison  // with what OSS holds; nil means that nothing is compared
}

// openInput finds out how src can be read. It does not move the offset of src.
//
// Only these types are read in place: their ReadAt is safe for concurrent use and returns the same bytes as Read. A
// type that embeds one of them may override Read, for example to encrypt or to count, and the ReadAt of any other type
// may move the offset that its Read uses. Both are read as streams.
func openInput(src io.Reader) (input, error) {
	if isNil(src) {
		return input{}, fmt.Errorf("multipart: source is nil (%T)", src)
	}
	var s interface {
		oss.Body
		io.Seeker
	}
	switch src := src.(type) {
	case *os.File:
		return openFileInput(src)
	case *bytes.Reader:
		s = src
	case *strings.Reader:
		s = src
	case *io.SectionReader:
		s = src
	default:
		return input{stream: src, size: -1}, nil
	}
	begin, err := s.Seek(0, io.SeekCurrent)
	if err != nil {
		return input{}, fmt.Errorf("multipart: %w", err)
	}
	return input{at: s, base: begin, size: max(s.Size()-begin, 0)}, nil
}

// isNil reports whether v is nil or a nil pointer.
func isNil(v any) bool {
	p := reflect.ValueOf(v)
	return !p.IsValid() || p.Kind() == reflect.Pointer && p.IsNil()
}

// inspectBody returns an input that reads all of body in place.
func inspectBody(body oss.Body) (input, error) {
	if isNil(body) {
		return input{}, fmt.Errorf("multipart: body is nil (%T)", body)
	}
	size := body.Size()
	if size < 0 {
		return input{}, fmt.Errorf("multipart: size %d of the body is negative", size)
	}
	return input{at: body, size: size}, nil
}

// openFileInput returns an input that reads a regular file in place, from its offset. Any other file is a stream, and
// so is a file that has bytes although its size is 0, as those in /proc.
func openFileInput(f *os.File) (input, error) {
	info, err := f.Stat()
	if err != nil {
		return input{}, fmt.Errorf("multipart: %w", err)
	}
	if info.IsDir() {
		return input{}, fmt.Errorf("multipart: %s is a directory", f.Name())
	}
	if !info.Mode().IsRegular() || info.Size() == 0 && !isEmpty(f) {
		return input{stream: f, size: -1}, nil
	}
	begin, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return input{}, fmt.Errorf("multipart: %w", err)
	}
	intact := func() error { return unchanged(f, info) }
	return input{at: f, base: begin, size: max(info.Size()-begin, 0), intact: intact}, nil
}

// isEmpty reports whether a file has no bytes. It does not move the offset of f.
func isEmpty(f *os.File) bool {
	_, err := f.ReadAt(make([]byte, 1), 0)
	return err == io.EOF
}

// unchanged compares an open file with its earlier state: its size, its modification time and, if the system has one,
// the change time of its inode, which also changes when a program restores the modification time.
func unchanged(f *os.File, was fs.FileInfo) error {
	is, err := f.Stat()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSourceChanged, err)
	}
	if is.Size() != was.Size() {
		return fmt.Errorf("%w: %q had %d bytes and now has %d", ErrSourceChanged, f.Name(), was.Size(), is.Size())
	}
	if !is.ModTime().Equal(was.ModTime()) {
		return fmt.Errorf("%w: %q was written to at %s", ErrSourceChanged, f.Name(),
			is.ModTime().Format(time.RFC3339Nano))
	}
	if at := changeTime(is); !at.Equal(changeTime(was)) || !os.SameFile(is, was) {
		return fmt.Errorf("%w: %q, or its name, owner or mode, was changed at %s",
			ErrSourceChanged, f.Name(), at.Format(time.RFC3339Nano))
	}
	return nil
}

// body returns the whole range as one body.
func (in input) body() oss.Body { return sectionBody{r: in.at, base: in.base, size: in.size} }

// A rangeSource is a source that all workers read in place at the same time.
type rangeSource struct {
	input
	pull func() (Section, bool)
}

// newRangeSource returns a source of the sections of in, and a function that ends the iteration.
func newRangeSource(in input, sections iter.Seq[Section]) (*rangeSource, func()) {
	pull, stop := iter.Pull(sections)
	return &rangeSource{input: in, pull: pull}, stop
}

func (p *rangeSource) next(context.Context) (piece, error) {
	s, ok := p.pull()
	if !ok {
		return piece{}, io.EOF
	}
	return piece{Section: s, body: sectionBody{r: p.at, base: p.base + s.Offset, size: s.Size}, free: func() {}}, nil
}

func (p *rangeSource) changed() error {
	if p.intact == nil {
		return nil
	}
	return p.intact()
}

// A sectionBody is a range of an io.ReaderAt, as an oss.Body. If the data ends before the range does, ReadAt returns an
// error that matches ErrSourceChanged.
type sectionBody struct {
	r          io.ReaderAt
	base, size int64
}

func (w sectionBody) Size() int64 { return w.size }

func (w sectionBody) ReadAt(p []byte, off int64) (int, error) {
	want := p[:max(min(int64(len(p)), w.size-off), 0)]
	n, err := w.r.ReadAt(want, w.base+off)
	switch {
	case n < len(want) && (err == nil || err == io.EOF):
		return n, fmt.Errorf("%w: it ended at byte %d", ErrSourceChanged, w.base+off+int64(n))
	case n < len(want):
		return n, err
	case n < len(p):
		return n, io.EOF
	}
	return n, nil
}

// Region implements zerocopy.Source for regular files and sections of them.
func (w sectionBody) Region(off, n int64, files bool) (zerocopy.Region, error) {
	if !files {
		return zerocopy.Region{}, nil
	}
	f, base := fileOf(w)
	if f == nil {
		return zerocopy.Region{}, nil
	}
	return zerocopy.Region{File: f, Offset: base + off, Size: min(n, w.size-off)}, nil
}

// await runs read, which cannot be interrupted, and returns its error. If ctx ends first, await returns the error of
// ctx and left is true: read continues in its goroutine, and abandoned runs when it returns.
func await(ctx context.Context, read func() error, abandoned func()) (left bool, err error) {
	if err := ctx.Err(); err != nil {
		abandoned()
		return true, err
	}
	done := make(chan error)
	go func() {
		err := read()
		select {
		case done <- err:
		case <-ctx.Done():
			select {
			case done <- err: // the caller is still waiting
			default:
				abandoned()
			}
		}
	}()
	select {
	case err := <-done:
		return false, err
	case <-ctx.Done():
		return true, ctx.Err()
	}
}

// A prefixSource is a source of which the first pieces have been read already.
type prefixSource struct {
	source
	pieces []piece
}

func (q *prefixSource) next(ctx context.Context) (piece, error) {
	if len(q.pieces) == 0 {
		return q.source.next(ctx)
	}
	p := q.pieces[0]
	q.pieces = q.pieces[1:]
	return p, nil
}

// free frees the pieces that next has not returned.
func (q *prefixSource) free() {
	for _, p := range q.pieces {
		p.free()
	}
	q.pieces = nil
}
