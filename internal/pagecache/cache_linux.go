//go:build linux && (amd64 || arm64 || riscv64 || loong64)

package pagecache

import (
	"os"
	"strconv"
	"syscall"
	"unsafe"
)

func drop(f *os.File, off, n int64) {
	const dontNeed = 4 // POSIX_FADV_DONTNEED
	if n < 1 {
		return // to the system 0 is all that follows
	}
	control(f, func(fd uintptr) {
		syscall.Syscall6(syscall.SYS_FADVISE64, fd, uintptr(off), uintptr(n), dontNeed, 0, 0)
	})
}

func startWriteback(f *os.File, off, n int64) {
	const write = 2 // SYNC_FILE_RANGE_WRITE
	if n < 1 {
		return // to the system 0 is all that follows
	}
	control(f, func(fd uintptr) { syscall.SyncFileRange(int(fd), off, n, write) })
}

func reopen(f *os.File) (again *os.File, err error) {
	err = os.ErrClosed
	control(f, func(fd uintptr) { again, err = os.Open("/proc/self/fd/" + strconv.Itoa(int(fd))) })
	return again, err
}

// residentAt asks cachestat(2), and before Linux 6.5, which has none, tries to read.
func residentAt(f *os.File, off, n int64) (resident, ok bool) {
	if n < 1 {
		return true, true
	}
	control(f, func(fd uintptr) {
		pages, err := cachedPages(fd, off, n)
		if err == syscall.ENOSYS {
			resident, ok = readable(fd, off, n)
			return
		}
		size := int64(os.Getpagesize())
		resident, ok = pages >= (off+n-1)/size-off/size+1, err == 0
	})
	return resident, ok
}

// cachedPages returns how many pages of a range are in the cache. Only who may write the file may ask, from Linux
// 6.14 on.
func cachedPages(fd uintptr, off, n int64) (pages int64, err syscall.Errno) {
	const sysCachestat = 451 // which package syscall does not name
	in := [2]int64{off, n}
	var out struct{ cached, dirty, writeback, evicted, recentlyEvicted int64 }
	_, _, err = syscall.Syscall6(sysCachestat, fd, uintptr(unsafe.Pointer(&in)), uintptr(unsafe.Pointer(&out)), 0, 0, 0)
	return out.cached, err
}

// readable tries to read a byte of each MiB and the last one, by preadv2(2) with RWF_NOWAIT. Before Linux 6.5 that
// fails with EAGAIN where it would have to wait for the disk; later it begins to read. Some file systems do not
// support it.
func readable(fd uintptr, off, n int64) (all, ok bool) {
	const noWait = 8 // RWF_NOWAIT
	var b [1]byte
	vec := syscall.Iovec{Base: &b[0], Len: 1}
	for at, last := off, off+n-1; ; at = min(at+1<<20, last) {
		// The offset is in two halves, of which a 64-bit system ignores the upper one.
		got, _, err := syscall.Syscall6(sysPreadv2, fd, uintptr(unsafe.Pointer(&vec)), 1, uintptr(at), 0, noWait)
		all, ok = err == 0 && got == 1, err == 0 || err == syscall.EAGAIN
		if !all || at == last {
			return all, ok
		}
	}
}

// control calls use with the descriptor of f, unless f is closed.
func control(f *os.File, use func(fd uintptr)) {
	if c, err := f.SyscallConn(); err == nil {
		c.Control(use)
	}
}
