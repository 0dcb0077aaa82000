package multipart

import (
	"bytes"
	"context"
	"crypto/md5"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"

	"github.com/ossmultipart/go-oss/oss"
)

// UploadTreeOptions are the options of UploadFS. The zero value and nil are the defaults.
type UploadTreeOptions struct {
	// Filter reports whether to upload a file, or the files below a directory. Paths are those of package fs. Nil means
	// all. It is called from one goroutine.
	Filter func(path string, d fs.DirEntry) bool

	// Object returns the options of the object of a file. Nil means the defaults for all. Several goroutines call it.
	Object func(path string, d fs.DirEntry) *oss.ObjectOptions

	// Symlinks says what becomes of symbolic links. By default each is an error.
	Symlinks Symlinks

	// Skip says which files are not uploaded because the bucket has them already. The zero value means SkipIdentical if
	// Options.SkipIdentical is set, and otherwise SkipNothing. SkipIdentical and SkipUnchanged list the objects below
	// the prefix, 1,000 with each request, which needs the permission oss:ListObjects. With SkipIdentical an object
	// must also have the properties that its options request: see Options.SkipIdentical. With SkipUnchanged the object
	// must not be older than the file, and files without a modification time are uploaded.
	Skip Skip
}

// An UploadedFile is the result of one file of UploadFS.
type UploadedFile struct {
	Path string // of the file, in the file system
	Key  string // of the object
	Result
}

// UploadFS uploads the files of fsys. The key of a file is the prefix followed by its path. A slash is added to a
// prefix that does not end with one. UploadFS yields each file when it is done, in any order. If a file fails, it
// yields the error with that file and continues with the others. An error with a zero UploadedFile is the last pair:
// the root or the listing cannot be read, an argument is invalid, or ctx has ended. A loop that ends early cancels the
// uploads in progress and waits for them.
//
// A file of os.DirFS or os.Root.FS is uploaded as by UploadFile: it is read in place, and a Store resumes it. Files of
// other file systems are streams. A new file that fits in one part costs one request. Many files are in flight, within
// the Concurrency and the MemoryLimit of the Uploader for all its uploads. UploadFS itself holds the entries of one
// directory for each level, and one page of the listing if there is one. Loops over several trees can run at the same
// time.
//
// Directories are not stored, so empty ones are left out. A file that is not regular, or whose path is not a valid key,
// is an error. SkipIdentical and SkipUnchanged compare with the objects as they are listed. An object that is replaced
// or deleted after that is not noticed.
func (u *Uploader) UploadFS(
	ctx context.Context, bucket, prefix string, fsys fs.FS, opts *UploadTreeOptions,
) iter.Seq2[UploadedFile, error] {
	t := &treeUpload{u: u, bucket: bucket, fsys: fsys}
	if opts != nil {
		t.opts = *opts
	}
	if err := t.check(prefix); err != nil {
		return func(yield func(UploadedFile, error) bool) { yield(UploadedFile{}, err) }
	}
	return runTree(ctx, u.governor.Limit, t.walk)
}

// A treeUpload is one call of UploadFS.
type treeUpload struct {
	u      *Uploader
	bucket string
	prefix string // empty, or with a slash at its end
	fsys   fs.FS
	opts   UploadTreeOptions
}

func (t *treeUpload) check(prefix string) (err error) {
	if t.u.err != nil {
		return t.u.err
	}
	if t.prefix, err = treePrefix(t.bucket, prefix); err != nil {
		return err
	}
	if isNil(t.fsys) {
		return fmt.Errorf("multipart: file system is nil (%T)", t.fsys)
	}
	if s := t.opts.Symlinks; s < SymlinksFail || s > SymlinksFollow {
		return fmt.Errorf("multipart: Symlinks %d is none of SymlinksFail, SymlinksSkip and SymlinksFollow", s)
	}
	if t.opts.Skip == SkipNothing && t.u.opts.SkipIdentical {
		t.opts.Skip = SkipIdentical
	}
	return t.opts.Skip.check()
}

// walk begins a task for each file.
func (t *treeUpload) walk(ctx context.Context, begin func(treeTask[UploadedFile]) bool) error {
	listing := &treeListing{client: t.u.client, bucket: t.bucket, prefix: t.prefix}
	listCtx := t.u.governed(ctx, t.bucket, t.prefix+"probe", nil, nil)
	var failed error
	w := &treeWalk{fsys: t.fsys, filter: t.opts.Filter, symlinks: t.opts.Symlinks}
	w.visit = func(path string, d fs.DirEntry, err error) bool {
		f := UploadedFile{Path: path, Key: t.prefix + path}
		if err == nil {
			err = oss.CheckObjectName(t.bucket, f.Key)
		}
		if err != nil {
			return begin(func(context.Context) (UploadedFile, error) { return f, err })
		}
		var there *oss.ObjectEntry
		if t.opts.Skip != SkipNothing {
			if there, failed = listing.find(listCtx, f.Key); failed != nil {
				return false
			}
		}
		return begin(func(ctx context.Context) (UploadedFile, error) {
			res, err := t.file(ctx, f, d, there)
			if res != nil {
				f.Result = *res
			}
			return f, err
		})
	}
	err := w.walk(ctx)
	if failed != nil {
		return failed
	}
	return err
}

// file uploads one file, unless the object under its key makes that unnecessary.
func (t *treeUpload) file(
	ctx context.Context, f UploadedFile, d fs.DirEntry, there *oss.ObjectEntry,
) (*Result, error) {
	if there != nil && t.opts.Skip == SkipUnchanged {
		info, err := d.Info()
		if err != nil {
			return nil, fmt.Errorf("multipart: %w", err)
		}
		at := info.ModTime()
		if info.Size() == there.Size && !at.IsZero() && !at.After(there.LastModified) && there.Type != oss.TypeSymlink {
			return &Result{ETag: there.ETag, Size: there.Size, Skipped: true}, nil
		}
	}
	var opts *oss.ObjectOptions
	if t.opts.Object != nil {
		opts = t.opts.Object(f.Path, d)
	}
	file, err := t.fsys.Open(f.Path)
	if err != nil {
		return nil, fmt.Errorf("multipart: %w", err)
	}
	defer file.Close()
	in, err := inspectFile(file)
	if err != nil {
		return nil, err
	}
	if there != nil && t.opts.Skip == SkipIdentical {
		in.skip = &comparison{listed: there}
		if in.at == nil && in.size >= 0 {
			in.skip.reread = func(ctx context.Context) (*sums, error) { return t.sumsOf(ctx, f.Path) }
		}
	}
	var stored *os.File
	if t.u.opts.Store != nil {
		stored, _ = file.(*os.File)
	}
	return t.u.upload(ctx, t.bucket, f.Key, in, stored, opts)
}

// inspectFile finds out how a file can be read. A file of the operating system is read in place. The ReadAt method of
// any other may return other bytes than its Read method.
func inspectFile(file fs.File) (input, error) {
	if f, ok := file.(*os.File); ok {
		return openFileInput(f)
	}
	info, err := file.Stat()
	if err != nil {
		return input{}, fmt.Errorf("multipart: %w", err)
	}
	if info.IsDir() {
		return input{}, fmt.Errorf("multipart: %s is a directory", info.Name())
	}
	if size := info.Size(); size > 0 {
		return measure(Sized(file, size))
	}
	var first [1]byte // a size of 0 may mean that it is unknown
	switch _, err := io.ReadFull(file, first[:]); err {
	case io.EOF:
		return inspectBody(bytes.NewReader(nil))
	case nil:
		return input{stream: io.MultiReader(bytes.NewReader(first[:]), file), size: -1}, nil
	default:
		return input{}, fmt.Errorf("multipart: %w", err)
	}
}

// sumsOf reads a file that is not read in place once, for its checksums.
func (t *treeUpload) sumsOf(ctx context.Context, path string) (*sums, error) {
	file, err := t.fsys.Open(path)
	if err != nil {
		return nil, fmt.Errorf("multipart: %w", err)
	}
	defer file.Close()
	buf := t.u.scratch.Get().(*[]byte)
	defer t.u.scratch.Put(buf)
	h := summer{md5: md5.New()}
	return h.sum(ctx, file, *buf)
}
