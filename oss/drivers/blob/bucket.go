// Package ossblob is a driver of gocloud.dev/blob: a *blob.Bucket in OSS, from OpenBucket or from a URL such as
// oss://bucket?region=cn-hangzhou; see URLOpener.
//
// # Keys and metadata
//
// The key of a blob is that of its object, unchanged. OSS has no keys that begin with a slash or a backslash, and none
// of more than 1,023 bytes. Names of metadata may have any characters; those that OSS does not take are escaped as --
// and two hexadecimal digits. Values are percent-encoded where needed, and not empty.
//
// # As
//
// The As functions of package blob give these types:
//
//   - Bucket: *oss.Client, *multipart.Uploader
//   - Error: *oss.ServiceError, *oss.ChecksumError, *oss.ChangedError, *multipart.UploadError
//   - ListObject: oss.ObjectEntry
//   - ListOptions.BeforeList: *oss.ListObjectsOptions
//   - Reader: *oss.Object
//   - ReaderOptions.BeforeRead: *oss.GetOptions
//   - Attributes: oss.ObjectInfo
//   - CopyOptions.BeforeCopy: *oss.CopySource, and *oss.ObjectOptions, which then replaces the properties of the source
//   - WriterOptions.BeforeWrite: *oss.ObjectOptions
//   - DeleteOptions.BeforeDelete: *oss.DeleteOptions
//   - SignedURLOptions.BeforeSign: *oss.GetOptions, *oss.ObjectOptions or *oss.DeleteOptions, by the method
//
// A URL that is signed with headers, such as those of oss.ObjectOptions, is valid for requests with the same headers
// only.
package ossblob

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"

	"gocloud.dev/blob"
	"gocloud.dev/blob/driver"
	"gocloud.dev/gcerrors"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
)

// maxPage is the most entries that OSS lists in a page.
const maxPage = 1000

// A bucket is a driver.Bucket.
type bucket struct {
	client   *oss.Client
	uploader *multipart.Uploader
	name     string
}

// OpenBucket returns a bucket. It sends no request. The options are those of its writers, which share their limits; nil
// means the defaults. They take the place of BufferSize and MaxConcurrency of blob.WriterOptions, which are ignored.
func OpenBucket(c *oss.Client, name string, opts *multipart.Options) (*blob.Bucket, error) {
	b, err := openBucket(c, name, opts)
	if err != nil {
		return nil, err
	}
	return blob.NewBucket(b), nil
}

func openBucket(c *oss.Client, name string, opts *multipart.Options) (*bucket, error) {
	if c == nil {
		return nil, errors.New("ossblob: the Client is nil")
	}
	if err := oss.CheckObjectName(name, "x"); err != nil {
		return nil, fmt.Errorf("ossblob: %w", err)
	}
	return &bucket{client: c, uploader: multipart.NewUploader(c, opts), name: name}, nil
}

// Close does nothing: a bucket holds no resources.
func (b *bucket) Close() error { return nil }

// as sets the T that i points to, or reports that i points to something else.
func as[T any](i any, v T) bool {
	p, ok := i.(*T)
	if ok {
		*p = v
	}
	return ok
}

// before calls a hook with access to v.
func before[T any](hook func(func(any) bool) error, v *T) error {
	if hook == nil {
		return nil
	}
	return hook(func(i any) bool { return as(i, v) })
}

// As gives the Client and the Uploader.
func (b *bucket) As(i any) bool { return as(i, b.client) || as(i, b.uploader) }

// ErrorAs gives the errors of packages oss and multipart.
func (b *bucket) ErrorAs(err error, i any) bool { return errors.As(err, i) }

// ErrorCode returns the category of an error.
func (b *bucket) ErrorCode(err error) gcerrors.ErrorCode {
	var refused *oss.ServiceError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return gcerrors.NotFound
	case errors.Is(err, fs.ErrPermission):
		return gcerrors.PermissionDenied
	case !errors.As(err, &refused):
		return gcerrors.Unknown
	case refused.Code == "InvalidObjectState": // archived
		return gcerrors.FailedPrecondition
	}
	switch status := refused.StatusCode; {
	case status == http.StatusConflict, status == http.StatusPreconditionFailed:
		return gcerrors.FailedPrecondition
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return gcerrors.PermissionDenied
	case status == http.StatusBadRequest, status == http.StatusRequestedRangeNotSatisfiable:
		return gcerrors.InvalidArgument
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable:
		return gcerrors.ResourceExhausted
	case status >= 500:
		return gcerrors.Internal
	}
	return gcerrors.Unknown
}

// Attributes describes a blob.
func (b *bucket) Attributes(ctx context.Context, key string) (*driver.Attributes, error) {
	info, err := b.client.HeadObject(ctx, b.name, key, nil)
	if err != nil {
		return nil, err
	}
	metadata := make(map[string]string, len(info.Metadata))
	for name, value := range info.Metadata {
		metadata[decodeName(name)] = decodeValue(value)
	}
	// The ETag is the MD5 of some objects only. OSS sends a Content-MD5 where it is one.
	md5, err := base64.StdEncoding.DecodeString(info.Header.Get("Content-MD5"))
	if err != nil || len(md5) != 16 {
		md5 = nil
	}
	return &driver.Attributes{
		CacheControl:       info.Header.Get("Cache-Control"),
		ContentDisposition: info.Header.Get("Content-Disposition"),
		ContentEncoding:    info.Header.Get("Content-Encoding"),
		ContentLanguage:    info.Header.Get("Content-Language"),
		ContentType:        info.ContentType,
		Metadata:           metadata,
		ModTime:            info.LastModified,
		Size:               info.Size,
		MD5:                md5,
		ETag:               info.ETag,
		AsFunc:             func(i any) bool { return as(i, *info) },
	}, nil
}

// ListPaged lists a page of blobs. Their MD5 is not set.
func (b *bucket) ListPaged(ctx context.Context, opts *driver.ListOptions) (*driver.ListPage, error) {
	list := &oss.ListObjectsOptions{
		Prefix: opts.Prefix, Delimiter: opts.Delimiter,
		Token: string(opts.PageToken), PageSize: min(opts.PageSize, maxPage),
	}
	if err := before(opts.BeforeList, list); err != nil {
		return nil, err
	}
	listed, err := b.client.ListObjects(ctx, b.name, list)
	if err != nil {
		return nil, err
	}
	page := &driver.ListPage{NextPageToken: []byte(listed.Next)}
	for _, e := range listed.Entries {
		page.Objects = append(page.Objects, &driver.ListObject{
			Key: e.Key, ModTime: e.LastModified, Size: e.Size, IsDir: e.IsPrefix,
			AsFunc: func(i any) bool { return as(i, e) },
		})
	}
	return page, nil
}

// A reader is a driver.Reader.
type reader struct {
	io.ReadCloser
	object *oss.Object
}

// As gives the *oss.Object.
func (r *reader) As(i any) bool { return as(i, r.object) }

// Attributes describes the whole blob.
func (r *reader) Attributes() *driver.ReaderAttributes {
	return &driver.ReaderAttributes{
		ContentType: r.object.ContentType, ModTime: r.object.LastModified, Size: r.object.Size,
	}
}

// NewRangeReader reads a blob, or a part of it.
func (b *bucket) NewRangeReader(
	ctx context.Context, key string, offset, length int64, opts *driver.ReaderOptions,
) (driver.Reader, error) {
	get := &oss.GetOptions{Offset: offset, Length: max(length, 0)}
	if err := before(opts.BeforeRead, get); err != nil {
		return nil, err
	}
	if length == 0 { // which OSS cannot be asked for
		head := &oss.HeadOptions{VersionID: get.VersionID, Header: get.Header}
		info, err := b.client.HeadObject(ctx, b.name, key, head)
		if err != nil {
			return nil, err
		}
		return &reader{http.NoBody, &oss.Object{ObjectInfo: *info, Body: http.NoBody, Offset: offset}}, nil
	}
	object, err := b.client.GetObject(ctx, b.name, key, get)
	if err != nil {
		return nil, err
	}
	return &reader{object.Body, object}, nil
}

// Copy copies a blob of any size inside OSS, with its properties.
func (b *bucket) Copy(ctx context.Context, dstKey, srcKey string, opts *driver.CopyOptions) error {
	source := &oss.CopySource{Bucket: b.name, Key: srcKey}
	var properties *oss.ObjectOptions // nil keeps those of the source
	if opts.BeforeCopy != nil {
		err := opts.BeforeCopy(func(i any) bool {
			replaced := new(oss.ObjectOptions)
			if as(i, replaced) {
				properties = replaced
				return true
			}
			return as(i, source)
		})
		if err != nil {
			return err
		}
	}
	_, err := b.uploader.Copy(ctx, b.name, dstKey, *source, properties)
	return err
}

// Delete deletes a blob. OSS does not tell whether there was one, so it is asked first.
func (b *bucket) Delete(ctx context.Context, key string, opts *driver.DeleteOptions) error {
	if _, err := b.client.HeadObject(ctx, b.name, key, nil); err != nil {
		return err
	}
	var options oss.DeleteOptions
	if err := before(opts.BeforeDelete, &options); err != nil {
		return err
	}
	return b.client.DeleteObject(ctx, b.name, key, &options)
}

// SignedURL presigns a request.
func (b *bucket) SignedURL(ctx context.Context, key string, opts *driver.SignedURLOptions) (string, error) {
	var signed *oss.Presigned
	var err error
	switch opts.Method {
	case http.MethodGet:
		var get oss.GetOptions
		if err = before(opts.BeforeSign, &get); err == nil {
			signed, err = b.client.PresignGet(ctx, b.name, key, opts.Expiry, &get)
		}
	case http.MethodPut: // OSS always compares the Content-Type
		put := oss.ObjectOptions{ContentType: opts.ContentType}
		if err = before(opts.BeforeSign, &put); err == nil {
			signed, err = b.client.PresignPut(ctx, b.name, key, opts.Expiry, &put)
		}
	case http.MethodDelete:
		var options oss.DeleteOptions
		if err = before(opts.BeforeSign, &options); err == nil {
			signed, err = b.client.PresignDelete(ctx, b.name, key, opts.Expiry, &options)
		}
	default:
		err = fmt.Errorf("ossblob: method %q cannot be signed", opts.Method)
	}
	if err != nil {
		return "", err
	}
	return signed.URL, nil
}
