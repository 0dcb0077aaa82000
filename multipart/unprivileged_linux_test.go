package multipart_test

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// asNobody calls f with a directory of a user for whom the permissions of files count. What f opens on its goroutine,
// that user opens. If the process is not that of root, the user is its own.
func asNobody(t *testing.T, f func(dir string)) {
	t.Helper()
	if os.Geteuid() != 0 {
		f(t.TempDir())
		return
	}
	const nobody = 65534
	dir, err := os.MkdirTemp("", "go-oss-multipart-") // that of t may be reached by root only
	if err == nil {
		defer os.RemoveAll(dir)
		err = os.Chown(dir, nobody, nobody)
	}
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and not unlocked: the thread ends with the goroutine
		if err := syscall.Setfsuid(nobody); err != nil {
			t.Errorf("setfsuid: %v", err)
			return
		}
		f(dir)
	}()
	<-done
}

// smallDisk in the environment is the directory where the process is to mount its file system.
const smallDisk = "MULTIPART_TEST_SMALL_DISK"

// onSmallDisk calls f with a file system in memory that has room for size bytes until f calls grow. It runs in another
// process, with namespaces of its own, in which it needs no privileges.
func onSmallDisk(t *testing.T, size int64, f func(dir string, grow func(size int64))) {
	t.Helper()
	if dir := os.Getenv(smallDisk); dir != "" {
		mount := func(size int64, flags uintptr) error {
			return syscall.Mount("tmpfs", dir, "tmpfs", flags, fmt.Sprintf("size=%d", size))
		}
		if err := mount(size, 0); err != nil {
			t.Skipf("this system lets users mount nothing: %v", err)
		}
		f(dir, func(size int64) {
			if err := mount(size, syscall.MS_REMOUNT); err != nil {
				t.Fatal(err)
			}
		})
		return
	}
	name := strings.ReplaceAll(regexp.QuoteMeta(t.Name()), "/", "$/^")
	cmd := exec.Command(os.Args[0], "-test.v", "-test.run=^"+name+"$")
	cmd.Env = append(os.Environ(), smallDisk+"="+t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}},
	}
	out, err := cmd.CombinedOutput()
	switch {
	case cmd.Process == nil:
		t.Skipf("this system gives users no namespaces: %v", err)
	case strings.Contains(string(out), "--- SKIP"):
		t.Skipf("%s", out)
	case err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()+" "):
		t.Errorf("the other process: %v\n%s", err, out)
	}
}
