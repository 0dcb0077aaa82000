package main

import (
	"bytes"
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"hash"
	"hash/crc64"
	"io"
	"io/fs"
	"os"

	"github.com/ossmultipart/go-oss/examples/internal/bucket"
	"github.com/ossmultipart/go-oss/multipart"
)

// A source is a regular file, which can be read again, or a stream, which cannot.
type source struct {
	name   string
	stream io.Reader // nil for a regular file
	passed *sums     // of the bytes of the stream; nil unless sum was called
	file   *os.File  // to be closed, nil for a regular file and for standard input
}

// open opens the source called name.
func open(name string, stdin io.Reader) (*source, error) {
	if name == "-" {
		return &source{name: "standard input", stream: stdin}, nil
	}
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return nil, withoutPath(err)
	case info.IsDir():
		return nil, errors.New("is a directory")
	case info.Mode().IsRegular():
		return &source{name: name}, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, withoutPath(err)
	}
	return &source{name: name, stream: f, file: f}, nil
}

// withoutPath removes the name of the file from err, because run prints it.
func withoutPath(err error) error {
	if failed := (*fs.PathError)(nil); errors.As(err, &failed) {
		return failed.Err
	}
	return err
}

func (s *source) close() {
	if s.file != nil {
		s.file.Close()
	}
}

// sum computes the checksums of a stream while it is read.
func (s *source) sum() {
	s.passed = newSums()
	s.stream = io.TeeReader(s.stream, s.passed)
}

// prove compares the object with its source and describes the result. A local object is read back as a whole. For a
// real one it asks OSS for the checksums, because reading it back may be slow and is billed.
func prove(ctx context.Context, b *bucket.Bucket, key string, src *source, res *multipart.Result) (string, error) {
	if !b.Local {
		return ask(ctx, b, key, res)
	}
	obj, err := b.Client.GetObject(ctx, b.Name, key, nil)
	if err != nil {
		return "", err
	}
	defer obj.Body.Close()
	if src.stream == nil {
		f, err := os.Open(src.name)
		if err != nil {
			return "", err
		}
		defer f.Close()
		n, err := compare(obj.Body, f)
		return fmt.Sprintf("read back: all %d bytes equal to those of %s", n, printable(src.name)), err
	}
	back := newSums()
	if _, err := io.Copy(back, obj.Body); err != nil {
		return "", err
	}
	if back.String() != src.passed.String() {
		return "", fmt.Errorf("read back %v, but sent %v", back, src.passed)
	}
	return fmt.Sprintf("read back: %v, as was read from %s", back, printable(src.name)), nil
}

// ask compares the properties of the object in OSS with the result of the upload.
func ask(ctx context.Context, b *bucket.Bucket, key string, res *multipart.Result) (string, error) {
	info, err := b.Client.HeadObject(ctx, b.Name, key, nil)
	if err != nil {
		return "", err
	}
	if info.Size != res.Size || info.ETag != res.ETag || info.CRC64 != res.CRC64 {
		return "", fmt.Errorf("OSS has %d bytes with ETag %s and CRC-64 %d, but sent were %d with %s and %d",
			info.Size, info.ETag, info.CRC64, res.Size, res.ETag, res.CRC64)
	}
	return "HeadObject reports the same size, ETag and CRC-64", nil
}

// compare reads two streams to their ends. It returns the number of equal bytes at the beginning, and an error unless
// the streams are equal.
func compare(got, want io.Reader) (n int64, err error) {
	a, b := make([]byte, 64<<10), make([]byte, 64<<10)
	for {
		na, errA := io.ReadFull(got, a)
		nb, errB := io.ReadFull(want, b)
		for _, err := range []error{errA, errB} {
			if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
				return n, err
			}
		}
		if !bytes.Equal(a[:na], b[:nb]) {
			return n, fmt.Errorf("what was read back differs within %d bytes from byte %d", max(na, nb), n)
		}
		n += int64(na)
		if errA != nil { // both have ended, since they were equal so far
			return n, nil
		}
	}
}

// sums are the length, the MD5 and the CRC-64 of what was written to them.
type sums struct {
	size int64
	md5  hash.Hash
	crc  hash.Hash64
}

func newSums() *sums { return &sums{md5: md5.New(), crc: crc64.New(crc64.MakeTable(crc64.ECMA))} }

func (s *sums) Write(p []byte) (int, error) {
	s.size += int64(len(p))
	s.md5.Write(p) // a hash never fails
	s.crc.Write(p)
	return len(p), nil
}

func (s *sums) String() string {
	return fmt.Sprintf("%d bytes, MD5 %x, CRC-64 %d", s.size, s.md5.Sum(nil), s.crc.Sum64())
}
