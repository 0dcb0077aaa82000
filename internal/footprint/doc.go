// Command footprint measures the cost of uploads and downloads, and compares it with the documented limits.
//
//	go run ./internal/footprint [-size 1GiB] [-keep]
//
// It builds examples/upload and examples/download and runs them against a test server, each in its own
// process, over a loopback connection. It uploads deterministic pseudo-random bytes twice: as a file,
// and through a pipe, whose length the program does not know. Both objects are read back over HTTP and
// compared with the source by SHA-256. The second is downloaded to a file, and through a pipe, with the
// default options. For each case it prints the bytes, the seconds, the CPU seconds (user and system)
// per GiB and the peak of resident memory of the process. It exits with 1 if a byte differs or the
// memory exceeds its limit.
//
// It needs up to twice the size as free space in the directory for temporary files.
package main
