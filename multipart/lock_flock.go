//go:build darwin || dragonfly || freebsd || ios || linux || netbsd || openbsd

package multipart

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"
)

// lockPoll is how long a process waits before it tries again to get a lock that another one holds.
const lockPoll = 20 * time.Millisecond

// lockFile waits for the lock of path, which ends with the process, and returns a function that releases it. The file
// exists only while the lock is held, or after a kill. On a file system without locks there is none, and no error.
func lockFile(ctx context.Context, path string) (unlock func(), err error) {
	for {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return nil, err
		}
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil && names(path, f):
			// in this order: a process that opened the file before finds its name gone
			return func() { os.Remove(path); f.Close() }, nil
		case err == nil: // the process that held the lock has removed the file since it was opened here
			f.Close()
		case errors.Is(err, syscall.EWOULDBLOCK):
			f.Close()
			if err := pause(ctx, lockPoll); err != nil {
				return nil, err
			}
		default:
			f.Close()
			return func() { os.Remove(path) }, nil
		}
	}
}

// names reports whether path is still the name of f.
func names(path string, f *os.File) bool {
	there, err := os.Stat(path)
	if err != nil {
		return false
	}
	mine, err := f.Stat()
	return err == nil && os.SameFile(there, mine)
}
