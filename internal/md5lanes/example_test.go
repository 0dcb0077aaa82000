package md5lanes_test

import (
	"bytes"
	"fmt"

	"github.com/ossmultipart/go-oss/internal/md5lanes"
)

// A file of three parts, the last of which is shorter, is hashed by slices of two blocks of each part.
func ExampleHasher() {
	const part, slice = 1000, 2 * md5lanes.BlockSize
	file := bytes.Repeat([]byte("0123456789"), 250)
	parts := [][]byte{file[:part], file[part : 2*part], file[2*part:]}

	h := md5lanes.New(len(parts))
	slices := make([][]byte, len(parts))
	for at := 0; at < part; at += slice {
		for i, p := range parts {
			slices[i] = p[min(at, len(p)):min(at+slice, len(p))]
		}
		h.Write(slices)
	}
	for i := range parts {
		fmt.Printf("%X\n", h.Sum(i))
	}
	// Output:
	// 427008B3FE192F663D665F56CD75716C
	// 427008B3FE192F663D665F56CD75716C
	// A65D3AA5A434F44EC9CDB75C16978033
}
