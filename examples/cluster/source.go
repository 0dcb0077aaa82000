package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
)

// A source is what every machine of the cluster can read: a file in a shared file system, an HTTP URL whose server
// knows ranges, or oss://BUCKET/KEY.
type source struct {
	Name    string // absolute path or URL, which may be a secret
	Size    int64  // bytes
	Version string // changes when the content does
}

// base returns the last element of the name, without the query of a URL.
func (s source) base() string {
	if u, err := url.Parse(s.Name); err == nil && u.Host != "" {
		return path.Base(u.Path)
	}
	return filepath.Base(s.Name)
}

// describe looks a source up.
func describe(ctx context.Context, client *oss.Client, name string) (source, error) {
	bucket, key, isObject := object(name)
	switch {
	case isObject:
		info, err := client.HeadObject(ctx, bucket, key, nil)
		if err != nil {
			return source{}, err
		}
		return source{Name: name, Size: info.Size, Version: info.ETag}, nil
	case isHTTP(name):
		resp, err := getRange(ctx, name, 0, 1) // a presigned URL allows no HEAD
		if err != nil {
			return source{}, err
		}
		defer resp.Body.Close()
		_, total, _ := strings.Cut(resp.Header.Get("Content-Range"), "/")
		size, err := strconv.ParseInt(total, 10, 64)
		if err != nil || size < 1 {
			return source{}, fmt.Errorf("server does not tell the size of %s", source{Name: name}.base())
		}
		version := versionOf(resp)
		if version == "" {
			return source{}, fmt.Errorf("server tells neither ETag nor Last-Modified of %s", source{Name: name}.base())
		}
		return source{Name: name, Size: size, Version: version}, nil
	}
	name, err := filepath.Abs(name)
	if err != nil {
		return source{}, err
	}
	info, err := os.Stat(name)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no regular file", name)
	}
	if err != nil {
		return source{}, err
	}
	return source{Name: name, Size: info.Size(), Version: versionOfFile(info)}, nil
}

// A reader is a source that is open. Its File has the size of the source, and the requested bytes at their offset.
type reader struct {
	*os.File
	src     source
	spooled bool
}

// open opens a source for reading the bytes from offset to end. Bytes that do not come from a file system are spooled
// to a temporary file, because a part is read more than once: to hash it, to send it, and to send it again. read is
// called while bytes arrive.
func (n *node) open(ctx context.Context, s source, offset, end int64, read func()) (*reader, error) {
	bucket, key, isObject := object(s.Name)
	var body io.ReadCloser
	switch {
	case isObject:
		obj, err := n.client.GetObject(ctx, bucket, key,
			&oss.GetOptions{Offset: offset, Length: end - offset, IfMatch: s.Version})
		if err != nil {
			return nil, err
		}
		body = obj.Body
	case isHTTP(s.Name):
		resp, err := getRange(ctx, s.Name, offset, end-offset)
		if err != nil {
			return nil, err
		}
		body = resp.Body
		if versionOf(resp) != s.Version {
			body.Close()
			return nil, fmt.Errorf("%s: %w", s.base(), multipart.ErrSourceChanged)
		}
	default:
		f, err := os.Open(s.Name)
		if err != nil {
			return nil, err
		}
		r := &reader{File: f, src: s}
		if err := r.unchanged(); err != nil {
			return nil, errors.Join(err, f.Close())
		}
		return r, nil
	}
	defer body.Close()
	f, err := os.CreateTemp("", "go-oss-cluster-")
	if err != nil {
		return nil, err
	}
	r := &reader{File: f, src: s, spooled: true}
	got, err := io.Copy(io.NewOffsetWriter(f, offset), &noticed{body, read})
	if err == nil && got != end-offset {
		err = fmt.Errorf("%s: %d bytes instead of %d: %w", s.base(), got, end-offset, io.ErrUnexpectedEOF)
	}
	if err == nil {
		err = f.Truncate(s.Size)
	}
	if err != nil {
		return nil, errors.Join(withoutURL(err), r.Close())
	}
	return r, nil
}

// unchanged returns an error that matches ErrSourceChanged if the source is another one than was submitted. A spooled
// source was compared before.
func (r *reader) unchanged() error {
	if r.spooled {
		return nil
	}
	for _, stat := range []func() (os.FileInfo, error){
		r.Stat, func() (os.FileInfo, error) { return os.Stat(r.src.Name) },
	} {
		info, err := stat()
		if err != nil {
			return err
		}
		if info.Size() != r.src.Size || versionOfFile(info) != r.src.Version {
			return fmt.Errorf("%s: %w", r.src.base(), multipart.ErrSourceChanged)
		}
	}
	return nil
}

// Close closes the file, and removes it if it is temporary.
func (r *reader) Close() error {
	err := r.File.Close()
	if r.spooled {
		err = errors.Join(err, os.Remove(r.Name()))
	}
	return err
}

// noticed calls read for each Read.
type noticed struct {
	io.Reader
	read func()
}

func (r *noticed) Read(p []byte) (int, error) {
	r.read()
	return r.Reader.Read(p)
}

func versionOfFile(info os.FileInfo) string { return strconv.FormatInt(info.ModTime().UnixNano(), 10) }

func versionOf(resp *http.Response) string {
	if tag := resp.Header.Get("ETag"); tag != "" && !strings.HasPrefix(tag, "W/") {
		return tag
	}
	return resp.Header.Get("Last-Modified")
}

func isHTTP(name string) bool {
	return strings.HasPrefix(name, "http://") || strings.HasPrefix(name, "https://")
}

// object returns what oss://BUCKET/KEY names.
func object(name string) (bucket, key string, ok bool) {
	rest, ok := strings.CutPrefix(name, "oss://")
	bucket, key, _ = strings.Cut(rest, "/")
	return bucket, key, ok
}

// getRange requests bytes of a URL. Its errors do not tell the URL, which may contain a signature.
func getRange(ctx context.Context, rawURL string, offset, length int64) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, rawURL, nil)
	if err != nil {
		return nil, withoutURL(err)
	}
	req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", offset, offset+length-1))
	req.Header.Set("Accept-Encoding", "identity")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, withoutURL(err)
	}
	first := fmt.Sprintf("bytes %d-", offset)
	if resp.StatusCode != http.StatusPartialContent || !strings.HasPrefix(resp.Header.Get("Content-Range"), first) {
		resp.Body.Close()
		return nil, fmt.Errorf("%s: server does not send a range, but %s", source{Name: rawURL}.base(), resp.Status)
	}
	return resp, nil
}

func withoutURL(err error) error {
	var at *url.Error
	if errors.As(err, &at) {
		return fmt.Errorf("%s source: %w", at.Op, at.Err)
	}
	return err
}
