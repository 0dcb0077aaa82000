package multipart_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
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
