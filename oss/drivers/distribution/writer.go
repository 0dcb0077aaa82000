package ossdistribution

import (
	"context"
	"errors"
	"fmt"
	"slices"

	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"

	"github.com/ossmultipart/go-oss/multipart"
	"github.com/ossmultipart/go-oss/oss"
)

// Writer implements storagedriver.StorageDriver. The FileWriter is a Writer of package multipart: Close suspends it,
// and a Writer that appends, in whichever process, continues it. What a registry must know for that is the path, so the
// upload is found by its key, and its Checkpoint is in a sidecar.
//
// Without append the path has no unfinished uploads afterwards but the new one. With append it must have one that was
// closed, or an object: an empty one is replaced, and to one that is not empty nothing can be appended. Such an object
// may be that of a Commit after which the registry was killed, so another Commit without a Write succeeds.
func (d *driver) Writer(ctx context.Context, path string, appends bool) (storagedriver.FileWriter, error) {
	key := d.key(path)
	uploads, err := d.unfinished(ctx, key)
	if err != nil {
		return nil, err
	}
	w := &writer{driver: d, key: key}
	// A request that is cancelled ends no Writer: the bytes that it brought are kept.
	w.ctx, w.cancel = context.WithCancel(context.WithoutCancel(ctx))
	if !appends {
		for _, up := range uploads {
			if err := d.discard(ctx, up); err != nil {
				return nil, err
			}
		}
		return w.begun(), nil
	}
	for _, up := range uploads {
		suspended, err := d.client.Exists(ctx, d.bucket, multipart.SidecarKey(up), nil)
		if err != nil {
			return nil, err
		}
		if suspended { // otherwise the reply to its initiation was lost, or its process was killed before any Close
			if w.upload, err = d.uploader.OpenWriter(w.ctx, up, d.object()); err != nil {
				return nil, notFound(path, err)
			}
			return w, nil
		}
	}
	info, err := d.client.HeadObject(ctx, d.bucket, key, nil)
	if err != nil {
		return nil, notFound(path, err)
	}
	if info.Size == 0 {
		return w.begun(), nil
	}
	w.committed, w.size = true, info.Size
	return w, nil
}

// unfinished returns the unfinished uploads of key, the newest first.
func (d *driver) unfinished(ctx context.Context, key string) (uploads []oss.Upload, err error) {
	var found []oss.UploadInfo
	for up, err := range d.client.Uploads(ctx, d.bucket, &oss.ListUploadsOptions{Prefix: key}) {
		if err != nil {
			return nil, err
		}
		if up.Key == key {
			found = append(found, up)
		}
	}
	slices.SortStableFunc(found, func(a, b oss.UploadInfo) int { return b.Initiated.Compare(a.Initiated) })
	for _, up := range found {
		uploads = append(uploads, up.Upload)
	}
	return uploads, nil
}

// discard aborts an upload, and deletes its sidecar.
func (d *driver) discard(ctx context.Context, up oss.Upload) error {
	return d.uploader.DiscardWriter(ctx, &multipart.Checkpoint{Upload: up, Sidecar: true})
}

// A writer is a storagedriver.FileWriter.
type writer struct {
	driver *driver
	key    string
	upload *multipart.Writer // nil if the object was committed before
	ctx    context.Context   // of upload
	cancel context.CancelFunc

	changed   bool  // there is something that no Close has saved
	committed bool  // the object exists
	ended     bool  // by Close, Commit or Cancel
	size      int64 // of an object that was committed before
}

// begun makes w write a new object. Its first Close must save it even if it has no bytes, for others to append.
func (w *writer) begun() *writer {
	w.upload = w.driver.uploader.NewWriter(w.ctx, w.driver.bucket, w.key, w.driver.object())
	w.changed = true
	return w
}

// Size implements storagedriver.FileWriter.
func (w *writer) Size() int64 {
	if w.upload == nil {
		return w.size
	}
	return w.upload.Size()
}

var (
	errEnded     = errors.New("the writer is closed, committed or cancelled")
	errCommitted = errors.New("the path has been committed, and OSS cannot append to its object")
)

// Write implements storagedriver.FileWriter. Parts are sent in the background, and an error may be that of an earlier
// part.
func (w *writer) Write(p []byte) (int, error) {
	switch {
	case w.ended:
		return 0, errEnded
	case w.committed && len(p) > 0:
		return 0, fmt.Errorf("%d bytes at offset %d: %w", len(p), w.size, errCommitted)
	case len(p) == 0:
		return 0, nil
	}
	w.changed = true
	return w.upload.Write(p)
}

// Close implements storagedriver.FileWriter. Unless it was committed or cancelled, OSS holds all bytes after that, and
// a Writer that appends continues. A Writer that has written nothing changes nothing: it may belong to a request for
// the status of an upload that another Writer is continuing. Another Close does nothing.
func (w *writer) Close() error {
	if w.ended {
		return nil
	}
	w.ended = true
	defer w.cancel()
	if w.committed || !w.changed {
		return nil
	}
	_, err := w.upload.Suspend(w.ctx)
	return err
}

// Commit implements storagedriver.FileWriter. The object exists only if the error is nil. If Commit fails, the bytes of
// the last Close are kept.
func (w *writer) Commit(ctx context.Context) error {
	if w.ended {
		return errEnded
	}
	w.ended = true
	defer w.cancel()
	if w.committed {
		return nil
	}
	defer context.AfterFunc(ctx, w.cancel)()
	if err := w.upload.Close(); err != nil {
		return err
	}
	w.committed = true
	return nil
}

// Cancel implements storagedriver.FileWriter. It removes all that was written: the upload, whether or not the writer is
// closed, or the object if it was committed, as a registry demands if its digest is wrong.
func (w *writer) Cancel(ctx context.Context) error {
	w.ended = true
	defer w.cancel()
	if w.committed {
		return w.driver.client.DeleteObject(ctx, w.driver.bucket, w.key, nil)
	}
	if err := w.upload.Abort(); err != nil {
		return err
	}
	if up := w.upload.Upload(); up.ID != "" { // of a Writer that was closed, or whose Commit has failed
		return w.driver.discard(ctx, up)
	}
	return nil
}
