package ossblob

import (
	"context"
	"io"

	"gocloud.dev/blob/driver"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
)

// A writer is a driver.Writer and a driver.Uploader.
type writer struct {
	*multipart.Writer
	upload   func(io.Reader) error
	uploaded bool // by Upload, so that Close has nothing to do
}

// NewTypedWriter returns a writer whose Close creates the blob.
func (b *bucket) NewTypedWriter(
	ctx context.Context, key, contentType string, opts *driver.WriterOptions,
) (driver.Writer, error) {
	if contentType == "" && opts.DisableContentTypeDetection {
		contentType = "application/octet-stream" // otherwise it is that of the key's extension
	}
	properties := &oss.ObjectOptions{
		ContentType:        contentType,
		CacheControl:       opts.CacheControl,
		ContentDisposition: opts.ContentDisposition,
		ContentEncoding:    opts.ContentEncoding,
		ContentLanguage:    opts.ContentLanguage,
		ForbidOverwrite:    opts.IfNotExist,
		Metadata:           make(map[string]string, len(opts.Metadata)),
	}
	for name, value := range opts.Metadata {
		properties.Metadata[encodeName(name)] = encodeValue(value)
	}
	if err := before(opts.BeforeWrite, properties); err != nil {
		return nil, err
	}
	return &writer{
		Writer: b.uploader.NewWriter(ctx, b.name, key, properties),
		upload: func(r io.Reader) error {
			_, err := b.uploader.Upload(ctx, b.name, key, r, properties)
			return err
		},
	}, nil
}

// Upload uploads r. A file is read in place, by several goroutines.
func (w *writer) Upload(r io.Reader) error {
	w.uploaded = true
	w.Writer.Abort()
	return w.upload(r)
}

// Close creates the blob, unless the context has ended.
func (w *writer) Close() error {
	if w.uploaded {
		return nil
	}
	return w.Writer.Close()
}
