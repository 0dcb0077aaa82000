package osstest_test

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/ossmultipart/go-oss/internal/effort"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// tempDir makes os.TempDir an empty directory.
func tempDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"TMPDIR", "TMP", "TEMP"} { // Unix has the first, Windows the others
		t.Setenv(name, dir)
	}
	if os.TempDir() != dir {
		t.Skipf("os.TempDir is %s", os.TempDir())
	}
	return dir
}

func TestLargeBodiesGoToTemporaryFiles(t *testing.T) {
	dir := tempDir(t)
	srv := start(t, &osstest.Options{SpillSize: 1000})
	large, small := strings.Repeat("0123456789", 101), strings.Repeat("x", 1000)
	want := func(n int, when string) {
		t.Helper()
		if got := files(t, dir); got != n {
			t.Errorf("%s: %d files, want %d", when, got, n)
		}
	}
	send(t, srv, call{method: "PUT", key: "small", body: small})
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("small bodies need %v, %v", entries, err)
	}
	send(t, srv, call{method: "PUT", key: "large", body: large})
	want(1, "a length that is known")
	send(t, srv, call{method: "PUT", key: "chunked",
		reader: io.MultiReader(strings.NewReader(large), strings.NewReader(large))})
	want(2, "a length that is not")
	send(t, srv, call{method: "PUT", key: "damaged", body: large, header: map[string]string{"Content-MD5": "wrong"}})
	want(2, "a damaged body")
	for key, body := range map[string]string{"small": small, "large": large, "chunked": large + large} {
		if got := send(t, srv, call{method: "GET", key: key}); got.body != body {
			t.Errorf("%s has %d bytes, want %d", key, len(got.body), len(body))
		}
	}
	send(t, srv, call{method: "DELETE", key: "chunked"})
	want(1, "one deleted")
	srv.Close()
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("after Close: %v, %v", entries, err)
	}
}

func TestManySmallBodiesGoToTemporaryFilesToo(t *testing.T) {
	dir := tempDir(t)
	srv := start(t, &osstest.Options{SpillSize: 1000})
	for i := range 40 { // 32 fit
		srv.PutObject("bucket", fmt.Sprint(i), make([]byte, 1000))
	}
	if got := files(t, dir); got != 8 {
		t.Errorf("%d files, want 8", got)
	}
	for i := range 32 {
		send(t, srv, call{method: "DELETE", key: fmt.Sprint(i)})
	}
	for i := range 32 {
		srv.PutObject("bucket", fmt.Sprint("new ", i), make([]byte, 1000))
	}
	if got := files(t, dir); got != 8 {
		t.Errorf("%d files after memory was given back, want 8", got)
	}
	for i := range 32 {
		send(t, srv, call{method: "PUT", key: "damaged", body: "x", header: map[string]string{"Content-MD5": "wrong"}})
		send(t, srv, call{method: "DELETE", key: fmt.Sprint("new ", i)})
	}
	for i := range 32 {
		srv.PutObject("bucket", fmt.Sprint("last ", i), make([]byte, 1000))
	}
	if got := files(t, dir); got != 8 {
		t.Errorf("%d files after damaged bodies, want 8", got)
	}
}

func TestSpillingCanBeTurnedOff(t *testing.T) {
	for _, size := range []int64{-1, 1 << 60, math.MaxInt64} {
		dir := tempDir(t)
		srv := start(t, &osstest.Options{SpillSize: size})
		srv.PutObject("bucket", "key", make([]byte, 9<<20))
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
			t.Errorf("SpillSize %d: %v, %v", size, entries, err)
		}
		if o, _ := srv.Stat("bucket", "key"); o.Size != 9<<20 {
			t.Errorf("SpillSize %d: object has %d bytes", size, o.Size)
		}
	}
}

func TestNothingSpillsAfterClose(t *testing.T) {
	dir := tempDir(t)
	srv := start(t, &osstest.Options{SpillSize: 10})
	srv.Close()
	defer func() {
		if recover() == nil {
			t.Error("PutObject of a large body after Close did not panic")
		}
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
			t.Errorf("%v, %v", entries, err)
		}
	}()
	srv.PutObject("bucket", "key", make([]byte, 11))
}

func TestThousandsOfUploadsAtOnce(t *testing.T) {
	for _, tt := range []struct {
		name string
		n    int
		opts osstest.Options
	}{
		{"in memory", effort.Of(200, 1000, 2000), osstest.Options{}},
		{"spilling", effort.Of(100, 200, 300), osstest.Options{SpillSize: 64}},
		{"persisting", effort.Of(100, 200, 300), osstest.Options{Persist: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			temp := tempDir(t)
			dir := filepath.Join(temp, "dir")
			opts := tt.opts
			opts.MinPartSize = 1
			if opts.Persist {
				opts.Dir = dir
			}
			before := runtime.NumGoroutine()
			srv := start(t, &opts)
			client := srv.Client()
			var wg sync.WaitGroup
			for i := range tt.n {
				wg.Go(func() {
					if err := upload(t, client, fmt.Sprint(i), i%3 == 0); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if left := srv.Uploads(); len(left) != 0 {
				t.Errorf("%d uploads are left", len(left))
			}
			keys := srv.Objects("bucket")
			if want := tt.n - (tt.n+2)/3; len(keys) != want {
				t.Errorf("%d objects, want %d", len(keys), want)
			}
			for _, key := range keys[:min(len(keys), 100)] {
				if o, _ := srv.Object("bucket", key); string(o.Data) != key+strings.Repeat("x", 100) {
					t.Errorf("%s = %q", key, o.Data)
				}
			}
			for _, key := range keys[:min(len(keys), 200)] {
				if err := client.DeleteObject(t.Context(), "bucket", key, nil); err != nil {
					t.Fatal(err)
				}
			}
			srv.Close()
			wantGoroutines(t, before)
			want := 0
			if opts.Persist {
				want = 2 // the lock and the journal
			}
			if n := files(t, temp); n != want {
				t.Errorf("%d files are left, want %d", n, want)
			}
		})
	}
}

// upload uploads an object in two parts, or aborts it.
func upload(t *testing.T, client *oss.Client, key string, abort bool) error {
	up, err := client.InitiateMultipartUpload(t.Context(), "bucket", key, nil)
	if err != nil {
		return err
	}
	one, err := client.UploadPart(t.Context(), up, 1, strings.NewReader(key), nil)
	if err != nil {
		return err
	}
	two, err := client.UploadPart(t.Context(), up, 2, bytes.NewReader(bytes.Repeat([]byte("x"), 100)), nil)
	if err != nil {
		return err
	}
	if abort {
		return client.AbortMultipartUpload(t.Context(), up)
	}
	_, err = client.CompleteMultipartUpload(t.Context(), up, []oss.Part{one, two}, nil)
	return err
}
