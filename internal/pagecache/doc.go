// Package pagecache tells what the operating system's cache of files holds, and how much memory it may take. It is for
// programs that read a file twice and want the second read to come from memory, or write one that they will sync.
//
// Everything here is advice: where the system does not answer, the functions say so or do nothing. Linux on amd64,
// arm64, riscv64 and loong64 answers.
package pagecache

import "os"

// Resident reports whether n bytes of f from off on are in the cache. It reads nothing from the disk. ok is false where
// the system does not tell, or not this user.
func Resident(f *os.File, off, n int64) (resident, ok bool) { return residentAt(f, off, n) }

// Reopen opens the file that f is, for reading. The system reads ahead for each open file by itself, so several
// places of a file are read in long runs if each has its own. It fails where the system cannot open what is open.
func Reopen(f *os.File) (*os.File, error) { return reopen(f) }

// Drop takes n bytes of f from off on out of the cache, other than those in use. They stay in the file.
func Drop(f *os.File, off, n int64) { drop(f, off, n) }

// StartWriteback begins to write those of n bytes of f from off on that were changed to the disk. It waits only where
// the queue of the disk is full. It makes nothing durable: that takes a Sync, which has less to do then.
func StartWriteback(f *os.File, off, n int64) { startWriteback(f, off, n) }

// Available returns how many bytes the cache may take, in the eyes of this process: no more than is available on the
// machine, and than the memory cgroups of the process, of version 1 or 2, leave it. ok is false where the system does
// not tell.
func Available() (bytes int64, ok bool) { return available(os.DirFS("/")) }
