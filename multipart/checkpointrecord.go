package multipart

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"

	"github.com/ossmultipart/go-oss/oss"
)

// A checkpointRecord is the place in which a Writer saves its Checkpoint, where other processes find it: a record of
// the Store with the name of a NamedWriter, or the sidecar of the upload. A nil checkpointRecord saves nothing.
type checkpointRecord struct {
	u    *Uploader
	name string       // "" for a sidecar
	last savedAs      // the Checkpoint that the Writer has loaded or saved last; zero if none
	kept bool         // there may be a record
	side *ObjectStore // of the sidecar; nil before it is used
}

// A savedAs identifies a Checkpoint.
type savedAs struct {
	upload oss.Upload
	digest string
}

func (cp *Checkpoint) id() savedAs { return savedAs{cp.Upload, cp.Digest} }

func (r *checkpointRecord) named() bool   { return r != nil && r.name != "" }
func (r *checkpointRecord) sidecar() bool { return r != nil && r.name == "" }

// SidecarKey returns the key of the object in which a Writer with Options.Sidecar saves its Checkpoint. It is up.Key
// followed by ".upload-" and 32 hexadecimal digits, which depend on the upload ID.
func SidecarKey(up oss.Upload) string {
	sum := sha256.Sum256([]byte(up.ID))
	return up.Key + ".upload-" + hex.EncodeToString(sum[:16])
}

// place returns the Store that has the record, and the id of the record.
func (r *checkpointRecord) place(j *job) (Store, string) {
	if r.named() {
		return r.u.opts.Store, r.name
	}
	up := j.plan.Upload
	if r.side == nil {
		r.side = &ObjectStore{client: r.u.client, bucket: up.Bucket, header: j.options.common}
		r.side.key = func(string) string { return SidecarKey(up) }
	}
	return r.side, up.String()
}

// load returns the Checkpoint that was saved, or nil if there is none.
func (r *checkpointRecord) load(ctx context.Context, j *job) (*Checkpoint, error) {
	store, id := r.place(j)
	var saved Plan
	err := j.guard.do(func() (err error) { saved, err = store.Load(ctx, id); return err })
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("multipart: reading the checkpoint of %s: %w", oneLine(id), err)
	case saved.Checkpoint == nil || saved.Upload != saved.Checkpoint.Upload,
		saved.Upload.Bucket != j.plan.Upload.Bucket || saved.Upload.Key != j.plan.Upload.Key,
		r.sidecar() && saved.Upload != j.plan.Upload:
		return nil, fmt.Errorf("multipart: the record %s is not a checkpoint of this upload", oneLine(id))
	}
	return saved.Checkpoint, nil
}

// loaded notes that the Writer continues cp.
func (r *checkpointRecord) loaded(cp *Checkpoint) {
	if r != nil {
		r.last, r.kept = cp.id(), true
	}
}

// save saves the Checkpoint of s, unless another Writer has saved one since this one has. The check and the change are
// one step if the Store can lock.
func (r *checkpointRecord) save(ctx context.Context, j *job, s *session) error {
	if r == nil {
		return nil
	}
	store, id := r.place(j)
	if locker, ok := store.(RecordLocker); ok && r.named() {
		var unlock func()
		err := j.guard.do(func() (err error) { unlock, err = locker.Lock(ctx, id); return err })
		if err != nil {
			return fmt.Errorf("locking the checkpoint: %w", err)
		}
		defer unlock()
	}
	saved, err := r.load(ctx, j)
	if err != nil {
		return err
	}
	if saved != nil && saved.id() != r.last {
		return fmt.Errorf("%w: one of %d bytes has been saved as %s", ErrStaleCheckpoint, saved.Size, oneLine(id))
	}
	cp := j.checkpoint(s)
	r.kept = true
	if err := j.guard.do(func() error { return store.Save(ctx, id, cp.plan()) }); err != nil {
		return fmt.Errorf("saving the checkpoint: %w", err)
	}
	r.last = cp.id()
	return nil
}

// delete deletes the Checkpoint of an upload that has ended.
func (r *checkpointRecord) delete(ctx context.Context, j *job) {
	if r == nil || !r.kept {
		return
	}
	store, id := r.place(j)
	ctx, cancel := r.u.cleanupContext(ctx)
	defer cancel()
	drop := func() error { return deleteIf(ctx, store, id, j.plan.Upload) }
	if r.sidecar() { // which no other upload has
		if r.last == (savedAs{}) {
			store.Load(ctx, id) // learns whether there are versions
		}
		drop = func() error { return store.Delete(ctx, id) }
	}
	if err := j.guard.do(drop); err != nil {
		j.warn("cannot delete the checkpoint of an ended upload", j.plan.Upload, err)
	}
}
