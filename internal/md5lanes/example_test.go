package md5lanes_test

import (
	"fmt"
	"strings"

	"github.com/ossmultipart/go-oss/internal/md5lanes"
)

// Three parts of a file are read in slices of two blocks, and hashed as they are read.
func ExampleHasher() {
	const file, part, slice = 3 * 1000, 1000, 2 * md5lanes.BlockSize
	src := strings.NewReader(strings.Repeat("0123456789", file/10))

	h := md5lanes.New(file / part)
	buf := make([]byte, file/part*slice)
	for at := 0; at < part; at += slice {
		size := min(slice, part-at)
		var slices [][]byte
		for i := range file / part {
			s := buf[i*slice:][:size]
			if _, err := src.ReadAt(s, int64(i*part+at)); err != nil {
				fmt.Println(err)
				return
			}
			slices = append(slices, s)
		}
		h.Write(slices)
	}
	for _, sum := range h.Sum() {
		fmt.Printf("%X\n", sum)
	}
	// Output:
	// 427008B3FE192F663D665F56CD75716C
	// 427008B3FE192F663D665F56CD75716C
	// 427008B3FE192F663D665F56CD75716C
}
