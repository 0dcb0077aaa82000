package osstest

import (
	"os"
	"syscall"
)

// allocate sets disk space aside for size bytes of a file from offset, and does not make the file longer. Without
// it, ext4 finds room for every page by itself, which takes most of the time of writing a body. It reports whether
// it could.
func allocate(f *os.File, offset, size int64) bool {
	const keepSize = 1 // FALLOC_FL_KEEP_SIZE
	return syscall.Fallocate(int(f.Fd()), keepSize, offset, size) == nil
}
