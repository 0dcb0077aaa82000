package main

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"

	"github.com/ossmultipart/go-oss/internal/crc64"
)

// generate writes size bytes to path, the same ones every time.
func generate(path string, size int64) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	random := rand.NewChaCha8([32]byte([]byte("go-oss/bench: any 32 bytes......")))
	if _, err := io.CopyN(f, random, size); err != nil {
		return err
	}
	return f.Close()
}

// generateHole makes a file of size bytes that takes no room on the disk.
func generateHole(path string, size int64) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Truncate(size); err != nil {
		return err
	}
	return f.Close()
}

// A sum is what a store would say of one piece of the source.
type sum struct {
	size  int64
	md5   [md5.Size]byte
	crc64 uint64
}

// etag is that of OSS, in upper case: others do not care.
func (s sum) etag() string { return `"` + strings.ToUpper(hex.EncodeToString(s.md5[:])) + `"` }

// sameBytes reports whether the bytes are those of other, by all that a sum of many pieces has.
func (s sum) sameBytes(other sum) bool { return s.size == other.size && s.crc64 == other.crc64 }

// sumOf reads r to its end.
func sumOf(r io.Reader, buf []byte) (s sum, err error) {
	h := md5.New()
	s.size, err = eachRead(r, buf, func(p []byte) {
		h.Write(p)
		s.crc64 = crc64.Update(s.crc64, p)
	})
	s.md5 = [md5.Size]byte(h.Sum(nil))
	return s, err
}

// sumsOf returns those of pieces of a file, one behind the other.
func sumsOf(path string, sizes []int64) ([]sum, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var all []sum
	buf := make([]byte, 256<<10)
	var off int64
	for _, n := range sizes {
		s, err := sumOf(io.NewSectionReader(f, off, n), buf)
		if err != nil {
			return nil, err
		}
		if s.size != n {
			return nil, fmt.Errorf("%s ends after %d bytes", path, off+s.size)
		}
		all = append(all, s)
		off += n
	}
	return all, nil
}

// sumsOfHole returns those of pieces that are all zeros.
func sumsOfHole(sizes []int64) ([]sum, error) {
	known := make(map[int64]sum)
	buf := make([]byte, 256<<10)
	var all []sum
	for _, n := range sizes {
		s, ok := known[n]
		if !ok {
			var err error
			if s, err = sumOf(io.LimitReader(zeros{}, n), buf); err != nil {
				return nil, err
			}
			known[n] = s
		}
		all = append(all, s)
	}
	return all, nil
}

// zeros is an endless reader.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// keyOf names the object that begins with piece number first, counted from 0. Small objects are one piece each.
func keyOf(first int64) string { return "piece-" + strconv.FormatInt(first, 10) }

// firstOf is its inverse.
func firstOf(key string) (int64, error) {
	text, ok := strings.CutPrefix(key, "piece-")
	first, err := strconv.ParseInt(text, 10, 64)
	if !ok || err != nil || first < 0 {
		return 0, fmt.Errorf("key %q is not of the form piece-0", key)
	}
	return first, nil
}
