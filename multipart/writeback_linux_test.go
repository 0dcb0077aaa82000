//go:build amd64 || arm64 || riscv64 || loong64

package multipart_test

import (
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"unsafe"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// dirtyPages returns how many pages of a range of a file are in memory only and not being written to the disk.
func dirtyPages(t *testing.T, path string, off, n int64) int64 {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0) // only who may write the file may ask
	if err != nil {
		t.Error(err)
		return 0
	}
	defer f.Close()
	const sysCachestat = 451
	in := [2]int64{off, n}
	var out struct{ cached, dirty, writeback, evicted, recentlyEvicted int64 }
	if _, _, err := syscall.Syscall6(sysCachestat, f.Fd(), uintptr(unsafe.Pointer(&in)), uintptr(unsafe.Pointer(&out)),
		0, 0, 0); err != 0 {
		t.Skipf("this system does not tell which pages are dirty: %v", err)
	}
	return out.dirty
}

// The bytes of a DownloadFile are on their way to the disk before the last ones arrive, so that the sync at the end is
// short: with 400 MiB/s to the disk, 512 MiB took 3 s without this, of which the sync took 1.1 s, and 1.6 s with it.
func TestDownloadFileDoesNotLeaveAllWritingToTheSync(t *testing.T) {
	dir := t.TempDir()
	control := filepath.Join(dir, "control")
	if err := os.WriteFile(control, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	if dirtyPages(t, control, 0, 1<<20) == 0 {
		t.Skip("the pages of this file system are never dirty")
	}
	const part, size = 8 << 20, 24 << 20
	f := &failing{at: make(map[string]func(*http.Request) (*http.Response, error))}
	srv := osstest.NewServer(nil)
	defer srv.Close()
	srv.PutObject(bucket, key, make([]byte, size))
	asked := false
	f.at["16777216"] = func(req *http.Request) (*http.Response, error) { // the last range: the others are there
		asked = true
		if n := dirtyPages(t, filepath.Join(dir, partialName), 0, 2*part); n > 0 {
			t.Errorf("%d pages of the first ranges are dirty", n)
		}
		return f.RoundTripper.RoundTrip(req)
	}
	d := multipart.NewDownloader(failingClient(t, srv, f), &multipart.DownloadOptions{PartSize: part, Concurrency: 1})
	if _, err := d.DownloadFile(t.Context(), bucket, key, filepath.Join(dir, "target"), nil); err != nil || !asked {
		t.Errorf("DownloadFile returned %v, and requested the last range: %v", err, asked)
	}
}
