// Package ossobjstore is a driver of github.com/thanos-io/objstore, the interface through which Thanos, Cortex, Mimir
// and Loki reach object storage.
package ossobjstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/thanos-io/objstore"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
)

// A Bucket is an objstore.Bucket. It is safe for concurrent use.
type Bucket struct {
	client   *oss.Client
	uploader *multipart.Uploader
	name     string
}

var _ objstore.Bucket = (*Bucket)(nil)

// New returns a bucket. It sends no request. The options are those of its uploads, which share their limits; nil means
// the defaults.
func New(c *oss.Client, bucket string, opts *multipart.Options) (*Bucket, error) {
	if c == nil {
		return nil, errors.New("ossobjstore: the Client is nil")
	}
	if err := oss.CheckObjectName(bucket, "x"); err != nil {
		return nil, fmt.Errorf("ossobjstore: %w", err)
	}
	return &Bucket{client: c, uploader: multipart.NewUploader(c, opts), name: bucket}, nil
}

// Name returns the name of the bucket.
func (b *Bucket) Name() string { return b.name }

// Provider returns objstore.ALIYUNOSS.
func (b *Bucket) Provider() objstore.ObjProvider { return objstore.ALIYUNOSS }

// Close does nothing: a Bucket holds no resources.
func (b *Bucket) Close() error { return nil }

// Upload creates or replaces an object. A nil error means that it holds exactly the bytes of r; see
// multipart.Uploader.Upload.
func (b *Bucket) Upload(ctx context.Context, name string, r io.Reader, opts ...objstore.ObjectUploadOption) error {
	_, err := b.uploader.Upload(ctx, b.name, name, r, &oss.ObjectOptions{
		ContentType: objstore.ApplyObjectUploadOptions(opts...).ContentType,
	})
	return err
}

// Delete deletes an object. As on S3, an object that does not exist is no error.
func (b *Bucket) Delete(ctx context.Context, name string) error {
	return b.client.DeleteObject(ctx, b.name, name, nil)
}

// Get opens an object. The last Read compares its CRC-64. The result is an objstore.ObjectSizer.
func (b *Bucket) Get(ctx context.Context, name string) (io.ReadCloser, error) {
	return b.GetRange(ctx, name, 0, -1)
}

// GetRange opens length bytes of an object from off on, or all of them if length is -1. A range that ends behind the
// object is truncated, and one that begins there is an error. The result is an objstore.ObjectSizer.
func (b *Bucket) GetRange(ctx context.Context, name string, off, length int64) (io.ReadCloser, error) {
	switch length {
	case -1:
		length = 0
	case 0: // which OSS cannot be asked for
		_, err := b.Attributes(ctx, name)
		return objstore.NopCloserWithSize(strings.NewReader("")), err
	}
	object, err := b.client.GetObject(ctx, b.name, name, &oss.GetOptions{Offset: off, Length: length})
	if err != nil {
		return nil, err
	}
	sized := objstore.ObjectSizerReadCloser{ReadCloser: object.Body}
	if object.Length >= 0 {
		sized.Size = func() (int64, error) { return object.Length, nil }
	}
	return sized, nil
}

// Exists reports whether an object exists.
func (b *Bucket) Exists(ctx context.Context, name string) (bool, error) {
	return b.client.Exists(ctx, b.name, name, nil)
}

// Attributes returns the size of an object and when it was written.
func (b *Bucket) Attributes(ctx context.Context, name string) (objstore.ObjectAttributes, error) {
	info, err := b.client.HeadObject(ctx, b.name, name, nil)
	if err != nil {
		return objstore.ObjectAttributes{}, err
	}
	return objstore.ObjectAttributes{Size: info.Size, LastModified: info.LastModified}, nil
}

// IsObjNotFoundErr reports whether err means that an object does not exist. A bucket that does not exist is another
// error.
func (b *Bucket) IsObjNotFoundErr(err error) bool {
	return errors.Is(err, fs.ErrNotExist) && !errors.Is(err, oss.ErrNoSuchBucket)
}

// IsAccessDeniedErr reports whether err means that the keys have no permission.
func (b *Bucket) IsAccessDeniedErr(err error) bool { return errors.Is(err, fs.ErrPermission) }

// SupportedIterOptions returns objstore.Recursive and objstore.UpdatedAt.
func (b *Bucket) SupportedIterOptions() []objstore.IterOptionType {
	return []objstore.IterOptionType{objstore.Recursive, objstore.UpdatedAt}
}

// Iter calls f with the names of the objects and directories in dir, sorted.
func (b *Bucket) Iter(ctx context.Context, dir string, f func(string) error, opts ...objstore.IterOption) error {
	return b.IterWithAttributes(ctx, dir, func(a objstore.IterObjectAttributes) error { return f(a.Name) }, opts...)
}

// IterWithAttributes calls f for the objects and directories in dir, sorted by name. The object that marks an empty
// directory is not in it. Directories have no LastModified.
func (b *Bucket) IterWithAttributes(
	ctx context.Context, dir string, f func(objstore.IterObjectAttributes) error, opts ...objstore.IterOption,
) error {
	if err := objstore.ValidateIterOptions(b.SupportedIterOptions(), opts...); err != nil {
		return err
	}
	list, params := &oss.ListObjectsOptions{Delimiter: objstore.DirDelim}, objstore.ApplyIterOptions(opts...)
	if params.Recursive {
		list.Delimiter = ""
	}
	if dir != "" {
		list.Prefix = strings.TrimSuffix(dir, objstore.DirDelim) + objstore.DirDelim
	}
	for entry, err := range b.client.Objects(ctx, b.name, list) {
		if err != nil {
			return err
		}
		if entry.Key == list.Prefix {
			continue
		}
		found := objstore.IterObjectAttributes{Name: entry.Key}
		if params.LastModified {
			found.SetLastModified(entry.LastModified)
		}
		if err := f(found); err != nil {
			return err
		}
	}
	return nil
}
