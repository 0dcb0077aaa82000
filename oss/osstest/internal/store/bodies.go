package store

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync/atomic"
)

var (
	errClosed = errors.New("server is closed")
	errInUse  = errors.New("in use by another Server")
)

// A BodyWriter stores one body. It ends with Keep or Discard.
type BodyWriter struct {
	sink sink
	n    int64
}

// NewBody begins a body. size is the number of bytes that the sender announced, -1 if unknown; it is only a hint.
func (s *Store) NewBody(size int64) (*BodyWriter, error) {
	to, err := s.bodies.create(size)
	return &BodyWriter{sink: to}, err
}

// Write appends p to the body. Its error is a *WriteError.
func (w *BodyWriter) Write(p []byte) (int, error) {
	n, err := w.sink.Write(p)
	w.n += int64(n)
	if err != nil {
		err = &WriteError{err}
	}
	return n, err
}

// Keep returns the body as a Content with one reference. On an error the body is gone.
func (w *BodyWriter) Keep() (Content, error) {
	b, err := w.sink.keep()
	if err != nil {
		return nil, err
	}
	return newContent(b, w.n), nil
}

// Discard removes the body.
func (w *BodyWriter) Discard() { w.sink.discard() }

// A WriteError says that a body could not be stored. It tells such an error from one of the reader of the bytes.
type WriteError struct{ Err error }

// Error returns the text of Err.
func (e *WriteError) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *WriteError) Unwrap() error { return e.Err }

// A bodyStore is where bodies are kept: in memory or in a directory.
type bodyStore interface {
	// create begins a body. size is what the sender announced, -1 if unknown.
	create(size int64) (sink, error)
	// clear removes every body, unless bodies outlive the Store.
	clear() error
}

// A sink receives one body. It ends with keep or discard.
type sink interface {
	io.Writer
	keep() (blob, error)
	discard()
}

// A blob is the bytes of a body. It never changes, and is safe for concurrent use.
type blob interface {
	open() (blobReader, error)
	remove() error
}

// A blobReader reads a blob.
type blobReader interface {
	io.ReaderAt
	io.Closer
}

// openBodies returns a bodyStore below o.Dir, or in memory if that is empty.
func openBodies(o Options) (bodyStore, error) {
	if o.Dir == "" {
		return newMemory(o.SpillSize), nil
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, err
	}
	own, err := os.MkdirTemp(o.Dir, "osstest-") // several Servers can use one Dir
	if err != nil {
		return nil, err
	}
	return &directory{path: own}, nil
}

// A directory keeps each body in a file of its own, which is open only while it is written or read.
type directory struct {
	path  string
	stays bool // bodies outlive the Store
	sync  bool // and a loss of power
	last  atomic.Int64
}

// bodyPrefix begins the name of every body file; a number follows.
const bodyPrefix = "body-"

func (d *directory) create(size int64) (sink, error) {
	name := bodyPrefix + strconv.FormatInt(d.last.Add(1), 10)
	f, err := os.OpenFile(filepath.Join(d.path, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return &fileSink{File: f, sync: d.sync, announced: size}, nil
}

func (d *directory) clear() error {
	if d.stays {
		return nil
	}
	return os.RemoveAll(d.path)
}

// allocation is the number of bytes of disk space that is allocated at a time for a body of announced size. It is
// bounded because the sender may not send that much.
const allocation = 64 << 20

// A fileSink writes a body to a file.
type fileSink struct {
	*os.File
	sync      bool
	announced int64 // size; -1 if unknown
	written   int64
	allocated int64 // negative if the system cannot allocate
}

// Write allocates disk space ahead of what it writes.
func (s *fileSink) Write(p []byte) (int, error) {
	more := min(s.announced-s.allocated, allocation)
	if s.allocated >= 0 && s.written+int64(len(p)) > s.allocated && more > 1<<20 {
		if allocate(s.File, s.allocated, more) {
			s.allocated += more
		} else {
			s.allocated = -1
		}
	}
	n, err := s.File.Write(p)
	s.written += int64(n)
	return n, err
}

func (s *fileSink) keep() (blob, error) {
	var err error
	if s.allocated > s.written {
		err = s.Truncate(s.written) // frees what was allocated and not written
	}
	if s.sync {
		err = errors.Join(err, s.Sync())
	}
	if err = errors.Join(err, s.Close()); err == nil && s.sync {
		err = syncDirectory(filepath.Dir(s.Name()))
	}
	if err != nil {
		os.Remove(s.Name())
		return nil, err
	}
	return fileBlob(s.Name()), nil
}

// syncDirectory writes the names of the files in a directory to the disk.
func syncDirectory(path string) error {
	if runtime.GOOS == "windows" {
		return nil // directories cannot be synced there, and need not be
	}
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (s *fileSink) discard() {
	s.Close()
	os.Remove(s.Name())
}

// A fileBlob is the path of a body file.
type fileBlob string

func (b fileBlob) open() (blobReader, error) { return os.Open(string(b)) }
func (b fileBlob) remove() error             { return os.Remove(string(b)) }
