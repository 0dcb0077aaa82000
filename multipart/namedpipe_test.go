//go:build linux || darwin

package multipart_test

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// Opening a named pipe waits for a writer, and only cancelling ends that.
func TestANamedPipeIsAStream(t *testing.T) {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	up := multipart.NewUploader(srv.Client(), nil)
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}

	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err := up.UploadFile(ctx, bucket, key, path, nil)
	wantNothing(t, srv, err, context.DeadlineExceeded)

	w, err := os.OpenFile(path, os.O_RDWR, 0) // does not block, and ends the opens that still do
	if err != nil {
		t.Fatal(err)
	}
	want := data(1 << 20) // more than a pipe holds, so that the writer closes it after the reader has opened it
	go func() {
		defer w.Close()
		if _, err := w.Write(want); err != nil {
			t.Error(err)
		}
	}()
	res, err := up.UploadFile(t.Context(), bucket, key, path, nil)
	wantObject(t, srv, want, res, err)
}
