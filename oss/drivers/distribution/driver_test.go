package ossdistribution

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/google/go-cmp/cmp"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

// inBubble runs f with a server in memory, and a driver.
func inBubble(t *testing.T, f func(t *testing.T, srv *osstest.Server, d *Driver)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		srv := osstest.NewServer(&osstest.Options{Buckets: []string{"images"}})
		defer srv.Close()
		d, err := New(srv.Client(), "images", &Options{Uploads: multipart.Options{PartSize: 128 << 10}})
		if err != nil {
			t.Fatal(err)
		}
		f(t, srv, d)
	})
}

// content returns bytes that tell their offset.
func content(n int) []byte {
	b := make([]byte, 0, n+8)
	for len(b) < n {
		b = binary.BigEndian.AppendUint64(b, uint64(len(b)))
	}
	return b[:n]
}

func TestWalk(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server, d *Driver) {
		for _, key := range []string{"r/a-b/x", "r/a/", "r/a/_layers/1", "r/a/_layers/2", "r/a/_manifests/m", "r/b",
			"s/c"} {
			srv.PutObject("images", key, []byte("x"))
		}
		for i := range 2500 {
			srv.PutObject("images", fmt.Sprintf("big/skip/%04d", i), nil)
		}
		srv.PutObject("images", "big/skip2/x", nil)
		walk := func(from string, answer func(string) error, after string) (visited []string) {
			err := d.Walk(t.Context(), from, func(info storagedriver.FileInfo) error {
				kind := " file"
				if info.IsDir() {
					kind = " dir"
				}
				visited = append(visited, info.Path()+kind)
				return answer(info.Path())
			}, storagedriver.WithStartAfterHint(after))
			if err != nil {
				visited = append(visited, err.Error())
			}
			return visited
		}
		all := func(string) error { return nil }
		skip := func(suffix string, err error) func(string) error {
			return func(path string) error {
				if strings.HasSuffix(path, suffix) {
					return err
				}
				return nil
			}
		}
		for _, tt := range []struct {
			name string
			got  []string
			want []string
		}{
			{"all", walk("/r", all, ""), []string{"/r/a-b dir", "/r/a-b/x file", "/r/a dir", "/r/a/_layers dir",
				"/r/a/_layers/1 file", "/r/a/_layers/2 file", "/r/a/_manifests dir", "/r/a/_manifests/m file",
				"/r/b file"}},
			{"skipping", walk("/r", skip("_layers", storagedriver.ErrSkipDir), ""), []string{"/r/a-b dir",
				"/r/a-b/x file", "/r/a dir", "/r/a/_layers dir", "/r/a/_manifests dir", "/r/a/_manifests/m file",
				"/r/b file"}},
			{"until enough", walk("/r", skip("/a", storagedriver.ErrFilledBuffer), ""),
				[]string{"/r/a-b dir", "/r/a-b/x file", "/r/a dir"}},
			{"until an error", walk("/s", skip("/c", io.ErrClosedPipe), ""),
				[]string{"/s/c file", "oss: io: read/write on closed pipe"}},
			{"after a hint", walk("/r", all, "/r/a/_layers/1"), []string{"/r/a dir", "/r/a/_layers dir",
				"/r/a/_layers/2 file", "/r/a/_manifests dir", "/r/a/_manifests/m file", "/r/b file"}},
			{"after all", walk("/r", all, "/r/z"), nil},
			{"of nothing", walk("/nothing", all, ""), []string{"oss: Path not found: /nothing"}},
			{"of the root", walk("/", skip("", storagedriver.ErrSkipDir), ""),
				[]string{"/big dir", "/r dir", "/s dir"}},
		} {
			if diff := cmp.Diff(tt.want, tt.got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.name, diff)
			}
		}
		before := len(srv.Requests("ListObjectsV2"))
		got := walk("/big", skip("/skip", storagedriver.ErrSkipDir), "")
		if want := []string{"/big/skip dir", "/big/skip2 dir", "/big/skip2/x file"}; !slices.Equal(got, want) {
			t.Errorf("Walk = %q, want %q", got, want)
		}
		if n := len(srv.Requests("ListObjectsV2")) - before; n != 2 {
			t.Errorf("%d requests, want 2: what is skipped is not listed", n)
		}
	})
}

// "/a" is no directory because of "/ab", which the driver that distribution had took for below it.
func TestStat(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server, d *Driver) {
		root, err := d.Stat(t.Context(), "/")
		if err != nil || !root.IsDir() {
			t.Errorf("Stat of the empty root = %v, %v", root, err)
		}
		srv.PutObject("images", "ab/c-d", []byte("x"))
		for _, path := range []string{"/a", "/ab/c", "/ab/c-d/e"} {
			if _, err := d.Stat(t.Context(), path); !errors.As(err, new(storagedriver.PathNotFoundError)) {
				t.Errorf("Stat of %s = %v", path, err)
			}
		}
		if info, err := d.Stat(t.Context(), "/ab"); err != nil || !info.IsDir() {
			t.Errorf("Stat of /ab = %v, %v", info, err)
		}
	})
}

// A registry must not take a bucket that it cannot find or read for an empty one.
func TestAMissingBucketIsNoMissingPath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := osstest.NewServer(&osstest.Options{Buckets: []string{"other"}})
		defer srv.Close()
		d, err := New(srv.Client(), "images", nil)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			_, get := d.GetContent(t.Context(), "/x")
			_, stat := d.Stat(t.Context(), "/x")
			_, root := d.Stat(t.Context(), "/")
			_, list := d.List(t.Context(), "/x")
			_, writer := d.Writer(t.Context(), "/x", true)
			walk := d.Walk(t.Context(), "/x", func(storagedriver.FileInfo) error { return nil })
			for i, err := range []error{get, stat, root, list, writer, walk,
				d.Delete(t.Context(), "/x"), d.Move(t.Context(), "/x", "/y")} {
				if err == nil || errors.As(err, new(storagedriver.PathNotFoundError)) {
					t.Errorf("method %d: %v", i, err)
				}
			}
			srv.SetVersioning("images", false) // creates the bucket
			srv.Inject(osstest.Fault{Effect: osstest.Fail(403, oss.ErrAccessDenied)})
		}
	})
}

func TestDeleteTakesMoreObjectsThanARequest(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *osstest.Server, d *Driver) {
		for i := range 2001 {
			srv.PutObject("images", fmt.Sprintf("dir/%04d", i), nil)
		}
		srv.PutObject("images", "dir", nil)
		if err := d.Delete(t.Context(), "/dir"); err != nil {
			t.Fatal(err)
		}
		checkEmpty(t, srv)
	})
}

func TestNewRefusesBadArguments(t *testing.T) {
	srv := osstest.NewServer(nil)
	defer srv.Close()
	if _, err := New(nil, "images", nil); err == nil {
		t.Error("New takes no Client")
	}
	if _, err := New(srv.Client(), "Images", nil); err == nil {
		t.Error("New takes a name that no bucket has")
	}
	if _, err := New(srv.Client(), "images", &Options{RootDirectory: strings.Repeat("x", 1100)}); err == nil {
		t.Error("New takes a directory that no key can have")
	}
	opts := &Options{Uploads: multipart.Options{PartSize: 1 << 20}}
	if _, err := New(srv.Client(), "images", opts); err != nil || opts.Uploads.Sidecar {
		t.Errorf("New = %v, and its Options are %+v", err, opts)
	}
}
