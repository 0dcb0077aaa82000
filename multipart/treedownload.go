package multipart

import (
	"cmp"
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"time"

	"github.com/ossmultipart/go-oss/oss"
)

// DownloadTreeOptions are the options of DownloadTree. The zero value and nil are the defaults.
type DownloadTreeOptions struct {
	// Filter reports whether to download an object. Nil means all. It is called from one goroutine.
	Filter func(oss.ObjectEntry) bool

	// Skip says which objects are not downloaded because the directory has the file already. With SkipUnchanged the
	// modification time of the file must be that of the object, which DownloadTree sets.
	Skip Skip

	// Sync makes DownloadTree write each file to the disk before it reports the file, as DownloadFile does, for one
	// more request per file. By default this applies only to objects of more than one part: after a power failure other
	// files may be empty or missing.
	Sync bool
}

// A DownloadedFile is the result of one object of DownloadTree.
type DownloadedFile struct {
	Path    string // of the file below the directory, with slashes; it ends with one if the object is a directory
	Key     string // of the object
	Skipped bool   // the directory had the file, and nothing was fetched
	DownloadResult
}

// DownloadTree downloads the objects below a prefix to files below a directory, which it creates if it does not exist.
// The path of a file is the rest of the key after the prefix. A slash is added to a prefix that does not end with one.
// DownloadTree yields each file when it is done, in any order. If a file fails, it yields the error with that file and
// continues with the others. An error with a zero DownloadedFile is the last pair: the listing or the directory cannot
// be read, an argument is invalid, or ctx has ended. A loop that ends early cancels the downloads in progress and waits
// for them.
//
// A file takes its name once it is complete, and its CRC-64 is that of the object if OSS told it: an existing file is
// replaced by a whole one, or stays as it was. The file gets the modification time of the object. An object of at most
// one part costs one request. The listing costs one request for 1,000 objects. A larger object is downloaded as by
// DownloadFile, and continues when DownloadTree is called again. Many files are in flight, within the Concurrency of
// the Downloader for all its downloads. Memory does not grow with the number of objects, except where the file system
// ignores the case of names: there a hash of each path is kept.
//
// No file is created outside the directory, whatever the keys are and whatever symbolic links the directory has. These
// objects are not stored, and have an error that matches ErrUnsafeKey:
//
//   - keys with an element that is empty, "." or "..", or that has a zero byte, such as "/a", "a//b" and "a/../b"
//   - on Windows, names of devices, such as "nul.txt", and characters that Windows does not allow or drops
//   - keys that differ from another one only in case, where the file system ignores case
//   - keys below that of an object that is a file, such as "a/b" if there is "a"
//   - keys that end with a slash if the object has bytes; without bytes they become directories
//   - names of the temporary files of downloads, such as ".a.oss-part"
//
// A file system may treat other names as equal too, such as different Unicode forms on macOS. Then one of the files
// remains. A process that is killed leaves temporary files.
//
// See https://help.aliyun.com/en/oss/developer-reference/listobjectsv2 and
// https://help.aliyun.com/en/oss/developer-reference/getobject
func (d *Downloader) DownloadTree(
	ctx context.Context, bucket, prefix, dir string, opts *DownloadTreeOptions,
) iter.Seq2[DownloadedFile, error] {
	t := &treeDownload{d: d, bucket: bucket, dir: dir}
	if opts != nil {
		t.opts = *opts
	}
	invalid := t.check(prefix)
	return func(yield func(DownloadedFile, error) bool) {
		to, err := (*treeDir)(nil), invalid
		if err == nil {
			to, err = openTreeDir(dir)
		}
		if err != nil {
			yield(DownloadedFile{}, err)
			return
		}
		defer to.close() // after all tasks
		type task = treeTask[DownloadedFile]
		walk := func(ctx context.Context, begin func(task) bool) error { return t.walk(ctx, to, begin) }
		runTree(ctx, d.governor.Limit, walk)(yield)
	}
}

// A treeDownload is one call of DownloadTree.
type treeDownload struct {
	d      *Downloader
	bucket string
	prefix string // empty, or with a slash at its end
	dir    string
	opts   DownloadTreeOptions
}

func (t *treeDownload) check(prefix string) (err error) {
	if t.d.err != nil {
		return t.d.err
	}
	if t.prefix, err = treePrefix(t.bucket, prefix); err != nil {
		return err
	}
	if t.dir == "" {
		return errors.New("multipart: directory is empty")
	}
	return t.opts.Skip.check()
}

// walk begins a task for each object.
func (t *treeDownload) walk(ctx context.Context, to *treeDir, begin func(treeTask[DownloadedFile]) bool) error {
	listCtx := t.d.governed(ctx, t.bucket, t.prefix+"probe", nil, nil)
	for e, err := range t.d.client.Objects(listCtx, t.bucket, &oss.ListObjectsOptions{Prefix: t.prefix}) {
		if err != nil {
			return err
		}
		if t.opts.Filter != nil && !t.opts.Filter(e) {
			continue
		}
		task, drop := t.prepare(to, e)
		if !begin(task) {
			drop()
			break
		}
	}
	return ctx.Err()
}

// prepare finds out which file an object becomes. It returns the task that downloads the object, and a function to call
// if the task does not begin.
func (t *treeDownload) prepare(to *treeDir, e oss.ObjectEntry) (task treeTask[DownloadedFile], drop func()) {
	f := DownloadedFile{Path: e.Key[len(t.prefix):], Key: e.Key}
	file, err := t.locate(to, e)
	if err != nil {
		failed := &DownloadError{Bucket: t.bucket, Key: e.Key, Path: t.pathOf(f.Path), Err: err}
		if errors.Is(err, ErrUnsafeKey) {
			f.Path, failed.Path = "", ""
		}
		return func(context.Context) (DownloadedFile, error) { return f, failed }, func() {}
	}
	if file == nil { // a directory
		f.Path = cmp.Or(f.Path, "./")
		f.Object = t.infoOf(e)
		return func(context.Context) (DownloadedFile, error) { return f, nil }, func() {}
	}
	return func(ctx context.Context) (DownloadedFile, error) {
		defer file.release()
		res, skipped, err := t.file(ctx, file, e)
		if res != nil {
			f.DownloadResult, f.Skipped = *res, skipped
		}
		return f, err
	}, file.release
}

// pathOf returns the path of a file for errors.
func (t *treeDownload) pathOf(name string) string {
	return filepath.Join(t.dir, filepath.FromSlash(name))
}

// infoOf returns what a listing tells of an object.
func (t *treeDownload) infoOf(e oss.ObjectEntry) oss.ObjectInfo {
	return oss.ObjectInfo{Bucket: t.bucket, Key: e.Key, Size: e.Size, ETag: e.ETag, LastModified: e.LastModified}
}

// A treeFile is the path of a file that no other object can take.
type treeFile struct {
	root    *os.Root
	path    string // below root
	parent  *os.Root
	name    string // below parent
	release func()
}

// locate returns the file that an object becomes, and creates the directory of that file. If the object is a directory,
// it creates that and returns nil.
func (t *treeDownload) locate(to *treeDir, e oss.ObjectEntry) (*treeFile, error) {
	rel := e.Key[len(t.prefix):]
	if rel == "" && e.Size == 0 { // the directory of the tree itself
		return nil, nil
	}
	name, isDir, err := treePath(rel, runtime.GOOS == "windows")
	if err == nil && isDir && e.Size > 0 {
		err = fmt.Errorf("%w: it ends with a slash, and the object has bytes", ErrUnsafeKey)
	}
	if err == nil {
		err = to.claims.claim(name, isDir)
	}
	if err != nil {
		return nil, err
	}
	if isDir {
		return nil, to.mkdir(name)
	}
	parent, err := to.enter(name)
	if err != nil {
		to.claims.release(name)
		return nil, err
	}
	return &treeFile{root: to.root, path: name, parent: parent.dir, name: path.Base(name), release: func() {
		to.claims.release(name)
		parent.release()
	}}, nil
}

// file downloads an object, unless the directory has the file.
func (t *treeDownload) file(ctx context.Context, to *treeFile, e oss.ObjectEntry) (*DownloadResult, bool, error) {
	j, err := t.d.newDownload(ctx, t.bucket, e.Key, nil)
	if err != nil {
		return nil, false, err
	}
	j.path = t.pathOf(to.path)
	there, err := to.parent.Lstat(to.name)
	switch {
	case err == nil && there.IsDir():
		err := &fs.PathError{Op: "download to", Path: to.path, Err: errors.New("is a directory")}
		return nil, false, j.failed(&transferResult{}, err)
	case err == nil && there.Mode().IsRegular():
		if there.Size() == e.Size && t.opts.Skip != SkipNothing && e.Type != oss.TypeSymlink {
			res, err := t.compare(ctx, j, to, e, there)
			if res != nil || err != nil {
				return res, res != nil, err
			}
		}
	case err == nil:
		there = nil // it is replaced, with all its properties
	case !errors.Is(err, fs.ErrNotExist):
		return nil, false, j.failed(&transferResult{}, err)
	}
	var res *DownloadResult
	if t.opts.Sync || e.Size > cmp.Or(t.d.opts.PartSize, DefaultPartSize) {
		res, err = t.d.downloadTo(ctx, t.bucket, e.Key, to.root, filepath.FromSlash(to.path), nil)
		if err == nil {
			err = to.parent.Chtimes(to.name, time.Time{}, res.Object.LastModified)
		}
	} else {
		res, err = j.fetchWhole(ctx, to.parent, to.name, there, e.Size)
	}
	return res, false, err
}

// compare returns the result of a download that is not needed, because the file has the bytes of the object, or nil.
// there is what the directory has: a file of the size of the object.
func (t *treeDownload) compare(
	ctx context.Context, j *download, f *treeFile, e oss.ObjectEntry, there fs.FileInfo,
) (*DownloadResult, error) {
	res := &DownloadResult{Size: e.Size, Object: t.infoOf(e)}
	if t.opts.Skip == SkipUnchanged {
		if there.ModTime().Truncate(time.Second).Equal(e.LastModified) {
			return res, nil
		}
		return nil, nil
	}
	s, err := f.sums(ctx, isMD5(e.ETag))
	if err != nil {
		return nil, j.failed(&transferResult{}, fmt.Errorf("comparing with the file: %w", err))
	}
	res.CRC64, res.Verified = s.crc, true
	if isMD5(e.ETag) && s.isETag(e.ETag) {
		return res, nil
	}
	info, err := t.d.client.HeadObject(t.d.governed(ctx, t.bucket, e.Key, nil, nil), t.bucket, e.Key, nil)
	if err != nil {
		return nil, j.failed(&transferResult{}, fmt.Errorf("comparing with the file: %w", err))
	}
	if res.Object = *info; info.Size != e.Size || info.CRC64 != s.crc || info.CRC64 == 0 && info.Size > 0 {
		return nil, nil
	}
	return res, nil
}

// sums reads the file of the directory.
func (f *treeFile) sums(ctx context.Context, withMD5 bool) (*sums, error) {
	file, err := f.parent.Open(f.name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var h summer
	if withMD5 {
		h.md5 = md5.New()
	}
	b := steps.Get().(*step)
	defer steps.Put(b)
	return h.sum(ctx, file, b[:])
}
