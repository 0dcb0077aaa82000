package oss

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
)

// OpenOptions are the options of OpenObject. The zero value and nil are the defaults.
type OpenOptions struct {
	VersionID string      // empty means the current version
	Header    http.Header // further headers, sent with every request
}

// An ObjectReader reads an object that is not held in memory: it implements io.ReadSeekCloser and io.ReaderAt, and is a
// Body and a ContextBody, so that its bytes can be sent elsewhere. All of its reads are of the object that OpenObject
// found; a *ChangedError says that it has been replaced or deleted.
//
// ReadAt and ReadAtContext are safe for concurrent use. Read, Seek and Close are not.
type ObjectReader struct {
	client *Client
	ctx    context.Context
	info   ObjectInfo
	opts   OpenOptions
	offset int64         // of the next Read
	body   io.ReadCloser // at offset; nil before the first Read, and after a Seek elsewhere
	closed bool
}

// OpenObject opens an object for reading from any position. It sends one HeadObject. Each ReadAt sends a request for
// its bytes, and the first Read after a Seek sends one for the rest of the object. Reads that follow one another from
// the start to the end are verified by the CRC-64 of the whole object. Other reads are not. ctx applies to all later
// reads except those of ReadAtContext.
//
// See https://help.aliyun.com/en/oss/developer-reference/getobject
func (c *Client) OpenObject(ctx context.Context, bucket, key string, opts *OpenOptions) (*ObjectReader, error) {
	r := &ObjectReader{client: c, ctx: ctx}
	if opts != nil {
		r.opts = OpenOptions{VersionID: opts.VersionID, Header: opts.Header.Clone()}
	}
	info, err := c.HeadObject(ctx, bucket, key, &HeadOptions{VersionID: r.opts.VersionID, Header: r.opts.Header})
	if err != nil {
		return nil, err
	}
	if info.Size < 0 {
		return nil, fmt.Errorf("oss: OpenObject %s: OSS does not tell the size", resource(bucket, key))
	}
	r.info = *info
	return r, nil
}

// Info describes the object.
func (r *ObjectReader) Info() ObjectInfo { return r.info }

// Size returns the bytes of the object.
func (r *ObjectReader) Size() int64 { return r.info.Size }

// get requests bytes of the object: length 0 means to the end.
func (r *ObjectReader) get(ctx context.Context, offset, length int64) (*Object, error) {
	obj, err := r.client.GetObject(ctx, r.info.Bucket, r.info.Key, &GetOptions{
		VersionID: r.opts.VersionID, Offset: offset, Length: length, IfMatch: r.info.ETag, Header: r.opts.Header,
	})
	if err != nil {
		return nil, asChanged(err, &r.info, offset)
	}
	return obj, nil
}

var errClosedReader = fmt.Errorf("oss: ObjectReader: %w", fs.ErrClosed)

// Read reads from the current position on.
func (r *ObjectReader) Read(p []byte) (int, error) {
	switch {
	case r.closed:
		return 0, errClosedReader
	case r.offset >= r.info.Size && r.body == nil:
		return 0, io.EOF
	}
	if r.body == nil {
		obj, err := r.get(r.ctx, r.offset, 0)
		if err != nil {
			return 0, err
		}
		r.body = obj.Body
	}
	n, err := r.body.Read(p)
	r.offset += int64(n)
	return n, err
}

// Seek sets the position of the next Read. It sends no request. A position past the end is allowed, as with files.
func (r *ObjectReader) Seek(offset int64, whence int) (int64, error) {
	if r.closed {
		return 0, errClosedReader
	}
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		offset += r.offset
	case io.SeekEnd:
		offset += r.info.Size
	default:
		return 0, fmt.Errorf("oss: ObjectReader.Seek: whence %d is invalid", whence)
	}
	if offset < 0 {
		return 0, errors.New("oss: ObjectReader.Seek: position is negative")
	}
	if offset != r.offset && r.body != nil {
		r.body.Close()
		r.body = nil
	}
	r.offset = offset
	return offset, nil
}

// ReadAt reads len(p) bytes at an offset, in one request. It does not move the position of Read.
func (r *ObjectReader) ReadAt(p []byte, off int64) (int, error) {
	return r.ReadAtContext(r.ctx, p, off)
}

// ReadAtContext is ReadAt with a context of its own.
func (r *ObjectReader) ReadAtContext(ctx context.Context, p []byte, off int64) (int, error) {
	switch {
	case r.closed:
		return 0, errClosedReader
	case off < 0:
		return 0, errors.New("oss: ObjectReader.ReadAt: offset is negative")
	case len(p) == 0:
		return 0, nil
	case off >= r.info.Size:
		return 0, io.EOF
	}
	want := p[:min(int64(len(p)), r.info.Size-off)]
	obj, err := r.get(ctx, off, int64(len(want)))
	if err != nil {
		return 0, err
	}
	defer obj.Body.Close()
	n, err := io.ReadFull(obj.Body, want)
	if err == nil && n < len(p) {
		err = io.EOF
	}
	return n, err
}

// Close ends reading.
func (r *ObjectReader) Close() error {
	if r.closed {
		return errClosedReader
	}
	r.closed = true
	if r.body == nil {
		return nil
	}
	return r.body.Close()
}
