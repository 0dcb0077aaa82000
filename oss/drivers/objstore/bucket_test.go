package ossobjstore_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/thanos-io/objstore"

	"github.com/ossmultipart/go-oss/internal/effort"
	"github.com/ossmultipart/go-oss/oss"
	ossobjstore "github.com/ossmultipart/go-oss/oss/drivers/objstore"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

func newBucket(t *testing.T) (*osstest.Server, *ossobjstore.Bucket) {
	t.Helper()
	srv := osstest.NewServer(&osstest.Options{Buckets: []string{"bucket"}})
	t.Cleanup(func() {
		if n := len(srv.Uploads()); n != 0 {
			t.Errorf("%d unfinished uploads are left", n)
		}
		srv.Close()
	})
	b, err := ossobjstore.New(srv.Client(), "bucket", nil)
	if err != nil {
		t.Fatal(err)
	}
	return srv, b
}

func TestAcceptance(t *testing.T) {
	_, b := newBucket(t)
	objstore.AcceptanceTest(t, b)
}

func TestAcceptanceBelowAPrefix(t *testing.T) {
	_, b := newBucket(t)
	objstore.AcceptanceTest(t, objstore.NewPrefixedBucket(b, "some/prefix"))
}

// The suite uploads 200 MiB, so that only a long run takes all seeds.
func TestAcceptanceOnABadDay(t *testing.T) {
	for seed := range uint64(effort.Of(1, 1, 5)) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv, b := newBucket(t)
				chaos := srv.Inject(osstest.Fault{Effect: osstest.Chaos(seed)})
				objstore.AcceptanceTest(t, b)
				if chaos.Fired() < 10 {
					t.Errorf("%d faults struck, want 10 or more", chaos.Fired())
				}
			})
		})
	}
}

// The provider of objstore itself returns 11 bytes for the range from 1 to the end, and fails the acceptance test:
// https://github.com/thanos-io/objstore/blob/71d60dfee488/providers/oss/oss.go
func TestRanges(t *testing.T) {
	srv, b := newBucket(t)
	srv.PutObject("bucket", "key", []byte("@test-data@"))
	for _, tt := range []struct {
		offset, length int64
		want           string
	}{
		{1, -1, "test-data@"},
		{0, -1, "@test-data@"},
		{0, 1, "@"},
		{10, 1, "@"},
		{3, 9999, "st-data@"},
		{0, 0, ""},
		{5, 0, ""},
	} {
		r, err := b.GetRange(t.Context(), "key", tt.offset, tt.length)
		if err != nil {
			t.Errorf("GetRange(%d, %d): %v", tt.offset, tt.length, err)
			continue
		}
		size, sizeErr := objstore.TryToGetSize(r)
		got, err := io.ReadAll(r)
		r.Close()
		if string(got) != tt.want || err != nil || size != int64(len(tt.want)) || sizeErr != nil {
			t.Errorf("GetRange(%d, %d) = %q, %v, of size %d, %v, want %q",
				tt.offset, tt.length, got, err, size, sizeErr, tt.want)
		}
	}
	for _, r := range [][2]int64{{-1, 1}, {0, -2}, {11, 1}} {
		if _, err := b.GetRange(t.Context(), "key", r[0], r[1]); err == nil {
			t.Errorf("GetRange(%d, %d) succeeds", r[0], r[1])
		}
	}
	if _, err := b.GetRange(t.Context(), "nothing", 0, 0); !b.IsObjNotFoundErr(err) {
		t.Errorf("empty range of nothing: %v", err)
	}
}

func TestEntriesAreSortedAndHaveTheirTime(t *testing.T) {
	srv, b := newBucket(t)
	for _, key := range []string{"dir/", "dir/a.txt", "dir/a/x", "dir/b", "other"} {
		srv.PutObject("bucket", key, nil)
	}
	list := func(opts ...objstore.IterOption) (names []string) {
		err := b.IterWithAttributes(t.Context(), "dir", func(a objstore.IterObjectAttributes) error {
			name := a.Name
			if at, ok := a.LastModified(); ok && time.Since(at) < time.Hour {
				name += " with time"
			}
			names = append(names, name)
			return nil
		}, opts...)
		if err != nil {
			t.Error(err)
		}
		return names
	}
	want := []string{"dir/a.txt with time", "dir/a/", "dir/b with time"}
	if diff := cmp.Diff(want, list(objstore.WithUpdatedAt())); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
	want = []string{"dir/a.txt", "dir/a/x", "dir/b"}
	if diff := cmp.Diff(want, list(objstore.WithRecursiveIter())); diff != "" {
		t.Errorf("objects (-want +got):\n%s", diff)
	}
	stop := errors.New("stop")
	if err := b.Iter(t.Context(), "", func(string) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("Iter = %v, want the error of the callback", err)
	}
}

// A bucket that does not exist is not taken for one without the object, after which Thanos would write a new one.
func TestAMissingBucketIsNoMissingObject(t *testing.T) {
	srv, _ := newBucket(t)
	b, err := ossobjstore.New(srv.Client(), "elsewhere", nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.Get(t.Context(), "key")
	if err == nil || b.IsObjNotFoundErr(err) {
		t.Errorf("Get = %v", err)
	}
	if _, err := b.Exists(t.Context(), "key"); !errors.Is(err, oss.ErrNoSuchBucket) {
		t.Errorf("Exists = %v", err)
	}
	srv.Inject(osstest.Fault{Effect: osstest.Fail(403, oss.ErrAccessDenied)})
	_, err = b.Attributes(t.Context(), "key")
	if !b.IsAccessDeniedErr(fmt.Errorf("wrapped: %w", err)) || b.IsObjNotFoundErr(err) {
		t.Errorf("Attributes without permission = %v", err)
	}
}

func TestContentTypesAreKept(t *testing.T) {
	srv, b := newBucket(t)
	kind := objstore.WithContentType("text/x-test")
	if err := b.Upload(t.Context(), "key", strings.NewReader("{}"), kind); err != nil {
		t.Fatal(err)
	}
	object, _ := srv.Object("bucket", "key")
	if got := object.Header.Get("Content-Type"); got != "text/x-test" {
		t.Errorf("Content-Type = %q", got)
	}
}

// A reader that fails makes no object.
func TestABrokenUploadLeavesNothing(t *testing.T) {
	srv, b := newBucket(t)
	broken := io.MultiReader(strings.NewReader(strings.Repeat("x", 3<<20)), iotest.ErrReader(io.ErrClosedPipe))
	if err := b.Upload(t.Context(), "key", broken); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("Upload = %v, want the error of the reader", err)
	}
	if _, ok := srv.Object("bucket", "key"); ok {
		t.Error("the object exists")
	}
}

func TestNewRefusesBadArguments(t *testing.T) {
	srv, _ := newBucket(t)
	if _, err := ossobjstore.New(nil, "bucket", nil); err == nil {
		t.Error("New takes no Client")
	}
	if _, err := ossobjstore.New(srv.Client(), "Bucket", nil); err == nil {
		t.Error("New takes a name that no bucket has")
	}
}
