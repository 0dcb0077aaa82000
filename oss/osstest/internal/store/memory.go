package store

import (
	"bytes"
	"cmp"
	"math"
	"os"
	"slices"
	"sync"
	"sync/atomic"
)

// memory is the bodyStore without Options.Dir. It keeps bodies in memory within two limits, and other bodies in
// temporary files.
type memory struct {
	each, all int64 // limits of the bytes of one body and of all bodies; each is negative for no limits
	used      atomic.Int64

	mu     sync.Mutex
	files  *directory // nil until a body exceeds a limit
	closed bool
}

const (
	defaultSpillSize = 8 << 20
	spillFactor      = 32 // limit of all bodies, as a multiple of that of one
)

func newMemory(spillSize int64) *memory {
	each := cmp.Or(spillSize, defaultSpillSize)
	if each > math.MaxInt64/spillFactor {
		each = -1 // more than any machine has
	}
	return &memory{each: each, all: spillFactor * each}
}

// reserve reserves n more bytes for a body that has reserved has bytes, and reports whether the limits allow that.
func (m *memory) reserve(has, n int64) bool {
	if m.each < 0 {
		return true
	}
	if has+n > m.each {
		return false
	}
	if m.used.Add(n) > m.all {
		m.used.Add(-n)
		return false
	}
	return true
}

// free cancels the reservation of n bytes.
func (m *memory) free(n int64) {
	if m.each >= 0 {
		m.used.Add(-n)
	}
}

// directory returns the directory of the temporary files, and makes it when it is needed first.
func (m *memory) directory() (*directory, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, errClosed
	}
	if m.files == nil {
		path, err := os.MkdirTemp("", "osstest-")
		if err != nil {
			return nil, err
		}
		m.files = &directory{path: path}
	}
	return m.files, nil
}

// maxHint is the number of bytes that are allocated at most for an announced size where there are no limits.
const maxHint = 64 << 20

func (m *memory) create(size int64) (sink, error) {
	s := &memorySink{m: m}
	if m.each < 0 {
		size = min(size, maxHint)
	}
	if size <= 0 {
		return s, nil
	}
	if !m.reserve(0, size) {
		return s, s.spill()
	}
	s.data, s.reserved = make([]byte, 0, size), size
	return s, nil
}

func (m *memory) clear() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	if m.files == nil {
		return nil
	}
	return m.files.clear()
}

// A memorySink collects a body in memory until a limit is exceeded, and then in a file.
type memorySink struct {
	m        *memory
	data     []byte
	reserved int64
	file     sink // nil while the body is in memory
}

// Write makes a memorySink an io.Writer.
func (s *memorySink) Write(p []byte) (int, error) {
	if more := int64(len(s.data)+len(p)) - s.reserved; s.file == nil && more > 0 {
		if s.m.reserve(s.reserved, more) {
			s.reserved += more
		} else if err := s.spill(); err != nil {
			return 0, err
		}
	}
	if s.file != nil {
		return s.file.Write(p)
	}
	s.data = append(s.data, p...)
	return len(p), nil
}

// spill moves the body to a file.
func (s *memorySink) spill() error {
	d, err := s.m.directory()
	if err != nil {
		return err
	}
	file, err := d.create(-1)
	if err != nil {
		return err
	}
	if _, err := file.Write(s.data); err != nil {
		file.discard()
		return err
	}
	s.m.free(s.reserved)
	s.data, s.reserved, s.file = nil, 0, file
	return nil
}

func (s *memorySink) keep() (blob, error) {
	if s.file != nil {
		return s.file.keep()
	}
	if cap(s.data)-len(s.data) > len(s.data)/8 {
		s.data = slices.Clone(s.data) // the unused capacity would live as long as the object
	}
	s.m.free(s.reserved - int64(len(s.data))) // the sender may have announced more than it sent
	return &memoryBlob{s.m, s.data}, nil
}

func (s *memorySink) discard() {
	if s.file != nil {
		s.file.discard()
		return
	}
	s.m.free(s.reserved)
	s.data, s.reserved = nil, 0
}

// A memoryBlob is removed once. Its readers can continue, because the garbage collector frees the memory.
type memoryBlob struct {
	m    *memory
	data []byte
}

func (b *memoryBlob) open() (blobReader, error) { return memoryReader{bytes.NewReader(b.data)}, nil }

func (b *memoryBlob) remove() error {
	b.m.free(int64(len(b.data)))
	return nil
}

type memoryReader struct{ *bytes.Reader }

// Close makes a memoryReader a blobReader.
func (memoryReader) Close() error { return nil }
