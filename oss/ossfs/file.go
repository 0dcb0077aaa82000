package ossfs

import (
	"io"
	"io/fs"
	"path"
	"time"

	"github.com/ossmultipart/go-oss/oss"
)

// A file is an open object.
type file struct {
	*oss.ObjectReader
	name string
}

var _ interface {
	fs.File
	io.Seeker
	io.ReaderAt
	oss.ContextBody
} = (*file)(nil)

// Stat describes the object as it was when it was opened.
func (f *file) Stat() (fs.FileInfo, error) {
	object := f.Info()
	return fileInfo(f.name, &object), nil
}

// Read reads from the current position on.
func (f *file) Read(p []byte) (int, error) {
	n, err := f.ObjectReader.Read(p)
	return n, f.pathError("read", err)
}

// Seek sets the position of the next Read.
func (f *file) Seek(offset int64, whence int) (int64, error) {
	at, err := f.ObjectReader.Seek(offset, whence)
	return at, f.pathError("seek", err)
}

// ReadAt reads bytes at an offset.
func (f *file) ReadAt(p []byte, off int64) (int, error) {
	n, err := f.ObjectReader.ReadAt(p, off)
	return n, f.pathError("readat", err)
}

// Close ends reading.
func (f *file) Close() error { return f.pathError("close", f.ObjectReader.Close()) }

func (f *file) pathError(op string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return &fs.PathError{Op: op, Path: f.name, Err: err}
}

// An info describes a file or a directory.
type info struct {
	name    string // the last element
	size    int64  // bytes
	modTime time.Time
	dir     bool
	sys     any
}

func fileInfo(name string, o *oss.ObjectInfo) *info {
	return &info{name: path.Base(name), size: o.Size, modTime: o.LastModified, sys: o}
}

// Name returns the last element of the name.
func (i *info) Name() string { return i.name }

// Size returns the bytes of a file, and 0 for a directory.
func (i *info) Size() int64 { return i.size }

// Mode returns the fixed mode of a file or a directory.
func (i *info) Mode() fs.FileMode {
	if i.dir {
		return fs.ModeDir | 0o555
	}
	return 0o444
}

// ModTime returns when the object was written, to the second.
func (i *info) ModTime() time.Time { return i.modTime }

// IsDir reports whether i is a directory.
func (i *info) IsDir() bool { return i.dir }

// Sys returns the *oss.ObjectEntry or the *oss.ObjectInfo.
func (i *info) Sys() any { return i.sys }

// String returns the info in the form of fs.FormatFileInfo.
func (i *info) String() string { return fs.FormatFileInfo(i) }
