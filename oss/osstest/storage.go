package osstest

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync/atomic"
)

// A storage is where bodies are kept. What an object is made of, which parts an upload has and
// when a body is no longer wanted is decided above it; a storage only ever sees whole bodies.
type storage interface {
	// create begins a body. The size is the sender's word, -1 if there is none, and only a hint.
	create(size int64) (sink, error)
	// clear removes every body that is left, unless they are to outlive the Server.
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
func newStorage(o *Options) (storage, error) {
	if o.Dir == "" {
		return newMemory(o.SpillSize), nil
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, err
	}
	own, err := os.MkdirTemp(o.Dir, "osstest-") // so that Servers can share Dir
	if err != nil {
		return nil, err
	}
	return &directory{path: own}, nil
}

// A directory keeps each body in a file of its own, open only while it is written or read.
type directory struct {
	path  string
	stays bool // bodies outlive the Server
	sync  bool // and a loss of power
	last  atomic.Int64
}

// bodyPrefix begins the name of a body's file; a number follows.
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

// allocation is how much disk space is set aside at a time for a body whose length was announced: no more, as
// that is only the sender's word.
const allocation = 64 << 20

type fileSink struct {
	*os.File
	sync      bool
	announced int64 // size, as the sender said it; -1 if he did not
	written   int64
	allocated int64 // negative if that cannot be done
}

func (s *fileSink) Write(p []byte) (int, error) {
	if more := min(s.announced-s.allocated, allocation); s.allocated >= 0 && s.written+int64(len(p)) > s.allocated &&
		more > 1<<20 {
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
		err = s.Truncate(s.written) // which gives the rest back
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

// syncDirectory puts the names of the files in a directory on the disk.
func syncDirectory(path string) error {
	if runtime.GOOS == "windows" {
		return nil // where a directory cannot be synced, and need not be
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

type fileBlob string

func (b fileBlob) open() (blobReader, error) { return os.Open(string(b)) }
func (b fileBlob) remove() error             { return os.Remove(string(b)) }

var (
	errClosed = errors.New("server is closed")
	errInUse  = errors.New("in use by another Server")
)
