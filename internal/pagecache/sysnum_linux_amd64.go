//go:build linux

package pagecache

const sysPreadv2 = 327 // which package syscall does not name
