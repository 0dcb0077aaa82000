package multipart_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"
	"path/filepath"
	"strings"
	"testing/fstest"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// Upload a directory, and leave out what the bucket has already. A program uses os.DirFS("/srv/www") as file system.
func ExampleUploader_UploadFS() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	site := fstest.MapFS{
		"index.html":    {Data: []byte("<h1>Hello</h1>")},
		"css/style.css": {Data: []byte("h1 { color: red }")},
		"css/.draft":    {Data: []byte("unfinished")},
	}

	up := multipart.NewUploader(srv.Client(), nil)
	opts := &multipart.UploadTreeOptions{
		Filter: func(path string, d fs.DirEntry) bool { return !strings.HasPrefix(d.Name(), ".") || path == "." },
		Object: func(string, fs.DirEntry) *oss.ObjectOptions { return &oss.ObjectOptions{StorageClass: oss.StorageIA} },
		Skip:   multipart.SkipIdentical,
	}
	for range 2 {
		var sent, skipped int
		var failed []error
		for f, err := range up.UploadFS(context.Background(), "site", "www", site, opts) {
			switch {
			case err != nil:
				failed = append(failed, fmt.Errorf("%s: %w", f.Path, err))
			case f.Skipped:
				skipped++
			default:
				sent++
			}
		}
		fmt.Println("sent", sent, "skipped", skipped, "failed", errors.Join(failed...))
	}
	fmt.Println(srv.Objects("site"))
	// Output:
	// sent 2 skipped 0 failed <nil>
	// sent 0 skipped 2 failed <nil>
	// [www/css/style.css www/index.html]
}

// Download everything below a prefix. Each object has its own error, so that one of them does not stop the others.
func ExampleDownloader_DownloadTree() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	for _, key := range []string{"photos/2024/cat.jpg", "photos/2025/dog.jpg", "photos/../../etc/passwd"} {
		srv.PutObject("bucket", key, []byte("the bytes of "+key))
	}
	dir, err := os.MkdirTemp("", "photos-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	down := multipart.NewDownloader(srv.Client(), &multipart.DownloadOptions{Concurrency: 1})
	for f, err := range down.DownloadTree(context.Background(), "bucket", "photos", dir, nil) {
		switch {
		case errors.Is(err, multipart.ErrUnsafeKey):
			fmt.Println("left out:", f.Key)
		case err != nil:
			fmt.Println("failed:", err)
		}
	}
	names, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	for _, name := range names {
		fmt.Println(filepath.Base(name))
	}
	fmt.Println(err)
	// Output:
	// left out: photos/../../etc/passwd
	// cat.jpg
	// dog.jpg
	// <nil>
}
