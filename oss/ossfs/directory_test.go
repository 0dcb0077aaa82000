package ossfs_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/ossmultipart/go-oss/oss"
	"github.com/ossmultipart/go-oss/oss/ossfs"
	"github.com/ossmultipart/go-oss/oss/osstest"
)

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

func requests(srv *osstest.Server, since int) []string {
	var ops []string
	for _, r := range srv.Requests()[since:] {
		ops = append(ops, r.Op)
	}
	return ops
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
