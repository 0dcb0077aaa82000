package ossfs_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/ossfs"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

const bucket = "bucket"

// newFS returns a file system of the keys below prefix, with the given objects, each of which has its key as content.
// Prefix and keys are those of the bucket.
func newFS(t *testing.T, prefix string, keys ...string) (*osstest.Server, *ossfs.FS) {
	t.Helper()
	srv := osstest.NewServer(nil)
	t.Cleanup(srv.Close)
	for _, key := range keys {
		srv.PutObject(bucket, key, []byte(key))
	}
	fsys, err := ossfs.New(t.Context(), srv.Client(), bucket, prefix)
	if err != nil {
		t.Fatal(err)
	}
	return srv, fsys
}

// walk returns the names of all files, and of all directories with a slash behind, the root aside.
func walk(t *testing.T, fsys fs.FS) []string {
	t.Helper()
	var list []string
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name == ".":
		case d.IsDir():
			list = append(list, name+"/")
		default:
			list = append(list, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// tree is what TestFS reads: files beside directories in both orders of bytes, an empty file, an empty directory, names
// with the characters of patterns and of URLs, and objects outside of the prefix.
var tree = []string{
	"site/index.html", "site/a.txt", "site/a/b.txt", "site/a/c/d/e", "site/a-b", "site/a0/x", "site/empty/",
	"site/100%/x?y=1&z#1", "site/[x/*", "site/ space /\u00e9\u4e16", "other/file", "site.txt",
}

var treeNames = []string{
	"index.html", "a.txt", "a/b.txt", "a/c/d/e", "a-b", "a0/x", "empty", "100%/x?y=1&z#1", "[x/*",
	" space /\u00e9\u4e16",
}

func TestStandardSuitePasses(t *testing.T) {
	_, fsys := newFS(t, "site", tree...)
	if err := fstest.TestFS(fsys, treeNames...); err != nil {
		t.Error(err)
	}
	_, whole := newFS(t, "", tree...)
	if err := fstest.TestFS(whole, "site.txt", "other/file", "site/a/c/d/e"); err != nil {
		t.Error(err)
	}
	if n := len(walk(t, fsys)); n != 17 {
		t.Errorf("WalkDir finds %d names, want 10 files and 7 directories", n)
	}
}

func TestStandardSuitePassesOnABadDay(t *testing.T) {
	for seed := range uint64(5) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv, fsys := newFS(t, "site", tree...)
				chaos := srv.Inject(osstest.Fault{Effect: osstest.Chaos(seed)})
				if err := fstest.TestFS(fsys, treeNames...); err != nil {
					t.Error(err)
				}
				if chaos.Fired() < 20 {
					t.Errorf("%d faults struck, want 20 or more", chaos.Fired())
				}
			})
		})
	}
}

func TestErrorsAreThoseOfPackageFS(t *testing.T) {
	srv, fsys := newFS(t, "p", "p/dir/file")
	long := strings.Repeat("x", 1022)
	nowhere, err := fsys.Sub("nothing")
	if err != nil {
		t.Fatal(err)
	}
	calls := map[string]func(string) error{
		"Open":             func(name string) error { _, err := fsys.Open(name); return err },
		"Stat":             func(name string) error { _, err := fsys.Stat(name); return err },
		"ReadFile":         func(name string) error { _, err := fsys.ReadFile(name); return err },
		"ReadDir":          func(name string) error { _, err := fsys.ReadDir(name); return err },
		"Sub":              func(name string) error { _, err := fsys.Sub(name); return err },
		"Stat of a Sub":    func(name string) error { _, err := fs.Stat(nowhere, name); return err },
		"ReadDir of a Sub": func(name string) error { _, err := fs.ReadDir(nowhere, name); return err },
	}
	for _, tt := range []struct {
		call, name string
		want       error
	}{
		{"Open", "nothing", fs.ErrNotExist},
		{"Open", "dir/file/x", fs.ErrNotExist},
		{"Open", "di", fs.ErrNotExist},     // the beginning of a name
		{"Open", long, fs.ErrNotExist},     // longer than a key
		{"Stat", long[1:], fs.ErrNotExist}, // as long as a key, with no space for a slash
		{"Stat", "nothing", fs.ErrNotExist},
		{"ReadFile", "nothing", fs.ErrNotExist},
		{"ReadFile", "/dir/file", fs.ErrInvalid},
		{"ReadDir", "nothing", fs.ErrNotExist},
		{"ReadDir of a Sub", ".", fs.ErrNotExist},
		{"Stat of a Sub", ".", fs.ErrNotExist},
		{"Sub", "dir/", fs.ErrInvalid},
	} {
		err := calls[tt.call](tt.name)
		var problem *fs.PathError
		if !errors.As(err, &problem) || !errors.Is(err, tt.want) {
			t.Errorf("%s(%.20q) = %v, want an *fs.PathError that matches %v", tt.call, tt.name, err, tt.want)
		}
	}
	for _, err := range []error{calls["ReadFile"]("dir"), calls["ReadFile"]("."), calls["ReadDir"]("dir/file")} {
		if err == nil || !strings.HasSuffix(err.Error(), "a directory") || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("error = %v, want one about a directory", err)
		}
	}
	srv.Inject(osstest.Fault{Effect: osstest.Fail(403, oss.ErrAccessDenied)})
	before := len(srv.Requests())
	_, err = fsys.Stat("dir")
	var refused *oss.ServiceError
	if !errors.Is(err, fs.ErrPermission) || !errors.As(err, &refused) || len(srv.Requests()) != before+1 {
		t.Errorf("Stat = %v after %d requests, want fs.ErrPermission after 1", err, len(srv.Requests())-before)
	}
	if got, err := fsys.Glob("dir/*"); err == nil {
		t.Errorf("Glob without permission = %v, want an error", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := fsys.WithContext(ctx).Stat("dir"); !errors.Is(err, context.Canceled) {
		t.Errorf("Stat with a cancelled context = %v", err)
	}
}

func TestTheRootOfABucketExists(t *testing.T) {
	srv := osstest.NewServer(&osstest.Options{Buckets: []string{bucket}})
	defer srv.Close()
	fsys, err := ossfs.New(t.Context(), srv.Client(), bucket, "nothing/here")
	if err != nil {
		t.Fatal(err)
	}
	if err := fstest.TestFS(fsys); err != nil {
		t.Error(err)
	}
	elsewhere, err := ossfs.New(t.Context(), srv.Client(), "elsewhere", "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := elsewhere.Stat("."); !errors.Is(err, fs.ErrNotExist) || !errors.Is(err, oss.ErrNoSuchBucket) {
		t.Errorf("Stat in a bucket that does not exist = %v", err)
	}
}

func TestNewRefusesWhatNoKeyCanBeginWith(t *testing.T) {
	client := osstest.NewServer(nil).Client()
	for _, tt := range []struct {
		client         *oss.Client
		bucket, prefix string
	}{
		{nil, bucket, ""},
		{client, "Bucket", ""},
		{client, bucket, "/"},
		{client, bucket, "\xff"},
		{client, bucket, strings.Repeat("x", 1023)},
	} {
		if _, err := ossfs.New(t.Context(), tt.client, tt.bucket, tt.prefix); err == nil {
			t.Errorf("New(%q, %.20q) succeeds, want an error", tt.bucket, tt.prefix)
		}
	}
}

// A listing tells the size of the link itself, so that the entry asks for what the link leads to.
func TestASymbolicLinkIsTheFileItLeadsTo(t *testing.T) {
	srv, fsys := newFS(t, "", "target")
	for _, link := range [][2]string{{"link", "target"}, {"dangling", "nothing"}} {
		if _, err := srv.Client().PutSymlink(t.Context(), bucket, link[0], link[1], nil); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := fsys.ReadDir(".")
	if err != nil || !slices.Equal(names(entries), []string{"dangling", "link", "target"}) {
		t.Fatalf("ReadDir = %v, %v", names(entries), err)
	}
	if info, err := entries[1].Info(); err != nil || info.Size() != int64(len("target")) || info.Name() != "link" {
		t.Errorf("Info of the link = %v, %v", info, err)
	}
	if data, err := fsys.ReadFile("link"); err != nil || string(data) != "target" {
		t.Errorf("ReadFile of the link = %q, %v", data, err)
	}
	if _, err := entries[0].Info(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Info of the link to nothing = %v, want fs.ErrNotExist", err)
	}
	if err := srv.Client().DeleteObject(t.Context(), bucket, "dangling", nil); err != nil {
		t.Fatal(err)
	}
	if err := fstest.TestFS(fsys, "link", "target"); err != nil {
		t.Error(err)
	}
}
