//go:build !linux

package multipart_test

import (
	"os"
	"testing"
)

// asNobody calls f with a directory of a user for whom the permissions of files count.
func asNobody(t *testing.T, f func(dir string)) {
	t.Helper()
	if os.Geteuid() <= 0 { // root, or Windows
		t.Skip("permissions of files do not count for this user")
	}
	f(t.TempDir())
}

// onSmallDisk needs namespaces.
func onSmallDisk(t *testing.T, _ int64, _ func(dir string, grow func(size int64))) {
	t.Helper()
	t.Skip("only Linux lets a process mount a file system of its own")
}
