//go:build linux && (arm64 || riscv64 || loong64)

package pagecache

const sysPreadv2 = 286 // which package syscall does not name
