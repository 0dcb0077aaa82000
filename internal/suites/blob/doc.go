// Package blob compares the drivers of gocloud.dev/blob for OSS and S3 with the benchmarks of its package drivertest.
// Both send their requests to one server, which understands the four operations that the benchmarks use:
//
//	go test -run '^$' -bench . -benchtime 3s
package blob
