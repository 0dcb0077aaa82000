package multipart_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

func targetsThatAreNoFilesAreRefusedBeforeAnyRequest(t *testing.T) {
	dir := t.TempDir()
	mk := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	mk(os.Mkdir(filepath.Join(dir, "directory"), 0o700))
	mk(os.Symlink("directory", filepath.Join(dir, "link")))
	mk(os.WriteFile(filepath.Join(dir, "file"), nil, 0o600))
	mk(os.Mkdir(filepath.Join(dir, "planted"), 0o700))
	mk(os.Symlink("../file", filepath.Join(dir, "planted", ".target.oss-part")))
	srv := osstest.NewServer(nil)
	defer srv.Close()
	srv.PutObject(bucket, key, data(1000))
	for _, tt := range []struct{ path, want string }{
		{"directory", "is a directory"}, {"link", "is a directory"},
		{"directory/", "names no file"}, {"", "names no file"},
		{"missing/target", "no such file"}, {"file/target", "not a directory"}, {"..", "names no file"},
		{".", "is a directory"},
		{strings.Repeat("x", 300), "name too long"},
	} {
		path := tt.path
		if path != "" {
			path = dir + "/" + path
		}
		_, err := multipart.NewDownloader(srv.Client(), nil).DownloadFile(t.Context(), bucket, key, path, nil)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("path %.40q: error is %v, want %q", tt.path, err, tt.want)
		}
	}
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
	_, err := multipart.NewDownloader(srv.Client(), nil).DownloadFile(t.Context(), bucket,
		key, dir+"/planted/target", nil)
	if err == nil || !strings.Contains(err.Error(), "no regular file") {
		t.Errorf("a symbolic link in place of the temporary file: %v", err)
	}
	if info, err := os.Stat(filepath.Join(dir, "file")); err != nil || info.Size() != 0 {
		t.Errorf("the file behind the link is %v, %v", info, err)
	}
}

func TestInvalidArgumentsOfADownloaderAreRefusedBeforeAnyRequest(t *testing.T) {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	c := srv.Client()
	for _, tt := range []struct {
		name string
		c    *oss.Client
		opts *multipart.DownloadOptions
		key  string
		open *oss.OpenOptions
	}{
		{"client", nil, nil, key, nil},
		{"part size", c, &multipart.DownloadOptions{PartSize: -1}, key, nil},
		{"large part size", c, &multipart.DownloadOptions{PartSize: oss.MaxPartSize + 1}, key, nil},
		{"concurrency", c, &multipart.DownloadOptions{Concurrency: -1}, key, nil},
		{"memory", c, &multipart.DownloadOptions{MemoryLimit: -1}, key, nil},
		{"memory of less than a part", c, &multipart.DownloadOptions{MemoryLimit: 1<<20 - 1}, key, nil},
		{"limiter", c, &multipart.DownloadOptions{Limiter: (*noLimiter)(nil)}, key, nil},
		{"key", c, nil, "", nil},
		{"Range", c, nil, key, &oss.OpenOptions{Header: http.Header{"range": {"bytes=0-1"}}}},
		{"Accept-Encoding", c, nil, key, &oss.OpenOptions{Header: http.Header{"Accept-Encoding": {"gzip"}}}},
	} {
		d := multipart.NewDownloader(tt.c, tt.opts)
		_, err := d.Download(t.Context(), bucket, tt.key, new(buffer), tt.open)
		_, fileErr := d.DownloadFile(t.Context(), bucket, tt.key, filepath.Join(t.TempDir(), "x"), tt.open)
		_, readErr := d.NewReader(t.Context(), bucket, tt.key, tt.open)
		if err == nil || fileErr == nil || readErr == nil {
			t.Errorf("%s: the errors are %v, %v and %v", tt.name, err, fileErr, readErr)
		}
	}
	if _, err := multipart.NewDownloader(c, nil).Download(t.Context(), bucket, key, nil, nil); err == nil {
		t.Error("a nil target was not refused")
	}
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

type noLimiter struct{}

func (*noLimiter) WaitN(context.Context, int) error { return nil }
