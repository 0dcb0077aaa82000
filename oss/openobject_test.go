package oss_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

func TestAnObjectReaderIsReadLikeAFile(t *testing.T) {
	srv := newServer(t, nil)
	data := content(1000)
	srv.PutObject("bucket", "key", []byte(data))
	r, err := srv.Client().OpenObject(t.Context(), "bucket", "key", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := iotest.TestReader(r, []byte(data)); err != nil {
		t.Error(err)
	}
	if r.Size() != int64(len(data)) || r.Info().ETag != etag(data) {
		t.Errorf("size %d and %+v", r.Size(), r.Info())
	}
	if at, err := r.Seek(-4, io.SeekEnd); at != 996 || err != nil {
		t.Errorf("Seek = %d, %v", at, err)
	}
	if got, err := io.ReadAll(r); string(got) != data[996:] || err != nil {
		t.Errorf("read %q, %v", got, err)
	}
	if _, err := r.Seek(-1, io.SeekStart); err == nil {
		t.Error("a negative position is taken")
	}
	if _, err := r.Seek(0, 7); err == nil {
		t.Error("an unknown whence is taken")
	}
	if at, err := r.Seek(1<<40, io.SeekStart); at != 1<<40 || err != nil {
		t.Errorf("Seek past the end = %d, %v", at, err)
	}
	if n, err := r.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("Read past the end = %d, %v", n, err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	_, readErr := r.Read(make([]byte, 1))
	_, atErr := r.ReadAt(make([]byte, 1), 0)
	_, seekErr := r.Seek(0, io.SeekStart)
	for _, err := range []error{readErr, atErr, seekErr, r.Close()} {
		if !errors.Is(err, fs.ErrClosed) {
			t.Errorf("after Close: %v, want fs.ErrClosed", err)
		}
	}
}

func TestAnObjectReaderSendsFewRequests(t *testing.T) {
	srv := newServer(t, nil)
	srv.PutObject("bucket", "key", []byte(content(100)))
	r, err := srv.Client().OpenObject(t.Context(), "bucket", "key", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	r.Seek(0, io.SeekEnd)
	r.Seek(0, io.SeekStart) // as net/http finds out a size
	io.CopyN(io.Discard, r, 10)
	r.Seek(0, io.SeekCurrent)
	io.CopyN(io.Discard, r, 10)
	r.Seek(50, io.SeekStart)
	io.CopyN(io.Discard, r, 10)
	r.ReadAt(make([]byte, 10), 95)
	r.ReadAt(make([]byte, 10), 100)
	r.ReadAt(nil, 1)
	if diff := cmp.Diff([]string{"", "bytes=50-", "bytes=95-99"}, ranges(srv)); diff != "" {
		t.Errorf("ranges (-want +got):\n%s", diff)
	}
}

func TestAnObjectReaderReadsOneObject(t *testing.T) {
	srv := newServer(t, nil)
	c := srv.Client()
	srv.PutObject("bucket", "key", []byte("old old"))
	r, err := c.OpenObject(t.Context(), "bucket", "key", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	srv.PutObject("bucket", "key", []byte("new new"))
	var changed *oss.ChangedError
	if _, err := r.ReadAt(make([]byte, 3), 2); !errors.As(err, &changed) || changed.Offset != 2 {
		t.Errorf("ReadAt of a changed object: %v", err)
	}
	if _, err := r.Read(make([]byte, 3)); !errors.As(err, &changed) || changed.ETag != etag("old old") {
		t.Errorf("Read of a changed object: %v", err)
	}
	if _, err := c.OpenObject(t.Context(), "bucket", "none", nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("OpenObject of none: %v", err)
	}
}

func TestAnObjectCanBeSentElsewhere(t *testing.T) {
	srv := newServer(t, nil)
	c := srv.Client()
	data := content(100_000)
	srv.PutObject("bucket", "key", []byte(data))
	r, err := c.OpenObject(t.Context(), "bucket", "key", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var body oss.ContextBody = r
	if _, err := c.PutObject(t.Context(), "other", "copy", body,
		&oss.ObjectOptions{Checksum: oss.ChecksumCRC64}); err != nil {
		t.Fatal(err)
	}
	if got, _ := srv.Object("other", "copy"); !bytes.Equal(got.Data, []byte(data)) {
		t.Errorf("copied %d bytes, want %d", len(got.Data), len(data))
	}
}

func ExampleClient_OpenObject() {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	ctx, client := context.Background(), srv.Client()
	srv.PutObject("bucket", "key", []byte("0123456789"))

	r, err := client.OpenObject(ctx, "bucket", "key", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Close()
	end := make([]byte, 4)
	n, err := r.ReadAt(end, 6)
	fmt.Println(string(end[:n]), err)
	// Output: 6789 <nil>
}
