package multipart_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// A tree is the bytes of files by their paths.
type tree map[string]string

// write makes the files below a new directory, last changed at a time in the past.
func (files tree) write(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, time.Time{}, time.Unix(9e8, 0)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// put makes the objects of the files.
func (files tree) put(srv *osstest.Server, prefix string) {
	for name, text := range files {
		srv.PutObject(bucket, prefix+name, []byte(text))
	}
}

// wantObjects checks that the bucket has these objects and no others.
func (files tree) wantObjects(t *testing.T, srv *osstest.Server, prefix string) {
	t.Helper()
	got := make(tree)
	for _, key := range srv.Objects(bucket) {
		obj, _ := srv.Object(bucket, key)
		got[key] = string(obj.Data)
	}
	want := make(tree)
	for name, text := range files {
		want[prefix+name] = text
	}
	if !maps.Equal(got, want) {
		t.Errorf("bucket has %.500v, want %.500v", got, want)
	}
}

// outcomes are the results of a tree by path: what became of each file, and the error of the whole under "".
type outcomes map[string]error

var errSkipped = errors.New("skipped")

// uploaded collects the results of UploadFS.
func uploaded(t *testing.T, files iter.Seq2[multipart.UploadedFile, error]) outcomes {
	t.Helper()
	got := make(outcomes)
	for f, err := range files {
		if _, twice := got[f.Path]; twice {
			t.Errorf("%q is reported twice", f.Path)
		}
		if f.Skipped {
			err = errors.Join(err, errSkipped)
		}
		got[f.Path] = err
	}
	return got
}

// want checks that exactly these paths have results, with an error that matches; nil means success.
func (got outcomes) want(t *testing.T, want map[string]error) {
	t.Helper()
	for path, err := range got {
		target, ok := want[path]
		if !ok {
			t.Errorf("%q: %v, want no result", path, err)
		} else if (target == nil) != (err == nil) || !errors.Is(err, target) {
			t.Errorf("%q: %v, want %v", path, err, target)
		}
	}
	for path := range want {
		if _, ok := got[path]; !ok {
			t.Errorf("%q has no result, want %v", path, want[path])
		}
	}
}

// count returns how many requests there were of each operation after the first so many.
func count(srv *osstest.Server, after int) string {
	ops := make(map[string]int)
	for _, op := range requestsAfter(srv, after) {
		ops[op]++
	}
	return fmt.Sprint(ops)
}

var smallTree = tree{
	"a.txt": "text", "a/b.txt": "more text", "a/c/d.bin": strings.Repeat("x", 250), "a-b": "sorts between a and a/",
	"empty": "", "z/z/z/z": "deep", "with blank + %2F": "name", "\u00e9": "composed", "a/\\": "backslash",
}

// New files cost one PutObject each, or the parts of a large one, and no other request.
func TestUploadFSSendsEachFileOnce(t *testing.T) {
	dir := smallTree.write(t)
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	inMemory := make(fstest.MapFS)
	for name, text := range smallTree {
		inMemory[name] = &fstest.MapFile{Data: []byte(text)}
	}
	for name, fsys := range map[string]fs.FS{"os.DirFS": os.DirFS(dir), "os.Root": root.FS(), "memory": inMemory} {
		for _, prefix := range []string{"", "tree", "tree/"} {
			t.Run(name+" "+prefix, func(t *testing.T) {
				inBubble(t, func(t *testing.T, srv *osstest.Server) {
					u := multipart.NewUploader(srv.Client(), settings(100))
					want := make(map[string]error)
					for path := range smallTree {
						want[path] = nil
					}
					uploaded(t, u.UploadFS(t.Context(), bucket, prefix, fsys, nil)).want(t, want)
					smallTree.wantObjects(t, srv, asDirectory(prefix))
					requests := "map[CompleteMultipartUpload:1 InitiateMultipartUpload:1 PutObject:8 UploadPart:3]"
					if got := count(srv, 0); got != requests {
						t.Errorf("requests %v, want %v", got, requests)
					}
				})
			})
		}
	}
}

// asDirectory returns what the keys below a prefix begin with.
func asDirectory(prefix string) string {
	return strings.TrimSuffix(prefix, "/") + strings.Repeat("/", min(len(prefix), 1))
}

// The result of a file is that of its upload.
func TestUploadFSReturnsTheResultOfEachUpload(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		u := multipart.NewUploader(srv.Client(), settings(100))
		for f, err := range u.UploadFS(t.Context(), bucket, "dir", fstest.MapFS{"key.bin": {Data: data(250)}}, nil) {
			if f.Path != "key.bin" || f.Key != "dir/key.bin" {
				t.Errorf("path %q, key %q", f.Path, f.Key)
			}
			wantObject(t, srv, data(250), &f.Result, err)
		}
	})
}

// Whatever is the same on both sides is found with a listing alone, or with a HeadObject where the listing cannot tell.
func TestUploadFSSkips(t *testing.T) {
	dir := smallTree.write(t)
	for _, test := range []struct {
		name   string
		fsys   fs.FS
		skip   multipart.Skip
		object func(string, fs.DirEntry) *oss.ObjectOptions
		want   string
	}{
		{"identical", os.DirFS(dir), multipart.SkipIdentical, nil, "map[HeadObject:1 ListObjectsV2:1]"},
		{"unchanged", os.DirFS(dir), multipart.SkipUnchanged, nil, "map[ListObjectsV2:1]"},
		{"identical streams", hideFiles{os.DirFS(dir)}, multipart.SkipIdentical, nil,
			"map[HeadObject:1 ListObjectsV2:1]"},
		{"same class", os.DirFS(dir), multipart.SkipIdentical, func(string, fs.DirEntry) *oss.ObjectOptions {
			return &oss.ObjectOptions{StorageClass: oss.StorageStandard}
		}, "map[HeadObject:1 ListObjectsV2:1]"},
		{"same type", os.DirFS(dir), multipart.SkipIdentical, func(string, fs.DirEntry) *oss.ObjectOptions {
			return &oss.ObjectOptions{ContentType: "text/plain"}
		}, "map[HeadObject:9 ListObjectsV2:1]"},
	} {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, srv *osstest.Server) {
				u := multipart.NewUploader(srv.Client(), settings(100))
				opts := &multipart.UploadTreeOptions{Skip: test.skip, Object: test.object}
				first := uploaded(t, u.UploadFS(t.Context(), bucket, "p", test.fsys, opts))
				srv.PutObject(bucket, "p/also", nil)
				before := len(srv.Requests())
				got := uploaded(t, u.UploadFS(t.Context(), bucket, "p", test.fsys, opts))
				want := make(map[string]error)
				for path := range first {
					want[path] = errSkipped
				}
				got.want(t, want)
				if got := count(srv, before); got != test.want {
					t.Errorf("requests %v, want %v", got, test.want)
				}
			})
		})
	}
}

// hideFiles hides that the files of an fs.FS are those of the operating system.
type hideFiles struct{ fs.FS }

func (h hideFiles) Open(name string) (fs.File, error) {
	f, err := h.FS.Open(name)
	if d, ok := f.(fs.ReadDirFile); ok {
		if info, err := f.Stat(); err == nil && info.IsDir() {
			return struct{ fs.ReadDirFile }{d}, nil
		}
	}
	return struct{ fs.File }{f}, err
}

// A file that differs in anything is uploaded again, and the others are not.
func TestUploadFSUploadsWhatDiffers(t *testing.T) {
	files := tree{"same": "same", "size": "longer", "bytes": "after!", "new": "new", "large": strings.Repeat("y", 250)}
	dir := files.write(t)
	for skip, want := range map[multipart.Skip]map[string]error{
		multipart.SkipIdentical: {"same": errSkipped, "size": nil, "bytes": nil, "new": nil, "large": errSkipped},
		// By time all of them are older than the objects.
		multipart.SkipUnchanged: {
			"same": errSkipped, "size": nil, "bytes": errSkipped, "new": nil, "large": errSkipped,
		},
	} {
		inBubble(t, func(t *testing.T, srv *osstest.Server) {
			tree{"same": "same", "size": "short", "bytes": "before", "large": files["large"]}.put(srv, "")
			u := multipart.NewUploader(srv.Client(), settings(100))
			opts := &multipart.UploadTreeOptions{Skip: skip}
			uploaded(t, u.UploadFS(t.Context(), bucket, "", os.DirFS(dir), opts)).want(t, want)
			if skip == multipart.SkipIdentical {
				files.wantObjects(t, srv, "")
			}
		})
	}
	t.Run("a file that is newer than the object", func(t *testing.T) {
		inBubble(t, func(t *testing.T, srv *osstest.Server) {
			tree{"f": "old"}.put(srv, "")
			fsys := fstest.MapFS{"f": {Data: []byte("new"), ModTime: time.Now().Add(time.Second)}}
			u := multipart.NewUploader(srv.Client(), nil)
			opts := &multipart.UploadTreeOptions{Skip: multipart.SkipUnchanged}
			uploaded(t, u.UploadFS(t.Context(), bucket, "", fsys, opts)).want(t, map[string]error{"f": nil})
			fsys["f"].ModTime = time.Time{} // unknown
			uploaded(t, u.UploadFS(t.Context(), bucket, "", fsys, opts)).want(t, map[string]error{"f": nil})
		})
	})
	t.Run("an Uploader that skips", func(t *testing.T) {
		inBubble(t, func(t *testing.T, srv *osstest.Server) {
			files.put(srv, "")
			u := multipart.NewUploader(srv.Client(), &multipart.Options{SkipIdentical: true})
			for f, err := range u.UploadFS(t.Context(), bucket, "", os.DirFS(dir), nil) {
				if err != nil || !f.Skipped {
					t.Errorf("%+v, %v", f, err)
				}
			}
		})
	})
}

// Pages of the listing that lie between the files are not requested: ten files cost at most ten pages, however many
// objects there are, and pages that have several of the files cost one request.
func TestUploadFSListsOnlyWhatItCompares(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		files := make(tree)
		for i := range 9000 {
			files[fmt.Sprintf("%04d", i)] = "text"
		}
		files.put(srv, "")
		few := make(tree)
		for _, name := range []string{"0000", "0001", "0500", "4000", "4001", "8999", "9500", "9600"} {
			few[name] = "text"
		}
		u := multipart.NewUploader(srv.Client(), nil)
		opts := &multipart.UploadTreeOptions{Skip: multipart.SkipIdentical}
		got := uploaded(t, u.UploadFS(t.Context(), bucket, "", os.DirFS(few.write(t)), opts))
		want := make(map[string]error)
		for name := range few {
			want[name] = errSkipped
		}
		want["9500"], want["9600"] = nil, nil
		got.want(t, want)
		if got := count(srv, 0); got != "map[ListObjectsV2:3 PutObject:2]" {
			t.Errorf("requests %v", got)
		}
	})
}

// One file that fails does not keep the others, and each has its own error.
func uploadFSContinuesAfterAFailure(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		srv.Inject(osstest.Fault{Op: "PutObject", Key: "b", Effect: osstest.Fail(403, oss.ErrAccessDenied)})
		fsys := fstest.MapFS{
			"a": {}, "b": {}, "c": {}, "dev": {Mode: fs.ModeDevice}, "x" + strings.Repeat("y", 1023): {}, "\\": {},
		}
		u := multipart.NewUploader(srv.Client(), nil)
		got := uploaded(t, u.UploadFS(t.Context(), bucket, "", fsys, nil))
		if err := got["b"]; !errors.Is(err, oss.ErrAccessDenied) || len(got) != 6 {
			t.Errorf("results are %v", got)
		}
		for path, text := range map[string]string{
			"dev": "no regular file", "\\": "begins with a slash", "x" + strings.Repeat("y", 1023): "bytes",
		} {
			if err := got[path]; err == nil || !strings.Contains(err.Error(), text) {
				t.Errorf("%.10q: %v, want %q", path, err, text)
			}
		}
		tree{"a": "", "c": ""}.wantObjects(t, srv, "")
	})
}

// What concerns the whole tree is the last pair, without a file, and comes before any request if it can.
func TestUploadFSRefusesWhatItCannotDo(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		ok, c := fstest.MapFS{"a": {}}, t.Context()
		u, bad := multipart.NewUploader(srv.Client(), nil), multipart.NewUploader(nil, nil)
		for name, files := range map[string]iter.Seq2[multipart.UploadedFile, error]{
			"bucket":   u.UploadFS(c, "B", "", ok, nil),
			"prefix":   u.UploadFS(c, bucket, "/p", ok, nil),
			"nil":      u.UploadFS(c, bucket, "", nil, nil),
			"root":     u.UploadFS(c, bucket, "", os.DirFS("/does/not/exist"), nil),
			"client":   bad.UploadFS(c, bucket, "", ok, nil),
			"skip":     u.UploadFS(c, bucket, "", ok, &multipart.UploadTreeOptions{Skip: 9}),
			"symlinks": u.UploadFS(c, bucket, "", ok, &multipart.UploadTreeOptions{Symlinks: -1}),
		} {
			if got := uploaded(t, files); len(got) != 1 || got[""] == nil {
				t.Errorf("%s: %v, want one error", name, got)
			}
		}
		if n := len(srv.Requests()); n > 0 {
			t.Errorf("%d requests were sent", n)
		}
		srv.Inject(osstest.Fault{Op: "ListObjectsV2", Effect: osstest.Fail(403, oss.ErrAccessDenied)})
		opts := &multipart.UploadTreeOptions{Skip: multipart.SkipIdentical}
		uploaded(t, u.UploadFS(c, bucket, "", ok, opts)).want(t, map[string]error{"": oss.ErrAccessDenied})
	})
}

// A loop that ends early, a context that ends and code of the caller that panics end everything, and leave nothing.
func uploadFSEndsEarly(t *testing.T) {
	fsys := make(fstest.MapFS)
	for i := range 100 {
		fsys[fmt.Sprintf("%02d/large", i)] = &fstest.MapFile{Data: data(250)}
	}
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		srv.Inject(osstest.Fault{Op: "UploadPart", Effect: osstest.Delay(time.Second)})
		u := multipart.NewUploader(srv.Client(), settings(100))
		for range u.UploadFS(t.Context(), bucket, "", fsys, nil) {
			break
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
		defer cancel()
		got := uploaded(t, u.UploadFS(ctx, bucket, "", fsys, nil))
		if !errors.Is(got[""], context.DeadlineExceeded) || len(got) == len(fsys)+1 {
			t.Errorf("%d results, the last %v", len(got), got[""])
		}
		for _, opts := range []multipart.UploadTreeOptions{
			{Filter: func(path string, _ fs.DirEntry) bool { return path < "50" || panicIf(true) }},
			{Object: func(path string, _ fs.DirEntry) *oss.ObjectOptions { panicIf(path > "10"); return nil }},
		} {
			func() {
				defer func() {
					if v := recover(); v != "of the caller" {
						t.Errorf("recovered %v", v)
					}
				}()
				for range u.UploadFS(t.Context(), bucket, "", fsys, &opts) {
				}
			}()
		}
		func() {
			defer func() { recover() }()
			for range u.UploadFS(t.Context(), bucket, "", fsys, nil) {
				panicIf(true)
			}
		}()
		if slots, bytes := u.InUse(); slots != 0 || bytes != 0 {
			t.Errorf("%d slots and %d bytes are in use", slots, bytes)
		}
		time.Sleep(time.Hour) // in the bubble
		for s, err := range u.Sweep(t.Context(), bucket, &multipart.SweepOptions{OlderThan: time.Minute}) {
			if err != nil || s.Parts > 0 { // without parts, OSS may have got the request after the loop had ended
				t.Errorf("left behind: %+v, %v", s, err)
			}
		}
	})
}

func panicIf(really bool) bool {
	if really {
		panic("of the caller")
	}
	return false
}

// Links are errors, left out or followed, and never loop.
func uploadFSFollowsNoLinkUnasked(t *testing.T) {
	dir := tree{"file": "text", "dir/in": "in", "dir/sub/deep": "deep"}.write(t)
	out := tree{"secret": "outside"}.write(t)
	for name, target := range map[string]string{
		"to-file": "file", "to-dir": "dir", "dir/up": "..", "dir/sub/self": ".", "broken": "nowhere",
		"out": filepath.Join(out, "secret"),
	} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Skip(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	plain := []string{"file", "dir/in", "dir/sub/deep"}
	links := []string{"to-file", "to-dir", "dir/up", "dir/sub/self", "broken", "out"}
	followed := []string{"to-file", "to-dir/in", "to-dir/sub/deep"}
	cycles := []string{"dir/up", "dir/sub/self", "to-dir/up", "to-dir/sub/self", "broken"}
	for _, test := range []struct {
		name     string
		fsys     fs.FS
		symlinks multipart.Symlinks
		ok, bad  []string
	}{
		{"fail", os.DirFS(dir), multipart.SymlinksFail, plain, links},
		{"skip", os.DirFS(dir), multipart.SymlinksSkip, plain, nil},
		{"follow", os.DirFS(dir), multipart.SymlinksFollow, slices.Concat(plain, followed, []string{"out"}), cycles},
		{"follow within a root", root.FS(), multipart.SymlinksFollow, slices.Concat(plain, followed),
			append(cycles, "out")},
	} {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, srv *osstest.Server) {
				u := multipart.NewUploader(srv.Client(), nil)
				opts := &multipart.UploadTreeOptions{Symlinks: test.symlinks}
				got := uploaded(t, u.UploadFS(t.Context(), bucket, "", test.fsys, opts))
				for path, err := range got {
					if !slices.Contains(test.ok, path) && err == nil || !slices.Contains(test.bad, path) && err != nil {
						t.Errorf("%s: %v", path, err)
					}
				}
				if len(got) != len(test.ok)+len(test.bad) {
					t.Errorf("%d results, want %d: %v", len(got), len(test.ok)+len(test.bad), got)
				}
			})
		})
	}
}

// The filter sees files and directories, and a directory that it leaves out is not read.
func TestUploadFSFilter(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		fsys := fstest.MapFS{"a/x": {}, "b/x": {}, "b/y.tmp": {}, "c": {}}
		opts := &multipart.UploadTreeOptions{Filter: func(path string, d fs.DirEntry) bool {
			if strings.HasPrefix(path, "a/") {
				t.Errorf("%s is below a directory that was left out", path)
			}
			return path != "a" && !strings.HasSuffix(path, ".tmp")
		}}
		u := multipart.NewUploader(srv.Client(), nil)
		uploaded(t, u.UploadFS(t.Context(), bucket, "", fsys, opts)).want(t, map[string]error{"b/x": nil, "c": nil})
	})
}

// Files are in flight side by side, within the Concurrency of the Uploader, and a slow loop holds them back.
func TestUploadFSKeepsTheLimits(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		srv.Inject(osstest.Fault{Op: "PutObject", Effect: osstest.Delay(time.Second)})
		fsys := make(fstest.MapFS)
		for i := range 40 {
			fsys[fmt.Sprint(i)] = &fstest.MapFile{Data: bytes.Repeat([]byte{'x'}, 10)}
		}
		began := time.Now()
		u := multipart.NewUploader(srv.Client(), &multipart.Options{Concurrency: 4})
		for _, err := range u.UploadFS(t.Context(), bucket, "", fsys, nil) {
			if slots, _ := u.InUse(); slots > 4 || err != nil {
				t.Errorf("%d in flight, %v", slots, err)
			}
		}
		if took := time.Since(began).Round(time.Second); took != 10*time.Second {
			t.Errorf("40 files of a second each, 4 in flight, took %v", took)
		}
		for range u.UploadFS(t.Context(), bucket, "again", fsys, nil) {
			time.Sleep(time.Hour) // in the bubble
			if n := len(srv.Requests("PutObject")); n > 40+9 {
				t.Errorf("%d were sent while the loop had the first", n-40)
			}
			break
		}
	})
}
