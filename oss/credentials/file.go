package credentials

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// File reads keys from a file that another program keeps up to date, such as a sidecar or an agent. The file is a
// JSON document as Process describes it. A change is noticed within a second, by the file's size, time and identity.
// If a new file cannot be read, the keys of the old one are used while they are valid. The file should be replaced
// by renaming another over it; if it is written in place, an incomplete one is read again.
func File(path string, opts *Options) *Provider { return newProvider(file{path}, opts) }

type file struct{ path string }

func (f file) name() string { return "file " + f.path }

func (f file) fetch(ctx context.Context) (answer, error) {
	data, changed, err := readFile(ctx, f.path)
	if err != nil {
		return answer{}, err
	}
	creds, err := parse(data)
	return answer{creds: creds, changed: changed}, err
}

// readFile returns what is in a file, and a function that reports whether it is another file by now. A file that
// does not exist is ErrNotConfigured.
func readFile(ctx context.Context, path string) ([]byte, func() bool, error) {
	if path == "" {
		return nil, nil, errors.New("the path is empty")
	}
	data, at, err := readUnchanged(ctx, func() ([]byte, fs.FileInfo, error) { return readOnce(path) },
		func() (fs.FileInfo, error) { return os.Stat(path) })
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("%w: %w", ErrNotConfigured, err)
	}
	if err != nil {
		return nil, nil, err
	}
	return data, func() bool {
		now, err := os.Stat(path)
		return err != nil || !sameFile(at, now)
	}, nil
}

// readOnce returns the bytes of a file and what the file was before they were read.
func readOnce(path string) ([]byte, fs.FileInfo, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("%s is not a regular file", path)
	}
	data, err := readAll(f)
	return data, info, err
}

// readUnchanged reads until the file is the same before and after: two halves of different files could be the ID of
// one pair of keys and the secret of another.
func readUnchanged(ctx context.Context, read func() ([]byte, fs.FileInfo, error),
	stat func() (fs.FileInfo, error),
) ([]byte, fs.FileInfo, error) {
	const tries = 5
	for range tries {
		data, before, err := read()
		if err != nil {
			return nil, nil, err
		}
		after, err := stat()
		if err == nil && sameFile(before, after) && int64(len(data)) == before.Size() {
			return data, before, nil
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		}
	}
	return nil, nil, errors.New("the file changed each time it was read")
}

func sameFile(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// maxReply is the most that any reply, file or output with keys may have, in bytes.
const maxReply = 1 << 20

// readAll is io.ReadAll with that bound.
func readAll(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxReply+1))
	if err == nil && len(data) > maxReply {
		return nil, fmt.Errorf("more than %d bytes", maxReply)
	}
	return data, err
}
