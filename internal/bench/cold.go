package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/ossmultipart/go-oss/internal/pagecache"
)

// dropCache takes a file out of the page cache. That needs no privilege.
func dropCache(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := f.Sync(); err != nil { // pages that are not on the disk yet stay
		return err
	}
	pagecache.Drop(f, 0, info.Size())
	if resident, ok := pagecache.Resident(f, 0, 1); resident || !ok {
		return fmt.Errorf("%s stays in the page cache", path)
	}
	return nil
}

// limitGroup sets the bytes that the processes of a memory cgroup may take, page cache included.
func limitGroup(dir string, limit int64) error {
	text := []byte(strconv.FormatInt(limit, 10))
	var failed error
	for _, name := range []string{"memory.max", "memory.limit_in_bytes"} { // of version 2, and of version 1
		f, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY, 0) // which does not create it
		if err == nil {
			_, err = f.Write(text)
			return errors.Join(err, f.Close())
		}
		failed = errors.Join(failed, err)
	}
	return failed
}

// joinGroup moves this process into a cgroup.
func joinGroup(dir string) error {
	return os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte("0"), 0)
}

// diskMiB returns what this process has had read from disks, 0 where the system does not tell.
func diskMiB() float64 {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(os.Getpid()), "io"))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), "\nread_bytes:")
	var bytes float64
	fmt.Sscan(rest, &bytes)
	return bytes / (1 << 20)
}
