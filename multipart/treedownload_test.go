package multipart_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// wantFiles checks that a directory has these files and no others.
func (files tree) wantFiles(t *testing.T, dir string) {
	t.Helper()
	got := make(tree)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		text, err := os.ReadFile(path)
		got[filepath.ToSlash(name)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(got, files) {
		t.Errorf("directory has %.500q, want %.500q", got, files)
	}
}

// downloaded collects the results of DownloadTree by key.
func downloaded(t *testing.T, files iter.Seq2[multipart.DownloadedFile, error]) outcomes {
	t.Helper()
	got := make(outcomes)
	for f, err := range files {
		if _, twice := got[f.Key]; twice {
			t.Errorf("%q is reported twice", f.Key)
		}
		if f.Skipped {
			err = errors.Join(err, errSkipped)
		}
		got[f.Key] = err
	}
	return got
}

func downloader(srv *osstest.Server) *multipart.Downloader {
	return multipart.NewDownloader(srv.Client(), &multipart.DownloadOptions{PartSize: 100})
}

// An object of one part costs one GetObject, and no other request but the listing.
func TestDownloadTreeFetchesEachObjectOnce(t *testing.T) {
	for _, prefix := range []string{"", "tree", "tree/"} {
		inBubble(t, func(t *testing.T, srv *osstest.Server) {
			under := asDirectory(prefix)
			smallTree.put(srv, under)
			if prefix != "" {
				tree{"tree.txt": "beside the tree", "tre": "before it"}.put(srv, "")
			}
			dir := filepath.Join(t.TempDir(), "new", "dir")
			want := make(map[string]error)
			for path := range smallTree {
				want[under+path] = nil
			}
			downloaded(t, downloader(srv).DownloadTree(t.Context(), bucket, prefix, dir, nil)).want(t, want)
			smallTree.wantFiles(t, dir)
			if got, want := count(srv, 0), "map[GetObject:11 HeadObject:1 ListObjectsV2:1]"; got != want {
				t.Errorf("requests %v, want %v", got, want)
			}
		})
	}
}

// The result describes the object, and the file has its time. Objects that end with a slash become directories.
func TestDownloadTreeReturnsTheResultOfEachDownload(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		tree{"p/": "", "p/dir/": "", "p/f": "text", "p/large": string(data(250))}.put(srv, "")
		dir, modified := t.TempDir(), time.Now()
		time.Sleep(time.Hour) // in the bubble
		for f, err := range downloader(srv).DownloadTree(t.Context(), bucket, "p", dir, nil) {
			obj, ok := srv.Object(bucket, f.Key)
			if err != nil || !ok {
				t.Fatal(f, err)
			}
			if want := strings.TrimPrefix(f.Key, "p/"); f.Path != want && f.Path+want != "./" {
				t.Errorf("path of %q is %q", f.Key, f.Path)
			}
			if f.Size != int64(len(obj.Data)) || f.Object.ETag != obj.ETag || f.Object.Key != f.Key || f.Skipped {
				t.Errorf("%+v does not describe the object", f)
			}
			info, err := os.Stat(filepath.Join(dir, f.Path))
			if err != nil || info.IsDir() != strings.HasSuffix(f.Key, "/") {
				t.Errorf("%v, %v", info, err)
			}
			sameTime := info.ModTime().Equal(modified.Truncate(time.Second))
			if !info.IsDir() && (f.CRC64 != obj.CRC64 || !f.Verified || !sameTime) {
				t.Errorf("%s has the time %v, and %+v", f.Path, info.ModTime(), f)
			}
		}
	})
}

// Keys that are no safe paths are errors of their own. Nothing is made outside of the directory, and everything else is
// downloaded. The objects are listed by a hostile server: OSS itself refuses some of the keys.
func downloadTreeNeverLeavesTheDirectory(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		outside := tree{"secret": "untouched"}.write(t)
		dir := filepath.Join(outside, "tree")
		if err := os.Mkdir(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("..", filepath.Join(dir, "out")); err != nil {
			t.Skip(err)
		}
		if err := os.Symlink(filepath.Join("..", "secret"), filepath.Join(dir, "link")); err != nil {
			t.Skip(err)
		}
		unsafe := []string{
			"../secret", "../new", "/etc/passwd", "//x", "a//b", "a/../../secret", "./a", "a/.", "..", ".", "/", "a/x/",
			"z\x00", ".f.oss-part", "f/below",
		}
		files := make(tree)
		want := make(map[string]error)
		for _, key := range unsafe {
			files["p/"+key], want["p/"+key] = "hostile", multipart.ErrUnsafeKey
		}
		files["p/out/secret"], files["p/link"], files["p/f"], files["p/g/h"] = "hostile", "a file now", "f", "h"
		files.put(srv, "")
		for _, key := range []string{"p/link", "p/f", "p/g/h"} {
			want[key] = nil
		}
		got := downloaded(t, downloader(srv).DownloadTree(t.Context(), bucket, "p", dir, nil))
		if err := got["p/out/secret"]; err == nil {
			t.Error("an object was stored behind a link that leads out")
		}
		delete(got, "p/out/secret")
		got.want(t, want)
		if err := os.Remove(filepath.Join(dir, "out")); err != nil {
			t.Fatal(err)
		}
		tree{"secret": "untouched", "tree/link": "a file now", "tree/f": "f", "tree/g/h": "h"}.wantFiles(t, outside)
	})
}

// An object that is a file and the prefix of others is the file, also while it is in flight and for directories.
func downloadTreeTakesAFileForAFile(t *testing.T) {
	for _, delay := range []time.Duration{0, time.Second} {
		inBubble(t, func(t *testing.T, srv *osstest.Server) {
			srv.Inject(osstest.Fault{Op: "GetObject", Key: "a", Effect: osstest.Delay(delay)})
			tree{"a": "file", "a/": "", "a/b": "x", "a/b/c": "x", "a.txt": "beside"}.put(srv, "")
			dir := t.TempDir()
			downloaded(t, downloader(srv).DownloadTree(t.Context(), bucket, "", dir, nil)).want(t, map[string]error{
				"a": nil, "a.txt": nil, "a/": multipart.ErrUnsafeKey, "a/b": multipart.ErrUnsafeKey,
				"a/b/c": multipart.ErrUnsafeKey,
			})
			tree{"a": "file", "a.txt": "beside"}.wantFiles(t, dir)
		})
	}
}

// Where the file system ignores case, the second of two keys is an error: otherwise it would silently replace the
// first.
func downloadTreeRefusesKeysThatDifferInCaseOnly(t *testing.T) {
	defer multipart.IgnoreCase()()
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		files := tree{"A": "1", "B/x": "1", "a": "2", "b/X": "2", "b/y": "y", "\u017f": "long s", "s": "s"}
		files.put(srv, "")
		dir := t.TempDir()
		downloaded(t, downloader(srv).DownloadTree(t.Context(), bucket, "", dir, nil)).want(t, map[string]error{
			"A": nil, "B/x": nil, "a": multipart.ErrUnsafeKey, "b/X": multipart.ErrUnsafeKey, "b/y": nil, "s": nil,
			"\u017f": multipart.ErrUnsafeKey,
		})
	})
}

// What is the same on both sides is found by the listing alone, or with a HeadObject where it cannot tell. Anything
// else is replaced, with its permissions.
func TestDownloadTreeSkips(t *testing.T) {
	for _, skip := range []multipart.Skip{multipart.SkipNothing, multipart.SkipIdentical, multipart.SkipUnchanged} {
		inBubble(t, func(t *testing.T, srv *osstest.Server) {
			files := maps.Clone(smallTree)
			delete(files, "a/c/d.bin")
			files.put(srv, "")
			large := string(data(250))
			u := multipart.NewUploader(srv.Client(), settings(100))
			if _, err := u.Upload(t.Context(), bucket, "large", strings.NewReader(large), nil); err != nil {
				t.Fatal(err)
			}
			files["large"] = large
			dir, opts := t.TempDir(), &multipart.DownloadTreeOptions{Skip: skip}
			got := downloaded(t, downloader(srv).DownloadTree(t.Context(), bucket, "", dir, opts))
			if errors.Join(got.errors()...) != nil {
				t.Fatal(got)
			}
			before := len(srv.Requests())
			got = downloaded(t, downloader(srv).DownloadTree(t.Context(), bucket, "", dir, opts))
			for key, err := range got {
				if (skip != multipart.SkipNothing) != errors.Is(err, errSkipped) {
					t.Errorf("%s: %v", key, err)
				}
			}
			want := map[multipart.Skip]string{
				multipart.SkipNothing:   "map[GetObject:11 HeadObject:1 ListObjectsV2:1]",
				multipart.SkipIdentical: "map[HeadObject:1 ListObjectsV2:1]",
				multipart.SkipUnchanged: "map[ListObjectsV2:1]",
			}[skip]
			if got := count(srv, before); got != want {
				t.Errorf("requests %v, want %v", got, want)
			}

			changed := filepath.Join(dir, "a.txt") // to the same size, at another time
			if err := errors.Join(os.WriteFile(changed, []byte("TEXT"), 0), os.Chmod(changed, 0o640)); err != nil {
				t.Fatal(err)
			}
			got = downloaded(t, downloader(srv).DownloadTree(t.Context(), bucket, "", dir, opts))
			if got["a.txt"] != nil {
				t.Errorf("a.txt: %v", got["a.txt"])
			}
			files.wantFiles(t, dir)
			if info, err := os.Stat(changed); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o640 {
				t.Errorf("%v, %v", info.Mode(), err)
			}
		})
	}
}

func (got outcomes) errors() (all []error) {
	for _, err := range got {
		all = append(all, err)
	}
	return all
}

// One object that fails does not keep the others, an existing file stays as it was, and no temporary file is left.
func downloadTreeContinuesAfterAFailure(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		srv.Inject(osstest.Fault{Op: "GetObject", Key: "refused", Effect: osstest.Fail(403, oss.ErrAccessDenied)})
		srv.Inject(osstest.Fault{Op: "GetObject", Key: "corrupt", Effect: osstest.Corrupt()})
		srv.Inject(osstest.Fault{Op: "GetObject", Key: "once", Times: 1, Effect: osstest.Corrupt()})
		srv.Inject(osstest.Fault{Op: "GetObject", Key: "cut", Times: 1, Effect: osstest.CutReply(3)})
		tree{
			"refused": "new", "corrupt": "new", "once": "new", "cut": "new text", "dir": "new", "ok": "new",
		}.put(srv, "")
		dir := tree{"refused": "old", "corrupt": "old", "dir/file": "old"}.write(t)
		got := downloaded(t, downloader(srv).DownloadTree(t.Context(), bucket, "", dir, nil))
		var damaged *oss.ChecksumError
		var pathError *fs.PathError
		if !errors.Is(got["refused"], oss.ErrAccessDenied) {
			t.Errorf("refused: %v, want %v", got["refused"], oss.ErrAccessDenied)
		}
		if !errors.As(got["corrupt"], &damaged) || !errors.As(got["dir"], &pathError) {
			t.Errorf("corrupt: %v; dir: %v", got["corrupt"], got["dir"])
		}
		for key, err := range got {
			var failed *multipart.DownloadError
			if err != nil && (!errors.As(err, &failed) || failed.Key != key || failed.Path != filepath.Join(dir, key)) {
				t.Errorf("%s: %#v", key, err)
			}
		}
		tree{
			"refused": "old", "corrupt": "old", "dir/file": "old", "once": "new", "cut": "new text", "ok": "new",
		}.wantFiles(t, dir)
	})
}

// What concerns the whole tree is the last pair, without a file, and comes before any request if it can.
func TestDownloadTreeRefusesWhatItCannotDo(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		srv.PutObject(bucket, key, nil)
		file := filepath.Join(tree{"f": ""}.write(t), "f")
		d := downloader(srv)
		for name, files := range map[string]iter.Seq2[multipart.DownloadedFile, error]{
			"bucket":    d.DownloadTree(t.Context(), "B", "", t.TempDir(), nil),
			"prefix":    d.DownloadTree(t.Context(), bucket, "/p", t.TempDir(), nil),
			"no name":   d.DownloadTree(t.Context(), bucket, "", "", nil),
			"a file":    d.DownloadTree(t.Context(), bucket, "", file, nil),
			"below it":  d.DownloadTree(t.Context(), bucket, "", filepath.Join(file, "x"), nil),
			"skip":      d.DownloadTree(t.Context(), bucket, "", t.TempDir(), &multipart.DownloadTreeOptions{Skip: -1}),
			"no client": multipart.NewDownloader(nil, nil).DownloadTree(t.Context(), bucket, "", t.TempDir(), nil),
		} {
			if got := downloaded(t, files); len(got) != 1 || got[""] == nil {
				t.Errorf("%s: %v, want one error", name, got)
			}
		}
		if n := len(srv.Requests()); n > 0 {
			t.Errorf("%d requests were sent", n)
		}
		srv.Inject(osstest.Fault{Op: "ListObjectsV2", Effect: osstest.Fail(403, oss.ErrAccessDenied)})
		got := downloaded(t, d.DownloadTree(t.Context(), bucket, "", t.TempDir(), nil))
		got.want(t, map[string]error{"": oss.ErrAccessDenied})
	})
}

// A loop that ends early, a context that ends and code of the caller that panics end everything. No file is half there,
// and no file or goroutine stays open.
func downloadTreeEndsEarly(t *testing.T) {
	before := openFiles(t)
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		files := make(tree)
		for i := range 100 {
			files[fmt.Sprintf("%02d/f", i)] = "text"
		}
		files.put(srv, "")
		srv.Inject(osstest.Fault{Op: "GetObject", Effect: osstest.Delay(time.Second)})
		d, dir := downloader(srv), t.TempDir()
		for range d.DownloadTree(t.Context(), bucket, "", dir, nil) {
			break
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
		defer cancel()
		got := downloaded(t, d.DownloadTree(ctx, bucket, "", dir, nil))
		if !errors.Is(got[""], context.DeadlineExceeded) || len(got) == len(files)+1 {
			t.Errorf("%d results, the last %v", len(got), got[""])
		}
		func() {
			defer func() {
				if v := recover(); v != "of the caller" {
					t.Errorf("recovered %v", v)
				}
			}()
			filter := func(e oss.ObjectEntry) bool { return e.Key < "50" || panicIf(true) }
			opts := &multipart.DownloadTreeOptions{Filter: filter}
			for range d.DownloadTree(t.Context(), bucket, "", dir, opts) {
			}
		}()
		filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if text, err := os.ReadFile(path); !e.IsDir() && (err != nil || string(text) != "text" || e.Name() != "f") {
				t.Errorf("%s has %q, %v", path, text, err)
			}
			return err
		})
	})
	if after := openFiles(t); after != before {
		t.Errorf("%d files are open, and %d were before", after, before)
	}
}

// Files are paced by the Limiter, counted by Progress, and synced if that is wanted.
func TestDownloadTreeHasTheOptionsOfTheDownloader(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server) {
		tree{"a": strings.Repeat("a", 90), "b": strings.Repeat("b", 90)}.put(srv, "")
		var mu sync.Mutex
		last := make(map[string]multipart.Progress)
		d := multipart.NewDownloader(srv.Client(), &multipart.DownloadOptions{
			PartSize: 100, Concurrency: 1, Limiter: &limiter{perSecond: 10, burst: 20},
			Progress: func(p multipart.Progress) { mu.Lock(); defer mu.Unlock(); last[p.Key] = p },
		})
		began := time.Now()
		got := downloaded(t, d.DownloadTree(t.Context(), bucket, "", t.TempDir(), nil))
		got.want(t, map[string]error{"a": nil, "b": nil})
		if took := time.Since(began); took < 15*time.Second || took > 20*time.Second {
			t.Errorf("180 bytes took %v at 10 a second", took)
		}
		for _, key := range []string{"a", "b"} {
			if p := last[key]; p.Done != 90 || p.Total != 90 {
				t.Errorf("progress of %s ends with %+v", key, p)
			}
		}
		before := len(srv.Requests())
		opts := &multipart.DownloadTreeOptions{Sync: true, Filter: func(e oss.ObjectEntry) bool { return e.Key == "a" }}
		downloaded(t, d.DownloadTree(t.Context(), bucket, "", t.TempDir(), opts)).want(t, map[string]error{"a": nil})
		if got, want := count(srv, before), "map[GetObject:1 HeadObject:1 ListObjectsV2:1]"; got != want {
			t.Errorf("requests %v, want %v", got, want)
		}
	})
}
