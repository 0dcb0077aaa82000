// Command footprint measures what an upload costs, and holds it against what is promised.
//
//	go run ./internal/footprint [-size 1GiB] [-keep]
//
// It builds examples/upload, runs it in a process of its own against a test server in another one,
// over a loopback connection, and uploads deterministic pseudo-random bytes twice: as a file, and
// through a pipe, whose length the program cannot know. Both objects are read back over HTTP and
// compared with the source by SHA-256. For each case it prints the bytes, the seconds, the CPU
// seconds (user and system) per GiB and the peak of resident memory of the uploading process. It
// exits with 1 if a byte differs or the memory exceeds its limit.
//
// At its peak it needs twice the size of free space in the directory for temporary files.
package main
