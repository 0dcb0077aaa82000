//go:build !(aix || dragonfly || linux || openbsd || solaris || darwin || freebsd || ios || netbsd)

package multipart

import (
	"io/fs"
	"time"
)

// changeTime returns the zero time: the system keeps no such time, or the standard library does not tell it.
func changeTime(fs.FileInfo) time.Time { return time.Time{} }
