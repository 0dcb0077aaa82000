package ossfs

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/ossmultipart/go-oss/oss"
)

// A directory is a listing in progress.
type directory struct {
	fsys    *FS
	name    string
	options oss.ListObjectsOptions // of the next page
	page    []oss.ObjectEntry      // not read yet
	last    bool                   // there is no page after this one
	objects []string               // names of objects that may hide a directory to come; see hides
	closed  bool
}

// directory returns the listing of the entries of a directory whose names begin with literal. It sends no request. A
// pageSize of 0 means the most that OSS lists.
func (f *FS) directory(name, literal string, pageSize int) *directory {
	return &directory{fsys: f, name: name, options: oss.ListObjectsOptions{
		Prefix: f.directoryKey(name) + literal, Delimiter: "/", PageSize: pageSize,
	}}
}

// openDirectory opens a directory, with its first page. missing is the error of an earlier request for a file of this
// name, or nil.
func (f *FS) openDirectory(name string, pageSize int, missing error) (*directory, error) {
	if missing != nil && !errors.Is(missing, fs.ErrNotExist) {
		return nil, missing
	}
	d := f.directory(name, "", pageSize)
	if err := d.fetch(); err != nil {
		return nil, err
	}
	if len(d.page) == 0 && (name != "." || f.sub) {
		return nil, cmp.Or(missing, errNoDirectory)
	}
	return d, nil
}

// fetch gets pages until one has entries.
func (d *directory) fetch() error {
	if key := d.options.Prefix; key != "" && oss.CheckObjectName(d.fsys.bucket, key) != nil {
		d.last = true // no key is that long
	}
	for len(d.page) == 0 && !d.last {
		page, err := d.fsys.client.ListObjects(d.fsys.ctx, d.fsys.bucket, &d.options)
		if err != nil {
			return err
		}
		if n := len(page.Entries); n > 0 { // with it ListObjects checks that the next page follows this one
			d.options.After = page.Entries[n-1].Key
		}
		d.page, d.options.Token, d.last = page.Entries, page.Next, page.Next == ""
	}
	return nil
}

// next returns the next entry, or io.EOF. After any other error it can be called again.
func (d *directory) next() (fs.DirEntry, error) {
	for {
		if err := d.fetch(); err != nil {
			return nil, err
		}
		if len(d.page) == 0 {
			return nil, io.EOF
		}
		object := d.page[0]
		d.page = d.page[1:]
		name := strings.TrimPrefix(object.Key, d.fsys.directoryKey(d.name))
		if object.IsPrefix {
			name = strings.TrimSuffix(name, "/")
		}
		if !isElement(name) || d.hides(name, object.IsPrefix) {
			continue
		}
		entry := fs.FileInfoToDirEntry(&info{
			name: name, size: object.Size, modTime: object.LastModified, dir: object.IsPrefix, sys: &object,
		})
		if object.Type == oss.TypeSymlink {
			entry = &link{entry, d.fsys, path.Join(d.name, name)}
		}
		return entry, nil
	}
}

// isElement reports whether name can be an element of a valid name.
func isElement(name string) bool {
	return fs.ValidPath(name) && name != "." && !strings.Contains(name, "/")
}

// hides reports whether an object has the name of this directory. A listing has the object a before the prefix a/, and
// between them only keys that begin with a. So it is enough to remember a chain of names, each of which begins with the
// one before it.
func (d *directory) hides(name string, isPrefix bool) bool {
	for n := len(d.objects); n > 0 && !strings.HasPrefix(name, d.objects[n-1]); n-- {
		d.objects = d.objects[:n-1]
	}
	if isPrefix {
		n := len(d.objects)
		return n > 0 && d.objects[n-1] == name
	}
	d.objects = append(d.objects, name)
	return false
}

// read returns the next n entries, or all if n is not positive, as fs.ReadDirFile defines it.
func (d *directory) read(n int) ([]fs.DirEntry, error) {
	var entries []fs.DirEntry
	for n <= 0 || len(entries) < n {
		entry, err := d.next()
		if err == io.EOF && (n <= 0 || len(entries) > 0) {
			break
		}
		if err != nil {
			return entries, err
		}
		entries = append(entries, entry)
	}
	return entries, nil
}

// ReadDir returns the next n entries in the order of keys, or all if n is not positive.
func (d *directory) ReadDir(n int) ([]fs.DirEntry, error) {
	if d.closed {
		return nil, d.pathError("readdir", fs.ErrClosed)
	}
	entries, err := d.read(n)
	if err != nil && err != io.EOF {
		err = d.pathError("readdir", err)
	}
	return entries, err
}

// Read fails.
func (d *directory) Read([]byte) (int, error) { return 0, d.pathError("read", errIsDirectory) }

// Stat describes the directory.
func (d *directory) Stat() (fs.FileInfo, error) { return d.info(), nil }

// Close ends the listing.
func (d *directory) Close() error {
	if d.closed {
		return d.pathError("close", fs.ErrClosed)
	}
	d.closed = true
	return nil
}

func (d *directory) info() *info {
	sys := &oss.ObjectEntry{Key: d.fsys.directoryKey(d.name), IsPrefix: true}
	return &info{name: path.Base(d.name), dir: true, sys: sys}
}

func (d *directory) pathError(op string, err error) error {
	return &fs.PathError{Op: op, Path: d.name, Err: err}
}

// A link is the entry of a symbolic link. The listing does not describe its target.
type link struct {
	fs.DirEntry
	fsys *FS
	name string
}

// Info describes the target.
func (l *link) Info() (fs.FileInfo, error) { return l.fsys.Stat(l.name) }
