package ossfs_test

import (
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/ossmultipart/go-oss/oss"
)

func TestSysIsWhatOSSTells(t *testing.T) {
	_, fsys := newFS(t, "p", "p/dir/file")
	entries, err := fsys.ReadDir("dir")
	if err != nil || len(entries) != 1 {
		t.Fatal(entries, err)
	}
	listed, err := entries[0].Info()
	if err != nil {
		t.Fatal(err)
	}
	stated, err := fsys.Stat("dir/file")
	if err != nil {
		t.Fatal(err)
	}
	entry, ok := listed.Sys().(*oss.ObjectEntry)
	object, ok2 := stated.Sys().(*oss.ObjectInfo)
	if !ok || !ok2 || entry.Key != "p/dir/file" || object.Key != entry.Key || object.ETag != entry.ETag {
		t.Errorf("Sys = %+v and %+v", listed.Sys(), stated.Sys())
	}
	if !stated.ModTime().Equal(entry.LastModified) || stated.ModTime().IsZero() || stated.Mode() != 0o444 {
		t.Errorf("Stat = %v, want the time %v", stated, entry.LastModified)
	}
	dir, err := fsys.Stat("dir")
	if err != nil {
		t.Fatal(err)
	}
	if e, ok := dir.Sys().(*oss.ObjectEntry); !ok || e.Key != "p/dir/" || !e.IsPrefix ||
		dir.Mode() != fs.ModeDir|0o555 {
		t.Errorf("Stat of a directory = %v with %+v", dir, dir.Sys())
	}
}

func TestAClosedFileIsClosed(t *testing.T) {
	_, fsys := newFS(t, "", "dir/file")
	for _, name := range []string{"dir", "dir/file"} {
		f, err := fsys.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		_, err = f.Read(make([]byte, 1))
		if dir, ok := f.(fs.ReadDirFile); ok {
			_, err = dir.ReadDir(1)
		}
		var problem *fs.PathError
		if !errors.As(err, &problem) || problem.Path != name || !errors.Is(err, fs.ErrClosed) {
			t.Errorf("read of %s after Close = %v, want fs.ErrClosed", name, err)
		}
		if err := f.Close(); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("second Close of %s = %v, want fs.ErrClosed", name, err)
		}
	}
}

// A file that is replaced while it is open does not become a mixture of both.
func TestAFileThatChangesIsAnError(t *testing.T) {
	srv, fsys := newFS(t, "", "file")
	f, err := fsys.Open("file")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := srv.Client().PutObject(t.Context(), bucket, "file", strings.NewReader("elif"), nil); err != nil {
		t.Fatal(err)
	}
	_, err = f.(io.ReaderAt).ReadAt(make([]byte, 2), 1)
	var changed *oss.ChangedError
	var problem *fs.PathError
	if !errors.As(err, &changed) || !errors.As(err, &problem) {
		t.Errorf("ReadAt = %v, want a *oss.ChangedError in an *fs.PathError", err)
	}
}

func TestAWebServerServesRanges(t *testing.T) {
	_, fsys := newFS(t, "site", "site/index.html", "site/a/b.txt")
	for _, tt := range []struct {
		path, byteRange string
		status          int
		want            string
	}{
		{"/", "", 200, "site/index.html"},
		{"/a/b.txt", "bytes=5-6", 206, "a/"},
		{"/nothing", "", 404, "404 page not found\n"},
		{"/" + strings.Repeat("x", 2000), "", 404, "404 page not found\n"},
	} {
		r := httptest.NewRequest(http.MethodGet, tt.path, nil)
		if tt.byteRange != "" {
			r.Header.Set("Range", tt.byteRange)
		}
		w := httptest.NewRecorder()
		http.FileServerFS(fsys).ServeHTTP(w, r)
		if w.Code != tt.status || w.Body.String() != tt.want {
			t.Errorf("GET %.20s = %d %q, want %d %q", tt.path, w.Code, w.Body, tt.status, tt.want)
		}
	}
}
