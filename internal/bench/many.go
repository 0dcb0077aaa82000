package main

import (
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
)

// How many files there are in the scenario many-files, and how large they are.
const (
	maxMany   = 2000
	leastMany = 10 << 10 // bytes
	mostMany  = 20 << 20 // bytes
)

// manySizes returns the sizes of files, the same ones every time, that take size bytes at most. There are as many
// between 10 and 20 KiB as between 10 and 20 MiB.
func manySizes(size int64) (sizes []int64, total int64) {
	r := rand.New(rand.NewPCG(1, 2))
	for len(sizes) < maxMany {
		n := int64(leastMany * math.Exp(r.Float64()*math.Log(mostMany/leastMany)))
		if total+n > size {
			break
		}
		sizes, total = append(sizes, n), total+n
	}
	return sizes, total
}

// cutInto writes the bytes of the source, one file after the other, to files of these sizes in dir.
func cutInto(dir, source string, sizes []int64) error {
	if err := os.Mkdir(dir, 0o777); err != nil {
		return err
	}
	f, err := os.Open(source)
	if err != nil {
		return err
	}
	defer f.Close()
	for i, n := range sizes {
		to, err := os.Create(manyPath(dir, int64(i)))
		if err != nil {
			return err
		}
		if _, err = io.CopyN(to, f, n); err == nil {
			err = to.Close()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func manyPath(dir string, i int64) string { return filepath.Join(dir, strconv.FormatInt(i, 10)) }
