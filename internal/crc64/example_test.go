package crc64_test

import (
	"fmt"

	"github.com/ossmultipart/go-oss/internal/crc64"
)

func ExampleCombine() {
	hello, world := []byte("hello "), []byte("world")
	parts := crc64.Combine(crc64.Checksum(hello), crc64.Checksum(world), int64(len(world)))
	whole := crc64.Checksum([]byte("hello world"))
	fmt.Println(parts, parts == whole)
	// Output: 5981764153023615706 true
}
