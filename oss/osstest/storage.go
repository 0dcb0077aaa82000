package osstest

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync/atomic"
)

// A storage is where bodies are kept. What an object is made of, which parts an upload has and
// when a body is no longer wanted is decided above it; a storage only ever sees whole bodies.
type storage interface {
	// create begins a body. The size is the sender's word, -1 if there is none, and only a hint.
	create(size int64) (sink, error)
	// clear removes every body that is left.
	clear() error
}

// A sink takes in one body. It ends with keep or discard.
type sink interface {
	io.Writer
	keep() (blob, error)
	discard()
}

// A blob is a body that arrived whole. It never changes, and may be read by many at once.
type blob interface {
	open() (blobReader, error)
	remove() error
}

// A blobReader reads a blob at random.
type blobReader interface {
	io.ReaderAt
	io.Closer
}

// newStorage returns a storage in files below dir, or in memory if dir is empty.
func newStorage(dir string) (storage, error) {
	if dir == "" {
		return memory{}, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	own, err := os.MkdirTemp(dir, "osstest-") // so that Servers can share dir
	if err != nil {
		return nil, err
	}
	return &directory{path: own}, nil
}

// memory keeps bodies as byte slices, and leaves their removal to the garbage collector.
type memory struct{}

// maxHint is the most memory that is set aside on the mere word of a sender.
const maxHint = 64 << 20

func (memory) create(size int64) (sink, error) {
	return &memorySink{data: make([]byte, 0, min(max(size, 0), maxHint))}, nil
}

func (memory) clear() error { return nil }

type memorySink struct{ data []byte }

func (s *memorySink) Write(p []byte) (int, error) {
	s.data = append(s.data, p...)
	return len(p), nil
}

func (s *memorySink) keep() (blob, error) {
	if cap(s.data)-len(s.data) > len(s.data)/8 {
		s.data = slices.Clone(s.data) // what append reserved in vain would stay for as long as the object
	}
	return memoryBlob(s.data), nil
}

func (s *memorySink) discard() {}

type memoryBlob []byte

func (b memoryBlob) open() (blobReader, error) { return memoryReader{bytes.NewReader(b)}, nil }
func (b memoryBlob) remove() error             { return nil }

type memoryReader struct{ *bytes.Reader }

func (memoryReader) Close() error { return nil }

// A directory keeps each body in a file of its own, open only while it is written or read.
type directory struct {
	path string
	last atomic.Int64
}

func (d *directory) create(int64) (sink, error) {
	name := "body-" + strconv.FormatInt(d.last.Add(1), 10)
	f, err := os.OpenFile(filepath.Join(d.path, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return fileSink{f}, nil
}

func (d *directory) clear() error { return os.RemoveAll(d.path) }

type fileSink struct{ *os.File }

func (s fileSink) keep() (blob, error) {
	if err := s.Close(); err != nil {
		os.Remove(s.Name())
		return nil, err
	}
	return fileBlob(s.Name()), nil
}

func (s fileSink) discard() {
	s.Close()
	os.Remove(s.Name())
}

type fileBlob string

func (b fileBlob) open() (blobReader, error) { return os.Open(string(b)) }
func (b fileBlob) remove() error             { return os.Remove(string(b)) }
