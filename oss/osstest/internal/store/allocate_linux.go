package store

import (
	"os"
	"syscall"
)

// allocate allocates disk space for size bytes of a file from offset, without changing the length of the file. It
// reports success. Without it ext4 allocates each page separately, which takes most of the time of writing a body.
func allocate(f *os.File, offset, size int64) bool {
	const keepSize = 1 // FALLOC_FL_KEEP_SIZE
	return syscall.Fallocate(int(f.Fd()), keepSize, offset, size) == nil
}
