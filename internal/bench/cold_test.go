package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/ossmultipart/go-oss/internal/pagecache"
)

func TestWhatIsDroppedIsCold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "source")
	if err := generate(path, 3<<20); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, ok := pagecache.Resident(f, 0, 1); !ok {
		t.Skip("the system does not tell what is in the page cache")
	}
	if err := dropCache(path); err != nil {
		t.Fatal(err)
	}
	if resident, _ := pagecache.Resident(f, 0, 3<<20); resident {
		t.Error("the file is in the page cache")
	}
}

// A group has the files of its version.
func TestAGroupIsLimitedByTheFileOfItsVersion(t *testing.T) {
	for _, name := range []string{"memory.max", "memory.limit_in_bytes"} {
		dir := t.TempDir()
		if err := limitGroup(dir, 1<<20); err == nil {
			t.Error("a directory that is no group was limited")
		}
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := limitGroup(dir, 1<<20); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := read(t, filepath.Join(dir, name)); got != "1048576" {
			t.Errorf("%s is %q", name, got)
		}
	}
}

func TestManyFilesAreTheSourceCut(t *testing.T) {
	const size = 40 << 20
	sizes, total := manySizes(size)
	again, _ := manySizes(size)
	if !slices.Equal(sizes, again) || len(sizes) < 2 || total > size {
		t.Fatalf("sizes of %d bytes are %v, and %v the second time", total, sizes, again)
	}
	if all, _ := manySizes(1 << 40); len(all) != maxMany || slices.Min(all) < leastMany || slices.Max(all) > mostMany {
		t.Errorf("%d files of %d to %d bytes", len(all), slices.Min(all), slices.Max(all))
	}
	dir := filepath.Join(t.TempDir(), "many")
	source := filepath.Join(t.TempDir(), "source")
	if err := generate(source, total); err != nil {
		t.Fatal(err)
	}
	if err := cutInto(dir, source, sizes); err != nil {
		t.Fatal(err)
	}
	var text string
	for i := range sizes {
		text += read(t, manyPath(dir, int64(i)))
	}
	if text != read(t, source) {
		t.Error("the files do not make the source")
	}
	if err := cutInto(dir, source, sizes); !os.IsExist(err) {
		t.Errorf("cutting into the same directory again: %v, want %v", err, fs.ErrExist)
	}
}
