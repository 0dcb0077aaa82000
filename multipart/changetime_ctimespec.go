//go:build darwin || freebsd || ios || netbsd

package multipart

import (
	"io/fs"
	"syscall"
	"time"
)

// changeTime returns when the inode of a file was last changed, the zero time if that is not known. No program can set
// it, as it can the time of modification.
func changeTime(info fs.FileInfo) time.Time {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return time.Time{}
	}
	return time.Unix(int64(s.Ctimespec.Sec), int64(s.Ctimespec.Nsec))
}
