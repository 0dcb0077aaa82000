// Package ossfs presents a bucket, or the part of it below a prefix, as a read-only file system: an fs.FS.
//
//	site, err := ossfs.New(ctx, client, "bucket", "site/")
//	...
//	http.Handle("/", http.FileServerFS(site))
//
// # Names
//
// The file a/b is the object whose key is the prefix followed by a/b. A directory a exists if any key begins with a/.
// One object with the key a/ is enough, which consoles create for an empty directory; it is not a file itself. The root
// of the FS that New returns always exists, even if no key begins with the prefix.
//
// Some keys are invalid as names, see fs.ValidPath: those with an empty element, such as a//b, and those with the
// element . or .. after the prefix. Directories do not list them, and opening them fails with fs.ErrInvalid. A
// directory with only such keys exists and is empty.
//
// If there are both an object a and keys that begin with a/, then a is a file, and its parent does not list the
// directory. Open, Stat, ReadFile, ReadDir and Sub still find the names below a/.
//
// A symbolic link of OSS is presented as its target. A listing does not describe the target, so the Info method of
// the fs.DirEntry of a link sends a request. If the target does not exist, the error matches fs.ErrNotExist.
//
// # Requests
//
// Open and Stat of a file send one HeadObject, and ReadFile sends one GetObject. If there is no such object, one
// ListObjectsV2 follows, which finds out whether the name is a directory. Listing a directory takes one request for
// every 1,000 entries. Nothing is cached.
package ossfs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/ossmultipart/go-oss/oss"
)

// An FS is a read-only file system: fs.ReadDirFS, fs.StatFS, fs.ReadFileFS, fs.SubFS and fs.GlobFS. Its errors are
// *fs.PathErrors that match fs.ErrNotExist, fs.ErrPermission and fs.ErrInvalid, and from which errors.As extracts the
// *oss.ServiceError. It is safe for concurrent use.
//
// An open file is an io.Seeker, an io.ReaderAt and an oss.Body; see oss.ObjectReader for its requests and checks. An
// open directory is an fs.ReadDirFile, which holds one page of the listing at a time.
//
// All files have the mode 0444 and all directories 0555. The ModTime of a file is in whole seconds, and that of a
// directory is zero. Sys returns a *oss.ObjectEntry for entries of directories and for directories, and a
// *oss.ObjectInfo for files after Open and Stat.
type FS struct {
	ctx    context.Context
	client *oss.Client
	bucket string
	prefix string // of every key: empty, or ends with a slash
	sub    bool   // made by Sub, so that the root exists only if a key begins with prefix
}

var _ interface {
	fs.ReadDirFS
	fs.StatFS
	fs.ReadFileFS
	fs.SubFS
	fs.GlobFS
} = (*FS)(nil)

// New returns the objects of bucket whose keys begin with prefix as a file system. It sends no request. A slash is
// added to a prefix that does not end with one; an empty prefix means the whole bucket. ctx is the context of all
// requests; see WithContext.
func New(ctx context.Context, c *oss.Client, bucket, prefix string) (*FS, error) {
	if c == nil {
		return nil, errors.New("ossfs: the Client is nil")
	}
	if prefix != "" && !strings.HasSuffix(prefix, "/") {
		prefix += "/"
	}
	if err := oss.CheckObjectName(bucket, prefix+"x"); err != nil {
		return nil, fmt.Errorf("ossfs: no object can be below %.80q of bucket %.80q: %w", prefix, bucket, err)
	}
	return &FS{ctx: ctx, client: c, bucket: bucket, prefix: prefix}, nil
}

// WithContext returns the same file system with another context, for example that of an HTTP request.
func (f *FS) WithContext(ctx context.Context) *FS {
	with := *f
	with.ctx = ctx
	return &with
}

var (
	errIsDirectory  = errors.New("is a directory")
	errNotDirectory = errors.New("not a directory")
	errNoDirectory  = fmt.Errorf("%w: no key begins with it and a slash", fs.ErrNotExist)
)

// Open opens a file or a directory.
func (f *FS) Open(name string) (fs.File, error) {
	opened, err := f.open(name)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return opened, nil
}

func (f *FS) open(name string) (fs.File, error) {
	key, err := f.key(name)
	if err != nil {
		return nil, err
	}
	if name != "." {
		var r *oss.ObjectReader
		if r, err = f.client.OpenObject(f.ctx, f.bucket, key, nil); err == nil {
			return &file{r, name}, nil
		}
	}
	return f.openDirectory(name, 0, err)
}

// Stat describes a file or a directory.
func (f *FS) Stat(name string) (fs.FileInfo, error) {
	described, err := f.stat(name)
	if err != nil {
		return nil, &fs.PathError{Op: "stat", Path: name, Err: err}
	}
	return described, nil
}

func (f *FS) stat(name string) (*info, error) {
	key, err := f.key(name)
	if err != nil {
		return nil, err
	}
	if name != "." {
		var object *oss.ObjectInfo
		if object, err = f.client.HeadObject(f.ctx, f.bucket, key, nil); err == nil {
			return fileInfo(name, object), nil
		}
	}
	d, err := f.openDirectory(name, 1, err)
	if err != nil {
		return nil, err
	}
	return d.info(), nil
}

// ReadFile returns the bytes of a file, and verifies them by the CRC-64 of the object.
func (f *FS) ReadFile(name string) ([]byte, error) {
	data, err := f.readFile(name)
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: name, Err: err}
	}
	return data, nil
}

// maxUnread is the number of bytes that ReadFile allocates at most before any have arrived, because the reply may be
// wrong.
const maxUnread = 16 << 20

func (f *FS) readFile(name string) ([]byte, error) {
	key, err := f.key(name)
	switch {
	case err != nil:
		return nil, err
	case name == ".":
		return nil, errIsDirectory
	}
	object, err := f.client.GetObject(f.ctx, f.bucket, key, nil)
	if err != nil {
		if _, err = f.openDirectory(name, 1, err); err == nil {
			err = errIsDirectory
		}
		return nil, err
	}
	defer object.Body.Close()
	var data bytes.Buffer
	data.Grow(int(min(max(object.Size, 0), maxUnread)) + bytes.MinRead)
	_, err = data.ReadFrom(object.Body)
	return data.Bytes(), err
}

// ReadDir returns all entries of a directory, sorted by name. It holds them in memory; the ReadDir method of the
// fs.ReadDirFile that Open returns reads a large directory in steps. If a request fails, ReadDir returns the entries
// before it, and the error.
func (f *FS) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := f.readDir(name)
	if err != nil {
		return entries, &fs.PathError{Op: "readdir", Path: name, Err: err}
	}
	return entries, nil
}

func (f *FS) readDir(name string) ([]fs.DirEntry, error) {
	key, err := f.key(name)
	if err != nil {
		return nil, err
	}
	d, err := f.openDirectory(name, 0, nil)
	if err != nil {
		if errors.Is(err, errNoDirectory) && name != "." {
			if _, err := f.client.HeadObject(f.ctx, f.bucket, key, nil); err == nil {
				return nil, errNotDirectory
			}
		}
		return nil, err
	}
	entries, err := d.read(-1)
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, err
}

// Sub returns the file system below a directory. It sends no request, so a directory that does not exist is found by
// the first call of the result.
func (f *FS) Sub(dir string) (fs.FS, error) {
	_, err := f.key(dir)
	switch {
	case err != nil:
		return nil, &fs.PathError{Op: "sub", Path: dir, Err: err}
	case dir == ".":
		return f, nil
	}
	below := *f
	below.prefix, below.sub = f.directoryKey(dir), true
	return &below, nil
}

// key returns the key of the file called name. It refuses a name that is invalid, and one that no object can have.
func (f *FS) key(name string) (string, error) {
	switch {
	case !fs.ValidPath(name):
		return "", fs.ErrInvalid
	case name == ".":
		return "", nil // never a file
	}
	key := f.prefix + name
	if err := oss.CheckObjectName(f.bucket, key); err != nil {
		return "", fmt.Errorf("%w: %w", fs.ErrNotExist, err)
	}
	return key, nil
}

// directoryKey returns what the keys in a directory begin with.
func (f *FS) directoryKey(name string) string {
	if name == "." {
		return f.prefix
	}
	return f.prefix + name + "/"
}
