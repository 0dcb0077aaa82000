//go:build amd64 || arm64 || riscv64 || loong64

package pagecache

import (
	"os"
	"path/filepath"
	"testing"
)

// What a kernel without cachestat is asked. What was written and not dropped can be read at once.
func TestWhatIsInTheCacheIsReadable(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const size = 3<<20 + 17
	if _, err := f.Write(make([]byte, size)); err != nil {
		t.Fatal(err)
	}
	control(f, func(fd uintptr) {
		all, ok := readable(fd, 0, size)
		if !ok {
			t.Skip("the system or this file system does not tell")
		}
		if !all {
			t.Error("what was just written cannot be read at once")
		}
		if all, ok := readable(fd, 0, size+1); all || !ok {
			t.Errorf("a byte behind the end: %v, %v", all, ok)
		}
	})
}
