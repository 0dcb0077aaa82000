package osstusd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/tus/tusd/v2/pkg/handler"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
)

// An upload is what one request knows of an upload, while it holds the lock. OSS holds it in three places: the
// description, the record of a named multipart.Writer with its parts, and at the end the object, which carries the ID.
// One of the last two tells the offset.
type upload struct {
	store  *Store
	info   handler.FileInfo
	found  bool              // the fields below, and the offset in info, are known
	done   bool              // the object exists
	gone   bool              // the upload was terminated
	writer *multipart.Writer // at the offset; nil if it is not open
}

func (u *upload) key() string { return u.info.Storage["Key"] }

// GetInfo describes the upload. Its offset is its size only if the object exists: an upload whose last byte was stored
// before its server was killed is completed first.
func (u *upload) GetInfo(ctx context.Context) (handler.FileInfo, error) {
	err := u.find(ctx)
	return u.info, err
}

// find finds out how far the upload is.
func (u *upload) find(ctx context.Context) error {
	if u.found {
		return nil
	}
	ended := u.info.IsFinal
	if !ended {
		err := u.open(ctx)
		if ended = errors.Is(err, oss.ErrNoSuchUpload) || isStale(err); err != nil && !ended {
			return err
		}
	}
	if ended || u.writer.Upload().ID == "" { // there are no parts: one request may have made the object
		object, err := u.object(ctx)
		if err == nil && (ended || object != nil && u.writer.Size() > 0) {
			err = u.store.uploader.DiscardNamed(ctx, u.info.ID)
		}
		switch {
		case err != nil:
			return err
		case object != nil:
			u.info.Size, u.info.Offset, u.info.SizeIsDeferred = object.Size, object.Size, false
			u.found, u.done = true, true
			return nil
		case ended && !u.info.IsFinal: // it has expired, for example: the client begins again
			return handler.ErrNotFound
		}
	}
	if u.found = true; ended {
		return nil
	}
	if u.info.Offset = u.writer.Size(); u.ends(u.info.Offset) {
		return u.FinishUpload(ctx)
	}
	return nil
}

// isStale reports whether err means that another Writer has replaced parts, because the lock was lost. Then it is not
// known which bytes the parts have.
func isStale(err error) bool {
	return errors.Is(err, multipart.ErrStaleCheckpoint) || errors.Is(err, oss.ErrInvalidPart)
}

// failed returns err, why a Writer failed, and discards parts that are not known.
func (u *upload) failed(ctx context.Context, err error) error {
	if isStale(err) {
		return errors.Join(err, u.store.uploader.DiscardNamed(ctx, u.info.ID))
	}
	return err
}

// open opens the Writer of the upload.
func (u *upload) open(ctx context.Context) (err error) {
	u.writer, err = u.store.uploader.NamedWriter(ctx, u.info.ID, u.store.bucket, u.key(), u.options())
	return err
}

// object returns the object of the upload, or nil if there is none.
func (u *upload) object(ctx context.Context) (*oss.ObjectInfo, error) {
	object, err := u.store.client.HeadObject(ctx, u.store.bucket, u.key(), nil)
	if errors.Is(err, oss.ErrNoSuchKey) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if object.Metadata[idMetadata] != url.PathEscape(u.info.ID) {
		return nil, nil // a later upload to the same key has replaced it
	}
	return object, nil
}

// ends reports whether offset is the end of the upload.
func (u *upload) ends(offset int64) bool { return !u.info.SizeIsDeferred && offset == u.info.Size }

// WriteChunk stores the bytes of src. The last chunk is safe when FinishUpload returns, any other one when WriteChunk
// does: full parts in OSS, and the rest in the record.
func (u *upload) WriteChunk(ctx context.Context, offset int64, src io.Reader) (int64, error) {
	err := u.find(ctx)
	switch {
	case err != nil:
		return 0, err
	case u.done || u.gone || u.info.IsFinal:
		return 0, handler.ErrModifyFinal
	case u.writer == nil:
		if err := u.open(ctx); err != nil {
			return 0, err
		}
	}
	if offset != u.writer.Size() {
		return 0, handler.ErrMismatchOffset
	}
	n, err := u.writer.ReadFrom(src)
	if err == nil && u.ends(offset+n) {
		u.info.Offset += n
		return n, nil
	}
	w := u.writer
	u.writer, u.found = nil, false
	cp, suspendErr := w.Suspend(ctx)
	if suspendErr != nil {
		return 0, u.failed(ctx, suspendErr)
	}
	u.found, u.info.Offset = true, cp.Size
	return cp.Size - offset, err
}

// FinishUpload makes the object of all bytes. If it fails, the next GetInfo finds out whether the object exists.
func (u *upload) FinishUpload(ctx context.Context) error {
	err := u.find(ctx)
	switch {
	case err != nil || u.done:
		return err
	case u.gone:
		return handler.ErrNotFound
	case u.writer == nil:
		if err := u.open(ctx); err != nil {
			return err
		}
	}
	w := u.writer
	u.writer, u.found = nil, false
	if !u.ends(w.Size()) {
		_, err := w.Suspend(ctx)
		return errors.Join(fmt.Errorf("osstusd: upload %s has %d bytes and is not complete", u.info.ID, w.Size()), err)
	}
	if err := w.Close(); err != nil {
		return u.failed(ctx, err)
	}
	u.found, u.done = true, true
	return nil
}

// errIncomplete is what s3store of tusd answers too.
var errIncomplete = handler.NewError("ERR_INCOMPLETE_UPLOAD", "cannot stream non-finished upload",
	http.StatusBadRequest)

// finished returns an error unless the object exists.
func (u *upload) finished(ctx context.Context) error {
	err := u.find(ctx)
	if err == nil && !u.done {
		err = errIncomplete
	}
	return err
}

// GetReader reads the object. The last Read compares its CRC-64.
func (u *upload) GetReader(ctx context.Context) (io.ReadCloser, error) {
	if err := u.finished(ctx); err != nil {
		return nil, err
	}
	object, err := u.store.client.GetObject(ctx, u.store.bucket, u.key(), nil)
	if err != nil {
		return nil, err
	}
	return object.Body, nil
}

// ServeContent serves the object, or the range of it that is requested.
func (u *upload) ServeContent(ctx context.Context, w http.ResponseWriter, r *http.Request) error {
	if err := u.finished(ctx); err != nil {
		return err
	}
	object, err := u.store.client.OpenObject(ctx, u.store.bucket, u.key(), nil)
	if err != nil {
		return err
	}
	defer object.Close()
	w.Header().Set("ETag", object.Info().ETag)
	http.ServeContent(w, r, "", object.Info().LastModified, object)
	return nil
}

// Terminate deletes the parts or the object, and then the description.
func (u *upload) Terminate(ctx context.Context) error {
	if u.writer != nil {
		if err := u.writer.Abort(); err != nil {
			return err
		}
	}
	u.writer, u.found, u.gone = nil, true, true
	if err := u.store.uploader.DiscardNamed(ctx, u.info.ID); err != nil {
		return err
	}
	object, err := u.object(ctx)
	if err == nil && object != nil {
		err = u.store.client.DeleteObject(ctx, u.store.bucket, u.key(), nil)
	}
	if err != nil {
		return err
	}
	return u.store.client.DeleteObject(ctx, u.store.bucket, u.store.infoKey(u.info.ID), nil)
}

// DeclareLength saves the size of an upload that began without.
func (u *upload) DeclareLength(ctx context.Context, length int64) error {
	if length > MaxSize {
		return handler.ErrMaxSizeExceeded
	}
	u.info.Size, u.info.SizeIsDeferred = length, false
	return u.save(ctx, nil)
}

// ConcatUploads makes the object of those of the partial uploads, which stay. The bytes stay inside OSS.
func (u *upload) ConcatUploads(ctx context.Context, partials []handler.Upload) error {
	sources := make([]oss.CopySource, len(partials))
	for i, p := range partials {
		partial, ok := p.(*upload)
		if !ok {
			return fmt.Errorf("osstusd: a partial upload is of another store: %T", p)
		}
		if err := partial.finished(ctx); err != nil {
			return err
		}
		sources[i] = oss.CopySource{Bucket: u.store.bucket, Key: partial.key()}
	}
	res, err := u.store.uploader.Concat(ctx, u.store.bucket, u.key(), sources, u.options())
	if err != nil {
		return err
	}
	u.found, u.done, u.info.Size, u.info.Offset = true, true, res.Size, res.Size
	return nil
}
