package osstest

import (
	"bytes"
	"cmp"
	"math"
	"os"
	"slices"
	"sync"
	"sync/atomic"
)

// memory keeps bodies as byte slices. What is large, and what does not fit beside the others, goes
// to temporary files: so a Server without a Dir can be sent any number of bytes.
type memory struct {
	each, all int64 // the most bytes of one body, and of all
	used      atomic.Int64

	mu     sync.Mutex
	files  *directory // nil until something is too large
	closed bool
}

const (
	defaultSpillSize = 8 << 20
	spillFactor      = 32 // times as much is kept of all bodies as of one
)

func newMemory(spillSize int64) *memory {
	each := cmp.Or(spillSize, defaultSpillSize)
	if each > math.MaxInt64/spillFactor {
		each = -1 // nobody has so much, or means it as a limit
	}
	return &memory{each: each, all: spillFactor * each}
}

// reserve takes n more bytes for a body that has some already, if they are to be had.
func (m *memory) reserve(has, n int64) bool {
	if m.each < 0 { // no limits
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

// free gives n bytes back.
func (m *memory) free(n int64) {
	if m.each >= 0 {
		m.used.Add(-n)
	}
}

// directory returns where files go.
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

// maxHint is the most memory that is set aside on the mere word of a sender where there are no limits.
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

// A memorySink collects in memory, and when that is too much, in a file.
type memorySink struct {
	m        *memory
	data     []byte
	reserved int64
	file     sink // nil as long as the body is in memory
}

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

// spill moves what there is to a file.
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
		s.data = slices.Clone(s.data) // what append reserved in vain would stay for as long as the object
	}
	s.m.free(s.reserved - int64(len(s.data))) // more was announced than sent
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

// A memoryBlob is removed only once, and by the garbage collector: those that read it go on.
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

func (memoryReader) Close() error { return nil }
