package multipart_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// Download an object to a file. The file takes its name once its CRC-64 is proved.
func ExampleDownloader_DownloadFile() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	srv.PutObject("backups", "today.tar", make([]byte, 20<<20))
	dir, err := os.MkdirTemp("", "downloads-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	d := multipart.NewDownloader(srv.Client(), nil)
	res, err := d.DownloadFile(context.Background(), "backups", "today.tar", filepath.Join(dir, "today.tar"), nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d bytes in %d ranges, verified: %v\n", res.Size, res.Parts, res.Verified)
	// Output: 20971520 bytes in 3 ranges, verified: true
}

// Continue a download that failed, or whose process was killed: call DownloadFile again.
func ExampleDownloader_DownloadFile_resume() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	srv.PutObject("backups", "today.tar", make([]byte, 40<<20))
	dir, err := os.MkdirTemp("", "downloads-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "today.tar")
	fault := srv.Inject(osstest.Fault{Op: "GetObject", Skip: 3, Effect: osstest.Fail(403, oss.ErrAccessDenied)})

	d := multipart.NewDownloader(srv.Client(), &multipart.DownloadOptions{Concurrency: 1})
	_, err = d.DownloadFile(context.Background(), "backups", "today.tar", path, nil)
	var failed *multipart.DownloadError
	if errors.As(err, &failed) {
		fmt.Printf("first try: %d MiB kept\n", failed.Stored>>20)
	}

	fault.Remove()
	res, err := d.DownloadFile(context.Background(), "backups", "today.tar", path, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("second try: %d ranges, %d of them reused\n", res.Parts, res.Reused)
	// Output:
	// first try: 24 MiB kept
	// second try: 5 ranges, 3 of them reused
}

// Download into memory, or into anything else that implements io.WriterAt.
func ExampleDownloader_Download() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	srv.PutObject("logs", "app.log", []byte("started\n"))
	f, err := os.CreateTemp("", "app.log-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.Remove(f.Name())
	defer f.Close()

	d := multipart.NewDownloader(srv.Client(), nil)
	res, err := d.Download(context.Background(), "logs", "app.log", f, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(res.Size, "bytes, verified:", res.Verified)
	// Output: 8 bytes, verified: true
}

// Read an object from the beginning to the end, while what follows is fetched.
func ExampleDownloader_NewReader() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	srv.PutObject("logs", "app.log", []byte(strings.Repeat("a line of a log\n", 1<<17)))

	r, err := multipart.NewDownloader(srv.Client(), nil).NewReader(context.Background(), "logs", "app.log", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	lines := 0
	s := bufio.NewScanner(r)
	for s.Scan() {
		lines++
	}
	if err := s.Err(); err != nil { // also if the CRC-64 is wrong
		log.Fatal(err)
	}
	fmt.Println(lines, "lines in", r.Result().Parts, "ranges")
	// Output: 131072 lines in 2 ranges
}
