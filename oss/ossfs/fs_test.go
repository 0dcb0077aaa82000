package ossfs_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

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

// names returns the names of entries, with a slash after those of directories.
func names(entries []fs.DirEntry) []string {
	list := make([]string, 0, len(entries))
	for _, e := range entries {
		if list = append(list, e.Name()); e.IsDir() {
			list[len(list)-1] += "/"
		}
	}
	return list
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

func requests(srv *osstest.Server, since int) []string {
	var ops []string
	for _, r := range srv.Requests()[since:] {
		ops = append(ops, r.Op)
	}
	return ops
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

func TestKeysWithoutAValidNameAreHidden(t *testing.T) {
	hidden := []string{
		"p//a", "p/a//b", "p/a//", "p/./x", "p/../x", "p/a/..", "p/a/.", "p/a/../x", "p/only//x", "p/a/b/", "p/a/b",
	}
	_, fsys := newFS(t, "p", append(hidden, "p/a/c", "p/...", "p/back\\slash")...)
	// The directory "only" has nothing else; the object a/b hides the marker a/b/.
	want := []string{"...", "a/", "a/b", "a/c", "back\\slash", "only/"}
	if diff := cmp.Diff(want, walk(t, fsys)); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	for _, name := range []string{"", "/a", "a/", "a//b", "./x", "../x", "a/..", "a\xff"} {
		var problem *fs.PathError
		_, err := fsys.Open(name)
		if !errors.As(err, &problem) || problem.Path != name || !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("Open(%q) = %v, want an *fs.PathError that matches fs.ErrInvalid", name, err)
		}
	}
}

func TestAFileHidesTheDirectoryOfItsName(t *testing.T) {
	_, fsys := newFS(t, "", "a", "a!", "a-/x", "a.txt", "a/x", "a/y/z", "a0", "ab", "ab/c", "b/c", "d/", "d/e", "d/e/f")
	entries, err := fsys.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"a", "a!", "a-/", "a.txt", "a0", "ab", "b/", "d/"}
	if diff := cmp.Diff(want, names(entries)); diff != "" {
		t.Errorf("ReadDir (-want +got):\n%s", diff)
	}
	if err := fstest.TestFS(fsys, "a", "b/c", "d/e"); err != nil {
		t.Error(err)
	}
	data, err := fsys.ReadFile("a/y/z")
	if err != nil || string(data) != "a/y/z" {
		t.Errorf("ReadFile below the file = %q, %v", data, err)
	}
	if entries, err := fsys.ReadDir("a"); err != nil || !slices.Equal(names(entries), []string{"x", "y/"}) {
		t.Errorf("ReadDir of the hidden directory = %v, %v", names(entries), err)
	}
}

func TestALargeDirectoryIsReadInSteps(t *testing.T) {
	var keys []string
	for i := range 2500 {
		keys = append(keys, fmt.Sprintf("d/%05d", i))
	}
	keys = append(keys, "d/00999/x", "e") // 00999 is the last entry of the first page, 00999/ the first of the second
	srv, fsys := newFS(t, "", keys...)
	before := len(srv.Requests())
	opened, err := fsys.Open("d")
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	if got := requests(srv, before); !slices.Equal(got, []string{"HeadObject", "ListObjectsV2"}) {
		t.Errorf("Open sent %v", got)
	}
	total := 0
	for {
		entries, err := opened.(fs.ReadDirFile).ReadDir(300)
		if err == io.EOF && len(entries) == 0 {
			break
		}
		if err != nil || len(entries) == 0 || len(entries) > 300 {
			t.Fatalf("ReadDir(300) = %d entries, %v", len(entries), err)
		}
		total += len(entries)
	}
	if total != 2500 || len(srv.Requests())-before != 4 {
		t.Errorf("%d entries in %d requests, want 2500 in 4", total, len(srv.Requests())-before)
	}
}

// A step that failed is taken up by the next call: no entry is lost or repeated.
func TestAListingContinuesAfterAnError(t *testing.T) {
	var keys []string
	for i := range 1500 {
		keys = append(keys, fmt.Sprintf("d/%05d", i))
	}
	srv, fsys := newFS(t, "", keys...)
	opened, err := fsys.Open("d")
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	srv.Inject(osstest.Fault{Op: "ListObjectsV2", Times: 1, Effect: osstest.Fail(403, oss.ErrAccessDenied)})
	first, err := opened.(fs.ReadDirFile).ReadDir(-1)
	var problem *fs.PathError
	if len(first) != 1000 || !errors.As(err, &problem) || !errors.Is(err, fs.ErrPermission) {
		t.Fatalf("ReadDir = %d entries, %v, want 1000 and fs.ErrPermission", len(first), err)
	}
	rest, err := opened.(fs.ReadDirFile).ReadDir(-1)
	if len(rest) != 500 || err != nil || rest[0].Name() != "01000" {
		t.Errorf("ReadDir = %d entries, %v, want 500", len(rest), err)
	}
}

type replies func(*http.Request) *http.Response

func (f replies) RoundTrip(r *http.Request) (*http.Response, error) { return f(r), nil }

// A server that repeats a page under new tokens does not make ReadDir run forever.
func TestAPageThatRepeatsIsAnError(t *testing.T) {
	pages := 0
	client, err := oss.NewClient(oss.Config{
		Region: "cn-hangzhou", Credentials: osstest.TestCredentials(), Retry: oss.Retry{Attempts: 1},
		HTTPClient: &http.Client{Transport: replies(func(*http.Request) *http.Response {
			pages++
			body := fmt.Sprintf("<ListBucketResult><IsTruncated>true</IsTruncated><Contents><Key>a</Key></Contents>"+
				"<NextContinuationToken>%d</NextContinuationToken></ListBucketResult>", pages)
			return &http.Response{
				StatusCode: 200, Header: http.Header{"X-Oss-Request-Id": {"1"}}, ContentLength: int64(len(body)),
				Body: io.NopCloser(strings.NewReader(body)),
			}
		})},
	})
	if err != nil {
		t.Fatal(err)
	}
	fsys, err := ossfs.New(t.Context(), client, bucket, "")
	if err != nil {
		t.Fatal(err)
	}
	if entries, err := fsys.ReadDir("."); len(entries) != 1 || err == nil || pages != 2 {
		t.Errorf("ReadDir = %v, %v after %d pages, want an error after 2", names(entries), err, pages)
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

func TestGlobListsOnlyWhatCanMatch(t *testing.T) {
	var keys []string
	for i := range 2000 {
		keys = append(keys, fmt.Sprintf("log/a%04d", i))
	}
	srv, fsys := newFS(t, "",
		append(keys, "log/2026-01/x.gz", "log/2026-02/x.gz", "log/2026-02/y", "log/2026-03", "[")...)
	for _, tt := range []struct {
		pattern  string
		requests int
		want     []string
	}{
		{"log/2026-*", 1, []string{"log/2026-01", "log/2026-02", "log/2026-03"}},
		{"log/2026-*/*.gz", 3, []string{"log/2026-01/x.gz", "log/2026-02/x.gz"}},
		{"l*/2026-02/y", 2, []string{"log/2026-02/y"}},
		{"log/2026-03", 1, []string{"log/2026-03"}},
		{"log", 2, []string{"log"}},
		{".", 1, []string{"."}},
		{"\\[", 1, []string{"["}},
		{"nothing", 2, nil},
		{"nothing/*", 1, nil},
		{"/*", 0, nil},
		{"log//*", 0, nil},
		{"*/../x", 1, nil},
		{"x\xff*", 0, nil},
	} {
		before := len(srv.Requests())
		got, err := fsys.Glob(tt.pattern)
		if err != nil {
			t.Errorf("Glob(%q): %v", tt.pattern, err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("Glob(%q) (-want +got):\n%s", tt.pattern, diff)
		}
		if n := len(srv.Requests()) - before; n != tt.requests {
			t.Errorf("Glob(%q) sent %d requests, want %d", tt.pattern, n, tt.requests)
		}
	}
	if _, err := fsys.Glob("[]"); err == nil {
		t.Error("Glob of a malformed pattern succeeds")
	}
}

func TestSysIsWhatOSSTells(t *testing.T) {
	_, fsys := newFS(t, "p", "p/dir/file")
	entries, err := fsys.ReadDir("dir")
	if err != nil || len(entries) != 1 {
		t.Fatal(entries, err)
	}
	listed, err := entries[0].Info()
	if err != nil {
		t.Fatal(err)
	}
	stated, err := fsys.Stat("dir/file")
	if err != nil {
		t.Fatal(err)
	}
	entry, ok := listed.Sys().(*oss.ObjectEntry)
	object, ok2 := stated.Sys().(*oss.ObjectInfo)
	if !ok || !ok2 || entry.Key != "p/dir/file" || object.Key != entry.Key || object.ETag != entry.ETag {
		t.Errorf("Sys = %+v and %+v", listed.Sys(), stated.Sys())
	}
	if !stated.ModTime().Equal(entry.LastModified) || stated.ModTime().IsZero() || stated.Mode() != 0o444 {
		t.Errorf("Stat = %v, want the time %v", stated, entry.LastModified)
	}
	dir, err := fsys.Stat("dir")
	if err != nil {
		t.Fatal(err)
	}
	if e, ok := dir.Sys().(*oss.ObjectEntry); !ok || e.Key != "p/dir/" || !e.IsPrefix ||
		dir.Mode() != fs.ModeDir|0o555 {
		t.Errorf("Stat of a directory = %v with %+v", dir, dir.Sys())
	}
}

func TestAClosedFileIsClosed(t *testing.T) {
	_, fsys := newFS(t, "", "dir/file")
	for _, name := range []string{"dir", "dir/file"} {
		f, err := fsys.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		_, err = f.Read(make([]byte, 1))
		if dir, ok := f.(fs.ReadDirFile); ok {
			_, err = dir.ReadDir(1)
		}
		var problem *fs.PathError
		if !errors.As(err, &problem) || problem.Path != name || !errors.Is(err, fs.ErrClosed) {
			t.Errorf("read of %s after Close = %v, want fs.ErrClosed", name, err)
		}
		if err := f.Close(); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("second Close of %s = %v, want fs.ErrClosed", name, err)
		}
	}
}

// A file that is replaced while it is open does not become a mixture of both.
func TestAFileThatChangesIsAnError(t *testing.T) {
	srv, fsys := newFS(t, "", "file")
	f, err := fsys.Open("file")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := srv.Client().PutObject(t.Context(), bucket, "file", strings.NewReader("elif"), nil); err != nil {
		t.Fatal(err)
	}
	_, err = f.(io.ReaderAt).ReadAt(make([]byte, 2), 1)
	var changed *oss.ChangedError
	var problem *fs.PathError
	if !errors.As(err, &changed) || !errors.As(err, &problem) {
		t.Errorf("ReadAt = %v, want a *oss.ChangedError in an *fs.PathError", err)
	}
}

func TestAWebServerServesRanges(t *testing.T) {
	_, fsys := newFS(t, "site", "site/index.html", "site/a/b.txt")
	for _, tt := range []struct {
		path, byteRange string
		status          int
		want            string
	}{
		{"/", "", 200, "site/index.html"},
		{"/a/b.txt", "bytes=5-6", 206, "a/"},
		{"/nothing", "", 404, "404 page not found\n"},
		{"/" + strings.Repeat("x", 2000), "", 404, "404 page not found\n"},
	} {
		r := httptest.NewRequest(http.MethodGet, tt.path, nil)
		if tt.byteRange != "" {
			r.Header.Set("Range", tt.byteRange)
		}
		w := httptest.NewRecorder()
		http.FileServerFS(fsys).ServeHTTP(w, r)
		if w.Code != tt.status || w.Body.String() != tt.want {
			t.Errorf("GET %.20s = %d %q, want %d %q", tt.path, w.Code, w.Body, tt.status, tt.want)
		}
	}
}
