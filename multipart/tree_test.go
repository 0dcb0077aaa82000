package multipart_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ossmultipart/go-oss/oss/osstest"
)

// A tree is the bytes of files by their paths.
type tree map[string]string

// write makes the files below a new directory, last changed at a time in the past.
func (files tree) write(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, time.Time{}, time.Unix(9e8, 0)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// put makes the objects of the files.
func (files tree) put(srv *osstest.Server, prefix string) {
	for name, text := range files {
		srv.PutObject(bucket, prefix+name, []byte(text))
	}
}

// wantObjects checks that the bucket has these objects and no others.
func (files tree) wantObjects(t *testing.T, srv *osstest.Server, prefix string) {
	t.Helper()
	got := make(tree)
	for _, key := range srv.Objects(bucket) {
		obj, _ := srv.Object(bucket, key)
		got[key] = string(obj.Data)
	}
	want := make(tree)
	for name, text := range files {
		want[prefix+name] = text
	}
	if !maps.Equal(got, want) {
		t.Errorf("bucket has %.500v, want %.500v", got, want)
	}
}

// outcomes are the results of a tree by path: what became of each file, and the error of the whole under "".
type outcomes map[string]error

var errSkipped = errors.New("skipped")

// want checks that exactly these paths have results, with an error that matches; nil means success.
func (got outcomes) want(t *testing.T, want map[string]error) {
	t.Helper()
	for path, err := range got {
		target, ok := want[path]
		if !ok {
			t.Errorf("%q: %v, want no result", path, err)
		} else if (target == nil) != (err == nil) || !errors.Is(err, target) {
			t.Errorf("%q: %v, want %v", path, err, target)
		}
	}
	for path := range want {
		if _, ok := got[path]; !ok {
			t.Errorf("%q has no result, want %v", path, want[path])
		}
	}
}

// count returns how many requests there were of each operation after the first so many.
func count(srv *osstest.Server, after int) string {
	ops := make(map[string]int)
	for _, op := range requestsAfter(srv, after) {
		ops[op]++
	}
	return fmt.Sprint(ops)
}

var smallTree = tree{
	"a.txt": "text", "a/b.txt": "more text", "a/c/d.bin": strings.Repeat("x", 250), "a-b": "sorts between a and a/",
	"empty": "", "z/z/z/z": "deep", "with blank + %2F": "name", "\u00e9": "composed", "a/\\": "backslash",
}

// asDirectory returns what the keys below a prefix begin with.
func asDirectory(prefix string) string {
	return strings.TrimSuffix(prefix, "/") + strings.Repeat("/", min(len(prefix), 1))
}
