package store

import (
	"bytes"
	"os"
	"syscall"
	"testing"
)

// TestDiskSpaceIsFreedWhenABodyIsShorterThanAnnounced compares the blocks of a body file with its length.
func TestDiskSpaceIsFreedWhenABodyIsShorterThanAnnounced(t *testing.T) {
	d := &directory{path: t.TempDir()}
	for _, size := range []int{0, 1, 3 << 20} {
		s, err := d.create(100 << 20)
		if err != nil {
			t.Fatal(err)
		}
		s.Write(bytes.Repeat([]byte("x"), size))
		b, err := s.keep()
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(string(b.(fileBlob)))
		if err != nil {
			t.Fatal(err)
		}
		if taken := info.Sys().(*syscall.Stat_t).Blocks * 512; info.Size() != int64(size) || taken > int64(size)+1<<20 {
			t.Errorf("a body of %d bytes is %d long and takes up %d", size, info.Size(), taken)
		}
	}
}
