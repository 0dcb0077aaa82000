package multipart_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/ossmultipart/go-oss/multipart"
)

// Only keys that are a plain relative path become one, and on Windows only those that it takes as they are.
func TestHostileKeysAreNoPaths(t *testing.T) {
	const unix, windows, both = "unix", "windows", "unix windows"
	for _, test := range []struct{ key, safe string }{
		{"a", both}, {"a/b", both}, {"a/", both}, {"a/b/", both}, {"...", unix}, {"..a/b..c", both}, {".a", both},
		{"\u00e9/\u4e2d\u6587/\U0001f600", both}, {"a b", both}, {"a.oss-part", both}, {".a.oss-partial", both},
		{strings.Repeat("x/", 500) + "x", both},
		{"", ""}, {"/", ""}, {"//", ""}, {"/a", ""}, {"//a", ""}, {"a//b", ""}, {"a//", ""},
		{".", ""}, {"..", ""}, {"../a", ""}, {"a/..", ""}, {"a/../b", ""}, {"../", ""},
		{"a/./b", ""}, {"./a", ""}, {"a/.", ""},
		{"a\x00b", ""}, {"\x00", ""},
		{".a.oss-part", ""}, {"d/.a.oss-part", ""}, {".a.oss-part/b", ""},
		{".a.oss-part.journal", ""}, {".A.OSS-PART.lock", ""},
		{"a\\b", unix}, {"..\\a", unix}, {"C:\\a", unix}, {"C:a", unix}, {"\\\\host\\share", unix}, {"a:stream", unix},
		{"a<", unix}, {"a>", unix}, {"a\"", unix}, {"a|", unix}, {"a?", unix}, {"a*", unix},
		{"a\nb", unix}, {"\x01", unix},
		{"a.", unix}, {"a ", unix}, {"a./b", unix}, {"a /b", unix}, {". ", unix}, {".. ", unix},
		{"CON", unix}, {"con", unix}, {"nul.txt", unix}, {"d/Aux.tar.gz", unix}, {"prn", unix}, {"com1", unix},
		{"LPT9.x", unix},
		{"com\u00b9", unix}, {"CONIN$", unix}, {"conout$", unix}, {"nul .txt", unix},
		{"console", both}, {"com", both}, {"com10", both}, {"lpt", both}, {"nul_", both}, {"auxiliary/x", both},
	} {
		for _, system := range []string{unix, windows} {
			name, dir, err := multipart.TreePath(test.key, system == windows)
			safe := strings.Contains(test.safe, system)
			if safe != (err == nil) || !safe && !errors.Is(err, multipart.ErrUnsafeKey) {
				t.Errorf("%q on %s: %q, %v, want it to be safe: %v", test.key, system, name, err, safe)
			}
			if safe && (name != strings.TrimSuffix(test.key, "/") || dir != strings.HasSuffix(test.key, "/")) {
				t.Errorf("%q on %s is %q, directory %v", test.key, system, name, dir)
			}
		}
	}
}

// Law: a key that becomes a path is that path, which os.Root and package fs take too, and a file made there is below
// the directory under exactly that name. What is safe on Windows is safe everywhere.
func FuzzTreePath(f *testing.F) {
	for _, key := range []string{
		"a", "a/b/", "../a", "/a", "a//b", "a\\b", "CON", "c:", "a\x00", "a/.x.oss-part", "a.", "\xff",
	} {
		f.Add(key)
	}
	root, err := os.OpenRoot(f.TempDir())
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { root.Close() })
	f.Fuzz(func(t *testing.T, key string) {
		name, dir, err := multipart.TreePath(key, runtime.GOOS == "windows")
		if _, _, onWindows := multipart.TreePath(key, true); onWindows == nil && err != nil {
			t.Fatalf("%q is safe on Windows and not here: %v", key, err)
		}
		if err != nil {
			if !errors.Is(err, multipart.ErrUnsafeKey) || strings.ContainsAny(err.Error(), "\n\x00") {
				t.Fatalf("%q: %q, %v", key, name, err)
			}
			return
		}
		local := filepath.FromSlash(name)
		if !filepath.IsLocal(local) || filepath.Clean(local) != local ||
			strings.TrimSuffix(key, "/") != name || dir != strings.HasSuffix(key, "/") {
			t.Fatalf("%q became %q, directory %v", key, name, dir)
		}
		if strings.ToValidUTF8(name, "") == name && !fs.ValidPath(name) {
			t.Fatalf("%q became %q, which is no path of package fs", key, name)
		}
		for elem := range strings.SplitSeq(name, "/") {
			if len(elem) > 255 || len(name) > 2000 {
				return
			}
		}
		if err := root.MkdirAll(filepath.Dir(local), 0o777); err != nil {
			t.Fatal(err)
		}
		defer root.RemoveAll(strings.SplitN(name, "/", 2)[0])
		if err := root.WriteFile(local, nil, 0o666); err != nil {
			t.Fatal(err)
		}
		entries, err := fs.ReadDir(root.FS(), filepath.ToSlash(filepath.Dir(local)))
		if err == nil && (len(entries) != 1 || entries[0].Name() != filepath.Base(local)) {
			t.Fatalf("%q became %v", key, entries)
		}
	})
}
